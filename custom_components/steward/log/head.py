"""Keeps what a log signed last, in its file `checkpoint`, and once more elsewhere."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from ..protocol.log.checkpoint import Checkpoint, open_checkpoint
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Verifier
from ..protocol.log.tiles import CHECKPOINT
from ..protocol.log.tree import EMPTY_ROOT
from .check import Claim
from .errors import LogDamaged
from .fs import Folder

ELSEWHERE: Final = "the checkpoint that is kept elsewhere"


class Head:
    """The checkpoint of a log. `mark` is the file elsewhere, in a folder that nobody puts back to what it was together with the log's."""

    def __init__(self, home: Folder, mark: Path | None, verifier: Verifier) -> None:
        """Take where it is and whose it is."""
        self.signed = Checkpoint("-", 0, EMPTY_ROOT)
        """What was signed last; that of no entries before anything was."""
        self.note: bytes | None = None
        """What was signed last with all its signatures."""
        self.kept = True
        """Whether the disk is known to have it."""
        self._home = home
        self._mark = mark
        self._elsewhere = None if mark is None else Folder(home.fs, mark.parent)
        self._verifier = verifier

    def load(self) -> list[Claim]:
        """Read the checkpoint; return what was signed as far as is known. A mark of another log says nothing about this one.

        Raises:
            LogDamaged: the checkpoint is none, or not this log's.
        """
        note = self._home.fs.read(self._home.path / CHECKPOINT)
        if note is not None:
            try:
                self.signed = open_checkpoint(note, self._verifier).checkpoint
            except NoteError as error:
                where = f"{CHECKPOINT}, {error.where}"
                raise LogDamaged(where, error.what) from None
            self.note = note
        return self.claims()

    def claims(self) -> list[Claim]:
        """Return what was signed as far as is known."""
        claims = [] if self.note is None else [Claim(self.signed.size, self.signed.root, CHECKPOINT)]
        marked = None if self._mark is None else self._home.fs.read(self._mark)
        if marked is not None:
            with suppress(NoteError):
                checkpoint = open_checkpoint(marked, self._verifier).checkpoint
                claims.append(Claim(checkpoint.size, checkpoint.root, ELSEWHERE))
        return claims

    def keep(self, note: bytes, checkpoint: Checkpoint) -> None:
        """Have the disk keep a checkpoint.

        Raises:
            OSError: the disk has no room or failed; it may have it or the one before.
        """
        self.kept = False
        self._home.put(CHECKPOINT, note)
        self.signed, self.note = checkpoint, note  # it can be read there now, so nothing older may follow
        self._home.settle()
        if self._mark is not None and self._elsewhere is not None:
            self._elsewhere.put(self._mark.name, note)
            self._elsewhere.settle()
        self.kept = True
