"""Switches."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .area.node import StewardConfigEntry
from .area.own import BLOCKED, OwnEntity
from .protocol.entity import Platform, State, SwitchInfo

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: StewardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the hub's own switch, and offer the platform to the node."""
    async_add_entities([BlockedSwitch(entry.runtime_data, BLOCKED)])
    entry.runtime_data.async_add_platform(Platform.SWITCH, AreaSwitch, async_add_entities)


class AreaSwitch(AreaEntity[SwitchInfo], SwitchEntity):
    """A switch of a node."""

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Tell it to be on."""
        await self.command(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Tell it to be off."""
        await self.command(False)

    @override
    def _show(self, state: State) -> None:
        self._attr_is_on = state  # type: ignore[assignment]


class BlockedSwitch(OwnEntity, SwitchEntity):
    """Whether the user has blocked a node."""

    @property
    @override
    def is_on(self) -> bool:
        """Whether the node is blocked."""
        return self.node.blocked

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Block the node."""
        await self.node.async_block()
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Trust the node again."""
        await self.node.async_unblock()
        self.async_write_ha_state()
