"""IPFS, through the RPC interface of a Kubo node: checkpoints as single blocks whose CIDs are known beforehand.

What the entries say is personal data that IPFS never forgets: their bundles are added only where the project opted in.
"""

from collections.abc import Awaitable, Callable, Mapping
import json
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, FormData
from yarl import URL

from ...protocol.anchor import MAX_BLOCK, file_cid, raw_cid
from ...protocol.books.entries import AnchorKind
from ...protocol.fields import Json
from .job import AnchorError, Job, Reference, Trouble

PATIENCE: Final = ClientTimeout(total=60)
MAX_ANSWER: Final = 65_536
MAX_DETAIL: Final = 200
BUNDLES: Final = 32
"""Bundles of entries that are added with one checkpoint at most; more go with the next."""
BUNDLE: Final = 256
"""Entries of a bundle."""

FILE_OPTIONS: Final = {
    "cid-version": "0",
    "raw-leaves": "false",
    "hash": "sha2-256",
    "chunker": "size-262144",
    "trickle": "false",
    "inline": "false",
    "wrap-with-directory": "false",
    "preserve-mode": "false",
    "preserve-mtime": "false",
    "pin": "true",
    "progress": "false",
}
"""What makes a file's CID, spelt out: a node's own defaults can be changed."""
BLOCK_OPTIONS: Final = {"cid-codec": "raw", "mhtype": "sha2-256", "mhlen": "-1", "pin": "true"}

type ReadBundle = Callable[[str, int], Awaitable[bytes | None]]
"""Reads a full bundle of entries, by the log's origin and its number; None if that log isn't at hand."""


class Kubo:
    """A Kubo node; every block that it takes has to have the CID that was computed here."""

    def __init__(self, session: ClientSession, url: str) -> None:
        """Take a session, and the URL that `/api/v0` is below."""
        self._session = session
        self._url = url.rstrip("/")

    async def add_file(self, content: bytes) -> str:
        """Add and pin a file of one block, and return its CIDv0.

        Raises:
            AnchorError: it wasn't added, or has got another CID.
        """
        return _same(file_cid(content), await self._post("add", FILE_OPTIONS, content), "Hash")

    async def put_block(self, block: bytes) -> str:
        """Add and pin a raw block, and return its CIDv1.

        Raises:
            AnchorError: it wasn't added, or has got another CID.
        """
        return _same(raw_cid(block), await self._post("block/put", BLOCK_OPTIONS, block), "Key")

    async def _post(self, command: str, options: Mapping[str, str], content: bytes) -> Any:
        form = FormData()
        form.add_field("file", content, filename="file", content_type="application/octet-stream")
        try:
            url = URL(f"{self._url}/api/v0/{command}").update_query(options)
            async with self._session.post(url, data=form, timeout=PATIENCE) as answer:
                body = await answer.content.read(MAX_ANSWER)
        except (ClientError, TimeoutError, ValueError) as error:
            raise AnchorError(Trouble.UNREACHABLE, str(error) or type(error).__name__) from error
        if answer.status != 200:  # noqa: PLR2004
            raise AnchorError(Trouble.REFUSED, f"{answer.status}: {body.decode(errors='replace')[:MAX_DETAIL]}")
        try:
            return json.loads(body)
        except ValueError as error:
            raise AnchorError(Trouble.NOT_UNDERSTOOD, body.decode(errors="replace")[:MAX_DETAIL]) from error


class IpfsAnchor:
    """Adds a checkpoint's block of the chain, the note by itself and, where the project wants that, the bundles below it."""

    kind = AnchorKind.IPFS
    every = 3600
    keep = 512

    def __init__(self, kubo: Kubo, read_bundle: ReadBundle | None, shared: dict[str, int]) -> None:
        """Take a node, what reads bundles (None: entries stay at home), and how many were added so far by log (it is kept)."""
        self._kubo = kubo
        self._read_bundle = read_bundle
        self._shared = shared

    async def anchor(self, job: Job) -> Reference:
        """Add what belongs to a checkpoint."""
        members: dict[str, Json] = {
            "cid": await self._kubo.add_file(job.link.content),
            "note_cid": await self._kubo.put_block(job.link.note),
            "note": job.link.note.decode(),
        }
        if job.link.previous:
            members["previous"] = job.link.previous
        first = self._shared.get(job.origin, 0)
        if bundles := await self._add_bundles(job, first):
            members |= {"first_bundle": first, "bundles": bundles}
        return Reference(members)

    async def written(self, job: Job, members: Mapping[str, Json]) -> None:
        """Go on with the next bundles."""
        match members:
            case {"first_bundle": int(first), "bundles": list(bundles)}:
                self._shared[job.origin] = max(self._shared.get(job.origin, 0), first + len(bundles))
            case _:
                pass

    async def _add_bundles(self, job: Job, first: int) -> list[Json]:
        """Add bundles from a number on, and return their CIDs, None for one that is too long for a block."""
        cids: list[Json] = []
        if self._read_bundle:
            for number in range(first, min(job.size // BUNDLE, first + BUNDLES)):
                if (bundle := await self._read_bundle(job.origin, number)) is None:
                    break
                cids.append(await self._kubo.put_block(bundle) if len(bundle) <= MAX_BLOCK else None)
        return cids


def _same(expected: str, answer: Any, key: str) -> str:
    got = answer.get(key) if isinstance(answer, dict) else None
    if got != expected:
        raise AnchorError(Trouble.MISMATCH, f"{got} instead of {expected}")
    return expected
