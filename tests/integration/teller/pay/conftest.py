"""A project whose debt is paid with Stellar: a creditor, a house with an account, a Horizon, ways to reach people, and a month of sun."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from stellar_sdk import Account, Asset, Keypair, TransactionBuilder

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.books.entries import Notice, Payment
from custom_components.steward.protocol.books.memo import payment_memo
from custom_components.steward.protocol.log.note import Signer
from custom_components.steward.teller.teller import Teller
from tests.anchorage.horizon import PASSPHRASE, HorizonServer
from tests.anchorage.server import Server

from ..conftest import METER, add_part, add_teller, entries_of, later, meter_says
from .post import MAIL, PHONE, Post, open_post

ISSUER = Keypair.random().public_key
EURC = f"EURC:{ISSUER}"
CREDITOR = Signer("creditor.example", bytes(range(2, 34)))
FIRST = "2026-06-01"
"""The first period's id; periods are four weeks long."""


class PayHorizon(HorizonServer):
    """Also tells what an account received, as Horizon does: one record per payment, with its transaction."""

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/accounts/{account}/payments", self._received)]

    async def _received(self, request: web.Request) -> web.Response:
        assert request.query["order"] == "asc"
        assert request.query["join"] == "transactions"
        account, limit = request.match_info["account"], int(request.query["limit"])
        assert 0 < limit <= 200
        cursor = int(request.query["cursor"])
        records = []
        for each in self.of(account):
            if not each["successful"] or not self.elder <= each["ledger"] <= self._told:
                continue
            transaction = {name: value for name, value in each.items() if not name.startswith("_")}
            for index, payment in enumerate(each["_payments"], 1):
                token = int(each["paging_token"]) + index
                if token > cursor and account in (payment["from"], payment["to"]):
                    records.append(
                        {
                            **payment,
                            "paging_token": str(token),
                            "transaction_hash": each["hash"],
                            "transaction_successful": True,
                            "source_account": payment["from"],
                            "created_at": each["created_at"],
                            "transaction": transaction,
                        }
                    )
        return web.json_response({"_embedded": {"records": records[:limit]}})

    def pay(self, payer: Keypair, to: str, *amounts: str, memo: bytes | str | None = None, asset: str = EURC) -> str:
        """Let somebody pay with a wallet; returns the transaction's hash."""
        source = Account(payer.public_key, self.accounts[payer.public_key].sequence)
        builder = TransactionBuilder(source, PASSPHRASE, 100).add_time_bounds(0, 0)
        match memo:
            case bytes():
                builder.add_hash_memo(memo)
            case str():
                builder.add_text_memo(memo)
        for amount in amounts:
            token = Asset.native() if asset == "native" else Asset(*asset.split(":"))
            builder.append_payment_op(to, token, amount)
        envelope = builder.build()
        envelope.sign(payer)
        assert self._check(envelope) is None
        self._queue.append(envelope)
        self.close()
        return envelope.hash_hex()

    def paid(self, account: str) -> list[str]:
        """Return the amounts that an account has received."""
        return [
            payment["amount"]
            for each in self.of(account)
            if each["successful"]
            for payment in each["_payments"]
            if payment["to"] == account
        ]


class Project:
    """A project, its people and its ledger."""

    def __init__(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, horizon: PayHorizon, post: Post) -> None:
        self.hass = hass
        self.freezer = freezer
        self.horizon = horizon
        self.post = post
        self.creditor, self.house, self.friend = Keypair.random(), Keypair.random(), Keypair.random()
        for key in (self.creditor, self.house, self.friend):
            horizon.fund(key, **{EURC.replace(":", "__"): "1000"})
        self.energy = 1000.0
        self.entry: ConfigEntry

    async def add(self, *, pay: dict[str, Any] | None = None, stellar: bool = True, parties: bool = True) -> None:
        """Add it as a user would."""
        hass = self.hass
        network = {"horizon": self.horizon.url, "network": PASSPHRASE, "anchor": False}
        steps: list[tuple[str, dict[str, Any]]] = [("teller_stellar", network)] if stellar else []
        if pay is not None:
            steps.append(
                ("teller_pay", {"destination": self.creditor.public_key, "pay_asset": EURC, "automatic": False} | pay)
            )
        meter_says(hass, self.energy)
        self.entry = await add_teller(hass, *steps)
        await add_part(hass, self.entry, "source", entity_id=METER, name="Inverter", max_power=5000)
        if parties:
            for role, name, targets in (
                ("recipient", "Rosa", {"notify": [PHONE]}),
                ("platform", "Sunrise", {"actions": [MAIL]}),
                ("guarantor", "Gus", {"actions": ["notify.gus"]}),
                ("investor", "Ines", {"actions": ["notify.ines"]}),
            ):
                await add_part(hass, self.entry, "party", role=role, name=name, **targets)
        await self.settle()
        self.post.take()

    @property
    def automatic(self) -> dict[str, Any]:
        """What a user enters for automatic payments."""
        return {"automatic": True, "ceiling": 15, "secret_key": self.house.secret}

    @property
    def teller(self) -> Teller:
        return self.entry.runtime_data

    @property
    def issue(self) -> ir.IssueEntry | None:
        """The issue that a payment is due."""
        return ir.async_get(self.hass).async_get_issue(DOMAIN, f"payment_due_{self.entry.entry_id}")

    def memo(self, period: str = FIRST) -> bytes:
        """What a payment for a period is found by."""
        return payment_memo(self.entry.data["origin"], self.entry.data["project"], period)

    async def settle(self) -> None:
        """Let what is under way come to its end."""
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def wait(self, **delta: float) -> None:
        """Let time pass, in the house and in the ledger."""
        self.horizon.close(int(timedelta(**delta).total_seconds()))
        await later(self.hass, self.freezer, **delta)

    async def be(self, moment: str) -> None:
        """Let it be some time; nothing is heard of the meter until shortly before it, then it goes on from there."""
        then = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        meter_says(self.hass, "unavailable")
        await self.settle()
        for seconds in ((then - datetime.now(UTC)).total_seconds() - 600, 180, 180, 180, 180):
            await self.wait(seconds=seconds)
            self.energy = round(self.energy + 0.001, 3)
            meter_says(self.hass, self.energy)
            await self.settle()
        for _ in range(2):  # the log is written to now and then
            await self.wait(minutes=6)

    async def produce(self, kwh: float, until: str) -> None:
        """Let the sun shine until a moment."""
        self.energy += kwh
        await self.be(until)

    async def first_period(self, kwh: float = 50) -> None:
        """Let the first period go by; it owes 0.20 for each kilowatt-hour. It is due on 2026-07-13."""
        await self.produce(kwh, "2026-06-29T07:00:00")
        meter_says(self.hass, "unavailable")
        await self.settle()

    async def repair(self, *choices: str | dict[str, Any]) -> dict[str, Any]:
        """Go through the repair: a menu's item is a text, a form's input a dict."""
        assert self.issue
        flows = self.hass.data["repairs"]["flow_manager"]
        flow = await flows.async_init(DOMAIN, data={"issue_id": self.issue.issue_id})
        for choice in choices:
            given = {"next_step_id": choice} if isinstance(choice, str) else choice
            flow = await flows.async_configure(flow["flow_id"], given)
        await self.settle()
        return flow

    async def press(self) -> None:
        """Press the button 'Pay now'."""
        (button,) = [each for each in self.hass.states.async_entity_ids("button") if each.endswith("pay_now")]
        await self.hass.services.async_call("button", "press", {"entity_id": button}, blocking=True)
        await self.settle()

    async def reload(self) -> None:
        """Reload the entry."""
        assert await self.hass.config_entries.async_reload(self.entry.entry_id)
        await self.settle()

    async def steps(self, period: str = FIRST) -> list[str]:
        """Return the steps of a period's payment, as the log has them."""
        return [each.step.value for each in await self.payments(period)]

    async def payments(self, period: str = FIRST) -> list[Payment]:
        """Return them in full."""
        found = [each for each in await entries_of(self.hass, self.entry) if isinstance(each, Payment)]
        return [each for each in found if each.period == period]

    async def notices(self) -> list[tuple[str, str, str]]:
        """Return which notices the log has: level, party, step."""
        found = [each for each in await entries_of(self.hass, self.entry) if isinstance(each, Notice)]
        return [(each.level, each.party, each.step.value) for each in found]


@pytest.fixture
async def horizon(socket_enabled: None) -> AsyncIterator[Server]:
    """Return a Horizon that is at the house's time."""
    async with PayHorizon(int(datetime(2026, 6, 1, 10, tzinfo=UTC).timestamp())) as server:
        yield server


@pytest.fixture
async def project(hass: HomeAssistant, noon: FrozenDateTimeFactory, horizon: PayHorizon) -> Project:
    """Return a project that isn't added yet."""
    hass.config.currency = "EUR"
    assert await async_setup_component(hass, "repairs", {})
    post = await open_post(hass)
    return Project(hass, noon, horizon, post)
