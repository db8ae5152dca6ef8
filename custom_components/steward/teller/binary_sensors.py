"""The binary sensors of a teller and of its sources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.components.binary_sensor import BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory

from .teller import Teller
from .watched import Watched


@dataclass(frozen=True, kw_only=True)
class TellerBinarySensorDescription(BinarySensorEntityDescription):
    """Something that is so or isn't."""

    value_fn: Callable[[Teller], bool | None]
    attributes_fn: Callable[[Teller], Mapping[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class SourceBinarySensorDescription(BinarySensorEntityDescription):
    """Something that is so or isn't with one source."""

    value_fn: Callable[[Watched], bool]


TELLER_BINARY_SENSORS: Final = (
    TellerBinarySensorDescription(
        key="terms_signed",
        translation_key="terms_signed",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda teller: teller.terms_signed,
    ),
)

SOURCE_BINARY_SENSORS: Final = (
    SourceBinarySensorDescription(
        key="problem",
        translation_key="source_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda watched: watched.problem,
    ),
)
