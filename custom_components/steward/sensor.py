"""Sensors."""

import logging
from typing import override

from homeassistant.components.sensor import SensorEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .area.node import StewardConfigEntry
from .area.own import SENSORS, OwnEntity, OwnSensorDescription
from .protocol.entity import Platform, SensorInfo, State

_LOGGER = logging.getLogger(__name__)

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: StewardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the hub's own sensors, and offer the platform to the node."""
    async_add_entities(OwnSensor(entry.runtime_data, description) for description in SENSORS)
    entry.runtime_data.async_add_platform(Platform.SENSOR, AreaSensor, async_add_entities)


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
