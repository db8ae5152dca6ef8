"""Requests for consent: what a provider asks for, signed with its own key; whole, or by reference where a QR code is too small.

A request is a self-signed document: its signature shows that nobody changed it, not who made it. Who made it is what the user reads in it,
and the proof of the pairing code says that the user handed the request on.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Self

from ..books.codec import read_moment, stamp
from ..fields import Fields, Json
from ..log.errors import NoteError
from ..log.note import Algorithm, NoteSigner, Verifier
from ..log.text import read_base64, write_base64
from ..log.tree import HASH_BYTES
from ..seal.framing import label
from .address import MAX_ADDRESS, Address
from .document import check_signature, read_document, write_document
from .errors import ConsentError, Refusal, refusing
from .scope import Scope, check_moment, only

MAX_NAME: Final = 64
MAX_PURPOSE: Final = 500
MAX_REQUEST_BYTES: Final = 8192
MAX_PARAMETER: Final = 4 * MAX_REQUEST_BYTES // 3 + 4
QR_BYTES: Final = 1273
"""What a QR code holds at the highest error correction, which survives a worn print; a longer text goes by reference."""
MAX_LIFE: Final = timedelta(days=7)
NONCE_BYTES: Final = 16
SIGNING_KEY_BYTES: Final = 32
WRAPPING_KEY_BYTES: Final = 1216
_LABEL: Final = label("consent-request").decode()
_MEMBERS: Final = (
    "expires",
    "name",
    "nonce",
    "purpose",
    "return_address",
    "scope",
    "signing_key",
    "site",
    "wrapping_key",
)


@dataclass(frozen=True, slots=True)
class Provider:
    """Who asks: a name, a site, the address on that site where the answer goes, and two keys: Ed25519 and MLKEM768-X25519."""

    name: str
    site: Address
    return_address: Address
    signing_key: bytes
    wrapping_key: bytes

    def __post_init__(self) -> None:
        """Check the fields. Whether the wrapping key is one, `seal.wrap.PublicKey` says.

        Raises:
            ConsentError: they are not those of a provider.
        """
        check_text(self.name, MAX_NAME, "name")
        if self.site.origin != self.return_address.origin:
            raise ConsentError(Refusal.MALFORMED, "return_address", "it is not on the provider's site")
        if len(self.wrapping_key) != WRAPPING_KEY_BYTES:
            raise ConsentError(Refusal.MALFORMED, "wrapping_key", f"it has not {WRAPPING_KEY_BYTES} bytes")
        with refusing("signing_key"):
            _ = self.verifier

    @property
    def key_name(self) -> str:
        """What the provider's signing key is called in its signatures: the site's host, with its port."""
        return self.site.origin.partition("://")[2]

    @property
    def verifier(self) -> Verifier:
        """The provider's signing key."""
        return Verifier(self.key_name, Algorithm.ED25519, self.signing_key)

    @classmethod
    def from_fields(cls, of: Fields) -> Self:
        """Read a provider from members of a JSON object.

        Raises:
            ValueError: they are not a provider's; `refusing` turns it into this package's own.
        """
        return cls(
            of.text("name"),
            Address.parse(of.text("site", MAX_ADDRESS), of.place("site")),
            Address.parse(of.text("return_address", MAX_ADDRESS), of.place("return_address")),
            read_base64(of.text("signing_key"), of.place("signing_key"), NoteError),
            read_base64(of.text("wrapping_key", MAX_REQUEST_BYTES), of.place("wrapping_key"), NoteError),
        )

    def to_json(self) -> dict[str, Json]:
        """Return the provider as members of a JSON object."""
        return {
            "name": self.name,
            "return_address": self.return_address.text,
            "signing_key": write_base64(self.signing_key),
            "site": self.site.text,
            "wrapping_key": write_base64(self.wrapping_key),
        }


@dataclass(frozen=True, slots=True)
class Request:
    """What a provider asks for, why, until when it may be answered (`expires`), and a nonce (16 bytes) that makes it the only one."""

    provider: Provider
    purpose: str
    scope: Scope
    nonce: bytes
    expires: datetime

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ConsentError: they are not those of a request.
        """
        check_text(self.purpose, MAX_PURPOSE, "purpose")
        check_moment(self.expires, "expires")
        if len(self.nonce) != NONCE_BYTES:
            raise ConsentError(Refusal.MALFORMED, "nonce", f"it has not {NONCE_BYTES} bytes")

    def sign(self, provider: NoteSigner) -> bytes:
        """Return the request, signed with the key that it names.

        Raises:
            ConsentError: it is too long, or the key is another.
        """
        members: dict[str, Json] = {
            **self.provider.to_json(),
            "expires": stamp(self.expires),
            "nonce": write_base64(self.nonce),
            "purpose": self.purpose,
            "scope": self.scope.to_json(),
        }
        data = write_document(_LABEL, members, provider, MAX_REQUEST_BYTES)
        _read(data)
        return data


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request whose signature is true, and the bytes that it was read from."""

    request: Request
    data: bytes

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the request, by which proofs, answers and references name it."""
        return sha256(self.data).digest()


def open_request(data: bytes, at: datetime) -> SignedRequest:
    """Read a request.

    Raises:
        ConsentError: it is none, it was changed, it has expired or will too late, or it asks for what there is not.
    """
    signed = _read(data)
    if at >= signed.request.expires:
        raise ConsentError(Refusal.EXPIRED, "request", "it has expired")
    if signed.request.expires - at > MAX_LIFE:
        raise ConsentError(Refusal.EXPIRES_TOO_LATE, "request", f"it may live for {MAX_LIFE.days} days")
    return signed


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a request is to be fetched, and the SHA-256 that it must have."""

    address: Address
    digest: bytes

    def open_(self, data: bytes, at: datetime) -> SignedRequest:
        """Read what was fetched.

        Raises:
            ConsentError: it is not what was meant, of another site than where it was fetched, or no valid request.
        """
        if sha256(data).digest() != self.digest:
            raise ConsentError(Refusal.NOT_AUTHENTIC, "request", "it is not the one that was referred to")
        signed = open_request(data, at)
        if signed.request.provider.site.origin != self.address.origin:
            raise ConsentError(Refusal.NOT_AUTHENTIC, "request", "it comes from another site than the provider's")
        return signed

    @property
    def parameter(self) -> str:
        """The reference as the text that an address or a QR code carries."""
        return f"{self.address.text}#{_write_url64(self.digest)}"


def write_parameter(data: bytes) -> str:
    """Return a signed request as the text that an address carries."""
    return _write_url64(data)


def read_parameter(text: str) -> bytes | Reference:
    """Return the signed request that a text carries, still to be opened, or the reference to one.

    Raises:
        ConsentError: it is neither.
    """
    if len(text) > MAX_PARAMETER:
        raise ConsentError(Refusal.TOO_LONG, "request", f"{len(text)} characters, where {MAX_PARAMETER} are allowed")
    address, mark, digest = text.partition("#")
    if not mark:
        return _read_url64(text)
    reference = Reference(Address.parse(address, "request"), _read_url64(digest))
    if len(reference.digest) != HASH_BYTES:
        raise ConsentError(Refusal.MALFORMED, "request", "the reference has no SHA-256")
    return reference


def fits_qr(text: str) -> bool:
    """Whether a QR code can hold a text (that of the whole address)."""
    return len(text.encode()) <= QR_BYTES


def check_text(text: str, max_length: int, where: str) -> None:
    """Check that a text can be shown: printable (no line breaks, no marks that turn its direction), not blank at its ends.

    Raises:
        ConsentError: it can't.
    """
    if not 0 < len(text) <= max_length or not text.isprintable() or text != text.strip():
        raise ConsentError(Refusal.MALFORMED, where, f"it must be 1 to {max_length} printable characters")


def _read(data: bytes) -> SignedRequest:
    of, note = read_document(data, _LABEL, MAX_REQUEST_BYTES)
    only(of, *_MEMBERS)
    with refusing("request"):
        provider = Provider.from_fields(of)
        request = Request(
            provider,
            of.text("purpose", MAX_PURPOSE),
            Scope.from_json(of.need("scope")),
            read_base64(of.text("nonce"), "nonce", NoteError),
            read_moment(of.need("expires"), "expires"),
        )
    check_signature(note, provider.verifier)
    return SignedRequest(request, data)


def _write_url64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _read_url64(text: str) -> bytes:
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Error, ValueError):
        data = b""
    if not data or _write_url64(data) != text:
        raise ConsentError(Refusal.MALFORMED, "request", "it is not base64 as addresses carry it")
    return data
