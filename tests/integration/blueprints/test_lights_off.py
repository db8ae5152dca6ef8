"""The blueprint 'lights off' at work."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import area_registry as ar, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from .conftest import BUTTON, GESTURE, After, Automate, Nursery

NURSERY: Final[dict[str, Any]] = {
    "lights": ["light.nursery_light"],
    "presence_sensors": ["binary_sensor.cot", "binary_sensor.door"],
}
"""A light, and what notices people near it."""


def received(*event_types: str, entity_id: str = "event.nursery_remote") -> list[dict[str, Any]]:
    """Return the trigger that the user interface makes of 'Event received'."""
    return [
        {"trigger": "event.received", "target": {"entity_id": entity_id}, "options": {"event_type": list(event_types)}}
    ]


@pytest.fixture
def someone(hass: HomeAssistant) -> Callable[[str, str], None]:
    """Return what sets a sensor that notices people."""

    def someone(room: str, state: str) -> None:
        hass.states.async_set(f"binary_sensor.{room}", state, {"device_class": "occupancy"})

    someone("cot", "on")
    someone("door", "on")
    return someone


async def test_an_event_turns_lights_and_switches_off(nursery: Nursery, automate: Automate) -> None:
    await automate(
        "lights_off", lights=["light.nursery_light"], switches=["switch.nursery_lamp"], when=received("press")
    )
    await nursery.happen(BUTTON, "started")
    await nursery.happen(GESTURE, "started")
    assert nursery.told() == []
    await nursery.happen(BUTTON, "press")
    assert nursery.told() == [("light/light", False), ("switch/lamp", False)]


async def test_an_area_has_lights_but_its_switches_stay(
    hass: HomeAssistant, nursery: Nursery, automate: Automate
) -> None:
    area = ar.async_get(hass).async_create("Upstairs")
    for entity_id in ("light.nursery_light", "switch.nursery_lamp", "switch.nursery_fan"):
        er.async_get(hass).async_update_entity(entity_id, area_id=area.id)
    await automate("lights_off", areas=[area.id], when=received("press"))
    await nursery.happen(BUTTON, "press")
    assert nursery.turned_off() == ["light/light"]


@pytest.mark.parametrize("lights", [{}, {"lights": [], "areas": []}], ids=["none", "empty"])
async def test_switches_alone(
    nursery: Nursery, automate: Automate, caplog: pytest.LogCaptureFixture, lights: dict[str, Any]
) -> None:
    await automate("lights_off", **lights, switches=["switch.nursery_lamp"], when=received("press"))
    await nursery.happen(BUTTON, "press")
    assert nursery.turned_off() == ["switch/lamp"]
    assert "Error" not in caplog.text


async def test_a_light_that_fails_does_not_keep_the_switches_on(
    hass: HomeAssistant, nursery: Nursery, automate: Automate
) -> None:
    async def fail(call: Any) -> None:
        raise HomeAssistantError

    hass.services.async_register("light", "turn_off", fail)
    await automate(
        "lights_off", lights=["light.nursery_light"], switches=["switch.nursery_lamp"], when=received("press")
    )
    await nursery.happen(BUTTON, "press")
    assert nursery.turned_off() == ["switch/lamp"]


async def test_a_node_that_goes_and_comes_back_is_no_event(nursery: Nursery, automate: Automate) -> None:
    await nursery.happen(BUTTON, "press")
    await automate("lights_off", lights=["light.nursery_light"], when=received("press"))
    await nursery.go_and_come_back()
    assert nursery.turned_off() == []
    await nursery.happen(BUTTON, "press")
    assert nursery.turned_off() == ["light/light"]


async def test_nobody_there_for_a_while(
    nursery: Nursery, automate: Automate, someone: Callable[[str, str], None], after: After
) -> None:
    await automate("lights_off", **NURSERY, vacant_minutes=5)
    someone("cot", "off")
    await after(minutes=4)
    someone("door", "off")
    await after(minutes=1.1)
    assert nursery.turned_off() == []  # the cot's time is over, the door's isn't
    someone("cot", "on")
    await after(minutes=0.5)
    someone("cot", "off")
    await after(minutes=3.6)
    assert nursery.turned_off() == []  # the door's is over, but somebody was at the cot meanwhile
    await after(minutes=1.5)
    assert nursery.turned_off() == ["light/light"]
    await after(minutes=30)
    assert nursery.turned_off() == []


async def test_an_event_does_not_wait_until_nobody_is_there(
    nursery: Nursery, automate: Automate, someone: Callable[[str, str], None]
) -> None:
    someone("door", "off")
    await automate("lights_off", **NURSERY, when=received("press"))
    await nursery.happen(BUTTON, "press")
    assert nursery.turned_off() == ["light/light"]


async def test_a_sensor_that_cannot_be_asked_counts_as_somebody(
    nursery: Nursery, automate: Automate, someone: Callable[[str, str], None], after: After
) -> None:
    await automate("lights_off", **NURSERY)
    someone("door", "unavailable")
    someone("cot", "off")
    await after(minutes=10.1)
    assert nursery.turned_off() == []
    someone("door", "off")
    await after(minutes=10.1)
    assert nursery.turned_off() == ["light/light"]


async def test_a_clock_that_was_set_back_a_little(
    hass: HomeAssistant,
    nursery: Nursery,
    automate: Automate,
    someone: Callable[[str, str], None],
    freezer: FrozenDateTimeFactory,
) -> None:
    await automate(
        "lights_off", lights=["light.nursery_light"], presence_sensors=["binary_sensor.cot"], vacant_minutes=1
    )
    someone("cot", "off")
    await hass.async_block_till_done()
    start = datetime.now(UTC)
    freezer.move_to(start + timedelta(seconds=62))
    async_fire_time_changed(hass, start + timedelta(seconds=66))
    await hass.async_block_till_done()
    assert nursery.turned_off() == ["light/light"]


@pytest.mark.parametrize(
    ("start", "end", "now", "turns_off"),
    [
        ("00:00:00", "00:00:00", "03:00:00", True),
        ("00:00:00", "00:00:00", "00:00:00", True),
        ("22:00:00", "06:00:00", "21:59:59", False),
        ("22:00:00", "06:00:00", "22:00:00", True),
        ("22:00:00", "06:00:00", "03:00:00", True),
        ("22:00:00", "06:00:00", "06:00:00", False),
        ("08:00:00", "12:00:00", "09:00:00", True),
        ("08:00:00", "12:00:00", "13:00:00", False),
    ],
)
async def test_only_at_some_time_of_the_day(
    nursery: Nursery,
    automate: Automate,
    freezer: FrozenDateTimeFactory,
    start: str,
    end: str,
    now: str,
    turns_off: bool,
) -> None:
    await automate(
        "lights_off", lights=["light.nursery_light"], when=received("press"), window_start=start, window_end=end
    )
    freezer.move_to(f"2026-11-20T{now}+00:00")
    await nursery.happen(BUTTON, "press")
    assert nursery.turned_off() == ["light/light"] * turns_off


async def test_run_by_hand(
    nursery: Nursery, automate: Automate, trigger_by_hand: Callable[[], Awaitable[None]]
) -> None:
    await automate("lights_off", lights=["light.nursery_light"])
    await trigger_by_hand()
    assert nursery.turned_off() == ["light/light"]
