"""Watching the entities that are metered, and the one that tells the price.

Everything that an entity says is passed on as it says it, also that it is unavailable, and also what it says again. Many say something only when
it has changed, such as a meter at night: so what Home Assistant shows of an entity is passed on now and then, too, as long as it shows something.
That isn't done with power that is produced: it changes all the time, and where nobody tells it any more, it isn't known.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, CONF_ENTITY_ID, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    EventStateReportedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_track_entity_registry_updated_event,
    async_track_state_change_event,
    async_track_state_report_event,
    async_track_time_interval,
)
from homeassistant.util import dt as dt_util

from ..protocol.books.terms import SourceKind
from .data import CONF_AFTER, CONF_TARIFF, Source, TellerSettings

TICK: Final = timedelta(minutes=1)
"""How often meters are told the time, at least."""
SAMPLES: Final = 3
"""How often an entity that says nothing is looked at in the time after which that would be a gap."""

type Take = Callable[[Source, datetime, str | None, str | None], None]
"""Takes what a source says: when, what (None where it says that it doesn't know), in which unit."""


class Sources:
    """The entities of one teller."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        settings: TellerSettings,
        *,
        take: Take,
        tick: Callable[[datetime], None],
        price: Callable[[str], None],
    ) -> None:
        """Take who is told; nothing is watched yet."""
        self._hass = hass
        self._entry = entry
        self._sources = {source.entity_id: source for source in settings.sources}
        self._price_entity: str | None = settings.tariff.get(CONF_ENTITY_ID)
        self._take = take
        self._tick = tick
        self._price = price
        self._every = timedelta(seconds=max(1, settings.gaps[CONF_AFTER] // SAMPLES))
        self._said_at: dict[str, datetime] = {}
        self._unsubscribe: list[CALLBACK_TYPE] = []

    @callback
    def start(self) -> None:
        """Pass on what the entities say at the moment, and what they say from now on."""
        now = dt_util.utcnow()
        for entity_id in self._sources:
            if state := self._hass.states.get(entity_id):
                self._said(state, now)
        entities = [*self._sources]
        if self._price_entity:
            entities.append(self._price_entity)
            if state := self._hass.states.get(self._price_entity):
                self._said(state, now)
        self._unsubscribe = [
            async_track_state_change_event(self._hass, entities, self._changed),
            async_track_state_report_event(self._hass, entities, self._reported),
            async_track_entity_registry_updated_event(self._hass, entities, self._renamed),
            async_track_time_interval(
                self._hass,
                self._timed,
                min(TICK, self._every),
                name="steward teller's meters",
                cancel_on_shutdown=True,
            ),
        ]

    @callback
    def stop(self) -> None:
        """Watch nothing any more."""
        while self._unsubscribe:
            self._unsubscribe.pop()()

    @callback
    def _timed(self, now: datetime) -> None:
        for entity_id, source in self._sources.items():
            state = self._hass.states.get(entity_id)
            if state and now - self._said_at.get(entity_id, now) >= self._every and _lasts(source, state):
                self._said(state, now)
        self._tick(now)

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None:
            self._said(state, state.last_updated)
        elif source := self._sources.get(event.data["entity_id"]):
            self._take(source, event.time_fired, None, None)

    @callback
    def _reported(self, event: Event[EventStateReportedData]) -> None:
        self._said(event.data["new_state"], event.data["last_reported"])

    def _said(self, state: State, at: datetime) -> None:
        known = state.state not in {STATE_UNAVAILABLE, STATE_UNKNOWN}
        if source := self._sources.get(state.entity_id):
            self._said_at[state.entity_id] = at
            unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
            self._take(source, at, state.state if known else None, unit)
        if known and state.entity_id == self._price_entity:
            self._price(state.state)

    @callback
    def _renamed(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        """Follow an entity that got another id."""
        if event.data["action"] != "update" or "old_entity_id" not in event.data:
            return
        old, new = event.data["old_entity_id"], event.data["entity_id"]
        entries = self._hass.config_entries
        if source := self._sources.get(old):
            subentry = self._entry.subentries[source.subentry_id]
            entries.async_update_subentry(self._entry, subentry, data={**subentry.data, CONF_ENTITY_ID: new})
        if old == self._price_entity:
            tariff: Mapping[str, Any] = {**self._entry.data[CONF_TARIFF], CONF_ENTITY_ID: new}
            entries.async_update_entry(self._entry, data={**self._entry.data, CONF_TARIFF: tariff})


def _lasts(source: Source, state: State) -> bool:
    """Whether what an entity said may be taken for what is still so: a register's reading, and that nothing is produced."""
    if source.kind is SourceKind.CUMULATIVE:
        return True
    try:
        return float(state.state) == 0
    except ValueError:
        return False
