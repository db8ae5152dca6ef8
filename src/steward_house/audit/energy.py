"""Energy by ten minutes for each source: for plots, and to compare inspections with; what is owed doesn't come from here."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import accumulate
from typing import Final

from ..protocol.books.entries import Gap, Worth

STEP: Final = timedelta(minutes=10)
HOUR: Final = timedelta(hours=1)
FINE: Final = timedelta(days=2)
"""A gap that is longer is spread by the hour."""
MAX_SPREAD: Final = timedelta(days=800)
"""A gap that is longer counts in its first hour, whole: nobody's plot, but everybody's memory."""


@dataclass(slots=True)
class Day:
    """What one day came to, in milliwatt-hours."""

    measured: int = 0
    register: int = 0
    estimated: int = 0
    gap_seconds: int = 0


@dataclass(slots=True)
class Meter:
    """One source: energy measured in each step and the register's last value in it, by the step's text, such as `2026-01-31T12:1` in UTC."""

    steps: dict[bytes, int] = field(default_factory=dict)
    registers: dict[bytes, int] = field(default_factory=dict)
    counted: int = 0
    """What has been added to steps so far, or doesn't belong into any."""


class Energies:
    """The energy of all sources."""

    def __init__(self) -> None:
        """Begin with none."""
        self.meters: dict[str, Meter] = {}

    def settle(self, source: str, step: bytes, energy: int, register: int | None) -> None:
        """Add to a step what a source's energy has grown by since the last time, all in all `energy` by now."""
        meter = self.meters.get(source)
        if meter is None:
            meter = self.meters[source] = Meter()
        if gained := energy - meter.counted:
            meter.steps[step] = meter.steps.get(step, 0) + gained
            meter.counted = energy
        if register is not None:
            meter.registers[step] = register

    def leave_out(self, source: str, energy: int) -> None:
        """Take notice that a source's energy has grown by a gap's, which is no step's."""
        self.meters.setdefault(source, Meter()).counted += energy

    def days(self, zone: tzinfo, gaps: Iterable[Gap]) -> dict[date, Day]:
        """Return what each local day came to; a gap's energy is spread evenly over its time."""
        days: dict[date, Day] = {}
        for meter in self.meters.values():
            for step, energy in meter.steps.items():
                day = _local(_read_step(step), zone)
                days.setdefault(day, Day()).measured += energy
        for gap in gaps:
            for start, seconds, energy in spread(gap):
                of = days.setdefault(_local(start, zone), Day())
                of.gap_seconds += seconds
                if gap.worth is Worth.REGISTER:
                    of.register += energy
                elif gap.worth is Worth.ESTIMATE:
                    of.estimated += energy
        return days

    def curve(self, source: str, gaps: Iterable[Gap]) -> "Curve":
        """Return a source's energy since the books began, with what its gaps are worth."""
        meter = self.meters.get(source, Meter())
        steps = {_read_step(step): energy for step, energy in meter.steps.items()}
        for gap in gaps:
            for start, _, energy in spread(gap):
                step = _floor(start, STEP)
                steps[step] = steps.get(step, 0) + energy
        registers = {_read_step(step): register for step, register in meter.registers.items()}
        return Curve(steps, registers)


class Curve:
    """One source's energy over time, step by step."""

    def __init__(self, steps: dict[datetime, int], registers: dict[datetime, int]) -> None:
        """Take energy and the register's last value by step."""
        self._steps = sorted(steps)
        self._sums = list(accumulate((steps[step] for step in self._steps), initial=0))
        self._registers = sorted(registers.items())

    def until(self, at: datetime) -> int:
        """Return the energy up to a time, in milliwatt-hours; within a step as if it came evenly."""
        place = bisect_right(self._steps, at)
        if not place:
            return 0
        into = min((at - self._steps[place - 1]) / STEP, 1.0)
        before, after = self._sums[place - 1], self._sums[place]
        return before + round((after - before) * into)

    def register(self, at: datetime) -> int | None:
        """Return the last value that the register had in the step of a time, or before."""
        place = bisect_right(self._registers, at, key=lambda item: item[0])
        return self._registers[place - 1][1] if place else None


def spread(gap: Gap) -> Iterable[tuple[datetime, int, int]]:
    """Give a gap's parts: when each begins, how many seconds it lasts, and its part of the energy."""
    length = gap.end - gap.begin
    if length <= timedelta(0) or length > MAX_SPREAD:
        yield gap.begin, max(int(length.total_seconds()), 0), gap.energy
        return
    step = STEP if length <= FINE else HOUR
    start, given = gap.begin, 0
    while start < gap.end:
        stop = min(_floor(start, step) + step, gap.end)
        energy = round(gap.energy * ((stop - gap.begin) / length)) - given
        given += energy
        yield start, round((stop - start).total_seconds()), energy
        start = stop


def _read_step(step: bytes) -> datetime:
    return datetime.fromisoformat(f"{step.decode()}0:00").replace(tzinfo=UTC)


def _floor(at: datetime, step: timedelta) -> datetime:
    """Return when the step of a time begins, which divides an hour."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour + (at - hour) // step * step


def _local(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()
