"""The terms: shown to the owner, signed by the creditor, taken back, and visible when they change without a signature."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.books.entries import TermsEntry
from custom_components.steward.protocol.books.terms import Terms
from custom_components.steward.protocol.log.cosignature import Cosigner
from custom_components.steward.protocol.log.note import Signer, sign_note

from .conftest import PERIOD, entries_of, fill_in, reconfigure

CREDITOR = Signer("creditor.example", bytes(range(32)))
OTHER = Signer("other.example", bytes(range(1, 33)))
SIGNED = "binary_sensor.sunny_roof_terms_signed"


async def at_terms(hass: HomeAssistant, entry: ConfigEntry, creditor: str = CREDITOR.vkey) -> Any:
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": "reconfigure", "entry_id": entry.entry_id}
    )
    return await fill_in(hass, flow, ("teller_creditor", {"creditor": creditor}))


def shown(form: Any) -> dict[str, Any]:
    return {key.schema: (key.description or {}).get("suggested_value") for key in form["data_schema"].schema}


async def logged(hass: HomeAssistant, entry: ConfigEntry) -> list[TermsEntry]:
    return [each for each in await entries_of(hass, entry) if isinstance(each, TermsEntry)]


async def test_signed_by_the_creditor(hass: HomeAssistant, entry: ConfigEntry, hass_client_no_auth, find) -> None:
    assert find(SIGNED).state == "off"
    form = await at_terms(hass, entry)
    text = shown(form)["terms"]
    assert f"/{entry.data['capability']}/terms" in form["description_placeholders"]["link"]
    note = sign_note(text, CREDITOR).decode()
    result = await fill_in(hass, form, ("teller_terms", {"terms": text, "signed_terms": note.replace("\n", "\r\n")}))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await hass.async_block_till_done()
    assert find(SIGNED).state == "on"
    *_, last = await logged(hass, entry)
    assert last.note == note
    assert last.terms["number"] == 3, "the creditor's key is part of the terms"
    client = await hass_client_no_auth()
    answer = await client.get(f"/api/steward/teller/{entry.data['capability']}/terms")
    assert await answer.text() == text
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert find(SIGNED).state == "on"
    assert len(await logged(hass, entry)) == 3


async def test_changed_without_a_signature(hass: HomeAssistant, entry: ConfigEntry, find) -> None:
    form = await at_terms(hass, entry)
    note = sign_note(shown(form)["terms"], CREDITOR).decode()
    await fill_in(hass, form, ("teller_terms", {"signed_terms": note}))
    await hass.async_block_till_done()
    agreed = entry.runtime_data.account.terms
    await reconfigure(hass, entry, ("teller_tariff", None), ("teller_tariff_fixed", {"price": 0.01}))
    assert find(SIGNED).state == "off"
    *_, last = await logged(hass, entry)
    assert last.note is None
    assert Terms.from_json(last.terms).number == 4
    assert entry.runtime_data.account.terms == agreed, "what was signed counts"
    assert "unsigned_terms" in {problem.fault for problem in entry.runtime_data.account.problems}
    form = await at_terms(hass, entry)
    assert shown(form)["signed_terms"] is None, "what was signed is other terms"
    await fill_in(hass, form, ("teller_terms", {"signed_terms": sign_note(shown(form)["terms"], CREDITOR).decode()}))
    await hass.async_block_till_done()
    assert find(SIGNED).state == "on"
    assert entry.runtime_data.account.terms.number == 4


async def test_notes_that_are_none(hass: HomeAssistant, entry: ConfigEntry) -> None:
    form = await at_terms(hass, entry)
    text = shown(form)["terms"]
    for note, error in (
        ("signed!", "invalid_note"),
        (sign_note(text.replace("0.2", "0.1"), CREDITOR).decode(), "other_terms"),
        (sign_note(text, OTHER).decode(), "terms_not_signed"),
        (sign_note(text, Signer(CREDITOR.name, bytes(32))).decode(), "terms_not_signed"),
    ):
        form = await fill_in(hass, form, ("teller_terms", {"signed_terms": note}))
        assert form["errors"] == {"signed_terms": error}
        assert shown(form)["terms"] == text
    result = await fill_in(hass, form, ("teller_terms", {}))
    assert result["reason"] == "reconfigure_successful", "they may stay unsigned"
    await hass.async_block_till_done()
    assert entry.data["creditor"] == CREDITOR.vkey
    assert entry.data["signed_terms"] is None


async def test_creditors_that_are_none(hass: HomeAssistant, entry: ConfigEntry) -> None:
    form = await at_terms(hass, entry, "somebody")
    assert form["errors"] == {"creditor": "invalid_verifier"}
    form = await at_terms(hass, entry, Cosigner("w.example", bytes(32)).vkey)
    assert form["errors"] == {"creditor": "verifier_of_witness"}
    result = await reconfigure(hass, entry, ("teller_creditor", {}))
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["creditor"] is None


async def test_period_changes_need_a_new_signature(hass: HomeAssistant, entry: ConfigEntry, find) -> None:
    form = await at_terms(hass, entry)
    await fill_in(hass, form, ("teller_terms", {"signed_terms": sign_note(shown(form)["terms"], CREDITOR).decode()}))
    await hass.async_block_till_done()
    await reconfigure(hass, entry, ("teller_period", {**PERIOD, "due_days": 30}))
    assert find(SIGNED).state == "off"
    await reconfigure(hass, entry, ("teller_period", PERIOD))
    assert find(SIGNED).state == "off", "back again is a change, too: their number is another"
