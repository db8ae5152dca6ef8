"""Signed documents: one line with the label, one of canonical JSON, and one Ed25519 signature below, as a C2SP note."""

from ..books.codec import canonical
from ..fields import Fields, Json, parse
from ..log.errors import LogError
from ..log.note import Note, NoteSigner, Verifier, sign_note
from .errors import ConsentError, Refusal, refusing


def write_document(name: str, members: dict[str, Json], signer: NoteSigner, max_bytes: int) -> bytes:
    """Return a document that somebody signs.

    Raises:
        ConsentError: it is too long, or not JSON.
    """
    with refusing("document"):
        data = sign_note(f"{name}\n{canonical(members).decode()}\n", signer)
    _check_length(data, max_bytes)
    return data


def read_document(data: bytes, name: str, max_bytes: int) -> tuple[Fields, Note]:
    """Return a document's members and the note that it is. Nothing is said yet of the signature.

    Raises:
        ConsentError: it is none of that label, or not written in the only way that counts.
    """
    _check_length(data, max_bytes)
    with refusing("document"):
        note = Note.parse(data)
        found, _, line = note.text.partition("\n")
        if found != name:
            raise ConsentError(Refusal.MALFORMED, "document", "it is another, or of a version that is not known here")
        if len(note.signatures) != 1:
            raise ConsentError(Refusal.MALFORMED, "document", "it has not exactly one signature")
        value = parse(line.encode(), max_bytes)
        if canonical(value) + b"\n" != line.encode():
            raise ConsentError(Refusal.MALFORMED, "document", "its JSON is not written as it has to be")
        return Fields(value), note


def check_signature(note: Note, verifier: Verifier) -> None:
    """Check that a key signed.

    Raises:
        ConsentError: it did not.
    """
    try:
        note.verified_by([verifier])
    except LogError as error:
        raise ConsentError(Refusal.NOT_AUTHENTIC, error.where, error.what) from None


def _check_length(data: bytes, max_bytes: int) -> None:
    if len(data) > max_bytes:
        raise ConsentError(Refusal.TOO_LONG, "document", f"{len(data)} bytes, where {max_bytes} are allowed")
