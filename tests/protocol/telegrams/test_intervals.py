"""Intervals: they add up to what the register counted, whenever it was read, and never tell the register."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from steward_house.protocol.telegrams.intervals import HOUR, MINUTE, QUARTER, Clock, Interval, Intervals, Means

START = 1_800_000_000  # on a minute, quarter and hour


def test_a_minute_of_readings_every_ten_seconds():
    intervals = Intervals(Clock(MINUTE))
    told = [intervals.add("import", START + at, Decimal(at).scaleb(-3)) for at in range(0, 190, 10)]
    assert [each for each in told if each] == [
        Interval("import", START, START + 60, Decimal("0.060")),
        Interval("import", START + 60, START + 120, Decimal("0.060")),
        Interval("import", START + 120, START + 180, Decimal("0.060")),
    ]


def test_the_first_part_of_an_interval_is_not_told():
    intervals = Intervals(Clock(MINUTE))
    assert intervals.add("import", START + 30, Decimal("1000.000")) is None
    assert intervals.add("import", START + 65, Decimal("1000.035")) is None
    assert intervals.add("import", START + 125, Decimal("1000.095")) == Interval(
        "import", START + 60, START + 120, Decimal("0.060")
    )


def test_a_gap_makes_one_longer_interval():
    intervals = Intervals(Clock(MINUTE))
    intervals.add("import", START, Decimal("1.000"))
    ended = intervals.add("import", START + 600, Decimal("2.000"))
    assert ended == Interval("import", START, START + 600, Decimal("1.000"), estimated=True)


def test_another_meter_begins_anew():
    intervals = Intervals(Clock(MINUTE))
    intervals.add("import", START, Decimal("100.000"))
    assert intervals.add("import", START + 50, Decimal("0.100")) is None
    assert intervals.add("import", START + 70, Decimal("0.200")) is None
    ended = intervals.add("import", START + 120, Decimal("0.300"))
    assert ended == Interval("import", START + 60, START + 120, Decimal("0.150"))


def test_what_is_not_newer_is_left_out():
    intervals = Intervals(Clock(MINUTE))
    intervals.add("import", START, Decimal(1))
    assert intervals.add("import", START, Decimal(2)) is None
    assert intervals.add("import", START - 70, Decimal(3)) is None
    intervals.restart()
    assert intervals.add("import", START + 60, Decimal(2)) is None


def test_days_are_those_of_the_calendar():
    berlin = ZoneInfo("Europe/Berlin")
    clock = Clock(None, berlin)
    spring = int(datetime(2026, 3, 29, tzinfo=berlin).timestamp())
    assert clock.begin(spring + 3600) == spring
    assert clock.next(spring) - spring == 23 * HOUR
    autumn = int(datetime(2026, 10, 25, tzinfo=berlin).timestamp())
    assert clock.next(autumn) - autumn == 25 * HOUR
    assert Clock(None, UTC).next(START - START % 86400) % 86400 == 0


@given(
    st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 5000)), min_size=2, max_size=60),
    st.sampled_from([MINUTE, QUARTER]),
)
def test_they_add_up(steps, seconds):
    intervals, at, register = Intervals(Clock(seconds)), START, Decimal("5000.000")
    intervals.add("import", at, register)
    told, last = [], register
    for step, rise in steps:
        at, register = at + step, register + Decimal(rise).scaleb(-3)
        if ended := intervals.add("import", at, register):
            told.append(ended)
        if at % seconds == 0:
            last = register
            assert sum((each.amount for each in told), Decimal(0)) == last - 5000
    assert all(first.end == second.start for first, second in pairwise(told))
    assert all(each.amount >= 0 and each.start % seconds == each.end % seconds == 0 for each in told)
    assert sum((each.amount for each in told), Decimal(0)) <= register - 5000


def test_means():
    means = Means(Clock(MINUTE))
    for second, power in ((0, "0.100"), (10, "0.200"), (50, "0.400")):
        assert means.add("power", START + second, Decimal(power)) is None
    assert means.add("power", START + 60, Decimal("9.000")) == Interval("power", START, START + 60, Decimal("0.233"))
    assert means.add("power", START, Decimal("9.000")) is None
    means.restart()
    assert means.add("power", START + 120, Decimal("1.000")) is None
