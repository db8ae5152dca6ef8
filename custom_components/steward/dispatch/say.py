"""What the hub says to its nodes: now, or not at all."""

import logging

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

_LOGGER = logging.getLogger(__name__)


async def async_say(hass: HomeAssistant, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
    """Publish a message while there is a connection; without one it would come late, and do harm."""
    if not mqtt.is_connected(hass):
        return
    try:
        await mqtt.async_publish(hass, topic, payload, qos, retain)
    except HomeAssistantError as error:
        _LOGGER.debug("Couldn't say anything on %s: %s", topic, error)
