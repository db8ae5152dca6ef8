"""A node's life in Home Assistant: its entities come and go, what is wrong is dropped and counted, the entry stays up."""

import json
import logging
from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_mqtt_message

from custom_components.steward import async_remove_config_entry_device
from custom_components.steward.diagnostics import async_get_config_entry_diagnostics
from custom_components.steward.protocol.entity import Category, EntityInfo, EventInfo, NumberInfo, SensorInfo
from custom_components.steward.protocol.node import NodeInfo

from .conftest import ENTITIES, INFO, INSTANCE, Node, until

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
    for number in range(600):
        event = EVENT | {"id": f"01HZZZZZZZZZZZZZZZZZZZ{number:04}"}
        async_fire_mqtt_message(hass, "steward/kitchen/event/gesture/state", json.dumps(event))
    await hass.async_block_till_done()
    assert len(entry.runtime_data._event_ids) == 512


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
    assert await dropped(hass, entry) == {"not_json": 1}


async def test_entities_come_and_go(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    registry = er.async_get(hass)
    registry.async_update_entity("sensor.kitchen_object_temperature", name="Warmth")
    humidity = SensorInfo(key="humidity", name="Humidity", device_class="humidity", unit="%")
    await kitchen.say("info", info(humidity, ENTITIES[3]).encode())
    assert state("sensor.kitchen_humidity") == STATE_UNKNOWN
    assert hass.states.get("sensor.kitchen_object_temperature") is None
    assert {e.unique_id for e in er.async_entries_for_config_entry(registry, entry.entry_id)} == {
        "kitchen_sensor_humidity",
        "kitchen_light_light",
    }
    await kitchen.say("sensor/humidity/state", "51")
    assert state("sensor.kitchen_humidity") == "51"
    # What the user changed of an entity comes back with it.
    await kitchen.say("info", INFO.encode())
    assert registry.async_get("sensor.kitchen_object_temperature").name == "Warmth"
    assert state("sensor.kitchen_object_temperature") == STATE_UNKNOWN
    assert hass.states.get("sensor.kitchen_humidity") is None
    assert len(er.async_entries_for_config_entry(registry, entry.entry_id)) == len(ENTITIES)


async def test_entity_that_is_declared_otherwise(hass: HomeAssistant, kitchen: Node, state) -> None:
    await kitchen.say("sensor/object_temperature/state", "20")
    fahrenheit = SensorInfo(key="object_temperature", name="Object temperature", device_class="temperature", unit="°F")
    await kitchen.say("info", info(fahrenheit).encode())
    await kitchen.say("sensor/object_temperature/state", "212")
    attributes = hass.states.get("sensor.kitchen_object_temperature").attributes
    assert (state("sensor.kitchen_object_temperature"), attributes["unit_of_measurement"]) == ("100.0", "°C")


async def test_entities_that_went_while_home_assistant_was_down(hass: HomeAssistant, kitchen: Node, entry) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await kitchen.come(info(ENTITIES[0]))
    entries = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert [e.unique_id for e in entries] == ["kitchen_sensor_object_temperature"]


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
