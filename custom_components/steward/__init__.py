"""Steward: a house that keeps working while its hub is down, and whose energy books anybody can check.

Each config entry is of one kind, and each kind is a package of its own that sets its entries up, unloads and removes them.
"""

from types import ModuleType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from . import area, meter, teller
from .const import CONF_KIND, CONF_NODE, DOMAIN, Kind
from .dispatch import async_setup_dispatcher
from .services import async_setup_services

KINDS: Final = {Kind.AREA: area, Kind.METER: meter, Kind.TELLER: teller}
"""The packages of the kinds: each sets its entries up, unloads and removes them."""

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, and read what the dispatcher keeps on disk."""
    async_setup_services(hass)
    await async_setup_dispatcher(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Set up an entry."""
    await _kind(entry).async_setup(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Unload an entry."""
    return bool(await _kind(entry).async_unload(hass, entry))


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Clean up after an entry that the user removed."""
    await _kind(entry).async_remove(hass, entry)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: ConfigEntry[Any], device: dr.DeviceEntry
) -> bool:
    """Let the user delete devices that an entry doesn't have any more."""
    match Kind(entry.data[CONF_KIND]):
        case Kind.AREA:
            devices = {(DOMAIN, entry.data[CONF_NODE])}
        case Kind.METER:
            devices = meter.devices(entry)
        case Kind.TELLER:
            devices = teller.devices(entry)
    return not devices & device.identifiers


def _kind(entry: ConfigEntry[Any]) -> ModuleType:
    """Return the package of an entry's kind."""
    return KINDS[Kind(entry.data[CONF_KIND])]
