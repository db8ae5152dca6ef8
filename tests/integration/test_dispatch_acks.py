"""Acks: nodes are told which automations Home Assistant has started for what happened, which it declined, and when it can't say."""

import asyncio
from datetime import timedelta
import json
from typing import Any
from unittest.mock import patch

from freezegun import freeze_time
from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, SERVICE_TURN_OFF, STATE_UNKNOWN
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_mqtt_message,
)

from custom_components.steward.diagnostics import async_get_config_entry_diagnostics
from custom_components.steward.dispatch.acks import START_SECONDS, Standing
from custom_components.steward.protocol.hub import Ack
from custom_components.steward.protocol.node import NodeInfo

from .conftest import ENTITIES, INSTANCE, Node, said, until
from .test_dispatch_journal import ACTED, journal

INFO = NodeInfo(instance=INSTANCE, name="Kitchen", capabilities=("commands", "rules"), entities=ENTITIES)
EVENTS = [f"01HZZZZZZZZZZZZZZZZZZZZZZ{number}" for number in range(10)]
RULE = "automation.rule"
LIGHT_ON = {"action": "light.turn_on", "target": {"entity_id": "light.kitchen_light"}}
GESTURE = {
    "trigger": "event.received",
    "target": {"entity_id": "event.kitchen_gesture"},
    "options": {"event_type": ["started"]},
}
DIMMING_ON = {"trigger": "state", "entity_id": "switch.kitchen_gesture_dimming", "to": "on"}
DIMMING_IS_ON = {"condition": "state", "entity_id": "switch.kitchen_gesture_dimming", "state": "on"}
DIMMING = "kitchen/switch/gesture_dimming"


def refused(entity_id: str) -> Any:
    """Let Home Assistant refuse an entity's state."""
    write = Entity._async_write_ha_state

    def refuse(entity: Entity) -> None:
        if entity.entity_id == entity_id:
            raise ValueError(entity_id)
        write(entity)

    return patch.object(Entity, "_async_write_ha_state", refuse)


def event(number: int = 0, event_type: str = "started") -> str:
    return json.dumps({"event_type": event_type, "id": EVENTS[number], "at": "2026-11-20T10:00:00+00:00"})


def acks(mqtt_mock: Any, node: str = "kitchen") -> list[Ack]:
    return [Ack.decode(payload) for payload in said(mqtt_mock, f"steward/{node}/ack")]


def commands(mqtt_mock: Any) -> list[tuple[Any, str]]:
    payloads = [json.loads(payload) for payload in said(mqtt_mock, "steward/kitchen/light/light/command")]
    return [(payload["value"]["state"], payload["cause"]) for payload in payloads]


@pytest.fixture
async def kitchen(hass: HomeAssistant, mqtt_mock: Any, entry: MockConfigEntry, node: Node) -> Node:
    """Return the node `kitchen`, which runs rules, added and online."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await node.come(INFO)
    await node.say("switch/gesture_dimming/state", "OFF")
    mqtt_mock.async_publish.reset_mock()
    return node


async def automate(hass: HomeAssistant, entry: MockConfigEntry, mqtt_mock: Any, **config: Any) -> None:
    """Make an automation that has opted in, and wait until the dispatcher knows it."""
    opted_in = {"variables": {"steward_keep_running": True}}
    rule = opted_in | {"alias": "Rule", "triggers": GESTURE, "actions": [LIGHT_ON]} | config
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: [rule]})
    await hass.async_block_till_done()
    if rule["variables"]:
        await until(lambda: RULE in entry.runtime_data._dispatcher.acks._triggers._rules)
    mqtt_mock.async_publish.reset_mock()


async def after_a_while() -> None:
    """Wait until an automation that hasn't started has declined; none that runs is waited for."""
    await asyncio.sleep(START_SECONDS + 0.05)


async def test_started(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock)
    contexts = async_capture_events(hass, "state_changed")
    mqtt_mock.async_publish.reset_mock()
    await kitchen.say("event/gesture/state", event())
    assert acks(mqtt_mock) == [Ack(EVENTS[0], (RULE,))]
    assert commands(mqtt_mock) == [("ON", EVENTS[0])]
    # The automation's own command goes first.
    topics = [call.args[0] for call in mqtt_mock.async_publish.call_args_list]
    assert topics.index("steward/kitchen/light/light/command") < topics.index("steward/kitchen/ack")
    [ack] = [call.args for call in mqtt_mock.async_publish.call_args_list if call.args[0] == "steward/kitchen/ack"]
    assert ack[2:] == (1, False)
    assert [changed.context.id for changed in contexts if changed.data["entity_id"] == "event.kitchen_gesture"] == [
        EVENTS[0]
    ]
    await after_a_while()
    assert len(acks(mqtt_mock)) == 1


async def test_more_than_one_ack_can_name(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    off = {"variables": {"steward_keep_running": True}, "initial_state": False, "triggers": GESTURE}
    automations = [{**off, "alias": f"Off {number}", "actions": [LIGHT_ON]} for number in range(3)]
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: automations})
    await until(lambda: len(entry.runtime_data._dispatcher.acks._triggers._rules) == 3)
    with patch("custom_components.steward.protocol.hub.MAX_AUTOMATIONS", 2):
        await kitchen.say("event/gesture/state", event())
    assert [ack.declined for ack in acks(mqtt_mock)] == [
        ("automation.off_0", "automation.off_1"),
        ("automation.off_2",),
    ]


async def test_nothing_but_events_has_their_context(hass: HomeAssistant, kitchen: Node) -> None:
    await kitchen.say("event/gesture/state", event())
    await kitchen.say("status", "offline")
    state = hass.states.get("event.kitchen_gesture")
    assert state is not None
    assert state.context.id != EVENTS[0]


async def test_an_automation_that_has_not_opted_in_is_not_named(
    hass: HomeAssistant, kitchen: Node, entry, mqtt_mock
) -> None:
    await automate(hass, entry, mqtt_mock, variables={})
    await kitchen.say("event/gesture/state", event())
    assert acks(mqtt_mock) == [Ack(EVENTS[0])]
    assert commands(mqtt_mock) == [("ON", EVENTS[0])]


async def test_every_event_is_answered(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock)
    await kitchen.say("event/gesture/state", event(event_type="ended"))
    await after_a_while()
    assert acks(mqtt_mock) == [Ack(EVENTS[0])]


@pytest.mark.parametrize(
    ("config", "first", "second"),
    [
        (
            {"mode": "single", "actions": [LIGHT_ON, {"delay": 60}, LIGHT_ON]},
            [((RULE,), ())],
            [((), ()), ((), (RULE,))],
        ),
        ({"mode": "queued", "actions": [LIGHT_ON, {"delay": 60}, LIGHT_ON]}, [((RULE,), ())], [((RULE,), ())]),
        ({"mode": "parallel", "actions": [LIGHT_ON, {"delay": 60}, LIGHT_ON]}, [((RULE,), ())], [((RULE,), ())]),
        # It starts again when the run before has ended.
        (
            {"mode": "restart", "actions": [LIGHT_ON, {"delay": 60}, LIGHT_ON]},
            [((RULE,), ())],
            [((), ()), ((RULE,), ())],
        ),
        ({"conditions": [DIMMING_IS_ON]}, [((), ()), ((), (RULE,))], [((), ()), ((), (RULE,))]),
    ],
)
async def test_modes_and_conditions(
    hass: HomeAssistant, kitchen: Node, entry, mqtt_mock, config: dict[str, Any], first: Any, second: Any
) -> None:
    await automate(hass, entry, mqtt_mock, **config)
    for number in (0, 1):
        async_fire_mqtt_message(hass, "steward/kitchen/event/gesture/state", event(number))
        await after_a_while()
    told = [Ack(EVENTS[0], *lists) for lists in first] + [Ack(EVENTS[1], *lists) for lists in second]
    assert acks(mqtt_mock) == told
    dispatcher = (await async_get_config_entry_diagnostics(hass, entry))["dispatcher"]
    assert dispatcher["acks"] == {
        "acks": len(told),
        "started": sum(len(ack.started) for ack in told),
        "declined": sum(len(ack.declined) for ack in told),
    }
    # Several runs may start because of one event; a run's commands have the event that started it.
    assert {cause for _, cause in commands(mqtt_mock)} <= {EVENTS[0], EVENTS[1]}
    await hass.services.async_call(AUTOMATION, SERVICE_TURN_OFF, {"entity_id": RULE}, blocking=True)


async def test_commands_later_in_a_run_have_its_cause(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock, actions=[{"delay": {"milliseconds": 20}}, LIGHT_ON])
    await kitchen.say("event/gesture/state", event())
    await until(lambda: commands(mqtt_mock) == [("ON", EVENTS[0])])


async def test_switched_off(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock)
    await hass.services.async_call(AUTOMATION, SERVICE_TURN_OFF, {"entity_id": RULE}, blocking=True)
    await kitchen.say("event/gesture/state", event())
    assert acks(mqtt_mock) == [Ack(EVENTS[0], (), (RULE,))]
    await after_a_while()
    assert len(acks(mqtt_mock)) == 1


async def test_what_is_not_settled_is_not_named(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    """It may be started or not: nobody can say what a reload does to it."""
    await automate(hass, entry, mqtt_mock, conditions=[DIMMING_IS_ON])
    with patch.object(entry.runtime_data.rulebooks, "standing", return_value=Standing.UNSETTLED):
        await kitchen.say("event/gesture/state", event())
        await after_a_while()
    assert acks(mqtt_mock) == [Ack(EVENTS[0])]


async def test_an_event_that_comes_again(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock, actions=[LIGHT_ON, {"delay": 60}, LIGHT_ON])
    starts = async_capture_events(hass, "automation_triggered")
    for number in (0, 1):
        async_fire_mqtt_message(hass, "steward/kitchen/event/gesture/state", event(number))
        await after_a_while()
    mqtt_mock.async_publish.reset_mock()
    for number in (0, 1):
        async_fire_mqtt_message(hass, "steward/kitchen/event/gesture/state", event(number))
    await after_a_while()
    assert acks(mqtt_mock) == [Ack(EVENTS[0], (RULE,)), Ack(EVENTS[1], (), (RULE,))]
    assert len(starts) == 1
    shown = await async_get_config_entry_diagnostics(hass, entry)
    assert shown["dropped"]["counts"] == {"repeated": 2}
    await hass.services.async_call(AUTOMATION, SERVICE_TURN_OFF, {"entity_id": RULE}, blocking=True)


@pytest.mark.parametrize(
    ("leaf", "payload", "answered"),
    [
        ("event/gesture/state", event(event_type="danced"), True),
        ("event/wink/state", event(), True),
        ("event/gesture/state", '{"event_type": "started", "id": "1", "at": "2026-11-20T10:00:00+00:00"}', False),
        ("event/gesture/state", "{", False),
        ("event/gesture/state", '{"event_type": "started", "note": "' + "x" * 20_000 + '"}', False),
    ],
)
async def test_dropped_events_are_answered(
    hass: HomeAssistant, kitchen: Node, mqtt_mock, leaf: str, payload: str, answered: bool
) -> None:
    """If their id can be read, the node needn't send them again."""
    await kitchen.say(leaf, payload)
    assert acks(mqtt_mock) == ([Ack(EVENTS[0])] if answered else [])


async def test_events_of_a_blocked_node_are_answered(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await entry.runtime_data.async_block()
    await kitchen.say("event/gesture/state", event())
    assert acks(mqtt_mock) == [Ack(EVENTS[0])]


async def test_an_event_waits_for_its_node(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock, state) -> None:
    await automate(hass, entry, mqtt_mock)
    await kitchen.say("status", "offline")
    await kitchen.say("event/gesture/state", event())
    assert acks(mqtt_mock) == []
    await kitchen.say("status", "online")
    assert acks(mqtt_mock) == [Ack(EVENTS[0], (RULE,))]


async def test_events_that_waited_for_too_long(hass: HomeAssistant, kitchen: Node, mqtt_mock, state) -> None:
    await kitchen.say("status", "offline")
    for number in (0, 1):
        await kitchen.say("event/gesture/state", event(number))
    with patch("custom_components.steward.area.waiting.EVENT_LIFE", 0):
        await kitchen.say("status", "online")
    assert acks(mqtt_mock) == [Ack(EVENTS[0]), Ack(EVENTS[1])]
    assert state("event.kitchen_gesture") == STATE_UNKNOWN


async def test_events_that_there_is_no_room_for(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    """The oldest isn't answered, so that the node sends it again."""
    await kitchen.say("status", "offline")
    with patch("custom_components.steward.area.waiting.WAITING_EVENTS", 2):
        for number in (0, 1, 2):
            await kitchen.say("event/gesture/state", event(number))
    assert acks(mqtt_mock) == []
    await kitchen.say("event/gesture/state", event(0))
    await kitchen.say("status", "online")
    assert acks(mqtt_mock) == [Ack(EVENTS[1]), Ack(EVENTS[2]), Ack(EVENTS[0])]
    assert (await async_get_config_entry_diagnostics(hass, entry))["dropped"]["counts"] == {"expired": 1}


async def test_events_that_come_again_while_they_wait(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    """They don't take others' places, nor get more time."""
    await kitchen.say("status", "offline")
    with patch("custom_components.steward.area.waiting.WAITING_EVENTS", 2):
        for number in (0, 1, 1, 1):
            await kitchen.say("event/gesture/state", event(number))
    await kitchen.say("status", "online")
    assert acks(mqtt_mock) == [Ack(EVENTS[0]), Ack(EVENTS[1])]
    assert (await async_get_config_entry_diagnostics(hass, entry))["dropped"]["counts"] == {"repeated": 2}


async def test_nothing_happens_before_home_assistant_has_started(
    hass: HomeAssistant, mqtt_mock, entry, node: Node, state
) -> None:
    hass.set_state(CoreState.starting)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.come(INFO)
    await node.say("event/gesture/state", event())
    assert (acks(mqtt_mock), state("event.kitchen_gesture")) == ([], STATE_UNKNOWN)
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert acks(mqtt_mock) == [Ack(EVENTS[0])]
    assert state("event.kitchen_gesture") != STATE_UNKNOWN


async def test_nothing_happens_when_home_assistant_goes_down(
    hass: HomeAssistant, kitchen: Node, mqtt_mock, state
) -> None:
    for job in hass._shutdown_jobs:
        hass.async_run_hass_job(job.job)
    await kitchen.say("event/gesture/state", event())
    assert (acks(mqtt_mock), state("event.kitchen_gesture")) == ([], STATE_UNKNOWN)


async def test_acks_are_not_late(hass: HomeAssistant, kitchen: Node, mqtt_mock) -> None:
    mqtt_mock.connected = False
    await kitchen.say("event/gesture/state", event())
    mqtt_mock.connected = True
    await after_a_while()
    assert acks(mqtt_mock) == []


async def test_many_acks_let_home_assistant_go_on(hass: HomeAssistant, kitchen: Node, mqtt_mock) -> None:
    with patch("custom_components.steward.dispatch.acks.TOLD_AT_ONCE", 2):
        for number in range(5):
            async_fire_mqtt_message(hass, "steward/kitchen/event/gesture/state", event(number))
        await hass.async_block_till_done()
        await until(lambda: len(acks(mqtt_mock)) == 5)
    assert [ack.id for ack in acks(mqtt_mock)] == EVENTS[:5]


async def test_acks_keep_up_with_events(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    """However many events come between two turns of the loop, the acks that wait don't become ever more."""
    waiting = []
    for turn in range(60):
        for number in range(100):
            payload = json.dumps({"event_type": "waved", "id": f"01HZZZZZZZZZZZZZZZZZZZ{turn:02}{number:02}"})
            entry.runtime_data._dispatcher.acks.refuse("kitchen", payload.encode())
        waiting.append(len(entry.runtime_data._dispatcher.acks._untold))
        await asyncio.sleep(0)
    assert max(waiting) < 1000
    await until(lambda: len(acks(mqtt_mock)) == 6000)


# --- states and times ------------------------------------------------------------------------------------------------


async def test_a_state_that_starts_an_automation(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock, triggers=DIMMING_ON)
    await kitchen.say("switch/gesture_dimming/state", "ON")
    assert acks(mqtt_mock) == [Ack(f"{DIMMING}=on", (RULE,))]
    assert commands(mqtt_mock) == [("ON", f"{DIMMING}=on")]
    await kitchen.say("switch/gesture_dimming/state", "OFF")
    await kitchen.say("sensor/object_temperature/state", "20")
    await after_a_while()
    assert len(acks(mqtt_mock)) == 1


async def test_what_a_node_did_for_a_state_is_done_when_that_is_reached_again(
    hass: HomeAssistant, kitchen: Node, entry, mqtt_mock
) -> None:
    """A state has the same cause each time that it is reached."""
    await automate(hass, entry, mqtt_mock, triggers=DIMMING_ON)
    acted = {"cause": f"{DIMMING}=on", "value": {"state": "ON"}, "trigger": DIMMING, "event_type": None}
    await kitchen.say("journal", journal(ACTED | acted))
    await kitchen.say("switch/gesture_dimming/state", "ON")
    assert commands(mqtt_mock) == [("ON", f"{DIMMING}=on")]


async def test_events_of_the_same_millisecond(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock, mode="parallel")
    with freeze_time(dt_util.utcnow()):
        for number in range(5):
            async_fire_mqtt_message(hass, "steward/kitchen/event/gesture/state", event(number))
        await hass.async_block_till_done()
    assert acks(mqtt_mock) == [Ack(EVENTS[number], (RULE,)) for number in range(5)]


async def test_a_state_that_an_automation_declines(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    condition = {"condition": "numeric_state", "entity_id": "number.kitchen_gesture_gain", "above": 1}
    await automate(hass, entry, mqtt_mock, triggers=DIMMING_ON, conditions=[condition])
    await kitchen.say("switch/gesture_dimming/state", "ON")
    assert acks(mqtt_mock) == []
    await after_a_while()
    assert acks(mqtt_mock) == [Ack(f"{DIMMING}=on", (), (RULE,))]


async def test_a_state_that_an_automation_brought_about(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    """It is written under that one's context; what starts late, too, is told apart by it."""
    await automate(
        hass, entry, mqtt_mock, triggers=DIMMING_ON, mode="restart", actions=[LIGHT_ON, {"delay": 60}, LIGHT_ON]
    )
    for number in (0, 1):
        await hass.services.async_call(
            "switch",
            "turn_on",
            {"entity_id": "switch.kitchen_gesture_dimming"},
            blocking=True,
            context=Context(id=EVENTS[number]),
        )
        for payload in ("ON", "OFF"):
            async_fire_mqtt_message(hass, "steward/kitchen/switch/gesture_dimming/state", payload)
        await after_a_while()
    assert acks(mqtt_mock) == [Ack(f"{DIMMING}=on", (RULE,))] * 2
    assert commands(mqtt_mock) == [("ON", f"{DIMMING}=on")] * 2
    await hass.services.async_call(AUTOMATION, SERVICE_TURN_OFF, {"entity_id": RULE}, blocking=True)


async def test_what_is_started_otherwise_is_no_answer(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock)
    await hass.services.async_call(AUTOMATION, "trigger", {"entity_id": RULE}, blocking=True)
    await after_a_while()
    assert acks(mqtt_mock) == []
    [(value, cause)] = commands(mqtt_mock)
    assert value == "ON"
    assert len(cause) == len(EVENTS[0])


async def test_a_node_that_comes_and_goes(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock, triggers=DIMMING_ON | {"to": "off"})
    await kitchen.say("status", "offline")
    assert acks(mqtt_mock) == []
    await kitchen.say("status", "online")
    assert acks(mqtt_mock) == [Ack(f"{DIMMING}=off", (RULE,))]


async def test_a_state_that_home_assistant_refuses(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock, triggers=DIMMING_ON)
    with refused("switch.kitchen_gesture_dimming"):
        await kitchen.say("switch/gesture_dimming/state", "ON")
    await after_a_while()
    assert acks(mqtt_mock) == []


async def test_an_event_that_home_assistant_refuses(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock)
    with refused("event.kitchen_gesture"):
        await kitchen.say("event/gesture/state", event())
    await after_a_while()
    assert acks(mqtt_mock) == [Ack(EVENTS[0])]


@pytest.mark.parametrize(
    ("conditions", "started", "declined"), [([], (RULE,), ()), ([DIMMING_IS_ON | {"state": "off"}], (), (RULE,))]
)
async def test_a_state_that_stays(
    hass: HomeAssistant,
    kitchen: Node,
    entry,
    mqtt_mock,
    conditions: list[Any],
    started: tuple[str, ...],
    declined: tuple[str, ...],
) -> None:
    await automate(hass, entry, mqtt_mock, triggers=DIMMING_ON | {"for": {"milliseconds": 30}}, conditions=conditions)
    await kitchen.say("switch/gesture_dimming/state", "ON")
    assert acks(mqtt_mock) == []
    await until(lambda: acks(mqtt_mock))
    assert acks(mqtt_mock) == [Ack(f"{DIMMING}=on", started, declined)]
    assert {cause for _, cause in commands(mqtt_mock)} <= {f"{DIMMING}=on"}


@pytest.mark.parametrize(("conditions", "started"), [([], True), ([DIMMING_IS_ON], False)])
async def test_a_time_of_the_day(
    hass: HomeAssistant, kitchen: Node, mqtt_mock, entry, conditions: list[Any], started: bool
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    at = dt_util.now().replace(hour=7, minute=0, second=0, microsecond=0)
    at += timedelta(days=at < dt_util.now() + timedelta(minutes=1))
    await automate(hass, entry, mqtt_mock, triggers={"trigger": "time", "at": "07:00:00"}, conditions=conditions)
    with freeze_time(at) as freezer:
        for later in (-1, 0.01, 0.6, 1.6):
            freezer.move_to(at + timedelta(seconds=later))
            await asyncio.sleep(0)
            await hass.async_block_till_done()
        await until(lambda: acks(mqtt_mock))
    cause = f"{RULE}@{dt_util.as_utc(at).isoformat()}"
    assert acks(mqtt_mock) == [Ack(cause, (RULE,) if started else (), () if started else (RULE,))]
    assert commands(mqtt_mock) == ([("ON", cause)] if started else [])


async def test_rules_that_change(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    """What an entity's state was before a rule was made counts as well."""
    await automate(hass, entry, mqtt_mock)
    config = {
        "alias": "Rule",
        "variables": {"steward_keep_running": True},
        "triggers": {"trigger": "numeric_state", "entity_id": "number.kitchen_gesture_gain", "above": 1},
        "actions": [LIGHT_ON],
    }
    await kitchen.say("number/gesture_gain/state", "0.5")
    with patch("homeassistant.config.load_yaml_config_file", return_value={AUTOMATION: [config]}):
        await hass.services.async_call(AUTOMATION, "reload", blocking=True)
    await until(lambda: entry.runtime_data._dispatcher.acks.watches("kitchen/number/gesture_gain"))
    await kitchen.say("number/gesture_gain/state", "1.5")
    assert acks(mqtt_mock) == [Ack("kitchen/number/gesture_gain=1.5", (RULE,))]


async def test_after_the_node_has_left(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await automate(hass, entry, mqtt_mock, triggers=[DIMMING_ON | {"for": {"milliseconds": 30}}, GESTURE])
    await kitchen.say("switch/gesture_dimming/state", "ON")
    assert await hass.config_entries.async_unload(entry.entry_id)
    await after_a_while()
    assert acks(mqtt_mock) == []


async def test_memory_of_runs_is_bounded(
    hass: HomeAssistant, kitchen: Node, entry, mqtt_mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.steward.dispatch.acks.REMEMBERED_RUNS", 4)
    await automate(hass, entry, mqtt_mock)
    for number in range(8):
        await kitchen.say("event/gesture/state", event(number))
    assert len(entry.runtime_data._dispatcher.acks._runs) == 4


async def test_clock_of_the_house(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    """The zone is Home Assistant's, also after it was changed."""
    await automate(hass, entry, mqtt_mock, triggers={"trigger": "time", "at": "07:00:00"})
    await hass.config.async_update(time_zone="Asia/Tokyo")
    triggers = entry.runtime_data._dispatcher.acks._triggers
    await until(lambda: str(triggers.zone) == "Asia/Tokyo")
    assert triggers.due(0, dt_util.utcnow() + timedelta(days=1)) is not None
