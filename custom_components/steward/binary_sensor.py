"""Binary sensors."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .const import CONF_KIND, Kind
from .protocol.entity import BinarySensorInfo, Platform, State
from .teller.binary_sensors import (
    SOURCE_BINARY_SENSORS,
    TELLER_BINARY_SENSORS,
    SourceBinarySensorDescription,
    TellerBinarySensorDescription,
)
from .teller.entity import SourceEntity, TellerEntity

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry[Any], async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entry's binary sensors."""
    match Kind(entry.data[CONF_KIND]):
        case Kind.AREA:
            entry.runtime_data.async_add_platform(Platform.BINARY_SENSOR, AreaBinarySensor, async_add_entities)
        case Kind.TELLER:
            async_add_entities(
                TellerBinarySensor(entry.runtime_data, description) for description in TELLER_BINARY_SENSORS
            )
            for source in entry.runtime_data.settings.sources:
                async_add_entities(
                    (SourceBinarySensor(entry.runtime_data, source, each) for each in SOURCE_BINARY_SENSORS),
                    config_subentry_id=source.subentry_id,
                )


class AreaBinarySensor(AreaEntity[BinarySensorInfo], BinarySensorEntity):
    """A binary sensor of a node."""

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return why a module doesn't work, for the binary sensor that says so."""
        if self.info.translation_key != "module_problem":
            return None
        module = self.node.module(self.info.module)
        return {"reason": module.problem if module else None}

    @override
    def _show(self, state: State) -> None:
        self._attr_is_on = state  # type: ignore[assignment]


class TellerBinarySensor(TellerEntity, BinarySensorEntity):
    """Something that is so or isn't in a teller's books."""

    entity_description: TellerBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether it is so."""
        return self.entity_description.value_fn(self.teller)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What else there is to say."""
        return self.entity_description.attributes_fn(self.teller) if self.entity_description.attributes_fn else None


class SourceBinarySensor(SourceEntity, BinarySensorEntity):
    """Something that is so or isn't with one source."""

    entity_description: SourceBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool:
        """Whether it is so."""
        return self.entity_description.value_fn(self.watched)
