"""What texts mean, and what an hour is worth that nobody measured."""

from datetime import UTC, date, datetime, timedelta
from decimal import Context, localcontext
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.books.codec import milliseconds
from steward_house.protocol.books.entries import Reason
from steward_house.protocol.books.estimate import DAY, DAYS, Profile
from steward_house.protocol.books.periods import HOUR, midnight
from steward_house.protocol.books.quantities import Quantity, kind_of, read_quantity
from steward_house.protocol.books.terms import SourceKind

BERLIN = ZoneInfo("Europe/Berlin")
MARCH = midnight(date(2026, 3, 2), BERLIN)
REGISTER, POWER = SourceKind.CUMULATIVE, SourceKind.POWER


@pytest.mark.parametrize(
    ("raw", "unit", "value", "step"),
    [
        ("12.345", "kWh", 12_345_000, 1000),
        ("12", "kWh", 12_000_000, 1_000_000),
        ("12.", "kWh", 12_000_000, 1_000_000),
        (".5", "kWh", 500_000, 100_000),
        (" 7.0 ", "Wh", 7000, 100),
        ("-1.5", "Wh", -1500, 100),
        ("1.23456789", "kWh", 1_234_568, 1),
        ("0.0000005", "kWh", 0, 1),
        ("0.0000015", "kWh", 2, 1),
        ("12", "MWh", 12 * 10**9, 10**6),
        ("1.5e-3", "MWh", 1_500_000, 100_000),
        ("2E3", "Wh", 2_000_000, 1000),
        ("4", "mWh", 4, 1),
    ],
)
def test_energy(raw, unit, value, step):
    with localcontext(Context(prec=3)):
        assert read_quantity(raw, unit, REGISTER) == Quantity(value, step)


def test_power():
    assert read_quantity("1.5", "kW", POWER) == Quantity(1_500_000, 100_000)
    assert read_quantity("1.5", "kWh", POWER) is Reason.UNIT
    assert read_quantity("1e16", "kWh", REGISTER) is Reason.UNREADABLE
    assert read_quantity("9999999999999999", "kWh", REGISTER) is Reason.UNREADABLE
    assert (kind_of("W"), kind_of("kWh"), kind_of(None)) == (POWER, REGISTER, REGISTER)


@given(st.decimals(0, 10**9, places=3))
def test_both_ways_of_reading_come_to_the_same(number):
    plain = f"{number:f}"
    assert read_quantity(plain, "kWh", REGISTER) == read_quantity(f"+{plain}", "kWh", REGISTER)


@given(st.none() | st.text(), st.none() | st.text(), st.sampled_from(SourceKind))
def test_any_text(raw, unit, kind):
    assert isinstance(read_quantity(raw, unit, kind), Reason | Quantity)


def profile(days: int = 5) -> Profile:
    """A source that gives its hour's number times 1,000, plus the day's."""
    found = Profile(BERLIN)
    for day in range(days):
        for hour in range(24):
            begin = MARCH + day * DAY + hour * HOUR
            for part in range(4):
                found.add(begin + part * HOUR // 4, begin + (part + 1) * HOUR // 4, (hour * 1000 + day) // 4)
    found.add(MARCH + days * DAY, MARCH + days * DAY + 1, 0)
    return found


def hour(number: float, day: int = 5) -> int:
    return MARCH + day * DAY + round(number * HOUR)


def test_the_median_of_the_same_hour():
    assert profile(1).estimate(hour(12, 1), hour(13, 1)) == (12_000, 1)
    assert profile(2).estimate(hour(12, 2), hour(13, 2)) == (12_000, 2)
    found = Profile(BERLIN)
    for day, energy in enumerate([10, 500, 30, 20, 0]):
        found.add(hour(12, day), hour(13, day), energy)
    found.add(hour(13, 5), hour(13.1, 5), 0)
    assert found.estimate(hour(12), hour(13)) == (20, 5)
    found.add(hour(12, 6), hour(13, 6), 31)
    found.add(hour(12, 7), hour(12.1, 7), 31)
    assert found.estimate(hour(12), hour(13)) == (25, 6)


def test_parts_of_hours_and_whole_days():
    found = profile()
    assert found.estimate(hour(12.5), hour(14.25)) == (6000 + 13_000 + 3500, 5)
    day = sum(number * 1000 for number in range(24))
    assert found.estimate(hour(12.5), hour(12.5, 8)) == (3 * day, 5)
    assert found.estimate(hour(12.5), hour(13, 8)) == (3 * day + 6000, 5)
    assert found.estimate(hour(1), hour(1)) == (0, DAYS)


def test_only_the_last_fourteen():
    found = profile(20)
    assert found.estimate(hour(0, 20), hour(1, 20)) == ((12 + 13) // 2 // 4 * 4, DAYS)


def test_nothing_is_known_of_hours_that_were_not_measured():
    found = Profile(BERLIN)
    assert found.estimate(hour(0), hour(1)) == (0, 0)
    found.add(hour(12, 0), hour(12.85, 0), 1000)
    found.add(hour(13, 0), hour(13.95, 0), 1900)
    found.add(hour(15, 0), hour(15.1, 0), 0)
    assert found.estimate(hour(12), hour(13)) == (0, 0)
    assert found.estimate(hour(13), hour(14)) == (2000, 1)


def test_energy_across_hours_is_split():
    found = Profile(BERLIN)
    found.add(hour(11.75, 0), hour(14.25, 0), 1001)
    found.add(hour(14.25, 0), hour(15.25, 0), 0)
    energies = [found.estimate(hour(number), hour(number + 1))[0] for number in range(11, 16)]
    assert energies == [0, 400, 400, 101, 0]


def test_local_hours_across_the_clocks_change():
    """The sun's noon comes an hour later by the clock: hours are the clock's."""
    found = Profile(BERLIN)
    before = midnight(date(2026, 3, 28), BERLIN) + 12 * HOUR
    found.add(before, before + HOUR, 700)
    found.add(before + HOUR, before + HOUR + 1, 0)
    after = midnight(date(2026, 3, 30), BERLIN) + 12 * HOUR
    assert after - before == 47 * HOUR
    assert found.estimate(after, after + HOUR)[0] == 700
    found.move(ZoneInfo("UTC"))
    assert found.estimate(after, after + HOUR)[0] == 0


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 10**7), st.booleans()), max_size=60))
def test_what_is_learnt_is_what_was_measured(steps):
    """An estimate never says more than was ever measured in the time of an hour."""
    found, at, greatest = Profile(BERLIN), milliseconds(datetime(2026, 3, 2, tzinfo=UTC)), 0.0
    for seconds, energy, measured in steps:
        end = at + seconds * 1000
        if measured:
            found.add(at, end, energy)
            greatest = max(greatest, energy / (end - at))
        at = end
    gap = timedelta(days=1) // timedelta(milliseconds=1)
    assert 0 <= found.estimate(at, at + gap)[0] <= greatest * gap + 24 * 2
