"""Length-prefixed parts: what is authenticated together can't be cut in two ways."""

from typing import Final

DOMAIN: Final = "github.com/steward-house/meter"
"""What every label here begins with, so that nothing made for one use passes for another."""
INDEX_BYTES: Final = 8


def framed(*parts: bytes) -> bytes:
    """Return the parts, each behind its length (four bytes, big-endian)."""
    return b"".join([len(part).to_bytes(4) + part for part in parts])


def label(use: str) -> bytes:
    """Return the label of a use, with its version."""
    return f"{DOMAIN}/{use}/v1".encode()


def number(value: int) -> bytes:
    """Return an index or a count as eight bytes, big-endian."""
    return value.to_bytes(INDEX_BYTES)
