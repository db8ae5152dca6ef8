"""Answers to requests: signed by the house, sealed for the provider, so that they may travel through a browser's address bar.

The provider learns the house's key here. It believes it because the answer names its request, which only those know whom the user gave it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from ..books.codec import read_moment, stamp
from ..fields import Json
from ..log.errors import NoteError
from ..log.note import NoteSigner, Verifier
from ..log.text import read_hash, write_base64
from ..log.tree import HASH_BYTES
from ..seal.framing import framed, label
from ..seal.ids import check_grant
from ..seal.wrap import PrivateKey, PublicKey
from .address import MAX_ADDRESS
from .document import check_signature, read_document, write_document
from .errors import ConsentError, Refusal, refusing
from .request import SignedRequest
from .scope import Scope, check_moment, only

MAX_ANSWER_BYTES: Final = 4096
_LABEL: Final = label("consent-answer").decode()
_SEALED: Final = label("sealed-answer")
_REFUSED: Final = ("answered_at", "granted", "house", "request")
_GRANTED: Final = (*_REFUSED, "grant", "location", "scope")


@dataclass(frozen=True, slots=True)
class Access:
    """What was granted: the grant's id, the capability address (it ends with `/`) below which its files are, and what of the request."""

    grant: str
    location: str
    scope: Scope

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            SealError: they are not those of an access.
        """
        check_grant(self.grant)
        if (
            not 0 < len(self.location) <= MAX_ADDRESS
            or not self.location.isprintable()
            or not self.location.endswith("/")
        ):
            raise ConsentError(Refusal.MALFORMED, "location")


@dataclass(frozen=True, slots=True)
class Answer:
    """The house's answer to the request with a SHA-256: what it grants, or None for a refusal."""

    request: bytes
    house: Verifier
    answered_at: datetime
    access: Access | None = None

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ConsentError: they are not those of an answer.
        """
        check_moment(self.answered_at, "answered_at")
        if len(self.request) != HASH_BYTES:
            raise ConsentError(Refusal.MALFORMED, "request", "it is named by its SHA-256")

    def seal(self, house: NoteSigner, to: PublicKey) -> bytes:
        """Return the answer, signed and sealed for the provider.

        Raises:
            ConsentError: it is too long, or the key is another house's.
        """
        members: dict[str, Json] = {
            "answered_at": stamp(self.answered_at),
            "granted": self.access is not None,
            "house": self.house.vkey,
            "request": write_base64(self.request),
        }
        if self.access:
            members |= {
                "grant": self.access.grant,
                "location": self.access.location,
                "scope": self.access.scope.to_json(),
            }
        data = write_document(_LABEL, members, house, MAX_ANSWER_BYTES)
        self._read(data)
        return to.wrap(data, framed(_SEALED, self.request, to.digest))

    @classmethod
    def _read(cls, data: bytes) -> Self:
        of, note = read_document(data, _LABEL, MAX_ANSWER_BYTES)
        with refusing("answer"):
            granted = of.flag("granted", default=False)
            only(of, *(_GRANTED if granted else _REFUSED))
            house = Verifier.parse(of.text("house", MAX_ADDRESS))
            access = None
            if granted:
                location = of.text("location", MAX_ADDRESS)
                access = Access(of.text("grant"), location, Scope.from_json(of.need("scope")))
            answer = cls(
                read_hash(of.text("request"), "request", NoteError),
                house,
                read_moment(of.need("answered_at"), "answered_at"),
                access,
            )
        check_signature(note, house)
        return answer


def open_answer(data: bytes, request: SignedRequest, private: PrivateKey) -> Answer:
    """Read the answer to one's own request.

    Raises:
        SealError: it is for somebody else, to another request, changed, or grants more than was asked for.
    """
    if len(data) > 2 * MAX_ANSWER_BYTES:
        raise ConsentError(Refusal.TOO_LONG, "answer")
    answer = Answer._read(private.unwrap(data, framed(_SEALED, request.digest, private.public.digest)))  # noqa: SLF001 -- one file, one format
    if answer.request != request.digest:
        raise ConsentError(Refusal.NOT_AUTHENTIC, "answer", "it answers another request")
    if answer.access and not answer.access.scope.is_within(request.request.scope):
        raise ConsentError(Refusal.CONTRADICTION, "scope", "it is more than was asked for")
    return answer
