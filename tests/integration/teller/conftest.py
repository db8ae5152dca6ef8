"""What the teller's tests share: a solar inverter's entities, and a teller that a user has added through the flows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.books.entries import Entry, decode
from custom_components.steward.teller.teller import Teller

METER = "sensor.inverter_energy"
START = "2026-06-01T10:00:00+00:00"

PROJECT = {"project": "Sunny roof", "asset": "Solar, 4 kWp", "currency": "EUR", "record_location": True}
PERIOD = {
    "count": 4,
    "unit": "weeks",
    "start": "2026-06-01",
    "due_days": 14,
    "worth": "register_estimate",
    "after": 15,
}


async def fill_in(hass: HomeAssistant, flow: Any, *steps: tuple[str, dict[str, Any] | None]) -> Any:
    """Go through a flow: choose a menu's item (without input), or fill in the form of that name."""
    for step, values in steps:
        if flow["type"] is FlowResultType.MENU:
            assert step in flow["menu_options"], flow["menu_options"]
            flow = await hass.config_entries.flow.async_configure(flow["flow_id"], {"next_step_id": step})
        if values is not None:
            assert flow["step_id"] == step, flow
            flow = await hass.config_entries.flow.async_configure(flow["flow_id"], values)
    return flow


async def add_teller(hass: HomeAssistant, *more: tuple[str, dict[str, Any]], price: float = 0.2) -> ConfigEntry:
    """Add a teller as a user would, and return its entry."""
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await fill_in(
        hass,
        flow,
        ("teller", PROJECT),
        ("teller_tariff_fixed", {"price": price}),
        ("teller_period", PERIOD),
        *more,
        ("teller_finish", None),
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    await hass.async_block_till_done()
    return result["result"]


async def reconfigure(hass: HomeAssistant, entry: ConfigEntry, *steps: tuple[str, dict[str, Any] | None]) -> Any:
    """Go through the sections of an entry as a user would, and wait until it is set up again."""
    flow = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": "reconfigure", "entry_id": entry.entry_id}
    )
    result = await fill_in(hass, flow, *steps)
    await hass.async_block_till_done()
    return result


async def add_part(hass: HomeAssistant, entry: ConfigEntry, kind: str, **values: Any) -> Any:
    """Add a source or a party as a user would."""
    flow = await hass.config_entries.subentries.async_init((entry.entry_id, kind), context={"source": SOURCE_USER})
    assert flow["type"] is FlowResultType.FORM
    result = await hass.config_entries.subentries.async_configure(flow["flow_id"], values)
    await hass.async_block_till_done()
    return result


async def change_part(hass: HomeAssistant, entry: ConfigEntry, part: ConfigSubentry) -> Any:
    """Begin to change a source or a party, and return its form."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, part.subentry_type),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": part.subentry_id},
    )


def meter_says(hass: HomeAssistant, kwh: float | str, entity_id: str = METER) -> None:
    """Let the inverter's register tell something."""
    attributes = {"device_class": "energy", "unit_of_measurement": "kWh", "friendly_name": "Inverter"}
    hass.states.async_set(entity_id, str(kwh), attributes)


async def later(hass: HomeAssistant, freezer: FrozenDateTimeFactory, **delta: float) -> None:
    """Let time pass at once, and what was due with it be done."""
    freezer.tick(timedelta(**delta))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def entries_of(hass: HomeAssistant, entry: ConfigEntry) -> list[Entry]:
    """Return what is in the books on disk."""
    teller: Teller = entry.runtime_data
    await teller.books.writer.async_flush()
    return [decode(data) for data in await hass.async_add_executor_job(lambda: list(teller.storage.entries()))]


@pytest.fixture
def noon(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Let it be a day in the first period."""
    freezer.move_to(START)
    return freezer


@pytest.fixture
async def entry(hass: HomeAssistant, noon: FrozenDateTimeFactory) -> ConfigEntry:
    """Return a teller with one source, that has told its register once."""
    hass.config.currency = "EUR"
    meter_says(hass, 1000)
    entry = await add_teller(hass)
    assert entry.state is ConfigEntryState.LOADED
    await add_part(hass, entry, "source", entity_id=METER, name="Inverter", max_power=5000)
    assert entry.state is ConfigEntryState.LOADED
    return entry


@pytest.fixture
def find(hass: HomeAssistant) -> Callable[[str], Any]:
    """Return what finds the state of one of the teller's entities, by the end of its id."""

    def found(name: str) -> Any:
        state = hass.states.get(name)
        assert state is not None, sorted(hass.states.async_entity_ids())
        return state

    return found
