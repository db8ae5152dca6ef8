"""Buttons."""

from typing import Any, override

from homeassistant.components.button import ButtonEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .const import CONF_KIND, Kind
from .protocol.entity import PRESS, ButtonInfo, Platform
from .teller.buttons import TELLER_BUTTONS, TellerButtonDescription
from .teller.entity import TellerEntity

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry[Any], async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entry's buttons."""
    match Kind(entry.data[CONF_KIND]):
        case Kind.AREA:
            entry.runtime_data.async_add_platform(Platform.BUTTON, AreaButton, async_add_entities)
        case Kind.TELLER:
            async_add_entities(TellerButton(entry.runtime_data, description) for description in TELLER_BUTTONS)


class AreaButton(AreaEntity[ButtonInfo], ButtonEntity):
    """A button of a node."""

    @override
    async def async_press(self) -> None:
        """Press it."""
        await self.command(PRESS)


class TellerButton(TellerEntity, ButtonEntity):
    """Something that a user can have a teller do."""

    entity_description: TellerButtonDescription

    @override
    async def async_press(self) -> None:
        """Have it done."""
        await self.entity_description.press_fn(self.teller)
