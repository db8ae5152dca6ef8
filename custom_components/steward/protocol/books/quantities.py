"""What a source's text and unit mean: milliwatt-hours or milliwatts, exactly, or why it means nothing."""

from dataclasses import dataclass
from decimal import Context, Decimal
import re
from typing import Final

from ..fields import MAX_INTEGER
from .entries import Reason
from .terms import SourceKind

ENERGY_UNITS: Final = {"mWh": 0, "Wh": 3, "kWh": 6, "MWh": 9, "GWh": 12}
POWER_UNITS: Final = {"mW": 0, "W": 3, "kW": 6, "MW": 9}
"""The powers of ten."""
UNITS: Final = {SourceKind.CUMULATIVE: ENERGY_UNITS, SourceKind.POWER: POWER_UNITS}
NOTHING: Final = {"unavailable", "unknown", "none", "null", ""}
"""What sources say when they have nothing to say."""
KILOWATT_HOUR: Final = 10**6
_NUMBER: Final = re.compile(r"\s*[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?\s*", re.ASCII)
_PLAIN: Final = re.compile(r"(\d{1,16})(?:\.(\d{0,12}))?", re.ASCII)
_EXACT: Final = Context(prec=120)
"""Nobody else's rounding: the default context is everybody's to change."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in milliwatt-hours or milliwatts, and the worth of the text's last digit, at most a kilowatt-hour."""

    value: int
    step: int


def read_quantity(raw: str | None, unit: str | None, kind: SourceKind) -> Quantity | Reason:
    """Return what a text means in a unit, rounded to the nearest whole; a reason where it means nothing."""
    if raw is None or raw.strip().lower() in NOTHING:
        return Reason.UNAVAILABLE
    power = UNITS[kind].get(unit or "")
    if (plain := _PLAIN.fullmatch(raw)) is not None and power is not None:
        whole, fraction = plain.groups("")
        if len(fraction) <= power:
            step = 10 ** (power - len(fraction))
            value = int(whole + fraction) * step
            return Quantity(value, min(step, KILOWATT_HOUR)) if value <= MAX_INTEGER else Reason.UNREADABLE
    if not _NUMBER.fullmatch(raw):
        return Reason.UNREADABLE
    if power is None:
        return Reason.UNIT
    number = Decimal(raw)
    value = int(_EXACT.to_integral_value(_EXACT.scaleb(number, power)))
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        return Reason.UNREADABLE
    exponent = number.as_tuple().exponent
    digits = power + min(exponent if isinstance(exponent, int) else 0, 0)
    return Quantity(value, min(10 ** max(digits, 0), KILOWATT_HOUR))


def kind_of(unit: str | None) -> SourceKind:
    """Return what a source that no terms name must be, by its unit."""
    return SourceKind.POWER if unit in POWER_UNITS else SourceKind.CUMULATIVE
