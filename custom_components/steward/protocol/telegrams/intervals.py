"""From registers to what was used in each minute, quarter hour, hour or day: what coarse channels carry.

Interval for interval it adds up to what the register counted, however telegrams lie between the boundaries. A register itself never
leaves: it would tell what was used while nothing was shared.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import ROUND_DOWN, Decimal
from typing import Final

MINUTE: Final = 60
QUARTER: Final = 900
HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Interval:
    """What a quantity came to from a time until another (seconds since 1970, on boundaries), in the quantity's unit.

    It is longer than usual where nothing was heard for more than one boundary: how much was used in which part of it isn't known.
    `estimated` is whether a boundary's register had to be taken from readings that are further apart than an interval is long.
    """

    quantity: str
    start: int
    end: int
    amount: Decimal
    estimated: bool = False


class Clock:
    """Where intervals begin: at multiples of `seconds` since 1970, or with None at each midnight in a zone."""

    def __init__(self, seconds: int | None, zone: tzinfo = UTC) -> None:
        """Choose the intervals' length."""
        self.seconds = seconds
        self._zone = zone

    def begin(self, at: float) -> int:
        """Return when the interval that a time lies in began."""
        if self.seconds:
            return int(at // self.seconds) * self.seconds
        day = datetime.fromtimestamp(at, self._zone).date()
        return int(datetime.combine(day, time(), self._zone).timestamp())

    def next(self, begin: int) -> int:
        """Return when the interval after one begins."""
        if self.seconds:
            return begin + self.seconds
        day = datetime.fromtimestamp(begin, self._zone).date() + timedelta(days=1)
        return int(datetime.combine(day, time(), self._zone).timestamp())


@dataclass(slots=True)
class _Open:
    """A quantity's last reading, and the register at the boundary that its open interval began with, once there was one."""

    at: float
    register: Decimal
    begin: int | None
    first: Decimal
    estimated: bool = False


class Intervals:
    """Makes intervals of registers' readings, each quantity by itself."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing."""
        self._clock = clock
        self._open: dict[str, _Open] = {}

    def add(self, quantity: str, at: float, register: Decimal) -> Interval | None:
        """Take a reading. Return the interval that ended with it.

        A reading that isn't newer than the last one is left out. A register that went back is another meter's: its first interval begins
        with the next boundary, and the one that was open is never told.
        """
        known = self._open.get(quantity)
        if known is None or register < known.register:
            begin = self._clock.begin(at)
            self._open[quantity] = _Open(at, register, begin if begin == at else None, register)
            return None
        if at <= known.at:
            return None
        boundary, ended = self._clock.begin(at), None
        if boundary > known.at:
            far = at - known.at > self._clock.next(boundary) - boundary
            here = _between(known, at, register, boundary)
            if known.begin is not None:
                ended = Interval(quantity, known.begin, boundary, here - known.first, known.estimated or far)
            known.begin, known.first, known.estimated = boundary, here, far
        known.at, known.register = at, register
        return ended

    def restart(self) -> None:
        """Forget what is open, such as when nothing was to be heard for a while."""
        self._open.clear()


def _between(known: _Open, at: float, register: Decimal, boundary: int) -> Decimal:
    """Return what the register was at a boundary between two readings, if it rose evenly; never finer than it counts."""
    if boundary == at:
        return register
    rise = register - known.register
    part = Decimal(boundary - known.at) / Decimal(at - known.at)
    return known.register + (rise * part).quantize(rise, ROUND_DOWN)


class Means:
    """Makes intervals of what is measured at a moment, such as power: the average of the samples that lie in it."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing."""
        self._clock = clock
        self._open: dict[str, tuple[int, Decimal, int]] = {}

    def add(self, quantity: str, at: float, value: Decimal) -> Interval | None:
        """Take a sample. Return the interval that ended before it, if it is the first one of another."""
        begin = self._clock.begin(at)
        start, total, samples = self._open.get(quantity, (begin, Decimal(0), 0))
        if begin < start:
            return None
        ended = None
        if begin > start:
            mean = (total / samples).quantize(value)
            ended = Interval(quantity, start, self._clock.next(start), mean)
            total, samples = Decimal(0), 0
        self._open[quantity] = (begin, total + value, samples + 1)
        return ended

    def restart(self) -> None:
        """Forget what is open."""
        self._open.clear()
