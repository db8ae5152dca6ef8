"""Payments that have arrived at the creditor's account, by whoever paid: found on Horizon by their memo.

The account may be that of a thousand houses, so it is read forward from where the last search ended; where that isn't known, from
a ledger that is certainly older than the first payment that is looked for.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ..anchors.horizon import PAGE, HorizonClient, _found, _Parsing, _records
from ..anchors.ledger import NATIVE, Memo, read_memo

MAX_PAGES: Final = 50
"""Pages that one search reads at most; the next one goes on from there."""
SHORTEST_LEDGER: Final = 1
"""Seconds between two ledgers at the very least."""
MARGIN: Final = 24 * 3600
"""Seconds by which a clock may be wrong, when a search begins at a time."""
_KINDS: Final = frozenset({"payment", "path_payment_strict_receive", "path_payment_strict_send", "path_payment"})
_PER_TRANSACTION: Final = 1 << 12
"""Operations' ids have the transaction's in front (SEP-35)."""


@dataclass(frozen=True, slots=True)
class Received:
    """A transaction that paid an amount of the asset to the account; `sender` is who signed for it."""

    hash: str
    memo: Memo
    amount: Decimal
    sender: str
    closed_at: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found, and where the next one begins; `complete` unless there is more to be read."""

    received: tuple[Received, ...]
    cursor: str
    complete: bool


class Receipts(HorizonClient):
    """Asks Horizon what an account has received."""

    async def beginning(self, since: int) -> str:
        """Return a cursor before everything that happened after a time (Unix seconds)."""
        head = await self.head()
        ledgers = max(0, head.closed_at - since + MARGIN) // SHORTEST_LEDGER
        return str(max(head.elder, head.ledger - ledgers) << 32)

    async def received(self, account: str, asset: str, memos: Collection[Memo], cursor: str) -> Found:
        """Search what an account received of an asset for memos.

        Raises:
            HorizonError: it can't be asked.
        """
        found: dict[str, Received] = {}
        complete = False
        for _ in range(MAX_PAGES):
            page = _records(
                await self._get(
                    f"accounts/{account}/payments",
                    {"order": "asc", "limit": str(PAGE), "cursor": cursor, "join": "transactions"},
                )
            )
            for record in page:
                with _Parsing():
                    if each := _read(record, account, asset, memos):
                        sum_ = each.amount + (found[each.hash].amount if each.hash in found else 0)
                        found[each.hash] = Received(each.hash, each.memo, sum_, each.sender, each.closed_at)
                    cursor = str(int(record["paging_token"]))
            if len(page) < PAGE:
                complete = True
                break
        else:
            # The last transaction may go on behind the last page: it is left to the next search.
            with _Parsing():
                cursor = str(int(cursor) // _PER_TRANSACTION * _PER_TRANSACTION)
                found.pop(str(page[-1]["transaction_hash"]), None)
        return Found(tuple(found.values()), cursor, complete)

    async def amount(self, transaction_hash: str, account: str, asset: str) -> Decimal:
        """Return how much of an asset a transaction paid to an account.

        Raises:
            HorizonError: it can't be asked.
        """
        answer = await self._get(f"transactions/{transaction_hash}/payments", {"limit": str(PAGE)})
        with _Parsing():
            return sum(
                (Decimal(each["amount"]) for each in _records(_found(answer)) if _pays(each, account, asset)),
                Decimal(0),
            )


def _read(record: dict[str, Any], account: str, asset: str, memos: Collection[Memo]) -> Received | None:
    """Read a record of Horizon's, if it is a payment that is looked for."""
    if not _pays(record, account, asset):
        return None
    transaction = record["transaction"]
    try:
        memo = read_memo(transaction.get("memo_type"), transaction.get("memo"), transaction.get("memo_bytes"))
    except ValueError:  # somebody else's, whom it doesn't have to please
        return None
    if memo is None or memo not in memos or record.get("transaction_successful") is False:
        return None
    return Received(
        str(record["transaction_hash"]),
        memo,
        Decimal(record["amount"]),
        str(record["source_account"]),
        str(record["created_at"]),
    )


def _pays(record: dict[str, Any], account: str, asset: str) -> bool:
    """Tell whether a record is a payment of an asset to an account."""
    if record["type"] not in _KINDS or record["to"] != account:
        return False
    if record["asset_type"] == NATIVE:
        return asset == NATIVE
    return f"{record['asset_code']}:{record['asset_issuer']}" == asset
