"""The blueprint 'event to action' at work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.core import Event as BusEvent, HomeAssistant, ServiceCall
import pytest

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.node import Leaf, Status, topic

from .conftest import BUTTON, GESTURE, HAPPENED, INFO, PIANO, Automate, Nursery, settle

REPORT = {
    "event": HAPPENED,
    "event_data": {
        "entity": "{{ event_entity }}",
        "type": "{{ event_type }}",
        "details": "{{ event_attributes }}",
    },
}


async def test_each_event_of_the_types_runs_the_actions(
    nursery: Nursery, automate: Automate, happened: list[BusEvent]
) -> None:
    await automate(
        "event_to_action",
        event_entities=["event.nursery_gesture"],
        event_types=["started", "2"],
        actions=[REPORT],
    )
    await nursery.happen(GESTURE, "started", distance=60, brightness=12.5)
    await nursery.happen(GESTURE, "started", distance=60, brightness=12.5)
    await nursery.happen(GESTURE, "ended")
    await nursery.happen(GESTURE, "2")
    await nursery.happen(BUTTON, "started")
    assert [event.data["type"] for event in happened] == ["started", "started", 2]
    assert {event.data["entity"] for event in happened} == {"event.nursery_gesture"}
    details = happened[0].data["details"]
    assert (details["distance"], details["brightness"]) == (60, 12.5)
    assert set(details) == {"at", "brightness", "distance", "id"}


@pytest.mark.parametrize("event_entities", [["event.nursery_remote"], "event.nursery_remote"], ids=["list", "one"])
@pytest.mark.parametrize("event_types", [["press"], "press"], ids=["list", "one"])
async def test_one_entity_and_one_type(
    nursery: Nursery, automate: Automate, happened: list[BusEvent], event_entities: Any, event_types: Any
) -> None:
    await automate("event_to_action", event_entities=event_entities, event_types=event_types, actions=REPORT)
    await nursery.happen(BUTTON, "press")
    await nursery.happen(BUTTON, "started")
    assert [event.data["type"] for event in happened] == ["press"]


async def test_one_of_several_entities(nursery: Nursery, automate: Automate, happened: list[BusEvent]) -> None:
    entities = ["event.nursery_gesture", "event.nursery_remote"]
    await automate("event_to_action", event_entities=entities, event_types=["ended", "press"], actions=[REPORT])
    await nursery.happen(GESTURE, "ended")
    await nursery.happen(BUTTON, "press")
    assert [event.data["entity"] for event in happened] == entities


def key(**wanted: Any) -> dict[str, Any]:
    """Return a condition that the last key of the piano fulfils."""
    return {"entity_id": "event.nursery_piano", "attribute": "key", **wanted}


@pytest.mark.parametrize(
    "only_if",
    [
        [key(condition="state", state=60)],
        [key(condition="state", state=[60, 61])],
        key(condition="state", state=60),
        [key(condition="numeric_state", above=59, below=61)],
        [{"condition": "not", "conditions": [key(condition="numeric_state", above=60)]}],
    ],
)
async def test_a_key_of_the_piano(
    nursery: Nursery, automate: Automate, happened: list[BusEvent], only_if: list[dict[str, Any]]
) -> None:
    await automate(
        "event_to_action",
        event_entities=["event.nursery_piano"],
        event_types=["press"],
        only_if=only_if,
        actions=[REPORT],
    )
    await nursery.happen(PIANO, "press", key=62, velocity=90)
    await nursery.happen(PIANO, "release", key=60, velocity=0)
    assert happened == []
    await nursery.happen(PIANO, "press", key=60, velocity=70)
    assert [event.data["details"]["velocity"] for event in happened] == [70]


async def test_keys_in_quick_succession(
    hass: HomeAssistant, nursery: Nursery, automate: Automate, happened: list[BusEvent], freezer: Any
) -> None:
    await automate(
        "event_to_action",
        event_entities=["event.nursery_piano"],
        event_types=["press"],
        only_if=[key(condition="state", state=[60, 64])],
        actions=[REPORT],
    )
    for number in (60, 62, 64, 62):
        nursery.send(PIANO, "press", key=number)
        freezer.tick(0.001)
    await hass.async_block_till_done()
    assert [event.data["details"]["key"] for event in happened] == [60, 64]


async def test_a_node_that_goes_and_comes_back_is_no_event(
    hass: HomeAssistant, nursery: Nursery, automate: Automate, happened: list[BusEvent]
) -> None:
    await automate(
        "event_to_action", event_entities=["event.nursery_gesture"], event_types=["started"], actions=[REPORT]
    )
    await nursery.happen(GESTURE, "started")
    before = hass.states.get("event.nursery_gesture")
    await nursery.status(Status.OFFLINE)
    assert hass.states.get("event.nursery_gesture").state == "unavailable"
    await nursery.status(Status.ONLINE)
    assert hass.states.get("event.nursery_gesture").state == before.state
    assert len(happened) == 1
    await nursery.happen(GESTURE, "started")
    assert len(happened) == 2


async def test_an_event_entity_that_comes_goes_or_is_described_anew_is_no_event(
    hass: HomeAssistant,
    nursery: Nursery,
    automate: Automate,
    happened: list[BusEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await automate(
        "event_to_action", event_entities=["event.nursery_gesture"], event_types=["started"], actions=[REPORT]
    )
    assert hass.states.get("event.nursery_gesture").state == "unknown"
    await nursery.happen(GESTURE, "started")
    assert len(happened) == 1
    shown = hass.states.get("event.nursery_gesture")
    hass.states.async_set(shown.entity_id, shown.state, {**shown.attributes, "friendly_name": "Wave"})
    hass.states.async_remove(shown.entity_id)
    await hass.async_block_till_done()
    hass.states.async_set(shown.entity_id, shown.state, shown.attributes)
    await hass.async_block_till_done()
    assert len(happened) == 1
    assert "Error" not in caplog.text


async def test_home_assistant_that_starts_anew_is_no_event(
    hass: HomeAssistant, nursery: Nursery, automate: Automate, happened: list[BusEvent]
) -> None:
    await automate(
        "event_to_action", event_entities=["event.nursery_gesture"], event_types=["started"], actions=[REPORT]
    )
    await nursery.happen(GESTURE, "started")
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await nursery.say(topic("nursery", Leaf.INFO), INFO.encode())
    await nursery.status(Status.ONLINE)
    assert hass.states.get("event.nursery_gesture").attributes["event_type"] == "started"
    assert len(happened) == 1


@pytest.mark.parametrize(
    ("run_mode", "expected"),
    [
        (None, ["started", "ended"]),
        ("queued", ["started", "ended"]),
        ("parallel", ["ended", "started"]),
        ("restart", ["ended"]),
        ("single", ["started"]),
    ],
)
async def test_an_event_while_the_actions_for_an_earlier_one_still_run(
    hass: HomeAssistant,
    nursery: Nursery,
    automate: Automate,
    happened: list[BusEvent],
    run_mode: str | None,
    expected: list[str],
) -> None:
    may_begin = {"started": asyncio.Event(), "ended": asyncio.Event()}

    async def begin(call: ServiceCall) -> None:
        await may_begin[call.data["type"]].wait()

    hass.services.async_register("test", "begin", begin)
    await automate(
        "event_to_action",
        event_entities=["event.nursery_gesture"],
        event_types=["started", "ended"],
        actions=[{"action": "test.begin", "data": {"type": "{{ event_type }}"}}, REPORT],
        **({} if run_mode is None else {"run_mode": run_mode}),
    )
    await nursery.happen(GESTURE, "started")
    await nursery.happen(GESTURE, "ended")
    may_begin["ended"].set()
    await settle(hass)
    may_begin["started"].set()
    await settle(hass)
    assert [event.data["type"] for event in happened] == expected


@pytest.mark.usefixtures("nursery")
async def test_run_by_hand(
    automate: Automate, happened: list[BusEvent], trigger_by_hand: Callable[[], Awaitable[None]]
) -> None:
    await automate("event_to_action", event_entities=["event.nursery_gesture"], event_types=["2"], actions=[REPORT])
    await trigger_by_hand()
    assert [event.data for event in happened] == [{"entity": "", "type": "", "details": {}}]
