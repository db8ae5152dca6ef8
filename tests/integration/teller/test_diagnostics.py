"""What a teller shows when something has to be found out or mended: diagnostics, repairs."""

import json
from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.steward import async_remove_config_entry_device
from custom_components.steward.const import DOMAIN
from custom_components.steward.teller import issues

from .conftest import add_part, later, meter_says


async def test_diagnostics(
    hass: HomeAssistant, entry: ConfigEntry, noon, hass_client: ClientSessionGenerator, caplog
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    await add_part(hass, entry, "party", role="investor", name="Bea Smith", actions=["notify.bea"])
    meter_says(hass, 1000.05)
    await later(hass, noon, seconds=2)
    shown: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    text = json.dumps(shown)
    for secret in (
        entry.data["capability"],
        entry.data["origin"],
        entry.data["device_id"],
        "Bea",
        "32.87",
        "notify.bea",
    ):
        assert secret not in text
    assert shown["entry"]["data"]["location"] == REDACTED
    assert shown["state"] == "ok"
    assert shown["log"]["generation"] == 1
    assert shown["sources"]["inverter_energy"]["reason"] == "ok"
    assert shown["terms"] == {"number": 2, "signed": False}


async def test_diagnostics_of_one_that_isnt_set_up(
    hass: HomeAssistant, entry: ConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    del entry.runtime_data
    shown: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert shown["entry"]["data"]["kind"] == "teller"
    assert "state" not in shown


async def test_repairs(hass: HomeAssistant, entry: ConfigEntry, hass_client: ClientSessionGenerator) -> None:
    assert await async_setup_component(hass, "repairs", {})
    issues.async_report_outage(hass, entry, "then", "now")
    issues.async_report_tampered(hass, entry, 2, "tail")
    client = await hass_client()
    for name in ("outage", "tampered"):
        issue = f"teller_{name}_{entry.entry_id}"
        answer = await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue})
        flow = await answer.json()
        assert flow["step_id"] == "confirm"
        answer = await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={})
        assert (await answer.json())["type"] == "create_entry"
        assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is None


async def test_stale_devices(hass: HomeAssistant, entry: ConfigEntry) -> None:
    devices = dr.async_get(hass)
    for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
        assert not await async_remove_config_entry_device(hass, entry, device)
    old = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, f"{entry.entry_id}/old")})
    assert await async_remove_config_entry_device(hass, entry, old)


async def test_ignored_entries_have_no_parts(hass: HomeAssistant, entry: ConfigEntry) -> None:
    ignored = MockConfigEntry(domain=DOMAIN, source=SOURCE_IGNORE, data={}, unique_id="pantry")
    ignored.add_to_hass(hass)
    assert ignored.supported_subentry_types == {}
    assert {*entry.supported_subentry_types} == {"source", "party"}
