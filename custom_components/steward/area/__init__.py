"""Area nodes: config entries of the kind `area`, one per node."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant

from ..const import CONF_NODE
from ..dispatch import async_get_dispatcher
from .broker import async_is_connected
from .issues import async_clear_other_instance
from .node import AreaNode, StewardConfigEntry
from .retained import async_clear

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.LIGHT,
    Platform.NUMBER,
    Platform.SENSOR,
    Platform.SWITCH,
]


async def async_setup(hass: HomeAssistant, entry: StewardConfigEntry) -> None:
    """Set up a node: first the platforms that make its entities, then the subscriptions that bring them.

    Raises:
        ConfigEntryNotReady: there is no connection to the broker.
    """
    node = AreaNode(hass, entry)
    await node.async_check_broker()
    entry.runtime_data = node
    node.register_device()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await node.async_subscribe()


async def async_unload(hass: HomeAssistant, entry: StewardConfigEntry) -> bool:
    """Take the node's entities away; its subscriptions end with the entry."""
    entry.runtime_data.close()
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove(hass: HomeAssistant, entry: StewardConfigEntry) -> None:
    """Clean up after a node that the user removed, as far as the broker can be reached."""
    async_clear_other_instance(hass, entry)
    await async_get_dispatcher(hass).blocklist.async_unblock(entry.data[CONF_NODE])
    if await async_is_connected(hass):
        await async_clear(hass, entry.data[CONF_NODE])
