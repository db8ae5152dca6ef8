"""What is said with a Stellar network: orders, memos, transactions, what Horizon answers, and what can go wrong.

Times are the ledger's, in Unix seconds, as transactions have them. What Horizon tells of history is believed.
"""

from base64 import b64decode
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol, Self

TEXT_MEMO: Final = 28
"""Bytes of a text memo at most."""
HASH_MEMO: Final = 32
"""Bytes of a hash memo."""
NATIVE: Final = "native"


class HorizonError(Exception):
    """Horizon can't be reached, doesn't answer in time, or answers what can't be understood: nothing is known."""


class Unclear(StrEnum):
    """Why a person has to look."""

    HISTORY = "history"
    """Horizon's history doesn't go back far enough."""
    LONG = "long"
    """The account has too many transactions to search."""
    MEMO = "memo"
    """The order's memo isn't the one that was signed under its key."""


class UnclearError(Exception):
    """Whether an order was carried out before can't be told, so nothing is signed; a person has to look."""

    def __init__(self, reason: Unclear) -> None:
        """Say why."""
        super().__init__(reason.value)
        self.reason = reason


class RejectedError(Exception):
    """Stellar refuses the transaction, for example `tx_failed`, `op_underfunded`.

    `hash` is that of the transaction when it is in the ledger as failed (it has cost its fee); trying again builds a new one.
    """

    def __init__(self, codes: tuple[str, ...], failed: str | None = None) -> None:
        """Take the network's codes."""
        super().__init__(", ".join(codes))
        self.codes = codes
        self.hash = failed


class MemoKind(StrEnum):
    """Kinds of memo that are used here, in Horizon's words."""

    TEXT = "text"
    HASH = "hash"


@dataclass(frozen=True, slots=True)
class Memo:
    """What names an order: a text of up to 28 bytes, or 32 bytes."""

    kind: MemoKind
    value: bytes

    def __post_init__(self) -> None:
        """Check the length.

        Raises:
            ValueError: the network would not take it.
        """
        size = len(self.value)
        if not (0 < size <= TEXT_MEMO if self.kind is MemoKind.TEXT else size == HASH_MEMO):
            raise ValueError(size)

    @classmethod
    def text(cls, text: str) -> Self:
        """Make a text memo."""
        return cls(MemoKind.TEXT, text.encode())

    @classmethod
    def hash(cls, digest: bytes) -> Self:
        """Make a hash memo."""
        return cls(MemoKind.HASH, digest)


@dataclass(frozen=True, slots=True)
class Payment:
    """What is paid: to an account (`G…`), of an asset (`native` or `CODE:ISSUER`); at most seven decimals."""

    destination: str
    amount: Decimal
    asset: str = NATIVE


@dataclass(frozen=True, slots=True)
class Order:
    """A payment that has to happen once.

    `key` names it in the state; its memo is what it is recognised by in the ledger, and has to be its own. `not_before`: when the
    earliest transaction for it can have been made (Unix seconds), which bounds how far back history is searched; None searches all.
    """

    key: str
    payment: Payment
    memo: Memo
    not_before: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A signed transaction: `hash` in hexadecimal, `envelope` as base64 XDR."""

    sequence: int
    max_time: int
    hash: str
    envelope: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction in the ledger, as Horizon tells it; `closed_at` is its ledger's time."""

    hash: str
    ledger: int
    closed_at: int
    source: str
    sequence: int
    successful: bool
    memo: Memo | None
    cursor: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last ledger that Horizon's history has, and the first (`elder`)."""

    ledger: int
    closed_at: int
    elder: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Stellar answered instead of applying a transaction: codes of the transaction and its operations."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """An order that was carried out, and where."""

    hash: str
    ledger: int
    closed_at: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order whose end isn't known yet.

    `reason` is `submitted` (it may be applied any time), `busy` (another order of the account goes first), `behind` (Horizon's history
    is older than its account), or the network's code for what keeps the transaction from being applied now.
    """

    reason: str


class Horizon(Protocol):
    """What is asked of Horizon. Everything raises `HorizonError`."""

    async def head(self) -> Head:
        """Return the last ledger; raises also where the network is another one."""
        ...

    async def ledger_closed_at(self, ledger: int) -> int:
        """Return when a ledger was closed."""
        ...

    async def sequence(self, account: str) -> int:
        """Return the sequence number that an account used last."""
        ...

    async def transaction(self, transaction_hash: str) -> Transaction | None:
        """Return a transaction that is in the ledger, also one that failed there."""
        ...

    async def transactions(self, account: str, cursor: str | None) -> list[Transaction]:
        """Return a page of an account's transactions, newest first, failed ones too, from after a cursor."""
        ...

    async def submit(self, envelope: str) -> Transaction | Refusal:
        """Submit a transaction and wait for the ledger; the same one may be submitted any number of times."""
        ...


def read_memo(kind: str | None, value: str | None, raw: str | None) -> Memo | None:
    """Read a transaction's memo as Horizon gives it: `memo_type`, `memo` and, for texts, `memo_bytes` (base64); None for other kinds.

    Raises:
        ValueError: it is none.
    """
    match kind:
        case MemoKind.TEXT.value:
            text = b64decode(raw) if raw is not None else (value or "").encode()
            return Memo(MemoKind.TEXT, text) if text else None
        case MemoKind.HASH.value:
            return Memo(MemoKind.HASH, b64decode(value or ""))
        case _:
            return None
