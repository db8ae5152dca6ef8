"""What the dispatcher needs to know of an area node, whoever keeps it."""

from collections.abc import Mapping
from typing import Protocol

from homeassistant.config_entries import ConfigEntry

from ..protocol.entity import EntityInfo
from ..protocol.node import NodeInfo
from ..protocol.seen import Seen


class NodePort(Protocol):
    """A node that is set up.

    The dispatcher is told (`Dispatcher.node_changed`) when `info`, `online` or `listed` has changed.
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

    def entity_id(self, info: EntityInfo) -> str | None:
        """Return the id that one of its entities has in Home Assistant; None where it isn't shown there (yet)."""

    def listed(self) -> Mapping[str, str]:
        """Return the entities that Home Assistant shows, not those that are disabled: from `<node>/<platform>/<key>` to their ids there."""

    def seen(self, path: str) -> Seen | None:
        """Return what Home Assistant shows of one of its entities; None where it shows nothing."""

    def hub_ready(self) -> None:
        """Let the events happen that have waited for Home Assistant to start."""
