"""The generations of a log: a new one begins when the log can't continue what was signed, so that nothing is signed twice differently.

Each generation is a log of its own in a numbered subfolder. The first one's origin is the base, a later one's is `<base>/<number>-<random>`:
whoever restores the same backup twice makes two logs, not one that contradicts itself. All have the same key. The first entry
of a later generation names the head of the one before, and why it ended there.
"""

from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
import os
from pathlib import Path
import re
from typing import Final, Self

from ..protocol.log.checkpoint import Checkpoint, open_checkpoint
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Note, Signer
from ..protocol.log.tiles import CHECKPOINT
from ..protocol.log.tree import EMPTY_ROOT
from .errors import LogDamaged
from .fs import Disk, Folder, Fs, Lock, remove_tree
from .marker import remove_marker, was_restored
from .storage import LOCK, LogStorage

ORIGIN: Final = "origin"
"""The file in a generation's folder that has its origin, as one line."""
_SUFFIX_BYTES: Final = 5
_NEW: Final = ".new"
_LATER: Final = re.compile(r"/([1-9][0-9]{0,8})-[a-z2-7]{8}", re.ASCII)


class Cause(StrEnum):
    """Why a generation ended."""

    RESTORED = "restored"
    """A backup was restored."""
    DAMAGED = "damaged"
    """It was not what had been signed (shorter, or another), or something in it was missing or broken."""
    MISSING = "missing"
    """It was gone, or older ones were there only."""
    WITNESS = "witness"
    """A witness had seen more of it, or another."""


@dataclass(frozen=True, slots=True)
class Previous:
    """What a new generation says of the one before it.

    Size and root are those of the entries that are there, if they can be read, else those that were signed last; the checkpoint is the
    note that was signed last, empty if there is none.
    """

    number: int
    origin: str
    size: int
    root: bytes
    checkpoint: bytes
    cause: Cause
    detail: str


type First = Callable[[Previous], bytes]
"""Makes the first entry of a new generation."""
type Random = Callable[[int], bytes]
"""Gives as many random bytes as it is asked for."""


class Generations:
    """The generations of one log, the current one open. Every method blocks."""

    storage: LogStorage
    """The current generation."""
    number: int
    """The current generation's number, from 1."""

    @classmethod
    def open(
        cls,
        root: Path,
        base: str,
        key: bytes,
        first: First,
        *,
        mark: Path | None = None,
        quick: bool = False,
        fs: Fs | None = None,
        random: Random = os.urandom,
    ) -> Self:
        """Open the current generation in a folder, begin the first one if there is none, or a new one if it can't go on.

        `mark` is a file elsewhere with the last checkpoint (see LogStorage), `first` makes a new generation's first entry.

        Raises:
            LogLocked: another process has it open.
            OSError: it can't be read or written.
        """
        home = Folder(fs or Disk(), root)
        lock = home.fs.lock(root / LOCK)
        generations = cls(home, lock, base, key, first, mark=mark, random=random)
        try:
            generations._load(quick=quick)
        except BaseException:
            lock.close()
            raise
        return generations

    def __init__(
        self, home: Folder, lock: Lock, base: str, key: bytes, first: First, *, mark: Path | None, random: Random
    ) -> None:
        """Take what `open` opened."""
        self.begun: Previous | None = None
        """What the current generation says of the one before, if it began since this was opened."""
        self._home = home
        self._lock = lock
        self._base = base
        self._key = key
        self._first = first
        self._mark = mark
        self._random = random
        self._open: LogStorage | None = None

    def __enter__(self) -> Self:
        """Return the generations."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """Close the current generation, and let other processes in."""
        self._close_current()
        self._lock.close()

    @property
    def root(self) -> Path:
        """The folder that the generations lie in."""
        return self._home.path

    def numbers(self) -> list[int]:
        """Return the numbers of the generations that are there, the oldest first."""
        return sorted(int(name) for name in self._home.fs.names(self.root) if name.isdecimal() and name[0] != "0")

    def folder(self, number: int) -> Path:
        """Return a generation's folder."""
        return self.root / str(number)

    def origin(self, number: int) -> str:
        """Return a generation's origin.

        Raises:
            LogDamaged: the file that has it is gone, or has another.
            OSError: it can't be read.
        """
        origin = (self._home.fs.read(self.folder(number) / ORIGIN) or b"").decode(errors="replace").strip()
        if self._number_of(origin) != number:
            raise LogDamaged(ORIGIN, f"it does not say which origin generation {number} has")
        return origin

    def begin_new(self, cause: Cause, detail: str = "") -> Previous:
        """End the current generation and begin the next one, whose first entry names its head.

        Raises:
            OSError: the disk has no room or failed; the old generation is closed, so all is to be opened again.
        """
        return self._begin_after(self._end(cause, detail))

    def _load(self, *, quick: bool) -> None:
        fs = self._home.fs
        for name in fs.names(self.root):
            if name.endswith(_NEW):
                remove_tree(fs, self.root / name)
        self.number = max(self.numbers(), default=0)
        lost = self._lost()
        if lost is not None:
            self._begin_after(lost)
        elif not self.number:
            self._begin(1, None)
        elif was_restored(fs, self.root, self.number):
            self.begin_new(Cause.RESTORED)
        else:
            try:
                self.storage = self._open_number(quick=quick)
            except LogDamaged as error:
                self.begin_new(Cause.DAMAGED, str(error))
        remove_marker(self.root, fs)

    def _lost(self) -> Previous | None:
        """Return the generation that was signed last and isn't there, as the mark has it."""
        found = self._marked()
        if found is None:
            return None
        checkpoint, note = found
        number = self._number_of(checkpoint.origin) or 0
        if number < self.number:
            return None
        cause, detail = Cause.MISSING, f"generation {number} is not there"
        if number == self.number:
            try:
                if self.origin(number) == checkpoint.origin:
                    return None
            except LogDamaged as error:
                cause, detail = Cause.DAMAGED, str(error)
        return Previous(number, checkpoint.origin, checkpoint.size, checkpoint.root, note, cause, detail)

    def _open_number(self, *, quick: bool = False) -> LogStorage:
        self._open = LogStorage.open(
            self.folder(self.number),
            self.origin(self.number),
            self._key,
            mark=self._mark,
            quick=quick,
            fs=self._home.fs,
            random=self._random,
        )
        return self._open

    def _close_current(self) -> None:
        current, self._open = self._open, None
        if current is not None:
            current.close()

    def _end(self, cause: Cause, detail: str) -> Previous:
        """Close the current generation for good, and return its head."""
        origin, size, root, note = self._base, 0, EMPTY_ROOT, b""
        try:
            origin = self.origin(self.number)
            for signed, text in filter(None, (self._checkpoint_of(self.number), self._marked())):
                if signed.origin == origin and signed.size >= size:
                    size, root, note = signed.size, signed.root, text
            storage = self._open or self._open_number()
            storage.lay_out()  # so that what nobody signed can be read where it is served, too
            size, root = storage.size, storage.root()
        except LogDamaged as error:
            detail = detail or str(error)
        self._close_current()
        return Previous(self.number, origin, size, root, note, cause, detail)

    def _begin_after(self, previous: Previous) -> Previous:
        self._begin(previous.number + 1, previous)
        self.begun = previous
        return previous

    def _begin(self, number: int, previous: Previous | None) -> None:
        """Make a generation beside, and give it its name when it is complete."""
        origin = self._base
        if previous is not None:
            origin += f"/{number}-{b32encode(self._random(_SUFFIX_BYTES)).decode().lower()}"
        fs = self._home.fs
        beside = self.root / f"{number}{_NEW}"
        remove_tree(fs, beside)
        folder = Folder(fs, beside)
        folder.put(ORIGIN, f"{origin}\n".encode())
        folder.settle()
        with LogStorage.open(beside, origin, self._key, fs=fs, random=self._random) as storage:
            if previous is not None:
                storage.append([self._first(previous)])
        fs.rename(beside, self.folder(number))
        fs.fsync_folder(self.root)
        self.number = number
        self.storage = self._open_number()

    def _checkpoint_of(self, number: int) -> tuple[Checkpoint, bytes] | None:
        return self._opened(self.folder(number) / CHECKPOINT)

    def _marked(self) -> tuple[Checkpoint, bytes] | None:
        """Return the checkpoint at the mark; None if there is none of this log."""
        return None if self._mark is None else self._opened(self._mark)

    def _opened(self, path: Path) -> tuple[Checkpoint, bytes] | None:
        """Return a checkpoint that was signed with this key, for whichever generation it is; None if there is none."""
        note = self._home.fs.read(path)
        try:
            origin = Note.parse(note or b"").text.partition("\n")[0]
            checkpoint = open_checkpoint(note or b"", Signer(origin, self._key).verifier).checkpoint
        except NoteError:
            return None
        return None if self._number_of(origin) is None else (checkpoint, note or b"")

    def _number_of(self, origin: str) -> int | None:
        """Return the number of the generation that has an origin; None if that is another log's."""
        if origin == self._base:
            return 1
        found = _LATER.fullmatch(origin.removeprefix(self._base)) if origin.startswith(self._base) else None
        return None if found is None else int(found[1])
