"""A teller's log, as Home Assistant uses it: opened, read, appended to and signed in the executor, one change at a time.

A log that turns out to be damaged goes on in a new generation, with what was to be appended.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
import logging
from pathlib import Path
from typing import Final

from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..log.errors import LogDamaged, LogFull
from ..log.generations import Cause, First, Generations, Previous
from ..log.storage import LogStorage
from ..protocol.books.entries import Entry, decode
from .writer import Writer

_LOGGER = logging.getLogger(__name__)

FOLDER: Final = ("steward", "teller")
"""Where books are, below Home Assistant's configuration: plain files that people may copy."""


def mark_of(hass: HomeAssistant, entry_id: str) -> Path:
    """Return the file beside the books that has what was signed last: it shows when the books' folder alone is put back."""
    return Path(hass.config.path(".storage", f"{DOMAIN}.teller_{entry_id}.checkpoint"))


class Books:
    """The generations of one teller's log."""

    generations: Generations

    def __init__(
        self,
        hass: HomeAssistant,
        entry_id: str,
        *,
        origin: str,
        key: bytes,
        first: First,
        written: Callable[[int, Entry], None],
        changed: Callable[[], None],
    ) -> None:
        """Take what the log is called and signed with; nothing is opened yet.

        `first` makes the first entry of a new generation, `written` is told of each entry that is on disk, `changed` of what is shown.
        """
        self._hass = hass
        self._origin = origin
        self._key = key
        self._first = first
        self.folder = Path(hass.config.path(*FOLDER, entry_id))
        self.mark = mark_of(hass, entry_id)
        self._one_at_a_time = asyncio.Lock()
        self._closed = True
        self._written = written
        self._begun: list[Entry] = []
        self.writer = Writer(hass, self._async_append, written, changed)

    @property
    def storage(self) -> LogStorage:
        """The current generation."""
        return self.generations.storage

    @property
    def begun(self) -> Previous | None:
        """What the current generation says of the one before, if it began since Home Assistant started."""
        return self.generations.begun

    async def async_open(self, read: Callable[[Generations], object]) -> None:
        """Open the log, and have its entries read, in the executor.

        Raises:
            LogLocked: another program has it open.
            OSError: it can't be read or written.
        """
        await self._hass.async_add_executor_job(self._open)
        try:
            await self._hass.async_add_executor_job(read, self.generations)
        except BaseException:
            await self.async_close()
            raise

    async def async_close(self) -> None:
        """Write what waits, and give the files back."""
        self.writer.close()
        await self.writer.async_flush()
        self.writer.close()
        async with self._one_at_a_time:
            if not self._closed:
                self._closed = True
                await self._hass.async_add_executor_job(self.generations.close)

    async def async_run[**P, T](self, target: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what blocks on the log, while nothing else changes it."""
        async with self._one_at_a_time:
            return await self._hass.async_add_executor_job(partial(target, *args, **kwargs))

    async def async_sign(self) -> bytes:
        """Write what waits, and return the signed checkpoint of it.

        Raises:
            LogFull: the disk has no room or failed; nothing was signed.
        """
        if not await self.writer.async_flush():
            message = "entries wait for room"
            raise LogFull(message)
        try:
            return await self.async_run(self._sign)
        except LogDamaged as error:
            await self.async_begin_new(Cause.DAMAGED, str(error))
            return await self.async_run(self._sign)

    async def async_begin_new(self, cause: Cause, detail: str) -> None:
        """End the current generation, and go on in a new one.

        Raises:
            LogFull, OSError: the disk has no room or failed; it is tried again with the next entries.
        """
        await self.async_run(self._begin_new, cause, detail)
        self._tell_begun()

    async def _async_append(self, entries: Sequence[bytes]) -> int:
        first = await self.async_run(self._append, entries)
        self._tell_begun()
        return first

    def _tell_begun(self) -> None:
        """Tell of the first entries of generations that began since: they came to disk in another way than others."""
        while self._begun:
            self._written(0, self._begun.pop(0))

    def _append(self, entries: Sequence[bytes]) -> int:
        if self._closed:
            self._reopen()
        try:
            return self.storage.append(entries)
        except LogDamaged as error:
            self._begin_new(Cause.DAMAGED, str(error))
            return self.storage.append(entries)

    def _sign(self) -> bytes:
        return self.storage.sign()

    def _open(self) -> None:
        self.generations = Generations.open(self.folder, self._origin, self._key, self._first, mark=self.mark)
        self._closed = False

    def _reopen(self) -> None:
        """Open the log again after a new generation couldn't be begun."""
        self._open()
        if self.begun is not None:
            self._begun.append(decode(self.storage.entry(0)))

    def _begin_new(self, cause: Cause, detail: str) -> None:
        _LOGGER.error("The log in %s goes on in a new generation (%s): %s", self.storage.folder, cause, detail)
        try:
            self.generations.begin_new(cause, detail)
        except OSError:
            self._closed = True
            self.generations.close()
            raise
        self._begun.append(decode(self.storage.entry(0)))
