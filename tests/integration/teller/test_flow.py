"""A teller's flows as a user goes through them."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.log.cosignature import Cosigner
from custom_components.steward.protocol.log.note import Signer
from custom_components.steward.teller.data import parse_settings
from custom_components.steward.teller.terms import terms_of

from .conftest import METER, PERIOD, PROJECT, add_part, add_teller, change_part, fill_in, meter_says, reconfigure

ACCOUNT = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"
WITNESS = Cosigner("witness.example/w1", bytes(range(32)))
OTHER = Cosigner("witness.example/w2", bytes(range(1, 33)))
CREDITOR = Signer("creditor.example", bytes(range(2, 34)))


async def at_more(hass: HomeAssistant) -> Any:
    """Return the flow at the menu of what a teller can do without."""
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    return await fill_in(
        hass, flow, ("teller", PROJECT), ("teller_tariff_fixed", {"price": 0.25}), ("teller_period", PERIOD)
    )


async def test_added_without_a_broker(hass: HomeAssistant) -> None:
    entry = await add_teller(hass)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "Sunny roof"
    assert "mqtt" in hass.config.components
    assert not hass.config_entries.async_entries("mqtt")
    data = entry.data
    assert len(data["device_id"]) == 16
    assert entry.unique_id == data["device_id"]
    assert data["tariff"] == {"kind": "fixed", "price": "0.2"}
    assert data["gaps"] == {"worth": "register_estimate", "after": 900}
    assert data["location"] == {"latitude": 32.8734, "longitude": -117.2274}
    assert data["zone"] == "US/Pacific"


async def test_currency_and_twice(hass: HomeAssistant) -> None:
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    form = await fill_in(hass, flow, ("teller", {**PROJECT, "currency": "sunshine"}))
    assert form["errors"] == {"currency": "invalid_currency"}
    menu = await fill_in(hass, form, ("teller", {**PROJECT, "currency": "eur", "device_id": "ROOF"}))
    assert menu["step_id"] == "teller_tariff"
    result = await fill_in(
        hass,
        menu,
        ("teller_tariff_fixed", {"price": 0.1}),
        ("teller_period", PERIOD),
        ("teller_finish", None),
    )
    assert result["data"]["currency"] == "EUR"
    await hass.async_block_till_done()
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await fill_in(hass, flow, ("teller", {**PROJECT, "device_id": "ROOF"}))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_prices(hass: HomeAssistant) -> None:
    entry = await add_teller(hass)
    result = await reconfigure(
        hass, entry, ("teller_tariff", None), ("teller_tariff_entity", {"entity_id": "sensor.price", "price": 0.3})
    )
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["tariff"] == {"kind": "entity", "entity_id": "sensor.price", "price": "0.3"}
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": "reconfigure", "entry_id": entry.entry_id}
    )
    form = await fill_in(
        hass,
        flow,
        ("teller_tariff", None),
        ("teller_tariff_entity", {"entity_id": "sensor.price", "price": 0.3, "low": 0.4, "high": 0.1}),
    )
    assert form["errors"] == {"high": "invalid_bounds"}
    result = await reconfigure(
        hass,
        entry,
        ("teller_tariff", None),
        ("teller_tariff_table", {"rows": [{"price": 0.3, "hours": [7, 21]}, {"price": 0.1}]}),
    )
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["tariff"]["rows"] == [{"price": "0.3", "hours": [7, 21]}, {"price": "0.1"}]
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("rows", ["", [], [1], {"price": 1}, [{"hours": [7, 21]}], [{"price": 0.1, "hours": [7, 21]}]])
async def test_tables_that_are_none(hass: HomeAssistant, rows: Any) -> None:
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    form = await fill_in(hass, flow, ("teller", PROJECT), ("teller_tariff_table", {"rows": rows}))
    assert form["errors"] == {"rows": "invalid_table"}


@pytest.mark.parametrize(
    ("witnesses", "quorum", "errors"),
    [
        ([{"url": "witness.example", "verifier": WITNESS.vkey}], 1, {"witnesses": "invalid_url"}),
        ([{"url": "https://w.example?x", "verifier": WITNESS.vkey}], 1, {"witnesses": "invalid_url"}),
        ([{"url": "https://w.example", "verifier": "w+1+2"}], 1, {"witnesses": "invalid_verifier"}),
        ([{"url": "https://w.example", "verifier": CREDITOR.vkey}], 1, {"witnesses": "invalid_verifier"}),
        ([{"url": "https://w.example", "verifier": WITNESS.vkey}] * 2, 1, {"witnesses": "witness_twice"}),
        ([{"url": "https://w.example", "verifier": WITNESS.vkey}], 2, {"quorum": "invalid_quorum"}),
    ],
)
async def test_witnesses_that_are_none(hass: HomeAssistant, witnesses: Any, quorum: int, errors: Any) -> None:
    menu = await at_more(hass)
    form = await fill_in(hass, menu, ("teller_witnesses", {"witnesses": witnesses, "quorum": quorum}))
    assert form["errors"] == errors


async def test_everything_else(hass: HomeAssistant, socket_enabled: None, caplog: pytest.LogCaptureFixture) -> None:
    menu = await at_more(hass)
    witnesses = [
        {"url": "http://127.0.0.1:2/", "verifier": f" {WITNESS.vkey}"},
        {"url": "http://127.0.0.1:1", "verifier": OTHER.vkey},
    ]
    menu = await fill_in(hass, menu, ("teller_witnesses", {"witnesses": witnesses, "quorum": 1}))
    form = await fill_in(hass, menu, ("teller_ipfs", {"url": "ftp://x", "share_entries": False}))
    assert form["errors"] == {"url": "invalid_url"}
    menu = await fill_in(hass, form, ("teller_ipfs", {"url": "http://127.0.0.1:1", "share_entries": True}))
    menu = await fill_in(hass, menu, ("teller_rfc3161", {"url": "http://127.0.0.1:1/tsr"}))
    menu = await fill_in(hass, menu, ("teller_rfc3161", {}))
    form = await fill_in(hass, menu, ("teller_stellar", {"horizon": "x", "anchor": False}))
    assert form["errors"] == {"horizon": "invalid_url"}
    form = await fill_in(hass, form, ("teller_stellar", {"horizon": "http://127.0.0.1:1", "anchor": True}))
    assert form["errors"] == {"secret_key": "secret_key_missing"}
    form = await fill_in(
        hass, form, ("teller_stellar", {"horizon": "http://127.0.0.1:1", "anchor": True, "secret_key": "S"})
    )
    assert form["errors"] == {"secret_key": "invalid_secret_key"}
    menu = await fill_in(hass, form, ("teller_stellar", {"horizon": "http://127.0.0.1:1", "anchor": False}))
    form = await fill_in(hass, menu, ("teller_pay", {"destination": "GX", "pay_asset": "EUR", "automatic": True}))
    assert form["errors"] == {
        "destination": "invalid_account",
        "pay_asset": "invalid_payment_asset",
        "ceiling": "ceiling_missing",
    }
    form = await fill_in(
        hass,
        form,
        ("teller_pay", {"destination": ACCOUNT, "pay_asset": f"EURC:{ACCOUNT}", "automatic": True, "ceiling": 50}),
    )
    assert form["errors"] == {"secret_key": "secret_key_missing"}
    menu = await fill_in(
        hass,
        form,
        ("teller_pay", {"destination": ACCOUNT, "pay_asset": f"EURC:{ACCOUNT}", "automatic": False, "ceiling": 50}),
    )
    result = await fill_in(hass, menu, ("teller_finish", None))
    await hass.async_block_till_done()
    data = result["data"]
    assert [each["url"] for each in data["witnesses"]] == ["http://127.0.0.1:2", "http://127.0.0.1:1"]
    assert data["ipfs"] == {"url": "http://127.0.0.1:1", "share_entries": True}
    assert data["rfc3161"] is None
    assert data["pay"]["ceiling"] == "50"
    assert data["pay"]["pay_asset"] == f"EURC:{ACCOUNT}"
    assert data["stellar"]["network"].startswith("Public Global Stellar Network")
    await hass.async_block_till_done(wait_background_tasks=True)
    caplog.clear()  # nobody answers here


async def test_automatic_payments_need_a_network(hass: HomeAssistant) -> None:
    menu = await at_more(hass)
    pay = {"destination": ACCOUNT, "pay_asset": f"EURC:{ACCOUNT}", "automatic": True, "ceiling": 5}
    form = await fill_in(hass, menu, ("teller_pay", pay))
    assert form["errors"] == {"base": "network_missing"}


async def test_lumens_pay_lumens_only(hass: HomeAssistant) -> None:
    """Where the currency is another one nothing would ever be paid with them, so that is said at once."""
    form = await at_more(hass)
    for asset in ({}, {"pay_asset": "native"}, {"pay_asset": "XLM"}):
        form = await fill_in(hass, form, ("teller_pay", {"destination": ACCOUNT, "automatic": False, **asset}))
        assert form["errors"] == {"pay_asset": "not_lumens"}
    entry = await add_teller(hass)
    await reconfigure(hass, entry, ("teller", {**PROJECT, "currency": "XLM"}))
    await reconfigure(hass, entry, ("teller_pay", {"destination": ACCOUNT, "automatic": False}))
    assert entry.data["pay"]["pay_asset"] == "native"
    form = await reconfigure(hass, entry, ("teller", PROJECT))
    assert form["errors"] == {"currency": "not_lumens"}
    await reconfigure(hass, entry, ("teller", {**PROJECT, "project": "Moon roof", "currency": "XLM"}))
    assert (entry.title, entry.data["currency"]) == ("Moon roof", "XLM")
    assert terms_of(parse_settings(entry), None, None).digits == 7


async def test_sections_are_changed_and_removed(hass: HomeAssistant) -> None:
    entry = await add_teller(hass)
    await reconfigure(
        hass,
        entry,
        ("teller_pay", {"destination": ACCOUNT, "pay_asset": f"EURC:{ACCOUNT}", "automatic": False, "ceiling": 7.5}),
    )
    assert entry.data["pay"]["ceiling"] == "7.5"
    await reconfigure(hass, entry, ("teller_pay", {"automatic": False}))
    assert entry.data["pay"] is None
    await reconfigure(hass, entry, ("teller_ipfs", {"url": "http://127.0.0.1:1", "share_entries": False}))
    await reconfigure(hass, entry, ("teller_ipfs", {"share_entries": False}))
    assert entry.data["ipfs"] is None
    await reconfigure(hass, entry, ("teller_stellar", {"anchor": False}))
    assert entry.data["stellar"] is None
    await reconfigure(hass, entry, ("teller", {**PROJECT, "project": "Moon roof", "record_location": False}))
    assert entry.title == "Moon roof"
    assert entry.data["location"] is None
    await reconfigure(hass, entry, ("teller_period", {**PERIOD, "after": 30, "unit": "months", "count": 1}))
    assert entry.data["gaps"]["after"] == 1800
    assert entry.state is ConfigEntryState.LOADED


async def test_sources(hass: HomeAssistant) -> None:
    meter_says(hass, 5)
    meter_says(hass, 6, "sensor.other_energy")
    hass.states.async_set("sensor.warm", "20", {"device_class": "temperature", "unit_of_measurement": "°C"})
    hass.states.async_set("sensor.inverter_power", "20", {"device_class": "power", "unit_of_measurement": "W"})
    entry = await add_teller(hass)
    form = await add_part(hass, entry, "source", entity_id="sensor.warm")
    assert form["errors"] == {"entity_id": "no_energy"}
    await add_part(hass, entry, "source", entity_id=METER, rollover=100_000, max_power=4000)
    form = await add_part(hass, entry, "source", entity_id=METER)
    assert form["errors"] == {"entity_id": "metered_already"}
    with pytest.raises(InvalidData):  # it would count itself
        await add_part(hass, entry, "source", entity_id="sensor.sunny_roof_lifetime_energy")
    await add_part(hass, entry, "source", entity_id="sensor.inverter_power", name="Now")
    first, second = entry.subentries.values()
    assert first.title == "Inverter"
    assert first.data == {
        "source": "inverter_energy",
        "entity_id": METER,
        "source_kind": "cumulative",
        "rollover": 100_000,
        "max_power": 4000,
    }
    assert (second.title, second.data["source_kind"]) == ("Now", "power")
    assert entry.state is ConfigEntryState.LOADED

    flow = await change_part(hass, entry, first)
    result = await hass.config_entries.subentries.async_configure(
        flow["flow_id"], {"entity_id": "sensor.other_energy", "name": "Roof"}
    )
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    first = entry.subentries[first.subentry_id]
    assert first.data == {
        "source": "inverter_energy",
        "entity_id": "sensor.other_energy",
        "source_kind": "cumulative",
    }, "its name in the log stays"


async def test_parties(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
    entry = await add_teller(hass)
    hass.states.async_set("notify.phone", "unknown")
    form = await add_part(hass, entry, "party", role="recipient", name="Ann", actions=["light.turn_on"])
    assert form["errors"] == {"actions": "invalid_action"}
    await add_part(hass, entry, "party", role="recipient", name="Ann", notify=["notify.phone"], actions=["notify.mail"])
    (party,) = entry.subentries.values()
    assert party.data == {"role": "recipient", "name": "Ann", "notify": ["notify.phone", "notify.mail"]}
    flow = await change_part(hass, entry, party)
    shown = {key.schema: key.description for key in flow["data_schema"].schema}
    assert shown["notify"] == {"suggested_value": ["notify.phone"]}
    assert shown["actions"] == {"suggested_value": ["notify.mail"]}
    await hass.config_entries.subentries.async_configure(flow["flow_id"], {"role": "investor", "name": "Bea"})
    await hass.async_block_till_done()
    (party,) = entry.subentries.values()
    assert (party.title, party.data["notify"]) == ("Bea", [])
    caplog.clear()  # nobody delivers here


async def test_link(hass: HomeAssistant) -> None:
    entry = await add_teller(hass)
    capability = entry.data["capability"]
    await reconfigure(hass, entry, ("teller_link", {"renew": False}))
    assert entry.data["capability"] == capability
    await reconfigure(hass, entry, ("teller_link", {"renew": True}))
    assert entry.data["capability"] != capability
