"""Checks the anchors that a log names: its checkpoints in IPFS, on a Stellar network, and with time stamp authorities.

What is published is a signed checkpoint, so it has to be one of this log, and the log has to begin with it. CIDs are computed; what the
other place says is looked at as far as it is given here: a time stamp's token, or a Horizon that was named.
"""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import json
import re
from typing import Final, cast

from ..protocol.anchor import MAX_BLOCK, Link, memos, raw_cid
from ..protocol.books.entries import Anchored, AnchorKind
from ..protocol.fields import ContractError, Json, moment
from ..protocol.log.checkpoint import open_checkpoint
from ..protocol.log.errors import LogError, NoteError
from ..protocol.log.tiles import TileReader, entries_path
from ..protocol.log.tree import Frontier
from .books import At
from .findings import Findings
from .generations import Known
from .heads import Keys, origin_of
from .options import Ask
from .result import AnchorResult
from .stamps import StampError, Stamps
from .witnessing import TOLERANCE, last_time

_HASH: Final = re.compile("[0-9a-f]{64}", re.ASCII)
_MAX_BUNDLES: Final = 4096


@dataclass(frozen=True, slots=True)
class _Anchor:
    """An anchored entry on its way through the checks."""

    at: At[Anchored]
    note: bytes
    known: Known | None


class AnchorCheck:
    """Checks anchors against the generations of a log."""

    def __init__(
        self, known: Sequence[Known], keys: Keys, findings: Findings, stamps: Stamps, horizon: Ask | None
    ) -> None:
        """Take what they are checked with."""
        self._known = {each.origin: each for each in known}
        self._readers = {each.origin: TileReader(each.files.read, each.size) for each in known}
        self._keys = keys
        self._findings = findings
        self._stamps = stamps
        self._horizon = horizon
        self._cids: set[str] = set()
        self._roots: dict[tuple[str, int], bytes | None] = {}

    def check(self, at: At[Anchored]) -> AnchorResult:
        """Check one anchor, after those before it."""
        self._findings.generation = at.place.generation
        entry = at.entry
        reference = entry.reference
        note = _text(reference, "note").encode()
        anchor = _Anchor(at, note, self._known.get(origin_of(note)))
        checked: list[str] = []
        since = entry.since
        if self._is_ours(anchor):
            checked.append("checkpoint")
            match entry.anchor:
                case AnchorKind.IPFS:
                    checked += self._check_ipfs(anchor)
                case AnchorKind.STELLAR:
                    closed, found = self._check_stellar(anchor)
                    checked += found
                    since = closed or since
                case AnchorKind.RFC3161:
                    stamped, found = self._check_stamp(anchor)
                    checked += found
                    since = stamped or since
            if since is not None:
                self._check_clock(anchor, since)
        self._findings.generation = None
        generation = anchor.known.number if anchor.known else None
        return AnchorResult(at.place, entry.anchor.value, entry.size, generation, since, tuple(checked))

    def _is_ours(self, anchor: _Anchor) -> bool:
        """Whether the checkpoint that was published is this log's, and the log begins with its tree."""
        place, entry = anchor.at.place, anchor.at.entry
        try:
            if anchor.known is None:
                raise NoteError("note", "it is not a checkpoint of this log")  # noqa: TRY301
            checkpoint = open_checkpoint(anchor.note, self._keys.of(anchor.known.origin)).checkpoint
        except NoteError as error:
            self._findings.problem("anchor_note", entry=place.entry, what=str(error))
            return False
        if (checkpoint.size, checkpoint.root.hex()) != (entry.size, entry.root):
            self._findings.problem(
                "anchor_note", entry=place.entry, what="its size or root is another than the entry's"
            )
            return False
        root = self._root(anchor.known, checkpoint.size)
        if root != checkpoint.root:
            self._findings.problem("anchor_not_inside", entry=place.entry, size=checkpoint.size)
            return False
        return True

    def _root(self, known: Known, size: int) -> bytes | None:
        """Return the root that a generation had at a size; None if it never had so many entries."""
        key = known.origin, size
        if key not in self._roots:
            try:
                self._roots[key] = Frontier.of(size, self._readers[known.origin].node).root()
            except LogError:
                self._roots[key] = None
        return self._roots[key]

    def _check_ipfs(self, anchor: _Anchor) -> list[str]:
        reference = anchor.at.entry.reference
        checked = self._check_link(anchor)
        if reference.get("note_cid", raw_cid(anchor.note)) != raw_cid(anchor.note):
            self._findings.problem("anchor_cid", entry=anchor.at.place.entry, cid=_text(reference, "note_cid"))
        bundles = reference.get("bundles")
        first = reference.get("first_bundle")
        if isinstance(bundles, list) and type(first) is int and 0 <= first < 1 << 32 and anchor.known:
            for index, cid in enumerate(bundles[:_MAX_BUNDLES], first):
                data = anchor.known.files.read(entries_path(index)) or b""
                if cid != (raw_cid(data) if len(data) <= MAX_BLOCK else None):
                    self._findings.problem("anchor_bundle", entry=anchor.at.place.entry, path=entries_path(index))
            checked.append("bundles")
        return checked

    def _check_link(self, anchor: _Anchor) -> list[str]:
        """Compute the CID of the checkpoint's place in the chain."""
        reference = anchor.at.entry.reference
        previous = _text(reference, "previous") or None
        link = Link(anchor.note, previous)
        if link.cid != reference.get("cid"):
            self._findings.problem("anchor_cid", entry=anchor.at.place.entry, cid=_text(reference, "cid"))
            return []
        self._cids.add(link.cid)
        return ["cid", "chain"] if previous is None or previous in self._cids else ["cid"]

    def _check_stellar(self, anchor: _Anchor) -> tuple[datetime | None, list[str]]:
        """Look the transactions up; return when the ledger says that the last of them was made, and what was checked."""
        checked = self._check_link(anchor)
        reference = anchor.at.entry.reference
        hashes = reference.get("transactions")
        if not isinstance(hashes, list) or not all(isinstance(each, str) and _HASH.fullmatch(each) for each in hashes):
            self._findings.problem("anchor_transaction", entry=anchor.at.place.entry, what="no transactions are named")
            return None, checked
        if self._horizon is None or not checked:
            return None, checked
        expected = memos(_text(reference, "cid"))
        if len(hashes) != len(expected):
            self._findings.problem(
                "anchor_transaction", entry=anchor.at.place.entry, what=f"{len(hashes)} transactions"
            )
            return None, checked
        closed, entry_since = None, anchor.at.entry.since
        for transaction, memo in zip(cast("list[str]", hashes), expected, strict=True):
            found = read_transaction(self._horizon, transaction)
            wrong = (
                "it is not in the ledger"
                if found is None
                else "it failed"
                if found.get("successful") is not True
                else f"its memo is {str(found.get('memo'))[:100]}"
                if found.get("memo") != memo
                else f"it is of the account {str(found.get('source_account'))[:100]}"
                if found.get("source_account") != reference.get("account")
                else ""
            )
            if wrong:
                self._findings.problem(
                    "anchor_transaction", entry=anchor.at.place.entry, what=f"{transaction[:16]}…: {wrong}"
                )
                return None, checked
            closed = _closed(found) or closed
        if closed is not None and entry_since is not None and abs(closed - entry_since) > TOLERANCE:
            self._findings.problem(
                "anchor_transaction", entry=anchor.at.place.entry, what=f"the ledger says {closed}, not {entry_since}"
            )
            return closed, checked
        return closed, [*checked, "ledger"]

    def _check_stamp(self, anchor: _Anchor) -> tuple[datetime | None, list[str]]:
        reference = anchor.at.entry.reference
        try:
            token = b64decode(_text(reference, "token"), validate=True)
            stamp = self._stamps.check(token, anchor.note)
        except (ValueError, StampError) as error:
            self._findings.problem("anchor_stamp", entry=anchor.at.place.entry, what=str(error))
            return None, []
        if stamp is None:
            return None, []
        return stamp.time, ["stamp", "authority"] if stamp.trusted else ["stamp"]

    def _check_clock(self, anchor: _Anchor, since: datetime) -> None:
        """Check that no entry below the checkpoint says that it was made after the checkpoint was published."""
        last = last_time(anchor.known, anchor.at.entry.size) if anchor.known else None
        if last is not None and last > since + TOLERANCE:
            self._findings.problem(
                "clock_ahead", entry=anchor.at.entry.size - 1, seconds=int((last - since).total_seconds())
            )


def read_transaction(horizon: Ask, transaction: str) -> dict[str, Json] | None:
    """Return a transaction as a Horizon tells it; None if it knows none of that hash, or says what is none."""
    body = horizon(f"transactions/{transaction}")
    try:
        found = None if body is None else json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _closed(transaction: dict[str, Json] | None) -> datetime | None:
    """Return when a transaction was made, by its ledger."""
    try:
        return moment((transaction or {}).get("created_at"), "created_at")
    except ContractError:
        return None


def _text(reference: dict[str, Json], name: str) -> str:
    value = reference.get(name)
    return value if isinstance(value, str) else ""
