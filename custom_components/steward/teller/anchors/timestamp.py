"""RFC 3161: a time stamp authority's signed word that a checkpoint was there at a time.

What is stamped is the signed note's bytes (SHA-256). Tokens are checked as far as they can be here: status, nonce, imprint, and the
signature up to a root that the token brings along, or that browsers know. Whether an authority is to be trusted is the auditor's matter,
who has `openssl ts -verify`.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from types import ModuleType
from typing import TYPE_CHECKING, Final

from aiohttp import ClientError, ClientSession, ClientTimeout
import certifi
from cryptography import x509
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ...libraries import async_library
from ...protocol.books.entries import AnchorKind
from ...protocol.fields import Json
from .job import AnchorError, Job, Reference, Trouble

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse

PATIENCE: Final = ClientTimeout(total=60)
MAX_ANSWER: Final = 32_768
"""Bytes of an answer at most, so that it fits into an entry of the log."""
MAX_DETAIL: Final = 200
GRANTED: Final = (0, 1)
"""Status codes of answers that have a token: granted, granted with modifications (RFC 3161, 2.4.2)."""
REQUEST: Final = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


class TimestampAnchor:
    """Asks one authority."""

    kind = AnchorKind.RFC3161
    every = 6 * 3600
    keep = 1

    def __init__(self, hass: HomeAssistant, session: ClientSession, url: str) -> None:
        """Take the authority's URL."""
        self._hass = hass
        self._session = session
        self._url = url

    async def anchor(self, job: Job) -> Reference:
        """Have a checkpoint stamped."""
        try:
            client = await async_library(self._hass, "rfc3161_client")
        except HomeAssistantError as error:
            raise AnchorError(Trouble.LIBRARY, str(error)) from error
        note = job.link.note
        request = ask(client, note)
        answer = await self._post(request.as_bytes())
        since, chain = await self._hass.async_add_executor_job(check, client, request, answer, note)
        members: dict[str, Json] = {
            "token": b64encode(answer).decode(),
            "chain": chain,
            "url": self._url,
            "note": note.decode(),
        }
        return Reference(members, since)

    async def written(self, job: Job, members: Mapping[str, Json]) -> None:
        """Nothing is left to do."""

    async def _post(self, request: bytes) -> bytes:
        try:
            async with self._session.post(self._url, data=request, headers=REQUEST, timeout=PATIENCE) as answer:
                body = bytearray()
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise AnchorError(Trouble.TOO_LONG)
        except (ClientError, TimeoutError, ValueError) as error:
            raise AnchorError(Trouble.UNREACHABLE, str(error) or type(error).__name__) from error
        if answer.status != 200:  # noqa: PLR2004
            raise AnchorError(Trouble.REFUSED, f"{answer.status}: {body.decode(errors='replace')[:MAX_DETAIL]}")
        return bytes(body)


def ask(client: ModuleType, note: bytes) -> TimeStampRequest:
    """Make a request with a nonce, for a token that has its certificates."""
    request: TimeStampRequest = (
        client.TimestampRequestBuilder()
        .data(note)
        .hash_algorithm(client.HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    return request


def check(client: ModuleType, request: TimeStampRequest, answer: bytes, note: bytes) -> tuple[datetime, str]:
    """Check an answer (DER) to a request, and return when it was stamped, and up to what the signature was checked.

    That is `public` (a root that browsers know), `embedded` (a root that the token brings along, so anybody could have made it),
    `unknown` (the root is missing, so not at all).

    Raises:
        AnchorError: it was refused, belongs to something else, or is signed wrongly.
    """
    try:
        response: TimeStampResponse = client.decode_timestamp_response(in_order(answer))
        if response.status not in GRANTED:
            raise AnchorError(Trouble.REFUSED, "; ".join((str(response.status), *response.status_string))[:MAX_DETAIL])
        info = response.tst_info
        certificates = [x509.load_der_x509_certificate(each) for each in response.signed_data.certificates]
    except (ValueError, IndexError) as error:
        raise AnchorError(Trouble.NOT_UNDERSTOOD, str(error)[:MAX_DETAIL]) from error
    if info.nonce != request.nonce or info.message_imprint.message != sha256(note).digest():
        raise AnchorError(Trouble.MISMATCH, "nonce or imprint")
    return info.gen_time, _chain(client, request, response, note, certificates)


def _chain(
    client: ModuleType,
    request: TimeStampRequest,
    response: TimeStampResponse,
    note: bytes,
    certificates: list[x509.Certificate],
) -> str:
    """Check the signature, and tell up to what."""
    issuers = {each.issuer.public_bytes() for each in certificates}
    known = SSLContext(PROTOCOL_TLS_CLIENT)
    known.load_verify_locations(certifi.where())
    # Only what can be a root of these is parsed: some of what browsers know, cryptography doesn't like.
    roots = [each for each in known.get_ca_certs(binary_form=True) if any(issuer in each for issuer in issuers)]
    public = [x509.load_der_x509_certificate(each) for each in roots]
    embedded = [each for each in certificates if each.subject == each.issuer]
    for name, trusted in (("public", public), ("embedded", embedded)):
        if trusted:
            try:
                client.VerifierBuilder(roots=trusted, nonce=request.nonce).build().verify_message(response, note)
            except client.VerificationError as error:
                if name == "embedded":
                    raise AnchorError(Trouble.MISMATCH, str(error)[:MAX_DETAIL]) from error
            else:
                return name
    return "unknown"


def in_order(answer: bytes) -> bytes:
    """Put a token's certificates into the order that DER wants of a set.

    Authorities that run OpenSSL give them in the order of their configuration, which strict readers refuse. The certificates aren't
    signed, and only change places, so nothing else changes.

    Raises:
        IndexError, ValueError: it isn't DER.
    """
    _, start, end = _header(answer, 0)
    parts = list(_elements(answer, start, end))
    if len(parts) < 2:  # noqa: PLR2004 -- a refusal has no token
        return answer
    _, content = _elements(answer, *parts[1][2:])  # ContentInfo: its type, its content
    _, start, end = _header(answer, content[2])  # SignedData
    for _, tag, first, after in _elements(answer, start, end):
        if tag == 0xA0:  # noqa: PLR2004 -- [0], the certificates
            certificates = sorted(answer[whole:last] for whole, _, _, last in _elements(answer, first, after))
            return answer[:first] + b"".join(certificates) + answer[after:]
    return answer


def _elements(der: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield what a constructed element has: where each begins, its tag, where its content begins and ends."""
    while start < end:
        tag, content, after = _header(der, start)
        yield start, tag, content, after
        start = after


def _header(der: bytes, at: int) -> tuple[int, int, int]:
    """Read an element's tag, and where its content begins and ends."""
    tag, length, at = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(der[at : at + size]), at + size
    return tag, at, at + length
