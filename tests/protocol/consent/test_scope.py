"""Scopes: part of one another, narrowed, over; and what each grain may carry."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import assume, given
import pytest

from steward_house.protocol.consent.errors import ConsentError, Refusal
from steward_house.protocol.consent.grain import Form, Grain, Quantity, carried, form
from steward_house.protocol.consent.scope import Scope, channel_id, narrow

from .made import AT, SCOPE, YEAR, scopes

DAY = timedelta(days=1)


@given(scopes())
def test_scopes_come_back(scope):
    assert Scope.from_json(scope.to_json()) == scope


@given(scopes(), scopes(), scopes())
def test_narrowing_is_the_largest_part_of_both(one, other, third):
    try:
        common = narrow(one, other)
    except ConsentError:
        assert not (third.is_within(one) and third.is_within(other))
        return
    assert common.is_within(one)
    assert common.is_within(other)
    assert common == narrow(other, one)
    assert not (third.is_within(one) and third.is_within(other)) or third.is_within(common)


@given(scopes(), scopes(), scopes())
def test_parts_of_parts(one, other, third):
    assert one.is_within(one)
    assert narrow(one, one) == one
    if one.is_within(other):
        assert narrow(one, other) == one
        assert not other.is_within(third) or one.is_within(third)
        assert not other.is_within(one) or one == other


@given(scopes(), scopes())
def test_what_is_within_begins_later_and_ends_sooner(one, other):
    assume(one.is_within(other))
    assert one.until <= other.until
    begins, others = one.begins_at(AT), other.begins_at(AT)
    assert others is None or (begins is not None and begins >= others)


@pytest.mark.parametrize(
    "wider",
    [
        Scope(SCOPE.quantities | {Quantity.GAS}, Grain.QUARTER, YEAR, AT, history=False),
        Scope(SCOPE.quantities, Grain.MINUTE, YEAR, AT, history=False),
        Scope(SCOPE.quantities, Grain.QUARTER, YEAR + DAY, AT, history=False),
        Scope(SCOPE.quantities, Grain.QUARTER, YEAR, AT - DAY, history=False),
        Scope(SCOPE.quantities, Grain.QUARTER, YEAR, None, history=False),
        Scope(SCOPE.quantities, Grain.QUARTER, YEAR, AT, history=True),
    ],
)
def test_each_field_can_be_too_much(wider):
    asked = Scope(SCOPE.quantities, Grain.QUARTER, YEAR, AT, history=False)
    assert asked.is_within(wider)
    assert not wider.is_within(asked)
    assert narrow(wider, asked) == asked


def test_beginnings_and_ends():
    def begins(start, history):
        return Scope(SCOPE.quantities, Grain.QUARTER, YEAR, start, history).begins_at(AT)

    assert begins(None, False) == AT
    assert begins(AT - DAY, False) == AT
    assert begins(AT + DAY, False) == AT + DAY
    assert begins(None, True) is None
    assert begins(AT - DAY, True) == AT - DAY
    assert not SCOPE.is_over(YEAR - timedelta(milliseconds=1))
    assert SCOPE.is_over(YEAR)


def test_channels_are_shared_by_what_has_the_same_entries():
    same = Scope(SCOPE.quantities, SCOPE.grain, AT, AT - DAY)
    assert channel_id("meter", SCOPE) == channel_id("meter", same)
    others = [
        ("meter2", SCOPE),
        ("meter", Scope(SCOPE.quantities, Grain.HOUR, YEAR)),
        ("meter", Scope(frozenset({Quantity.POWER}), SCOPE.grain, YEAR)),
        ("meter15", Scope(SCOPE.quantities, Grain.MINUTE, YEAR)),
    ]
    ids = {channel_id(*other) for other in (*others, ("meter", SCOPE))}
    assert len(ids) == 5
    assert all(len(name) == 26 and name.isalnum() and name.islower() for name in ids)


def test_what_entries_carry():
    """Only entries of every telegram hold what the meter has counted since it was made."""
    assert carried(Grain.TELEGRAM) == {*Quantity}
    for quantity in Quantity:
        forms = [form(quantity, grain) for grain in Grain]
        assert forms[0] in {Form.REGISTER, Form.VALUE}
        assert {*forms[1:]} <= {Form.AMOUNT, Form.MEAN, None}
        assert len({*forms[1:]}) == 1
    assert form(Quantity.ENERGY_IMPORT, Grain.DAY) is Form.AMOUNT
    assert form(Quantity.POWER, Grain.MINUTE) is Form.MEAN
    assert form(Quantity.PEAK_DEMAND, Grain.QUARTER) is form(Quantity.TARIFF, Grain.HOUR) is None
    assert [grain.seconds for grain in Grain] == [None, 60, 900, 3600, None]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((frozenset(), Grain.DAY, YEAR), Refusal.EMPTY_SCOPE),
        ((SCOPE.quantities, Grain.DAY, YEAR, YEAR), Refusal.EMPTY_SCOPE),
        ((frozenset({Quantity.TARIFF}), Grain.DAY, YEAR), Refusal.UNKNOWN_SCOPE),
        ((SCOPE.quantities, Grain.DAY, datetime(2027, 1, 1)), Refusal.MALFORMED),  # noqa: DTZ001
        ((SCOPE.quantities, Grain.DAY, datetime(2027, 1, 1, tzinfo=timezone(DAY / 24))), Refusal.MALFORMED),
        ((SCOPE.quantities, Grain.DAY, datetime(2150, 1, 1, tzinfo=UTC)), Refusal.MALFORMED),
        ((SCOPE.quantities, Grain.DAY, YEAR + timedelta(microseconds=1)), Refusal.MALFORMED),
        ((SCOPE.quantities, Grain.DAY, YEAR, AT + timedelta(microseconds=1)), Refusal.MALFORMED),
    ],
)
def test_scopes_that_are_none(arguments, reason):
    with pytest.raises(ConsentError) as error:
        Scope(*arguments)
    assert error.value.fault is reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantities": ["power", "energy_import"]}, Refusal.MALFORMED),
        ({"quantities": ["power", "power"]}, Refusal.MALFORMED),
        ({"quantities": "power"}, Refusal.MALFORMED),
        ({"quantities": [1]}, Refusal.MALFORMED),
        ({"quantities": []}, Refusal.EMPTY_SCOPE),
        ({"quantities": None}, Refusal.EMPTY_SCOPE),
        ({"quantities": ["love"]}, Refusal.UNKNOWN_SCOPE),
        ({"grain": "second"}, Refusal.UNKNOWN_SCOPE),
        ({"grain": None}, Refusal.MALFORMED),
        ({"history": 1}, Refusal.MALFORMED),
        ({"history": None}, Refusal.MALFORMED),
        ({"until": "2027-03-01T00:00:00Z"}, Refusal.MALFORMED),
        ({"until": None}, Refusal.MALFORMED),
        ({"from": None}, Refusal.MALFORMED),
        ({"from": 5}, Refusal.MALFORMED),
        ({"more": 5}, Refusal.MALFORMED),
    ],
)
def test_json_that_is_no_scope(change, reason):
    with pytest.raises(ConsentError) as error:
        Scope.from_json(SCOPE.to_json() | change)
    assert error.value.fault is reason


@pytest.mark.parametrize("value", [None, [], "scope", {}])
def test_nothing_is_no_scope(value):
    with pytest.raises(ConsentError):
        Scope.from_json(value)
