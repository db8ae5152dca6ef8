"""What Home Assistant's registries keep of a node: its device, with its area, and the ids of its entities."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er

from ..const import CONF_NODE, DOMAIN
from ..protocol.node import NodeInfo
from .entity import is_own, unique_id


def find_device(hass: HomeAssistant, entry: ConfigEntry) -> dr.DeviceEntry | None:
    """Return the device that a node has; None where it never had one."""
    return dr.async_get(hass).async_get_device_by_identifier((DOMAIN, entry.data[CONF_NODE]), entry.entry_id)


def make_device(hass: HomeAssistant, entry: ConfigEntry) -> dr.DeviceEntry:
    """Return a device for a node that has said nothing yet."""
    return dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, entry.data[CONF_NODE])}, name=entry.title
    )


def update_device(hass: HomeAssistant, entry: ConfigEntry, info: NodeInfo) -> dr.DeviceEntry:
    """Return a node's device, which shows what the node says of itself."""
    return dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.data[CONF_NODE])},
        name=info.name,
        manufacturer=info.manufacturer,
        model=info.model,
        sw_version=info.versions.get("steward"),
    )


def suggest_area(hass: HomeAssistant, device: dr.DeviceEntry, area: str) -> None:
    """Put a new device into its area.

    When its entities have their ids: Home Assistant would begin these with the area, and a node is mostly called like it.
    """
    area_id = ar.async_get(hass).async_get_or_create(area).id
    dr.async_get(hass).async_update_device(device.id, area_id=area_id)


def forget_others(hass: HomeAssistant, entry: ConfigEntry, info: NodeInfo) -> None:
    """Remove what is kept of entities that a node doesn't have any more; those of the hub's own stay.

    Home Assistant remembers what the user changed of them, should they come back.
    """
    node = entry.data[CONF_NODE]
    unique_ids = {unique_id(node, entity) for entity in info.entities}
    registry = er.async_get(hass)
    for known in er.async_entries_for_config_entry(registry, entry.entry_id):
        if known.unique_id not in unique_ids and not is_own(node, known.unique_id):
            registry.async_remove(known.entity_id)
