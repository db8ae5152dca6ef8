"""What telegrams say: the same values in every version, and nothing that can't be read; what diagnostics show of them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from custom_components.steward.meter.data import Keys
from custom_components.steward.meter.describe import redacted
from custom_components.steward.meter.names import readable
from custom_components.steward.meter.opening import opened
from custom_components.steward.meter.parsing import Parser
from custom_components.steward.protocol.telegrams.splitter import Frame
from custom_components.steward.protocol.telegrams.values import Key, Medium, Tariff, Telegram
from custom_components.steward.protocol.telegrams.versions import Version
from tests.protocol.telegrams import houses

INSIDE = {**houses.READABLE, **{version: make for version, (make, _) in houses.INSIDE.items()}}


def parse(*lines: str, version: Version = Version.DSMR_5) -> Telegram:
    return Parser(version).parse("\r\n".join(["/ABC5", "", *lines, "!"]) + "\r\n")


@pytest.mark.parametrize("version", INSIDE)
def test_every_version_says_the_same(version: str) -> None:
    parser = Parser(Version(version))
    for _ in range(2):
        telegram = parser.parse(INSIDE[version]().decode())
        assert parser.unreadable == 0
        expected = {
            Key.IMPORT: Decimal("3580.245"),
            Key.IMPORT_1: Decimal("1234.567"),
            Key.IMPORT_2: Decimal("2345.678"),
            Key.EXPORT: Decimal("345.678"),
            Key.EXPORT_1: Decimal("345.678"),
            Key.POWER_IMPORT: Decimal("0.41"),
        }
        for key in expected.keys() & telegram.values.keys():
            value = telegram.values[key]
            assert isinstance(value, Decimal)
            assert round(value - expected[key], 2) == 0, key
        assert telegram.values.keys() & {Key.IMPORT, Key.IMPORT_1}
        assert telegram.serial == (None if version in {"5S", "SAGEMCOM_T210_D_R"} else houses.SERIAL)
        assert telegram.at == (None if version in {"2.2", "Q3D"} else datetime(2026, 11, 21, 13, 15, tzinfo=UTC))


def test_tariffs_are_swapped_in_two_countries() -> None:
    for version, tariff in (
        (Version.DSMR_5, Tariff.LOW),
        (Version.BELGIUM, Tariff.NORMAL),
        (Version.HUNGARY, Tariff.NORMAL),
    ):
        assert parse("0-0:96.14.0(0001)", version=version).values == {Key.TARIFF: tariff}
    assert parse("0-0:96.14.0(0003)").values == {}


@pytest.mark.parametrize(
    "line",
    [
        "1-0:1.8.1(001.2x4*kWh)",
        "1-0:1.8.1(001.234*kvarh)",
        "1-0:1.8.1(NaN*kWh)",
        "1-0:1.8.1()",
        "1-0:1.8.1",
        "1-0:1.8.1(1)(2)",
        "0-0:96.14.0(low)",
        "0-0:96.13.0(4g)",
        "0-0:96.13.0()",
        "1-0:99.97.0(2)(0-0:96.7.19)(000104180320W)(0000237126*s)",
        "0-1:24.2.1(261121141500W)(x*m3)",
        "0-1:24.1.0(003)",
        "x-y:1.8.1(001.234*kWh)",
    ],
)
def test_what_cannot_be_read_is_left_out(line: str) -> None:
    telegram = parse(line, "1-0:2.8.1(000.001*kWh)")
    assert telegram.values == {Key.EXPORT_1: Decimal("0.001")}
    assert telegram.meters == ()


def test_a_message() -> None:
    assert parse("0-0:96.13.0(48656C6C6F)").values == {Key.MESSAGE: "Hello"}


def test_limits_in_the_other_unit() -> None:
    assert parse("0-0:17.0.0(016*A)", version=Version.DSMR_2_2).values == {}
    assert parse("1-0:31.4.0(016*kW)", version=Version.BELGIUM).values == {}


def test_meters_on_the_bus() -> None:
    def meter(channel: int, kind: str, serial: str, reading: str) -> tuple[str, ...]:
        return (
            f"0-{channel}:24.1.0({kind})",
            f"0-{channel}:96.1.0({serial})",
            f"0-{channel}:24.2.1({reading}",
        )

    telegram = parse(
        *meter(1, "003", "41", "261121141000W)(00001.000*m3)"),
        *meter(2, "003", "41", "261121141500W)(00002.000*m3)"),
        *meter(3, "007", "", "261121141500W)(00003.000*m3)"),
        *meter(4, "009", "42", "261121141500W)(00004.000*m3)"),
    )
    assert [(each.key, each.medium, each.reading) for each in telegram.meters] == [
        ("41", Medium.GAS, Decimal("2.000")),
        ("channel 3", Medium.WATER, Decimal("3.000")),
    ]
    assert parse(*meter(1, "xx", "41", "261121141000W)(00001.000*m3)")).meters == ()
    assert parse(*meter(1, "003", "41", "261121141000W)(00001.000*l)")).meters == ()


def test_any_number_of_unknown_lines() -> None:
    parser = Parser(Version.DSMR_5)
    for number in range(500):
        parser.parse(f"/ABC5\r\n\r\n1-0:99.{number}.0(1)\r\n!\r\n")
    assert len(parser._by_prefix) <= 200


@pytest.mark.parametrize(
    ("serial", "shown"),
    [
        (houses.SERIAL, "K8EG004046395507"),
        (None, None),
        ("", None),
        ("x1", "x1"),
        ("00000000", "00000000"),
        ("ff", "ff"),
    ],
)
def test_numbers_of_meters(serial: str | None, shown: str | None) -> None:
    assert readable(serial) == shown


@pytest.mark.parametrize("version", INSIDE)
def test_diagnostics_tell_nothing(version: str) -> None:
    shown = "\n".join(redacted(INSIDE[version]()) or [])
    for secret in (houses.SERIAL, houses.GAS, "1234567", "1234.567", "253", "MT382", "1ESY"):
        assert secret not in shown
    assert shown.count("\n") > 5


def test_diagnostics_of_what_is_encrypted() -> None:
    assert redacted(None) is None
    assert redacted(houses.sent("MSn")) == [f"encrypted, {len(houses.sent('MSn'))} bytes"]


def test_what_is_inside_must_be_one_telegram() -> None:
    keys = Keys(houses.KEY, houses.LUXEMBOURG)
    whole = houses.luxembourg()
    assert opened(Frame(houses.encrypt(whole.rstrip())), keys).checked
    for inside in (whole + whole, b"hello there", whole.replace(b"412", b"413", 1), houses.encrypt(whole)):
        assert opened(Frame(houses.encrypt(inside)), keys) is None
    assert opened(Frame(houses.encrypt(whole)), None) is None
