"""The programs of Steward that run outside Home Assistant."""

__version__ = "0.1.0"
