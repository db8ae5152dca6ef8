"""What a telegram says, in one vocabulary and one unit for each quantity, whichever version and whichever country it is from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from .versions import Version


class Key(StrEnum):
    """Values of the electricity meter. Energy is in kWh, power in kW, voltage in V, current in A, frequency in Hz."""

    IMPORT = "electricity_imported_total"
    IMPORT_1 = "electricity_used_tariff_1"
    IMPORT_2 = "electricity_used_tariff_2"
    IMPORT_3 = "electricity_used_tariff_3"
    IMPORT_4 = "electricity_used_tariff_4"
    EXPORT = "electricity_exported_total"
    EXPORT_1 = "electricity_delivered_tariff_1"
    EXPORT_2 = "electricity_delivered_tariff_2"
    EXPORT_3 = "electricity_delivered_tariff_3"
    EXPORT_4 = "electricity_delivered_tariff_4"
    COMBINED = "electricity_combined"
    """Hungary's: import and export in one register, which goes both ways."""
    POWER_IMPORT = "current_electricity_usage"
    POWER_EXPORT = "current_electricity_delivery"
    POWER_IMPORT_L1 = "instantaneous_active_power_l1_positive"
    POWER_IMPORT_L2 = "instantaneous_active_power_l2_positive"
    POWER_IMPORT_L3 = "instantaneous_active_power_l3_positive"
    POWER_EXPORT_L1 = "instantaneous_active_power_l1_negative"
    POWER_EXPORT_L2 = "instantaneous_active_power_l2_negative"
    POWER_EXPORT_L3 = "instantaneous_active_power_l3_negative"
    VOLTAGE_L1 = "instantaneous_voltage_l1"
    VOLTAGE_L2 = "instantaneous_voltage_l2"
    VOLTAGE_L3 = "instantaneous_voltage_l3"
    CURRENT_L1 = "instantaneous_current_l1"
    CURRENT_L2 = "instantaneous_current_l2"
    CURRENT_L3 = "instantaneous_current_l3"
    TARIFF = "electricity_active_tariff"
    SHORT_FAILURES = "short_power_failure_count"
    LONG_FAILURES = "long_power_failure_count"
    SAGS_L1 = "voltage_sag_l1_count"
    SAGS_L2 = "voltage_sag_l2_count"
    SAGS_L3 = "voltage_sag_l3_count"
    SWELLS_L1 = "voltage_swell_l1_count"
    SWELLS_L2 = "voltage_swell_l2_count"
    SWELLS_L3 = "voltage_swell_l3_count"
    DEMAND = "current_average_demand"
    """Belgium's: the average power of this quarter hour so far."""
    PEAK_DEMAND = "maximum_demand_current_month"
    """Belgium's: the highest quarter hour of this month."""
    POWER_LIMIT = "actual_threshold_electricity"
    FUSE_L1 = "fuse_threshold_l1"
    FUSE_L2 = "fuse_threshold_l2"
    FUSE_L3 = "fuse_threshold_l3"
    POWER_FACTOR = "instantaneous_power_factor_total"
    POWER_FACTOR_L1 = "instantaneous_power_factor_l1"
    POWER_FACTOR_L2 = "instantaneous_power_factor_l2"
    POWER_FACTOR_L3 = "instantaneous_power_factor_l3"
    FREQUENCY = "frequency"
    MESSAGE = "text_message"


IMPORTS: Final = frozenset({Key.IMPORT, Key.IMPORT_1, Key.IMPORT_2, Key.IMPORT_3, Key.IMPORT_4})
EXPORTS: Final = frozenset({Key.EXPORT, Key.EXPORT_1, Key.EXPORT_2, Key.EXPORT_3, Key.EXPORT_4})
FAILURES: Final = frozenset(
    {
        Key.SHORT_FAILURES,
        Key.LONG_FAILURES,
        Key.SAGS_L1,
        Key.SAGS_L2,
        Key.SAGS_L3,
        Key.SWELLS_L1,
        Key.SWELLS_L2,
        Key.SWELLS_L3,
    }
)
REGISTERS: Final = IMPORTS | EXPORTS
"""What only rises while the meter is the same one. (Counts of failures may start again at 0.)"""

type Value = Decimal | int | str


class Tariff(StrEnum):
    """Which tariff applies. The numbers that stand for them aren't the same everywhere."""

    LOW = "low"
    NORMAL = "normal"


class Medium(StrEnum):
    """What another meter measures that reports through this one (device types of EN 13757-3)."""

    GAS = "gas"
    WATER = "water"
    HEAT = "heat"


@dataclass(frozen=True, slots=True)
class SubMeter:
    """Another meter, on an M-Bus channel (1 to 4) of this one.

    `id` is its equipment identifier, None if it has told none; `unit` is m³, kWh, GJ or MJ; `at` is when it measured.
    """

    channel: int
    medium: Medium
    id: str | None
    reading: Decimal
    unit: str
    at: datetime | None = None

    @property
    def key(self) -> str:
        """Its name among the meters of this one: the same as long as it is the same meter."""
        return self.id or f"channel {self.channel}"


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest quarter hour of a month, in kW."""

    month: datetime
    at: datetime
    power: Decimal


@dataclass(frozen=True, slots=True)
class Telegram:
    """What a telegram says. What it doesn't say is not in `values`."""

    version: Version
    serial: str | None = None
    at: datetime | None = None
    values: Mapping[Key, Value] = ()  # type: ignore[assignment]
    meters: tuple[SubMeter, ...] = ()
    peaks: tuple[Peak, ...] = ()
    """Belgium's: of the months before, the oldest one first."""

    def registers(self) -> dict[str, Decimal]:
        """Return what only rises, of this meter and of those that report through it."""
        own = {str(key): value for key, value in self.values.items() if key in REGISTERS and isinstance(value, Decimal)}
        return own | {meter.key: meter.reading for meter in self.meters}

    def without(self, names: frozenset[str]) -> Self:
        """Return it without some of its registers."""
        if not names:
            return self
        return replace(
            self,
            values={key: value for key, value in self.values.items() if key not in names},
            meters=tuple(meter for meter in self.meters if meter.key not in names),
        )
