"""ULIDs: identifiers of events and installations that sort by the time they were made (github.com/ulid/spec)."""

import re
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PATTERN: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
RANDOM_BYTES: Final = 10


def ulid(milliseconds: int, random: bytes) -> str:
    """Return the ULID of a Unix time in milliseconds (48 bits) and ten random bytes.

    Raises:
        ValueError: the time does not fit, or there are not ten bytes.
    """
    if not 0 <= milliseconds < 2**48 or len(random) != RANDOM_BYTES:
        message = "a ULID is a time of 48 bits and ten random bytes"
        raise ValueError(message)
    number = milliseconds << 80 | int.from_bytes(random)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
