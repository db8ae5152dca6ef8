"""Sensors."""

from collections.abc import Mapping
from datetime import date, datetime
import logging
from typing import Any, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .area.entity import AreaEntity
from .area.own import SENSORS, OwnEntity, OwnSensorDescription
from .const import CONF_KIND, Kind
from .protocol.entity import Platform, SensorInfo, State
from .teller.entity import SourceEntity, TellerEntity
from .teller.sensors import (
    SOURCE_SENSORS,
    TELLER_SENSORS,
    SourceSensorDescription,
    TellerSensorDescription,
)

_LOGGER = logging.getLogger(__name__)

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry[Any], async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entry's sensors."""
    match Kind(entry.data[CONF_KIND]):
        case Kind.AREA:
            async_add_entities(OwnSensor(entry.runtime_data, description) for description in SENSORS)
            entry.runtime_data.async_add_platform(Platform.SENSOR, AreaSensor, async_add_entities)
        case Kind.TELLER:
            async_add_entities(TellerSensor(entry.runtime_data, description) for description in TELLER_SENSORS)
            for source in entry.runtime_data.settings.sources:
                async_add_entities(
                    (SourceSensor(entry.runtime_data, source, description) for description in SOURCE_SENSORS),
                    config_subentry_id=source.subentry_id,
                )


class AreaSensor(AreaEntity[SensorInfo], SensorEntity):
    """A sensor of a node."""

    @override
    def _show(self, state: State) -> None:
        self._attr_native_value = state  # type: ignore[assignment]


class OwnSensor(OwnEntity, SensorEntity):
    """A number that the hub tells of a node."""

    entity_description: OwnSensorDescription

    @property
    @override
    def native_value(self) -> int:
        """What it is now."""
        return self.entity_description.value_fn(self.node)

    @override
    async def async_added_to_hass(self) -> None:
        """Show each change, the first one at once and those that follow closely together."""
        writer = Debouncer(
            self.hass,
            _LOGGER,
            cooldown=self.entity_description.write_seconds,
            immediate=True,
            function=self.async_write_ha_state,
        )
        self.async_on_remove(writer.async_shutdown)
        self.async_on_remove(self.entity_description.listen_fn(self.node, writer.async_schedule_call))


class TellerSensor(TellerEntity, SensorEntity):
    """Something that a teller's books tell."""

    entity_description: TellerSensorDescription

    @property
    @override
    def native_value(self) -> StateType | date | datetime:
        """What it is now."""
        return self.entity_description.value_fn(self.teller)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Its unit; money is in the project's currency."""
        if self.entity_description.money:
            return self.teller.settings.currency
        return self.entity_description.native_unit_of_measurement

    @property
    @override
    def last_reset(self) -> datetime | None:
        """When it began at zero; what never does has none."""
        return self.entity_description.reset_fn(self.teller) if self.entity_description.reset_fn else None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What else there is to say."""
        return self.entity_description.attributes_fn(self.teller) if self.entity_description.attributes_fn else None


class SourceSensor(SourceEntity, SensorEntity):
    """Something that a teller's books tell of one source."""

    entity_description: SourceSensorDescription

    @property
    @override
    def native_value(self) -> StateType:
        """What it is now."""
        return self.entity_description.value_fn(self.watched)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What else there is to say."""
        return self.entity_description.attributes_fn(self.watched) if self.entity_description.attributes_fn else None
