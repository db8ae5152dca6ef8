"""A meter as its owner sees it: its entities, when it is silent, damaged, replaced, and after a restart."""

from dataclasses import replace
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.steward import async_remove_config_entry_device
from custom_components.steward.const import DOMAIN
from custom_components.steward.meter import sources
from custom_components.steward.repairs import async_create_fix_flow
from tests.integration.conftest import until
from tests.protocol.telegrams import houses
from tests.protocol.telegrams.houses import House

from .conftest import Speaker, add_tcp, hears, minute, state_of

HOUSE = House()
USED = "electricity_used_tariff_1"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FIRST_PAUSE", 0.01)


async def all_telegrams(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Have entities show every telegram."""
    hass.config_entries.async_update_entry(entry, options={"throttle": 0})
    await until(lambda: entry.state is ConfigEntryState.LOADED and entry.runtime_data.telegram)
    await hass.async_block_till_done()


def issue(hass: HomeAssistant, entry: ConfigEntry[Any], key: str) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"{key}_{entry.entry_id}")


async def test_its_entities_are_ready_for_the_energy_dashboard(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    registry = er.async_get(hass)
    assert entry.title == "P1 K8EG004046395507"
    entity_id = registry.async_get_entity_id("sensor", DOMAIN, f"{entry.entry_id}/{USED}")
    used = hass.states.get(entity_id)
    assert used.state == "1234.567"
    assert {name: used.attributes[name] for name in ("device_class", "state_class", "unit_of_measurement")} == {
        "device_class": "energy",
        "state_class": "total_increasing",
        "unit_of_measurement": "kWh",
    }
    assert used.attributes["friendly_name"] == "P1 K8EG004046395507 Energy consumption (tariff 1)"
    assert state_of(hass, entry, "electricity_delivered_tariff_2") == "0.000", (
        "a register that was never more is no fault"
    )
    assert state_of(hass, entry, "current_electricity_usage") == "0.412"
    assert state_of(hass, entry, "electricity_active_tariff") == "normal"
    assert state_of(hass, entry, "instantaneous_voltage_l1") is None, "there, but not enabled"
    assert registry.async_get_entity_id("sensor", DOMAIN, f"{entry.entry_id}/instantaneous_voltage_l1")
    gas = hass.states.get(registry.async_get_entity_id("sensor", DOMAIN, f"{entry.entry_id}/{houses.GAS}/reading"))
    assert (gas.state, gas.attributes["device_class"], gas.attributes["unit_of_measurement"]) == (
        "981.443",
        "gas",
        "m³",
    )
    devices = {device.name: device for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)}
    assert devices["Gas meter"].serial_number == "G0039001652054217"
    assert devices["Gas meter"].via_device_id == devices[entry.title].id
    assert devices[entry.title].serial_number == "K8EG004046395507"


async def test_belgian_peaks(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.belgium())
    entity_id = er.async_get(hass).async_get_entity_id(
        "sensor", DOMAIN, f"{entry.entry_id}/maximum_demand_current_month"
    )
    peak = hass.states.get(entity_id)
    assert peak.state == "2.432"
    assert [month["power"] for month in peak.attributes["months"]] == [4.329, 4.529]
    assert state_of(hass, entry, "3853414731323334353637383930/reading") == "872.234"


async def test_heat_in_gigajoules(hass: HomeAssistant, speaker: Speaker) -> None:
    lines = ("0-2:24.1.0(004)", "0-2:96.1.0(3132)", "0-2:24.2.1(261121140000W)(00012.345*GJ)")
    entry = await add_tcp(hass, speaker, houses.dsmr_5(HOUSE, *lines))
    heat = hass.states.get(er.async_get(hass).async_get_entity_id("sensor", DOMAIN, f"{entry.entry_id}/3132/reading"))
    assert (heat.state, heat.attributes["unit_of_measurement"], heat.attributes["device_class"]) == (
        "12.345",
        "GJ",
        "energy",
    )


async def test_entities_change_at_a_bearable_pace(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    told: list[Any] = []
    entry.runtime_data.listen_for_telegrams(lambda heard, _: told.append(heard.telegram.values))
    await hears(hass, entry, speaker.say, houses.dsmr_5(replace(HOUSE, power=500)))
    assert len(told) == 1, "what is shared has every telegram"
    assert state_of(hass, entry, "current_electricity_usage") == "0.412"
    await all_telegrams(hass, entry)
    await hears(hass, entry, speaker.say, houses.dsmr_5(replace(HOUSE, power=600)))
    assert state_of(hass, entry, "current_electricity_usage") == "0.600"


async def test_registers_never_go_back(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    await all_telegrams(hass, entry)
    for used in ((0, 0), (1_234_566, 2_345_678)):
        await hears(hass, entry, speaker.say, houses.dsmr_5(replace(HOUSE, used=used, gas=0, power=777)))
        assert state_of(hass, entry, USED) == "1234.567"
        assert state_of(hass, entry, f"{houses.GAS}/reading") == "981.443"
        assert state_of(hass, entry, "current_electricity_usage") == "0.777"
    speaker.always = None
    before = len(speaker.writers)
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: len(speaker.writers) > before)
    assert state_of(hass, entry, USED) == "unavailable"
    await hears(hass, entry, speaker.say, houses.dsmr_5(replace(HOUSE, used=(0, 0))))
    assert state_of(hass, entry, USED) == "1234.567", "after a restart neither"
    await hears(hass, entry, speaker.say, houses.dsmr_5(replace(HOUSE, used=(1_234_570, 2_345_678))))
    assert state_of(hass, entry, USED) == "1234.570"


async def test_another_meter(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    await all_telegrams(hass, entry)
    other = replace(HOUSE, serial="4B30303939", used=(1, 2), gas_serial="4731")
    speaker.always = houses.dsmr_5(other)
    for _ in range(2):
        await hears(hass, entry, speaker.say, houses.dsmr_5(other))
        assert state_of(hass, entry, USED) == "1234.567"
    speaker.say(houses.dsmr_5(other))
    await until(lambda: state_of(hass, entry, USED) == "0.001")
    assert entry.data["serial"] == entry.unique_id == "4B30303939"
    registry = dr.async_get(hass)
    devices = {each.serial_number: each for each in dr.async_entries_for_config_entry(registry, entry.entry_id)}
    assert {*devices} == {"K0099", "G1", "G0039001652054217"}
    assert await async_remove_config_entry_device(hass, entry, devices["G0039001652054217"])
    assert not await async_remove_config_entry_device(hass, entry, devices["G1"])


async def test_silence(hass: HomeAssistant, speaker: Speaker, caplog: pytest.LogCaptureFixture) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    speaker.always = None
    await speaker.close()
    await until(lambda: entry.runtime_data.reason)
    for _ in range(2):
        await minute(hass)
    assert state_of(hass, entry, USED) == "unavailable"
    found = issue(hass, entry, "meter_silent")
    assert found.translation_placeholders["source"] == f"127.0.0.1:{speaker.port}"
    assert caplog.text.count("no telegram for 60 seconds") == 1
    caplog.clear()
    await speaker.open()
    await until(lambda: speaker.writers)
    await hears(hass, entry, speaker.say, houses.dsmr_5())
    assert state_of(hass, entry, USED) == "1234.567"
    assert issue(hass, entry, "meter_silent") is None
    assert "telegrams come again" in caplog.text
    assert await hass.config_entries.async_remove(entry.entry_id)


async def test_damaged_telegrams(hass: HomeAssistant, speaker: Speaker, caplog: pytest.LogCaptureFixture) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    damaged = houses.dsmr_5().replace(b"412", b"413", 1)

    await minute(hass, speaker)
    assert issue(hass, entry, "meter_damaged") is None
    await hears(hass, entry, speaker.say, damaged * 5 + houses.dsmr_5() * 20)
    counts = entry.runtime_data.reader.splitter.counts
    await until(lambda: counts.frames >= 20)
    assert state_of(hass, entry, "current_electricity_usage") == "0.412"
    await minute(hass, speaker)
    assert issue(hass, entry, "meter_damaged").translation_placeholders["percent"] in {"16", "17", "18", "19"}
    before = counts.frames
    speaker.say(houses.dsmr_5() * 300)
    await until(lambda: counts.frames >= before + 300)
    await minute(hass, speaker)
    assert issue(hass, entry, "meter_damaged") is None
    caplog.clear()


async def test_another_version(hass: HomeAssistant, speaker: Speaker, caplog: pytest.LogCaptureFixture) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_4())
    speaker.always = None
    for _ in range(3):
        await hears(hass, entry, speaker.say, houses.dsmr_5())
    await minute(hass)
    caplog.clear()
    found = issue(hass, entry, "meter_version")
    assert found.translation_placeholders["found"] == "5"
    flow = await async_create_fix_flow(hass, found.issue_id, found.data)
    flow.hass, flow.issue_id, flow.handler = hass, found.issue_id, DOMAIN
    assert (await flow.async_step_init())["step_id"] == "confirm"
    await flow.async_step_confirm({})
    await until(lambda: entry.state is ConfigEntryState.LOADED and speaker.writers)
    assert entry.data["version"] == "5"
    assert issue(hass, entry, "meter_version") is None


async def test_a_check_sum_that_is_missing(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    await hears(hass, entry, speaker.say, houses.dsmr_5()[:-6] + b"\r\n")
    assert entry.runtime_data.reader.as_dict()["dropped"] == {"no_crc": 1}
    await hears(hass, entry, speaker.say, houses.close(["/ISk5\\2MT382-1000", "", "1-3:0.2.8(50)", "1-0:1.8.1(x)"]))
    assert entry.runtime_data.reader.as_dict()["dropped"] == {"no_crc": 1, "empty": 1}


async def test_without_check_sums_what_jumps_is_left_out(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_2_2())
    await all_telegrams(hass, entry)
    await hears(hass, entry, speaker.say, houses.dsmr_2_2(replace(HOUSE, used=(9_234_567, 2_345_678))))
    assert state_of(hass, entry, USED) == "1234.567"
    assert entry.runtime_data.reader.as_dict()["dropped"]["implausible"]


async def test_diagnostics(hass: HomeAssistant, speaker: Speaker, hass_client: ClientSessionGenerator) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    shown = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert shown["available"]
    assert shown["counted"]["frames"]
    assert shown["last_telegram"][:5] == [
        "/ISk5",
        "",
        "1-3:0.2.8(00)",
        "0-0:1.0.0(000000000000W)",
        "0-0:96.1.1(**)",
    ]
    for secret in (houses.SERIAL, houses.GAS, "K8EG", "127.0.0.1", "1234.567", "412"):
        assert secret not in str(shown)
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_library_that_cannot_be_installed(
    hass: HomeAssistant, speaker: Speaker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    await hass.config_entries.async_unload(entry.entry_id)

    def broken(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr("custom_components.steward.libraries.import_module", broken)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "dsmr-parser can't be installed" in caplog.text
    caplog.clear()
