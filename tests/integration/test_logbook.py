"""Home Assistant's logbook tells what nodes did by themselves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.steward.const import DOMAIN
from custom_components.steward.dispatch.journal import EVENT_LOST

from .conftest import Node
from .test_dispatch_journal import ACTED, journal


@pytest.fixture(autouse=True)
def _custom_integrations(recorder_mock: Recorder, enable_custom_integrations: None) -> None:
    """Let Home Assistant find custom_components/steward, after its recorder, which wants to be first."""


@pytest.fixture
async def logbook(hass: HomeAssistant, kitchen: Node, hass_ws_client: WebSocketGenerator) -> Callable[..., Any]:
    """Return what tells the logbook's entries of Steward's own events, as the user interface asks for them."""
    assert await async_setup_component(hass, "logbook", {})
    await hass.async_block_till_done()
    client = await hass_ws_client()

    async def tell(**filters: Any) -> list[dict[str, Any]]:
        await async_wait_recording_done(hass)
        await client.send_json_auto_id(
            {
                "type": "logbook/get_events",
                "start_time": (dt_util.utcnow() - timedelta(days=1)).isoformat(),
                **filters,
            }
        )
        answer = await client.receive_json()
        return [found for found in answer["result"] if found.get("domain") == DOMAIN]

    return tell


@pytest.mark.parametrize(
    ("entry_data", "message"),
    [
        (ACTED, "turned on Light because Gesture started, while Home Assistant was away"),
        (
            ACTED | {"away": False, "value": {"state": "OFF"}},
            "turned off Light because Gesture started, as Home Assistant didn't in time",
        ),
        (
            ACTED | {"entity": "kitchen/switch/gesture_dimming", "value": "ON", "event_type": "double_tapped"},
            "turned on Gesture dimming because Gesture double tapped, while Home Assistant was away",
        ),
        (
            ACTED
            | {
                "entity": "kitchen/number/gesture_gain",
                "value": 1.5,
                "trigger": "kitchen/switch/gesture_dimming",
                "event_type": None,
                "cause": "kitchen/switch/gesture_dimming=off",
            },
            "set Gesture gain to 1.5 because Gesture dimming became off, while Home Assistant was away",
        ),
        (
            ACTED
            | {
                "trigger": "kitchen/light/light",
                "event_type": None,
                "cause": "kitchen/light/light.color_mode=a%20b",
            },
            "turned on Light because Light's color mode became a b, while Home Assistant was away",
        ),
        (
            ACTED | {"trigger": None, "event_type": None, "cause": "automation.night_light@2026-11-20T15:30:00+00:00"},
            "turned on Light because it was 07:30, while Home Assistant was away",
        ),
        (
            ACTED | {"trigger": None, "event_type": None, "cause": "whatever"},
            "turned on Light, while Home Assistant was away",
        ),
        (
            ACTED | {"trigger": None, "event_type": None, "cause": "whatever@2026-13-45T15:30:00+00:00"},
            "turned on Light, while Home Assistant was away",
        ),
        (
            ACTED | {"value": {"brightness": 20}},
            "set Light to {'brightness': 20} because Gesture started, while Home Assistant was away",
        ),
        ({"kind": "lost", "count": 1}, "gave up 1 event that nobody took while Home Assistant was away"),
        ({"kind": "lost", "count": 3}, "gave up 3 events that nobody took while Home Assistant was away"),
    ],
)
async def test_logbook(
    hass: HomeAssistant, kitchen: Node, logbook: Callable[..., Any], entry_data: dict[str, Any], message: str
) -> None:
    await hass.config.async_set_time_zone("US/Pacific")
    await kitchen.say("journal", journal(entry_data, at=dt_util.utcnow()))
    [found] = await logbook()
    assert (found["name"], found["message"]) == ("Kitchen node", message)


async def test_logbook_of_an_entity_and_of_the_node(
    hass: HomeAssistant, kitchen: Node, logbook: Callable[..., Any], entry
) -> None:
    await kitchen.say("journal", journal(ACTED, {"kind": "lost", "count": 3}, dropped=2))
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, "kitchen"), entry.entry_id)
    assert device is not None
    assert [found["entity_id"] for found in await logbook(entity_ids=["light.kitchen_light"])] == [
        "light.kitchen_light"
    ]
    assert await logbook(entity_ids=["switch.kitchen_gesture_dimming"]) == []
    assert len(await logbook(device_ids=[device.id])) == 3


@pytest.mark.parametrize(
    ("ago", "when"),
    [
        (timedelta(seconds=30), "away"),
        (timedelta(minutes=2), "at %H:%M"),
        (timedelta(days=1), "on %Y-%m-%d at %H:%M"),
    ],
)
async def test_logbook_says_when_it_happened(
    hass: HomeAssistant, kitchen: Node, logbook: Callable[..., Any], ago: timedelta, when: str
) -> None:
    # About noon, wherever that is.
    await hass.config.async_set_time_zone(f"Etc/GMT{dt_util.utcnow().hour - 12:+}")
    at = dt_util.utcnow() - ago
    await kitchen.say("journal", journal(ACTED, at=at))
    [found] = await logbook()
    assert found["message"].endswith(f"away, {dt_util.as_local(at):{when}}" if "%" in when else when)


async def test_a_clock_that_the_zone_cannot_tell(
    hass: HomeAssistant, kitchen: Node, logbook: Callable[..., Any]
) -> None:
    await hass.config.async_set_time_zone("US/Pacific")
    await kitchen.say("journal", journal(ACTED, at=datetime.min.replace(tzinfo=UTC)))
    [found] = await logbook()
    assert found["message"].endswith("away")


async def test_what_there_was_no_room_for(hass: HomeAssistant, kitchen: Node, logbook: Callable[..., Any]) -> None:
    lost = async_capture_events(hass, EVENT_LOST)
    await kitchen.say("journal", journal(dropped=2))
    assert [(event.data["what"], event.data["count"]) for event in lost] == [("acts", 2)]
    [found] = await logbook()
    assert found["message"] == "did 2 more things than it could remember while Home Assistant was away"
