"""What the hub itself adds to each node's device: there as soon as the entry is, whatever the node does."""

from datetime import timedelta
from typing import Any

from homeassistant.components.mqtt.const import MQTT_CONNECTION_STATE
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.steward.area.own import WRITE_SECONDS
from custom_components.steward.protocol.node import NodeInfo

from .conftest import INSTANCE, Node

OWN = {
    "switch.kitchen_blocked": ("config", {}),
    "sensor.kitchen_dropped_messages": ("diagnostic", {"state_class": "total_increasing"}),
    "sensor.kitchen_rules_here": ("diagnostic", {"state_class": "measurement"}),
    "sensor.kitchen_rules_only_on_the_hub": ("diagnostic", {"state_class": "measurement"}),
}
DROPPED = "sensor.kitchen_dropped_messages"


@pytest.fixture
async def silent(hass: HomeAssistant, mqtt_mock: Any, entry: MockConfigEntry, node: Node) -> Node:
    """Return the node `kitchen`, added, which has said nothing yet."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return node


async def test_they_are_there_before_the_node(hass: HomeAssistant, silent: Node, entry, state) -> None:
    device = dr.async_get(hass).async_get_device_by_identifier(("steward", "kitchen"), entry.entry_id)
    assert (device.name, device.model) == ("Kitchen", None)
    registered = er.async_entries_for_device(er.async_get(hass), device.id)
    assert {known.entity_id: known.entity_category for known in registered} == {
        entity_id: category for entity_id, (category, _) in OWN.items()
    }
    assert all(known.unique_id.startswith("kitchen/hub/") for known in registered)
    for entity_id, (_, attributes) in OWN.items():
        assert hass.states.get(entity_id).attributes.items() >= attributes.items()
    assert (state("switch.kitchen_blocked"), state(DROPPED)) == ("off", "0")


async def test_they_stay_whatever_the_node_declares(hass: HomeAssistant, kitchen: Node, state) -> None:
    await kitchen.say("info", NodeInfo(instance=INSTANCE, name="Kitchen").encode())
    assert STATE_UNAVAILABLE not in {state(entity_id) for entity_id in OWN}


async def test_they_are_never_unavailable(hass: HomeAssistant, kitchen: Node, mqtt_mock: Any, state) -> None:
    await kitchen.say("status", "offline")
    assert STATE_UNAVAILABLE not in {state(entity_id) for entity_id in OWN}
    mqtt_mock.connected = False
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, False)
    await hass.async_block_till_done()
    await hass.services.async_call("switch", "turn_on", {"entity_id": "switch.kitchen_blocked"}, blocking=True)
    assert state("switch.kitchen_blocked") == "on"
    assert STATE_UNAVAILABLE not in {state(entity_id) for entity_id in OWN}


async def test_device_keeps_its_name_over_a_restart(hass: HomeAssistant, kitchen: Node, entry) -> None:
    await kitchen.say("info", NodeInfo(instance=INSTANCE, name="Galley", model="Pi").encode())
    assert await hass.config_entries.async_reload(entry.entry_id)
    device = dr.async_get(hass).async_get_device_by_identifier(("steward", "kitchen"), entry.entry_id)
    assert (device.name, device.model) == ("Galley", "Pi")


async def test_dropped_messages_are_counted(hass: HomeAssistant, kitchen: Node, state) -> None:
    """The first at once, those that follow closely together: a node that babbles doesn't fill the recorder."""

    async def wait() -> None:
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=WRITE_SECONDS + 1))
        await hass.async_block_till_done()

    await kitchen.say("status", "perhaps")
    assert state(DROPPED) == "1"
    await kitchen.say("status", "perhaps")
    await kitchen.say("states", "{")
    assert state(DROPPED) == "1"
    await wait()
    assert state(DROPPED) == "3"
    await wait()
    await kitchen.say("status", "perhaps")
    assert state(DROPPED) == "4"


async def test_dropped_messages_of_an_entry_that_is_unloaded(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    known = entry.runtime_data
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert known.drops.listeners == set()
    assert state(DROPPED) == STATE_UNAVAILABLE
