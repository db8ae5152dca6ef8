"""A second installation with a node's id: said, and settled by the user."""

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.steward.protocol.node import NodeInfo
from custom_components.steward.repairs import async_create_fix_flow

from .conftest import INFO, INSTANCE, OTHER_INSTANCE, Node

OTHER = NodeInfo(instance=OTHER_INSTANCE, name="Impostor", entities=INFO.entities[:1])


async def fix(hass: HomeAssistant, entry, hass_client, choice: str) -> None:
    """Go through the repair as the user interface does."""
    assert await async_setup_component(hass, REPAIRS, {})
    client = await hass_client()
    issue_id = f"other_instance_{entry.entry_id}"
    flow = await (
        await client.post("/api/repairs/issues/fix", json={"handler": "steward", "issue_id": issue_id})
    ).json()
    assert (flow["type"], flow["menu_options"]) == ("menu", ["replace", "keep"])
    assert flow["description_placeholders"]["name"] == "Impostor"
    done = await (await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={"next_step_id": choice})).json()
    assert done["type"] == "create_entry"
    await hass.async_block_till_done()


@pytest.fixture
async def conflict(hass: HomeAssistant, kitchen: Node, entry) -> Node:
    """Return the node `kitchen` with whose id another installation has announced itself."""
    await kitchen.say("info", OTHER.encode())
    issue = ir.async_get(hass).async_get_issue("steward", f"other_instance_{entry.entry_id}")
    assert issue.translation_placeholders == {"title": "Kitchen", "node": "kitchen", "name": "Impostor"}
    assert hass.states.get("light.kitchen_light") is not None, "the known one is believed"
    return kitchen


async def test_replaced(hass: HomeAssistant, conflict: Node, entry, hass_client) -> None:
    await fix(hass, entry, hass_client, "replace")
    assert entry.data["instance"] == OTHER_INSTANCE
    await conflict.come(OTHER)
    assert ir.async_get(hass).issues == {} or not [i for i in ir.async_get(hass).issues if i[0] == "steward"]
    assert hass.states.get("light.kitchen_light") is None
    assert hass.states.get("sensor.kitchen_object_temperature") is not None


async def test_kept(hass: HomeAssistant, conflict: Node, entry, hass_client) -> None:
    await fix(hass, entry, hass_client, "keep")
    assert entry.data["instance"] == INSTANCE
    assert hass.states.get("light.kitchen_light") is not None


async def test_the_known_one_comes_back(hass: HomeAssistant, conflict: Node, entry) -> None:
    await conflict.say("info", INFO.encode())
    assert ir.async_get(hass).async_get_issue("steward", f"other_instance_{entry.entry_id}") is None


async def test_removed_in_the_meantime(hass: HomeAssistant, conflict: Node, entry) -> None:
    await hass.config_entries.async_remove(entry.entry_id)
    assert ir.async_get(hass).async_get_issue("steward", f"other_instance_{entry.entry_id}") is None
    flow = await async_create_fix_flow(hass, "", {"entry_id": entry.entry_id, "instance": "x", "name": "Impostor"})
    flow.hass = hass
    assert (await flow.async_step_replace())["type"] == "create_entry"
