"""A client of Horizon, Stellar's HTTP interface: just the questions that submitting once needs."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
import json
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from .ledger import NATIVE, Head, HorizonError, Payment, Refusal, RejectedError, Transaction, read_memo

PATIENCE: Final = ClientTimeout(total=30)
SUBMIT_PATIENCE: Final = ClientTimeout(total=90)
"""Horizon itself waits for about a minute for a transaction to get into a ledger."""
PAGE: Final = 200
"""Records per page, the most that Horizon gives."""
MAX_ANSWER: Final = 8 * 1024 * 1024
"""Bytes of an answer at most; a page of transactions with many operations is long."""

WRONG_NETWORK: Final = "wrong_network"
"""In place of a code of Stellar's: Horizon serves another network than the one that is configured."""
NO_ACCOUNT: Final = "tx_no_source_account"
"""Stellar's code for an account that doesn't exist, or hasn't been funded yet."""


class HorizonClient:
    """One Horizon; `url` may be changed any time."""

    def __init__(self, session: ClientSession, url: str, passphrase: str) -> None:
        """Take a session, Horizon's URL, and the passphrase of the network that it has to serve."""
        self._session = session
        self.url = url
        self.passphrase = passphrase

    async def head(self) -> Head:
        """Return the last ledger of Horizon's history.

        Raises:
            HorizonError: it can't be asked.
            RejectedError: it serves another network.
        """
        root = _found(await self._get(""))
        with _Parsing():
            if root["network_passphrase"] != self.passphrase:
                raise RejectedError((WRONG_NETWORK,))
            return Head(
                int(root["history_latest_ledger"]),
                _time(root["history_latest_ledger_closed_at"]),
                int(root["history_elder_ledger"]),
            )

    async def ledger_closed_at(self, ledger: int) -> int:
        """Return when a ledger was closed."""
        found = _found(await self._get(f"ledgers/{ledger}"))
        with _Parsing():
            return _time(found["closed_at"])

    async def sequence(self, account: str) -> int:
        """Return the sequence number that an account used last.

        Raises:
            RejectedError: there is no such account.
        """
        if (found := await self._get(f"accounts/{account}")) is None:
            raise RejectedError((NO_ACCOUNT,))
        with _Parsing():
            return int(found["sequence"])

    async def transaction(self, transaction_hash: str) -> Transaction | None:
        """Return a transaction that is in the ledger, also one that failed there."""
        found = await self._get(f"transactions/{transaction_hash}")
        return None if found is None else _transaction(found)

    async def transactions(self, account: str, cursor: str | None) -> list[Transaction]:
        """Return a page of an account's transactions, newest first, failed ones too, from after a cursor."""
        query = {"order": "desc", "limit": str(PAGE), "include_failed": "true"} | ({"cursor": cursor} if cursor else {})
        return [_transaction(each) for each in _records(await self._get(f"accounts/{account}/transactions", query))]

    async def payments(self, transaction_hash: str) -> list[Payment]:
        """Return the payments of a transaction: what was really paid."""
        records = _records(await self._get(f"transactions/{transaction_hash}/payments", {"limit": str(PAGE)}))
        with _Parsing():
            return [
                Payment(
                    each["to"],
                    Decimal(each["amount"]),
                    NATIVE if each["asset_type"] == NATIVE else f"{each['asset_code']}:{each['asset_issuer']}",
                )
                for each in records
                if each["type"] == "payment"
            ]

    async def submit(self, envelope: str) -> Transaction | Refusal:
        """Submit a signed transaction (base64 XDR), and wait for the ledger."""
        status, body = await self._ask("POST", "transactions", data={"tx": envelope}, patience=SUBMIT_PATIENCE)
        match status:
            case 200:
                return _transaction(_object(body))
            case 504:
                return Refusal(("timeout",))
            case 400:
                return _refusal(_object(body))
            case _:
                raise HorizonError(status)

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """Ask for a JSON object; None where there is none."""
        status, body = await self._ask("GET", path, query=query, patience=PATIENCE)
        match status:
            case 200:
                return _object(body)
            case 404:
                return None
            case _:
                raise HorizonError(status)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        patience: ClientTimeout,
    ) -> tuple[int, bytes]:
        try:
            url = URL(self.url.rstrip("/") + "/" + path).update_query(query or {})
            async with self._session.request(method, url, data=data, timeout=patience) as answer:
                body = bytearray()
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise HorizonError(answer.status, MAX_ANSWER)
                return answer.status, bytes(body)
        except (ClientError, TimeoutError, ValueError) as error:
            raise HorizonError(str(error) or type(error).__name__) from error


class _Parsing:
    """Has what an answer lacks counted as an answer that can't be understood."""

    def __enter__(self) -> None:
        """Begin to read an answer."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise HorizonError for what reading it raised."""
        if isinstance(error, KeyError | TypeError | ValueError | InvalidOperation | AttributeError):
            raise HorizonError(repr(error)) from error


def _found(answer: dict[str, Any] | None) -> dict[str, Any]:
    if answer is None:
        raise HorizonError(404)
    return answer


def _object(body: bytes) -> dict[str, Any]:
    with _Parsing():
        data = json.loads(body)
        if not isinstance(data, dict):
            raise TypeError
    return data


def _records(answer: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the records of a page; an account that isn't known has none."""
    if answer is None:
        return []
    with _Parsing():
        return list(answer["_embedded"]["records"])


def _time(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _transaction(data: dict[str, Any]) -> Transaction:
    with _Parsing():
        return Transaction(
            hash=str(data["hash"]),
            ledger=int(data["ledger"]),
            closed_at=_time(data["created_at"]),
            source=str(data["source_account"]),
            sequence=int(data["source_account_sequence"]),
            successful=data["successful"] is True,
            memo=read_memo(data.get("memo_type"), data.get("memo"), data.get("memo_bytes")),
            cursor=str(data["paging_token"]),
        )


def _refusal(problem: dict[str, Any]) -> Refusal:
    """Read what Horizon's problem document says: codes of the transaction and its operations, or else the kind of problem."""
    with _Parsing():
        codes = (problem.get("extras") or {}).get("result_codes")
        if codes is None:
            return Refusal((str(problem["type"]).rsplit("/", 1)[-1],))
        return Refusal(
            (str(codes["transaction"]), *(str(each) for each in codes.get("operations") or () if each != "op_success"))
        )
