"""Having checkpoints witnessed, in its own time: each witness is asked after each commit, and after a failure later and later."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..log.errors import LogDamaged, LogFull
from ..log.witness import RolledBack, Witness, WitnessError, async_witness
from ..protocol.log.checkpoint import open_checkpoint
from ..protocol.log.errors import LogError
from .books import Books

_LOGGER = logging.getLogger(__name__)

FIRST_RETRY: Final = 30.0
LAST_RETRY: Final = 1800.0
"""Seconds after the first, and after many failures."""
FRESH: Final = timedelta(minutes=20)
"""How long a cosignature is news: two commits."""


@dataclass(slots=True)
class _Asked:
    """A witness, what it cosigned last of the current generation, and how it is doing."""

    witness: Witness
    size: int = 0
    at: int = 0
    error: str | None = None
    retry: float = FIRST_RETRY
    believed: bool = True
    """Whether a new generation is begun when it says that it has seen more.

    Not again before it has signed the one that was begun for it: else one that always says so would have generations begun without end.
    """


class Witnessing:
    """The witnesses of one teller."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        *,
        witnesses: tuple[Witness, ...],
        quorum: int,
        books: Books,
        changed: Callable[[], None],
        rolled_back: Callable[[str], Awaitable[None]],
    ) -> None:
        """Take who is asked, who is told when something has changed, and who deals with a witness that has seen more than there is."""
        self._hass = hass
        self._entry = entry
        self._quorum = quorum
        self._books = books
        self._changed = changed
        self._rolled_back = rolled_back
        self._asked = [_Asked(witness) for witness in witnesses]
        self._origin = ""
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._cancel_timer: CALLBACK_TYPE | None = None

    @property
    def needed(self) -> bool:
        """Whether anybody has to sign."""
        return 0 < self._quorum <= len(self._asked)

    @property
    def size(self) -> int:
        """How many entries as many witnesses as needed have seen."""
        if not self.needed or self._origin != self._books.storage.origin:
            return 0
        return sorted((asked.size for asked in self._asked), reverse=True)[self._quorum - 1]

    @property
    def at(self) -> datetime | None:
        """When they had signed last, by the slowest one's clock."""
        if not self.needed:
            return None
        at = sorted((asked.at for asked in self._asked), reverse=True)[self._quorum - 1]
        return datetime.fromtimestamp(at, UTC) if at else None

    @property
    def fresh(self) -> bool:
        """Whether they have signed lately; with nobody needed, always."""
        if not self.needed:
            return True
        return self.size > 0 and self.at is not None and dt_util.utcnow() - self.at < FRESH

    def as_dict(self) -> list[dict[str, Any]]:
        """Return what diagnostics show."""
        return [
            {"name": asked.witness.verifier.name, "size": asked.size, "at": asked.at, "error": asked.error}
            for asked in self._asked
        ]

    def restore(self) -> None:
        """Take from the checkpoint on disk who has signed it; blocks."""
        self._origin = self._books.storage.origin
        note = self._books.storage.checkpoint()
        verifiers = {asked.witness.verifier.name: asked for asked in self._asked}
        if note is None:
            return
        signed = open_checkpoint(note, self._books.storage.verifier, (asked.witness.verifier for asked in self._asked))
        for name, at in signed.cosignatures.items():
            verifiers[name].size, verifiers[name].at = signed.checkpoint.size, at

    @callback
    def ask(self) -> None:
        """Ask all witnesses soon."""
        if not self._asked:
            return
        self._again = True
        if self._task is None or self._task.done():
            self._stop_timer()
            self._task = self._entry.async_create_background_task(
                self._hass, self._async_ask_all(), "steward teller's witnesses"
            )

    async def async_ask(self) -> None:
        """Ask all witnesses, and wait for what they say."""
        self.ask()
        if self._task:
            await asyncio.wait([self._task])

    @callback
    def stop(self) -> None:
        """Ask nobody any more."""
        self._stop_timer()
        if self._task:
            self._task.cancel()

    def _stop_timer(self) -> None:
        if self._cancel_timer:
            self._cancel_timer()
            self._cancel_timer = None

    async def _async_ask_all(self) -> None:
        while self._again:
            self._again = False
            if self._origin != self._books.storage.origin:
                self._origin = self._books.storage.origin
                for asked in self._asked:
                    asked.size = asked.at = 0
            said = await asyncio.gather(*(self._async_ask(asked) for asked in self._asked))
            if any(said):
                self._again = True
            self._changed()
        failed = [asked.retry for asked in self._asked if asked.error]
        if failed:
            job = HassJob(self._over, "steward teller's witnesses", cancel_on_shutdown=True)
            self._cancel_timer = async_call_later(self._hass, min(failed), job)

    @callback
    def _over(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._task = None
        self.ask()

    async def _async_ask(self, asked: _Asked) -> bool:
        """Ask one witness, and tell whether the log went on in a new generation for what it said."""
        name = asked.witness.verifier.name
        storage = self._books.storage
        session = async_get_clientsession(self._hass)
        try:
            found = await async_witness(session, asked.witness, storage, asked.size, self._books.async_run)
        except RolledBack as error:
            self._fail(asked, str(error))
            if not asked.believed:
                return False
            asked.believed = False
            if storage is self._books.storage:
                await self._rolled_back(str(error))
            return True
        except (WitnessError, LogError, LogFull, LogDamaged, ValueError) as error:
            if storage is self._books.storage:
                self._fail(asked, str(error))
            return False
        if asked.error:
            _LOGGER.info("The witness %s signs again", name)
        asked.size, asked.at, asked.error, asked.retry = found.size, found.at, None, FIRST_RETRY
        asked.believed = True
        return False

    def _fail(self, asked: _Asked, error: str) -> None:
        if asked.error is None:
            _LOGGER.warning("A witness doesn't sign: %s", error)
            asked.retry = FIRST_RETRY
        else:
            asked.retry = min(asked.retry * 2, LAST_RETRY)
        asked.error = error
