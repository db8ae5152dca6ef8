"""Notices: messages to the parties, each once per occasion and target, and at least once whatever happens in between.

A message is on disk before its entry `sent` is in the log and before Home Assistant is asked to deliver it; it stays there until it was
delivered. Whoever dies in between finds it at the next start, and sends it again: twice at worst, never not at all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
import logging
from typing import Any, Final

from homeassistant.components.notify.const import ATTR_MESSAGE, ATTR_TITLE, DOMAIN as NOTIFY, SERVICE_SEND_MESSAGE
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from ...const import DOMAIN
from ..anchors.durable import DurableFile
from ..data import Party
from .levels import AUDIENCE, Level

_LOGGER = logging.getLogger(__name__)

FIRST_RETRY: Final = timedelta(minutes=1)
LAST_RETRY: Final = timedelta(hours=6)
DOUBLINGS: Final = 10
"""After so many it is the last one anyway."""
PATIENCE: Final = 60
"""Seconds that a delivery may take; what takes longer is tried again, though it may have worked."""
REMEMBERED: Final = 5000
"""Deliveries that are remembered, so that they aren't repeated."""


class Step(StrEnum):
    """What the log says of a notice."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """One notice for one target (an entity or an action of the domain notify) of a party; `occasion` is what it is sent once for."""

    occasion: str
    level: str
    party: str
    target: str
    title: str
    text: str

    @property
    def id(self) -> str:
        """What tells it from others."""
        return f"{self.occasion}|{self.party}|{self.target}"


type Record = Callable[[Message, Step], Awaitable[object]]
"""Writes a step of a message into the log."""


class NotDeliveredError(Exception):
    """A target isn't there at the moment."""


class Notices:
    """The messages of one teller."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], parties: Iterable[Party], file: DurableFile, record: Record
    ) -> None:
        """Take whom to tell, where to keep messages until they are delivered, and how to write down what was sent."""
        self._hass = hass
        self._entry = entry
        self._parties = tuple(parties)
        self._file = file
        self._record = record
        self._waiting: dict[str, Message] = {}
        self._done: dict[str, None] = {}
        self._sent: set[str] = set()
        self._failed: set[str] = set()
        self._tries: dict[str, tuple[int, datetime]] = {}
        self._silent: set[str] = set()
        self._unsaved = False
        self._working = False
        self._timer: CALLBACK_TYPE | None = None
        self._unsubscribe: CALLBACK_TYPE | None = None

    async def async_load(self) -> None:
        """Read what wasn't delivered."""
        data = await self._file.load()
        self._done = dict.fromkeys(data.get("done", ()))
        self._sent = set(data.get("sent", ()))
        self._failed = set(data.get("failed", ()))
        for each in data.get("waiting", ()):
            message = Message(**each)
            self._waiting[message.id] = message

    @callback
    def start(self) -> None:
        """Go on when Home Assistant has started, and with it whatever delivers."""

        @callback
        def started(_: HomeAssistant) -> None:
            self._kick()

        self._unsubscribe = async_at_started(self._hass, started)

    @callback
    def stop(self) -> None:
        """Leave the rest to the next start."""
        if self._unsubscribe:
            self._unsubscribe()
        if self._timer:
            self._timer()
        self._timer = None

    async def async_tell(
        self, occasion: str, level: Level, placeholders: Mapping[str, str], *, deliver: bool = True
    ) -> None:
        """Tell everybody whom a notice of this level concerns, once for this occasion; returns when that is on disk."""
        texts = await async_get_translations(self._hass, self._hass.config.language, "issues", {DOMAIN})
        prefix = f"component.{DOMAIN}.issues.notice_{level}"
        new = False
        for party in self._parties:
            if party.role not in AUDIENCE[level]:
                continue
            values = {**placeholders, "party": party.name}
            title, text = (texts[f"{prefix}.{part}"].format_map(values) for part in ("title", "description"))
            for target in party.targets:
                message = Message(occasion, level.value, party.name, target, title, text)
                if message.id not in self._done and message.id not in self._waiting:
                    self._waiting[message.id] = message
                    new = True
        if new:
            await self._save()
            if deliver:
                self._kick()

    async def async_withdraw(self, prefix: str, keep: str | None = None) -> None:
        """Don't tell any more what hasn't been delivered of the occasions that begin like this, except one."""
        stale = [
            message
            for message in self._waiting.values()
            if message.occasion.startswith(prefix) and message.occasion != keep
        ]
        for message in stale:
            if message.id in self._sent and message.id not in self._failed:
                await self._record(message, Step.FAILED)
            self._forget(message)
        if stale:
            await self._save()

    async def async_deliver(self) -> None:
        """Try once what is waiting and whose time has come."""
        if self._working:
            return
        self._working = True
        try:
            while now_due := [each for each in self._waiting.values() if self._due(each)]:
                await asyncio.gather(*(self._try(message) for message in now_due))
        finally:
            self._working = False
        self._wait()

    @property
    def waiting(self) -> int:
        """How many messages aren't delivered yet."""
        return len(self._waiting)

    async def _try(self, message: Message) -> None:
        if message.id not in self._sent:
            await self._record(message, Step.SENT)
            self._sent.add(message.id)
        try:
            await self._send(message)
        except Exception as error:  # noqa: BLE001 -- whatever a platform raises: it is told and tried again
            await self._not_delivered(message, error)
            return
        if message.target in self._silent:
            self._silent.discard(message.target)
            _LOGGER.info("%s delivers notices again", message.target)
        await self._record(message, Step.DELIVERED)
        self._forget(message)
        self._done[message.id] = None
        while len(self._done) > REMEMBERED:
            del self._done[next(iter(self._done))]
        await self._save()

    async def _not_delivered(self, message: Message, error: Exception) -> None:
        tries = self._tries[message.id][0] + 1 if message.id in self._tries else 0
        self._tries[message.id] = tries, dt_util.utcnow() + min(FIRST_RETRY * 2 ** min(tries, DOUBLINGS), LAST_RETRY)
        if message.target not in self._silent:
            self._silent.add(message.target)
            _LOGGER.warning(
                "%s doesn't deliver notices, they are kept: %s", message.target, str(error) or type(error).__name__
            )
        if message.id not in self._failed:
            self._failed.add(message.id)
            await self._record(message, Step.FAILED)
            await self._save()

    async def _send(self, message: Message) -> None:
        """Have Home Assistant deliver a message: by an entity of this name or, where there is none, by an action."""
        data = {ATTR_TITLE: message.title, ATTR_MESSAGE: message.text}
        service = message.target.partition(".")[2]
        if state := self._hass.states.get(message.target):
            if state.state == STATE_UNAVAILABLE:
                raise NotDeliveredError(STATE_UNAVAILABLE)
            service = SERVICE_SEND_MESSAGE
            data[ATTR_ENTITY_ID] = message.target
        elif not self._hass.services.has_service(NOTIFY, service):
            raise NotDeliveredError("missing")  # noqa: EM101 -- for the log
        async with asyncio.timeout(PATIENCE):
            await self._hass.services.async_call(NOTIFY, service, data, blocking=True)

    def _forget(self, message: Message) -> None:
        self._waiting.pop(message.id, None)
        self._sent.discard(message.id)
        self._failed.discard(message.id)
        self._tries.pop(message.id, None)

    def _due(self, message: Message) -> bool:
        return message.id not in self._tries or self._tries[message.id][1] <= dt_util.utcnow()

    async def _save(self) -> None:
        """Have everything on disk; where that fails it stays in memory, and notices go on."""
        try:
            await self._file.save(
                {
                    "waiting": [asdict(each) for each in self._waiting.values()],
                    "sent": sorted(self._sent),
                    "failed": sorted(self._failed),
                    "done": list(self._done),
                }
            )
        except OSError as error:
            if not self._unsaved:
                _LOGGER.warning("Notices can't be written to disk, and would be lost or sent again: %s", error)
            self._unsaved = True
        else:
            self._unsaved = False

    @callback
    def _kick(self) -> None:
        """Deliver in the background, as soon as there is something that can."""
        if self._hass.is_running and not self._working:
            self._entry.async_create_background_task(self._hass, self.async_deliver(), f"{DOMAIN} notices")

    @callback
    def _wait(self) -> None:
        """Come back when the next one is to be tried again."""
        if self._timer:
            self._timer()
            self._timer = None
        if not self._tries:
            return
        delay = max(0.0, (min(when for _, when in self._tries.values()) - dt_util.utcnow()).total_seconds())

        @callback
        def again(_: datetime) -> None:
            self._timer = None
            self._kick()

        self._timer = async_call_later(self._hass, delay, again)
