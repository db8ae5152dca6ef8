"""Sensors."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
import logging
from typing import Any, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import UnitOfEnergy
from homeassistant.core import HomeAssistant
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .area.entity import AreaEntity
from .area.own import SENSORS, OwnEntity, OwnSensorDescription
from .const import CONF_KIND, Kind
from .meter.entity import MeterEntity, SubMeterEntity
from .meter.meter import Meter
from .meter.sensors import (
    METER_SENSORS,
    SUB_METER_SENSORS,
    TIME_SENSOR,
    MeterSensorDescription,
)
from .protocol.entity import Platform, SensorInfo, State
from .protocol.telegrams.values import Key, SubMeter
from .teller.entity import SourceEntity, TellerEntity
from .teller.sensors import (
    SOURCE_SENSORS,
    TELLER_SENSORS,
    SourceSensorDescription,
    TellerSensorDescription,
)

_LOGGER = logging.getLogger(__name__)

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry[Any], async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entry's sensors."""
    match Kind(entry.data[CONF_KIND]):
        case Kind.AREA:
            async_add_entities(OwnSensor(entry.runtime_data, description) for description in SENSORS)
            entry.runtime_data.async_add_platform(Platform.SENSOR, AreaSensor, async_add_entities)
        case Kind.METER:
            add_meter_sensors(entry.runtime_data, async_add_entities)
        case Kind.TELLER:
            async_add_entities(TellerSensor(entry.runtime_data, description) for description in TELLER_SENSORS)
            for source in entry.runtime_data.settings.sources:
                async_add_entities(
                    (SourceSensor(entry.runtime_data, source, description) for description in SOURCE_SENSORS),
                    config_subentry_id=source.subentry_id,
                )


class AreaSensor(AreaEntity[SensorInfo], SensorEntity):
    """A sensor of a node."""

    @override
    def _show(self, state: State) -> None:
        self._attr_native_value = state  # type: ignore[assignment]


class OwnSensor(OwnEntity, SensorEntity):
    """A number that the hub tells of a node."""

    entity_description: OwnSensorDescription

    @property
    @override
    def native_value(self) -> int:
        """What it is now."""
        return self.entity_description.value_fn(self.node)

    @override
    async def async_added_to_hass(self) -> None:
        """Show each change, the first one at once and those that follow closely together."""
        writer = Debouncer(
            self.hass,
            _LOGGER,
            cooldown=self.entity_description.write_seconds,
            immediate=True,
            function=self.async_write_ha_state,
        )
        self.async_on_remove(writer.async_shutdown)
        self.async_on_remove(self.entity_description.listen_fn(self.node, writer.async_schedule_call))


class TellerSensor(TellerEntity, SensorEntity):
    """Something that a teller's books tell."""

    entity_description: TellerSensorDescription

    @property
    @override
    def native_value(self) -> StateType | date | datetime:
        """What it is now."""
        return self.entity_description.value_fn(self.teller)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Its unit; money is in the project's currency."""
        if self.entity_description.money:
            return self.teller.settings.currency
        return self.entity_description.native_unit_of_measurement

    @property
    @override
    def last_reset(self) -> datetime | None:
        """When it began at zero; what never does has none."""
        return self.entity_description.reset_fn(self.teller) if self.entity_description.reset_fn else None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What else there is to say."""
        return self.entity_description.attributes_fn(self.teller) if self.entity_description.attributes_fn else None


class SourceSensor(SourceEntity, SensorEntity):
    """Something that a teller's books tell of one source."""

    entity_description: SourceSensorDescription

    @property
    @override
    def native_value(self) -> StateType:
        """What it is now."""
        return self.entity_description.value_fn(self.watched)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What else there is to say."""
        return self.entity_description.attributes_fn(self.watched) if self.entity_description.attributes_fn else None


class MeterSensor(MeterEntity, SensorEntity):
    """A value of a meter."""

    entity_description: MeterSensorDescription
    _unrecorded_attributes = frozenset({"months"})

    @property
    @override
    def available(self) -> bool:
        """Whether the meter tells it."""
        return self.meter.available and self.entity_description.key in self.meter.values

    @override
    def shows(self) -> object:
        """Return the value; the months change with it."""
        return self.native_value

    @property
    @override
    def native_value(self) -> StateType | Decimal:
        """What it is now."""
        return self.meter.values.get(Key(self.entity_description.key))

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """The peaks of the months before."""
        telegram = self.meter.telegram
        if not self.entity_description.peaks or telegram is None:
            return None
        return {"months": [{"at": peak.at.isoformat(), "power": float(peak.power)} for peak in telegram.peaks]}


class MeterTimeSensor(MeterEntity, SensorEntity):
    """The meter's own clock."""

    @property
    @override
    def available(self) -> bool:
        """Whether the meter tells it."""
        return self.meter.available and self.native_value is not None

    @override
    def shows(self) -> object:
        """Return the time."""
        return self.native_value

    @property
    @override
    def native_value(self) -> datetime | None:
        """When the last telegram was sent."""
        return self.meter.telegram.at if self.meter.telegram else None


class SubMeterSensor(SubMeterEntity, SensorEntity):
    """The reading of a meter that reports through another."""

    def __init__(self, meter: Meter, sub_meter: SubMeter) -> None:
        """Take what it measures, and in which unit."""
        super().__init__(meter, sub_meter, SUB_METER_SENSORS[sub_meter.medium])
        self._attr_native_unit_of_measurement = sub_meter.unit
        if sub_meter.unit in set(UnitOfEnergy):
            self._attr_device_class = SensorDeviceClass.ENERGY

    @override
    def shows(self) -> object:
        """Return the reading."""
        return self.native_value

    @property
    @override
    def native_value(self) -> Decimal | None:
        """What it has counted."""
        reports = self.meter.meters.get(self.key)
        return reports.reading if reports else None


def add_meter_sensors(meter: Meter, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Add a meter's sensors, each when a telegram has it for the first time."""
    async_add_entities([MeterTimeSensor(meter, TIME_SENSOR)])

    def add(keys: Iterable[Key], sub_meters: Iterable[SubMeter]) -> None:
        async_add_entities(
            [
                *(MeterSensor(meter, METER_SENSORS[key]) for key in keys),
                *(SubMeterSensor(meter, sub_meter) for sub_meter in sub_meters),
            ]
        )

    meter.async_add(add)
