"""What the dispatcher needs to know of an area node, whoever keeps it."""

from typing import Protocol

from homeassistant.config_entries import ConfigEntry

from ..protocol.node import NodeInfo
from ..protocol.seen import Seen


class NodePort(Protocol):
    """A node that is set up.

    The dispatcher is told (`Dispatcher.node_changed`) when `info` or `online` has changed, or what Home Assistant shows of it.
    """

    id: str
    entry: ConfigEntry
    info: NodeInfo | None
    """What the node says of itself; None before it has said so."""
    online: bool

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def device_id(self) -> str:
        """Its device in Home Assistant's registry."""

    def seen(self, path: str) -> Seen | None:
        """Return what Home Assistant shows of one of its entities; None where it shows nothing."""

    def hub_ready(self) -> None:
        """Let the events happen that have waited for Home Assistant to start."""
