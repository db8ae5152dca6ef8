"""Events: what happens at a node."""

from typing import override

from homeassistant.components.event import EventEntity
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .area.entity import AreaEntity
from .area.node import StewardConfigEntry
from .const import RESERVED_ATTRIBUTES
from .protocol.entity import EventInfo, Platform
from .protocol.node import Event

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: StewardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Offer the platform to the node."""
    entry.runtime_data.async_add_platform(Platform.EVENT, AreaEvent, async_add_entities)


class AreaEvent(AreaEntity[EventInfo], EventEntity):
    """An event entity of a node. Its attributes are the event's own, its `id`, and `at`, when it happened at the node."""

    _unrecorded_attributes = frozenset({"id"})

    @override
    def happen(self, event: Event, context: Context) -> None:
        """Let an event happen. Nothing that is written later has its context."""
        attributes = {name: value for name, value in event.attributes.items() if name not in RESERVED_ATTRIBUTES}
        self._trigger_event(event.event_type, {**attributes, "id": event.id, "at": event.at.isoformat()})
        self.async_set_context(context)
        try:
            self.write()
        finally:
            self._context = None
