"""What the light is and becomes by a command."""

from dataclasses import dataclass, replace
from typing import Final, Self

from ....protocol.entity import LightState

_FULL: Final = 255


@dataclass(frozen=True, slots=True)
class Light:
    """Brightness and colour, each from 0 to 255; a light of brightness 0 is off."""

    brightness: int = _FULL
    rgb: tuple[int, int, int] = (255, 255, 255)

    @property
    def state(self) -> LightState:
        """The state that the house is told."""
        return LightState(self.brightness > 0, self.brightness, self.rgb)

    def told(self, target: LightState) -> Self:
        """Return the light after a command: what it leaves open stays, but a dark light that is switched on is full on."""
        rgb = self.rgb if target.rgb is None else target.rgb
        if not target.on:
            return replace(self, brightness=0, rgb=rgb)
        if target.brightness is not None:
            return replace(self, brightness=target.brightness, rgb=rgb)
        return replace(self, brightness=self.brightness or _FULL, rgb=rgb)
