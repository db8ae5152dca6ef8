"""A node's life in Home Assistant: its entities come and go, what is wrong is dropped and counted, the entry stays up."""

import json
import logging
from typing import Any
from unittest.mock import patch

from homeassistant.components.diagnostics import REDACTED
from homeassistant.components.mqtt import ReceiveMessage
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events, async_fire_mqtt_message

from custom_components.steward import async_remove_config_entry_device
from custom_components.steward.diagnostics import async_get_config_entry_diagnostics
from custom_components.steward.dispatch import async_get_dispatcher
from custom_components.steward.protocol.entity import (
    Category,
    EntityInfo,
    EventInfo,
    NumberInfo,
    SensorInfo,
    SwitchInfo,
)
from custom_components.steward.protocol.node import NodeInfo

from .conftest import ENTITIES, INFO, INSTANCE, Node, declared, until

EVENT = {"event_type": "started", "id": "01HZZZZZZZZZZZZZZZZZZZZZZZ", "at": "2026-11-20T10:00:00+00:00"}


def info(*entities: EntityInfo) -> NodeInfo:
    return NodeInfo(instance=INSTANCE, name="Kitchen", entities=entities)


async def dropped(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, int]:
    return (await async_get_config_entry_diagnostics(hass, entry))["dropped"]["counts"]


def changed(**members: Any) -> str:
    return json.dumps(json.loads(INFO.encode()) | members)


SENSOR = {"platform": "sensor", "key": "x", "name": "X"}


@pytest.mark.parametrize(
    ("leaf", "payload", "reason"),
    [
        ("info", "{", "not_json"),
        ("info", "[]", "bad_value"),
        ("info", b"\xff\xfe", "not_utf8"),
        ("info", b'"' + b"x" * 10_000_000 + b'"', "too_large"),
        ("info", changed(contract=2), "newer_contract"),
        ("info", changed(entities=[SENSOR | {"platform": "teapot"}]), "unknown_platform"),
        ("info", changed(entities=[SENSOR, SENSOR]), "duplicate_key"),
        ("info", changed(entities=[SENSOR | {"key": "../light"}]), "bad_key"),
        ("info", changed(entities=[SENSOR | {"key": "a/b"}]), "bad_key"),
        ("info", changed(name=None), "missing"),
        ("status", "perhaps", "bad_value"),
        ("states", "no", "not_json"),
        ("states", '{"sensor/other": 1}', "unknown_entity"),
        ("states", '{"sensor/object_temperature": "warm"}', "bad_value"),
        ("sensor/object_temperature/state", "warm", "bad_value"),
        ("sensor/object_temperature/state", b"\xff", "not_utf8"),
        ("sensor/object_temperature/state", b"1" * 10_000, "too_large"),
        ("sensor/other/state", "1", "unknown_entity"),
        ("light/light/state", '{"state": "MAYBE"}', "bad_value"),
        ("event/gesture/state", "{}", "missing"),
        ("event/gesture/state", json.dumps(EVENT | {"event_type": "danced"}), "unknown_event_type"),
        ("event/gesture/state", json.dumps(EVENT | {"id": "1"}), "bad_key"),
        ("event/gesture/state", json.dumps(EVENT | {"at": "yesterday"}), "bad_value"),
        ("event/gesture/state", json.dumps(EVENT | {"note": "x" * 20_000}), "too_large"),
    ],
)
async def test_bad_input(
    hass: HomeAssistant,
    kitchen: Node,
    entry,
    state,
    caplog: pytest.LogCaptureFixture,
    leaf: str,
    payload: Any,
    reason: str,
) -> None:
    await kitchen.say(leaf, payload)
    if (leaf, reason) == ("info", "not_utf8"):
        caplog.clear()  # Home Assistant's own discovery says that it can't decode it
    assert await dropped(hass, entry) == {reason: 1}
    assert entry.state is ConfigEntryState.LOADED
    assert state("event.kitchen_gesture") == STATE_UNKNOWN
    await kitchen.say("sensor/object_temperature/state", "20.5")
    assert state("sensor.kitchen_object_temperature") == "20.5"


async def test_event_that_the_broker_kept(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    await kitchen.say("event/gesture/state", json.dumps(EVENT), retain=True)
    assert state("event.kitchen_gesture") == STATE_UNKNOWN
    assert await dropped(hass, entry) == {"retained": 1}


async def test_event_that_comes_again(hass: HomeAssistant, kitchen: Node, entry) -> None:
    await kitchen.say("event/gesture/state", json.dumps(EVENT))
    await kitchen.say("event/gesture/state", json.dumps(EVENT))
    assert await dropped(hass, entry) == {"repeated": 1}


async def test_memory_of_events_is_bounded(hass: HomeAssistant, kitchen: Node, entry) -> None:
    with patch("custom_components.steward.dispatch.acks.REMEMBERED_EVENTS", 16):
        for number in range(20):
            event = EVENT | {"id": f"01HZZZZZZZZZZZZZZZZZZZ{number:04}"}
            await kitchen.say("event/gesture/state", json.dumps(event))
    assert len(async_get_dispatcher(hass).acks._events) == 16


async def test_states_before_info(hass: HomeAssistant, mqtt_mock, entry, node: Node, state) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.say("sensor/object_temperature/state", "19", retain=True)
    await node.say("event/gesture/state", json.dumps(EVENT), retain=True)
    await node.say("light/light/state", "nonsense", retain=True)
    await node.say("states", '{"switch/gesture_dimming": "ON"}', retain=True)
    await node.come()
    assert state("sensor.kitchen_object_temperature") == "19"
    assert state("switch.kitchen_gesture_dimming") == "on"
    assert state("light.kitchen_light") == STATE_UNKNOWN
    assert state("event.kitchen_gesture") == STATE_UNKNOWN
    assert await dropped(hass, entry) == {"not_json": 1, "retained": 1}


async def test_memory_before_info_is_bounded(hass: HomeAssistant, mqtt_mock, entry, node: Node) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.say("states", b'"' + b"x" * 10_000_000 + b'"')
    await node.say("sensor/big/state", b"1" * 10_000)
    await node.say("sensor/" + "x" * 60_000 + "/state", "1")
    assert entry.runtime_data._early == {}
    for number in range(600):
        async_fire_mqtt_message(hass, f"steward/kitchen/sensor/x{number}/state", "1")
        one = json.dumps(EVENT | {"id": f"01HZZZZZZZZZZZZZZZZZZZZ{number:03}"})
        async_fire_mqtt_message(hass, "steward/kitchen/event/gesture/state", one)
    await hass.async_block_till_done()
    assert len(entry.runtime_data._early) == 512
    assert (await dropped(hass, entry))["expired"] == 600 - 64


async def test_latest_state_before_info(hass: HomeAssistant, mqtt_mock, entry, node: Node, state) -> None:
    """It counts, however many states of other entities came with it."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.say("sensor/object_temperature/state", "19", retain=True)
    for number in range(511):
        async_fire_mqtt_message(hass, f"steward/kitchen/sensor/x{number}/state", "1", retain=True)
    await node.say("sensor/object_temperature/state", "20")
    assert await dropped(hass, entry) == {}
    await node.say("switch/gesture_dimming/state", "ON", retain=True)
    assert await dropped(hass, entry) == {"unknown_entity": 1}
    await node.come()
    assert state("sensor.kitchen_object_temperature") == "20"
    assert state("switch.kitchen_gesture_dimming") == "on"


async def test_event_before_info_and_status(hass: HomeAssistant, mqtt_mock, entry, node: Node) -> None:
    """It waits until its entity is there and available, for whatever waits for it."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.say("event/gesture/state", json.dumps(EVENT))
    await node.say("info", INFO.encode())
    assert hass.states.get("event.kitchen_gesture").state == STATE_UNAVAILABLE
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    await node.say("status", "online")
    gesture = [
        (change.data["old_state"].state, change.data["new_state"].attributes.get("id"))
        for change in changes
        if change.data["entity_id"] == "event.kitchen_gesture"
    ]
    assert gesture == [(STATE_UNAVAILABLE, None), (STATE_UNKNOWN, EVENT["id"])]
    assert await dropped(hass, entry) == {}


async def test_event_of_a_node_that_was_online_before_its_info(
    hass: HomeAssistant, mqtt_mock, entry, node: Node
) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.say("status", "online")
    await node.say("event/gesture/state", json.dumps(EVENT))
    await node.say("info", INFO.encode())
    assert hass.states.get("event.kitchen_gesture").attributes["id"] == EVENT["id"]


async def test_event_that_waited_too_long(hass: HomeAssistant, mqtt_mock, entry, node: Node) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.say("info", INFO.encode())
    await node.say("event/gesture/state", json.dumps(EVENT))
    with patch("custom_components.steward.area.waiting.EVENT_LIFE", -1):
        await node.say("status", "online")
    assert hass.states.get("event.kitchen_gesture").state == STATE_UNKNOWN
    assert await dropped(hass, entry) == {"expired": 1}


async def test_entities_come_and_go(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    registry = er.async_get(hass)
    registry.async_update_entity("sensor.kitchen_object_temperature", name="Warmth")
    humidity = SensorInfo(key="humidity", name="Humidity", device_class="humidity", unit="%")
    await kitchen.say("info", info(humidity, ENTITIES[3]).encode())
    assert state("sensor.kitchen_humidity") == STATE_UNKNOWN
    assert hass.states.get("sensor.kitchen_object_temperature") is None
    assert declared(hass, entry) == {"kitchen/sensor/humidity", "kitchen/light/light"}
    await kitchen.say("sensor/humidity/state", "51")
    assert state("sensor.kitchen_humidity") == "51"
    # What the user changed of an entity comes back with it.
    await kitchen.say("info", INFO.encode())
    assert registry.async_get("sensor.kitchen_object_temperature").name == "Warmth"
    assert state("sensor.kitchen_object_temperature") == STATE_UNKNOWN
    assert hass.states.get("sensor.kitchen_humidity") is None
    assert len(declared(hass, entry)) == len(ENTITIES)


async def test_entity_that_is_declared_otherwise(hass: HomeAssistant, kitchen: Node, state) -> None:
    await kitchen.say("sensor/object_temperature/state", "20")
    fahrenheit = SensorInfo(key="object_temperature", name="Object temperature", device_class="temperature", unit="°F")
    await kitchen.say("info", info(fahrenheit).encode())
    await kitchen.say("sensor/object_temperature/state", "212")
    attributes = hass.states.get("sensor.kitchen_object_temperature").attributes
    assert (state("sensor.kitchen_object_temperature"), attributes["unit_of_measurement"]) == ("100.0", "°C")


async def test_entity_that_is_declared_otherwise_keeps_its_state(hass: HomeAssistant, kitchen: Node, state) -> None:
    await kitchen.say("switch/gesture_dimming/state", "ON")
    await kitchen.say("number/gesture_gain/state", "2")
    await kitchen.say("sensor/object_temperature/state", "20")
    renamed = SwitchInfo(key="gesture_dimming", name="Gestures", icon="mdi:hand-wave")
    words = SensorInfo(key="object_temperature", name="Object temperature")
    await kitchen.say("info", info(renamed, words, *ENTITIES[3:]).encode())
    assert state("switch.kitchen_gesture_dimming") == "on"
    assert state("number.kitchen_gesture_gain") == "2"
    assert state("sensor.kitchen_object_temperature") == STATE_UNKNOWN, "a number is no text"


async def test_every_declaration_can_be_shown(hass: HomeAssistant, kitchen: Node, entry) -> None:
    """Whatever classes a node combines, Home Assistant shows the state, and one bad value doesn't touch the others."""
    classes = [None, *SensorDeviceClass]
    kinds = [
        {"unit": unit, "state_class": state_class, "options": options}
        for unit in (None, "°C", "rad", "°")
        for state_class in (None, *SensorStateClass)
        for options in ((), ("1", "2"))
    ]
    for kind in kinds:
        sensors = [
            SensorInfo(key=f"s{number}", name=f"S{number}", device_class=device_class, **kind)
            for number, device_class in enumerate(classes)
        ]
        await kitchen.say("info", info(*sensors).encode())
        stated = {
            f"sensor/{s.key}": "2026-11-20T12:00:00+00:00" if s.device_class == "timestamp" else 1 if s.numeric else "1"
            for s in sensors
        }
        await kitchen.say("states", json.dumps(stated))
        assert await dropped(hass, entry) == {}, kind
        assert {hass.states.get(f"sensor.kitchen_{s.key}").state for s in sensors} <= {"1", "2026-11-20T12:00:00+00:00"}


async def test_value_that_home_assistant_refuses(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    wind = SensorInfo(key="wind", name="Wind", device_class="wind_speed", unit="Beaufort")
    await kitchen.say("info", info(wind, *ENTITIES).encode())
    await kitchen.say("states", '{"sensor/wind": 1.7e308, "sensor/object_temperature": 20}')
    assert state("sensor.kitchen_object_temperature") == "20"
    assert await dropped(hass, entry) == {"bad_value": 1}
    await kitchen.say("status", "offline")
    await kitchen.say("status", "online")
    assert state("light.kitchen_light") == STATE_UNKNOWN
    assert await dropped(hass, entry) == {"bad_value": 2}


async def test_empty_info_changes_nothing(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    await kitchen.say("info", "")
    assert state("light.kitchen_light") == STATE_UNKNOWN
    assert await dropped(hass, entry) == {}


async def test_messages_after_unloading(hass: HomeAssistant, kitchen: Node, entry) -> None:
    """A subscription can outlive its entry: when the MQTT integration was reloaded, it can't be ended any more."""
    known = entry.runtime_data
    receivers = [known._while_open(r) for r in (known._receive_info, known._receive_status, known._receive_states)]
    assert await hass.config_entries.async_unload(entry.entry_id)
    for receive, payload in zip(receivers, (info().encode(), b"online", b"{}"), strict=True):
        receive(ReceiveMessage("steward/kitchen/x", payload, 0, False, "steward/kitchen/x", 0.0))
    await hass.async_block_till_done()
    assert len(declared(hass, entry)) == len(ENTITIES)
    assert known.drops.counts == {}
    assert not known.online or known.info == INFO


async def test_area_of_a_new_device(hass: HomeAssistant, mqtt_mock, entry, node: Node) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.come(NodeInfo.decode(changed(area="Kitchen").encode()))
    devices, areas = dr.async_get(hass), ar.async_get(hass)
    device = devices.async_get_device_by_identifier(("steward", "kitchen"), entry.entry_id)
    assert areas.async_get_area(device.area_id).name == "Kitchen"
    assert hass.states.get("light.kitchen_light"), "not light.kitchen_kitchen_light"
    # It is a suggestion: what the user chooses stays.
    devices.async_update_device(device.id, area_id=areas.async_create("Pantry").id)
    await node.say("info", changed(area="Kitchen", model="Raspberry Pi 5"))
    device = devices.async_get(device.id)
    assert (areas.async_get_area(device.area_id).name, device.model) == ("Pantry", "Raspberry Pi 5")


async def test_quality_of_service(hass: HomeAssistant, kitchen: Node, mqtt_mock) -> None:
    asked = {call.args[0]: call.args[2] for call in mqtt_mock.async_subscribe.call_args_list}
    assert asked["steward/+/+/+/state"] == 0, "a receipt would hold up the command that follows an event"
    assert asked["steward/kitchen/status"] == 1


async def test_nothing_is_written_while_offline(hass: HomeAssistant, kitchen: Node) -> None:
    await kitchen.say("status", "offline")
    before = hass.states.get("sensor.kitchen_object_temperature").last_reported_timestamp
    await kitchen.say("sensor/object_temperature/state", "20")
    assert hass.states.get("sensor.kitchen_object_temperature").last_reported_timestamp == before


async def test_entities_that_went_while_home_assistant_was_down(hass: HomeAssistant, kitchen: Node, entry) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await kitchen.come(info(ENTITIES[0]))
    assert declared(hass, entry) == {"kitchen/sensor/object_temperature"}


async def test_words_that_home_assistant_does_not_know(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    strange = (
        SensorInfo(key="a", name="A", device_class="warmth", unit="°C", state_class="average"),
        SensorInfo(key="b", name="B", device_class="temperature", unit="kWh"),
        SensorInfo(key="c", name="C", device_class="energy", unit="kWh", state_class="measurement"),
        SensorInfo(key="d", name="D", device_class="timestamp", unit="s"),
        SensorInfo(key="e", name="E", device_class="date"),
        SensorInfo(key="f", name="F", options=("wet", "dry")),
        SensorInfo(key="g", name="G", device_class="timestamp"),
        SensorInfo(key="h", name="H", device_class="enum", category=Category.CONFIG),
        SensorInfo(key="i", name="I", device_class="temperature"),
        EventInfo(key="j", name="J", device_class="doorbell", event_types=("pushed",)),
        NumberInfo(key="k", name="K", device_class="temperature", unit="kWh", minimum=0, maximum=1),
    )
    await kitchen.say("info", info(*strange).encode())
    for key, payload in (("a", "1"), ("b", "2"), ("c", "3"), ("e", "now"), ("f", "wet"), ("h", "x"), ("i", "hot")):
        await kitchen.say(f"sensor/{key}/state", payload)
        assert state(f"sensor.kitchen_{key}") == payload
    for key in ("d", "g"):
        await kitchen.say(f"sensor/{key}/state", "2026-11-20T12:00:00+01:00")
        assert state(f"sensor.kitchen_{key}") == "2026-11-20T11:00:00+00:00"
    shown = (await async_get_config_entry_diagnostics(hass, entry))["info"]["entities"]
    assert {e["key"]: list(e["left_out"]) for e in shown if e["left_out"]} == {
        "a": ["device_class: warmth", "state_class: average"],
        "b": ["device_class: temperature"],
        "c": ["state_class: measurement"],
        "d": ["unit: s"],
        "e": ["device_class: date"],
        "h": ["category: config", "device_class: enum"],
        "i": ["device_class: temperature"],
        "j": ["device_class: doorbell"],
        "k": ["device_class: temperature"],
    }
    assert hass.states.get("sensor.kitchen_f").attributes["options"] == ["wet", "dry"]


async def test_state_that_is_told_again_is_not_written_again(hass: HomeAssistant, kitchen: Node) -> None:
    await kitchen.say("sensor/object_temperature/state", "20")
    before = hass.states.get("sensor.kitchen_object_temperature")
    await kitchen.say("sensor/object_temperature/state", "20.0")
    assert (
        hass.states.get("sensor.kitchen_object_temperature").last_reported_timestamp == before.last_reported_timestamp
    )


async def test_disabled_entity(hass: HomeAssistant, kitchen: Node) -> None:
    hidden = SensorInfo(key="hidden", name="Hidden", enabled=False)
    await kitchen.say("info", info(hidden).encode())
    await kitchen.say("sensor/hidden/state", "x")
    assert hass.states.get("sensor.kitchen_hidden") is None
    assert er.async_get(hass).async_get("sensor.kitchen_hidden").disabled_by == "integration"
    await kitchen.say("info", INFO.encode())
    assert er.async_get(hass).async_get("sensor.kitchen_hidden") is None


async def test_said_once_in_the_log(hass: HomeAssistant, kitchen: Node, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    for status in ("offline", "offline", "online", "online"):
        await kitchen.say("status", status)
    said = [
        r.getMessage()
        for r in caplog.records
        if r.name.startswith("custom_components.steward") and r.levelno >= logging.INFO
    ]
    assert said == ["Kitchen is offline", "Kitchen is online"]


async def test_broker_goes_and_comes(hass: HomeAssistant, kitchen: Node, mqtt_mock, state) -> None:
    from homeassistant.components.mqtt.const import MQTT_CONNECTION_STATE
    from homeassistant.helpers.dispatcher import async_dispatcher_send

    mqtt_mock.connected = False
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, False)
    await hass.async_block_till_done()
    assert state("light.kitchen_light") == STATE_UNAVAILABLE
    mqtt_mock.connected = True
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, True)
    await hass.async_block_till_done()
    assert state("light.kitchen_light") == STATE_UNAVAILABLE, "the node hasn't said yet that it is there"
    await kitchen.say("status", "online")
    assert state("light.kitchen_light") == STATE_UNKNOWN


async def test_broker_down_at_start(hass: HomeAssistant, mqtt_mock, entry) -> None:
    mqtt_mock.connected = False
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "broker_unavailable"
    mqtt_mock.connected = True
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED


async def test_without_mqtt(hass: HomeAssistant, entry, caplog: pytest.LogCaptureFixture) -> None:
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    caplog.clear()
    await hass.config_entries.async_remove(entry.entry_id)


async def test_unload(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert state("light.kitchen_light") == STATE_UNAVAILABLE
    await kitchen.say("light/light/state", '{"state":"ON"}')
    assert state("light.kitchen_light") == STATE_UNAVAILABLE


async def test_diagnostics(hass: HomeAssistant, kitchen: Node, entry) -> None:
    await kitchen.say("status", "perhaps")
    shown = await async_get_config_entry_diagnostics(hass, entry)
    assert shown["online"] is True
    assert shown["entry"]["data"]["instance"] == REDACTED
    assert shown["info"]["instance"] == REDACTED
    assert INSTANCE not in json.dumps(shown, default=str)
    assert shown["dropped"]["latest"][0]["topic"] == "steward/kitchen/status"
    assert len(shown["info"]["entities"]) == len(ENTITIES)


async def test_without_a_broker_there_are_diagnostics_all_the_same(hass: HomeAssistant, mqtt_mock, entry) -> None:
    mqtt_mock.connected = False
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    shown = await async_get_config_entry_diagnostics(hass, entry)
    assert shown["entry"]["data"]["instance"] == REDACTED
    assert "info" not in shown
    stale = dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, identifiers={("steward", "x")})
    assert await async_remove_config_entry_device(hass, entry, stale)


async def test_house_is_redacted(hass: HomeAssistant, kitchen: Node, entry) -> None:
    await kitchen.say("info", changed(house="house-of-secrets"))
    assert "house-of-secrets" not in json.dumps(await async_get_config_entry_diagnostics(hass, entry), default=str)


async def test_diagnostics_before_info(hass: HomeAssistant, mqtt_mock, entry) -> None:
    await hass.config_entries.async_setup(entry.entry_id)
    assert (await async_get_config_entry_diagnostics(hass, entry))["info"] is None


async def test_stale_devices_can_be_deleted(hass: HomeAssistant, kitchen: Node, entry) -> None:
    registry = dr.async_get(hass)
    stale = registry.async_get_or_create(config_entry_id=entry.entry_id, identifiers={("steward", "cellar")})
    assert await async_remove_config_entry_device(hass, entry, stale)
    current = registry.async_get_device_by_identifier(("steward", "kitchen"), entry.entry_id)
    assert not await async_remove_config_entry_device(hass, entry, current)


@pytest.mark.parametrize("online", [True, False])
async def test_removing_an_entry_clears_the_broker(
    hass: HomeAssistant, kitchen: Node, entry, mqtt_mock, online: bool
) -> None:
    removal = hass.async_create_task(hass.config_entries.async_remove(entry.entry_id))
    asked = mqtt_mock.async_subscribe.call_args_list
    await until(lambda: any(call.args[0] == "steward/kitchen/#" for call in asked) or removal.done())
    mqtt_mock.async_publish.reset_mock()
    for leaf, payload in (
        ("status", "online" if online else "offline"),
        ("info", INFO.encode()),
        ("sensor/object_temperature/state", "20"),
        ("modules", "{}"),
    ):
        async_fire_mqtt_message(hass, f"steward/kitchen/{leaf}", payload, retain=True)
    async_fire_mqtt_message(hass, "steward/kitchen/sensor/passing/state", "1")
    await removal
    cleared = {call.args[0] for call in mqtt_mock.async_publish.call_args_list if call.args[1:] == (b"", 1, True)}
    own = {"steward/kitchen/status", "steward/kitchen/info", "steward/kitchen/sensor/object_temperature/state"}
    assert cleared == {"steward/kitchen/rules", "steward/kitchen/modules"} | (set() if online else own)
    assert hass.states.get("light.kitchen_light") is None


async def test_removing_an_entry_without_broker(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    mqtt_mock.connected = False
    mqtt_mock.async_publish.reset_mock()
    await hass.config_entries.async_remove(entry.entry_id)
    mqtt_mock.async_publish.assert_not_called()
