"""From a telegram's text to what it says, by dsmr-parser: its lines' patterns and its values' parsers, version for version.

Its own loop looks for each of about forty patterns in the whole text, logs each line that it can't read each time, and lets errors of
some of them through. Here each line goes to the patterns that it begins like, which stay the same from one telegram to the next, and a line
that can't be read is left out and counted. Import this module in Home Assistant's import executor, and only where dsmr-parser is installed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
import re
from typing import Any, Final

from dsmr_parser import telegram_specifications as specifications
from dsmr_parser.exceptions import ParseError

from ..protocol.telegrams.values import Key, Medium, Peak, SubMeter, Tariff, Telegram, Value
from ..protocol.telegrams.versions import Version

_SPECIFICATIONS: Final = {
    Version.DSMR_2_2: specifications.V2_2,
    Version.DSMR_4: specifications.V4,
    Version.DSMR_5: specifications.V5,
    Version.BELGIUM: specifications.BELGIUM_FLUVIUS,
    Version.LUXEMBOURG: specifications.LUXEMBOURG_SMARTY,
    Version.LUXEMBOURG_ENCRYPTED: specifications.MSN,
    Version.AUSTRIA_ENCRYPTED: specifications.SAGEMCOM_T210_D_R,
    Version.SWEDEN: specifications.SWEDEN,
    Version.Q3D: specifications.Q3D,
    Version.IRELAND: specifications.ISKRA_IE,
    Version.HUNGARY: specifications.EON_HUNGARY,
}
_NAMES: Final = {
    **{key.value.upper(): key for key in Key},
    "BELGIUM_CURRENT_AVERAGE_DEMAND": Key.DEMAND,
    "BELGIUM_MAXIMUM_DEMAND_MONTH": Key.PEAK_DEMAND,
    "ACTUAL_TRESHOLD_ELECTRICITY": Key.POWER_LIMIT,
}
"""What dsmr-parser calls the values that there is a name for here."""
_SERIALS: Final = (
    "EQUIPMENT_IDENTIFIER",
    "BELGIUM_EQUIPMENT_IDENTIFIER",
    "LUXEMBOURG_EQUIPMENT_IDENTIFIER",
    "COSEM_LOGICAL_DEVICE_NAME",
    "Q3D_EQUIPMENT_IDENTIFIER",
)
_SUB_READINGS: Final = ("MBUS_METER_READING", "HOURLY_GAS_METER_READING", "GAS_METER_READING")
_SUB_TYPES: Final = ("MBUS_DEVICE_TYPE", "DEVICE_TYPE")
_SUB_SERIALS: Final = ("MBUS_EQUIPMENT_IDENTIFIER", "EQUIPMENT_IDENTIFIER_GAS")
_MEDIA: Final = {3: Medium.GAS, 4: Medium.HEAT, 6: Medium.WATER, 7: Medium.WATER, 12: Medium.HEAT}
"""Device types of EN 13757-3."""
_UNITS: Final = {"Wh": -3, "W": -3, "kWh": 0, "kW": 0, "V": 0, "A": 0, "Hz": 0}
"""Units, and the power of ten that makes them ours."""
_SUB_UNITS: Final = {"m3": "m³", "kWh": "kWh", "GJ": "GJ", "MJ": "MJ"}
_SWAPPED: Final = {Version.BELGIUM, Version.HUNGARY}
"""Where tariff 1 is the normal one."""
_AMPERES: Final = frozenset({Key.FUSE_L1, Key.FUSE_L2, Key.FUSE_L3})
_UNREADABLE: Final = (ParseError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
_PREFIXES: Final = 200
_LONGEST_STATE: Final = 255


@dataclass(frozen=True, slots=True)
class _Reader:
    """What reads a line."""

    name: str
    pattern: re.Pattern[str]
    parser: Any


class Parser:
    """Reads the telegrams of one version."""

    def __init__(self, version: Version) -> None:
        """Prepare the patterns."""
        self.version = version
        self.unreadable = 0
        """How many lines couldn't be read."""
        self._readers = [
            _Reader(each["value_name"], re.compile(each["obis_reference"], re.DOTALL), each["value_parser"])
            for each in _SPECIFICATIONS[version]["objects"]
        ]
        self._by_prefix: dict[str, list[_Reader]] = {}

    def parse(self, text: str) -> Telegram:
        """Read a telegram. Never raises."""
        found: dict[str, Any] = {}
        channels: dict[int, dict[str, Any]] = {}
        for line in _lines(text):
            for reader in self._readers_of(line):
                try:
                    read = reader.parser.parse(_matched(reader.pattern, line))
                except _UNREADABLE:
                    self.unreadable += 1
                    continue
                found.setdefault(reader.name, read)
                if line[0] == "0" and "1" <= line[2] <= "9":
                    channels.setdefault(int(line[2]), {}).setdefault(reader.name, read)
        serials = (_text(found[name]) for name in _SERIALS if name in found)
        return Telegram(
            version=self.version,
            serial=next((serial for serial in serials if serial), None),
            at=_moment(found.get("P1_MESSAGE_TIMESTAMP")),
            values=dict(self._values(found)),
            meters=_sub_meters(channels),
            peaks=_peaks(found.get("BELGIUM_MAXIMUM_DEMAND_13_MONTHS")),
        )

    def _readers_of(self, line: str) -> list[_Reader]:
        prefix = line.partition("(")[0]
        readers = self._by_prefix.get(prefix)
        if readers is None:
            readers = [reader for reader in self._readers if reader.pattern.match(line)]
            if len(self._by_prefix) < _PREFIXES and prefix != line:
                self._by_prefix[prefix] = readers
        return readers

    def _values(self, found: dict[str, Any]) -> Iterable[tuple[Key, Value]]:
        for name, read in found.items():
            if (key := _NAMES.get(name)) is None:
                continue
            try:
                value = self._value(key, read.value, read.unit)
            except _UNREADABLE:
                value = None
                self.unreadable += 1
            if value is not None:
                yield key, value

    def _value(self, key: Key, value: Any, unit: str | None) -> Value | None:
        match value:
            case Decimal():
                return _in_our_unit(key, value, unit)
            case int():
                return value
            case str() if key is Key.TARIFF:
                return self._tariff(value)
            case str() if key is Key.MESSAGE:
                return bytes.fromhex(value).decode("latin-1").strip()[:_LONGEST_STATE]
        return None

    def _tariff(self, value: str) -> Tariff | None:
        tariffs = (Tariff.NORMAL, Tariff.LOW) if self.version in _SWAPPED else (Tariff.LOW, Tariff.NORMAL)
        return dict(zip((1, 2), tariffs, strict=True)).get(int(value))


def _lines(text: str) -> Iterable[str]:
    """Return a telegram's lines; what begins with a bracket belongs to the line before (DSMR 2.2's gas)."""
    lines = text.split("\r\n")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if len(line) > len("0-0:") and line[0].isdecimal() and line[2].isdecimal():
            yield f"{line}\r\n{after}\r\n" if after.startswith("(") else f"{line}\r\n"


def _matched(pattern: re.Pattern[str], line: str) -> str:
    found = pattern.match(line)
    return found[0] if found else ""


def _in_our_unit(key: Key, value: Decimal, unit: str | None) -> Decimal | None:
    if not value.is_finite() or (unit is not None and unit not in _UNITS):
        return None
    if (key is Key.POWER_LIMIT and unit == "A") or (key in _AMPERES and unit != "A"):
        return None
    return value.scaleb(_UNITS[unit]) if unit else value


def _text(read: Any) -> str | None:
    value = getattr(read, "value", None)
    return value if isinstance(value, str) else None


def _moment(read: Any) -> datetime | None:
    value = getattr(read, "value", None)
    return value if isinstance(value, datetime) else None


def _sub_meters(channels: dict[int, dict[str, Any]]) -> tuple[SubMeter, ...]:
    """Return the meters on M-Bus channels that have a reading: one that was taken away may still have its channel."""
    meters: dict[str, SubMeter] = {}
    for channel, found in sorted(channels.items()):
        try:
            meter = _sub_meter(channel, found)
        except _UNREADABLE:
            continue
        if meter is None:
            continue
        known = meters.get(meter.key)
        if known is None or (known.at and meter.at and meter.at > known.at):
            meters[meter.key] = meter
    return tuple(meters.values())


def _sub_meter(channel: int, found: dict[str, Any]) -> SubMeter | None:
    reading = next((found[name] for name in _SUB_READINGS if name in found), None)
    kind = next((found[name].value for name in _SUB_TYPES if name in found), None)
    if reading is None or kind is None or (medium := _MEDIA.get(int(kind))) is None:
        return None
    value, unit = reading.value, _SUB_UNITS.get(reading.unit)
    if not isinstance(value, Decimal) or not value.is_finite() or unit is None:
        return None
    serial = next((_text(found[name]) for name in _SUB_SERIALS if name in found), None)
    at = reading.datetime
    return SubMeter(channel, medium, serial or None, value, unit, at if isinstance(at, datetime) else None)


def _peaks(read: Any) -> tuple[Peak, ...]:
    peaks = []
    for each in read or ():
        month, at, power = each.datetime, each.occurred, each.value
        if isinstance(month, datetime) and isinstance(at, datetime) and isinstance(power, Decimal):
            peaks.append(Peak(month, at, power))
    return tuple(sorted(peaks, key=lambda peak: peak.month))
