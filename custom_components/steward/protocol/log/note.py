"""Signed notes, c2sp.org/signed-note: a text and the signatures below it, with Ed25519 and cosignature/v1 keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
import re
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .errors import NoteError
from .text import is_key_name, read_base64, write_base64

MAX_NOTE_BYTES: Final = 1 << 20
MAX_SIGNATURES: Final = 64
KEY_BYTES: Final = 32
ID_BYTES: Final = 4
SIGNATURE_BYTES: Final = 64
TIME_BYTES: Final = 8
_PRIME: Final = 2**255 - 19
_ORDER_8: Final = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER: Final = {0, 1, _ORDER_8, _PRIME - _ORDER_8, _PRIME - 1}
"""The y of the points of Ed25519's curve whose order is at most 8: a key that is one of them lets anybody sign."""
_DASH: Final = "— "
_VKEY: Final = re.compile(r"([^+]+)\+([0-9a-f]{8})\+(\S+)", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Algorithm(IntEnum):
    """What a key signs, by the type byte that its id is made with."""

    ED25519 = 1
    COSIGNATURE = 4


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key by name and id (4 bytes), and what the key's algorithm makes of it."""

    name: str
    key_id: bytes
    data: bytes

    @property
    def line(self) -> str:
        """The line, with its end."""
        return f"{_DASH}{self.name} {write_base64(self.key_id + self.data)}\n"

    @classmethod
    def parse(cls, line: str, where: str = "signature") -> Self:
        """Read a line, without its end.

        Raises:
            NoteError: it is no signature line.
        """
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space or not is_key_name(name):
            raise NoteError(where, "it is not a signature line")
        data = read_base64(encoded, where, NoteError)
        if len(data) <= ID_BYTES:
            raise NoteError(where, "it has no signature")
        return cls(name, data[:ID_BYTES], data[ID_BYTES:])


class NoteSigner(Protocol):
    """Signs the text of a note."""

    def sign(self, text: str) -> Signature:
        """Return the signature of a text."""
        ...


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key that is known, by its name."""

    name: str
    algorithm: Algorithm
    public: bytes

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            NoteError: the name or the key is none.
        """
        if not is_key_name(self.name):
            raise NoteError("key", "its name has a space or a plus, is empty, or is too long")
        if len(self.public) != KEY_BYTES:
            raise NoteError(f"key {self.name}", f"{len(self.public)} bytes are no Ed25519 key")
        y = int.from_bytes(self.public, "little") % (1 << 255)
        if y >= _PRIME or y in _SMALL_ORDER:
            raise NoteError(f"key {self.name}", "anybody could sign for it")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a key as text: name, id and key with its algorithm.

        Raises:
            NoteError: it is none, its id is another key's, or its algorithm is not known here.
        """
        found = _VKEY.fullmatch(vkey)
        if found is None:
            raise NoteError("key", "it is not of the form name+id+base64")
        name, key_id, encoded = found.groups()
        data = read_base64(encoded, f"key {name}", NoteError)
        try:
            algorithm = Algorithm(data[0])
        except (IndexError, ValueError):
            raise NoteError(f"key {name}", "its algorithm is neither Ed25519 nor cosignature/v1") from None
        verifier = cls(name, algorithm, data[1:])
        if verifier.key_id.hex() != key_id:
            raise NoteError(f"key {name}", "its id does not belong to it")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key beside its name."""
        return sha256(b"%b\n%c%b" % (self.name.encode(), self.algorithm, self.public)).digest()[:ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text."""
        return f"{self.name}+{self.key_id.hex()}+{write_base64(bytes([self.algorithm]) + self.public)}"

    def made(self, signature: Signature) -> bool:
        """Whether a signature says that it is this key's."""
        return signature.name == self.name and signature.key_id == self.key_id

    def verify(self, text: str, signature: Signature) -> None:
        """Check a signature that says it is this key's.

        Raises:
            NoteError: it is not.
        """
        data, message = signature.data, text
        if self.algorithm is Algorithm.COSIGNATURE:
            data = data[TIME_BYTES:]
            message = cosigned_message(text, signed_at(signature))
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(data, message.encode())
        except (InvalidSignature, ValueError):
            raise NoteError(f"signature of {self.name}", "it is false") from None


class Signer:
    """A private Ed25519 key (32 bytes) and its name, which is a log's origin."""

    def __init__(self, name: str, private: bytes) -> None:
        """Take the key.

        Raises:
            NoteError: the name or the key is none.
        """
        self._private, self.verifier = key_pair(name, Algorithm.ED25519, private)

    @property
    def name(self) -> str:
        """The key's name."""
        return self.verifier.name

    @property
    def vkey(self) -> str:
        """The public key as text."""
        return self.verifier.vkey

    def sign(self, text: str) -> Signature:
        """Return the signature of a text."""
        return Signature(self.name, self.verifier.key_id, self._private.sign(text.encode()))


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was read: whose signatures are true is not said yet."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a note.

        Raises:
            NoteError: it is none, or larger than what is read here (1 MiB, 64 signatures).
        """
        if len(data) > MAX_NOTE_BYTES:
            raise NoteError("note", f"{len(data)} bytes, where {MAX_NOTE_BYTES} are allowed")
        try:
            whole = data.decode()
        except UnicodeDecodeError as error:
            raise NoteError(f"byte {error.start} of the note", "it is not UTF-8") from None
        text, blank, lines = whole.rpartition("\n\n")
        text += "\n"
        _check_text(text)
        if not blank or not lines.endswith("\n"):
            raise NoteError("note", "it does not end with a blank line and signature lines")
        signatures = lines[:-1].split("\n")
        if len(signatures) > MAX_SIGNATURES:
            raise NoteError("note", f"{len(signatures)} signatures, where {MAX_SIGNATURES} are allowed")
        first = text.count("\n") + 2
        return cls(
            text,
            tuple(Signature.parse(line, f"line {number} of the note") for number, line in enumerate(signatures, first)),
        )

    def encode(self) -> bytes:
        """Write the note.

        Raises:
            NoteError: it has no signature, or it could not be read again.
        """
        data = f"{self.text}\n{''.join(signature.line for signature in self.signatures)}".encode()
        if self.parse(data) != self:
            raise NoteError("note", "it would be read as another")
        return data

    def verified_by(self, verifiers: Iterable[Verifier]) -> dict[Verifier, Signature]:
        """Return which of the keys signed, and how; signatures of other keys are ignored.

        Of a witness that cosigned more than once, its latest cosignature.

        Raises:
            NoteError: no key signed, a signature of one is false, or a key signed twice in a way that contradicts or repeats itself.
        """
        found: dict[Verifier, Signature] = {}
        for verifier in verifiers:
            for signature in filter(verifier.made, self.signatures):
                verifier.verify(self.text, signature)
                before = found.get(verifier, signature)
                if before is not signature:
                    if before.data == signature.data or verifier.algorithm is not Algorithm.COSIGNATURE:
                        raise NoteError(f"signature of {verifier.name}", "it is there twice")
                    signature = max(before, signature, key=signed_at)  # noqa: PLW2901
                found[verifier] = signature
        if not found:
            raise NoteError("note", "none of the keys that are known signed it")
        return found

    def with_signatures(self, signatures: Iterable[Signature]) -> Self:
        """Return the note with more signatures; they replace those that the same keys made before."""
        added = {(signature.name, signature.key_id): signature for signature in signatures}
        kept = [signature for signature in self.signatures if (signature.name, signature.key_id) not in added]
        return type(self)(self.text, (*kept, *added.values()))


def sign_note(text: str, *signers: NoteSigner) -> bytes:
    """Return the note of a text with the signatures of all signers.

    Raises:
        NoteError: the text is not one that a note can have, or nobody signs.
    """
    _check_text(text)
    return Note(text, tuple(signer.sign(text) for signer in signers)).encode()


def key_pair(name: str, algorithm: Algorithm, private: bytes) -> tuple[Ed25519PrivateKey, Verifier]:
    """Return a private key from its 32 bytes, and the public key that belongs to it.

    Raises:
        NoteError: the name or the key is none.
    """
    if len(private) != KEY_BYTES:
        raise NoteError(f"key {name}", f"{len(private)} bytes are no Ed25519 key")
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key, Verifier(name, algorithm, key.public_key().public_bytes_raw())


def cosigned_message(text: str, at: int) -> str:
    """Return what a witness signs of a checkpoint's text at a time in Unix seconds (c2sp.org/tlog-cosignature)."""
    return f"cosignature/v1\ntime {at}\n{text}"


def signed_at(signature: Signature) -> int:
    """Return the Unix time in seconds that a cosignature carries.

    Raises:
        NoteError: it is no cosignature.
    """
    at = int.from_bytes(signature.data[:TIME_BYTES])
    if len(signature.data) != TIME_BYTES + SIGNATURE_BYTES or at >> 63:
        raise NoteError(f"signature of {signature.name}", "it is not a cosignature")
    return at


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("note", "its text does not end with a newline")
    if found := _CONTROL.search(text):
        raise NoteError(f"line {text.count('\n', 0, found.start()) + 1} of the note", "it has a control character")
