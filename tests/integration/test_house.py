"""The one subscription that all nodes share: each gets its own states, retained ones whenever it joins."""

from typing import Any

from homeassistant.components.mqtt import ReceiveMessage
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.steward.area.house import TOPIC, async_get_house
from custom_components.steward.const import DOMAIN

from .conftest import INSTANCE, Node


async def add(hass: HomeAssistant, name: str) -> tuple[MockConfigEntry, Node]:
    entry = MockConfigEntry(
        domain=DOMAIN, title=name.title(), unique_id=name, data={"kind": "area", "node": name, "instance": INSTANCE}
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry, Node(hass, name)


async def test_nodes_share_a_subscription(hass: HomeAssistant, mqtt_mock: Any, kitchen: Node, entry, state) -> None:
    nursery_entry, nursery = await add(hass, "nursery")
    await nursery.come()
    asked = (call.args[0] for call in mqtt_mock.async_subscribe.call_args_list)
    assert {name for name in asked if name.startswith("steward/") and "+" in name} == {"steward/+/info", TOPIC}
    await kitchen.say("sensor/object_temperature/state", "20")
    await nursery.say("sensor/object_temperature/state", "37")
    await Node(hass, "stranger").say("sensor/object_temperature/state", "99")
    assert state("sensor.kitchen_object_temperature") == "20"
    assert state("sensor.kitchen_object_temperature_2") == "37"
    assert entry.runtime_data.drops.counts == {}

    assert await hass.config_entries.async_unload(nursery_entry.entry_id)
    await kitchen.say("sensor/object_temperature/state", "21")
    assert state("sensor.kitchen_object_temperature") == "21"

    assert await hass.config_entries.async_unload(entry.entry_id)
    assert async_get_house(hass)._unsubscribe is None


async def test_retained_states_come_to_whom_joins_later(
    hass: HomeAssistant, mqtt_mock: Any, kitchen: Node, state
) -> None:
    """A broker sends what it retained to a new subscription only: each node that joins asks for it again."""
    await kitchen.say("sensor/object_temperature/state", "20", retain=True)
    await Node(hass, "nursery").say("sensor/object_temperature/state", "36", retain=True)
    mqtt_mock.async_subscribe.reset_mock()
    _, nursery = await add(hass, "nursery")
    assert TOPIC in [call.args[0] for call in mqtt_mock.async_subscribe.call_args_list]
    await nursery.come()
    await kitchen.say("sensor/object_temperature/state", "20", retain=True)
    await nursery.say("sensor/object_temperature/state", "37", retain=True)
    assert state("sensor.kitchen_object_temperature") == "20"
    assert state("sensor.kitchen_object_temperature_2") == "37"


async def test_subscription_that_could_not_be_ended(
    hass: HomeAssistant, mqtt_mock: Any, kitchen: Node, entry, state
) -> None:
    """After the MQTT integration was reloaded, earlier subscriptions go on beside the current one; only that one counts."""
    await add(hass, "nursery")
    first, current = [call.args[1] for call in mqtt_mock.async_subscribe.call_args_list if call.args[0] == TOPIC]
    topic = "steward/kitchen/sensor/object_temperature/state"
    for receive, payload in ((current, b"20"), (first, b"99")):
        receive(ReceiveMessage(topic, payload, 0, False, TOPIC, 0.0))
    assert state("sensor.kitchen_object_temperature") == "20"
