"""Binary sensors."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .area.node import StewardConfigEntry
from .protocol.entity import BinarySensorInfo, Platform, State

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: StewardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Offer the platform to the node."""
    entry.runtime_data.async_add_platform(Platform.BINARY_SENSOR, AreaBinarySensor, async_add_entities)


class AreaBinarySensor(AreaEntity[BinarySensorInfo], BinarySensorEntity):
    """A binary sensor of a node."""

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return why a module doesn't work, for the binary sensor that says so."""
        if self.info.translation_key != "module_problem":
            return None
        module = self.node.module(self.info.module)
        return {"reason": module.problem if module else None}

    @override
    def _show(self, state: State) -> None:
        self._attr_is_on = state  # type: ignore[assignment]
