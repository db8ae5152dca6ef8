"""The config flow as a user goes through it: found nodes one by one and all at once, by hand, another node in its place."""

import json
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_MQTT, SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_mqtt_message

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.node import NodeInfo

from .conftest import INFO, INSTANCE, OTHER_INSTANCE, Node, until


def info(name: str, instance: str = INSTANCE) -> NodeInfo:
    return NodeInfo(instance=instance, name=name, entities=INFO.entities)


def flows(hass: HomeAssistant) -> dict[str, str]:
    return {
        flow["context"]["unique_id"]: flow["flow_id"]
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == SOURCE_MQTT
    }


@pytest.fixture
async def found(hass: HomeAssistant, mqtt_mock: Any) -> dict[str, str]:
    """Return the flows of three nodes that were found."""
    for name in ("Kitchen", "Nursery", "Living room"):
        await Node(hass, name.lower().replace(" ", "_")).come(info(name))
    return flows(hass)


async def test_found_and_confirmed(hass: HomeAssistant, mqtt_mock) -> None:
    await Node(hass, "kitchen").come()
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["step_id"] == "area_confirm"
    assert flow["context"]["title_placeholders"] == {"name": "Kitchen"}
    form = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert form["type"] is FlowResultType.FORM
    assert form["data_schema"].schema == {}, "nothing to ask when it is the only one"
    assert form["description_placeholders"]["model"] == " (Raspberry Pi Zero 2 W)"
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Kitchen"
    assert result["data"] == {"kind": "area", "node": "kitchen", "instance": INSTANCE}
    assert result["result"].unique_id == "kitchen"
    await hass.async_block_till_done()
    assert result["result"].state is ConfigEntryState.LOADED


async def test_found_again(hass: HomeAssistant, kitchen: Node) -> None:
    assert flows(hass) == {}
    await kitchen.say("info", info("Kitchen with another name").encode())
    assert flows(hass) == {}


async def test_one_by_one(hass: HomeAssistant, found: dict[str, str]) -> None:
    assert sorted(found) == ["kitchen", "living_room", "nursery"]
    result = await hass.config_entries.flow.async_configure(found["nursery"], {"all": False})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert sorted(flows(hass)) == ["kitchen", "living_room"]


async def test_all_at_once_from_one_of_them(hass: HomeAssistant, found: dict[str, str]) -> None:
    form = await hass.config_entries.flow.async_configure(found["nursery"])
    assert form["description_placeholders"]["others"] == "2"
    assert form["description_placeholders"]["model"] == "", "it tells none"
    await hass.config_entries.flow.async_configure(found["nursery"], {"all": True})
    await hass.async_block_till_done()
    entries = hass.config_entries.async_entries(DOMAIN)
    assert sorted(entry.unique_id for entry in entries) == ["kitchen", "living_room", "nursery"]
    assert all(entry.state is ConfigEntryState.LOADED for entry in entries)
    assert flows(hass) == {}


async def test_chosen_from_the_menu(hass: HomeAssistant, found: dict[str, str]) -> None:
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert menu["menu_options"] == ["area_discovered", "area", "meter", "teller"]
    form = await hass.config_entries.flow.async_configure(menu["flow_id"], {"next_step_id": "area_discovered"})
    assert form["type"] is FlowResultType.FORM
    result = await hass.config_entries.flow.async_configure(menu["flow_id"], {"nodes": ["kitchen", "living_room"]})
    assert result["type"] is FlowResultType.ABORT
    assert (result["reason"], result["description_placeholders"]) == ("nodes_added", {"count": "2"})
    await hass.async_block_till_done()
    assert sorted(entry.unique_id for entry in hass.config_entries.async_entries(DOMAIN)) == ["kitchen", "living_room"]
    assert list(flows(hass)) == ["nursery"]


async def test_all_at_once_while_one_leaves(hass: HomeAssistant, found: dict[str, str]) -> None:
    await hass.config_entries.flow.async_configure(found["nursery"])
    await Node(hass, "kitchen").say("info", "")
    await hass.config_entries.flow.async_configure(found["nursery"], {"all": True})
    await hass.async_block_till_done()
    assert sorted(entry.unique_id for entry in hass.config_entries.async_entries(DOMAIN)) == ["living_room", "nursery"]


async def test_installed_anew_before_it_was_added(hass: HomeAssistant, found: dict[str, str]) -> None:
    await Node(hass, "kitchen").say("info", info("Cookery", OTHER_INSTANCE).encode())
    assert sorted(flows(hass)) == ["kitchen", "living_room", "nursery"]
    result = await hass.config_entries.flow.async_configure(flows(hass)["kitchen"], {})
    assert (result["title"], result["data"]["instance"]) == ("Cookery", OTHER_INSTANCE)
    await hass.async_block_till_done()


async def test_added_by_hand_while_it_waits(hass: HomeAssistant, mqtt_mock, found: dict[str, str]) -> None:
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    await hass.config_entries.flow.async_configure(menu["flow_id"], {"next_step_id": "area"})
    result = await answer(hass, mqtt_mock, menu["flow_id"], "kitchen", info("Kitchen").encode())
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert sorted(flows(hass)) == ["living_room", "nursery"]


async def test_node_that_left_before_it_was_added(hass: HomeAssistant, found: dict[str, str]) -> None:
    await Node(hass, "nursery").say("info", "")
    assert sorted(flows(hass)) == ["kitchen", "living_room"]


@pytest.mark.parametrize("payload", ["{", "[]", json.dumps({"contract": 9}), '{"contract": 1, "instance": "x"}'])
async def test_found_but_not_valid(
    hass: HomeAssistant, mqtt_mock, payload: str, caplog: pytest.LogCaptureFixture
) -> None:
    await Node(hass, "kitchen").say("info", payload)
    assert flows(hass) == {}
    assert [
        r.getMessage() for r in caplog.records if "Ignoring what was found on steward/kitchen/info" in r.getMessage()
    ]
    caplog.clear()


async def test_found_under_a_wrong_id(hass: HomeAssistant, mqtt_mock, caplog: pytest.LogCaptureFixture) -> None:
    await Node(hass, "hub").say("info", INFO.encode())
    await Node(hass, "Kitchen!").say("info", INFO.encode())
    assert flows(hass) == {}
    caplog.clear()


async def answer(hass: HomeAssistant, mqtt_mock: Any, flow_id: str, node: str, payload: bytes | str) -> Any:
    """Fill in the form, and let the broker deliver what it kept once it is asked for it."""
    mqtt_mock.async_subscribe.reset_mock()
    asking = hass.async_create_task(hass.config_entries.flow.async_configure(flow_id, {"node": f" {node} "}))
    await until(lambda: mqtt_mock.async_subscribe.call_args_list or asking.done())
    async_fire_mqtt_message(hass, f"steward/{node}/info", payload, retain=True)
    return await asking


async def test_by_hand(hass: HomeAssistant, mqtt_mock) -> None:
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert menu["menu_options"] == ["area", "meter", "teller"]
    form = await hass.config_entries.flow.async_configure(menu["flow_id"], {"next_step_id": "area"})
    assert form["errors"] == {}

    form = await hass.config_entries.flow.async_configure(menu["flow_id"], {"node": "No Such Node"})
    assert form["errors"] == {"node": "invalid_node"}

    with patch("custom_components.steward.area.retained.ANSWER_SECONDS", 0):
        form = await hass.config_entries.flow.async_configure(menu["flow_id"], {"node": "cellar"})
    assert form["errors"] == {"node": "no_answer"}

    mqtt_mock.connected = False
    form = await hass.config_entries.flow.async_configure(menu["flow_id"], {"node": "cellar"})
    assert form["errors"] == {"base": "broker_unavailable"}
    mqtt_mock.connected = True

    result = await answer(hass, mqtt_mock, menu["flow_id"], "kitchen", INFO.encode())
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {"kind": "area", "node": "kitchen", "instance": INSTANCE}
    await hass.async_block_till_done()


async def test_by_hand_not_valid(hass: HomeAssistant, mqtt_mock, caplog: pytest.LogCaptureFixture) -> None:
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    await hass.config_entries.flow.async_configure(menu["flow_id"], {"next_step_id": "area"})
    form = await answer(hass, mqtt_mock, menu["flow_id"], "kitchen", b"\xff")
    assert form["errors"] == {"node": "invalid_info"}
    caplog.clear()


async def test_by_hand_what_is_there_already(hass: HomeAssistant, mqtt_mock, kitchen: Node) -> None:
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    await hass.config_entries.flow.async_configure(menu["flow_id"], {"next_step_id": "area"})
    result = await answer(hass, mqtt_mock, menu["flow_id"], "kitchen", INFO.encode())
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_another_node_in_its_place(hass: HomeAssistant, mqtt_mock, kitchen: Node, entry: MockConfigEntry) -> None:
    entities, devices = er.async_get(hass), dr.async_get(hass)
    before = {e.entity_id: e.id for e in er.async_entries_for_config_entry(entities, entry.entry_id)}
    (device,) = dr.async_entries_for_config_entry(devices, entry.entry_id)
    await Node(hass, "pantry").say("info", info("Pantry", OTHER_INSTANCE).encode())
    assert list(flows(hass)) == ["pantry"]
    flow = await entry.start_reconfigure_flow(hass)
    assert flow["step_id"] == "area_reconfigure"
    result = await answer(hass, mqtt_mock, flow["flow_id"], "pantry", info("Pantry", OTHER_INSTANCE).encode())
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await hass.async_block_till_done()
    assert entry.data == {"kind": "area", "node": "pantry", "instance": OTHER_INSTANCE}
    assert entry.unique_id == "pantry"
    assert flows(hass) == {}, "it can't be added a second time"
    await Node(hass, "pantry").come(info("Pantry", OTHER_INSTANCE))
    assert {e.entity_id: e.id for e in er.async_entries_for_config_entry(entities, entry.entry_id)} == before
    assert [d.id for d in dr.async_entries_for_config_entry(devices, entry.entry_id)] == [device.id]
    await Node(hass, "pantry").say("sensor/object_temperature/state", "7")
    assert hass.states.get("sensor.kitchen_object_temperature").state == "7"


async def test_the_same_node_anew(hass: HomeAssistant, mqtt_mock, kitchen: Node, entry: MockConfigEntry) -> None:
    flow = await entry.start_reconfigure_flow(hass)
    result = await answer(hass, mqtt_mock, flow["flow_id"], "kitchen", info("Kitchen", OTHER_INSTANCE).encode())
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["instance"] == OTHER_INSTANCE


async def test_another_entrys_node_in_its_place(hass: HomeAssistant, mqtt_mock, kitchen: Node, entry) -> None:
    MockConfigEntry(
        domain=DOMAIN, unique_id="nursery", data={"kind": "area", "node": "nursery", "instance": INSTANCE}
    ).add_to_hass(hass)
    flow = await entry.start_reconfigure_flow(hass)
    form = await answer(hass, mqtt_mock, flow["flow_id"], "nursery", info("Nursery").encode())
    assert form["errors"] == {"node": "already_added"}
    assert entry.data["node"] == "kitchen"


async def test_an_ignored_node_in_its_place(
    hass: HomeAssistant, mqtt_mock, kitchen: Node, entry: MockConfigEntry
) -> None:
    MockConfigEntry(domain=DOMAIN, unique_id="pantry", source=SOURCE_IGNORE, data={}).add_to_hass(hass)
    flow = await entry.start_reconfigure_flow(hass)
    result = await answer(hass, mqtt_mock, flow["flow_id"], "pantry", info("Pantry").encode())
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert [e.unique_id for e in hass.config_entries.async_entries(DOMAIN)] == ["pantry"]


async def test_ignored_nodes_stay_ignored(hass: HomeAssistant, mqtt_mock) -> None:
    MockConfigEntry(domain=DOMAIN, unique_id="pantry", source=SOURCE_IGNORE, data={}).add_to_hass(hass)
    await Node(hass, "pantry").come(info("Pantry"))
    assert flows(hass) == {}


async def test_another_node_before_there_was_a_device(hass: HomeAssistant, mqtt_mock, entry: MockConfigEntry) -> None:
    flow = await entry.start_reconfigure_flow(hass)
    result = await answer(hass, mqtt_mock, flow["flow_id"], "pantry", info("Pantry").encode())
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.unique_id == "pantry"
