"""Buttons."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .area.node import StewardConfigEntry
from .protocol.entity import PRESS, ButtonInfo, Platform

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: StewardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Offer the platform to the node."""
    entry.runtime_data.async_add_platform(Platform.BUTTON, AreaButton, async_add_entities)


class AreaButton(AreaEntity[ButtonInfo], ButtonEntity):
    """A button of a node."""

    @override
    async def async_press(self) -> None:
        """Press it."""
        await self.command(PRESS)
