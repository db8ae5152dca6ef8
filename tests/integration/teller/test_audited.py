"""What the teller wrote, audited: the filter run again finds no deviation, and the auditor's account is the hub's, to the cent."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
import shutil
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant

from custom_components.steward.log.errors import LogFull
from custom_components.steward.log.generations import Cause
from custom_components.steward.log.marker import OWN, remove_marker, write_marker
from custom_components.steward.log.storage import LogStorage
from custom_components.steward.protocol.books.entries import Outage, decode
from custom_components.steward.protocol.log.note import Signer, sign_note
from custom_components.steward.teller.teller import Teller
from steward_house.audit.heads import Keys
from steward_house.audit.options import Agreed, Options
from steward_house.audit.result import Report
from steward_house.audit.sources import open_folder
from steward_house.audit.verify import verify

from .conftest import METER, PERIOD, add_part, fill_in, later, meter_says, reconfigure

CREDITOR = Signer("creditor.example", bytes(range(32)))
SHED = "sensor.shed_energy"
UNSIGNED = {"account_unsigned_terms", "account_source", "account_price"}
"""What an auditor is told of terms that nobody signed: they, and the source and the price that only they know, don't count."""


class Roof:
    """A teller, what its meters show, and an auditor."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, clock: FrozenDateTimeFactory) -> None:
        """Begin where the fixture's meter stands."""
        self.hass = hass
        self.entry = entry
        self.clock = clock
        self.kwh = {METER: 1000.0}
        self.key = self.teller.storage.verifier.vkey

    @property
    def teller(self) -> Teller:
        return self.entry.runtime_data

    async def shine(self, times: int = 4, entity_id: str = METER) -> None:
        """Let a meter count on, every minute."""
        for _ in range(times):
            await later(self.hass, self.clock, minutes=1)
            self.kwh[entity_id] = round(self.kwh.get(entity_id, 5) + 0.05, 3)
            meter_says(self.hass, self.kwh[entity_id], entity_id)
        await later(self.hass, self.clock, seconds=2)

    async def say(self, *states: str) -> None:
        """Let the inverter tell something that it hasn't measured."""
        for state in states:
            await later(self.hass, self.clock, seconds=10)
            meter_says(self.hass, state)

    async def terms(self) -> dict[str, Any]:
        """Have the creditor sign the terms as they are configured."""
        flow = await self.hass.config_entries.flow.async_init(
            "steward", context={"source": "reconfigure", "entry_id": self.entry.entry_id}
        )
        form = await fill_in(self.hass, flow, ("teller_creditor", {"creditor": CREDITOR.vkey}))
        text = next(key.description["suggested_value"] for key in form["data_schema"].schema if key == "terms")
        note = sign_note(text, CREDITOR).decode()
        result = await fill_in(self.hass, form, ("teller_terms", {"signed_terms": note}))
        await self.hass.async_block_till_done()
        return result

    async def lose_power(self, **delta: float) -> None:
        """End without a word, and start again later."""
        with patch.object(Teller, "async_shut_down"):
            await self.hass.config_entries.async_unload(self.entry.entry_id)
        self.clock.tick(timedelta(**delta))
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await later(self.hass, self.clock, seconds=2)

    async def audit(self, creditor: str | None = CREDITOR.vkey) -> Report:
        """Check the whole folder, with the filter run again, and compare it with what the hub shows now and after a restart."""
        await self.teller.async_commit()
        folder = self.teller.books.folder
        report = await self.hass.async_add_executor_job(
            lambda: verify(open_folder(folder), Keys.parse(self.key), Options(agreed=Agreed(None, creditor)))
        )
        wrong = {each.code for each in report.findings if each.severity == "problem"}
        assert wrong <= UNSIGNED, report.findings
        before = self.books()
        assert before == (report.owed, report.balance, report.energy)
        assert await self.hass.config_entries.async_reload(self.entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)
        assert self.books() == before
        return report

    def books(self) -> tuple[str, str, int]:
        """Return what is owed, that less what was paid, and the energy, as the hub has it."""
        account = self.teller.account
        return f"{account.owed():f}", f"{account.balance():f}", account.energy


async def roof_of(hass: HomeAssistant, entry: ConfigEntry, clock: FrozenDateTimeFactory) -> Roof:
    roof = Roof(hass, entry, clock)
    await roof.shine()
    return roof


async def test_a_whole_life(hass: HomeAssistant, entry: ConfigEntry, noon: FrozenDateTimeFactory, caplog: Any) -> None:
    roof = await roof_of(hass, entry, noon)
    await roof.say("0", "-3", "99999", "nonsense", f"{roof.kwh[METER]}")
    await roof.shine()

    hass.states.async_set(METER, STATE_UNAVAILABLE)
    await later(hass, noon, minutes=20)
    await roof.shine()
    await roof.lose_power(hours=3)
    await roof.shine()

    assert (await roof.terms())["reason"] == "reconfigure_successful"
    await roof.shine()
    await roof.audit()

    # A source that only unsigned terms name is read and doesn't count, until the creditor signs; which takes effect in future.
    meter_says(hass, 5, SHED)
    await add_part(hass, entry, "source", entity_id=SHED, name="Shed", max_power=5000)
    await roof.shine(entity_id=SHED)
    await roof.shine()
    assert roof.teller.account.terms.source("shed_energy") is None
    await reconfigure(hass, entry, ("teller_period", {**PERIOD, "start": "2026-06-02"}))
    await roof.terms()
    assert roof.teller.account.history.latest.since > noon().timestamp() * 1000
    await roof.shine()
    await roof.shine(entity_id=SHED)
    await roof.audit()
    noon.move_to("2026-06-02T06:59:30+00:00")
    for _ in range(10):
        await roof.shine(1)
        await roof.shine(1, entity_id=SHED)
    assert roof.teller.account.energy_of("shed_energy") > 0
    await roof.audit()

    # Another price: unsigned, then left to an entity and signed.
    await reconfigure(hass, entry, ("teller_tariff", None), ("teller_tariff_fixed", {"price": 0.01}))
    await roof.shine()
    hass.states.async_set("sensor.price", "0.3")
    await reconfigure(
        hass, entry, ("teller_tariff", None), ("teller_tariff_entity", {"entity_id": "sensor.price", "price": 0.2})
    )
    await roof.terms()
    await roof.shine()
    hass.states.async_set("sensor.price", "0.4")
    await roof.shine()

    with patch.object(LogStorage, "append", side_effect=LogFull(28, "no room")):
        await roof.shine()
        await roof.shine(2, entity_id=SHED)
    await later(hass, noon, minutes=1)
    await roof.audit()

    # A source that was taken away and not signed away is missed.
    subentry = next(each for each in entry.subentries.values() if each.data["entity_id"] == SHED)
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await hass.async_block_till_done()
    await roof.shine(30)
    assert "shed_energy" in roof.teller.history.meters.gaps(noon().astimezone())
    await roof.terms()
    assert "shed_energy" not in roof.teller.history.meters.gaps(noon().astimezone())
    await roof.shine()
    await roof.audit()

    await roof.teller.async_run(roof.teller.books._begin_new, Cause.DAMAGED, "it is another")
    await roof.shine()
    await roof.audit()

    await add_part(hass, entry, "source", entity_id=SHED, name="Shed", max_power=5000)
    await roof.terms()
    await roof.shine(3, entity_id=SHED)
    await roof.shine()
    report = await roof.audit()
    assert Decimal(report.owed) > 0
    assert len(report.generations) == 2
    assert {"gap", "generation", "outage", "reading", "tariff", "terms"} <= report.kinds.keys()
    reasons = {reason for period in report.periods for reason in period.balance.reasons}
    assert reasons >= {"ok", "first", "glitch", "sign", "unreadable"}
    caplog.clear()


async def test_a_backup_that_is_restored(
    hass: HomeAssistant, entry: ConfigEntry, noon: FrozenDateTimeFactory, tmp_path: Path, caplog: Any
) -> None:
    """What was written after the backup lies there again, and has been metered again: it counts once."""
    roof = await roof_of(hass, entry, noon)
    folder, mark = roof.teller.books.folder, roof.teller.books.mark

    def back_up() -> None:
        write_marker(folder)
        shutil.copy(mark, tmp_path / "mark")
        shutil.copytree(folder, tmp_path / "backup", ignore=shutil.ignore_patterns(OWN))
        remove_marker(folder)

    def restore() -> None:
        shutil.move(folder / "1" / "tile", tmp_path / "lost")
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "backup", folder)
        shutil.copy(tmp_path / "mark", mark)

    def put_back() -> None:
        shutil.copytree(tmp_path / "lost", folder / "1" / "tile", dirs_exist_ok=True)

    await hass.async_add_executor_job(back_up)
    await roof.shine(6)
    await roof.teller.async_commit()
    energy = roof.teller.account.energy
    with patch.object(Teller, "async_shut_down"):
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_add_executor_job(restore)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await later(hass, noon, seconds=2)
    assert roof.teller.generation == 2
    assert roof.teller.account.energy == energy
    await roof.shine(2)
    assert roof.teller.account.energy == energy + 100_000
    await roof.audit()
    await hass.async_add_executor_job(put_back)
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert roof.teller.account.energy == energy + 100_000
    caplog.clear()


async def test_an_entry_that_is_none(hass: HomeAssistant, entry: ConfigEntry, noon: FrozenDateTimeFactory) -> None:
    roof = await roof_of(hass, entry, noon)
    await hass.async_add_executor_job(roof.teller.storage.append, [b"scribble"])
    await roof.lose_power(minutes=5)
    (problem,) = [each for each in roof.teller.account.problems if each.fault == "unreadable"]
    assert problem.at > noon().astimezone() - timedelta(hours=1), "when the entry before it was made"
    last = roof.teller.storage.size - 1
    written = [decode(roof.teller.storage.entry(last - back)) for back in range(3)]
    (outage,) = [each for each in written if isinstance(each, Outage)]
    assert outage.end - outage.begin < timedelta(hours=1)
