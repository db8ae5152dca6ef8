"""The dispatcher of one Home Assistant: its parts, and the nodes that have joined."""

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .blocklist import Blocklist
from .port import NodePort


class Dispatcher:
    """What all nodes share. It works from when the first node has joined until the last one has left."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Make the parts; nothing is read or listened to yet."""
        self.hass = hass
        self.nodes: dict[str, NodePort] = {}
        self.blocklist = Blocklist(hass)

    async def async_load(self) -> None:
        """Read what is kept on disk."""
        await self.blocklist.async_load()

    async def async_join(self, node: NodePort) -> CALLBACK_TYPE:
        """Take a node in, before its first message is asked for; returns what lets it leave."""
        self.nodes[node.id] = node

        @callback
        def leave() -> None:
            del self.nodes[node.id]

        return leave

    @callback
    def node_changed(self, node: NodePort) -> None:
        """Take note that a node's info, its entities' ids or whether it is online has changed."""
