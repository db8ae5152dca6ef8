"""Numbers that can be set."""

from typing import override

from homeassistant.components.number import NumberEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .area.node import StewardConfigEntry
from .protocol.entity import NumberInfo, Platform, State

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: StewardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Offer the platform to the node."""
    entry.runtime_data.async_add_platform(Platform.NUMBER, AreaNumber, async_add_entities)


class AreaNumber(AreaEntity[NumberInfo], NumberEntity):
    """A number of a node."""

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Tell it its value."""
        await self.command(value)

    @override
    def _show(self, state: State) -> None:
        self._attr_native_value = state  # type: ignore[assignment]
