"""The modules that come with the daemon."""
