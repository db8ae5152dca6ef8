"""The hub's signs of life: which run of which house's Home Assistant is there, and a heartbeat while it runs and is connected.

Its status is retained; nodes hold the hub for alive while the heartbeats of the status's session go on.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, TypedDict

from homeassistant.components import mqtt
from homeassistant.components.mqtt.const import DEFAULT_WILL
from homeassistant.const import CONF_PAYLOAD
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from ..const import DOMAIN
from ..protocol.fields import ContractError
from ..protocol.hub import HEARTBEAT_TOPIC, STATUS_TOPIC, Heartbeat, HubStatus
from .say import async_say

VERSION: Final = 1
BEAT: Final = timedelta(seconds=1)
FAREWELL_SECONDS: Final = 2
"""How long the broker may take to take note that Home Assistant goes down."""


class _Stored(TypedDict):
    """What is on disk."""

    house: str


class Hub:
    """One run of one house's Home Assistant, as its nodes see it."""

    def __init__(self, hass: HomeAssistant, ready: Callable[[], None]) -> None:
        """Begin a session; `ready` is called when Home Assistant has started, and events may be taken from then on."""
        self._hass = hass
        self._ready = ready
        self._store: Store[_Stored] = Store(hass, VERSION, f"{DOMAIN}.house")
        self._stop: list[CALLBACK_TYPE] = []
        self.house = ""
        self.session = ulid_now()
        self.taking = False
        """Whether events are taken: from when Home Assistant has started until it goes down."""

    async def async_load(self) -> None:
        """Read which house this is; a new one gets an id."""
        if stored := await self._store.async_load():
            self.house = stored["house"]
        else:
            self.house = ulid_now()
            await self._store.async_save({"house": self.house})

    @callback
    def async_start(self) -> None:
        """Show the nodes that the hub is there, as soon as Home Assistant has started."""
        self._stop = [
            mqtt.async_subscribe_connection_status(self._hass, self._connection_changed),
            async_track_time_interval(self._hass, self._beat, BEAT, cancel_on_shutdown=True),
            self._hass.async_add_shutdown_job(HassJob(self._async_go_down, "steward: hub goes down")),
            async_at_started(self._hass, self._started),
        ]

    @callback
    def async_stop(self) -> None:
        """Show that the hub is not there any more: no node is left that it is there for."""
        for stop in self._stop:
            stop()
        if self.taking:
            self.taking = False
            self._tell(online=False)

    @callback
    def _started(self, _: HomeAssistant) -> None:
        self.taking = True
        self._tell(online=True)
        self._ready()

    @callback
    def _connection_changed(self, connected: bool) -> None:  # noqa: FBT001
        """Say again after a break who is there: the broker may be another one, and the will another one too."""
        if connected and self.taking:
            self._tell(online=True)

    async def _async_go_down(self) -> None:
        """Let the nodes know that they are on their own, before anything of Home Assistant stops."""
        if self.taking:
            self.taking = False
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._async_tell(online=False)

    def _tell(self, *, online: bool) -> None:
        self._hass.async_create_task(self._async_tell(online=online), "steward: hub status")

    async def _async_tell(self, *, online: bool) -> None:
        await async_say(self._hass, STATUS_TOPIC, self._status(online=online), retain=True)
        if online:
            await self._beat()

    async def _beat(self, _: datetime | None = None) -> None:
        if self.taking:
            heartbeat = Heartbeat(self.session, dt_util.utcnow())
            await async_say(self._hass, HEARTBEAT_TOPIC, heartbeat.encode(), qos=0)

    def _status(self, *, online: bool) -> bytes:
        entry = next(iter(self._hass.config_entries.async_entries(mqtt.DOMAIN)), None)
        will = {**entry.data, **entry.options}.get(mqtt.CONF_WILL_MESSAGE, DEFAULT_WILL) if entry else None
        if will:
            with suppress(ContractError):  # a will that nodes can't watch
                topic, payload = will[mqtt.ATTR_TOPIC], will.get(CONF_PAYLOAD, "")
                return HubStatus(self.house, self.session, topic, payload, online).encode()
        return HubStatus(self.house, self.session, online=online).encode()
