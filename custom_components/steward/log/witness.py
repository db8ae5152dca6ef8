"""Has a log's checkpoint cosigned by a witness, c2sp.org/tlog-witness."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from ..protocol.log.checkpoint import open_checkpoint
from ..protocol.log.cosignature import (
    MAX_ANSWER_BYTES,
    add_checkpoint_request,
    cosigned,
    read_cosignatures,
    read_size,
)
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Algorithm, Verifier
from .storage import LogStorage

TIMEOUT: Final = ClientTimeout(total=20, connect=10)
MAX_REASON: Final = 200
"""Characters of what a witness says about a fault that are shown."""
_ATTEMPTS: Final = 3
"""How often the size that a witness says it knows is believed: it changes in between only if others submit the log, too."""


class WitnessError(Exception):
    """A witness did not cosign: it is away, doesn't know the log, or answers what it must not. May be tried again later."""


class UnknownLog(WitnessError):  # noqa: N818 -- what it says
    """The witness doesn't know the log's origin or its key: whoever runs it has to add them."""


class RolledBack(WitnessError):  # noqa: N818 -- what it says
    """The witness has cosigned more of the log than there is, or something else: this log must not be continued.

    `known` is the size that it has cosigned.
    """

    def __init__(self, message: str, known: int) -> None:
        """Remember the size."""
        super().__init__(message)
        self.known = known


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: where it takes checkpoints (the submission prefix), and the key that it cosigns with."""

    url: str
    verifier: Verifier

    @classmethod
    def parse(cls, url: str, vkey: str) -> Witness:
        """Read what a user configured.

        Raises:
            NoteError: the key is none, or none of a witness.
        """
        verifier = Verifier.parse(vkey)
        if verifier.algorithm is not Algorithm.COSIGNATURE:
            where = f"key {verifier.name}"
            raise NoteError(where, "it is not a witness's: it does not make cosignatures")
        return cls(url.rstrip("/"), verifier)


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What a witness has cosigned: a size, when (Unix time in seconds, by its clock), and whether that still was the last checkpoint."""

    size: int
    at: int
    kept: bool


class Run(Protocol):
    """Calls what blocks on the log, where that is allowed."""

    def __call__[**P, T](self, target: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Return its result."""
        ...


async def async_witness(
    session: ClientSession, witness: Witness, storage: LogStorage, old: int = 0, run: Run = asyncio.to_thread
) -> Cosigned:
    """Have the log's last checkpoint cosigned, and keep the cosignature if it is true.

    `old` is the size that this witness cosigned last, as far as is known; it is for the caller to keep. A checkpoint that the witness knows is
    cosigned again. So the first thing after a start is to submit the last one: if the witness has seen more, it says so before
    anything else is signed.

    Raises:
        RolledBack: the witness has cosigned more, or another log of this origin.
        UnknownLog: it does not know this log.
        WitnessError: it can't be reached, or does not answer as it has to.
        LogFull: the disk took no cosignature.
    """
    note = await run(storage.checkpoint)
    if note is None:
        message = "nothing was signed yet"
        raise WitnessError(message)
    size = open_checkpoint(note, storage.verifier).checkpoint.size
    old = min(old, size)
    for _ in range(_ATTEMPTS):
        proof = await run(storage.consistency, old, size)
        status, body = await _post(session, witness, add_checkpoint_request(old, proof, note))
        match status:
            case HTTPStatus.OK:
                return await _keep(witness, storage, note, body, run)
            case HTTPStatus.CONFLICT:
                old = _known(witness, body, old, size)
            case HTTPStatus.UNPROCESSABLE_ENTITY if old:
                message = f"{witness.verifier.name} has cosigned another log of {old} entries: {_reason(body)}"
                raise RolledBack(message, old)
            case HTTPStatus.NOT_FOUND | HTTPStatus.FORBIDDEN:
                message = (
                    f"{witness.verifier.name} does not know {storage.origin} or its key ({status}): {_reason(body)}"
                )
                raise UnknownLog(message)
            case _:
                message = f"{witness.verifier.name} answers {status}: {_reason(body)}"
                raise WitnessError(message)
    message = f"{witness.verifier.name} names another size each time"
    raise WitnessError(message)


def _known(witness: Witness, body: bytes, old: int, size: int) -> int:
    """Return the size that a witness says it has cosigned.

    Raises:
        RolledBack: it is more than there is, or as much and something else.
        WitnessError: it says nothing new.
    """
    try:
        known = read_size(body)
    except NoteError as error:
        message = f"{witness.verifier.name} does not say which size it knows: {error}"
        raise WitnessError(message) from None
    if known > size:
        message = f"{witness.verifier.name} has cosigned {known} entries, {size} are here"
        raise RolledBack(message, known)
    if known == old == size:
        message = f"{witness.verifier.name} has cosigned another log of {size} entries"
        raise RolledBack(message, known)
    if known == old:
        message = f"{witness.verifier.name} knows {known} entries, and says that it doesn't"
        raise WitnessError(message)
    return known


async def _keep(witness: Witness, storage: LogStorage, note: bytes, body: bytes, run: Run) -> Cosigned:
    try:
        lines = read_cosignatures(body)
        signed = open_checkpoint(cosigned(note, lines, [witness.verifier]), storage.verifier, [witness.verifier])
    except NoteError as error:
        message = f"{witness.verifier.name} did not cosign: {error}"
        raise WitnessError(message) from None
    checkpoint = signed.checkpoint
    try:
        await run(storage.cosigned, lines, [witness.verifier])
        kept = True
    except NoteError:  # a later checkpoint was signed meanwhile
        kept = False
    return Cosigned(checkpoint.size, signed.cosignatures[witness.verifier.name], kept)


async def _post(session: ClientSession, witness: Witness, body: bytes) -> tuple[int, bytes]:
    try:
        async with session.post(
            f"{witness.url}/add-checkpoint",
            data=body,
            # Nothing compressed, so that what is read is as large as what is received.
            headers={"Accept-Encoding": "identity", "Content-Type": "application/octet-stream"},
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as response:
            return response.status, await _read(response)
    except (ClientError, TimeoutError, ValueError) as error:
        message = f"{witness.verifier.name} can't be reached: {str(error) or type(error).__name__}"
        raise WitnessError(message) from error


async def _read(response: ClientResponse) -> bytes:
    """Return an answer's body.

    Raises:
        ClientError: it is larger than any that is listened to.
    """
    body = b""
    while part := await response.content.read(MAX_ANSWER_BYTES):
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            message = f"more than {MAX_ANSWER_BYTES} bytes"
            raise ClientError(message)
    return body


def _reason(body: bytes) -> str:
    """Return what an answer says, as one line that can be shown."""
    text = body[: 4 * MAX_REASON].decode(errors="replace")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:MAX_REASON]
