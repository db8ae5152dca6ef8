"""What Home Assistant's actions tell Steward's entities: the same targets, whether the hub or a node sends them."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.light.const import (
    ATTR_BRIGHTNESS,
    ATTR_BRIGHTNESS_PCT,
    ATTR_COLOR_NAME,
    ATTR_EFFECT,
    ATTR_FLASH,
    ATTR_RGB_COLOR,
    ATTR_TRANSITION,
)

from ..protocol.entity import LightInfo, LightState

PORTABLE_PARAMETERS: Final = frozenset({ATTR_BRIGHTNESS, ATTR_BRIGHTNESS_PCT, ATTR_RGB_COLOR, ATTR_COLOR_NAME})
IGNORED_PARAMETERS: Final = frozenset({ATTR_TRANSITION, ATTR_FLASH, ATTR_EFFECT})
"""Parameters of lights that Steward's don't have: Home Assistant passes them over."""


def light_on(info: LightInfo, parameters: Mapping[str, Any]) -> LightState:
    """Return what a light is told that is turned on: its brightness and colour, where it has them and they are asked for."""
    return LightState(
        True,
        parameters.get(ATTR_BRIGHTNESS) if info.brightness else None,
        parameters.get(ATTR_RGB_COLOR) if info.color else None,
    )
