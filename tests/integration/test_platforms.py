"""Every platform: what a node says is what Home Assistant shows, and what a user does is what the node is told."""

import json

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.steward.protocol.entity import BinarySensorInfo
from custom_components.steward.protocol.node import NodeInfo

from .conftest import INFO, declared

EVENT = {
    "event_type": "started",
    "id": "01HZZZZZZZZZZZZZZZZZZZZZZZ",
    "at": "2026-11-20T10:00:00+00:00",
    "distance": 120,
}


async def test_sensor(hass: HomeAssistant, kitchen, state) -> None:
    assert state("sensor.kitchen_object_temperature") == STATE_UNKNOWN
    await kitchen.say("sensor/object_temperature/state", "36.60")
    assert state("sensor.kitchen_object_temperature") == "36.6"
    attributes = hass.states.get("sensor.kitchen_object_temperature").attributes
    assert attributes["device_class"] == "temperature"
    assert attributes["unit_of_measurement"] == "°C"
    assert attributes["state_class"] == "measurement"
    await kitchen.say("sensor/object_temperature/state", "NaN")
    assert state("sensor.kitchen_object_temperature") == STATE_UNKNOWN


async def test_binary_sensor_with_reason(hass: HomeAssistant, kitchen, state) -> None:
    await kitchen.say("binary_sensor/problem_system/state", "OFF")
    assert state("binary_sensor.kitchen_problem_in_system") == "off"
    assert hass.states.get("binary_sensor.kitchen_problem_in_system").attributes["reason"] is None
    await kitchen.say("binary_sensor/problem_system/state", "ON")
    info = json.loads(INFO.encode()) | {"modules": {"system": {"problem": "no such sensor"}}}
    await kitchen.say("info", json.dumps(info))
    problem = hass.states.get("binary_sensor.kitchen_problem_in_system")
    assert (problem.state, problem.attributes["reason"]) == ("on", "no such sensor")


async def test_plain_binary_sensor(hass: HomeAssistant, kitchen, state) -> None:
    motion = BinarySensorInfo(key="motion", name="Motion", device_class="motion")
    await kitchen.say("info", NodeInfo(instance=INFO.instance, name="Kitchen", entities=(motion,)).encode())
    await kitchen.say("binary_sensor/motion/state", "ON")
    assert state("binary_sensor.kitchen_motion") == "on"
    assert "reason" not in hass.states.get("binary_sensor.kitchen_motion").attributes


async def test_switch(hass: HomeAssistant, kitchen, state, mqtt_mock) -> None:
    await kitchen.say("switch/gesture_dimming/state", "OFF")
    assert state("switch.kitchen_gesture_dimming") == "off"
    context = Context()
    for action, value in (("turn_on", "ON"), ("turn_off", "OFF")):
        await hass.services.async_call(
            "switch", action, {"entity_id": "switch.kitchen_gesture_dimming"}, blocking=True, context=context
        )
        topic, payload, qos, retain = mqtt_mock.async_publish.call_args.args
        assert (topic, qos, retain) == ("steward/kitchen/switch/gesture_dimming/command", 1, False)
        command = json.loads(payload)
        assert (command["value"], command["cause"]) == (value, context.id)
        assert command["at"].endswith("+00:00")
    await kitchen.say("switch/gesture_dimming/state", "ON")
    assert state("switch.kitchen_gesture_dimming") == "on"


async def test_plain_commands_for_nodes_that_know_no_others(hass: HomeAssistant, kitchen, mqtt_mock) -> None:
    info = NodeInfo(instance=INFO.instance, name="Kitchen", entities=INFO.entities)
    await kitchen.say("info", info.encode())
    await hass.services.async_call(
        "light", "turn_on", {"entity_id": "light.kitchen_light", "brightness": 7}, blocking=True
    )
    topic, payload, *_ = mqtt_mock.async_publish.call_args.args
    assert topic == "steward/kitchen/light/light/command"
    assert json.loads(payload) == {"state": "ON", "brightness": 7}


async def test_light(hass: HomeAssistant, kitchen, state, mqtt_mock) -> None:
    await kitchen.say(
        "light/light/state",
        '{"state":"ON","brightness":200,"color":{"r":1,"g":2,"b":3},"color_mode":"rgb"}',
    )
    light = hass.states.get("light.kitchen_light")
    assert light.state == "on"
    assert light.attributes["brightness"] == 200
    assert light.attributes["rgb_color"] == (1, 2, 3)
    assert light.attributes["supported_color_modes"] == ["rgb"]

    async def tell(action: str, **data: object) -> object:
        await hass.services.async_call("light", action, {"entity_id": "light.kitchen_light"} | data, blocking=True)
        return json.loads(mqtt_mock.async_publish.call_args.args[1])["value"]

    assert await tell("turn_on") == {"state": "ON"}
    assert await tell("turn_on", brightness=10, rgb_color=[9, 8, 7]) == {
        "state": "ON",
        "brightness": 10,
        "color": {"r": 9, "g": 8, "b": 7},
    }
    assert await tell("turn_off") == {"state": "OFF"}
    await kitchen.say("light/light/state", "None")
    assert state("light.kitchen_light") == STATE_UNKNOWN


async def test_number(hass: HomeAssistant, kitchen, state, mqtt_mock) -> None:
    await kitchen.say("number/gesture_gain/state", "1.5")
    assert state("number.kitchen_gesture_gain") == "1.5"
    await hass.services.async_call(
        "number", "set_value", {"entity_id": "number.kitchen_gesture_gain", "value": 2}, blocking=True
    )
    assert json.loads(mqtt_mock.async_publish.call_args.args[1])["value"] == 2


async def test_button(hass: HomeAssistant, kitchen, mqtt_mock) -> None:
    await hass.services.async_call("button", "press", {"entity_id": "button.kitchen_wave_a_hand"}, blocking=True)
    topic, payload, *_ = mqtt_mock.async_publish.call_args.args
    assert topic == "steward/kitchen/button/wave/command"
    assert json.loads(payload)["value"] == "PRESS"


async def test_event(hass: HomeAssistant, kitchen, state) -> None:
    assert state("event.kitchen_gesture") == STATE_UNKNOWN
    await kitchen.say("event/gesture/state", json.dumps(EVENT | {"friendly_name": "Mallory"}))
    first = hass.states.get("event.kitchen_gesture")
    assert first.attributes["event_type"] == "started"
    assert first.attributes["distance"] == 120
    assert first.attributes["id"] == EVENT["id"]
    assert first.attributes["at"] == EVENT["at"]
    assert first.attributes["friendly_name"] == "Kitchen Gesture"
    await kitchen.say("event/gesture/state", json.dumps(EVENT))
    assert hass.states.get("event.kitchen_gesture").state == first.state, "an event that comes again is one event"
    await kitchen.say("event/gesture/state", json.dumps(EVENT | {"id": EVENT["id"][:-1] + "Y"}))
    assert hass.states.get("event.kitchen_gesture").state != first.state


async def test_all_states_at_once(hass: HomeAssistant, kitchen, state) -> None:
    values = {
        "sensor/object_temperature": 21,
        "switch/gesture_dimming": "ON",
        "light/light": {"state": "OFF"},
        "number/gesture_gain": "two",
        "sensor/nonsense": 1,
    }
    await kitchen.say("states", json.dumps(values))
    assert state("sensor.kitchen_object_temperature") == "21"
    assert state("switch.kitchen_gesture_dimming") == "on"
    assert state("light.kitchen_light") == "off"
    assert state("number.kitchen_gesture_gain") == STATE_UNKNOWN


async def test_command_without_broker(hass: HomeAssistant, kitchen, mqtt_mock) -> None:
    mqtt_mock.connected = False
    mqtt_mock.async_publish.reset_mock()
    with pytest.raises(HomeAssistantError) as error:
        await hass.services.async_call(
            "switch", "turn_on", {"entity_id": "switch.kitchen_gesture_dimming"}, blocking=True
        )
    assert error.value.translation_key == "broker_unavailable"
    mqtt_mock.async_publish.assert_not_called()


async def test_names_categories_and_device(hass: HomeAssistant, kitchen, entry) -> None:
    device = dr.async_get(hass).async_get_device_by_identifier(("steward", "kitchen"), entry.entry_id)
    assert (device.name, device.manufacturer, device.model, device.sw_version) == (
        "Kitchen",
        "Raspberry Pi",
        "Raspberry Pi Zero 2 W",
        "0.1.0",
    )
    registry = er.async_get(hass)
    entries = er.async_entries_for_device(registry, device.id)
    assert declared(hass, entry) == {f"kitchen/{e.platform}/{e.key}" for e in INFO.entities}
    by_key = {entity.unique_id: entity for entity in entries}
    assert by_key["kitchen/number/gesture_gain"].entity_category == "config"
    assert by_key["kitchen/binary_sensor/problem_system"].entity_category == "diagnostic"
    assert by_key["kitchen/binary_sensor/problem_system"].original_name == "Problem in system"
    # No translation is known for a key that only this node has: its own name serves.
    assert by_key["kitchen/number/gesture_gain"].original_name == "Gesture gain"


async def test_unavailable(hass: HomeAssistant, kitchen, state) -> None:
    await kitchen.say("sensor/object_temperature/state", "20")
    await kitchen.say("status", "offline")
    registry = er.async_get(hass)
    shown = {
        registry.async_get_entity_id(e.platform, "steward", f"kitchen/{e.platform}/{e.key}") for e in INFO.entities
    }
    assert {state(entity_id) for entity_id in shown} == {STATE_UNAVAILABLE}
    await kitchen.say("sensor/object_temperature/state", "22")
    assert state("sensor.kitchen_object_temperature") == STATE_UNAVAILABLE
    await kitchen.say("status", "online")
    assert state("sensor.kitchen_object_temperature") == "22"
