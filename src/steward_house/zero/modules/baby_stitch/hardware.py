"""What `baby_stitch` needs of its hardware, real or simulated."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Temperatures:
    """In °C: that of what the thermometer looks at, and its own."""

    object: float
    die: float


class Hardware(Protocol):
    """The parts on the board. Every method may block; all but `close` raise OSError where a part doesn't answer."""

    def set_light(self, brightness: int, rgb: tuple[int, int, int]) -> None:
        """Make the light shine: brightness and colour from 0 to 255."""

    def temperatures(self) -> Temperatures:
        """Measure the temperatures."""

    def distance(self) -> float | None:
        """Measure the distance to whatever is nearest, in mm; None when nothing reliable was found."""

    def close(self) -> None:
        """Let go of the hardware; the light goes dark."""
