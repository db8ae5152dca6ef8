"""Proofs that an entry is in a log, checked without the log: c2sp.org/tlog-proof, stored as `.tlog-proof`.

The same without its first line is what torchwood 0.9 calls a spicy signature; it reads `.spicy` files and has no extra data.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from .checkpoint import SignedCheckpoint, open_checkpoint
from .errors import ProofError
from .note import MAX_NOTE_BYTES, Verifier
from .text import read_base64, read_decimal, read_hash, write_base64
from .tree import MAX_PATH, leaf_hash, verify_inclusion

HEADER: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = "index "
_MAX_EXTRA_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class LogProof:
    """An entry's index, the path from it to the root of a checkpoint, and that checkpoint's note.

    `extra` belongs to the application and is not protected by anything.
    """

    index: int
    path: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    def encode(self, *, spicy: bool = False) -> bytes:
        """Write the proof, or what torchwood reads.

        Raises:
            ProofError: it could not be read again, or has extra data, for which the other form has no room.
        """
        lines = [] if spicy else [HEADER]
        if self.extra is not None:
            if spicy:
                raise ProofError("extra", "a spicy signature has no room for it")
            lines.append(_EXTRA + write_base64(self.extra))
        lines += [f"{_INDEX}{self.index}", *map(write_base64, self.path)]
        data = "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note
        if self.parse(data) != self:
            raise ProofError("proof", "it would be read as another")
        return data

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a proof of either form; the note in it is read when it is verified.

        Raises:
            ProofError: it is none.
        """
        if len(data) > 2 * (MAX_NOTE_BYTES + _MAX_EXTRA_BYTES):
            raise ProofError("proof", f"{len(data)} bytes are too many")
        head, blank, note = data.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise ProofError("proof", "what stands above the checkpoint is not ASCII") from None
        if not blank or not note:
            raise ProofError("proof", "it has no blank line with a checkpoint below it")
        at, extra = 0, None
        if lines[0] == HEADER:
            at = 1
            if lines[at:] and lines[at].startswith(_EXTRA):
                extra = read_base64(lines[at].removeprefix(_EXTRA), "extra", ProofError)
                at = 2
        if not lines[at:] or not lines[at].startswith(_INDEX):
            raise ProofError(f"line {at + 1} of the proof", "it does not name the entry's index")
        if len(lines) - at - 1 > MAX_PATH:
            raise ProofError("proof", f"it has more than {MAX_PATH} hashes")
        index = read_decimal(lines[at].removeprefix(_INDEX), "index", ProofError)
        path = tuple(
            read_hash(line, f"line {number} of the proof", ProofError)
            for number, line in enumerate(lines[at + 1 :], at + 2)
        )
        return cls(index, path, note, extra)

    def verify(
        self, entry: bytes, log: Verifier, witnesses: Iterable[Verifier] = (), quorum: int = 0
    ) -> SignedCheckpoint:
        """Check that the entry is in the log, as at least `quorum` of the witnesses saw it; return the checkpoint.

        Raises:
            NoteError: the checkpoint is malformed, or a signature is missing or false.
            ProofError: the entry is not shown to be in it, or too few of the witnesses saw it.
        """
        signed = open_checkpoint(self.note, log, witnesses)
        if len(signed.cosignatures) < quorum:
            raise ProofError("cosignatures", f"{len(signed.cosignatures)} known witnesses signed, {quorum} have to")
        verify_inclusion(leaf_hash(entry), self.index, signed.checkpoint.size, self.path, signed.checkpoint.root)
        return signed
