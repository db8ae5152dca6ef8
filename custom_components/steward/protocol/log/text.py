"""What the text formats of logs have in common: one way only to write a number, a hash, a name."""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable
import re
from typing import Final

from .errors import LogError
from .tree import HASH_BYTES, MAX_SIZE

_DECIMAL: Final = re.compile("0|[1-9][0-9]{0,18}")
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f\ud800-\udfff]{1,255}")
"""A key's name: no spaces (Unicode's too), no plus, no control characters."""

type Malformed = Callable[[str, str], LogError]
"""Makes the error of a format from where and what."""


def write_base64(data: bytes) -> str:
    """Write bytes in base64."""
    return b64encode(data).decode()


def read_base64(text: str, where: str, malformed: Malformed) -> bytes:
    """Read base64 as only one text can be: padded, without white space, the unused bits zero."""
    try:
        data = b64decode(text, validate=True)
    except (Error, ValueError):
        raise malformed(where, "it is not base64") from None
    if write_base64(data) != text:
        raise malformed(where, "it is not written as base64 has to be")
    return data


def read_hash(text: str, where: str, malformed: Malformed) -> bytes:
    """Read a hash in base64."""
    data = read_base64(text, where, malformed)
    if len(data) != HASH_BYTES:
        raise malformed(where, f"{len(data)} bytes are no hash")
    return data


def read_decimal(text: str, where: str, malformed: Malformed) -> int:
    """Read a number of up to 63 bits: ASCII digits, no sign, no leading zero."""
    if not _DECIMAL.fullmatch(text) or (number := int(text)) > MAX_SIZE:
        raise malformed(where, "it is not a decimal number")
    return number


def is_key_name(text: str) -> bool:
    """Whether a key may be named so."""
    return _NAME.fullmatch(text) is not None
