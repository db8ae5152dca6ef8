"""Checkpoints, c2sp.org/tlog-checkpoint: the signed size and root of a log, and who witnessed them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from .errors import NoteError
from .note import Algorithm, Note, Verifier, signed_at
from .text import read_decimal, read_hash, write_base64
from .tree import EMPTY_ROOT, HASH_BYTES, MAX_SIZE

_MIN_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, how many entries it has, the root above them; more lines have no meaning here."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def encode(self) -> str:
        """Write the text that is signed.

        Raises:
            NoteError: it could not be read again.
        """
        if len(self.root) != HASH_BYTES or not 0 <= self.size <= MAX_SIZE:
            raise NoteError("checkpoint", f"{len(self.root)} bytes are no root, or {self.size} is no size")
        text = "".join(f"{line}\n" for line in (self.origin, self.size, write_base64(self.root), *self.extensions))
        if self.parse(text) != self:
            raise NoteError("checkpoint", "it would be read as another")
        return text

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text that was signed.

        Raises:
            NoteError: it is not a checkpoint's.
        """
        lines = text.removesuffix("\n").split("\n")
        if not text.endswith("\n") or len(lines) < _MIN_LINES or not all(lines):
            raise NoteError("checkpoint", "it has not the three lines that every checkpoint has, or an empty one")
        size = read_decimal(lines[1], "size of the checkpoint", NoteError)
        root = read_hash(lines[2], "root of the checkpoint", NoteError)
        if not size and root != EMPTY_ROOT:
            raise NoteError("root of the checkpoint", "it is not that of a log without entries")
        return cls(lines[0], size, root, tuple(lines[3:]))


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that its log signed; the names of the witnesses that saw it, each with its Unix time in seconds."""

    checkpoint: Checkpoint
    cosignatures: Mapping[str, int]
    note: Note


def open_checkpoint(note: bytes, log: Verifier, witnesses: Iterable[Verifier] = ()) -> SignedCheckpoint:
    """Read a checkpoint that a log signed; its origin is the name of the log's key.

    A witness that is not among the known ones is ignored; how many have to be is for the caller to say.

    Raises:
        NoteError: it is malformed, the log did not sign it, it is another log's, a signature of a known key is false,
            or the witnesses are not witnesses that differ from each other and from the log.
    """
    parsed = Note.parse(note)
    witnesses = tuple(witnesses)
    check_keys(log, witnesses)
    signed = parsed.verified_by((log, *witnesses))
    if log not in signed:
        raise NoteError("checkpoint", f"{log.name} did not sign it")
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != log.name:
        raise NoteError("origin of the checkpoint", f"it is not {log.name}'s")
    cosignatures = {witness.name: signed_at(signed[witness]) for witness in witnesses if witness in signed}
    return SignedCheckpoint(checkpoint, cosignatures, parsed)


def check_keys(log: Verifier, witnesses: Sequence[Verifier]) -> None:
    """Refuse keys that would count for more than they are worth.

    Raises:
        NoteError: the log's key isn't a log's, or the witnesses are not witnesses that differ from each other and from the log.
    """
    if log.algorithm is not Algorithm.ED25519:
        raise NoteError(f"key {log.name}", "it does not sign checkpoints of its own")
    names, keys = {log.name}, {log.public}
    for witness in witnesses:
        if witness.algorithm is not Algorithm.COSIGNATURE:
            raise NoteError(f"key {witness.name}", "it does not make cosignatures")
        if witness.name in names or witness.public in keys:
            raise NoteError(f"key {witness.name}", "its name or the key itself is the log's or another witness's")
        names.add(witness.name)
        keys.add(witness.public)
