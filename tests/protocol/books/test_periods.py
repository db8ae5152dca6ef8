"""Periods and tariffs: when they begin, end and change, where the project is."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.books.codec import milliseconds
from steward_house.protocol.books.periods import Period, Unit, midnight, name_of
from steward_house.protocol.books.tariff import FOREVER, Fixed, FromEntity, Row, Table

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(["Europe/Berlin", "America/Havana", "Asia/Kolkata", "Africa/Cairo", "Pacific/Apia", "UTC"])
MOMENTS = st.datetimes(datetime(2000, 2, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(milliseconds)  # noqa: DTZ001


def at(text: str, zone=BERLIN) -> int:
    return milliseconds(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC))


def shown(period: Period, text: str) -> tuple[str, str] | None:
    found = period.span(at(text), BERLIN)
    return None if found is None else (name_of(found.begin, BERLIN), name_of(found.end, BERLIN))


def test_weeks():
    period = Period(4, Unit.WEEKS, date(2026, 3, 2))
    assert shown(period, "2026-03-01T23:59:59") is None
    assert shown(period, "2026-03-02T00:00") == ("2026-03-02", "2026-03-30")
    assert shown(period, "2026-03-29T23:59:59") == ("2026-03-02", "2026-03-30")
    assert shown(period, "2026-03-30T00:00") == ("2026-03-30", "2026-04-27")
    found = period.span(at("2026-03-05T00:00"), BERLIN)
    assert found.end - found.begin == (4 * 7 * 24 - 1) * 3_600_000


def test_months():
    period = Period(1, Unit.MONTHS, date(2026, 1, 31))
    assert shown(period, "2026-02-27T12:00") == ("2026-01-31", "2026-02-28")
    assert shown(period, "2026-02-28T12:00") == ("2026-02-28", "2026-03-31")
    assert shown(period, "2026-04-30T00:00") == ("2026-04-30", "2026-05-31")
    quarters = Period(3, Unit.MONTHS, date(2025, 11, 15))
    assert shown(quarters, "2026-02-14T12:00") == ("2025-11-15", "2026-02-15")
    assert shown(quarters, "2027-01-01T12:00") == ("2026-11-15", "2027-02-15")
    assert shown(quarters, "2025-11-14T12:00") is None


def test_names():
    assert name_of(at("2026-03-02T15:30:01"), BERLIN) == "2026-03-02T15:30:01"
    assert name_of(midnight(date(2026, 3, 29), BERLIN), BERLIN) == "2026-03-29"


@given(
    st.builds(Period, st.integers(1, 9), st.sampled_from(Unit), st.dates(date(2000, 1, 1), date(2001, 1, 1))),
    MOMENTS,
    ZONES,
)
def test_periods_follow_one_another(period, now, name):
    zone = ZoneInfo(name)
    found = period.span(now, zone)
    if found is None:
        assert now < midnight(period.start, zone)
        return
    assert found.begin <= now < found.end
    assert period.span(found.begin, zone) == found == period.span(found.end - 1, zone)
    assert period.span(found.end, zone).begin == found.end


def test_fixed_and_entity():
    assert Fixed(Decimal("0.2")).at(0, BERLIN) == (Decimal("0.2"), FOREVER)
    entity = FromEntity("sensor.price", Decimal("0.2"), Decimal(0), Decimal("0.5"))
    assert entity.at(0, BERLIN) == (Decimal("0.2"), FOREVER)
    assert [entity.bounded(Decimal(price)) for price in ("-1", "0.3", "2")] == [0, Decimal("0.3"), Decimal("0.5")]
    assert FromEntity("sensor.price").bounded(Decimal(-1)) == -1


TABLE = Table(
    (
        Row(Decimal(1), weekdays=(5, 6)),
        Row(Decimal(2), hours=(22, 6)),
        Row(Decimal(3), hours=(7, 20), dates=((10, 1), (3, 31))),
        Row(Decimal(4), dates=((5, 1), (5, 31))),
        Row(Decimal(5)),
    )
)


@pytest.mark.parametrize(
    ("now", "price"),
    [
        ("2026-03-07T12:00", 1),
        ("2026-03-06T22:00", 2),
        ("2026-03-06T05:59", 2),
        ("2026-03-06T06:00", 5),
        ("2026-03-06T07:00", 3),
        ("2026-03-31T19:59", 3),
        ("2026-03-31T20:00", 5),
        ("2026-10-01T12:00", 3),
        ("2026-05-29T12:00", 4),
        ("2026-09-30T12:00", 5),
    ],
)
def test_table(now, price):
    assert TABLE.at(at(now), BERLIN)[0] == price


@given(MOMENTS, ZONES)
def test_a_price_holds_until_it_is_said_to_change(now, name):
    zone = ZoneInfo(name)
    price, until = TABLE.at(now, zone)
    assert now < until <= now + timedelta(hours=1) // timedelta(milliseconds=1)
    assert TABLE.at(until - 1, zone)[0] == price
