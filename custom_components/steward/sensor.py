"""Sensors."""

from typing import override

from homeassistant.components.sensor import SensorEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .area.node import StewardConfigEntry
from .protocol.entity import Platform, SensorInfo, State

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: StewardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Offer the platform to the node."""
    entry.runtime_data.async_add_platform(Platform.SENSOR, AreaSensor, async_add_entities)


class AreaSensor(AreaEntity[SensorInfo], SensorEntity):
    """A sensor of a node."""

    @override
    def _show(self, state: State) -> None:
        self._attr_native_value = state  # type: ignore[assignment]
