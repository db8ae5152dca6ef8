"""CRC-16/ARC (polynomial 0x8005 reflected, from zero, not inverted): what a P1 telegram ends with (DSMR 5.0.2 P1, section 6.2)."""

from typing import Final


def _one(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0xA001 if byte & 1 else 0)
    return byte


_LAST: Final = tuple(_one(byte) for byte in range(256))
"""What a byte adds if no other one follows."""
_LAST_BUT_ONE: Final = tuple((_LAST[_LAST[byte] & 0xFF]) ^ (_LAST[byte] >> 8) for byte in range(256))
"""What a byte adds if one other follows."""


def crc16(data: bytes) -> int:
    """Return the check sum of bytes.

    Two bytes at a time, since two are as wide as the sum: half as many steps of the interpreter. (`binascii.crc_hqx` has another polynomial.)
    """
    crc = 0
    first, second = _LAST_BUT_ONE, _LAST
    for one, other in zip(data[::2], data[1::2], strict=False):
        crc = first[(crc & 0xFF) ^ one] ^ second[(crc >> 8) ^ other]
    if len(data) & 1:
        crc = _LAST[(crc ^ data[-1]) & 0xFF] ^ (crc >> 8)
    return crc
