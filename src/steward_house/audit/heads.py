"""The signed heads of a log's generations: their keys, their checkpoints, and who witnessed them.

All generations of a log are signed with one key; its name is the generation's origin, which is the log's for the first generation
and `<origin>/<number>` for each later one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from ..protocol.log.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Algorithm, Note, Verifier
from ..protocol.log.tiles import CHECKPOINT
from .findings import Findings
from .sources import GENERATION, Files, SourceError


@dataclass(frozen=True, slots=True)
class Keys:
    """The public keys that an audit goes by: the log's (named by the first generation's origin), and witnesses' and how many must sign."""

    log: Verifier
    witnesses: tuple[Verifier, ...] = ()
    quorum: int = 0

    @classmethod
    def parse(cls, log: str, witnesses: Sequence[str] = (), quorum: int | None = None) -> Self:
        """Read keys as they are written on a command line; without a quorum all of the witnesses have to sign.

        Raises:
            SourceError: one is none, or the quorum can't be reached.
        """
        try:
            keys = cls(Verifier.parse(log.strip()), tuple(Verifier.parse(vkey.strip()) for vkey in witnesses))
        except NoteError as error:
            message = f"this is no verifier key (name+id+base64): {error}"
            raise SourceError(message) from error
        if keys.log.algorithm is not Algorithm.ED25519 or any(
            witness.algorithm is not Algorithm.COSIGNATURE for witness in keys.witnesses
        ):
            message = "--key takes the log's key and --witness a witness's: one of them is of the other sort"
            raise SourceError(message)
        if quorum is not None and not 0 <= quorum <= len(keys.witnesses):
            message = f"a quorum of {quorum} needs as many witnesses: give each one's key with --witness"
            raise SourceError(message)
        return replace(keys, quorum=len(keys.witnesses) if quorum is None else quorum)

    def of(self, generation: int) -> Verifier:
        """Return the key that a generation is signed with."""
        name = self.log.name if generation == 1 else f"{self.log.name}/{generation}"
        return replace(self.log, name=name)

    def generation_of(self, note: bytes) -> int | None:
        """Return the number of the generation whose origin a checkpoint's first line is; None if it is none of this log's."""
        origin = note.partition(b"\n")[0].decode(errors="replace")
        if origin == self.log.name:
            return 1
        base, _, number = origin.rpartition("/")
        return int(number) if base == self.log.name and GENERATION.fullmatch(number) and number != "1" else None

    def at_base(self, origin: str) -> Self:
        """Return the same keys named for the first generation, if the log's was named for a later one, whose origin is given."""
        base, _, number = self.log.name.rpartition("/")
        if base and base == origin and GENERATION.fullmatch(number):
            return replace(self, log=replace(self.log, name=base))
        return self


def read_head(files: Files, keys: Keys, generation: int, findings: Findings) -> SignedCheckpoint | None:
    """Read and check a generation's checkpoint; None if there is none that the log signed."""
    note = files.read(CHECKPOINT)
    if note is None:
        findings.problem("checkpoint_missing", path=CHECKPOINT)
        return None
    return open_head(note, keys, generation, findings)


def open_head(note: bytes, keys: Keys, generation: int, findings: Findings) -> SignedCheckpoint | None:
    """Check a generation's checkpoint; None if it isn't one that the log signed."""
    log = keys.of(generation)
    try:
        return open_checkpoint(note, log, keys.witnesses)
    except NoteError as error:
        findings.problem("checkpoint_wrong", path=CHECKPOINT, what=str(error))
    # A witness's false signature says nothing about the log's.
    try:
        return open_checkpoint(note, log) if keys.witnesses else None
    except NoteError:
        return None


def unsigned_size(note: bytes | None) -> int | None:
    """Return the size that a checkpoint names, whether or not it is signed: to look at the files all the same."""
    try:
        return None if note is None else Checkpoint.parse(Note.parse(note).text).size
    except NoteError:
        return None
