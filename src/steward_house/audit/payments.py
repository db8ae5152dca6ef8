"""Checks the payments that the books say were made, in the ledger where a Horizon is given.

A payment counts for what the ledger says that it brought: so much of the asset, to the creditor's account, with the period's memo.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
import json
import re
from typing import Final

from ..protocol.books.entries import Payment, PaymentStep, Settings
from ..protocol.books.memo import payment_memo, text_memo
from ..protocol.fields import Json
from .anchors import read_transaction
from .books import At, Books, Place
from .findings import Findings
from .options import Ask, Destination

NATIVE: Final = "native"
LUMENS: Final = "XLM"
"""The one currency that lumens can pay as they are."""
_HASH: Final = re.compile("[0-9a-f]{64}", re.ASCII)
_PAYMENTS: Final = frozenset({"payment", "path_payment_strict_receive", "path_payment_strict_send", "path_payment"})
_ALL: Final = 200
"""What Horizon gives at once at most; a transaction has 100 operations at most."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """Where a payment has to have arrived."""

    account: str
    asset: str


class PaymentCheck:
    """Checks confirmed payments, which count as paid; one without a transaction only by the creditor's receipt."""

    def __init__(
        self, books: Books, origin: str, horizon: Ask | None, destination: Destination, findings: Findings
    ) -> None:
        """Take the books, the origin of the log's first generation, and where payments have to arrive as far as the auditor knows that."""
        self._books = books
        self._origin = origin
        self._horizon = horizon
        self._destination = destination
        self._findings = findings
        self._told: set[_Expected] = set()
        self._hashes: dict[str, str] = {}
        """By transactions' places in the ledger: one that was wrapped for its fee has two hashes."""

    def check(self) -> None:
        """Check all payments."""
        findings = self._findings
        for each in self._books.payments:
            entry = each.entry
            if entry.step is not PaymentStep.CONFIRMED:
                continue
            findings.generation = each.place.generation
            if entry.tx is None:
                findings.note("payment_claimed", entry=each.place.entry, period=entry.period)
            elif self._horizon is not None:
                self._look_up(self._horizon, each, entry.tx)
        findings.generation = None

    def _look_up(self, horizon: Ask, at: At[Payment], tx: str) -> None:
        """Compare a payment with the ledger."""
        entry, place, problem = at.entry, at.place.entry, self._findings.problem
        found = read_transaction(horizon, tx) if _HASH.fullmatch(tx) else None
        if found is None:
            problem("payment_unknown", entry=place, tx=tx[:64])
            return
        if found.get("successful") is not True:
            problem("payment_failed", entry=place, tx=tx)
            return
        memo = payment_memo(self._origin, entry.project, entry.period)
        memos = {("hash", b64encode(memo).decode()), ("text", text_memo(memo))}
        if (found.get("memo_type"), found.get("memo")) not in memos:
            problem("payment_memo", entry=place, tx=tx, period=entry.period)
        if (other := self._hashes.setdefault(str(found.get("paging_token") or tx), tx)) != tx:
            problem("payment_twice", entry=place, tx=tx, other=other)
        if (expected := self._expected(at.place)) is None:
            problem("payment_nowhere", entry=place, tx=tx)
            return
        arrived = _arrived(horizon, tx, expected)
        values = {"tx": tx, "account": expected.account, "asset": expected.asset}
        if arrived is None:
            problem("payment_unknown", entry=place, tx=tx)
        elif not arrived:
            problem("payment_elsewhere", entry=place, **values)
        elif arrived != entry.amount:
            problem("payment_amount", entry=place, **values, arrived=f"{arrived:f}", amount=f"{entry.amount:f}")

    def _expected(self, place: Place) -> _Expected | None:
        """Return where a payment has to have arrived: by the auditor's word, else by that of the settings that were in force."""
        pay = _pay(self._settings(place))
        account = self._destination.account or _text(pay, "destination")
        asset = self._destination.asset or _text(pay, "asset")
        if not account or not asset:
            return None
        expected = _Expected(account, asset)
        if expected not in self._told:
            self._told.add(expected)
            if not (self._destination.account and self._destination.asset):
                self._findings.note("payment_settings", entry=place.entry, account=account, asset=asset)
            terms = self._books.account.terms
            if not self._destination.asset and asset == NATIVE and terms is not None and terms.currency != LUMENS:
                self._findings.problem("payment_currency", entry=place.entry, currency=terms.currency)
        return expected

    def _settings(self, place: Place) -> Settings | None:
        """Return the settings that were in force at an entry."""
        before = (
            each.entry
            for each in reversed(self._books.settings)
            if (each.place.generation, each.place.entry) < (place.generation, place.entry)
        )
        return next(before, None)


def _arrived(horizon: Ask, tx: str, expected: _Expected) -> Decimal | None:
    """Return how much a transaction brought to where it has to arrive; None if the Horizon's answer says nothing."""
    body = horizon(f"transactions/{tx}/payments?limit={_ALL}")
    try:
        answer = None if body is None else json.loads(body)
        records = answer["_embedded"]["records"] if answer else None
        if not isinstance(records, list):
            return None
        return sum(_amounts(records, expected), Decimal(0))
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation, RecursionError):
        return None


def _amounts(records: list[dict[str, Json]], expected: _Expected) -> Iterator[Decimal]:
    for record in records:
        if record.get("type") not in _PAYMENTS or record.get("to") != expected.account:
            continue
        if record.get("transaction_successful") is False:
            continue
        token = f"{record.get('asset_code')}:{record.get('asset_issuer')}"
        if (NATIVE if record.get("asset_type") == NATIVE else token) != expected.asset:
            continue
        amount = Decimal(str(record["amount"]))
        if not amount.is_finite() or amount < 0:
            raise ValueError(record["amount"])
        yield amount


def _pay(settings: Settings | None) -> dict[str, Json]:
    pay = settings.settings.get("pay") if settings else None
    return pay if isinstance(pay, dict) else {}


def _text(pay: dict[str, Json], name: str) -> str:
    value = pay.get(name)
    return value[:128] if isinstance(value, str) else ""
