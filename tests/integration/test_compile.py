"""The compiler: what of an automation becomes a rule, with which meaning, and why the rest doesn't."""

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.components.light.const import DATA_PROFILES
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
import pytest

from custom_components.steward.dispatch import automations
from custom_components.steward.dispatch.compile import Compiled, compile_automation
from custom_components.steward.dispatch.lookup import Lookup, Questions
from custom_components.steward.protocol.entity import BinarySensorInfo, LightInfo, NumberInfo, SensorInfo
from custom_components.steward.protocol.fields import Json
from custom_components.steward.protocol.node import NodeInfo
from custom_components.steward.protocol.rules import Rule

from .conftest import ENTITIES, INFO, INSTANCE, Node

HOUSE = NodeInfo(
    instance=INSTANCE,
    name=INFO.name,
    modules=INFO.modules,
    entities=(
        *ENTITIES,
        BinarySensorInfo(key="motion", name="Motion", device_class="motion"),
        BinarySensorInfo(key="door", name="Door", device_class="door"),
        SensorInfo(key="mode", name="Mode", options=("day", "night")),
        SensorInfo(key="last_boot", name="Last boot", device_class="timestamp"),
        LightInfo(key="lamp", name="Lamp"),
        LightInfo(key="dimmer", name="Dimmer", brightness=True),
        NumberInfo(key="target", name="Target", minimum=5, maximum=30, unit="°C", device_class="temperature"),
    ),
)

GESTURE = {
    "trigger": "event.received",
    "target": {"entity_id": "event.kitchen_gesture"},
    "options": {"event_type": ["started"]},
}
LIGHT_ON = {"action": "light.turn_on", "target": {"entity_id": "light.kitchen_light"}}
SET_LIGHT_ON: dict[str, Json] = {"kind": "set", "entity": "kitchen/light/light", "value": {"state": "ON"}}
EVENT: dict[str, Json] = {
    "kind": "event",
    "id": "0",
    "entities": ["kitchen/event/gesture"],
    "types": ["started"],
}

type Compile = Callable[..., Awaitable[Compiled]]


@pytest.fixture
async def house(hass: HomeAssistant, kitchen: Node) -> Lookup:
    """Return what the registries say of a kitchen with all kinds of entities."""
    await kitchen.say("info", HOUSE.encode())
    lookup = Lookup(hass, set().__contains__)
    lookup.learn("kitchen", HOUSE)
    return lookup


@pytest.fixture
def compile_(hass: HomeAssistant, house: Lookup) -> Compile:
    """Return what compiles an automation of the parts that are told; the others are plain."""

    async def compile_parts(
        *, triggers: Any = GESTURE, conditions: Any = (), actions: Any = LIGHT_ON, **more: Any
    ) -> Compiled:
        raw = {
            "id": "a",
            "alias": "A",
            "triggers": triggers,
            "conditions": list(conditions),
            "actions": actions,
            **more,
        }
        automation = automations.Automation("automation.a", "a", "A", raw, True, True)
        config = await automations.async_validate(hass, automation)
        return compile_automation(hass, automation, config, Questions(house))

    return compile_parts


def written(compiled: Compiled) -> dict[str, Any]:
    """Return a rule as it crosses the wire."""
    assert compiled.rule is not None, compiled.reason
    value = compiled.rule.encode()
    assert Rule.read(value, "") == compiled.rule
    return value


def action(call: str, *entity_ids: str, **data: Any) -> dict[str, Any]:
    """Return an action for some entities."""
    return {"action": call, "target": {"entity_id": [*entity_ids]}, **({"data": data} if data else {})}


def state_is(entity_id: str, state: Any, **more: Any) -> dict[str, Any]:
    """Return a condition."""
    return {"condition": "state", "entity_id": entity_id, "state": state, **more}


def set_to(path: str, value: Json) -> dict[str, Json]:
    """Return an action of a rule."""
    return {"kind": "set", "entity": f"kitchen/{path}", "value": value}


async def test_the_whole(compile_: Compile) -> None:
    assert written(await compile_()) == {
        "id": "automation.a",
        "name": "A",
        "mode": "single",
        "max": 10,
        "triggers": [EVENT],
        "actions": [SET_LIGHT_ON],
    }
    rule = (await compile_(mode="parallel", max=3)).rule
    assert (rule.mode, rule.max_runs) == ("parallel", 3)


async def test_old_spellings(hass: HomeAssistant, house: Lookup) -> None:
    raw = {
        "alias": "A",
        "trigger": {
            "platform": "state",
            "entity_id": "binary_sensor.kitchen_motion, binary_sensor.kitchen_door",
            "to": "on",
        },
        "condition": [{"or": [state_is("switch.kitchen_gesture_dimming", "on")]}],
        "action": {"service": "light.turn_on", "entity_id": "light.kitchen_light", "data": {"brightness_pct": 50}},
    }
    automation = automations.Automation("automation.a", None, "A", raw, True, True)
    config = await automations.async_validate(hass, automation)
    value = written(compile_automation(hass, automation, config, Questions(house)))
    entities = ["kitchen/binary_sensor/motion", "kitchen/binary_sensor/door"]
    assert value["triggers"] == [{"kind": "state", "id": "0", "entities": entities, "to": {"is": ["on"]}}]
    condition = {"kind": "state", "entities": ["kitchen/switch/gesture_dimming"], "values": ["on"]}
    assert value["conditions"] == [{"kind": "or", "conditions": [condition]}]
    assert value["actions"] == [set_to("light/light", {"state": "ON", "brightness": 128})]


async def test_registry_ids(compile_: Compile, hass: HomeAssistant) -> None:
    light = er.async_get(hass).async_get("light.kitchen_light").id
    motion = er.async_get(hass).async_get("binary_sensor.kitchen_motion").id
    compiled = await compile_(
        triggers={"trigger": "state", "entity_id": motion, "to": "on"}, actions=action("light.turn_on", light)
    )
    value = written(compiled)
    assert value["triggers"][0]["entities"] == ["kitchen/binary_sensor/motion"]
    assert value["actions"] == [SET_LIGHT_ON]


MOTION = {"trigger": "state", "entity_id": "binary_sensor.kitchen_motion"}
TARGET = {"trigger": "numeric_state", "entity_id": "number.kitchen_target"}
MOVED: dict[str, Json] = {"kind": "state", "id": "0", "entities": ["kitchen/binary_sensor/motion"]}
HEAT: dict[str, Json] = {"kind": "numeric", "id": "0", "entities": ["kitchen/number/target"]}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (GESTURE, [EVENT]),
        ({**GESTURE, "id": "wave", "alias": "Wave"}, [{**EVENT, "id": "wave"}]),
        ({**GESTURE, "enabled": "no"}, None),
        ([{**GESTURE, "enabled": False}, GESTURE], [{**EVENT, "id": "1"}]),
        ({"triggers": [GESTURE]}, [EVENT]),
        (MOTION, [MOVED]),
        ({**MOTION, "to": None}, [{**MOVED, "to": {"not": []}}]),
        ({**MOTION, "to": "*"}, [{**MOVED, "to": {"not": []}}]),
        ({**MOTION, "from": "on", "to": ["off"]}, [{**MOVED, "from": {"is": ["on"]}, "to": {"is": ["off"]}}]),
        ({**MOTION, "not_from": ["unknown", "unavailable"]}, [{**MOVED, "from": {"not": ["unknown", "unavailable"]}}]),
        ({**MOTION, "not_to": "off"}, [{**MOVED, "to": {"not": ["off"]}}]),
        ({**MOTION, "not_to": "*"}, None),
        ({**MOTION, "to": "on", "for": "00:05:00"}, [{**MOVED, "to": {"is": ["on"]}, "for": 300.0}]),
        ({**MOTION, "to": "on", "for": 5}, [{**MOVED, "to": {"is": ["on"]}, "for": 5.0}]),
        ({**MOTION, "to": "on", "for": {"minutes": 1.5}}, [{**MOVED, "to": {"is": ["on"]}, "for": 90.0}]),
        ({**MOTION, "to": "on", "for": "{{ 5 }}"}, None),
        ({**MOTION, "to": "on", "for": {"seconds": "{{ 5 }}"}}, None),
        ({**MOTION, "from": "on", "for": 5}, [{**MOVED, "from": {"is": ["on"]}, "for": 5.0}]),
        ({**MOTION, "from": "on", "to": None, "for": 5}, None),
        ({**MOTION, "from": None, "for": 5}, None),
        (
            {"trigger": "state", "options": {"entity_id": "binary_sensor.kitchen_motion", "to": "on"}},
            [{**MOVED, "to": {"is": ["on"]}}],
        ),
        (
            {"trigger": "state", "entity_id": "light.kitchen_light", "attribute": "brightness", "to": [10, 20]},
            [
                {
                    "kind": "state",
                    "id": "0",
                    "entities": ["kitchen/light/light"],
                    "attribute": "brightness",
                    "to": {"is": [10, 20]},
                }
            ],
        ),
        ({"trigger": "state", "entity_id": "light.kitchen_light", "attribute": "rgb_color"}, None),
        ({"trigger": "state", "entity_id": "light.kitchen_light", "attribute": "brightness", "to": {"a": 1}}, None),
        ({"trigger": "state", "entity_id": "event.kitchen_gesture"}, None),
        ({"trigger": "state", "entity_id": "event.kitchen_gesture", "attribute": "event_type"}, None),
        ({"trigger": "state", "entity_id": "button.kitchen_wave_a_hand"}, None),
        ({"trigger": "state", "entity_id": "sensor.kitchen_last_boot"}, None),
        ({"trigger": "state", "entity_id": "sensor.kitchen_object_temperature", "to": "20"}, None),
        (
            {"trigger": "state", "entity_id": "sensor.kitchen_object_temperature", "to": "unavailable"},
            [
                {
                    "kind": "state",
                    "id": "0",
                    "entities": ["kitchen/sensor/object_temperature"],
                    "to": {"is": ["unavailable"]},
                }
            ],
        ),
        (
            {"trigger": "state", "entity_id": "sensor.kitchen_mode", "to": "night"},
            [{"kind": "state", "id": "0", "entities": ["kitchen/sensor/mode"], "to": {"is": ["night"]}}],
        ),
        ({**TARGET, "above": 20}, [{**HEAT, "above": 20.0}]),
        ({**TARGET, "above": "20", "below": 25.5, "for": 60}, [{**HEAT, "above": 20.0, "below": 25.5, "for": 60.0}]),
        ({**TARGET, "above": "sensor.other"}, None),
        ({**TARGET, "above": 1, "value_template": "{{ state.state }}"}, None),
        ({"trigger": "numeric_state", "entity_id": "binary_sensor.kitchen_motion", "above": 1}, None),
        ({"trigger": "numeric_state", "entity_id": "event.kitchen_gesture", "attribute": "distance", "above": 1}, None),
        ({"trigger": "time", "at": "07:00:00"}, [{"kind": "time", "id": "0", "at": "07:00:00"}]),
        (
            {"trigger": "time", "at": ["7:00", "08:30:15"], "weekday": ["sun", "mon"]},
            [
                {"kind": "time", "id": "0", "at": "07:00:00", "weekdays": [0, 6]},
                {"kind": "time", "id": "0", "at": "08:30:15", "weekdays": [0, 6]},
            ],
        ),
        (
            {"trigger": "time", "at": "07:00", "weekday": "sat"},
            [{"kind": "time", "id": "0", "at": "07:00:00", "weekdays": [5]}],
        ),
        ({"trigger": "time", "at": "input_datetime.alarm"}, None),
        ({"trigger": "time", "at": "07:00", "weekday": []}, None),
        ({"trigger": "sun", "event": "sunset"}, None),
        ({"trigger": "state", "entity_id": "sun.sun"}, None),
        ({"trigger": "state", "entity_id": []}, None),
    ],
)
async def test_triggers(compile_: Compile, config: Any, expected: list[Any] | None) -> None:
    compiled = await compile_(triggers=config)
    if expected is None:
        assert compiled.rule is None
        assert compiled.reason.startswith("has no trigger that a node can watch")
    else:
        assert written(compiled)["triggers"] == expected
        assert compiled.left == ()


async def test_triggers_stand_for_themselves(compile_: Compile) -> None:
    compiled = await compile_(
        triggers=[
            {"trigger": "sun", "event": "sunset"},
            {"trigger": "state", "entity_id": ["binary_sensor.kitchen_motion", "binary_sensor.other"], "to": "on"},
            {**GESTURE, "target": {"entity_id": ["event.kitchen_gesture", "event.doorbell"]}},
        ]
    )
    assert written(compiled)["triggers"] == [{**MOVED, "id": "1", "to": {"is": ["on"]}}, {**EVENT, "id": "2"}]
    assert compiled.left == (
        "has a trigger of the kind sun",
        "asks for binary_sensor.other, which isn't Steward's",
        "waits for events of event.doorbell, which isn't Steward's",
    )


async def test_events_of_a_whole_area(compile_: Compile, hass: HomeAssistant) -> None:
    area = ar.async_get(hass).async_create("Kitchen")
    device = er.async_get(hass).async_get("event.kitchen_gesture").device_id
    dr.async_get(hass).async_update_device(device, area_id=area.id)
    compiled = await compile_(triggers={**GESTURE, "target": {"area_id": area.id}})
    assert written(compiled)["triggers"] == [EVENT]


IS_ON: dict[str, Json] = {"kind": "state", "entities": ["kitchen/switch/gesture_dimming"], "values": ["on"]}
ON = state_is("switch.kitchen_gesture_dimming", "on")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (ON, IS_ON),
        ({**ON, "alias": "On", "enabled": True}, IS_ON),
        ({**ON, "enabled": False}, None),
        ({**ON, "state": ["on", "off"], "for": {"minutes": 1}}, {**IS_ON, "values": ["on", "off"], "for": 60.0}),
        (
            {**ON, "entity_id": ["switch.kitchen_gesture_dimming", "light.kitchen_light"], "match": "any"},
            {**IS_ON, "entities": ["kitchen/switch/gesture_dimming", "kitchen/light/light"], "any": True},
        ),
        ({**ON, "entity_id": []}, {"kind": "and"}),
        ({**ON, "entity_id": [], "match": "any"}, {"kind": "or"}),
        ({**ON, "state": []}, {"kind": "or"}),
        (
            state_is("event.kitchen_gesture", 60, attribute="distance"),
            {"kind": "state", "entities": ["kitchen/event/gesture"], "values": [60], "attribute": "distance"},
        ),
        (
            {"condition": "numeric_state", "entity_id": "event.kitchen_gesture", "attribute": "distance", "below": 60},
            {"kind": "numeric", "entities": ["kitchen/event/gesture"], "attribute": "distance", "below": 60.0},
        ),
        (
            {"condition": "numeric_state", "entity_id": "sensor.kitchen_object_temperature", "above": 20},
            {"kind": "numeric", "entities": ["kitchen/sensor/object_temperature"], "above": 20.0},
        ),
        ({"condition": "numeric_state", "entity_id": [], "above": 20}, {"kind": "and"}),
        (
            {"condition": "time", "after": "22:00:00", "before": "06:00", "weekday": "sun"},
            {"kind": "time", "after": "22:00:00", "before": "06:00:00", "weekdays": [6]},
        ),
        ({"condition": "trigger", "id": ["0", "0"]}, {"kind": "trigger", "ids": ["0"]}),
        ({"condition": "trigger", "id": []}, {"kind": "or"}),
        ({"and": [ON]}, {"kind": "and", "conditions": [IS_ON]}),
        ({"or": [ON, {**ON, "enabled": False}]}, {"kind": "or", "conditions": [IS_ON]}),
        ({"condition": "not", "conditions": ON}, {"kind": "not", "conditions": [IS_ON]}),
        ({"condition": [ON]}, {"kind": "and", "conditions": [IS_ON]}),
    ],
)
async def test_conditions(compile_: Compile, config: Any, expected: Any) -> None:
    without_empty = [] if expected is None else [expected]
    value = written(await compile_(conditions=[config]))
    assert value.get("conditions", []) == without_empty or value["conditions"] == [{**expected, "conditions": []}]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("{{ true }}", "uses a template"),
        ({"condition": "template", "value_template": "{{ true }}"}, "uses a template"),
        ({**ON, "enabled": "{{ true }}"}, "uses a template"),
        ({**ON, "for": "{{ 5 }}"}, "uses a template"),
        ({"or": [ON, "{{ true }}"]}, "uses a template"),
        (state_is("sun.sun", "up"), "asks for sun.sun, which isn't Steward's"),
        (state_is("light.kitchen_light", "input_text.x"), "compares with the state of input_text.x"),
        (state_is("number.kitchen_target", "20"), "compares the number of number.kitchen_target as a text"),
        (
            state_is("event.kitchen_gesture", "x", attribute="friendly_name"),
            "asks for the attribute friendly_name of event.kitchen_gesture, which only the hub knows",
        ),
        (
            state_is("event.kitchen_gesture", "x"),
            (
                "asks for the state of event.kitchen_gesture, which changes without an event as well"
                " (use the trigger event.received)"
            ),
        ),
        ({"condition": "sun", "after": "sunset"}, "has a condition of the kind sun"),
        ({"condition": "time", "after": "input_datetime.x"}, "compares with the time of input_datetime.x"),
        ({"condition": "time", "weekday": []}, "asks for no day of the week"),
        (
            {"condition": "numeric_state", "entity_id": "number.kitchen_target", "above": "sensor.x"},
            "compares with the number of sensor.x",
        ),
        (
            {"condition": "numeric_state", "entity_id": "light.kitchen_light", "above": 1},
            "asks for a number of light.kitchen_light, which has none",
        ),
    ],
)
async def test_conditions_that_keep_all_on_the_hub(compile_: Compile, config: Any, reason: str) -> None:
    assert await compile_(conditions=[config]) == Compiled(None, reason=reason)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (action("switch.turn_on", "switch.kitchen_gesture_dimming"), set_to("switch/gesture_dimming", "ON")),
        (action("switch.turn_off", "switch.kitchen_gesture_dimming"), set_to("switch/gesture_dimming", "OFF")),
        (action("light.turn_off", "light.kitchen_light", transition=2), set_to("light/light", {"state": "OFF"})),
        (
            action("light.turn_on", "light.kitchen_light", brightness=7, rgb_color=[1, 2, 3], transition=2),
            set_to("light/light", {"state": "ON", "brightness": 7, "color": {"r": 1, "g": 2, "b": 3}}),
        ),
        (
            action("light.turn_on", "light.kitchen_light", brightness_pct=100, color_name="red"),
            set_to("light/light", {"state": "ON", "brightness": 255, "color": {"r": 255, "g": 0, "b": 0}}),
        ),
        (action("light.turn_on", "light.kitchen_light", brightness=0), set_to("light/light", {"state": "OFF"})),
        (
            action("light.turn_on", "light.kitchen_lamp", brightness=9, color_name="red"),
            set_to("light/lamp", {"state": "ON"}),
        ),
        (
            action("light.turn_on", "light.kitchen_dimmer", brightness=9, color_name="red"),
            set_to("light/dimmer", {"state": "ON", "brightness": 9}),
        ),
        (action("number.set_value", "number.kitchen_target", value="21.5"), set_to("number/target", 21.5)),
        (action("homeassistant.turn_off", "light.kitchen_light"), set_to("light/light", {"state": "OFF"})),
        ({"delay": "00:00:05"}, {"kind": "delay", "seconds": 5.0}),
        ({"delay": {"milliseconds": 500}}, {"kind": "delay", "seconds": 0.5}),
        ({"delay": 0}, None),
        ({"stop": "enough"}, {"kind": "stop"}),
        ({"stop": "enough", "error": True}, {"kind": "stop"}),
        ({"stop": "enough", "enabled": False}, None),
        ({"variables": {"x": "{{ 1 }}"}}, None),
        (ON, {"kind": "stop", "unless": [IS_ON]}),
        (
            {"if": ON, "then": LIGHT_ON},
            {"kind": "choose", "options": [{"conditions": [IS_ON], "actions": [SET_LIGHT_ON]}]},
        ),
        (
            {"if": [ON], "then": [], "else": LIGHT_ON},
            {"kind": "choose", "options": [{"conditions": [IS_ON]}], "default": [SET_LIGHT_ON]},
        ),
        (
            {"choose": {"conditions": ON, "sequence": LIGHT_ON}, "default": {"delay": 1}},
            {
                "kind": "choose",
                "options": [{"conditions": [IS_ON], "actions": [SET_LIGHT_ON]}],
                "default": [{"kind": "delay", "seconds": 1.0}],
            },
        ),
        ({"choose": [], "default": {"delay": 1}}, {"kind": "delay", "seconds": 1.0}),
        ({"sequence": [{"delay": 1}]}, {"kind": "delay", "seconds": 1.0}),
        # A condition within a sequence only ends that sequence.
        (
            {"sequence": [{"delay": 1}, ON, LIGHT_ON]},
            [
                {"kind": "delay", "seconds": 1.0},
                {"kind": "choose", "options": [{"conditions": [IS_ON], "actions": [SET_LIGHT_ON]}]},
            ],
        ),
        ({"sequence": [ON]}, None),
    ],
)
async def test_actions(compile_: Compile, config: Any, expected: Any) -> None:
    compiled = await compile_(actions=[config, LIGHT_ON])
    steps = [] if expected is None else expected if isinstance(expected, list) else [expected]
    assert written(compiled)["actions"] == [*steps, SET_LIGHT_ON]
    assert compiled.left == ()


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ({"action": "notify.phone"}, "calls notify.phone"),
        ({"action": "{{ 'light.turn_on' }}"}, "calls an action whose name is a template"),
        (action("light.toggle", "light.kitchen_light"), "calls light.toggle"),
        (action("button.press", "button.kitchen_wave_a_hand"), "calls button.press"),
        (action("light.turn_on", "light.kitchen_light", brightness="{{ 5 }}"), "calls light.turn_on with a template"),
        (action("light.turn_on", "light.kitchen_light", brightness_step=5), "calls light.turn_on with brightness_step"),
        (action("light.turn_on", "light.hue"), "calls light.turn_on for light.hue, which isn't Steward's"),
        (action("light.turn_on", "group.lights"), "calls light.turn_on for a group"),
        ({"action": "light.turn_off", "target": {"entity_id": "all"}}, "calls light.turn_off for all entities"),
        (
            action("homeassistant.turn_on", "cover.blind", "fan.a"),
            "calls homeassistant.turn_on for cover.blind, fan.a",
        ),
        ({"event": "my_event"}, "fires the event my_event"),
        ({"scene": "scene.night"}, "activates scene.night"),
    ],
)
async def test_actions_that_are_left_to_the_hub(compile_: Compile, config: Any, left: str) -> None:
    compiled = await compile_(actions=[config, LIGHT_ON])
    assert written(compiled)["actions"] == [SET_LIGHT_ON]
    assert compiled.left == (left,)
    only = await compile_(actions=[config])
    assert only == Compiled(None, reason=f"tells Steward's entities nothing that a node can tell them: {left}")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"wait_template": "{{ true }}"}, "waits for a template"),
        ({"wait_for_trigger": GESTURE}, "waits for a trigger"),
        ({"repeat": {"count": 2, "sequence": []}}, "repeats actions"),
        ({"parallel": [LIGHT_ON]}, "does several things at once"),
        ({"delay": "{{ 5 }}"}, "uses a template"),
        ({"delay": {"days": 31}}, "waits for more than 30 days"),
        ({**LIGHT_ON, "enabled": "{{ true }}"}, "uses a template"),
        ({"if": "{{ true }}", "then": LIGHT_ON}, "uses a template"),
        ({"action": "light.turn_on"}, "calls light.turn_on without a target"),
        (
            action("light.turn_on", "light.kitchen_light", rgb_color=[1, 2]),
            "calls light.turn_on with what it doesn't take",
        ),
        (
            action("number.set_value", "number.kitchen_target", value=50),
            "calls number.set_value for number.kitchen_target with a value that it can't have",
        ),
        (
            action("light.turn_on", "0123456789abcdef0123456789abcdef"),
            "calls light.turn_on for something that doesn't exist",
        ),
        (
            {"action": "light.turn_on", "data": {"entity_id": "no entity"}},
            "calls light.turn_on for something that doesn't exist",
        ),
    ],
)
async def test_actions_that_keep_all_on_the_hub(compile_: Compile, config: Any, reason: str) -> None:
    assert await compile_(actions=[LIGHT_ON, config]) == Compiled(None, reason=reason)


async def test_targets_of_any_kind(compile_: Compile, hass: HomeAssistant) -> None:
    area = ar.async_get(hass).async_create("Kitchen")
    label = lr.async_get(hass).async_create("Evening")
    device = er.async_get(hass).async_get("light.kitchen_light").device_id
    dr.async_get(hass).async_update_device(device, area_id=area.id)
    er.async_get(hass).async_update_entity("light.kitchen_lamp", labels={label.label_id})
    lights = {"kitchen/light/light", "kitchen/light/lamp", "kitchen/light/dimmer"}
    for target, expected in (
        ({"area_id": area.id}, lights),
        ({"device_id": [device]}, lights),
        ({"label_id": label.label_id}, {"kitchen/light/lamp"}),
    ):
        compiled = await compile_(actions={"action": "light.turn_off", "target": target})
        assert compiled.rule.targets() == expected
        assert compiled.left == ()


async def test_what_is_disabled(compile_: Compile, hass: HomeAssistant) -> None:
    for entity_id in ("event.kitchen_gesture", "light.kitchen_lamp", "switch.kitchen_gesture_dimming"):
        er.async_get(hass).async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    assert (await compile_()).reason == "has no trigger that a node can watch"
    moved = {**MOTION, "to": "on"}
    assert written(await compile_(triggers=moved, actions=[action("light.turn_on", "light.kitchen_lamp"), LIGHT_ON]))[
        "actions"
    ] == [SET_LIGHT_ON]
    reason = "asks for switch.kitchen_gesture_dimming, which is disabled"
    assert (await compile_(triggers=moved, conditions=[ON])).reason == reason


async def test_other_units(compile_: Compile, hass: HomeAssistant) -> None:
    registry = er.async_get(hass)
    registry.async_update_entity_options("sensor.kitchen_object_temperature", "sensor", {"unit_of_measurement": "°F"})
    registry.async_update_entity_options("number.kitchen_target", "number", {"unit_of_measurement": "°F"})
    await hass.async_block_till_done()
    warm = {"condition": "numeric_state", "entity_id": "sensor.kitchen_object_temperature", "above": 70}
    assert (await compile_(conditions=[warm])).reason == (
        "asks for sensor.kitchen_object_temperature, which is shown in another unit than its node's"
    )
    compiled = await compile_(actions=[LIGHT_ON, action("number.set_value", "number.kitchen_target", value=70)])
    assert compiled.left == (
        "calls number.set_value for number.kitchen_target, which is shown in another unit than its node's",
    )


async def test_blocked_nodes(hass: HomeAssistant, house: Lookup, compile_: Compile) -> None:
    house._is_blocked = {"kitchen"}.__contains__
    assert (await compile_()).reason == (
        "tells Steward's entities nothing that a node can tell them:"
        " calls light.turn_on for light.kitchen_light, and Kitchen is blocked"
    )
    assert (await compile_(conditions=[ON])).reason == (
        "asks for switch.kitchen_gesture_dimming, and Kitchen is blocked"
    )


async def test_light_profiles(hass: HomeAssistant, compile_: Compile) -> None:
    hass.data[DATA_PROFILES].data["light.kitchen_light.default"] = object()
    compiled = await compile_(actions=[LIGHT_ON, action("light.turn_off", "light.kitchen_light")])
    assert written(compiled)["actions"] == [set_to("light/light", {"state": "OFF"})]
    assert compiled.left == ("calls light.turn_on for light.kitchen_light, which has a light profile",)


async def test_what_rules_have_no_room_for(compile_: Compile) -> None:
    nested: Any = LIGHT_ON
    for _ in range(6):
        nested = {"if": ON, "then": nested}
    assert "can't be written as a rule" in (await compile_(actions=nested)).reason
    assert "can't be written as a rule" in (await compile_(triggers={**GESTURE, "id": "a\nb"})).reason


async def test_the_same_answers_need_no_compiling(hass: HomeAssistant, house: Lookup) -> None:
    questions = Questions(house)
    raw = {"alias": "A", "triggers": GESTURE, "actions": LIGHT_ON}
    automation = automations.Automation("automation.a", None, "A\n", raw, True, True)
    config = await automations.async_validate(hass, automation)
    compiled = compile_automation(hass, automation, config, questions)
    assert compiled.rule.name == "A"
    assert questions.nodes() == {"kitchen"}
    assert questions.still_true()
    er.async_get(hass).async_update_entity("light.kitchen_light", new_entity_id="light.new")
    await hass.async_block_till_done()
    assert not questions.still_true()


async def test_an_automation_that_cant_be_read(hass: HomeAssistant) -> None:
    automation = automations.Automation("automation.a", None, "A", None, False, True)
    assert await automations.async_validate(hass, automation) is None
    assert list(automations.listed(hass)) == []
    assert automations.mentioned(hass, "automation.a") == set()
    assert not automations.is_armed(hass, "automation.a")
    assert not automations.is_off(hass, "automation.a")
