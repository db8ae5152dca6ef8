"""Horizon with a Stellar ledger behind it, with what real ones check.

Transactions are decoded with stellar-sdk; the signature, the network, the sequence (exactly the next), the fee, the time bounds, the memo
and the payment are checked in the order of Stellar's core. A transaction that fails in the ledger costs its fee and its sequence. The
same transaction may be submitted again, and gets the same answer.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from aiohttp import web
from stellar_sdk import HashMemo, Keypair, NoneMemo, Payment, TextMemo, TransactionEnvelope
from stellar_sdk.exceptions import BadSignatureError

from .server import Server

PASSPHRASE: Final = "Standalone Network ; November 2026"
BASE_FEE: Final = 100
STROOPS: Final = Decimal(10_000_000)
CLOSING: Final = 5
"""Seconds between ledgers."""
NATIVE: Final = "native"


@dataclass
class Account:
    """An account: the sequence it used last, and its balances by asset (`native` or `CODE:ISSUER`)."""

    sequence: int
    balances: dict[str, Decimal] = field(default_factory=dict)


class HorizonServer(Server):
    """One Horizon; ledgers close when something is submitted, or by `close`.

    `silent`: what is submitted gets into the ledger, but the answer is 504; `stuck`: it doesn't get there until `release`.
    `lag`: ledgers that are left out of what it tells; `elder`: the first ledger that it tells of.
    """

    def __init__(self, now: int = 1_780_000_000) -> None:
        super().__init__()
        self.accounts: dict[str, Account] = {}
        self.transactions: list[dict[str, Any]] = []
        self.ledgers: list[int] = [now]
        self.silent = self.stuck = False
        self.lag = 0
        self.elder = 1
        self._queue: list[TransactionEnvelope] = []

    def fund(self, key: Keypair, lumens: str = "100", **assets: str) -> None:
        """Make an account; assets are given as `CODE__ISSUER="amount"`."""
        balances = {NATIVE: Decimal(lumens)} | {
            name.replace("__", ":"): Decimal(amount) for name, amount in assets.items()
        }
        self.accounts[key.public_key] = Account(len(self.ledgers) << 32, balances)

    def close(self, seconds: int = CLOSING) -> None:
        """Close a ledger."""
        self.ledgers.append(self.ledgers[-1] + seconds)
        for envelope in self._queue:
            if self._check(envelope) is None:
                self._apply(envelope)
        self._queue = []

    def of(self, account: str) -> list[dict[str, Any]]:
        """Return an account's transactions, the oldest first."""
        return [each for each in self.transactions if account in (each["source_account"], *each["_to"])]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._root),
            web.get("/ledgers/{number}", self._ledger),
            web.get("/accounts/{account}", self._account),
            web.get("/accounts/{account}/transactions", self._of_account),
            web.get("/transactions/{hash}", self._transaction),
            web.get("/transactions/{hash}/payments", self._payments),
            web.post("/transactions", self._submit),
        ]

    @property
    def _told(self) -> int:
        """The number of the last ledger that is told of."""
        return max(1, len(self.ledgers) - self.lag)

    async def _root(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "horizon_version": "27.0.0",
                "history_latest_ledger": self._told,
                "history_latest_ledger_closed_at": _text(self.ledgers[self._told - 1]),
                "history_elder_ledger": self.elder,
                "core_latest_ledger": len(self.ledgers),
                "network_passphrase": PASSPHRASE,
            }
        )

    async def _ledger(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if not self.elder <= number <= self._told:
            raise _problem(404, "not_found")
        return web.json_response({"sequence": number, "closed_at": _text(self.ledgers[number - 1])})

    async def _account(self, request: web.Request) -> web.Response:
        if (account := self.accounts.get(name := request.match_info["account"])) is None:
            raise _problem(404, "not_found")
        later = [each for each in self.transactions if each["source_account"] == name and each["ledger"] > self._told]
        return web.json_response({"id": name, "sequence": str(account.sequence - len(later))})

    async def _of_account(self, request: web.Request) -> web.Response:
        limit = int(request.query.get("limit", "10"))
        if not 0 < limit <= 200:
            raise _problem(400, "bad_request")
        records = [
            each for each in self.of(request.match_info["account"]) if self.elder <= each["ledger"] <= self._told
        ]
        if request.query.get("include_failed") != "true":
            records = [each for each in records if each["successful"]]
        newest_first = request.query.get("order") == "desc"
        records.sort(key=lambda each: int(each["paging_token"]), reverse=newest_first)
        if cursor := request.query.get("cursor"):
            records = [
                each
                for each in records
                if (int(each["paging_token"]) < int(cursor)) == newest_first and each["paging_token"] != cursor
            ]
        return web.json_response({"_embedded": {"records": [_public(each) for each in records[:limit]]}})

    async def _transaction(self, request: web.Request) -> web.Response:
        return web.json_response(_public(self._find(request.match_info["hash"])))

    async def _payments(self, request: web.Request) -> web.Response:
        found = self._find(request.match_info["hash"])
        return web.json_response({"_embedded": {"records": found["_payments"] if found["successful"] else []}})

    def _find(self, name: str) -> dict[str, Any]:
        for each in self.transactions:
            if each["hash"] == name and each["ledger"] <= self._told:
                return each
        raise _problem(404, "not_found")

    async def _submit(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            envelope = TransactionEnvelope.from_xdr(str(form["tx"]), PASSPHRASE)
        except Exception as error:
            raise _problem(400, "transaction_malformed") from error
        name = envelope.hash_hex()
        if not any(each["hash"] == name for each in self.transactions):
            if code := self._check(envelope):
                raise _problem(400, "transaction_failed", {"transaction": code})
            self._queue.append(envelope)
            if not self.stuck:
                self.close()
        if self.silent or self.stuck:
            raise _problem(504, "timeout")
        found = self._find(name)
        if not found["successful"]:
            raise _problem(400, "transaction_failed", {"transaction": "tx_failed", "operations": found["_codes"]})
        return web.json_response(_public(found))

    def _check(self, envelope: TransactionEnvelope) -> str | None:  # noqa: PLR0911 -- one per code
        """Return the code with which a transaction isn't let into a ledger."""
        transaction = envelope.transaction
        if not transaction.operations:
            return "tx_missing_operation"
        bounds = transaction.preconditions.time_bounds if transaction.preconditions else None
        if bounds and bounds.min_time > self.ledgers[-1]:
            return "tx_too_early"
        if bounds and 0 < bounds.max_time < self.ledgers[-1]:
            return "tx_too_late"
        if transaction.fee < BASE_FEE * len(transaction.operations):
            return "tx_insufficient_fee"
        if (account := self.accounts.get(transaction.source.account_id)) is None:
            return "tx_no_source_account"
        if transaction.sequence != account.sequence + 1:
            return "tx_bad_seq"
        key = Keypair.from_public_key(transaction.source.account_id)
        if len(envelope.signatures) != 1 or envelope.signatures[0].signature_hint != key.signature_hint():
            return "tx_bad_auth"
        try:
            key.verify(envelope.hash(), envelope.signatures[0].signature)
        except BadSignatureError:
            return "tx_bad_auth"
        if account.balances[NATIVE] * STROOPS < transaction.fee:
            return "tx_insufficient_balance"
        return None

    def _apply(self, envelope: TransactionEnvelope) -> None:
        """Put a transaction into the last ledger; a failed one too."""
        transaction = envelope.transaction
        source = self.accounts[transaction.source.account_id]
        source.sequence = transaction.sequence
        source.balances[NATIVE] -= BASE_FEE * len(transaction.operations) / STROOPS
        payments = [each for each in transaction.operations if isinstance(each, Payment)]
        codes = [self._pay(source, each, try_only=True) for each in payments]
        good = len(payments) == len(transaction.operations) and set(codes) == {"op_success"}
        if good:
            for each in payments:
                self._pay(source, each, try_only=False)
        memo: dict[str, str] = {"memo_type": "none"}
        match transaction.memo:
            case TextMemo() as text:
                assert len(text.memo_text) <= 28
                memo = {
                    "memo_type": "text",
                    "memo": text.memo_text.decode(errors="replace"),
                    "memo_bytes": b64encode(text.memo_text).decode(),
                }
            case HashMemo() as digest:
                assert len(digest.memo_hash) == 32
                memo = {"memo_type": "hash", "memo": b64encode(digest.memo_hash).decode()}
            case NoneMemo():
                pass
        self.transactions.append(
            {
                "hash": envelope.hash_hex(),
                "ledger": len(self.ledgers),
                "created_at": _text(self.ledgers[-1]),
                "source_account": transaction.source.account_id,
                "source_account_sequence": str(transaction.sequence),
                "fee_charged": str(BASE_FEE * len(transaction.operations)),
                "max_fee": str(transaction.fee),
                "successful": good,
                "paging_token": str((len(self.ledgers) << 32) + len(self.transactions) * 4096),
                "envelope_xdr": envelope.to_xdr(),
                **memo,
                "_codes": codes,
                "_to": [each.destination.account_id for each in payments],
                "_payments": [_payment(transaction.source.account_id, each) for each in payments],
            }
        )

    def _pay(self, source: Account, payment: Payment, *, try_only: bool) -> str:
        asset, amount = _asset(payment), Decimal(payment.amount)
        if (destination := self.accounts.get(payment.destination.account_id)) is None:
            return "op_no_destination"
        if asset not in destination.balances:
            return "op_no_trust"
        if destination is not source and source.balances.get(asset, Decimal(0)) < amount:
            return "op_underfunded"
        if not try_only:
            source.balances[asset] -= amount
            destination.balances[asset] += amount
        return "op_success"


def _asset(payment: Payment) -> str:
    return NATIVE if payment.asset.is_native() else f"{payment.asset.code}:{payment.asset.issuer}"


def _payment(source: str, payment: Payment) -> dict[str, str]:
    kind = {"asset_type": NATIVE}
    if not payment.asset.is_native():
        kind = {
            "asset_type": payment.asset.type,
            "asset_code": payment.asset.code,
            "asset_issuer": payment.asset.issuer or "",
        }
    amount = f"{Decimal(payment.amount):.7f}"
    return {"type": "payment", "from": source, "to": payment.destination.account_id, "amount": amount, **kind}


def _public(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if not name.startswith("_")}


def _text(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _problem(status: int, kind: str, codes: dict[str, Any] | None = None) -> web.HTTPException:
    body = {"type": f"https://stellar.org/horizon-errors/{kind}", "title": kind, "status": status}
    problem: type[web.HTTPException] = {
        400: web.HTTPBadRequest,
        404: web.HTTPNotFound,
        504: web.HTTPGatewayTimeout,
    }[status]
    extras = {"extras": {"result_codes": codes}} if codes else {}
    return problem(text=web.json_response(body | extras).text, content_type="application/problem+json")
