"""The sensors of a teller: what its books tell, and what they tell of each source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfEnergy
from homeassistant.helpers.typing import StateType

from ..protocol.books.entries import Reason
from .status import BooksState
from .teller import Teller
from .watched import Watched

MWH_PER_KWH: Final = 1_000_000
"""Milliwatt-hours, in which the books count, per kilowatt-hour."""


@dataclass(frozen=True, kw_only=True)
class TellerSensorDescription(SensorEntityDescription):
    """A sensor of the books; `money` ones have the project's currency as their unit, `reset_fn` tells since when they count."""

    value_fn: Callable[[Teller], StateType | date | datetime]
    attributes_fn: Callable[[Teller], Mapping[str, Any]] | None = None
    reset_fn: Callable[[Teller], datetime | None] | None = None
    money: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceSensorDescription(SensorEntityDescription):
    """A sensor of one source."""

    value_fn: Callable[[Watched], StateType]
    attributes_fn: Callable[[Watched], Mapping[str, Any]] | None = None


TELLER_SENSORS: Final = (
    TellerSensorDescription(
        key="period_energy",
        translation_key="period_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=3,
        value_fn=lambda teller: _kwh(teller.figures.energy),
        reset_fn=lambda teller: teller.figures.start,
        attributes_fn=lambda teller: {
            "measured": _kwh(teller.figures.measured),
            "from_register": _kwh(teller.figures.from_register),
            "estimated": _kwh(teller.figures.estimated),
        },
    ),
    TellerSensorDescription(
        key="lifetime_energy",
        translation_key="lifetime_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=3,
        value_fn=lambda teller: _kwh(teller.figures.lifetime),
    ),
    TellerSensorDescription(
        key="owed",
        translation_key="owed",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        money=True,
        value_fn=lambda teller: float(teller.figures.owed),
        attributes_fn=lambda teller: {
            "this_period": float(teller.figures.owed_in_period),
            "due_now": float(teller.figures.due_amount),
            "periods_late": teller.figures.periods_late,
            "payment_link": teller.payback.link,
        },
    ),
    TellerSensorDescription(
        key="due_date",
        translation_key="due_date",
        device_class=SensorDeviceClass.DATE,
        value_fn=lambda teller: teller.figures.due_date,
    ),
    TellerSensorDescription(
        key="books",
        translation_key="books",
        device_class=SensorDeviceClass.ENUM,
        options=[*BooksState],
        value_fn=lambda teller: teller.state,
        attributes_fn=lambda teller: {"generation": teller.generation, "gaps_in_period": teller.figures.gaps},
    ),
    TellerSensorDescription(
        key="log_size",
        translation_key="log_size",
        entity_category=EntityCategory.DIAGNOSTIC,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda teller: teller.size,
    ),
    TellerSensorDescription(
        key="not_witnessed",
        translation_key="not_witnessed",
        entity_category=EntityCategory.DIAGNOSTIC,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda teller: teller.tail,
    ),
    TellerSensorDescription(
        key="last_checkpoint",
        translation_key="last_checkpoint",
        entity_category=EntityCategory.DIAGNOSTIC,
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda teller: teller.signed_at,
    ),
    TellerSensorDescription(
        key="last_anchor",
        translation_key="last_anchor",
        entity_category=EntityCategory.DIAGNOSTIC,
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda teller: teller.history.anchored.at if teller.history.anchored else None,
        attributes_fn=lambda teller: {"anchor": teller.history.anchored.anchor if teller.history.anchored else None},
    ),
    TellerSensorDescription(
        key="last_payback",
        translation_key="last_payback",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda teller: teller.history.paid.at if teller.history.paid else None,
        attributes_fn=lambda teller: {"amount": float(teller.history.paid.amount) if teller.history.paid else None},
    ),
)

SOURCE_SENSORS: Final = (
    SourceSensorDescription(
        key="energy",
        translation_key="source_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=3,
        value_fn=lambda watched: _kwh(watched.energy),
    ),
    SourceSensorDescription(
        key="reason",
        translation_key="source_reason",
        entity_category=EntityCategory.DIAGNOSTIC,
        device_class=SensorDeviceClass.ENUM,
        options=[*Reason],
        value_fn=lambda watched: watched.reason,
        attributes_fn=lambda watched: {"raw": watched.raw, "read_at": watched.read_at},
    ),
)


def _kwh(energy: int) -> float:
    return energy / MWH_PER_KWH
