"""A teller's endpoints below its capability URL."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError, get_url

from .data import CONF_CAPABILITY

PATH: Final = "/api/steward/teller"


def link(hass: HomeAssistant, entry: ConfigEntry[Any]) -> str:
    """Return the address that auditors read a teller's books at; without the host where Home Assistant doesn't know its own."""
    try:
        base = get_url(hass, prefer_external=True)
    except NoURLAvailableError:
        base = ""
    return f"{base}{PATH}/{entry.data[CONF_CAPABILITY]}"
