"""Plausibility: registers never go back, damaged telegrams without a CRC change nothing, meters may be replaced."""

from dataclasses import replace
from decimal import Decimal

import pytest

from steward_house.protocol.telegrams.plausibility import Plausibility
from steward_house.protocol.telegrams.values import Key, Medium, SubMeter, Telegram
from steward_house.protocol.telegrams.versions import Version


def telegram(register="100.000", *, version=Version.DSMR_5, serial="A", power="0.300", gas="5.000", volts="230.0"):
    return Telegram(
        version,
        serial,
        None,
        {
            Key.IMPORT_1: Decimal(register),
            Key.POWER_IMPORT: Decimal(power),
            Key.VOLTAGE_L1: Decimal(volts),
            Key.MESSAGE: "x",
        },
        (SubMeter(1, Medium.GAS, None, Decimal(gas), "m³"),),
    )


def data(of):
    return repr(of.values).encode()


def judge(plausibility, of, at):
    return plausibility.judge(of, data(of), at)


def old(register="100.000", **changes):
    return telegram(register, version=Version.DSMR_2_2, **changes)


def test_registers_rise():
    plausibility = Plausibility()
    for at in range(5):
        assert judge(plausibility, telegram(f"100.00{at}"), at).held == frozenset()
    assert plausibility.registers == {Key.IMPORT_1: Decimal("100.004"), "channel 1": Decimal("5.000")}


@pytest.mark.parametrize("register", ["0.000", "99.999"])
def test_a_register_that_goes_back_is_held_back_alone(register):
    plausibility = Plausibility()
    judge(plausibility, telegram(), 0)
    judged = judge(plausibility, telegram(register), 1)
    assert judged.held == {Key.IMPORT_1}
    assert Key.IMPORT_1 not in judged.telegram.values
    assert judged.telegram.values[Key.POWER_IMPORT] == Decimal("0.300")
    assert judge(plausibility, telegram("100.001"), 2).held == frozenset()
    assert judge(plausibility, telegram("100.001", gas="0.000"), 3).held == {"channel 1"}


def test_a_zero_after_a_restart_is_held_back():
    assert judge(Plausibility({Key.IMPORT_1: Decimal(100)}, "A"), telegram("0.000"), 0).held == {Key.IMPORT_1}


def test_a_register_that_stays_lower_is_another_meters():
    plausibility = Plausibility()
    judge(plausibility, telegram(), 0)
    held = [bool(judge(plausibility, telegram(f"1.{at:03}"), at).held) for at in range(10, 700, 60)]
    assert held == [True] * 10 + [False] * 2
    plausibility = Plausibility()
    judge(plausibility, telegram(), 0)
    assert all(
        judge(plausibility, telegram(register), 61.0 * at).held for at, register in enumerate(["9.000", "8.000"] * 20)
    )


def test_a_register_that_is_hardly_lower_is_the_same_meters():
    plausibility = Plausibility()
    judge(plausibility, telegram("100.001"), 0)
    assert all(judge(plausibility, telegram(), 60.0 * at).held for at in range(30))


def test_a_register_that_jumps_must_be_said_twice():
    plausibility = Plausibility()
    judge(plausibility, telegram(), 0)
    assert judge(plausibility, telegram("900.000"), 1).held == {Key.IMPORT_1}
    assert judge(plausibility, telegram("100.001"), 2).held == frozenset()
    assert judge(plausibility, telegram("900.000"), 3).held == {Key.IMPORT_1}
    assert judge(plausibility, telegram("900.001"), 4).held == frozenset()
    assert plausibility.registers[Key.IMPORT_1] == Decimal("900.001")


def test_another_meter_must_name_itself_three_times():
    plausibility = Plausibility()
    judge(plausibility, telegram(), 0)
    assert judge(plausibility, telegram("1.000", serial="B"), 1).telegram is None
    assert judge(plausibility, telegram(), 2).telegram
    assert [judge(plausibility, telegram("1.000", serial="B"), 3 + at).changed for at in range(4)] == [
        False,
        False,
        True,
        False,
    ]
    assert plausibility.serial == "B"
    assert plausibility.registers[Key.IMPORT_1] == 1
    assert judge(plausibility, replace(telegram("1.001"), serial=None), 9).telegram


def test_without_a_check_sum_the_first_telegram_must_be_confirmed():
    plausibility = Plausibility()
    assert judge(plausibility, old(), 0).telegram is None
    assert judge(plausibility, old("100.001"), 10).telegram


@pytest.mark.parametrize(
    "damaged",
    [
        old("700.001"),
        old("99.000"),
        old("100.101"),
        old("100.001", gas="905.000"),
        old("100.001", serial="B"),
        old("100.001", power="803.000"),
        old("100.001", volts="930.0"),
        old("00.001"),
    ],
)
def test_without_a_check_sum_what_jumps_changes_nothing(damaged):
    plausibility = Plausibility()
    judge(plausibility, old(), 0)
    judge(plausibility, old("100.000"), 10)
    assert judge(plausibility, damaged, 20).telegram is None
    assert judge(plausibility, old("100.001"), 30).telegram
    assert plausibility.registers[Key.IMPORT_1] == Decimal("100.001")


def test_without_a_check_sum_another_shape_must_be_confirmed():
    plausibility = Plausibility()
    judge(plausibility, old(), 0)
    judge(plausibility, old(), 10)
    other = replace(old("100.001"), values={**old("100.001").values, Key.MESSAGE: "hello"})
    assert judge(plausibility, other, 20).telegram is None
    assert judge(plausibility, other, 30).telegram
    fewer = replace(other, meters=())
    assert judge(plausibility, fewer, 40).telegram is None


def test_without_a_check_sum_after_a_long_time():
    plausibility = Plausibility()
    judge(plausibility, old(), 0)
    judge(plausibility, old(), 10)
    assert judge(plausibility, old("110.000"), 86410).telegram
    assert judge(plausibility, old("210.000"), 86420).telegram is None
    unknown = replace(old("110.002"), values={Key.IMPORT_1: Decimal("110.002")})
    assert judge(plausibility, unknown, 86430).telegram is None
    assert judge(plausibility, unknown, 86440).telegram
