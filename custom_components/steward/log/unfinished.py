"""Keeps the entries of a log that fill no bundle yet, in its file `tail`, and lets them be acknowledged.

After an error of the disk nothing is believed that memory holds of the file: it is read again, and written anew, before it is appended to.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from ..protocol.log.tiles import WIDTH
from .check import read_bundle
from .errors import LogDamaged
from .fs import File, Folder
from .tail import MARK_BYTES, TAIL, decode_tail, encode_records, encode_tail


class Unfinished:
    """The end of a log: the entries from `start` on, all of which are on the disk. More than a bundle's where none could be written."""

    def __init__(self, home: Folder, random: Callable[[int], bytes]) -> None:
        """Begin without any."""
        self.start = 0
        self.entries: list[bytes] = []
        self._home = home
        self._random = random
        self._mark = b""
        self._length = 0
        self._file: File | None = None

    def load(self) -> int | None:
        """Read the file; return how many bytes after the last whole entry are to be cut off, None if there is no file.

        Raises:
            LogDamaged: it is broken where something had been acknowledged.
        """
        data = self._home.fs.read(self._home.path / TAIL)
        if data is None:
            return None
        tail = decode_tail(data)
        if tail.start % WIDTH:
            raise LogDamaged(TAIL, f"it can't begin with entry {tail.start}")
        self.start, self.entries = tail.start, list(tail.entries)
        self._mark, self._length = tail.mark, tail.length
        return tail.rest

    def adopt(self) -> None:
        """Have the disk keep what was loaded: whoever wrote it may have ended before that."""
        file = self._home.fs.open(self._home.path / TAIL)
        try:
            file.truncate(self._length)
            file.fsync()
            self._home.fs.fsync_folder(self._home.path)
        except OSError:
            file.close()
            raise
        self._file = file

    def append(self, entries: Sequence[bytes]) -> None:
        """Append entries, and wait for the disk.

        Raises:
            LogDamaged: after an error before, what was acknowledged can't be read again.
            OSError: the disk has no room or failed; none of the entries is kept.
        """
        file = self.ready()
        records = encode_records(self._mark, len(self.entries), entries)
        try:
            file.write(records, self._length)
            file.fsync()
        except OSError:
            self._take_back(file)
            raise
        self._length += len(records)
        self.entries += entries

    def ready(self) -> File:
        """Return the file, written anew if it was not to be believed any more.

        Raises:
            LogDamaged: what was acknowledged isn't in it.
            OSError: the disk has no room or failed.
        """
        return self._file or self._recover()

    def drop(self, count: int) -> None:
        """Go on in a new file, without the first entries, which are in bundles that the disk has.

        Raises:
            OSError: the disk has no room or failed; it is as if nothing had happened.
        """
        self.close()
        start, entries = self.start, self.entries
        self.start, self.entries = start + count, entries[count:]
        try:
            self.write()
        except OSError:
            self.start, self.entries = start, entries
            raise

    def write(self) -> File:
        """Write a new file with all entries, and open it."""
        self._mark = self._random(MARK_BYTES)
        data = encode_tail(self._mark, self.start, self.entries)
        self._home.put(TAIL, data)
        self._home.settle()
        self._file = self._home.fs.open(self._home.path / TAIL)
        self._length = len(data)
        return self._file

    def close(self) -> None:
        """Give the file back; the next one who wants it reads it again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _take_back(self, file: File) -> None:
        """Undo what was written and not acknowledged, if the disk lets us; else the next one who wants to write does."""
        with suppress(OSError):
            file.truncate(self._length)
            file.fsync()
        self.close()  # whatever it answers now: what the disk has of it is not known any more
        with suppress(OSError):
            self._recover()

    def _recover(self) -> File:
        fs = self._home.fs
        data = fs.read(self._home.path / TAIL, from_disk=True)
        tail = decode_tail(b"" if data is None else data)
        stored = [*self._in_bundles(tail.start), *tail.entries][: len(self.entries)]
        if stored != self.entries:
            raise LogDamaged(TAIL, f"it has not the {len(self.entries)} entries from {self.start} on that were written")
        return self.write()

    def _in_bundles(self, stop: int) -> Iterator[bytes]:
        """Give the entries that are in bundles, where a new file was written and the disk failed after that."""

        def read(name: str) -> bytes | None:
            return self._home.fs.read(self._home.path / name, from_disk=True)

        for index in range(self.start // WIDTH, stop // WIDTH):
            yield from read_bundle(read, index)
