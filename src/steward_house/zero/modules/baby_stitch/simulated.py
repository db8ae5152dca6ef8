"""A simulated board in a room that lives a plausible day, the same one for the same seed."""

from collections.abc import Callable
from math import cos, pi, sin
import random
import time
from typing import Final

from .hardware import Temperatures

_HOURS: Final = 24
_FIRST_HOUR: Final = 7.0
"""What o'clock it is when the simulation begins: somebody is up."""
_CEILING: Final = 1120.0
"""mm to what is there when nobody is."""
_WAKING_HOURS: Final = (7.25, 20.0)
_NIGHT: Final = (19.5, 6.5)
_NAP: Final = (13.0, 14.75)
_SKIN: Final = 33.5
"""°C; what the thermometer sees of somebody who sleeps."""
_MISSES: Final = 0.01
"""The share of measurements that find nothing."""
_APPROACH: Final = 0.3
"""Seconds until the hand is where it is held first; it is held, moves and leaves after as many."""
_HOLD: Final = 0.8
_MOVE: Final = 0.8
_LEAVE: Final = 0.3
_WAVE: Final = _APPROACH + _HOLD + _MOVE + _LEAVE
_DOWN: Final = -70
"""mm that a hand moves to dim the light, where it is bright."""
_UP: Final = 60
_BRIGHT: Final = 127


class SimulatedHardware:
    """The simulated parts.

    `day` is how many seconds a day lasts; a wave of the hand always lasts about two. `sleeper` is whether somebody sleeps under the
    thermometer at noon and at night, `hands` how many times a day somebody dims the light by hand.
    """

    def __init__(
        self,
        day: float = 86400,
        seed: int = 0,
        *,
        sleeper: bool = False,
        hands: int = 12,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin a day in the morning."""
        self.brightness = 0
        self.rgb = (0, 0, 0)
        self._day = day
        self._seed = seed
        self._sleeper = sleeper
        self._hands = hands
        self._clock = clock
        self._start = clock()
        self._noise = random.Random(seed)  # noqa: S311
        self._waved: float | None = None
        self._move = (0.0, _UP)
        """When the latest hand came, and how far it moves."""
        room = random.Random(f"{seed} room")  # noqa: S311
        self._mean = room.uniform(20, 22)
        self._swing = room.uniform(0.7, 1.4)
        self._warmest = room.uniform(14, 18)

    def set_light(self, brightness: int, rgb: tuple[int, int, int]) -> None:
        """Remember what the light would shine like."""
        self.brightness = brightness
        self.rgb = rgb

    def temperatures(self) -> Temperatures:
        """Return the room's temperature at night and by day; that of the skin of somebody who sleeps there."""
        hour = self._hour()
        room = self._mean + self._swing * cos((hour - self._warmest) / _HOURS * 2 * pi)
        asleep = max(_inside(hour, *_NIGHT), _inside(hour, *_NAP)) if self._sleeper else 0
        seen = room + asleep * (_SKIN - room) + self._noise.uniform(-0.08, 0.08)
        return Temperatures(round(seen, 3), round(room + 2.4 + self._noise.uniform(-0.03, 0.03), 3))

    def distance(self) -> float | None:
        """Return the distance to the hand, to the ceiling when there is none; now and then nothing is found."""
        noise = self._noise.uniform(-3, 3)
        start = self._wave_start()
        if start is None:
            return None if self._noise.random() < _MISSES else round(_CEILING + noise)
        return round(self._hand(start) + noise)

    def wave(self) -> None:
        """Have the hand do its gesture now."""
        self._waved = self._seconds()

    def close(self) -> None:
        """Let the light go dark."""
        self.brightness = 0

    def _seconds(self) -> float:
        """Return the seconds since the midnight before the simulation began, as fast as they are."""
        return self._clock() - self._start + self._day * _FIRST_HOUR / _HOURS

    def _hour(self) -> float:
        return self._seconds() / self._day % 1 * _HOURS

    def _wave_start(self) -> float | None:
        """Return when the hand came that is there now, None when there is none."""
        now = self._seconds()
        if self._waved is not None and now - self._waved < _WAVE:
            return self._waved
        day = int(now // self._day)
        chance = random.Random(f"{self._seed} {day}")  # noqa: S311
        starts = [(day + chance.uniform(*_WAKING_HOURS) / _HOURS) * self._day for _ in range(self._hands)]
        return max((start for start in starts if start <= now < start + _WAVE), default=None)

    def _hand(self, start: float) -> float:
        """Return the hand's distance in mm: it comes, is held still, moves down over a bright light, else up, and leaves."""
        if self._move[0] != start:
            self._move = (start, _DOWN if self.brightness > _BRIGHT else _UP)
        chance = random.Random(f"{self._seed} {start:.3f}")  # noqa: S311
        first = chance.uniform(110, 190)
        second = first + self._move[1]
        since = self._seconds() - start
        if since < _APPROACH:
            return _between(_CEILING, first, since / _APPROACH)
        since -= _APPROACH
        if since < _HOLD:
            return first
        since -= _HOLD
        if since < _MOVE:
            return _between(first, second, since / _MOVE)
        return _between(second, _CEILING, (since - _MOVE) / _LEAVE)


def _between(first: float, last: float, share: float) -> float:
    """Return a point on a smooth way from first to last."""
    return first + (last - first) * (1 - cos(min(1.0, share) * pi)) / 2


def _inside(hour: float, start: float, end: float) -> float:
    """Return 1 well inside a span of the day, 0 well outside, and what lies between within half an hour after its ends."""
    length = (end - start) % _HOURS
    since = (hour - start) % _HOURS
    if since < length:
        return sin(min(1.0, since / 0.5) * pi / 2)
    return max(0.0, 1 - (since - length) / 0.5)
