"""Energy by the hour for each source: for plots, and to compare inspections with; what is owed doesn't come from here."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import accumulate
from typing import Final

from ..protocol.books.entries import Gap, Worth

HOUR: Final = timedelta(hours=1)
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
    """One source: energy measured in each hour and the register's last value in it, by the hour's text, such as `2026-01-31T12` in UTC."""

    hours: dict[bytes, int] = field(default_factory=dict)
    registers: dict[bytes, int] = field(default_factory=dict)


class Energies:
    """The energy of all sources."""

    def __init__(self) -> None:
        """Begin with none."""
        self.meters: dict[bytes, Meter] = {}

    def add(self, hour: bytes, energy: bytes, register: bytes | None, source: bytes) -> None:
        """Add a reading's energy, and its register if it has one, all as they are written in the log."""
        meter = self.meters.get(source)
        if meter is None:
            meter = self.meters[source] = Meter()
        hours = meter.hours
        hours[hour] = hours.get(hour, 0) + int(energy)
        if register is not None:
            meter.registers[hour] = int(register)

    def days(self, zone: tzinfo, gaps: Iterable[Gap]) -> dict[date, Day]:
        """Return what each local day came to; a gap's energy is spread evenly over its time."""
        days: dict[date, Day] = {}
        for meter in self.meters.values():
            for hour, energy in meter.hours.items():
                day = _local(_read_hour(hour), zone)
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
        """Return a source's energy since its first hour, with what its gaps are worth."""
        meter = self.meters.get(source.encode(), Meter())
        hours = {_read_hour(hour): energy for hour, energy in meter.hours.items()}
        for gap in gaps:
            for start, _, energy in spread(gap):
                hour = start.replace(minute=0, second=0, microsecond=0)
                hours[hour] = hours.get(hour, 0) + energy
        registers = {_read_hour(hour): register for hour, register in meter.registers.items()}
        return Curve(hours, registers)


class Curve:
    """One source's energy over time, hour by hour."""

    def __init__(self, hours: dict[datetime, int], registers: dict[datetime, int]) -> None:
        """Take energy and the register's last value by hour."""
        self._hours = sorted(hours)
        self._sums = list(accumulate((hours[hour] for hour in self._hours), initial=0))
        self._registers = sorted(registers.items())

    def until(self, at: datetime) -> int:
        """Return the energy up to a time, in milliwatt-hours; within an hour as if it came evenly."""
        place = bisect_right(self._hours, at)
        if not place:
            return 0
        into = min((at - self._hours[place - 1]) / HOUR, 1.0)
        before, after = self._sums[place - 1], self._sums[place]
        return before + round((after - before) * into)

    def register(self, at: datetime) -> int | None:
        """Return the last value that the register had in the hour of a time, or before."""
        place = bisect_right(self._registers, at, key=lambda item: item[0])
        return self._registers[place - 1][1] if place else None


def spread(gap: Gap) -> Iterable[tuple[datetime, int, int]]:
    """Give a gap's hours: when each begins, how many of its seconds are in the gap, and the part of the energy."""
    length = gap.end - gap.begin
    if length <= timedelta(0) or length > MAX_SPREAD:
        yield gap.begin, max(int(length.total_seconds()), 0), gap.energy
        return
    start, given = gap.begin, 0
    while start < gap.end:
        stop = min(start.replace(minute=0, second=0, microsecond=0) + HOUR, gap.end)
        energy = round(gap.energy * ((stop - gap.begin) / length)) - given
        given += energy
        yield start, round((stop - start).total_seconds()), energy
        start = stop


def _read_hour(hour: bytes) -> datetime:
    return datetime.fromisoformat(f"{hour.decode()}:00:00").replace(tzinfo=UTC)


def _local(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()
