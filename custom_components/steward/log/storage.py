"""A log in a folder, as the static files of c2sp.org/tlog-tiles, with what has to be kept until it fills a file.

    checkpoint            the head that was signed last, with the cosignatures of witnesses
    tile/entries/<n>      256 entries each, the last of them partial (`.p/<width>`) as of the last two checkpoints
    tile/<level>/<n>      hashes, 256 each, the last of each level partial likewise
    tail                  the entries that fill no bundle yet (`tail.py`)
    lock                  held while the log is open

Entries are acknowledged when the disk has them. All else follows from them: bundles and tiles are written when 256 entries are there,
again if that was interrupted. A checkpoint is on disk before anybody gets to see it, and continues the one before it. After an error of the disk
nothing is believed that memory holds of a file: the tail is read again and written anew before anything is appended.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import wraps
import os
from pathlib import Path
from threading import RLock
from typing import Concatenate, Final, Self

from ..protocol.log.checkpoint import Checkpoint, open_checkpoint
from ..protocol.log.cosignature import cosigned
from ..protocol.log.errors import NoteError, ProofError, TileError
from ..protocol.log.note import Signer, Verifier, sign_note
from ..protocol.log.proof import LogProof
from ..protocol.log.tiles import (
    CHECKPOINT,
    HEIGHT,
    MAX_ENTRY_BYTES,
    WIDTH,
    TilePath,
    TileReader,
    encode_bundle,
    parse_path,
    partial_tiles,
)
from ..protocol.log.tree import EMPTY_ROOT, Frontier, consistency_path, inclusion_path, verify_consistency
from .check import Claim, quick_edge, read_bundle, scan
from .edge import Edge
from .errors import LogDamaged, LogFull
from .fs import Disk, File, Folder, Fs, Lock
from .tail import MARK_BYTES, TAIL, Tail, decode_tail, encode_records, encode_tail

LOCK: Final = "lock"
NOTHING: Final = "nothing was signed yet"
_EMPTY: Final = Checkpoint("-", 0, EMPTY_ROOT)


def _alone[**P, T](method: Callable[Concatenate[LogStorage, P], T]) -> Callable[Concatenate[LogStorage, P], T]:
    """Let one thread at a time into a method, and none after `close`."""

    @wraps(method)
    def call(self: LogStorage, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._guard:
            if self._closed:
                message = "the log is closed"
                raise ValueError(message)
            return method(self, *args, **kwargs)

    return call


class LogStorage:
    """A log that is open. Every method blocks; they may be called from any thread, one at a time gets its turn."""

    @classmethod
    def open(
        cls,
        folder: Path,
        origin: str,
        signer_key: bytes,
        *,
        mark: Path | None = None,
        quick: bool = False,
        fs: Fs | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> Self:
        """Open a log, or begin one where there is none; read all its entries, or if `quick` only the tiles at its right edge.

        `mark` is a file elsewhere that gets each signed checkpoint too, so that it shows when the folder alone is put back to what it was.

        Raises:
            LogDamaged: the log is not what was signed (shorter, or another), or something in it is missing or broken.
            LogLocked: another process has it open.
            OSError: it can't be read or written.
        """
        fs = fs or Disk()
        home = Folder(fs, folder)
        lock = fs.lock(folder / LOCK)
        try:
            log = cls(home, lock, Signer(origin, signer_key), mark, random)
            log._load(quick=quick)
        except BaseException:
            lock.close()
            raise
        return log

    def __init__(
        self, home: Folder, lock: Lock, signer: Signer, mark: Path | None, random: Callable[[int], bytes]
    ) -> None:
        """Take what `open` opened."""
        self.repaired = 0
        """How many hash tiles were false or missing when the log was opened, and were made anew."""
        self.cut = 0
        """How many bytes at the log's end, of entries that nobody had been told were kept, were cut off when it was opened."""
        self._home = home
        self._fs = home.fs
        self._lock = lock
        self._signer = signer
        self._mark = mark
        self._elsewhere = None if mark is None else Folder(self._fs, mark.parent)
        self._random = random
        self._guard = RLock()
        self._closed = False
        self._edge = Edge()
        self._full: dict[str, bytes] = {}  # tiles that are full and wait for their bundle
        self._start = 0  # of the tail
        self._tail: list[bytes] = []
        self._tail_mark = b""
        self._tail_length = 0
        self._tail_file: File | None = None
        self._signed = _EMPTY
        self._note: bytes | None = None
        self._kept = True  # whether the disk is known to have it
        self._before = 0  # the size that was signed before the last one
        self._strays: set[str] = set()  # folders of partial tiles that earlier runs may have left
        self._readers: dict[int, TileReader] = {}

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the log."""
        self.close()

    def close(self) -> None:
        """Give the files and the lock back. Nothing is lost without it."""
        with self._guard:
            if not self._closed:
                self._closed = True
                self._forget_tail()
                self._lock.close()

    @property
    def folder(self) -> Path:
        """Where the log is."""
        return self._home.path

    @property
    def origin(self) -> str:
        """The log's name, which is its key's."""
        return self._signer.name

    @property
    def verifier(self) -> Verifier:
        """The log's public key."""
        return self._signer.verifier

    @property
    def size(self) -> int:
        """How many entries were acknowledged."""
        return self._edge.size

    @property
    def signed(self) -> Checkpoint | None:
        """What was signed last, None if nothing was."""
        return None if self._note is None else self._signed

    @_alone
    def root(self) -> bytes:
        """Return the root of the tree of all entries."""
        return self._edge.root()

    @_alone
    def append(self, entries: Sequence[bytes]) -> int:
        """Append entries; return the index of the first when the disk has all of them.

        Raises:
            LogFull: the disk has no room or failed; none of them is in the log.
            LogDamaged: after such an error, what was acknowledged before can't be read again.
            ValueError: an entry has more than 65,535 bytes.
        """
        first = self.size
        if not entries:
            return first
        if max(map(len, entries)) > MAX_ENTRY_BYTES:
            message = f"an entry has more than {MAX_ENTRY_BYTES} bytes"
            raise ValueError(message)
        try:
            file = self._tail_file or self._recover()
            records = encode_records(self._tail_mark, len(self._tail), entries)
            try:
                file.write(records, self._tail_length)
                file.fsync()
            except OSError:
                self._take_back(file)
                raise
        except OSError as error:
            raise LogFull(error.errno, f"nothing was appended: {error.strerror}") from error
        self._tail_length += len(records)
        self._tail += entries
        self._full |= {str(path): tile for path, tile in self._edge.append(entries)}
        with suppress(OSError):  # the entries are safe; what is due now is tried again with the next ones
            self._rotate()
        return first

    @_alone
    def sign(self) -> bytes:
        """Return the signed checkpoint of all entries, with its cosignatures if it was signed before.

        Raises:
            LogFull: the disk has no room or failed; nothing was signed.
            LogDamaged: the log doesn't continue what was signed last.
        """
        if self._note is not None and self._kept and self._signed.size == self.size:
            return self._note
        try:
            self.lay_out()
            self._check_extension()
            checkpoint = Checkpoint(self.origin, self.size, self._edge.root())
            note = sign_note(checkpoint.encode(), self._signer)
            older, before = self._before, self._signed.size
            self._keep(note, checkpoint)
        except OSError as error:
            raise LogFull(error.errno, f"nothing was signed: {error.strerror}") from error
        self._before = before
        with suppress(OSError):
            self._remove_partials(older)
        return note

    @_alone
    def lay_out(self) -> None:
        """Write all entries and hashes as static files, also those that fill none: what `sign` does before it signs.

        Raises:
            OSError: the disk has no room or failed.
        """
        if self._tail_file is None:
            self._recover()
        self._rotate()
        for path, tile in self._edge.partials():
            self._home.put(str(path), tile)
        if self._tail:
            self._home.put(str(TilePath(None, self._start // WIDTH, len(self._tail))), encode_bundle(self._tail))
        self._home.settle()

    @_alone
    def checkpoint(self) -> bytes | None:
        """Return what was signed last, with its cosignatures."""
        return self._note

    @_alone
    def cosigned(self, lines: Iterable[str], witnesses: Iterable[Verifier]) -> bytes:
        """Add witnesses' signature lines to the checkpoint and return it; those of witnesses that are not named here are left out.

        Raises:
            NoteError: nothing was signed yet, a line is malformed, or a cosignature is false (or of an earlier checkpoint).
            LogFull: the disk has no room or failed.
        """
        if self._note is None:
            raise NoteError(CHECKPOINT, NOTHING)
        note = cosigned(self._note, lines, witnesses)
        try:
            self._keep(note, self._signed)
        except OSError as error:
            raise LogFull(error.errno, f"no cosignature was kept: {error.strerror}") from error
        return note

    @_alone
    def entry(self, index: int) -> bytes:
        """Return an entry.

        Raises:
            IndexError: there is none.
            LogDamaged: its bundle is missing or broken.
        """
        if not 0 <= index < self.size:
            raise IndexError(index)
        if index >= self._start:
            return self._tail[index - self._start]
        return self._bundle(index // WIDTH)[index % WIDTH]

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Give the entries [start, stop), to the end as it is now if nothing else is said; appending may go on meanwhile.

        Raises:
            IndexError: there are not all of them.
            LogDamaged: a bundle is missing or broken.
        """
        stop = self.size if stop is None else stop
        if not 0 <= start <= stop <= self.size:
            raise IndexError(start, stop)
        while start < stop:
            end = min(stop, (start // WIDTH + 1) * WIDTH)
            yield from self._some(start, end)
            start = end

    @_alone
    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree of the tree of all entries, by its level (0: entries) and index in it.

        Raises:
            IndexError: there is none.
            LogDamaged: its tile is missing or broken.
        """
        if level < 0 or not 0 <= index < self.size >> level:
            raise IndexError(level, index)
        return self._node(self.size)(level, index)

    @_alone
    def proof(self, index: int) -> LogProof:
        """Return the proof that an entry is in the log, as of the checkpoint.

        Raises:
            ProofError: the checkpoint has no such entry, or there is none.
            LogDamaged: a tile is missing or broken.
        """
        if self._note is None:
            raise ProofError(CHECKPOINT, NOTHING)
        size = self._signed.size
        return LogProof(index, tuple(inclusion_path(index, size, self._node(size))), self._note)

    @_alone
    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the log of some size, if nothing else is said the checkpoint's, continues that of `old` entries.

        Raises:
            ProofError: it does not, or there are not that many entries.
            LogDamaged: a tile is missing or broken.
        """
        size = self._signed.size if size is None else size
        if size > self.size:
            where = f"size {size}"
            raise ProofError(where, f"the log has {self.size} entries")
        node = self._node(size)
        path = consistency_path(old, size, node)
        if size == self._signed.size:  # who gets this may take a false proof for a fork
            try:
                verify_consistency(old, Frontier.of(old, node).root(), size, self._signed.root, path)
            except ProofError as error:
                raise LogDamaged(CHECKPOINT, f"the tiles do not lead to it: {error}") from error
        return path

    @_alone
    def rebuild(self) -> int:
        """Make all hash tiles anew from the entries, where they are not as they have to be; return how many that were.

        Raises:
            LogDamaged: a bundle is missing or broken.
            OSError: the disk has no room or failed.
        """
        made = 0
        edge = Edge()
        for index in range(self._start // WIDTH):
            for path, tile in edge.append(self._bundle(index)):
                if self._read_file(str(path)) != tile:
                    self._home.put(str(path), tile)
                    made += 1
        self._home.settle()
        self._readers.clear()
        return made

    @_alone
    def verify(self) -> int:
        """Read all entries, and compare them with the tiles and with what was signed; return how many tiles are missing or false.

        Raises:
            LogDamaged: they are not what was signed, or a bundle is missing or broken.
        """
        return scan(self._read_file, self._start // WIDTH, self._tail, self._claims()).bad_tiles

    def _load(self, *, quick: bool) -> None:
        """Read the log as it is on disk.

        Raises:
            LogDamaged: it is not what it has to be.
        """
        self._read_checkpoint()
        data = self._fs.read(self.folder / TAIL)
        if data is None:
            if self._note is not None or "tile" in self._fs.names(self.folder) or self._claims():
                raise LogDamaged(TAIL, "it is missing")
            self._write_tail()
            return
        tail = decode_tail(data)
        self._check(tail, quick=quick)
        self._full |= {str(path): tile for path, tile in self._edge.append(tail.entries)}
        self._tail, self._tail_mark = list(tail.entries), tail.mark
        self._tail_length, self.cut = tail.length, tail.rest
        # Whatever wrote this may have ended before it waited for the disk.
        file = self._fs.open(self.folder / TAIL)
        try:
            file.truncate(tail.length)
            file.fsync()
            self._fs.fsync_folder(self.folder)
        except OSError:
            file.close()
            raise
        self._tail_file = file
        self._before = self._signed.size
        self._strays = {*self._partial_folders()}
        with suppress(OSError):  # a full disk keeps nobody from reading
            self._rotate()

    def _check(self, tail: Tail, *, quick: bool) -> None:
        if tail.start % WIDTH:
            raise LogDamaged(TAIL, f"it can't begin with entry {tail.start}")
        self._start = tail.start
        bundles, claims = tail.start // WIDTH, self._claims()
        if quick:
            with suppress(TileError):
                self._edge = quick_edge(self._read_file, bundles, tail.entries, claims)
                return
        found = scan(self._read_file, bundles, tail.entries, claims)
        self._edge = found.edge
        if found.bad_tiles:
            self.repaired = self.rebuild()

    def _read_checkpoint(self) -> None:
        note = self._fs.read(self.folder / CHECKPOINT)
        if note is None:
            return
        try:
            self._signed = open_checkpoint(note, self.verifier).checkpoint
        except NoteError as error:
            where = f"{CHECKPOINT}, {error.where}"
            raise LogDamaged(where, error.what) from None
        self._note = note

    def _claims(self) -> list[Claim]:
        """Return what was signed, by this folder and by the mark; a mark of another log says nothing about this one."""
        claims = [] if self._note is None else [Claim(self._signed.size, self._signed.root, CHECKPOINT)]
        marked = None if self._mark is None else self._fs.read(self._mark)
        if marked is not None:
            with suppress(NoteError):
                checkpoint = open_checkpoint(marked, self.verifier).checkpoint
                claims.append(Claim(checkpoint.size, checkpoint.root, "the checkpoint that is kept elsewhere"))
        return claims

    def _check_extension(self) -> None:
        """Prove that the log continues what was signed last.

        Raises:
            LogDamaged: it doesn't.
        """
        old, size = self._signed, self.size
        try:
            path = consistency_path(old.size, size, self._node(size))
            verify_consistency(old.size, old.root, size, self._edge.root(), path)
        except ProofError as error:
            raise LogDamaged(CHECKPOINT, f"the log does not continue it: {error}") from error

    def _keep(self, note: bytes, checkpoint: Checkpoint) -> None:
        """Have the disk keep a checkpoint, here and elsewhere."""
        self._kept = False
        self._home.put(CHECKPOINT, note)
        self._signed, self._note = checkpoint, note  # it can be read there now, so nothing older may follow
        self._home.settle()
        if self._mark is not None and self._elsewhere is not None:
            self._elsewhere.put(self._mark.name, note)
            self._elsewhere.settle()
        self._kept = True

    def _rotate(self) -> None:
        """Write the bundles and tiles that are full, and only then a tail without them.

        Raises:
            OSError: the disk has no room or failed; it is all done again next time.
        """
        full = len(self._tail) - len(self._tail) % WIDTH
        if not full:
            return
        for at in range(0, full, WIDTH):
            path = TilePath(None, (self._start + at) // WIDTH)
            self._home.put(str(path), encode_bundle(self._tail[at : at + WIDTH]))
        for name, tile in self._full.items():
            self._home.put(name, tile)
        self._home.settle()
        self._forget_tail()
        start, entries = self._start, self._tail
        self._start, self._tail = start + full, entries[full:]
        try:
            self._write_tail()
        except OSError:
            self._start, self._tail = start, entries
            raise
        self._full.clear()

    def _write_tail(self) -> File:
        """Write a new tail with the entries that are acknowledged, and open it."""
        mark = self._random(MARK_BYTES)
        data = encode_tail(mark, self._start, self._tail)
        self._home.put(TAIL, data)
        self._home.settle()
        self._tail_file = self._fs.open(self.folder / TAIL)
        self._tail_mark, self._tail_length = mark, len(data)
        return self._tail_file

    def _take_back(self, file: File) -> None:
        """Undo what was written and not acknowledged, if the disk lets us; else the next one who wants to write does."""
        try:
            file.truncate(self._tail_length)
            file.fsync()
        except OSError:
            pass
        finally:
            # What the disk has of it is not known any more, whatever it answers now.
            self._forget_tail()
        with suppress(OSError):
            self._recover()

    def _recover(self) -> File:
        """Read the tail again from the disk, and write it anew as far as it was acknowledged.

        Raises:
            LogDamaged: what was acknowledged isn't there.
            OSError: the disk has no room or failed.
        """
        data = self._fs.read(self.folder / TAIL, from_disk=True)
        tail = decode_tail(b"" if data is None else data)
        stored = [*self._bundles_before(tail.start), *tail.entries][: len(self._tail)]
        if stored != self._tail:
            raise LogDamaged(TAIL, f"it has not the {len(self._tail)} entries from {self._start} on that were written")
        return self._write_tail()

    def _bundles_before(self, start: int) -> Iterator[bytes]:
        """Give the entries from the tail's start on that are in bundles, where a new tail was written but not waited for."""
        for index in range(self._start // WIDTH, start // WIDTH):
            yield from read_bundle(self._read_from_disk, index)

    def _forget_tail(self) -> None:
        file, self._tail_file = self._tail_file, None
        if file is not None:
            file.close()

    def _remove_partials(self, older: int) -> None:
        """Remove the partial tiles of earlier checkpoints, apart from the last two."""
        sizes = (self._signed.size, self._before)
        kept = {str(path) for size in sizes for path in _partials(size)}
        for name in self._strays | {f"{path.full}.p" for size in (*sizes, older) for path in _partials(size)}:
            widths = self._fs.names(self.folder / name)
            old = [width for width in widths if f"{name}/{width}" not in kept]
            for width in old:
                self._fs.remove(self.folder / name / width)
            if widths and len(old) == len(widths):
                self._fs.remove_folder(self.folder / name)
                self._home.forget(self.folder / name)
        self._strays.clear()

    def _partial_folders(self) -> Iterator[str]:
        """Give the folders of partial tiles that lie beside those of the last checkpoint."""
        levels = max(1, -(-self._signed.size.bit_length() // HEIGHT))
        for level in (None, *range(levels)):
            folder = Path(str(TilePath(level, self._signed.size >> HEIGHT * ((level or 0) + 1)))).parent
            yield from (f"{folder}/{name}" for name in self._fs.names(self.folder / folder) if name.endswith(".p"))

    def _node(self, size: int) -> Callable[[int, int], bytes]:
        """Return what gives the nodes of the tree of some size."""
        reader = self._readers.get(size)
        if reader is None:
            for other in [other for other in self._readers if other != self._signed.size]:
                del self._readers[other]
            reader = self._readers[size] = TileReader(self._read_tile, size)

        def node(level: int, index: int) -> bytes:
            try:
                return reader.node(level, index)
            except TileError as error:
                raise LogDamaged(error.where, error.what) from error

        return node

    @_alone
    def _some(self, start: int, end: int) -> list[bytes]:
        """Return entries that lie in one bundle."""
        if start >= self._start:
            return self._tail[start - self._start : end - self._start]
        first = start // WIDTH * WIDTH
        return self._bundle(start // WIDTH)[start - first : end - first]

    def _bundle(self, index: int) -> list[bytes]:
        return read_bundle(self._read_file, index)

    def _read_tile(self, name: str) -> bytes | None:
        """Return a tile, from the tree's right edge or from disk."""
        path = parse_path(name)
        if path.width != WIDTH:
            return self._edge.partial(path)
        return self._full.get(name) or self._read_file(name)

    def _read_file(self, name: str) -> bytes | None:
        return self._fs.read(self.folder / name)

    def _read_from_disk(self, name: str) -> bytes | None:
        return self._fs.read(self.folder / name, from_disk=True)


def _partials(size: int) -> list[TilePath]:
    """Return the partial tiles of a log of some size, its bundle of entries too."""
    tiles = partial_tiles(size)
    return [*tiles, *(TilePath(None, path.index, path.width) for path in tiles if path.level == 0)]
