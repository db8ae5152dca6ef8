"""The node's journal: what it did for the hub, kept until the hub knows."""

import asyncio
from collections import deque
from collections.abc import Callable
import logging
import secrets
from typing import Final

from ..protocol.fields import ContractError, Fields, Json, dump, parse, stamp
from ..protocol.hub import Journal as Part, JournalEntry
from ..protocol.ulid import RANDOM_BYTES, ulid
from .clock import Clock
from .keeper import Keeper

_LOG: Final = logging.getLogger(__name__)
DOCUMENT: Final = "journal"
ROOM: Final = 1024
_PART: Final = 32
"""Entries that are told at once: writing and reading them takes a few milliseconds."""
_MAX_BYTES: Final = 16 * 1024 * 1024
_FIRST: Final = 2.0
_LONGEST: Final = 60.0
"""Seconds until a part is sent again; each time twice as many."""


class Journal:
    """What isn't told yet, oldest first: the part that the hub has to answer, then the rest."""

    def __init__(self, keeper: Keeper, clock: Clock, post: Callable[[bytes], None]) -> None:
        """Start from what the last run kept; tell the hub by `post`."""
        self._keeper = keeper
        self._clock = clock
        self._post = post
        self._hub = False
        self._part: Part | None = None
        self._entries: deque[tuple[JournalEntry, bytes]] = deque()
        self._dropped = 0
        self._lost = 0
        self._delay = _FIRST
        self._timer: asyncio.TimerHandle | None = None
        self._restore()
        keeper.add(DOCUMENT, self._write)

    def add(self, kind: str, data: dict[str, Json]) -> None:
        """Take an entry of this moment.

        Raises:
            ContractError: it can't be told.
        """
        self._close_lost()
        self._append(JournalEntry(self._clock.now(), kind, data))
        self._keeper.keep(DOCUMENT)
        self._tell()

    def lose(self) -> None:
        """Take that nobody took an event."""
        self._lost += 1
        # With the next thing that is worth a write: a hub of an older kind takes no events at all.
        self._keeper.keep(DOCUMENT, soon=False)

    def hub(self, *, there: bool) -> None:
        """Take whether the hub is there."""
        self._hub = there
        self._delay = _FIRST
        self._stop_timer()
        if there:
            self._close_lost()
            if self._part:
                self._send()
            self._tell()

    def acked(self, part_id: str) -> None:
        """Forget the part that the hub has answered."""
        if self._part and self._part.id == part_id:
            self._part = None
            self._delay = _FIRST
            self._stop_timer()
            self._keeper.keep(DOCUMENT)
            self._tell()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _append(self, entry: JournalEntry) -> None:
        self._entries.append((entry, _encode(entry)))
        if len(self._entries) > ROOM:
            self._entries.popleft()
            self._dropped += 1

    def _close_lost(self) -> None:
        """Make an entry of the events that were lost until now."""
        if self._lost:
            lost, self._lost = self._lost, 0
            self._append(JournalEntry(self._clock.now(), "lost", {"count": lost}))

    def _tell(self) -> None:
        """Begin with the next part."""
        if not self._hub or self._part or not self._entries:
            return
        entries = tuple(self._entries.popleft()[0] for _ in range(min(_PART, len(self._entries))))
        now = round(self._clock.now().timestamp() * 1000)
        self._part = Part(ulid(now, secrets.token_bytes(RANDOM_BYTES)), entries, self._dropped)
        self._dropped = 0
        self._keeper.keep(DOCUMENT)
        self._send()

    def _send(self) -> None:
        if self._part and self._hub:
            self._post(self._part.encode())
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._send)
            self._delay = min(2 * self._delay, _LONGEST)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _write(self) -> bytes:
        part = self._part.encode() if self._part else b"null"
        entries = b",".join(encoded for _, encoded in self._entries)
        counts = b'"dropped":%d,"lost":%d' % (self._dropped, self._lost)
        return b'{"part":%b,"entries":[%b],%b}' % (part, entries, counts)

    def _restore(self) -> None:
        if not (kept := self._keeper.load(DOCUMENT)):
            return
        try:
            fields = Fields(parse(kept, _MAX_BYTES))
            part = fields.get("part")
            entries = fields.items("entries", ROOM, JournalEntry.read)
            self._dropped, self._lost = (fields.integer(name, 0, 2**53) for name in ("dropped", "lost"))
            self._part = None if part is None else Part.decode(dump(part))
            self._entries.extend((entry, _encode(entry)) for entry in entries)
        except ContractError as error:
            _LOG.warning("The journal of the last run can't be read: %s", error)


def _encode(entry: JournalEntry) -> bytes:
    return dump({**entry.data, "at": stamp(entry.at), "kind": entry.kind})
