"""The compiler: what of an automation becomes a rule, with which meaning, and why the rest doesn't."""

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
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
    await kitchen.come(HOUSE)
    lookup = Lookup(hass, set().__contains__)
    lookup.learn("kitchen", HOUSE)
    return lookup


@pytest.fixture
def compile_(hass: HomeAssistant, house: Lookup) -> Compile:
    """Return what compiles an automation of the parts that are told; the others are plain."""

    async def compile_parts(
        *, triggers: Any = GESTURE, conditions: Any = (), actions: Any = LIGHT_ON, **more: Any
    ) -> Compiled:
        raw = {"id": "a", "alias": "A", "triggers": triggers, "conditions": list(conditions), "actions": actions, **more}
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


async def test_smoke(compile_: Compile, hass: HomeAssistant) -> None:
    print(hass.states.async_entity_ids())
    assert written(await compile_()) == {
        "id": "automation.a",
        "name": "A",
        "mode": "single",
        "max": 10,
        "triggers": [EVENT],
        "actions": [SET_LIGHT_ON],
    }
