"""What a node declares of an entity, in Home Assistant's words.

A node's words are taken only where Home Assistant knows them and would accept their combination; the others are left out and
named, so that a node with a newer vocabulary costs a device class and not the entity.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from homeassistant.components.binary_sensor import BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.button import ButtonEntityDescription
from homeassistant.components.button.const import ButtonDeviceClass
from homeassistant.components.event import DoorbellEventType, EventDeviceClass, EventEntityDescription
from homeassistant.components.light import LightEntityDescription
from homeassistant.components.number import NumberDeviceClass, NumberEntityDescription, NumberMode
from homeassistant.components.number.const import DEVICE_CLASS_UNITS as NUMBER_UNITS
from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.components.sensor.const import (
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
    NON_NUMERIC_DEVICE_CLASSES,
    STATE_CLASS_UNITS,
)
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.components.switch.const import SwitchDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.helpers.entity import EntityDescription
from homeassistant.util.enum import try_parse_enum

from ..protocol.entity import (
    BinarySensorInfo,
    ButtonInfo,
    EntityInfo,
    EventInfo,
    LightInfo,
    NumberInfo,
    SensorInfo,
    SwitchInfo,
)


@dataclass(frozen=True, slots=True)
class Described:
    """An entity's description, and the node's words that were left out of it, such as `device_class: warmth`."""

    description: EntityDescription
    left_out: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def describe(info: EntityInfo) -> Described:
    """Return the description of an entity; the same object for equal entities of all nodes."""
    left_out: list[str] = []
    category = try_parse_enum(EntityCategory, info.category)
    if category is EntityCategory.CONFIG and not info.commandable:
        category = None
        left_out.append("category: config")
    common: dict[str, Any] = {
        "key": info.key,
        "name": info.name,
        "translation_key": info.translation_key,
        "icon": info.icon,
        "entity_registry_enabled_default": info.enabled,
        "entity_category": category,
    }
    description = _describe(info, common)
    if info.device_class and description.device_class is None:
        left_out.append(f"device_class: {info.device_class}")
    if isinstance(info, SensorInfo) and info.state_class and getattr(description, "state_class", None) is None:
        left_out.append(f"state_class: {info.state_class}")
    if isinstance(info, SensorInfo) and info.unit and not info.numeric:
        left_out.append(f"unit: {info.unit}")
    return Described(description, tuple(left_out))


def _describe(info: EntityInfo, common: dict[str, Any]) -> EntityDescription:
    match info:
        case SensorInfo():
            return _sensor(info, common)
        case BinarySensorInfo():
            return BinarySensorEntityDescription(
                **common, device_class=try_parse_enum(BinarySensorDeviceClass, info.device_class)
            )
        case SwitchInfo():
            return SwitchEntityDescription(**common, device_class=try_parse_enum(SwitchDeviceClass, info.device_class))
        case NumberInfo():
            number_class = try_parse_enum(NumberDeviceClass, info.device_class)
            if number_class and info.unit not in NUMBER_UNITS.get(number_class, {info.unit}):
                number_class = None
            return NumberEntityDescription(
                **common,
                device_class=number_class,
                native_min_value=info.minimum,
                native_max_value=info.maximum,
                native_step=info.step,
                native_unit_of_measurement=info.unit,
                mode=NumberMode(info.mode),
            )
        case LightInfo():
            return LightEntityDescription(**common)
        case ButtonInfo():
            return ButtonEntityDescription(**common, device_class=try_parse_enum(ButtonDeviceClass, info.device_class))
        case EventInfo():
            event_class = try_parse_enum(EventDeviceClass, info.device_class)
            if event_class is EventDeviceClass.DOORBELL and DoorbellEventType.RING not in info.event_types:
                event_class = None
            return EventEntityDescription(**common, device_class=event_class, event_types=list(info.event_types))
    raise AssertionError(info)  # pragma: no cover


def _sensor(info: SensorInfo, common: dict[str, Any]) -> SensorEntityDescription:
    device_class = _sensor_class(info)
    state_class = try_parse_enum(SensorStateClass, info.state_class)
    if device_class and state_class not in DEVICE_CLASS_STATE_CLASSES.get(device_class, {state_class}):
        state_class = None
    if state_class and info.unit not in STATE_CLASS_UNITS.get(state_class, {info.unit}):
        state_class = None
    return SensorEntityDescription(
        **common,
        device_class=device_class,
        state_class=state_class,
        native_unit_of_measurement=info.unit if info.numeric else None,
        suggested_display_precision=info.precision if info.numeric else None,
        options=list(info.options) if device_class is SensorDeviceClass.ENUM else None,
    )


def _sensor_class(info: SensorInfo) -> SensorDeviceClass | None:
    """Return the device class, where Home Assistant would accept it with the sensor's unit and kind of value."""
    if info.options and not info.numeric and info.device_class != SensorDeviceClass.TIMESTAMP:
        return SensorDeviceClass.ENUM
    match try_parse_enum(SensorDeviceClass, info.device_class):
        case None | SensorDeviceClass.ENUM:
            return None
        case SensorDeviceClass.TIMESTAMP as timestamp if not info.numeric:
            return timestamp
        case numeric if numeric not in NON_NUMERIC_DEVICE_CLASSES and info.numeric:
            return numeric if info.unit in DEVICE_CLASS_UNITS.get(numeric, {info.unit}) else None
    return None
