"""What the entities of a meter have in common: they are there while telegrams come, and show what is new at a bearable pace."""

from typing import override

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription

from ..const import DOMAIN
from ..protocol.telegrams.values import SubMeter
from .meter import Meter
from .names import readable


def device_id(entry_id: str, meter: SubMeter | None = None) -> tuple[str, str]:
    """Return what a meter's device, or that of one that reports through it, is registered under."""
    return DOMAIN, f"{entry_id}/{meter.key}" if meter else entry_id


@callback
def register_device(meter: Meter) -> None:
    """Make sure that a meter has its device before there are those that are reached through it."""
    settings = meter.settings
    meter.device = dr.async_get(meter.hass).async_get_or_create(
        config_entry_id=meter.entry.entry_id,
        identifiers={device_id(meter.entry.entry_id)},
        name=meter.entry.title,
        model=f"P1 ({settings.version.value})",
        serial_number=readable(settings.serial),
    )


class MeterEntity(Entity):
    """An entity of a meter's device."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, meter: Meter, description: EntityDescription) -> None:
        """Make the entity from its description."""
        self.meter = meter
        self.entity_description = description
        self._attr_unique_id = f"{meter.entry.entry_id}/{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={device_id(meter.entry.entry_id)})
        self._shown: object = None

    @override
    async def async_added_to_hass(self) -> None:
        """Show what is new."""
        self.async_on_remove(self.meter.listen(self._show))

    @callback
    def _show(self) -> None:
        """Write the state, unless it is the one that is there."""
        now = self.available and self.shows()
        if now != self._shown:
            self._shown = now
            self.async_write_ha_state()

    def shows(self) -> object:
        """Return what is compared to know whether there is anything new."""
        raise NotImplementedError


class SubMeterEntity(MeterEntity):
    """An entity of a meter that reports through another: a device of its own, and another one when the meter is replaced."""

    def __init__(self, meter: Meter, sub_meter: SubMeter, description: EntityDescription) -> None:
        """Make the entity from its description."""
        super().__init__(meter, description)
        self.key = sub_meter.key
        identifier = device_id(meter.entry.entry_id, sub_meter)
        self._attr_unique_id = f"{identifier[1]}/{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={identifier},
            translation_key=f"{sub_meter.medium.value}_meter",
            serial_number=readable(sub_meter.id),
            via_device_id=meter.device.id,
        )

    @property
    @override
    def available(self) -> bool:
        """Whether it reports."""
        return self.meter.available and self.key in self.meter.meters
