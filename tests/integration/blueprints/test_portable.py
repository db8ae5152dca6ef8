"""What of the blueprints area nodes can run: all of it where the entities are theirs."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.steward.dispatch import automations
from custom_components.steward.dispatch.compile import Compiled, compile_automation
from custom_components.steward.dispatch.lookup import Lookup, Questions
from custom_components.steward.protocol.rule_actions import Set, walk

from .conftest import INFO, Automate, report
from .test_all import ONLY_THE_HUB, PATHS

LAMP_ON = [{"action": "switch.turn_on", "target": {"entity_id": "switch.nursery_lamp"}}]
FAN_OFF = [{"action": "switch.turn_off", "target": {"entity_id": "switch.nursery_fan"}}]
PRESSED = [
    {
        "trigger": "event.received",
        "target": {"entity_id": "event.nursery_remote"},
        "options": {"event_type": ["press"]},
    }
]
KEY = [{"condition": "state", "entity_id": "event.nursery_piano", "attribute": "key", "state": 60}]

MINIMAL: dict[str, dict[str, Any]] = {
    "event_to_action": {
        "event_entities": ["event.nursery_piano"],
        "event_types": ["press"],
        "actions": LAMP_ON,
    },
    "lights_off": {"lights": ["light.nursery_light"], "when": PRESSED},
    "baby_monitor": {"event_entities": ["event.nursery_sound"], "lights": ["light.nursery_light"]},
    "water_tank": {"level": "sensor.nursery_level", "pump": ["switch.nursery_pump"]},
    "power_bank": {"mains_sensors": ["binary_sensor.nursery_mains"], "lost_actions": FAN_OFF, "back_actions": LAMP_ON},
    "peak_demand": {"demand": "sensor.nursery_demand", "switches": ["switch.nursery_fan"]},
}
"""The answers to what has to be answered."""

MORE: dict[str, dict[str, Any]] = {
    "event_to_action": {"only_if": KEY, "run_mode": "restart", "actions": LAMP_ON + report("told")},
    "lights_off": {
        "switches": ["switch.nursery_lamp"],
        "presence_sensors": ["binary_sensor.nursery_motion"],
        "window_start": "22:00:00",
        "window_end": "06:00:00",
    },
    "baby_monitor": {
        "presence_sensors": ["binary_sensor.nursery_motion"],
        "notify_entities": ["notify.phone"],
        "record_actions": report("recorded"),
    },
    "water_tank": {"forbid": ["binary_sensor.nursery_well_dry"], "low_actions": report("told")},
    "power_bank": {"battery_sensors": ["sensor.nursery_battery"], "low_actions": FAN_OFF},
    "peak_demand": {"switches_on": ["switch.nursery_fan"], "lower_actions": report("told")},
}
"""The answers to the rest."""

SETS = {
    ("event_to_action", "switch/lamp"),
    ("lights_off", "light/light"),
    ("baby_monitor", "light/light"),
    ("water_tank", "switch/pump"),
    ("power_bank", "switch/fan"),
    ("power_bank", "switch/lamp"),
    ("peak_demand", "switch/fan"),
}


async def compiled(hass: HomeAssistant) -> Compiled:
    """Return what nodes can run of the automation under test."""
    lookup = Lookup(hass, set().__contains__)
    lookup.learn("nursery", INFO)
    (automation,) = automations.listed(hass)
    assert automation.opted_in
    config = await automations.async_validate(hass, automation)
    assert config is not None
    return compile_automation(hass, automation, config, Questions(lookup))


def test_each_that_nodes_can_run_is_compiled() -> None:
    assert set(MINIMAL) == set(MORE) == {path.stem for path in PATHS} - ONLY_THE_HUB


@pytest.mark.usefixtures("nursery")
@pytest.mark.parametrize("more", [False, True], ids=["minimal", "everything"])
@pytest.mark.parametrize("blueprint", MINIMAL)
async def test_nodes_can_run_it(hass: HomeAssistant, automate: Automate, blueprint: str, more: bool) -> None:
    await automate(blueprint, **{**MINIMAL[blueprint], **(MORE[blueprint] if more else {})})
    found = await compiled(hass)
    assert found.rule is not None, found.reason
    assert not [reason for reason in found.left if "template" in reason or "trigger" in reason]
    told = {action.entity.removeprefix("nursery/") for action in walk(found.rule.actions) if isinstance(action, Set)}
    assert {name for of, name in SETS if of == blueprint} <= told


@pytest.mark.usefixtures("nursery")
@pytest.mark.parametrize("blueprint", MINIMAL)
async def test_not_if_the_user_does_not_want_it(hass: HomeAssistant, automate: Automate, blueprint: str) -> None:
    await automate(blueprint, **MINIMAL[blueprint], keep_running=False)
    (automation,) = automations.listed(hass)
    assert not automation.opted_in
