r"""The file `tail` of a log: the entries that fill no bundle yet, and how it is read after whatever happened to it.

All integers are big-endian. The file begins with `steward log tail 1\\n`, the mark (4 random bytes), the index of its first
entry in the log (8 bytes), and the CRC-32 of all that (4 bytes). Each entry follows as the mark, its number within the file
(4 bytes), the number of the first entry that was written at once with it (4), its length (2), the CRC-32 of these fields and of the entry (4),
and the entry.

The file itself is made whole or not at all, and what is written at once is waited for before more is written. So where a
record is broken, nothing that was acknowledged follows, unless a later record says that it does: then the file was damaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

from .errors import LogDamaged

TAIL: Final = "tail"
MARK_BYTES: Final = 4
_MAGIC: Final = b"steward log tail 1\n"
_HEADER: Final = Struct(f">{len(_MAGIC)}s{MARK_BYTES}sQI")
_RECORD: Final = Struct(f">{MARK_BYTES}sIIHI")
_CRC: Final = Struct(">I")
_CHECKED: Final = _RECORD.size - _CRC.size
"""How many bytes of a record's header go into its sum."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What a tail file has: its mark, the index of its first entry, its entries, where they end, and how many bytes follow."""

    mark: bytes
    start: int
    entries: tuple[bytes, ...]
    length: int
    rest: int


def encode_tail(mark: bytes, start: int, entries: Sequence[bytes] = ()) -> bytes:
    """Write a file of entries that were all acknowledged before."""
    header = _HEADER.pack(_MAGIC, mark, start, 0)[: -_CRC.size]
    return b"".join((header, _CRC.pack(crc32(header)), encode_records(mark, 0, entries)))


def encode_records(mark: bytes, number: int, entries: Sequence[bytes]) -> bytes:
    """Write entries that are acknowledged together, the first of which has a number within the file."""
    parts: list[bytes] = []
    for at, entry in enumerate(entries, number):
        header = _RECORD.pack(mark, at, number, len(entry), 0)[:_CHECKED]
        parts += (header, _CRC.pack(crc32(entry, crc32(header))), entry)
    return b"".join(parts)


def decode_tail(data: bytes) -> Tail:
    """Read a file as far as it was written whole.

    Raises:
        LogDamaged: it is no tail, or something is broken that had been acknowledged.
    """
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise LogDamaged(TAIL, "it does not begin as it has to")
    _, mark, start, checksum = _HEADER.unpack_from(data)
    if crc32(data[: _HEADER.size - _CRC.size]) != checksum:
        raise LogDamaged(TAIL, "its header is damaged")
    entries: list[bytes] = []
    at = _HEADER.size
    while (record := _read(data, at, mark)) is not None and record[0] == len(entries):
        entries.append(record[2])
        at += _RECORD.size + len(record[2])
    _check_rest(data, at, mark, start, len(entries))
    return Tail(mark, start, tuple(entries), at, len(data) - at)


def _read(data: bytes, at: int, mark: bytes) -> tuple[int, int, bytes] | None:
    """Return the number of a record, that of the first that was written with it, and its entry; None if none is there whole."""
    if at + _RECORD.size > len(data):
        return None
    found, number, first, length, checksum = _RECORD.unpack_from(data, at)
    entry = data[at + _RECORD.size : at + _RECORD.size + length]
    if found != mark or len(entry) != length or crc32(entry, crc32(data[at : at + _CHECKED])) != checksum:
        return None
    return number, first, entry


def _check_rest(data: bytes, at: int, mark: bytes, start: int, count: int) -> None:
    """Look at what follows the last good record, to tell what was never written whole from what was damaged.

    Raises:
        LogDamaged: a record there was written after a missing one had been acknowledged.
    """
    broken = at
    while (at := data.find(mark, at)) >= 0:
        record = _read(data, at, mark)
        if record is not None and record[1] > count:
            where = f"entry {start + count}"
            raise LogDamaged(where, f"it is damaged, at byte {broken} of {TAIL}")
        at += 1
