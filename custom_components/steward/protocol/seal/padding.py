"""Padding to classes, so that the length of an entry says little about the meter (ISO/IEC 7816-4: a one bit, then zeros).

Two classes per power of two: 128, 192, 256, 384, … 49,152, and the largest, which fills an entry of a log: padding adds a half at most
(above 128 bytes).
"""

from typing import Final

from .errors import Fault, SealError

LARGEST: Final = 0xFF00
CLASSES: Final = (*(size for power in range(7, 16) for size in (1 << power, 3 << power - 1)), LARGEST)
MAX_BYTES: Final = LARGEST - 1
"""The longest content: one byte ends it."""
_END: Final = b"\x80"


def pad(content: bytes) -> bytes:
    """Return the content padded to the smallest class that holds it.

    Raises:
        SealError: it is too long (`MAX_BYTES`).
    """
    if len(content) > MAX_BYTES:
        raise SealError(Fault.TOO_LONG, "entry", f"{len(content)} bytes, where {MAX_BYTES} are allowed")
    return (content + _END).ljust(next(size for size in CLASSES if size > len(content)), b"\0")


def unpad(padded: bytes) -> bytes:
    """Return the content of what `pad` made.

    Raises:
        SealError: it did not.
    """
    content = padded.rstrip(b"\0")[:-1]
    if len(content) > MAX_BYTES or pad(content) != padded:
        raise SealError(Fault.MALFORMED, "padding", "it is not what such an entry ends with")
    return content
