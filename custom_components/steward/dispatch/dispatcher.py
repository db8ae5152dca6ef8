"""The dispatcher of one Home Assistant: its parts, and the nodes that have joined."""

from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .acks import Acks, Standing
from .blocklist import Blocklist
from .hub import Hub
from .journal import Journals
from .port import NodePort


class _NoAutomations:
    """No automations that nodes have parts of."""

    def standing(self, automation: str) -> Standing | None:
        """Return what may be expected of one."""

    def nodes(self, automation: str) -> list[str]:
        """Return the nodes that have a part of it."""
        return []


class Dispatcher:
    """What all nodes share. It works from when the first node has joined until the last one has left."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Make the parts; nothing is read or listened to yet."""
        self.hass = hass
        self.nodes: dict[str, NodePort] = {}
        self.blocklist = Blocklist(hass)
        self.hub = Hub(hass, self._ready)
        self.acks = Acks(hass, self.hub, _NoAutomations())
        self.journals = Journals(hass, self.hub, self.acks, self.nodes)

    async def async_load(self) -> None:
        """Read what is kept on disk."""
        await self.blocklist.async_load()
        await self.hub.async_load()

    async def async_join(self, node: NodePort) -> CALLBACK_TYPE:
        """Take a node in, before its first message is asked for; returns what lets it leave."""
        self.nodes[node.id] = node
        if len(self.nodes) == 1:
            self.acks.async_start()
            self.hub.async_start()

        @callback
        def leave() -> None:
            del self.nodes[node.id]
            if not self.nodes:
                self.hub.async_stop()
                self.acks.async_stop()

        return leave

    @callback
    def node_changed(self, node: NodePort) -> None:
        """Take note that a node's info, its entities' ids or whether it is online has changed."""

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
