"""Journals: what nodes did by themselves is in the logbook, is not done again, and is told once."""

from datetime import UTC, datetime, timedelta
import json
from typing import Any

from homeassistant.components.light import DOMAIN as LIGHT
from homeassistant.const import ATTR_ENTITY_ID, SERVICE_TURN_ON
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.steward.const import DOMAIN
from custom_components.steward.diagnostics import async_get_config_entry_diagnostics
from custom_components.steward.dispatch.journal import EVENT_ACTED
from custom_components.steward.protocol.hub import Ack, Journal, JournalEntry
from custom_components.steward.protocol.node import NodeInfo

from .conftest import ENTITIES, INFO, INSTANCE, Node, area_entry, said

JOURNAL = "01J00000000000000000000001"
CAUSE = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
AT = datetime(2026, 11, 20, 9, 12, 13, tzinfo=UTC)
ACTED = {
    "rule": "automation.night_light",
    "name": "Night light",
    "cause": CAUSE,
    "entity": "kitchen/light/light",
    "value": {"state": "ON", "brightness": 20},
    "trigger": "kitchen/event/gesture",
    "event_type": "started",
    "away": True,
}


def journal(*entries: dict[str, Any], at: datetime = AT, name: str = JOURNAL, dropped: int = 0) -> bytes:
    def entry_of(kind: str = "acted", **data: Any) -> JournalEntry:
        return JournalEntry(at, kind, data)

    return Journal(name, tuple(entry_of(**entry) for entry in entries), dropped).encode()


async def dispatcher(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    return (await async_get_config_entry_diagnostics(hass, entry))["dispatcher"]


@pytest.fixture
async def nursery(hass: HomeAssistant, kitchen: Node) -> Node:
    """Return a second node, which runs rules."""
    entry = area_entry(hass, "nursery")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    node = Node(hass, "nursery")
    await node.come(NodeInfo(instance=INSTANCE, name="Nursery", capabilities=("commands", "rules"), entities=ENTITIES))
    return node


async def test_journal_is_answered_and_told_once(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    events = async_capture_events(hass, EVENT_ACTED)
    await kitchen.say("journal", journal(ACTED))
    await kitchen.say("journal", journal(ACTED))
    assert [Ack.decode(payload) for payload in said(mqtt_mock, "steward/kitchen/ack")] == [Ack(JOURNAL)] * 2
    [event] = events
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, "kitchen"), entry.entry_id)
    assert device is not None
    told = datetime.fromisoformat(event.data["told"])
    assert abs(told - dt_util.utcnow()) < timedelta(minutes=1)
    assert event.data == {
        "device_id": device.id,
        "entity_id": "light.kitchen_light",
        "node": "kitchen",
        "name": "Kitchen",
        "target": "Light",
        "value": {"state": "ON", "brightness": 20},
        "rule": "automation.night_light",
        "rule_name": "Night light",
        "cause": CAUSE,
        "trigger_entity_id": "event.kitchen_gesture",
        "trigger": "Gesture",
        "event_type": "started",
        "away": True,
        "at": AT.isoformat(),
        "told": event.data["told"],
    }
    assert (await dispatcher(hass, entry))["journals"] == {"journals": 1, "repeated": 1, "acted": 1}


async def test_journals_of_several_nodes_may_have_one_id(hass: HomeAssistant, kitchen: Node, nursery: Node) -> None:
    events = async_capture_events(hass, EVENT_ACTED)
    await kitchen.say("journal", journal(ACTED))
    await nursery.say("journal", journal(ACTED | {"entity": "nursery/light/light"}))
    assert [event.data["node"] for event in events] == ["kitchen", "nursery"]
    # What is another node's is told by its full name.
    assert events[1].data["trigger"] == "Kitchen Gesture"


@pytest.mark.parametrize(
    "entry_data",
    [
        {},
        ACTED | {"rule": ""},
        ACTED | {"cause": "two words"},
        ACTED | {"entity": "light"},
        ACTED | {"entity": "kitchen/teapot/light"},
        ACTED | {"trigger": "a/b/c/d"},
        ACTED | {"away": "yes"},
        ACTED | {"kind": "danced"},
        {"kind": "lost", "count": -1},
        {"kind": "lost"},
    ],
)
async def test_a_bad_entry_costs_only_itself(
    hass: HomeAssistant, kitchen: Node, entry, mqtt_mock, entry_data: dict[str, Any]
) -> None:
    events = async_capture_events(hass, EVENT_ACTED)
    await kitchen.say("journal", journal(entry_data, ACTED))
    assert len(events) == 1
    assert len(said(mqtt_mock, "steward/kitchen/ack")) == 1
    dropped = (await async_get_config_entry_diagnostics(hass, entry))["dropped"]["counts"]
    assert sum(dropped.values()) == 1


async def test_a_bad_journal_is_not_answered(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    await kitchen.say("journal", "[]")
    assert said(mqtt_mock, "steward/kitchen/ack") == []
    assert (await async_get_config_entry_diagnostics(hass, entry))["dropped"]["counts"] == {"bad_value": 1}


async def test_a_node_answers_only_for_what_it_tells(
    hass: HomeAssistant, kitchen: Node, nursery: Node, entry, mqtt_mock
) -> None:
    """One node can't suppress the commands to another one that runs its rules itself."""
    events = async_capture_events(hass, EVENT_ACTED)
    await kitchen.say("journal", journal(ACTED | {"entity": "nursery/light/light"}))
    assert events == []
    # But one can run the rules of a node that doesn't.
    await nursery.say("journal", journal(ACTED))
    assert [event.data["entity_id"] for event in events] == ["light.kitchen_light"]


async def test_a_blocked_node_has_nothing_to_tell(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    events = async_capture_events(hass, EVENT_ACTED)
    await entry.runtime_data.async_block()
    await kitchen.say("journal", journal(ACTED))
    assert (events, said(mqtt_mock, "steward/kitchen/ack")) == ([], [])


async def test_nothing_is_answered_before_home_assistant_has_started(
    hass: HomeAssistant, mqtt_mock, entry, node: Node
) -> None:
    hass.set_state(CoreState.starting)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.come()
    events = async_capture_events(hass, EVENT_ACTED)
    await node.say("journal", journal(ACTED))
    assert (events, said(mqtt_mock, "steward/kitchen/ack")) == ([], [])


async def test_what_a_node_has_done_is_not_commanded(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    async def turn_on(brightness: int) -> list[Any]:
        mqtt_mock.async_publish.reset_mock()
        data = {ATTR_ENTITY_ID: "light.kitchen_light", "brightness": brightness}
        await hass.services.async_call(LIGHT, SERVICE_TURN_ON, data, blocking=True, context=Context(id=CAUSE))
        return [json.loads(payload)["value"] for payload in said(mqtt_mock, "steward/kitchen/light/light/command")]

    assert await turn_on(20) == [{"state": "ON", "brightness": 20}]
    await kitchen.say("journal", journal(ACTED))
    assert await turn_on(20) == []
    assert await turn_on(21) == [{"state": "ON", "brightness": 21}]
    assert (await dispatcher(hass, entry))["journals"]["commands_dropped"] == 1


async def test_memory_is_bounded(hass: HomeAssistant, kitchen: Node, monkeypatch: pytest.MonkeyPatch, entry) -> None:
    monkeypatch.setattr("custom_components.steward.dispatch.journal.REMEMBERED_JOURNALS", 4)
    monkeypatch.setattr("custom_components.steward.dispatch.journal.REMEMBERED_ACTS", 4)
    for number in range(10):
        entries = [ACTED | {"cause": f"{number}-{act}"} for act in range(3)]
        await kitchen.say("journal", journal(*entries, name=f"01J0000000000000000000000{number}"))
    journals = entry.runtime_data._dispatcher.journals
    assert (len(journals._known), len(journals._acts)) == (4, 4)


async def test_names(hass: HomeAssistant, kitchen: Node, entry) -> None:
    events = async_capture_events(hass, EVENT_ACTED)
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, "kitchen"), entry.entry_id)
    assert device is not None
    dr.async_get(hass).async_update_device(device.id, name_by_user="Galley")
    er.async_get(hass).async_update_entity("light.kitchen_light", name="Lamp")
    await hass.async_block_till_done()
    await kitchen.say("journal", journal(ACTED | {"trigger": "attic/binary_sensor/night_fall", "event_type": None}))
    [event] = events
    assert (event.data["name"], event.data["target"], event.data["trigger"]) == ("Galley", "Lamp", "night fall")
    assert event.data["trigger_entity_id"] is None
    assert INFO.name == "Kitchen"
