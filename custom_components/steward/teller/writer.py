"""Entries on their way to the disk: in their order, many with one write, kept in memory while the disk is full.

One task writes at a time. It isn't one of Home Assistant's background tasks, which are cancelled when Home Assistant stops: what was
begun is finished.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..protocol.books.entries import Entry, encode

BATCH_SECONDS: Final = 1
"""How long a reading waits for others that are written with it."""
RETRY_SECONDS: Final = 30
"""How long after a full disk the next try is."""
MANY: Final = 4096
"""What one write has at most."""
MOST: Final = 20_000
"""How many entries wait at most; then sources aren't listened to any more, which their meters find as a gap."""


@dataclass(slots=True)
class _Waiting:
    """An entry that isn't on disk yet, and who waits for its index."""

    entry: Entry
    data: bytes
    told: asyncio.Future[int | None] | None = None


class Writer:
    """Writes what it is given with `append`, and tells `written` about each entry that is on disk."""

    def __init__(
        self,
        hass: HomeAssistant,
        append: Callable[[Sequence[bytes]], Awaitable[int]],
        written: Callable[[int, Entry], None],
        changed: Callable[[], None],
    ) -> None:
        """Begin with nothing to write; `changed` is called after each write, and when the disk has become full or has room again."""
        self._hass = hass
        self._append = append
        self._written = written
        self._changed = changed
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._cancel_timer: CALLBACK_TYPE | None = None
        self.full = False

    @property
    def waiting(self) -> int:
        """How many entries aren't on disk yet."""
        return len(self._waiting)

    @property
    def overflows(self) -> bool:
        """Whether nothing more should be given that can be left out."""
        return len(self._waiting) >= MOST

    @callback
    def put(self, entries: Sequence[Entry]) -> None:
        """Take entries that can wait for others to be written with."""
        self._waiting += (_Waiting(entry, encode(entry)) for entry in entries)
        if self._waiting and self._task is None and self._cancel_timer is None:
            self._wait(BATCH_SECONDS)

    async def async_put(self, entries: Sequence[Entry]) -> int | None:
        """Have entries written at once, after those that wait, and return the index of the first.

        None where the disk is full: they are written later, in their order.
        """
        if not entries:
            return None
        told: asyncio.Future[int | None] = self._hass.loop.create_future()
        first, *others = entries
        self._waiting.append(_Waiting(first, encode(first), told))
        self._waiting += (_Waiting(entry, encode(entry)) for entry in others)
        self._start()
        return await told

    async def async_flush(self) -> bool:
        """Write what waits, and tell whether all of it is on disk."""
        while self._waiting or self._task:
            self._start()
            if self._task:
                await asyncio.shield(self._task)
            if self.full:
                return False
        return True

    @callback
    def close(self) -> None:
        """Try nothing more by itself."""
        if self._cancel_timer:
            self._cancel_timer()
            self._cancel_timer = None

    def _wait(self, seconds: float) -> None:
        @callback
        def over(_now: datetime) -> None:
            self._cancel_timer = None
            self._start()

        self._cancel_timer = async_call_later(
            self._hass, seconds, HassJob(over, "steward teller's writer", cancel_on_shutdown=True)
        )

    @callback
    def _start(self) -> None:
        if self._task is None and self._waiting:
            self.close()
            self._task = self._hass.async_create_task(self._drain(), "steward teller's writer", eager_start=False)

    async def _drain(self) -> None:
        """Write until nothing waits, or nothing can be written."""
        try:
            while self._waiting:
                batch = self._waiting[:MANY]
                try:
                    index = await self._append([each.data for each in batch])
                except OSError:  # LogFull is one
                    self._give_up()
                    return
                del self._waiting[: len(batch)]
                self.full = False
                for number, each in enumerate(batch, index):
                    self._written(number, each.entry)
                    _tell(each, number)
                self._changed()
        finally:
            self._task = None

    def _give_up(self) -> None:
        """Keep what waits for later, and tell those who wait that it isn't on disk."""
        self.full = True
        for each in self._waiting:
            _tell(each, None)
        self._wait(RETRY_SECONDS)
        self._changed()


def _tell(each: _Waiting, index: int | None) -> None:
    if each.told and not each.told.done():
        each.told.set_result(index)
