"""Events that wait for their entity."""

from unittest.mock import Mock

from homeassistant.core import HomeAssistant

from custom_components.steward.area.waiting import WaitingEvents


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
