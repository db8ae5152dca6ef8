"""What a gap is worth where no register tells: the same local hours of earlier days.

For each hour of the local day the energies of the last fourteen times are kept in which that hour was measured for at least nine tenths
of its length; what was missing of it is made up in proportion. Energy that was measured across an hour's end is split evenly over time.
An estimate is, for each part of an hour that the gap covers, the median of that hour's kept energies (the mean of the middle two, rounded
down, of an even number), in proportion to the part. Each whole 24 hours of a gap count as one day of all hours, also on the two days of the
year that have 23 or 25. An hour that was never measured counts as 0. Nothing is learnt from gaps.
"""

from collections import deque
from datetime import tzinfo
from typing import Final

from .periods import HOUR, hour_end, local

DAYS: Final = 14
DAY_HOURS: Final = 24
DAY: Final = DAY_HOURS * HOUR


class Profile:
    """A source's production by the hour of the local day. Times are Unix milliseconds, energies milliwatt-hours."""

    def __init__(self, zone: tzinfo) -> None:
        """Begin without knowing anything."""
        self._zone = zone
        self._hours: list[deque[int]] = [deque(maxlen=DAYS) for _ in range(DAY_HOURS)]
        self._begin = 0
        self._end = 0
        self._energy = 0
        self._covered = 0

    def move(self, zone: tzinfo) -> None:
        """Go on in a time zone, if it is another."""
        if zone != self._zone:
            self._zone = zone
            self._end = 0

    def add(self, begin: int, end: int, energy: int) -> None:
        """Learn that so much was measured from `begin` to `end`."""
        if self._begin <= begin and end <= self._end:
            self._energy += energy
            self._covered += end - begin
            return
        length = end - begin
        counted = 0
        at = begin
        while at < end:
            if not self._begin <= at < self._end:
                self._turn(at)
            until = min(end, self._end)
            share = energy * (until - begin) // length - counted
            counted += share
            self._energy += share
            self._covered += until - at
            at = until

    def estimate(self, begin: int, end: int) -> tuple[int, int]:
        """Return what a gap is worth, and how many times the least known of its hours was measured."""
        days, energy, at = (end - begin) // DAY, 0, begin
        known = DAYS
        if days:
            energy = days * sum(_median(hour) for hour in self._hours)
            known = min(len(hour) for hour in self._hours)
            at += days * DAY
        while at < end:
            hour = self._hours[local(at, self._zone).hour]
            until = min(end, hour_end(at, self._zone))
            energy += _median(hour) * (until - at) // HOUR
            known = min(known, len(hour))
            at = until
        return energy, known

    def _turn(self, at: int) -> None:
        """Keep the hour that has ended, and begin the one that a point in time is in."""
        if self._end and self._covered * 10 >= (self._end - self._begin) * 9:
            self._hours[local(self._begin, self._zone).hour].append(self._energy * HOUR // self._covered)
        self._end = hour_end(at, self._zone)
        self._begin = self._end - HOUR
        self._energy = self._covered = 0


def _median(energies: deque[int]) -> int:
    ordered = sorted(energies)
    middle, odd = divmod(len(ordered), 2)
    if odd:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2 if ordered else 0
