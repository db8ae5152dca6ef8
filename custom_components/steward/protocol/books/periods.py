"""Periods: so many weeks or months from a date, from midnight to midnight where the project is."""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from .codec import MILLISECOND, from_milliseconds, milliseconds

type Zones = Callable[[str], tzinfo]
"""Gives a time zone by its name, such as `zoneinfo.ZoneInfo`; raises `KeyError` or `ValueError` for what is none."""

HOUR: Final = 3_600_000
"""Milliseconds."""
WEEK_DAYS: Final = 7
MONTHS: Final = 12
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2099


class Unit(StrEnum):
    """What a period is counted in."""

    WEEKS = "weeks"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` to just before `end`, in Unix milliseconds."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Period:
    """`count` weeks or months, again and again from `start` on, a local date.

    Months begin on the start's day of the month; on the month's last day where there is no such day.
    """

    count: int
    unit: Unit
    start: date

    def begin(self, index: int, zone: tzinfo) -> int:
        """Return when the period of an index (from 0) begins, in Unix milliseconds."""
        return midnight(self._date(index), zone)

    def span(self, at: int, zone: tzinfo) -> Span | None:
        """Return the period that a point in time lies in; None before the start."""
        day = local(at, zone).date()
        if self.unit is Unit.WEEKS:
            index = (day - self.start).days // (WEEK_DAYS * self.count)
        else:
            index = ((day.year - self.start.year) * MONTHS + day.month - self.start.month) // self.count
            index -= day < self._date(max(index, 0))
        return Span(self.begin(index, zone), self.begin(index + 1, zone)) if index >= 0 else None

    def _date(self, index: int) -> date:
        if self.unit is Unit.WEEKS:
            return self.start + timedelta(days=WEEK_DAYS * self.count * index)
        years, month = divmod(self.start.month - 1 + self.count * index, MONTHS)
        year, month = self.start.year + years, month + 1
        return date(year, month, min(self.start.day, monthrange(year, month)[1]))


def local(at: int, zone: tzinfo) -> datetime:
    """Return the local time of a point in time."""
    return from_milliseconds(at).astimezone(zone)


def midnight(day: date, zone: tzinfo) -> int:
    """Return when a local day begins, in Unix milliseconds."""
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))


def hour_end(at: int, zone: tzinfo) -> int:
    """Return when the local hour of a point in time ends."""
    wall = local(at, zone)
    into = timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
    return at + HOUR - into // MILLISECOND


def name_of(begin: int, zone: tzinfo) -> str:
    """Return a period's id: its local first day, with the time where it does not begin at midnight."""
    wall = local(begin, zone)
    day = wall.date().isoformat()
    return day if begin == midnight(wall.date(), zone) else f"{day}T{wall:%H:%M:%S}"
