"""Lights."""

from typing import Any, override

from homeassistant.components.light import LightEntity
from homeassistant.components.light.const import ColorMode
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity, Host
from .area.node import StewardConfigEntry
from .dispatch.commands import light_on
from .protocol.entity import LightInfo, LightState, Platform, State

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: StewardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Offer the platform to the node."""
    entry.runtime_data.async_add_platform(Platform.LIGHT, AreaLight, async_add_entities)


class AreaLight(AreaEntity[LightInfo], LightEntity):
    """A light of a node."""

    def __init__(self, node: Host, info: LightInfo) -> None:
        """Make the light from its declaration."""
        super().__init__(node, info)
        mode = ColorMode.RGB if info.color else ColorMode.BRIGHTNESS if info.brightness else ColorMode.ONOFF
        self._attr_color_mode = mode
        self._attr_supported_color_modes = {mode}

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Tell it to be on, and how bright and of which colour, where that is asked for."""
        await self.command(light_on(self.info, kwargs))

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Tell it to be off."""
        await self.command(LightState(False))

    @override
    def _show(self, state: State) -> None:
        light = state if isinstance(state, LightState) else None
        self._attr_is_on = light.on if light else None
        self._attr_brightness = light.brightness if light else None
        self._attr_rgb_color = light.rgb if light else None
