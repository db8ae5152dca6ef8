"""What the entities of a teller have in common, whatever their platform."""

from typing import override

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription

from ..const import DOMAIN
from .data import Source
from .teller import Teller
from .watched import Watched


def device_id(entry_id: str, source: Source | None = None) -> tuple[str, str]:
    """Return what a teller's device, or that of one of its sources, is registered under."""
    return DOMAIN, f"{entry_id}/{source.subentry_id}" if source else entry_id


@callback
def register_device(teller: Teller) -> None:
    """Make sure that a teller has its device before there are those of its sources, which are reached through it."""
    teller.device = dr.async_get(teller.hass).async_get_or_create(
        config_entry_id=teller.entry.entry_id,
        identifiers={device_id(teller.entry.entry_id)},
        name=teller.entry.title,
        entry_type=DeviceEntryType.SERVICE,
        manufacturer="Steward",
        model=teller.settings.asset,
        serial_number=teller.settings.device_id,
    )


class TellerEntity(Entity):
    """An entity of a teller's device. It is there as long as the teller is: what was counted stays known while sources are away."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, teller: Teller, description: EntityDescription) -> None:
        """Make the entity from its description."""
        self.teller = teller
        self.entity_description = description
        self._attr_unique_id = f"{teller.entry.entry_id}/{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={device_id(teller.entry.entry_id)})

    @override
    async def async_added_to_hass(self) -> None:
        """Show each change."""
        self.async_on_remove(self.teller.listen(self.async_write_ha_state))


class SourceEntity(TellerEntity):
    """An entity that tells of one source, which is a device of its own: it goes when the source is removed."""

    def __init__(self, teller: Teller, source: Source, description: EntityDescription) -> None:
        """Make the entity from its description."""
        super().__init__(teller, description)
        self.watched: Watched = teller.watched[source.id]
        self._attr_unique_id = f"{teller.entry.entry_id}/{source.subentry_id}/{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={device_id(teller.entry.entry_id, source)},
            name=f"{teller.entry.title} {source.name}",
            entry_type=DeviceEntryType.SERVICE,
            manufacturer="Steward",
            model=source.id,
            via_device_id=teller.device.id,
        )
