"""Events that wait for their entity, and the ids that a node's entities have in Home Assistant."""

from unittest.mock import Mock

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from custom_components.steward.area.waiting import WaitingEvents

from .conftest import INFO, Node


async def test_ids_of_what_is_shown(hass: HomeAssistant, kitchen: Node, entry) -> None:
    shown = entry.runtime_data.listed()
    assert shown["kitchen/light/light"] == "light.kitchen_light"
    er.async_get(hass).async_update_entity("light.kitchen_light", disabled_by=er.RegistryEntryDisabler.USER)
    assert "kitchen/light/light" not in entry.runtime_data.listed()
    assert len(entry.runtime_data.listed()) == len(shown) - 1 < len(INFO.entities)


async def test_an_event_of_no_entity_is_refused(hass: HomeAssistant) -> None:
    acks, drops = Mock(), Mock()
    events = WaitingEvents(hass, "kitchen", acks, drops)
    events.add("steward/kitchen/event/none/state", b"{}", retained=False)
    events.deliver({})
    assert drops.add.call_count == 1
    acks.refuse.assert_called_once_with("kitchen", b"{}")


async def test_an_event_waits_until_its_entity_is_added(hass: HomeAssistant) -> None:
    acks, drops = Mock(), Mock()
    events = WaitingEvents(hass, "kitchen", acks, drops)
    topic = "steward/kitchen/event/gesture/state"
    events.add(topic, b"{}", retained=False)
    events.deliver({topic: Mock(added=False)})
    assert drops.add.call_count == 0
    events.deliver({})
    assert drops.add.call_count == 1, "it waited"
