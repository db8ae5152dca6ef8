"""RFC 3161 time stamps, as far as the library for them is installed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Final

from cryptography import x509

from .sources import SourceError

MAX_TOKEN: Final = 65_536
_GRANTED: Final = (0, 1)
_SET: Final = 0xA0
"""The tag of the certificates in a CMS message."""


class StampError(ValueError):
    """A time stamp isn't one, or is of something else."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something existed, and whether an authority that the auditor trusts says so."""

    time: datetime
    trusted: bool


class Stamps:
    """Checks time stamps."""

    def __init__(self, roots: Iterable[Path] = ()) -> None:
        """Take the files (PEM) of the certificates that are trusted.

        Raises:
            SourceError: a file can't be read, or holds none.
        """
        self._roots: list[x509.Certificate] = []
        for path in roots:
            try:
                self._roots += x509.load_pem_x509_certificates(path.read_bytes())
            except OSError as error:
                raise SourceError(f"{path} can't be read: {error.strerror}") from error
            except ValueError as error:
                raise SourceError(f"{path} holds no certificate in PEM") from error
        self._client = _load()

    @property
    def installed(self) -> bool:
        """Whether the library is there."""
        return self._client is not None

    @property
    def has_roots(self) -> bool:
        """Whether there is an authority that is trusted."""
        return bool(self._roots)

    def check(self, token: bytes, data: bytes) -> Stamp | None:
        """Return what an authority's answer (DER) says about data; None without the library.

        Raises:
            StampError: it is none, is about something else, or is signed falsely.
        """
        if self._client is None:
            return None
        if len(token) > MAX_TOKEN:
            raise StampError("it is too long")
        try:
            response = self._client.decode_timestamp_response(in_order(token))
            granted = response.status in _GRANTED
            info = response.tst_info
            imprint, nonce, time = info.message_imprint.message, info.nonce, info.gen_time
            certificates = [x509.load_der_x509_certificate(each) for each in response.signed_data.certificates]
        except (ValueError, IndexError, TypeError) as error:
            raise StampError(f"it is no time stamp: {error}") from error
        if not granted:
            raise StampError("the authority refused it")
        if imprint != sha256(data).digest():
            raise StampError("it is a time stamp of something else")
        return Stamp(time, self._trusted(response, nonce, data, certificates))

    def _trusted(
        self, response: object, nonce: int | None, data: bytes, certificates: Sequence[x509.Certificate]
    ) -> bool:
        """Whether a root that is trusted vouches for it; without one, the root that it brings along shows that it is whole."""
        embedded = [each for each in certificates if each.subject == each.issuer]
        roots = self._roots or embedded
        if self._client is None or not roots:
            return False
        builder = self._client.VerifierBuilder(roots=roots, nonce=nonce)
        try:
            builder.build().verify_message(response, data)
        except self._client.VerificationError as error:
            raise StampError(str(error)) from error
        return bool(self._roots)


def _load() -> ModuleType | None:
    """Return the library; None where it isn't installed, or can't be loaded."""
    try:
        import rfc3161_client  # noqa: PLC0415
    except ImportError:
        return None
    return rfc3161_client


def in_order(answer: bytes) -> bytes:
    """Return an authority's answer with its certificates sorted, as DER wants a set to be and strict readers ask for.

    Their order isn't signed. An answer without any comes back unchanged.

    Raises:
        IndexError, ValueError: it isn't DER.
    """
    (response,) = _children(answer, 0, len(answer))
    parts = [*_children(answer, response.content, response.end)]
    if len(parts) == 1:
        return answer
    info = [*_children(answer, parts[1].content, parts[1].end)]
    (signed,) = _children(answer, info[1].content, info[1].end)
    for field in _children(answer, signed.content, signed.end):
        if field.tag == _SET:
            certificates = sorted(answer[each.start : each.end] for each in _children(answer, field.content, field.end))
            return b"".join((answer[: field.content], *certificates, answer[field.end :]))
    return answer


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    start: int
    content: int
    end: int


def _children(data: bytes, at: int, end: int) -> Iterator[_Element]:
    """Give the DER elements of a stretch of bytes.

    Raises:
        IndexError, ValueError: one ends behind it.
    """
    while at < end:
        content, length = at + 2, data[at + 1]
        if length > 0x7F:  # noqa: PLR2004
            content += length - 0x80
            length = int.from_bytes(data[at + 2 : content])
        if content + length > end:
            raise ValueError("an element is longer than what it is in")
        yield _Element(data[at], at, content, content + length)
        at = content + length
