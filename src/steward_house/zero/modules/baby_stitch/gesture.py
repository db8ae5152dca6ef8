"""Finds the gesture that dims: a hand is held over the sensor, and the light follows its height."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

_SAMPLES: Final = 3
_NEAREST: Final = 30.0
"""mm; a gesture begins above it."""
_FARTHEST: Final = 260.0
"""mm; a gesture begins below it, and ends beyond it."""
_STILL: Final = 10.0
"""mm that a distance may differ from the mean for the hand to be held still."""
_JUMP: Final = 150.0
"""mm that a distance differs from the mean when the hand is gone."""
_LOST: Final = 5
"""How many measurements in a row may find nothing before the hand counts as gone."""
_DARKEST: Final = 0
_BRIGHTEST: Final = 255


class Change(Enum):
    """What a measurement means for the gesture."""

    STARTED = "started"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a measurement means: whether the gesture started or ended, and the brightness that the light is to have now."""

    change: Change | None = None
    brightness: int | None = None


_NOTHING: Final = Finding()


@dataclass(slots=True)
class Gesture:
    """The gesture's state. `gain` is how many of 255 steps of brightness one millimetre is worth."""

    gain: float = 1.5
    running: bool = False
    _distances: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    _missing: int = 0
    _start_distance: float = 0
    _start_brightness: int = 0

    def measure(self, distance: float | None, brightness: int) -> Finding:
        """Take a distance in mm, None where nothing was found, and the light's brightness from 0 to 255."""
        if distance is None:
            self._missing += 1
            return self.stop() if self.running and self._missing >= _LOST else _NOTHING
        self._missing = 0
        self._distances.append(distance)
        mean = sum(self._distances) / len(self._distances)
        if self.running:
            return self._follow(distance, mean, brightness)
        held = len(self._distances) == _SAMPLES and abs(mean - distance) < _STILL
        if not (held and _NEAREST < distance < _FARTHEST):
            return _NOTHING
        self.running = True
        self._start_distance = distance
        self._start_brightness = brightness
        return Finding(Change.STARTED)

    def stop(self) -> Finding:
        """End the gesture, if one is running, and forget the hand."""
        was_running, self.running = self.running, False
        self._distances.clear()
        return Finding(Change.ENDED) if was_running else _NOTHING

    def _follow(self, distance: float, mean: float, brightness: int) -> Finding:
        if abs(mean - distance) > _JUMP or distance > _FARTHEST:
            return self.stop()
        wanted = self._start_brightness + (mean - self._start_distance) * self.gain
        target = round(min(_BRIGHTEST, max(_DARKEST, wanted)))
        return Finding(brightness=target) if abs(target - brightness) > 1 else _NOTHING
