"""Payments that the books count, beside what a ledger has: whom they went to, in what, how much, and for which period."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
import json
from typing import Any

import pytest
from stellar_sdk import Account, Asset, Keypair, TransactionBuilder

from steward_house.audit.fetching import Address
from steward_house.audit.options import Agreed, Destination, Options
from steward_house.audit.result import Report
from steward_house.audit.verify import verify
from steward_house.audit.words import sentence
from steward_house.protocol.books.entries import Payment, PaymentStep, Settings
from steward_house.protocol.books.memo import payment_memo, text_memo
from tests.anchorage.horizon import PASSPHRASE, HorizonServer

from .world import BEGIN, CREDITOR, KEYS, ORIGIN, House, source, terms

NOW = BEGIN + timedelta(days=10)
FIRST, SECOND = "2026-03-02", "2026-03-09"
ISSUER = Keypair.random().public_key
EURC = f"EURC:{ISSUER}"
CHEAP = f"EURC:{Keypair.random().public_key}"
"""The same code, of somebody who gives it away."""


class Ledger:
    """A ledger with a house that pays, a creditor, and somebody else."""

    def __init__(self) -> None:
        self.horizon = HorizonServer()
        self.house, self.creditor, self.friend = (Keypair.random() for _ in range(3))
        for key in (self.house, self.creditor, self.friend):
            self.horizon.fund(key, **{asset.replace(":", "__"): "1000" for asset in (EURC, CHEAP)})

    def pay(
        self,
        *amounts: str,
        to: Keypair | None = None,
        asset: str = EURC,
        memo: bytes | str | None = None,
        more: Any = (),
    ) -> str:
        """Pay in one transaction; `more` are payments (whom, how much, in what) that go along."""
        account = Account(self.house.public_key, self.horizon.accounts[self.house.public_key].sequence)
        builder = TransactionBuilder(account, PASSPHRASE, 100).add_time_bounds(0, 0)
        memo = payment_memo(ORIGIN, "Roof 7", FIRST) if memo is None else memo
        builder = builder.add_hash_memo(memo) if isinstance(memo, bytes) else builder.add_text_memo(memo)
        for whom, amount, what in [*more, *((to or self.creditor, amount, asset) for amount in amounts)]:
            token = Asset.native() if what == "native" else Asset(*what.split(":"))
            builder.append_payment_op(whom.public_key, token, amount)
        envelope = builder.build()
        envelope.sign(self.house)
        self.horizon._queue.append(envelope)
        self.horizon.close()
        return envelope.hash_hex()

    def settings(self, **pay: str) -> dict[str, Any]:
        return {"pay": {"destination": self.creditor.public_key, "asset": EURC, **pay}}


def confirm(house: House, tx: str | None, amount: str = "10", period: str = FIRST) -> int:
    step = PaymentStep.CONFIRMED
    return house.write(Payment(at=house.at, project="Roof 7", period=period, step=step, amount=Decimal(amount), tx=tx))


def audit(ledger: Ledger, house: House, destination: Destination | None = None) -> Report:
    """Audit with the ledger's Horizon."""

    def check(url: str) -> Report:
        with Address(url) as address:
            options = Options(
                agreed=Agreed(None, CREDITOR.vkey),
                horizon=address.read,
                recheck=False,
                destination=destination or Destination(ledger.creditor.public_key, EURC),
            )
            return verify(source(house.log), KEYS, options, NOW)

    async def serve() -> Report:
        async with ledger.horizon as horizon:
            return await asyncio.to_thread(check, horizon.url)

    return asyncio.run(serve())


def found(report: Report, severity: str = "problem") -> list[tuple[str, int | None]]:
    return [(item.code, item.entry) for item in report.findings if item.severity == severity]


@pytest.mark.parametrize("memo", [None, text_memo(payment_memo(ORIGIN, "Roof 7", FIRST))])
def test_right(memo: str | None) -> None:
    """What one transaction brought is added up; what else it paid doesn't matter."""
    ledger, house = Ledger(), House()
    more = [(ledger.friend, "1", EURC), (ledger.creditor, "2", CHEAP), (ledger.creditor, "3", "native")]
    confirm(house, ledger.pay("4", "5.5", *["0.05"] * 10, memo=memo, more=more))
    report = audit(ledger, house)
    assert report.ok
    assert "payment_settings" not in dict(found(report, "note"))
    assert {check.name: check.outcome.value for check in report.checks}["ledger"] == "right"


@pytest.mark.parametrize(
    ("pay", "amount", "code"),
    [
        (lambda ledger: ledger.pay("10", to=ledger.friend), "10", "payment_elsewhere"),
        (lambda ledger: ledger.pay("10", asset=CHEAP), "10", "payment_elsewhere"),
        (lambda ledger: ledger.pay("10", asset="native"), "10", "payment_elsewhere"),
        (lambda ledger: ledger.pay("9.9999999"), "10", "payment_amount"),
        (lambda ledger: ledger.pay("10"), "9", "payment_amount"),
        (lambda ledger: ledger.pay("10", memo=payment_memo(ORIGIN, "Roof 7", SECOND)), "10", "payment_memo"),
        (
            lambda ledger: ledger.pay("10", memo=payment_memo(f"{ORIGIN}/2-abcdefgh", "Roof 7", FIRST)),
            "10",
            "payment_memo",
        ),
        (lambda ledger: ledger.pay("2000"), "2000", "payment_failed"),
        (lambda ledger: ledger.pay("10").upper(), "10", "payment_unknown"),
        (lambda _: "ab" * 32, "10", "payment_unknown"),
        (lambda _: "../ledgers/1", "10", "payment_unknown"),
    ],
)
def test_wrong(pay: Callable[[Ledger], str], amount: str, code: str) -> None:
    ledger, house = Ledger(), House()
    at = confirm(house, pay(ledger), amount)
    report = audit(ledger, house)
    assert found(report) == [(code, at)]
    assert next(each for each in report.findings if each.code == code).generation == 1


def test_one_payment_for_two_periods() -> None:
    """It counts for one, with or without a Horizon."""
    ledger, house = Ledger(), House()
    tx = ledger.pay("10")
    confirm(house, tx)
    again = confirm(house, tx, period=SECOND)
    assert found(audit(ledger, house)) == [("account_twice", again), ("payment_memo", again)]
    report = verify(source(house.log), KEYS, Options(recheck=False), NOW)
    assert found(report) == [("account_twice", again)]
    assert report.balance == "-10"


def test_one_payment_with_two_hashes() -> None:
    """Somebody else may pay a transaction's fee, and wrap it for that: Horizon knows it by both hashes."""
    ledger, house = Ledger(), House()
    tx = ledger.pay("10")
    ledger.horizon.transactions.append({**ledger.horizon.transactions[-1], "hash": "ef" * 32})
    confirm(house, tx)
    again = confirm(house, "ef" * 32)
    assert found(audit(ledger, house)) == [("payment_twice", again)]


def test_by_the_settings() -> None:
    """Without the auditor's own word, that of the settings in force counts, and the report says so."""
    ledger, house = Ledger(), House()
    confirm(house, tx := ledger.pay("10"))
    assert [code for code, _ in found(audit(ledger, house, Destination()))] == ["payment_nowhere"]

    house = House()
    house.write(Settings(at=house.at, settings=ledger.settings()))
    first = confirm(house, tx)
    house.write(Settings(at=house.at, settings=ledger.settings(destination=ledger.friend.public_key)))
    second = confirm(house, ledger.pay("5", to=ledger.friend), "5")
    report = audit(ledger, house, Destination())
    assert report.ok
    notes = [item for item in report.findings if item.code == "payment_settings"]
    assert [(each.entry, each.values["account"]) for each in notes] == [
        (first, ledger.creditor.public_key),
        (second, ledger.friend.public_key),
    ]
    assert ledger.friend.public_key in sentence(notes[1], "de")
    assert found(audit(ledger, house)) == [("payment_elsewhere", second)]
    assert found(audit(ledger, house, Destination(asset=CHEAP))) == [
        ("payment_elsewhere", first),
        ("payment_elsewhere", second),
    ]


@pytest.mark.parametrize("pay", [7, {"destination": 7, "asset": []}])
def test_settings_that_say_nothing(pay: object) -> None:
    ledger, house = Ledger(), House()
    house.write(Settings(at=house.at, settings={"pay": pay}))
    at = confirm(house, ledger.pay("10"))
    assert found(audit(ledger, house, Destination())) == [("payment_nowhere", at)]


@pytest.mark.parametrize(("currency", "codes"), [("EUR", ["payment_currency"]), ("XLM", [])])
def test_lumens_are_no_euros(currency: str, codes: list[str]) -> None:
    ledger, house = Ledger(), House(the_terms=terms(currency=currency))
    house.write(Settings(at=house.at, settings=ledger.settings(asset="native")))
    confirm(house, ledger.pay("10", asset="native"))
    assert [code for code, _ in found(audit(ledger, house, Destination()))] == codes
    assert audit(ledger, house, Destination(asset="native")).ok  # the auditor knows what was agreed


@pytest.mark.parametrize(
    "payments",
    [
        None,
        b"[",
        b"7",
        b"{}",
        b'{"_embedded": {"records": 7}}',
        b'{"_embedded": {"records": [7]}}',
        *(
            json.dumps(
                {"_embedded": {"records": [{"type": "payment", "to": "G", "asset_type": "native", **amount}]}}
            ).encode()
            for amount in ({}, {"amount": "x"}, {"amount": "NaN"}, {"amount": "-1"}, {"amount": None})
        ),
    ],
)
def test_nonsense(payments: bytes | None) -> None:
    house = House()
    at = confirm(house, "ab" * 32)
    memo = text_memo(payment_memo(ORIGIN, "Roof 7", FIRST))
    transaction = json.dumps({"successful": True, "memo_type": "text", "memo": memo}).encode()

    def horizon(path: str) -> bytes | None:
        return payments if "payments" in path else transaction

    options = Options(recheck=False, horizon=horizon, destination=Destination("G", "native"))
    assert found(verify(source(house.log), KEYS, options, NOW)) == [("payment_unknown", at)]


def test_a_claim_names_no_transaction() -> None:
    ledger, house = Ledger(), House()
    at = confirm(house, None)
    report = audit(ledger, house)
    assert found(report) == [("account_waived", at)]
    assert ("payment_claimed", at) in found(report, "note")
