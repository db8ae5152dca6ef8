"""Steward: a house of area nodes that keeps working while its hub is down.

Each config entry is of one kind, and each kind is a package of its own that sets its entries up, unloads and removes them.
"""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from . import area
from .area.node import StewardConfigEntry
from .const import CONF_NODE, DOMAIN
from .dispatch import async_setup_dispatcher
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, and read what the dispatcher keeps on disk."""
    async_setup_services(hass)
    await async_setup_dispatcher(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: StewardConfigEntry) -> bool:
    """Set up an entry."""
    await area.async_setup(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: StewardConfigEntry) -> bool:
    """Unload an entry."""
    return await area.async_unload(hass, entry)


async def async_remove_entry(hass: HomeAssistant, entry: StewardConfigEntry) -> None:
    """Clean up after an entry that the user removed."""
    await area.async_remove(hass, entry)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: StewardConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Let the user delete devices that an entry doesn't have any more."""
    return (DOMAIN, entry.data[CONF_NODE]) not in device.identifiers
