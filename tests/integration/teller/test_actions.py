"""Inspections: what a person has read from a meter."""

from datetime import UTC, datetime
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import probatio
import pytest

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.books.entries import Heartbeat, Inspection, encode, unsigned_text
from custom_components.steward.protocol.log.note import Signer, sign_note

from .conftest import entries_of, later

INSPECTOR = Signer("inspector.example", bytes(range(32)))
READ = Inspection(at=datetime(2026, 5, 31, 9, tzinfo=UTC), source="inverter_energy", register=1_000_100_000, who="Cy")


async def add(hass: HomeAssistant, entry_id: str, **data: Any) -> None:
    await hass.services.async_call(DOMAIN, "add_inspection", {"config_entry_id": entry_id, **data}, blocking=True)


async def test_unsigned(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await add(hass, entry.entry_id, source="inverter_energy", register=1000.25, who="Cy")
    *_, last = await entries_of(hass, entry)
    assert (last.source, last.register, last.who, last.note) == ("inverter_energy", 1_000_250_000, "Cy", None)


async def test_signed(hass: HomeAssistant, entry: ConfigEntry, noon) -> None:
    note = sign_note(unsigned_text(READ), INSPECTOR).decode()
    await add(hass, entry.entry_id, note=note.replace("\n", "\r\n"))
    *_, last = await entries_of(hass, entry)
    assert last.note == note
    assert (last.at, last.register) == (READ.at, READ.register)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await later(hass, noon, seconds=2)
    assert "outage" not in {each.kind for each in await entries_of(hass, entry)}


@pytest.mark.parametrize(
    "note",
    [
        "I read it",
        sign_note("1000.1 kWh\n", INSPECTOR).decode(),
        sign_note(unsigned_text(READ).replace(",", ", "), INSPECTOR).decode(),
        sign_note(f"{encode(Heartbeat(at=READ.at)).decode()}\n", INSPECTOR).decode(),
    ],
)
async def test_notes_that_are_none(hass: HomeAssistant, entry: ConfigEntry, note: str) -> None:
    with pytest.raises(ServiceValidationError, match="no signed inspection"):
        await add(hass, entry.entry_id, note=note)


async def test_no_such_thing(hass: HomeAssistant, entry: ConfigEntry) -> None:
    with pytest.raises(ServiceValidationError, match="no source roof"):
        await add(hass, entry.entry_id, source="roof", register=1, who="Cy")
    with pytest.raises(ServiceValidationError, match="no teller"):
        await add(hass, "x", source="roof", register=1, who="Cy")
    with pytest.raises(probatio.Invalid):
        await add(hass, entry.entry_id, source="roof")
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError, match="no teller"):
        await add(hass, entry.entry_id, source="inverter_energy", register=1, who="Cy")
