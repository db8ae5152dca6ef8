"""What is published of a checkpoint outside the house: IPFS blocks and their CIDs, and the memos that carry a CID into a ledger.

CIDs are computed here, so that they are known, written down and published before any IPFS node has the blocks. A block is whole: what is
too long for one isn't published. The chain and the memos are those of the seed's teller, so that whoever follows its chains can
follow these: each block names the one before in its first line.
"""

from base64 import b32encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

CHUNK: Final = 262_144
"""Bytes of a file that make one block, IPFS's own measure."""
MAX_BLOCK: Final = 1 << 20
"""Bytes of a raw block that nodes exchange at most."""
MEMO: Final = 28
"""Bytes of one text memo of Stellar's."""

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SHA256: Final = b"\x12\x20"
_RAW_V1: Final = b"\x01\x55"
_CHAIN: Final = b"IPFSHASHCHAIN: "
_MEMO: Final = "IPFSHASH: "


def raw_cid(block: bytes) -> str:
    """Return the CIDv1 of a raw block (sha2-256, base32): `bafkrei…`.

    Raises:
        ValueError: it is too long for one block.
    """
    if len(block) > MAX_BLOCK:
        raise ValueError(len(block))
    cid = _RAW_V1 + _SHA256 + sha256(block).digest()
    return "b" + b32encode(cid).decode().rstrip("=").lower()


def file_cid(content: bytes) -> str:
    """Return the CIDv0 of a file that fits into one block: `Qm…`, 46 characters.

    That block is a dag-pb node without links, whose data is a UnixFS message: type 2 (a file), content, and its length.

    Raises:
        ValueError: it would be more than one block.
    """
    if len(content) > CHUNK:
        raise ValueError(len(content))
    data = b"\x12" + _varint(len(content)) + content if content else b""
    message = b"\x08\x02" + data + b"\x18" + _varint(len(content))
    return _base58(_SHA256 + sha256(b"\x0a" + _varint(len(message)) + message).digest())


@dataclass(frozen=True, slots=True)
class Link:
    """One checkpoint's place in the chain: its signed note, and the CIDv0 of the link before, None for the first."""

    note: bytes
    previous: str | None = None

    @property
    def content(self) -> bytes:
        """The file that is published."""
        return (_CHAIN + self.previous.encode() + b"\n" if self.previous else b"") + self.note

    @property
    def cid(self) -> str:
        """The CIDv0 of that file, which the next link names."""
        return file_cid(self.content)

    @property
    def note_cid(self) -> str:
        """The CIDv1 of the note alone, which any tool for signed notes reads."""
        return raw_cid(self.note)


def memos(cid: str) -> tuple[str, str]:
    """Return the two memos, of 28 bytes each, that a CIDv0 is published with.

    Raises:
        ValueError: it is no CIDv0.
    """
    text = _MEMO + cid
    if len(text) != 2 * MEMO or not cid.startswith("Qm") or not set(cid) <= set(_BASE58):
        raise ValueError(cid)
    return text[:MEMO], text[MEMO:]


def read_memos(first: str, second: str) -> str | None:
    """Return the CIDv0 that two memos carry; None if they carry none."""
    cid = (first + second).removeprefix(_MEMO)
    try:
        return cid if memos(cid) == (first, second) else None
    except ValueError:
        return None


def _varint(number: int) -> bytes:
    """Write a number as protocol buffers do: seven bits per byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def _base58(data: bytes) -> str:
    """Write bytes in Bitcoin's base 58. None that are written here begins with a zero byte, which would want more."""
    number, out = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        out = _BASE58[digit] + out
    return out
