"""The signed heads of a log's generations: their keys, their checkpoints, and who witnessed them.

All generations of a log are signed with one key; its name is the generation's origin, which is the log's for the first generation
and `<origin>/<number>-<random>` for each later one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import re
from typing import Final, Self

from ..protocol.log.checkpoint import Checkpoint, SignedCheckpoint, check_keys, open_checkpoint
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Algorithm, Note, Verifier
from ..protocol.log.tiles import CHECKPOINT
from .findings import Findings
from .sources import Files, SourceError

_LATER: Final = re.compile(r"/([1-9][0-9]{0,8})-[a-z2-7]{8}\Z", re.ASCII)
"""What a later generation's origin ends in."""
_MAX_ORIGIN: Final = 1024


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
            raise SourceError(f"this is no verifier key (name+id+base64): {error}") from error
        if keys.log.algorithm is not Algorithm.ED25519 or any(
            witness.algorithm is not Algorithm.COSIGNATURE for witness in keys.witnesses
        ):
            raise SourceError("--key takes the log's key and --witness a witness's: one of them is of the other sort")
        try:
            check_keys(keys.log, keys.witnesses)
        except NoteError as error:
            raise SourceError(f"each witness counts once: {error}") from error
        if quorum is not None and not 0 <= quorum <= len(keys.witnesses):
            raise SourceError(f"a quorum of {quorum} needs as many witnesses: give each one's key with --witness")
        if later := _LATER.search(keys.log.name):
            keys = replace(keys, log=replace(keys.log, name=keys.log.name[: later.start()]))
        return replace(keys, quorum=len(keys.witnesses) if quorum is None else quorum)

    def of(self, origin: str) -> Verifier:
        """Return the key as it is named in the generation of an origin."""
        return replace(self.log, name=origin)

    def generation_of(self, origin: str) -> int | None:
        """Return the number of the generation that has an origin; None if it is another log's."""
        if origin == self.log.name:
            return 1
        found = _LATER.fullmatch(origin.removeprefix(self.log.name)) if origin.startswith(self.log.name) else None
        return None if found is None else int(found[1])


def origin_of(note: bytes | None) -> str:
    """Return the origin that a checkpoint names, signed or not; an empty text if it names none."""
    return (note or b"").partition(b"\n")[0][:_MAX_ORIGIN].decode(errors="replace")


def read_head(files: Files, keys: Keys, number: int, findings: Findings) -> SignedCheckpoint | None:
    """Read and check a generation's checkpoint; None if there is none that the log signed. Whether there has to be one isn't said here."""
    note = files.read(CHECKPOINT)
    if note is None:
        return None
    origin = origin_of(note)
    if keys.generation_of(origin) != number:
        findings.problem("checkpoint_other", path=CHECKPOINT, origin=origin, log=keys.log.name)
        return None
    return open_head(note, keys, findings)


def open_head(note: bytes, keys: Keys, findings: Findings) -> SignedCheckpoint | None:
    """Check the signatures below a checkpoint; None if it isn't one that the log signed."""
    log = keys.of(origin_of(note))
    try:
        return open_checkpoint(note, log, keys.witnesses)
    except NoteError as error:
        findings.problem("checkpoint_wrong", path=CHECKPOINT, what=str(error))
    if not keys.witnesses:
        return None
    try:  # a witness's false signature says nothing about the log's
        return open_checkpoint(note, log)
    except NoteError:
        return None


def unsigned_size(note: bytes | None) -> int | None:
    """Return the size that a checkpoint names, whether or not it is signed: to look at the files all the same."""
    try:
        return None if note is None else Checkpoint.parse(Note.parse(note).text).size
    except NoteError:
        return None
