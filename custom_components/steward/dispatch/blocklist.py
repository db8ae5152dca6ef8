"""The blocklist: the nodes that the hub takes nothing from and tells nothing to, because the user doesn't trust them.

It only knows which ones they are. Who receives, commands or hands out rules asks it, and listens to it to act at once.
"""

from collections.abc import Callable
import logging
from typing import Final, TypedDict

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.storage import Store
from homeassistant.util.signal_type import SignalType

from ..const import DOMAIN

_LOGGER = logging.getLogger(__name__)

VERSION: Final = 1

_CHANGED: Final[SignalType[str]] = SignalType(f"{DOMAIN}_blocklist_changed")


class _Stored(TypedDict):
    """What is on disk."""

    nodes: list[str]


class Blocklist:
    """The ids of the nodes that are blocked. They stay blocked over restarts, and whether they have an entry or not."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin without any; `async_load` brings those that were blocked before."""
        self._hass = hass
        self._store: Store[_Stored] = Store(hass, VERSION, f"{DOMAIN}.blocklist")
        self._nodes: set[str] = set()

    async def async_load(self) -> None:
        """Read which nodes were blocked before the restart. No message of any node may be taken until then."""
        if stored := await self._store.async_load():
            self._nodes.update(stored["nodes"])

    def blocked(self, node: str) -> bool:
        """Tell whether a node is blocked."""
        return node in self._nodes

    async def async_block(self, node: str) -> None:
        """Block a node: at once, and kept on disk when this returns."""
        if node not in self._nodes:
            self._nodes.add(node)
            _LOGGER.info("Node %s is blocked", node)
            await self._async_changed(node)

    async def async_unblock(self, node: str) -> None:
        """Take a node off the list: at once, and kept on disk when this returns."""
        if node in self._nodes:
            self._nodes.remove(node)
            _LOGGER.info("Node %s is not blocked any more", node)
            await self._async_changed(node)

    @callback
    def async_listen(self, listener: Callable[[str], None]) -> CALLBACK_TYPE:
        """Call back with the id of each node that is blocked or unblocked from now on; returns what ends that."""
        return async_dispatcher_connect(self._hass, _CHANGED, listener)

    async def _async_changed(self, node: str) -> None:
        async_dispatcher_send(self._hass, _CHANGED, node)
        await self._store.async_save({"nodes": sorted(self._nodes)})
