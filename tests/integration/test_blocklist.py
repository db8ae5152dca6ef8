"""The blocklist: what a blocked node says is neither shown nor lost sight of, and nobody can command it until it is trusted again."""

from collections.abc import Callable
import json
import logging
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.steward.const import DOMAIN
from custom_components.steward.diagnostics import async_get_config_entry_diagnostics
from custom_components.steward.dispatch import async_get_dispatcher
from custom_components.steward.protocol.entity import SensorInfo
from custom_components.steward.protocol.hub import Journal
from custom_components.steward.protocol.node import NodeInfo
from custom_components.steward.protocol.rules import Rulebook

from .conftest import ENTITIES, INSTANCE, Node, declared, until

BLOCKED = "switch.kitchen_blocked"
DROPPED = "sensor.kitchen_dropped_messages"
TEMPERATURE = "sensor.kitchen_object_temperature"
GESTURE = "event.kitchen_gesture"
STORE = "steward.blocklist"
EVENT = {"event_type": "started", "id": "01HZZZZZZZZZZZZZZZZZZZZZZZ", "at": "2026-11-20T10:00:00+00:00"}
HUMIDITY = SensorInfo(key="humidity", name="Humidity", device_class="humidity", unit="%")


async def switch(hass: HomeAssistant, service: str, entity_id: str = BLOCKED) -> None:
    await hass.services.async_call("switch", service, {"entity_id": entity_id}, blocking=True)
    await hass.async_block_till_done()


async def dropped(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, int]:
    return (await async_get_config_entry_diagnostics(hass, entry))["dropped"]["counts"]


def shown(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return the states of the node's own entities."""
    registered = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    ids = {known.entity_id for known in registered if known.unique_id in declared(hass, entry)}
    return {hass.states.get(entity_id).state for entity_id in ids}


async def add_pantry(hass: HomeAssistant) -> None:
    """Add a second node, which can run rules."""
    data = {"kind": "area", "node": "pantry", "instance": INSTANCE}
    pantry = MockConfigEntry(domain=DOMAIN, title="Pantry", unique_id="pantry", data=data)
    pantry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(pantry.entry_id)
    info = NodeInfo(instance=INSTANCE, name="Pantry", capabilities=("commands", "rules"), entities=ENTITIES)
    await Node(hass, "pantry").come(info)


async def test_blocked_node_is_unavailable(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    await kitchen.say("sensor/object_temperature/state", "20")
    await kitchen.say("light/light/state", '{"state":"ON","brightness":7}')
    assert state(BLOCKED) == "off"
    await switch(hass, "turn_on")
    assert state(BLOCKED) == "on"
    assert shown(hass, entry) == {STATE_UNAVAILABLE}
    assert "brightness" not in hass.states.get("light.kitchen_light").attributes
    assert (await async_get_config_entry_diagnostics(hass, entry))["blocked"] is True
    await switch(hass, "turn_off")
    assert state(BLOCKED) == "off"
    assert state(TEMPERATURE) == "20"
    assert hass.states.get("light.kitchen_light").attributes["brightness"] == 7


async def test_states_of_a_blocked_node_show_when_it_is_trusted_again(
    hass: HomeAssistant, kitchen: Node, entry, state
) -> None:
    await kitchen.say("sensor/object_temperature/state", "20")
    await switch(hass, "turn_on")
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    before = hass.states.get(TEMPERATURE).last_reported_timestamp
    await kitchen.say("sensor/object_temperature/state", "21")
    assert hass.states.get(TEMPERATURE).last_reported_timestamp == before, "nothing is written"
    await kitchen.say("states", '{"number/gesture_gain": 2}')
    await kitchen.say("sensor/object_temperature/state", "warm")
    er.async_get(hass).async_update_entity(TEMPERATURE, name="Warmth")
    await hass.async_block_till_done()
    await kitchen.say("status", "offline")
    await kitchen.say("status", "online")
    assert {c.data["new_state"].state for c in changes if c.data["entity_id"] != DROPPED} == {STATE_UNAVAILABLE}
    assert shown(hass, entry) == {STATE_UNAVAILABLE}
    assert await dropped(hass, entry) == {"blocked": 3}, "each message counts once"
    await switch(hass, "turn_off")
    assert (state(TEMPERATURE), state("number.kitchen_gesture_gain")) == ("21", "2")
    await kitchen.say("sensor/object_temperature/state", "22")
    assert state(TEMPERATURE) == "22"
    assert await dropped(hass, entry) == {"blocked": 3}


async def test_events_of_a_blocked_node_never_happen(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    await switch(hass, "turn_on")
    await kitchen.say("event/gesture/state", json.dumps(EVENT))
    await switch(hass, "turn_off")
    assert state(GESTURE) == STATE_UNKNOWN
    assert await dropped(hass, entry) == {"blocked": 1}
    await kitchen.say("event/gesture/state", json.dumps(EVENT | {"id": "01HZZZZZZZZZZZZZZZZZZZZZZ0"}))
    assert hass.states.get(GESTURE).attributes["id"] == "01HZZZZZZZZZZZZZZZZZZZZZZ0"


async def test_event_that_waits_when_its_node_is_blocked(hass: HomeAssistant, mqtt_mock, entry, node: Node) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.say("event/gesture/state", json.dumps(EVENT))
    await switch(hass, "turn_on")
    assert await dropped(hass, entry) == {"blocked": 1}
    await switch(hass, "turn_off")
    await node.come()
    assert hass.states.get(GESTURE).state == STATE_UNKNOWN


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize(
    ("service", "data"),
    [
        ("switch.turn_on", {"entity_id": "switch.kitchen_gesture_dimming"}),
        ("homeassistant.turn_off", {"entity_id": "switch.kitchen_gesture_dimming"}),
        ("light.turn_off", {"entity_id": "light.kitchen_light"}),
        ("number.set_value", {"entity_id": "number.kitchen_gesture_gain", "value": 2}),
        ("button.press", {"entity_id": "button.kitchen_wave_a_hand"}),
    ],
)
async def test_commands_to_a_blocked_node_are_refused(
    hass: HomeAssistant, kitchen: Node, mqtt_mock: Any, online: bool, service: str, data: dict[str, Any]
) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    if not online:
        await kitchen.say("status", "offline")
    await switch(hass, "turn_on")
    mqtt_mock.async_publish.reset_mock()
    with pytest.raises(HomeAssistantError, match="Kitchen is blocked") as error:
        await hass.services.async_call(*service.split("."), data, blocking=True)
    assert (error.value.translation_domain, error.value.translation_key) == (DOMAIN, "node_blocked")
    assert not [call for call in mqtt_mock.async_publish.call_args_list if call.args[0].endswith("/command")]


async def test_commands_to_others_are_done_all_the_same(
    hass: HomeAssistant, kitchen: Node, mqtt_mock: Any, state
) -> None:
    await add_pantry(hass)
    await switch(hass, "turn_on")
    assert state("switch.pantry_gesture_dimming") == STATE_UNKNOWN
    mqtt_mock.async_publish.reset_mock()
    both = ["switch.kitchen_gesture_dimming", "switch.pantry_gesture_dimming"]
    with pytest.raises(HomeAssistantError, match="Kitchen is blocked"):
        await hass.services.async_call("switch", "turn_on", {"entity_id": both}, blocking=True)
    told = [call.args[0] for call in mqtt_mock.async_publish.call_args_list if call.args[0].endswith("/command")]
    assert told == ["steward/pantry/switch/gesture_dimming/command"]


async def test_info_of_a_blocked_node_waits(hass: HomeAssistant, kitchen: Node, entry, state) -> None:
    """A node that isn't trusted any more can't take away what the user has, nor add to it."""
    await switch(hass, "turn_on")
    await kitchen.say("info", NodeInfo(instance=INSTANCE, name="Intruder", entities=(HUMIDITY,)).encode())
    await kitchen.say("info", "")
    assert declared(hass, entry) == {f"kitchen/{e.platform}/{e.key}" for e in ENTITIES}
    assert await dropped(hass, entry) == {"blocked": 1}
    await switch(hass, "turn_off")
    assert declared(hass, entry) == {"kitchen/sensor/humidity"}
    assert state("sensor.intruder_humidity") == STATE_UNKNOWN


async def test_it_lasts(hass: HomeAssistant, kitchen: Node, entry, hass_storage: dict[str, Any], state) -> None:
    await switch(hass, "turn_on")
    assert hass_storage[STORE]["data"] == {"nodes": ["kitchen"]}
    assert await hass.config_entries.async_reload(entry.entry_id)
    await kitchen.come()
    assert state(BLOCKED) == "on"
    assert shown(hass, entry) == {STATE_UNAVAILABLE}
    await switch(hass, "turn_off")
    assert hass_storage[STORE]["data"] == {"nodes": []}


async def test_it_works_from_the_first_message_after_a_restart(
    hass: HomeAssistant, mqtt_mock, entry, node: Node, hass_storage: dict[str, Any]
) -> None:
    hass_storage[STORE] = {"version": 1, "key": STORE, "data": {"nodes": ["kitchen"]}}
    registry = er.async_get(hass)
    humidity = registry.async_get_or_create("sensor", DOMAIN, "kitchen/sensor/humidity", config_entry=entry).entity_id
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.say("sensor/object_temperature/state", "20", retain=True)
    await node.come()
    await node.say("event/gesture/state", json.dumps(EVENT))
    await node.say("sensor/object_temperature/state", "21")
    told = [(registry.async_get(c.data["entity_id"]).unique_id, c.data["new_state"].state) for c in changes]
    assert {value for known, value in told if known in declared(hass, entry)} == {STATE_UNAVAILABLE}
    assert {"kitchen/event/gesture", "kitchen/sensor/object_temperature"} <= {known for known, _ in told}
    assert hass.states.get(BLOCKED).state == "on"
    assert registry.async_get(humidity), "what the user had is not forgotten either"
    await switch(hass, "turn_off")
    assert hass.states.get(TEMPERATURE).state == "21"
    assert hass.states.get(GESTURE).state == STATE_UNKNOWN
    assert not registry.async_get(humidity)


@pytest.mark.parametrize("blocked", ["kitchen", "pantry"])
async def test_rules_are_withdrawn(
    hass: HomeAssistant, kitchen: Node, mqtt_mock: Any, state: Callable[[str], str], blocked: str
) -> None:
    """Those of the blocked node, and those of other nodes that listen to it; they come back with the trust."""

    def told() -> list[str]:
        payloads = [c.args[1] for c in mqtt_mock.async_publish.call_args_list if c.args[0] == "steward/pantry/rules"]
        return [rule.id for rule in Rulebook.decode(payloads[-1]).rules]

    await add_pantry(hass)
    automation = {
        "id": "1",
        "alias": "Wave",
        "variables": {"steward_keep_running": True},
        "triggers": {
            "trigger": "event.received",
            "target": {"entity_id": GESTURE},
            "options": {"event_type": ["started"]},
        },
        "actions": {"action": "light.turn_on", "target": {"entity_id": "light.pantry_light"}},
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    here = "sensor.pantry_rules_here"
    await until(lambda: state(here) == "1")
    assert told() == ["automation.wave"]
    await switch(hass, "turn_on", f"switch.{blocked}_blocked")
    await until(lambda: state(here) == "0")
    assert told() == []
    await until(lambda: state("sensor.pantry_rules_only_on_the_hub") == "1")
    await switch(hass, "turn_off", f"switch.{blocked}_blocked")
    await until(lambda: state(here) == "1")
    assert told() == ["automation.wave"]
    assert state("sensor.pantry_rules_only_on_the_hub") == "0"


async def test_journal_of_a_blocked_node_is_not_read(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock: Any) -> None:
    await switch(hass, "turn_on")
    mqtt_mock.async_publish.reset_mock()
    await kitchen.say("journal", Journal("01HZZZZZZZZZZZZZZZZZZZZZZZ", ()).encode())
    assert await dropped(hass, entry) == {"blocked": 1}
    assert not [call for call in mqtt_mock.async_publish.call_args_list if call.args[0] == "steward/kitchen/ack"]


async def test_removing_the_entry_forgets_it(
    hass: HomeAssistant, kitchen: Node, entry, hass_storage: dict[str, Any]
) -> None:
    await switch(hass, "turn_on")
    await hass.config_entries.async_remove(entry.entry_id)
    assert not async_get_dispatcher(hass).blocklist.blocked("kitchen")
    assert hass_storage[STORE]["data"] == {"nodes": []}


async def test_said_once_in_the_log(hass: HomeAssistant, kitchen: Node, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    for service in ("turn_on", "turn_on", "turn_off", "turn_off"):
        await switch(hass, service)
        await kitchen.say("event/gesture/state", json.dumps(EVENT))
    said = [
        r.getMessage() for r in caplog.records if r.name.startswith("custom_components.") and r.levelno >= logging.INFO
    ]
    assert said == ["Node kitchen is blocked", "Node kitchen is not blocked any more"]


async def test_who_listens_is_called_at_once(hass: HomeAssistant, kitchen: Node) -> None:
    blocklist = async_get_dispatcher(hass).blocklist
    heard: list[tuple[str, bool]] = []

    @callback
    def listener(node: str) -> None:
        heard.append((node, blocklist.blocked(node)))

    stop = blocklist.async_listen(listener)
    for change in (blocklist.async_block, blocklist.async_block, blocklist.async_unblock, blocklist.async_unblock):
        await change("kitchen")
    stop()
    await blocklist.async_block("kitchen")
    assert heard == [("kitchen", True), ("kitchen", False)]


async def test_other_nodes_are_not_concerned(hass: HomeAssistant, kitchen: Node, state) -> None:
    await async_get_dispatcher(hass).blocklist.async_block("nursery")
    await kitchen.say("sensor/object_temperature/state", "20")
    assert (state(BLOCKED), state(TEMPERATURE)) == ("off", "20")
