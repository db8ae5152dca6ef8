"""Seven bits and even parity out of eight bits and none: what the first meters send, read as all others are.

A line of 7 data bits and a parity bit looks like one of 8 data bits. So one setting of a port serves both, and parity is checked here.
"""

from typing import Final


def _seven(byte: int) -> int:
    return 0 if byte.bit_count() & 1 else byte & 0x7F


_SEVEN: Final = bytes(_seven(byte) for byte in range(256))


def seven_bits(data: bytes) -> bytes:
    """Return bytes without their parity bits; one whose parity is wrong becomes 0, which no telegram has."""
    return data.translate(_SEVEN)


def with_parity(data: bytes) -> bytes:
    """Return bytes of seven bits with even parity, as a meter sends them."""
    return bytes(byte | (byte.bit_count() & 1) << 7 for byte in data)
