"""The dispatcher of one Home Assistant: its parts, and the nodes that have joined."""

from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from ..protocol.rules import split_path
from ..protocol.seen import Seen
from .acks import Acks
from .blocklist import Blocklist
from .hub import Hub
from .journal import Journals
from .port import NodePort
from .rulebooks import Rulebooks


class Dispatcher:
    """What all nodes share. It works from when the first node has joined until the last one has left."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Make the parts; nothing is read or listened to yet."""
        self.hass = hass
        self.nodes: dict[str, NodePort] = {}
        self.blocklist = Blocklist(hass)
        self.hub = Hub(hass, self._ready)
        self.rulebooks = Rulebooks(hass, self.nodes, self.blocklist)
        self.acks = Acks(hass, self.hub, self.rulebooks)
        self.journals = Journals(hass, self.hub, self.acks, self.nodes)

    async def async_load(self) -> None:
        """Read what is kept on disk."""
        await self.blocklist.async_load()
        await self.hub.async_load()
        await self.rulebooks.async_load()
        self.rulebooks.async_listen(self._rules_changed)

    async def async_join(self, node: NodePort) -> CALLBACK_TYPE:
        """Take a node in, before its first message is asked for; returns what lets it leave."""
        self.nodes[node.id] = node
        if len(self.nodes) == 1:
            self.acks.async_start()
            self.hub.async_start()
            self.rulebooks.async_start()
        self.rulebooks.node_joined(node)

        @callback
        def leave() -> None:
            del self.nodes[node.id]
            if not self.nodes:
                self.rulebooks.async_stop()
                self.hub.async_stop()
                self.acks.async_stop()

        return leave

    @callback
    def node_changed(self, node: NodePort) -> None:
        """Take note that a node's info, its entities' ids or whether it is online has changed."""
        self.rulebooks.node_changed(node)

    def as_dict(self) -> dict[str, Any]:
        """Return what diagnostics show."""
        return {
            "session": self.hub.session,
            "taking": self.hub.taking,
            "acks": self.acks.as_dict(),
            "journals": self.journals.as_dict(),
        }

    @callback
    def _ready(self) -> None:
        """Let what happened while Home Assistant was starting happen now."""
        for node in self.nodes.values():
            node.hub_ready()

    @callback
    def _rules_changed(self) -> None:
        """Expect of Home Assistant what the rules of its automations say."""
        self.acks.load(self.rulebooks.rules(), self._seen)

    def _seen(self, path: str) -> Seen | None:
        """Return what Home Assistant shows of an entity."""
        node = self.nodes.get(split_path(path)[0])
        return node.seen(path) if node else None
