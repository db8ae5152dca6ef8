"""The dispatcher: Home Assistant's automations, and the parts of them that nodes run when it is away.

Whoever keeps nodes lets them join; what happens at them and what they are told goes through here.
"""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .dispatcher import Dispatcher
from .port import NodePort

__all__ = ["Dispatcher", "NodePort", "async_get_dispatcher", "async_setup_dispatcher"]

_DISPATCHER: Final[HassKey[Dispatcher]] = HassKey(f"{DOMAIN}_dispatcher")


async def async_setup_dispatcher(hass: HomeAssistant) -> None:
    """Make the dispatcher, once per Home Assistant; it starts with the first node that joins."""
    dispatcher = Dispatcher(hass)
    await dispatcher.async_load()
    hass.data[_DISPATCHER] = dispatcher


@callback
def async_get_dispatcher(hass: HomeAssistant) -> Dispatcher:
    """Return the dispatcher, which the integration's set-up has made."""
    return hass.data[_DISPATCHER]
