"""Tellers: config entries of the kind `teller`, one per project."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback

from .teller import Teller, TellerConfigEntry

PLATFORMS = [Platform.BINARY_SENSOR, Platform.BUTTON, Platform.SENSOR]


@callback
def async_register(hass: HomeAssistant) -> None:
    """Register the endpoints of all tellers."""


async def async_setup(hass: HomeAssistant, entry: TellerConfigEntry) -> None:
    """Open a project's books, make its entities, then begin to meter."""
    entry.runtime_data = Teller(hass, entry)


async def async_unload(hass: HomeAssistant, entry: TellerConfigEntry) -> bool:
    """Stop to meter, and close the books."""
    return True


async def async_remove(hass: HomeAssistant, entry: TellerConfigEntry) -> None:
    """Clean up after a teller that the user removed."""
