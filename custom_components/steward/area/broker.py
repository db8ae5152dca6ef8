"""Whether the hub can reach its broker."""

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant


async def async_is_connected(hass: HomeAssistant) -> bool:
    """Tell whether Home Assistant's MQTT integration is set up and connected: it has a client that may be neither."""
    return await mqtt.async_wait_for_mqtt_client(hass) and mqtt.is_connected(hass)
