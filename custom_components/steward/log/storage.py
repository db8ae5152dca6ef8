"""A log in a folder, as the static files of c2sp.org/tlog-tiles, with what has to be kept until it fills a file.

    checkpoint            the head that was signed last, with the cosignatures of witnesses
    tile/entries/<n>      256 entries each, the last of them partial (`.p/<width>`) as of the last two checkpoints
    tile/<level>/<n>      hashes, 256 each, the last of each level partial likewise
    tail                  the entries that fill no bundle yet (`unfinished.py`)
    lock                  held while the log is open

Entries are acknowledged when the disk has them. All else follows from them: bundles and tiles are written when 256 entries are there,
again if that was interrupted. A checkpoint is on disk before anybody gets to see it, and continues the one before it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import wraps
import os
from pathlib import Path
from threading import RLock
from typing import Concatenate, Final, Self

from ..protocol.log.checkpoint import Checkpoint
from ..protocol.log.cosignature import cosigned
from ..protocol.log.errors import NoteError, ProofError, TileError
from ..protocol.log.note import Signer, Verifier, sign_note
from ..protocol.log.proof import LogProof
from ..protocol.log.tiles import (
    CHECKPOINT,
    MAX_ENTRY_BYTES,
    WIDTH,
    TilePath,
    TileReader,
    encode_bundle,
    parse_path,
)
from ..protocol.log.tree import Frontier, consistency_path, inclusion_path, verify_consistency
from .check import Claim, quick_edge, read_bundle, scan
from .edge import Edge
from .errors import LogDamaged, LogFull
from .fs import Disk, Folder, Fs, Lock
from .head import Head
from .partials import Partials
from .tail import TAIL
from .unfinished import Unfinished

LOCK: Final = "lock"
NOTHING: Final = "nothing was signed yet"


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
        self._guard = RLock()
        self._closed = False
        self._edge = Edge()
        self._full: dict[str, bytes] = {}  # tiles that are full and wait for their bundle
        self._tail = Unfinished(home, random)
        self._head = Head(home, mark, signer.verifier)
        self._partials = Partials(home)
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
                self._tail.close()
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
        return None if self._head.note is None else self._head.signed

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
            self._tail.append(entries)
        except OSError as error:
            raise LogFull(error.errno, f"nothing was appended: {error.strerror}") from error
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
        head = self._head
        if head.note is not None and head.kept and head.signed.size == self.size:
            return head.note
        try:
            self.lay_out()
            self._check_extension()
            checkpoint = Checkpoint(self.origin, self.size, self._edge.root())
            note = sign_note(checkpoint.encode(), self._signer)
            head.keep(note, checkpoint)
        except OSError as error:
            raise LogFull(error.errno, f"nothing was signed: {error.strerror}") from error
        with suppress(OSError):
            self._partials.signed(self.size)
        return note

    @_alone
    def lay_out(self) -> None:
        """Write all entries and hashes as static files, also those that fill none: what `sign` does before it signs.

        Raises:
            OSError: the disk has no room or failed.
        """
        self._tail.ready()
        self._rotate()
        for path, tile in self._edge.partials():
            self._home.put(str(path), tile)
        if self._tail.entries:
            path = TilePath(None, self._tail.start // WIDTH, len(self._tail.entries))
            self._home.put(str(path), encode_bundle(self._tail.entries))
        self._home.settle()

    def checkpoint(self) -> bytes | None:
        """Return what was signed last, with its cosignatures; this doesn't wait for anything."""
        return self._head.note

    @_alone
    def cosigned(self, lines: Iterable[str], witnesses: Iterable[Verifier]) -> bytes:
        """Add witnesses' signature lines to the checkpoint and return it; those of witnesses that are not named here are left out.

        Raises:
            NoteError: nothing was signed yet, a line is malformed, or a cosignature is false (or of an earlier checkpoint).
            LogFull: the disk has no room or failed.
        """
        if self._head.note is None:
            raise NoteError(CHECKPOINT, NOTHING)
        note = cosigned(self._head.note, lines, witnesses)
        try:
            self._head.keep(note, self._head.signed)
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
        if index >= self._tail.start:
            return self._tail.entries[index - self._tail.start]
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
        if self._head.note is None:
            raise ProofError(CHECKPOINT, NOTHING)
        size = self._head.signed.size
        return LogProof(index, tuple(inclusion_path(index, size, self._node(size))), self._head.note)

    @_alone
    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the log of some size, if nothing else is said the checkpoint's, continues that of `old` entries.

        Raises:
            ProofError: it does not, or there are not that many entries.
            LogDamaged: a tile is missing or broken.
        """
        size = self._head.signed.size if size is None else size
        if size > self.size:
            where = f"size {size}"
            raise ProofError(where, f"the log has {self.size} entries")
        node = self._node(size)
        path = consistency_path(old, size, node)
        if size == self._head.signed.size:  # who gets this may take a false proof for a fork
            try:
                verify_consistency(old, Frontier.of(old, node).root(), size, self._head.signed.root, path)
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
        for index in range(self._tail.start // WIDTH):
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
        return scan(self._read_file, self._tail.start // WIDTH, self._tail.entries, self._head.claims()).bad_tiles

    def _load(self, *, quick: bool) -> None:
        """Read the log as it is on disk.

        Raises:
            LogDamaged: it is not what it has to be.
        """
        claims = self._head.load()
        rest = self._tail.load()
        if rest is None:
            if claims or "tile" in self._fs.names(self.folder):
                raise LogDamaged(TAIL, "it is missing")
            self._tail.write()
            self._partials.load(0)
            return
        self.cut = rest
        self._edge = self._checked(claims, quick=quick)
        self._full |= {str(path): tile for path, tile in self._edge.append(self._tail.entries)}
        self._tail.adopt()
        self._partials.load(self._head.signed.size)
        with suppress(OSError):  # a full disk keeps nobody from reading
            self._rotate()

    def _checked(self, claims: Sequence[Claim], *, quick: bool) -> Edge:
        """Return the tree of the full bundles, when all of the log is what was signed.

        Raises:
            LogDamaged: it isn't.
        """
        bundles = self._tail.start // WIDTH
        if quick:
            with suppress(TileError):
                return quick_edge(self._read_file, bundles, self._tail.entries, claims)
        found = scan(self._read_file, bundles, self._tail.entries, claims)
        if found.bad_tiles:
            self.repaired = self.rebuild()
        return found.edge

    def _check_extension(self) -> None:
        """Prove that the log continues what was signed last.

        Raises:
            LogDamaged: it doesn't.
        """
        old, size = self._head.signed, self.size
        try:
            path = consistency_path(old.size, size, self._node(size))
            verify_consistency(old.size, old.root, size, self._edge.root(), path)
        except ProofError as error:
            raise LogDamaged(CHECKPOINT, f"the log does not continue it: {error}") from error

    def _rotate(self) -> None:
        """Write the bundles and tiles that are full, and only then a tail without them.

        Raises:
            OSError: the disk has no room or failed; it is all done again next time.
        """
        tail = self._tail
        full = len(tail.entries) - len(tail.entries) % WIDTH
        if not full:
            return
        for at in range(0, full, WIDTH):
            path = TilePath(None, (tail.start + at) // WIDTH)
            self._home.put(str(path), encode_bundle(tail.entries[at : at + WIDTH]))
        for name, tile in self._full.items():
            self._home.put(name, tile)
        self._home.settle()
        tail.drop(full)
        self._full.clear()

    def _node(self, size: int) -> Callable[[int, int], bytes]:
        """Return what gives the nodes of the tree of some size."""
        reader = self._readers.get(size)
        if reader is None:
            for other in [other for other in self._readers if other != self._head.signed.size]:
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
        tail = self._tail
        if start >= tail.start:
            return tail.entries[start - tail.start : end - tail.start]
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
