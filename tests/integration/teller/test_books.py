"""A teller's books, as a user sees them: states, entities and files, through a day, a restart, a fault."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.steward.const import DOMAIN
from custom_components.steward.log.errors import LogDamaged, LogFull, LogLocked
from custom_components.steward.log.generations import Generations
from custom_components.steward.log.storage import LogStorage
from custom_components.steward.protocol.books.entries import (
    Anchored,
    AnchorKind,
    Cause as GapCause,
    Gap,
    Heartbeat,
    Outage,
    Payment,
    PaymentStep,
    Reading,
    Settings,
    Shutdown,
    Start,
    Tariff,
    TermsEntry,
    Worth,
)
from custom_components.steward.protocol.log.checkpoint import open_checkpoint
from custom_components.steward.teller.code import measure
from custom_components.steward.teller.teller import Teller

from .conftest import (
    METER,
    PERIOD,
    PROJECT,
    add_part,
    add_teller,
    entries_of,
    later,
    meter_says,
    reconfigure,
)

BOOKS = "sensor.sunny_roof_state_of_books"


async def press(hass: HomeAssistant, name: str) -> None:
    await hass.services.async_call("button", "press", {"entity_id": f"button.sunny_roof_{name}"}, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)


async def kinds(hass: HomeAssistant, entry: ConfigEntry) -> list[str]:
    return [each.kind for each in await entries_of(hass, entry)]


async def kill(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Let Home Assistant lose power, and start again: nothing is written at the end."""
    with patch.object(Teller, "async_shut_down"):
        await hass.config_entries.async_unload(entry.entry_id)


async def test_first_entries(hass: HomeAssistant, entry: ConfigEntry) -> None:
    found = await entries_of(hass, entry)
    assert [each.kind for each in found] == [
        *("opened", "start", "terms", "settings"),
        *("shutdown", "start", "terms", "settings", "reading"),
    ]
    opened, start, terms, *_ = found
    assert (opened.project, opened.currency) == ("Sunny roof", "EUR")
    assert opened.public_key == entry.runtime_data.storage.verifier.vkey
    assert opened.origin == entry.data["origin"]
    assert start.device == entry.data["device_id"]
    assert start.code == await hass.async_add_executor_job(measure)
    assert start.version == "0.1.0"
    assert start.location == "32.8734 -117.2274"
    assert start.head.size == 0
    assert terms.terms["number"] == 1
    assert terms.note is None
    assert found[6].terms["number"] == 2
    assert found[6].terms["sources"] == [
        {"id": "inverter_energy", "integration": "left", "kind": "cumulative", "max_power": 5000}
    ]
    assert found[5].head.size == 5


async def test_a_day(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    for minute in range(1, 61):
        await later(hass, noon, minutes=1)
        meter_says(hass, 1000 + minute / 20)
    await later(hass, noon, seconds=2)
    assert float(find("sensor.sunny_roof_energy_in_this_period").state) == pytest.approx(3)
    assert float(find("sensor.sunny_roof_lifetime_energy").state) == pytest.approx(3)
    assert float(find("sensor.sunny_roof_inverter_energy").state) == pytest.approx(3)
    assert float(find("sensor.sunny_roof_owed").state) == pytest.approx(0.6)
    assert find("sensor.sunny_roof_owed").attributes["unit_of_measurement"] == "EUR"
    assert find("sensor.sunny_roof_due_date").state == "2026-07-13"
    assert find("sensor.sunny_roof_inverter_last_reading").state == "ok"
    assert find("sensor.sunny_roof_inverter_last_reading").attributes["raw"] == "1003.0"
    assert find("binary_sensor.sunny_roof_inverter_problem").state == "off"
    assert find(BOOKS).state == "ok"
    readings = [each for each in await entries_of(hass, entry) if isinstance(each, Reading)]
    assert sum(each.energy for each in readings) == 3_000_000
    assert [each.sequence for each in readings] == [*range(len(readings))]


async def test_energy_for_the_dashboard(hass: HomeAssistant, entry: ConfigEntry) -> None:
    for name in ("energy_in_this_period", "lifetime_energy", "inverter_energy"):
        state = hass.states.get(f"sensor.sunny_roof_{name}")
        assert state.attributes["device_class"] == "energy"
        assert state.attributes["state_class"] in {"total", "total_increasing"}
        assert state.attributes["unit_of_measurement"] == "kWh"
    assert "last_reset" in hass.states.get("sensor.sunny_roof_energy_in_this_period").attributes


async def test_committed_every_ten_minutes(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    teller: Teller = entry.runtime_data
    await hass.async_block_till_done(wait_background_tasks=True)
    signed = find("sensor.sunny_roof_last_checkpoint").state
    await later(hass, noon, minutes=10, seconds=1)
    assert find("sensor.sunny_roof_last_checkpoint").state > signed
    note = await hass.async_add_executor_job((teller.storage.folder / "checkpoint").read_bytes)
    assert open_checkpoint(note, teller.storage.verifier).checkpoint == teller.checkpoint.checkpoint
    size = teller.checkpoint.checkpoint.size
    meter_says(hass, 1000.1)
    await press(hass, "commit_now")
    assert teller.checkpoint.checkpoint.size == teller.size > size
    assert find("sensor.sunny_roof_log_size").state == str(teller.size)


async def test_heartbeats_when_nothing_happens(hass: HomeAssistant, noon) -> None:
    entry = await add_teller(hass)
    for _ in range(25):
        await later(hass, noon, minutes=1)
    beats = [each.at for each in await entries_of(hass, entry) if isinstance(each, Heartbeat)]
    assert len(beats) == 2
    assert beats[1] - beats[0] >= timedelta(minutes=10)


async def test_a_quiet_register_is_measured(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    for _ in range(40):
        await later(hass, noon, minutes=1)
    readings = [each for each in await entries_of(hass, entry) if isinstance(each, Reading)]
    assert 7 <= len(readings) <= 10, "every five minutes"
    assert {each.energy for each in readings} == {0}
    assert find(BOOKS).state == "ok"


async def test_silence_is_a_gap(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    hass.states.async_set(METER, STATE_UNAVAILABLE)
    for _ in range(20):
        await later(hass, noon, minutes=1)
    assert find(BOOKS).state == "gap"
    assert find("binary_sensor.sunny_roof_inverter_problem").state == "on"
    assert find("sensor.sunny_roof_inverter_last_reading").state == "unavailable"
    meter_says(hass, 1001)
    await later(hass, noon, seconds=2)
    assert find(BOOKS).state == "ok"
    assert find(BOOKS).attributes["gaps_in_period"] == 1
    (gap,) = [each for each in await entries_of(hass, entry) if isinstance(each, Gap)]
    assert (gap.cause, gap.worth, gap.energy) == ("unavailable", "register", 1_000_000)
    assert float(find("sensor.sunny_roof_owed").state) == pytest.approx(0.2)
    assert float(find("sensor.sunny_roof_inverter_energy").state) == pytest.approx(1)
    hass.states.async_remove(METER)
    await later(hass, noon, seconds=2)
    assert find("sensor.sunny_roof_inverter_last_reading").state == "unavailable"


async def test_power(hass: HomeAssistant, noon, find) -> None:
    def power(watts: float) -> None:
        hass.states.async_set("sensor.now", str(watts), {"device_class": "power", "unit_of_measurement": "W"})

    power(600)
    entry = await add_teller(hass)
    await add_part(hass, entry, "source", entity_id="sensor.now", name="Now", max_power=5000)
    for minute in range(1, 11):
        await later(hass, noon, minutes=1)
        power(600 + minute % 2)
    power(0)
    await later(hass, noon, seconds=2)
    assert float(find("sensor.sunny_roof_now_energy").state) == pytest.approx(0.1, rel=0.01)
    for _ in range(30):
        await later(hass, noon, minutes=1)
    assert find(BOOKS).state == "ok", "zero is zero, however long it lasts"
    power(700)
    for _ in range(20):
        await later(hass, noon, minutes=1)
    assert find(BOOKS).state == "gap", "what is produced is known only while it is told"


async def test_renamed_entities(hass: HomeAssistant, noon) -> None:
    registry = er.async_get(hass)
    for name, kind in (("energy", "energy"), ("price", "monetary")):
        registry.async_get_or_create("sensor", "inverter", name, suggested_object_id=name, original_device_class=kind)
    hass.states.async_set("sensor.price", "0.3")
    entry = await add_teller(hass)
    await reconfigure(
        hass, entry, ("teller_tariff", None), ("teller_tariff_entity", {"entity_id": "sensor.price", "price": 0.2})
    )
    await add_part(hass, entry, "source", entity_id="sensor.energy", name="Inverter")
    registry.async_update_entity("sensor.energy", new_entity_id="sensor.roof_energy")
    await hass.async_block_till_done()
    registry.async_update_entity("sensor.price", new_entity_id="sensor.tariff", name="Tariff")
    await hass.async_block_till_done()
    registry.async_update_entity("sensor.tariff", name="Price")
    await hass.async_block_till_done()
    assert entry.data["tariff"]["entity_id"] == "sensor.tariff"
    assert entry.runtime_data.settings.sources[0].entity_id == "sensor.roof_energy"
    assert entry.runtime_data.settings.sources[0].id == "energy"


async def test_price_by_an_entity(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    hass.states.async_set("sensor.price", "0.3")
    await reconfigure(
        hass, entry, ("teller_tariff", None), ("teller_tariff_entity", {"entity_id": "sensor.price", "price": 0.2})
    )
    await later(hass, noon, minutes=1)
    meter_says(hass, 1000.05)
    for said in ("0.3", "unavailable", "cheap", "0.3", "0.4", "nan", "1e40"):
        await later(hass, noon, minutes=1)
        hass.states.async_set("sensor.price", said)
    await later(hass, noon, minutes=1)
    meter_says(hass, 1000.15)
    await later(hass, noon, seconds=2)
    prices = [str(each.price) for each in await entries_of(hass, entry) if isinstance(each, Tariff)]
    assert prices == ["0.3", "0.4"]
    assert float(find("sensor.sunny_roof_owed").state) == pytest.approx(0.055, abs=0.006)


async def test_shut_down_properly(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    teller: Teller = entry.runtime_data
    await press(hass, "shut_down_properly")
    assert find(BOOKS).state == "stopped"
    *_, last = await entries_of(hass, entry)
    assert isinstance(last, Shutdown)
    assert last.cause == "button"
    assert last.start == [each for each in await entries_of(hass, entry) if isinstance(each, Start)][-1].head
    assert last.head.size == teller.size - 1
    assert teller.checkpoint.checkpoint.size == teller.size
    meter_says(hass, 1002)
    await later(hass, noon, minutes=20)
    assert isinstance((await entries_of(hass, entry))[-1], Shutdown)
    for name in ("commit_now", "pay_now"):
        with pytest.raises(HomeAssistantError, match="shut down"):
            await press(hass, name)
    with pytest.raises(HomeAssistantError, match="shut down"):
        await teller.async_append(Heartbeat(at=dt_util.utcnow()))
    await press(hass, "shut_down_properly")
    assert await hass.config_entries.async_reload(entry.entry_id)
    await later(hass, noon, seconds=2)
    assert "outage" not in await kinds(hass, entry)
    (gap,) = [each for each in await entries_of(hass, entry) if isinstance(each, Gap)]
    assert (gap.cause, gap.energy) == ("outage", 2_000_000), "switching it off doesn't lower what is owed"
    assert find(BOOKS).state == "ok"


async def test_home_assistant_stops(hass: HomeAssistant, entry: ConfigEntry) -> None:
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    *_, last = await entries_of(hass, entry)
    assert isinstance(last, Shutdown)
    assert last.cause == "stopped"


async def test_reload_keeps_the_log(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    meter_says(hass, 1000.05)
    await later(hass, noon, seconds=2)
    before = await entries_of(hass, entry)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await later(hass, noon, seconds=2)
    after = await entries_of(hass, entry)
    assert after[: len(before)] == before
    assert [each.kind for each in after[len(before) :]] == ["shutdown", "start", "reading"]
    assert after[len(before)].cause == "unloaded"
    assert find("sensor.sunny_roof_inverter_last_reading").state == "ok"


async def test_power_was_lost(hass: HomeAssistant, entry: ConfigEntry, noon, find, caplog) -> None:
    meter_says(hass, 1000.05)
    await later(hass, noon, seconds=2)
    last = (await entries_of(hass, entry))[-1]
    await kill(hass, entry)
    noon.tick(timedelta(hours=2))
    meter_says(hass, 1001.05)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await later(hass, noon, seconds=2)
    (outage,) = [each for each in await entries_of(hass, entry) if isinstance(each, Outage)]
    assert outage.begin == last.at
    assert outage.end - outage.begin >= timedelta(hours=2)
    (gap,) = [each for each in await entries_of(hass, entry) if isinstance(each, Gap)]
    assert (gap.cause, gap.worth, gap.energy) == ("outage", "register", 1_000_000)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"teller_outage_{entry.entry_id}")
    assert issue is not None
    assert issue.translation_placeholders["title"] == "Sunny roof"
    assert float(find("sensor.sunny_roof_lifetime_energy").state) == pytest.approx(1.05)


async def test_disk_is_full(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    issues = ir.async_get(hass)
    issue = DOMAIN, f"teller_full_{entry.entry_id}"
    before = await entries_of(hass, entry)
    with patch.object(LogStorage, "append", side_effect=LogFull(28, "no room")):
        for tenth in range(1, 4):
            meter_says(hass, 1000 + tenth / 10)
            await later(hass, noon, minutes=2)
        assert issues.async_get_issue(*issue)
        assert find(BOOKS).state == "gap"
        with pytest.raises(HomeAssistantError, match="disk is full"):
            await press(hass, "commit_now")
        assert await entry.runtime_data.async_append(Heartbeat(at=dt_util.utcnow())) is None
    await later(hass, noon, minutes=1)
    assert issues.async_get_issue(*issue) is None
    assert find(BOOKS).state == "ok"
    after = await entries_of(hass, entry)
    assert after[: len(before)] == before
    raws = [each.raw for each in after if isinstance(each, Reading)]
    assert [raw for raw in raws if raw in {"1000.1", "1000.2", "1000.3"}][:3] == ["1000.1", "1000.2", "1000.3"]
    assert float(find("sensor.sunny_roof_lifetime_energy").state) == pytest.approx(0.3)


async def test_memory_is_bounded_while_the_disk_is_full(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    teller: Teller = entry.runtime_data
    with (
        patch("custom_components.steward.teller.writer.MOST", 5),
        patch.object(LogStorage, "append", side_effect=LogFull(28, "no room")),
    ):
        for second in range(1, 30):
            meter_says(hass, 1000 + second / 1000)
            await later(hass, noon, minutes=1)
        assert teller.books.writer.waiting <= 6
    meter_says(hass, 1000.5)
    await later(hass, noon, minutes=1)
    meter_says(hass, 1000.6)
    await later(hass, noon, minutes=1)
    assert float(find("sensor.sunny_roof_lifetime_energy").state) == pytest.approx(0.6), "the register knows"


async def test_damaged_while_it_was_closed(hass: HomeAssistant, entry: ConfigEntry, noon, find, caplog) -> None:
    teller: Teller = entry.runtime_data
    meter_says(hass, 1000.05)
    await press(hass, "commit_now")
    folder = teller.storage.folder
    await hass.config_entries.async_unload(entry.entry_id)
    tail = folder / "tail"
    data = bytearray(await hass.async_add_executor_job(tail.read_bytes))
    data[len(data) // 2] ^= 1
    await hass.async_add_executor_job(tail.write_bytes, data)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await later(hass, noon, seconds=2)
    assert find(BOOKS).state == "tampered"
    assert find(BOOKS).attributes["generation"] == 2
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"teller_tampered_{entry.entry_id}")
    assert issue.translation_placeholders["generation"] == "2"
    first, *_ = await entries_of(hass, entry)
    assert (first.kind, first.cause, first.previous) == ("generation", "damaged", entry.data["origin"])
    meter_says(hass, 1000.1)
    await later(hass, noon, minutes=11)
    assert entry.runtime_data.checkpoint.checkpoint.origin.startswith(f"{entry.data['origin']}/2-")


async def test_damaged_while_it_was_open(hass: HomeAssistant, entry: ConfigEntry, noon, find, caplog) -> None:
    append = LogStorage.append
    teller: Teller = entry.runtime_data
    broken = teller.storage

    def fail(self: LogStorage, entries: Any) -> int:
        if self is broken:
            raise LogDamaged("tail", "it is another")  # noqa: EM101
        return append(self, entries)

    with patch.object(LogStorage, "append", fail):
        meter_says(hass, 1000.05)
        await later(hass, noon, seconds=2)
    assert find(BOOKS).state == "tampered"
    assert [each.kind for each in await entries_of(hass, entry)] == ["generation", "reading"]
    assert "goes on in a new generation" in caplog.text
    caplog.clear()
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"teller_tampered_{entry.entry_id}")
    meter_says(hass, 1000.1)
    await later(hass, noon, seconds=2)
    assert float(find("sensor.sunny_roof_lifetime_energy").state) == pytest.approx(0.1)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await later(hass, noon, seconds=2)
    assert float(find("sensor.sunny_roof_lifetime_energy").state) == pytest.approx(0.1), "both generations count"


async def test_books_that_cant_be_opened(hass: HomeAssistant, entry: ConfigEntry, caplog) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    with patch("custom_components.steward.teller.books.Generations.open", side_effect=PermissionError(13, "no")):
        await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "can't be opened" in entry.reason
    caplog.clear()


async def test_settings_are_written_down(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await reconfigure(hass, entry, ("teller", {**PROJECT, "project": "Moon roof", "record_location": False}))
    *_, start, terms, settings, _reading = await entries_of(hass, entry)
    assert start.location is None
    assert terms.terms["project"] == "Moon roof"
    assert settings.settings["project"] == "Moon roof"
    await reconfigure(hass, entry, ("teller_period", {**PERIOD, "due_days": 20}))
    assert (await kinds(hass, entry))[-4:] == ["shutdown", "start", "terms", "reading"]
    await reconfigure(hass, entry, ("teller_link", {"renew": True}))
    assert (await kinds(hass, entry))[-3:] == ["shutdown", "start", "reading"]
    await add_part(hass, entry, "party", role="investor", name="Bea")
    assert (await kinds(hass, entry))[-4:] == ["shutdown", "start", "settings", "reading"]
    text = str(await entries_of(hass, entry))
    assert entry.data["capability"] not in text


async def test_devices_come_and_go(hass: HomeAssistant, entry: ConfigEntry) -> None:
    devices = dr.async_get(hass)
    found = dr.async_entries_for_config_entry(devices, entry.entry_id)
    assert sorted(device.name for device in found) == ["Sunny roof", "Sunny roof Inverter"]
    (subentry,) = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry)
    await hass.async_block_till_done()
    found = dr.async_entries_for_config_entry(devices, entry.entry_id)
    assert [device.name for device in found] == ["Sunny roof"]
    assert hass.states.get("sensor.sunny_roof_inverter_energy") is None


async def test_removed(hass: HomeAssistant, hass_storage: dict[str, Any], entry: ConfigEntry) -> None:
    folder = Path(hass.config.path("steward", "teller", entry.entry_id))
    mark = Path(hass.config.path(".storage", f"steward.teller_{entry.entry_id}.checkpoint"))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert f"steward.teller_{entry.entry_id}" in hass_storage
    assert await hass.async_add_executor_job(mark.exists)
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert f"steward.teller_{entry.entry_id}" not in hass_storage
    assert await hass.async_add_executor_job((folder / "1" / "checkpoint").exists), "the books are evidence"
    assert not await hass.async_add_executor_job(mark.exists)
    assert not [issue for issue in ir.async_get(hass).issues if issue[0] == DOMAIN]


async def test_an_error_at_the_start(hass: HomeAssistant, entry: ConfigEntry, noon, caplog) -> None:
    with patch.object(Teller, "async_start", side_effect=RuntimeError("unforeseen")):
        await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    with patch("custom_components.steward.teller.history.History.load", side_effect=RuntimeError("unforeseen")):
        await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert await hass.config_entries.async_reload(entry.entry_id), "the files were given back"
    caplog.clear()


async def test_platforms_that_cant_be_unloaded(hass: HomeAssistant, entry: ConfigEntry, caplog) -> None:
    with patch.object(hass.config_entries, "async_unload_platforms", return_value=False):
        assert not await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.FAILED_UNLOAD
    assert not entry.runtime_data.stopped
    await entry.runtime_data.async_close()
    caplog.clear()  # newer Home Assistants say so themselves


async def test_damaged_when_it_is_signed(hass: HomeAssistant, entry: ConfigEntry, noon, find, caplog) -> None:
    sign, broken = LogStorage.sign, entry.runtime_data.storage

    def fail(self: LogStorage) -> bytes:
        if self is broken:
            raise LogDamaged("checkpoint", "it is another")  # noqa: EM101
        return sign(self)

    with patch.object(LogStorage, "sign", fail):
        await later(hass, noon, minutes=10, seconds=1)
    assert find(BOOKS).state == "tampered"
    assert entry.runtime_data.checkpoint.checkpoint.origin == entry.runtime_data.storage.origin
    caplog.clear()


async def test_damaged_and_full(hass: HomeAssistant, entry: ConfigEntry, noon, find, caplog) -> None:
    with (
        patch.object(LogStorage, "append", side_effect=LogDamaged("tail", "it is another")),
        patch.object(Generations, "_begin", side_effect=OSError(28, "no room")),
    ):
        meter_says(hass, 1000.05)
        await later(hass, noon, seconds=2)
        assert entry.runtime_data.books.writer.full
    await later(hass, noon, minutes=1)
    assert not entry.runtime_data.books.writer.full
    assert "1000.05" in [each.raw for each in await entries_of(hass, entry) if isinstance(each, Reading)]
    caplog.clear()


async def test_books_open_elsewhere(hass: HomeAssistant, entry: ConfigEntry, caplog) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    with patch("custom_components.steward.teller.books.Generations.open", side_effect=LogLocked(11, "locked")):
        await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "another program" in entry.reason
    caplog.clear()


async def test_an_entry_that_cant_be_read(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    await hass.async_add_executor_job(entry.runtime_data.storage.append, [b"scribble"])
    await hass.config_entries.async_reload(entry.entry_id)
    await later(hass, noon, seconds=2)
    assert find(BOOKS).state == "ok"
    assert "unreadable" in {problem.fault for problem in entry.runtime_data.account.problems}


async def test_everything_configured_is_written_down(
    hass: HomeAssistant, socket_enabled: None, hass_storage: dict[str, Any], entry: ConfigEntry, noon, caplog
) -> None:
    secret = "SCZANGBA5YHTNYVVV4C3U252E2B6P6F5T3U6MM63WBSBZATAQI3EBTQ4"
    horizon = {"horizon": "http://127.0.0.1:1", "anchor": True, "secret_key": secret}
    await reconfigure(hass, entry, ("teller_stellar", horizon))
    account = entry.data["stellar"]["account"]
    pay = {
        "destination": account,
        "automatic": True,
        "ceiling": 50,
        "secret_key": secret,
        "pay_asset": f"EURC:{account}",
    }
    await reconfigure(hass, entry, ("teller_pay", pay))
    await reconfigure(hass, entry, ("teller_ipfs", {"url": "http://127.0.0.1:1", "share_entries": False}))
    await reconfigure(hass, entry, ("teller_rfc3161", {"url": "http://127.0.0.1:1"}))
    *_, settings = [each for each in await entries_of(hass, entry) if isinstance(each, Settings)]
    assert settings.settings["anchors"]["stellar"]["account"] == account
    assert settings.settings["anchors"]["ipfs"] == {"share_entries": False}
    assert settings.settings["pay"]["ceiling"] == "50"
    assert secret not in str(await entries_of(hass, entry))
    assert secret not in str(entry.as_dict())
    assert hass_storage["steward.stellar_keys"]["data"] == {account: secret}
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass_storage["steward.stellar_keys"]["data"] == {}
    caplog.clear()


async def test_clock_that_was_ahead(hass: HomeAssistant, entry: ConfigEntry, noon) -> None:
    await kill(hass, entry)
    noon.tick(timedelta(hours=-2))
    assert await hass.config_entries.async_setup(entry.entry_id)
    await later(hass, noon, seconds=2)
    (outage,) = [each for each in await entries_of(hass, entry) if isinstance(each, Outage)]
    assert outage.begin == outage.end


async def test_before_the_first_period(hass: HomeAssistant, noon, find) -> None:
    noon.move_to("2026-05-01T10:00:00+00:00")
    await add_teller(hass)
    assert find("sensor.sunny_roof_owed").state == "0.0"
    assert find("sensor.sunny_roof_due_date").state == "unknown"


async def test_last_anchor_and_payback(hass: HomeAssistant, entry: ConfigEntry, find) -> None:
    now = dt_util.utcnow()
    anchored = Anchored(at=now, anchor=AnchorKind.IPFS, size=9, root="0" * 64, reference={"cid": "Qm"})
    paid = Payment(
        at=now, project="Sunny roof", period="2026-06-01", step=PaymentStep.CONFIRMED, amount=Decimal("1.5"), tx="ab"
    )
    await entry.runtime_data.async_append(anchored, paid, replace(paid, step=PaymentStep.SUBMITTED))
    assert find("sensor.sunny_roof_last_anchor").state == now.isoformat(timespec="seconds")
    assert find("sensor.sunny_roof_last_anchor").attributes["anchor"] == "ipfs"
    assert find("sensor.sunny_roof_last_payback").attributes["amount"] == 1.5
    assert float(find("sensor.sunny_roof_owed").state) == -1.5
    await hass.config_entries.async_reload(entry.entry_id)
    assert find("sensor.sunny_roof_last_payback").state == now.isoformat(timespec="seconds")


async def test_terms_that_cant_be_read(hass: HomeAssistant, entry: ConfigEntry) -> None:
    entries = (
        TermsEntry(at=dt_util.utcnow(), terms={"number": 9}),
        Gap(
            at=dt_util.utcnow(),
            source="another",
            begin=dt_util.utcnow() - timedelta(hours=1),
            end=dt_util.utcnow(),
            cause=GapCause.SILENT,
            worth=Worth.NOTHING,
        ),
    )
    await entry.runtime_data.async_append(*entries)
    assert "bad_terms" in {problem.fault for problem in entry.runtime_data.account.problems}
    assert entry.runtime_data.history.terms.number == 2


async def test_a_gap_that_goes_on_into_the_next_period(hass: HomeAssistant, entry: ConfigEntry, noon, find) -> None:
    hass.states.async_set(METER, STATE_UNAVAILABLE)
    noon.move_to("2026-06-29T12:00:00+00:00")
    await later(hass, noon, minutes=1)
    meter_says(hass, 1010)
    await later(hass, noon, seconds=2)
    gaps = [each for each in await entries_of(hass, entry) if isinstance(each, Gap)]
    assert [each.open for each in gaps] == [True, False]
    assert float(find("sensor.sunny_roof_inverter_energy").state) == pytest.approx(10)
    assert float(find("sensor.sunny_roof_lifetime_energy").state) == pytest.approx(10)
