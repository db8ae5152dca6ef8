"""Witnesses' cosignatures, c2sp.org/tlog-cosignature with Ed25519 keys, and how one is asked for, c2sp.org/tlog-witness."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from .checkpoint import Checkpoint
from .errors import NoteError, ProofError
from .note import TIME_BYTES, Algorithm, Note, Signature, Verifier, cosigned_message, key_pair
from .text import read_decimal, read_hash, write_base64
from .tree import HASH_BYTES, MAX_PATH, MAX_SIZE

MAX_ANSWER_BYTES: Final = 64 * 1024
"""More does no witness answer that is listened to."""
SIZE_TYPE: Final = "text/x.tlog.size"
"""The content type of a witness's answer that names the size which it knows."""
_OLD: Final = "old "


class Cosigner:
    """A witness's private Ed25519 key (32 bytes) and its name."""

    def __init__(self, name: str, private: bytes) -> None:
        """Take the key.

        Raises:
            NoteError: the name or the key is none.
        """
        self._private, self.verifier = key_pair(name, Algorithm.COSIGNATURE, private)

    @property
    def name(self) -> str:
        """The witness's name."""
        return self.verifier.name

    @property
    def vkey(self) -> str:
        """The public key as text."""
        return self.verifier.vkey

    def sign(self, text: str, at: int) -> Signature:
        """Return the cosignature of a checkpoint's text at a time in Unix seconds.

        Raises:
            NoteError: the text is not a checkpoint's, or the time is none.
        """
        Checkpoint.parse(text)
        if not 0 <= at < 1 << 63:
            raise NoteError("time of the cosignature", f"{at} is not a number of seconds")
        signed = self._private.sign(cosigned_message(text, at).encode())
        return Signature(self.name, self.verifier.key_id, at.to_bytes(TIME_BYTES) + signed)


@dataclass(frozen=True, slots=True)
class CosignatureRequest:
    """What a witness is asked: to cosign a checkpoint, with the proof that it continues the size that the witness saw last."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def encode(self) -> bytes:
        """Write the body of `add-checkpoint`.

        Raises:
            ProofError: the size is none, or the proof is not made of hashes or has too many.
        """
        if not 0 <= self.old <= MAX_SIZE or len(self.proof) > MAX_PATH or {*map(len, self.proof)} - {HASH_BYTES}:
            raise ProofError("request", f"{self.old} is no size, or the proof is not up to {MAX_PATH} hashes")
        lines = [f"{_OLD}{self.old}", *map(write_base64, self.proof)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the body of `add-checkpoint`; the note in it is for the caller to open.

        Raises:
            ProofError: it is none.
        """
        head, blank, note = body.partition(b"\n\n")
        try:
            first, *proof = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise ProofError("request", "it is not ASCII") from None
        if not blank or not first.startswith(_OLD) or len(proof) > MAX_PATH:
            raise ProofError("request", "it is not an old size, a proof and a checkpoint")
        return cls(
            read_decimal(first.removeprefix(_OLD), "old size", ProofError),
            tuple(read_hash(line, f"line {number} of the request", ProofError) for number, line in enumerate(proof, 2)),
            note,
        )


def add_checkpoint_request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the body that asks a witness to cosign a checkpoint, given the size that it saw last and the proof from there.

    Raises:
        ProofError: the size is none, or the proof is not made of hashes or has too many.
    """
    return CosignatureRequest(old, tuple(proof), note).encode()


def read_cosignatures(body: bytes) -> list[str]:
    """Return the signature lines of a witness's answer, without their ends; whose they are is not said yet.

    Raises:
        NoteError: it is no such answer.
    """
    return [signature.line.rstrip("\n") for signature in _signatures(body)]


def read_size(body: bytes) -> int:
    """Return the size that a witness answered to know when the old size was another.

    Raises:
        NoteError: it is no such answer.
    """
    text = body.decode("ascii", "replace")
    if not text.endswith("\n"):
        raise NoteError("answer of the witness", "it does not end with a newline")
    return read_decimal(text.removesuffix("\n"), "answer of the witness", NoteError)


def cosigned(note: bytes, lines: Iterable[str], witnesses: Iterable[Verifier]) -> bytes:
    """Return a checkpoint with those of the signature lines that known witnesses made, instead of their earlier ones.

    Raises:
        NoteError: the note or a line is malformed, a signature of a known witness is false, or no known one signed.
    """
    parsed = Note.parse(note)
    offered = tuple(Signature.parse(line.removesuffix("\n")) for line in lines)
    true = Note(parsed.text, offered).verified_by(witnesses)
    return parsed.with_signatures(true.values()).encode()


def _signatures(body: bytes) -> list[Signature]:
    if len(body) > MAX_ANSWER_BYTES:
        raise NoteError("answer of the witness", f"{len(body)} bytes, where {MAX_ANSWER_BYTES} are allowed")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NoteError("answer of the witness", "it is not UTF-8") from None
    if not text.endswith("\n"):
        raise NoteError("answer of the witness", "it does not end with a newline")
    lines = text.removesuffix("\n").split("\n")
    return [Signature.parse(line, f"line {number} of the answer") for number, line in enumerate(lines, 1)]
