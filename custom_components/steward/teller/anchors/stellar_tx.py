"""Stellar transactions that happen once: signed, on disk, submitted, and submitted again until the ledger says what became of them.

What makes a second payment impossible is the ledger itself: each of an account's sequence numbers is used at most once, in order. So a
transaction for an order (one memo, one payment) is only ever built with the sequence that follows the one that the account has, and only
after all transactions up to that one were searched for the memo. Whatever was signed before, known or forgotten, then either was
found, or can't be applied any more, or has the same sequence, so that the ledger takes one of the two at most. That holds without
this file's own state; the state makes sure on top of it that the very same transaction is submitted again as long as it may be valid.

Nothing here knows Home Assistant, a clock or stellar-sdk: Horizon's answers, the state's file and the signer are passed in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from .ledger import (
    Applied,
    Attempt,
    Head,
    Horizon,
    HorizonError,
    Memo,
    MemoKind,
    Order,
    Refusal,
    RejectedError,
    Transaction,
    Unclear,
    UnclearError,
    Waiting,
)

VALIDITY: Final = 300
"""Seconds for which a transaction may be applied, from the close of the ledger that was the last when it was built."""
MARGIN: Final = 30 * 24 * 3600
"""Seconds before an order's `not_before` that are searched too: the clock that it was taken from may have been wrong."""
MAX_PAGES: Final = 300
"""Pages of history, of 200 transactions, that are searched at most."""
REMEMBERED: Final = 256
"""Orders that are remembered at most; one that is forgotten is found in the ledger."""

type Sign = Callable[[Order, int, int], Awaitable[Attempt]]
"""Builds and signs an order's transaction with a sequence and a max time."""


class Records(Protocol):
    """Where the state is kept."""

    async def load(self) -> dict[str, Any]:
        """Return what was saved last, or nothing."""
        ...

    async def save(self, data: dict[str, Any]) -> None:
        """Return when it is on disk for good; raises OSError where it can't be."""
        ...


@dataclass(frozen=True, slots=True)
class _Record:
    """What the state has of an order: the transaction that may be applied, or where one was."""

    memo: Memo
    attempt: Attempt | None = None
    applied: Applied | None = None


class SubmitOnce:
    """One account's orders: each is carried out once, whatever is lost, restarted or sent twice in between."""

    def __init__(self, account: str, horizon: Horizon, records: Records, sign: Sign) -> None:
        """Take the account (`G…`) and what it works with."""
        self.account = account
        self._horizon = horizon
        self._disk = records
        self._sign = sign
        self._lock = asyncio.Lock()
        self._records: dict[str, _Record] | None = None

    async def advance(self, order: Order) -> Applied | Waiting:
        """Go one step on with an order; call it again, in growing intervals, until it is applied.

        Nothing of it is lost when it is cancelled or the machine dies in it. A payment that differs from the one that was signed counts
        from the next transaction that has to be built: what was paid is what the ledger says.

        Raises:
            HorizonError: nothing is known; try again.
            RejectedError: the network refuses it; trying again is safe, and makes sense when its cause may be gone.
            UnclearError: a person has to look.
            OSError: the state can't be written, so nothing was submitted.
            Exception: the signer's own; nothing was submitted.
        """
        async with self._lock:
            records = await self._load()
            record = records.get(order.key) or _Record(order.memo)
            if record.memo != order.memo:
                raise UnclearError(Unclear.MEMO)
            if record.applied:
                return record.applied
            if record.attempt is None:
                return await self._begin(order)
            return await self._follow(order, record.attempt, known=True)

    async def find(self, memo: Memo, not_before: int | None = None) -> Applied | None:
        """Search the account's own transactions for a memo; None means that none up to its last sequence has it.

        Raises:
            HorizonError: Horizon can't be asked, or its history is behind.
            UnclearError: its history doesn't tell.
        """
        head = await self._horizon.head()
        return await self._search(memo, not_before, head, await self._horizon.sequence(self.account))

    async def forget(self, key: str) -> None:
        """Drop what is known of an order whose end is written elsewhere; it would be found in the ledger again."""
        async with self._lock:
            records = await self._load()
            if key in records:
                await self._save({other: record for other, record in records.items() if other != key})

    async def attempt(self, key: str) -> Attempt | None:
        """Return the signed transaction of an order that has no end yet."""
        async with self._lock:
            record = (await self._load()).get(key)
        return record.attempt if record else None

    async def _begin(self, order: Order) -> Applied | Waiting:
        """Search the ledger for an order, and build, keep and submit a transaction if it isn't there."""
        match await self._build(order):
            case Attempt() as attempt:
                return await self._follow(order, attempt, known=False)
            case outcome:
                return outcome

    async def _build(self, order: Order) -> Attempt | Applied | Waiting:
        """Build a transaction with the account's next sequence, and have it on disk.

        The order of the questions matters: the sequence is asked for before the history is searched up to it.
        """
        head = await self._horizon.head()
        sequence = await self._horizon.sequence(self.account)
        if await self._others_live(order.key, sequence, head):
            return Waiting("busy")
        try:
            found = await self._search(order.memo, order.not_before, head, sequence)
        except _BehindError:
            return Waiting("behind")
        if found:
            return await self._end(order, found)
        attempt = await self._sign(order, sequence + 1, head.closed_at + VALIDITY)
        await self._keep(order.key, _Record(order.memo, attempt))
        return attempt

    async def _follow(self, order: Order, attempt: Attempt, *, known: bool) -> Applied | Waiting:
        """Submit the transaction, again if it is `known`, and look what has become of it."""
        if known and (seen := await self._horizon.transaction(attempt.hash)):
            return await self._seen(order, seen)
        match await self._horizon.submit(attempt.envelope):
            case Transaction() as applied if applied.hash == attempt.hash:
                return await self._seen(order, applied)
            case Transaction():
                raise HorizonError
            case Refusal(codes):
                pass
        if seen := await self._horizon.transaction(attempt.hash):
            return await self._seen(order, seen)
        head = await self._horizon.head()
        sequence = await self._horizon.sequence(self.account)
        if sequence >= attempt.sequence:  # spent, by it or by another
            return await self._rebuilt(order)
        if (
            head.closed_at > attempt.max_time and sequence + 1 == attempt.sequence
        ):  # too late, and the sequence is still free
            return await self._rebuilt(order)
        if _passes(codes):
            return Waiting(codes[0] if codes else "submitted")
        raise RejectedError(codes)

    async def _rebuilt(self, order: Order) -> Applied | Waiting:
        """Build a transaction in place of one that can't be applied any more; it is submitted at the next step."""
        match await self._build(order):
            case Attempt():
                return Waiting("submitted")
            case outcome:
                return outcome

    async def _seen(self, order: Order, seen: Transaction) -> Applied:
        """Take what the ledger has for an order's transaction.

        Raises:
            RejectedError: it has failed; its sequence is spent, so another one may be built.
        """
        if seen.successful:
            return await self._end(order, Applied(seen.hash, seen.ledger, seen.closed_at))
        await self._keep(order.key, _Record(order.memo))
        raise RejectedError(("tx_failed",), seen.hash)

    async def _end(self, order: Order, applied: Applied) -> Applied:
        await self._keep(order.key, _Record(order.memo, applied=applied))
        return applied

    async def _others_live(self, key: str, sequence: int, head: Head) -> bool:
        """Tell whether a transaction of another order may still be applied: this one would have the same sequence."""
        return any(
            record.attempt and record.attempt.sequence > sequence and head.closed_at <= record.attempt.max_time
            for other, record in (await self._load()).items()
            if other != key
        )

    async def _search(self, memo: Memo, not_before: int | None, head: Head, sequence: int) -> Applied | None:
        """Search what the account did up to a sequence for a successful transaction with a memo.

        Raises:
            _BehindError: Horizon's history doesn't have that sequence's transaction yet.
            UnclearError: it doesn't go back far enough.
        """
        if _never_used(sequence):
            return None
        # A moment after the ledger's own time tells that the clock that it was taken from was wrong: all is searched then.
        since = not_before - MARGIN if not_before is not None and not_before <= head.closed_at else None
        cursor: str | None = None
        newest = oldest = None
        for _ in range(MAX_PAGES):
            page = await self._horizon.transactions(self.account, cursor)
            for each in page:
                if each.source != self.account:
                    continue
                if newest is None:
                    newest = each
                    if each.sequence < sequence:
                        raise _BehindError
                oldest = each
                if each.successful and each.memo == memo:
                    return Applied(each.hash, each.ledger, each.closed_at)
                if since is not None and each.closed_at < since:
                    return None
            if not page:
                break
            cursor = page[-1].cursor
        else:
            raise UnclearError(Unclear.LONG)
        if newest is None or oldest is None:
            if sequence >> 32 >= head.elder:  # the account is younger than the history, so that is behind
                raise _BehindError
            raise UnclearError(Unclear.HISTORY)
        if oldest.sequence & 0xFFFFFFFF == 1 and oldest.sequence >> 32 <= oldest.ledger:  # the account's first
            return None
        if since is None or await self._horizon.ledger_closed_at(head.elder) > since:
            raise UnclearError(Unclear.HISTORY)
        return None

    async def _load(self) -> dict[str, _Record]:
        if self._records is None:
            self._records = _decode(await self._disk.load())
        return self._records

    async def _keep(self, key: str, record: _Record) -> None:
        """Have an order's record on disk, the newest last."""
        records = {other: each for other, each in (await self._load()).items() if other != key} | {key: record}
        await self._save(dict(list(records.items())[-REMEMBERED:]))

    async def _save(self, records: dict[str, _Record]) -> None:
        self._records = None  # where saving fails or is cancelled, what counts is what is on disk
        await self._disk.save({"orders": {key: _encode(record) for key, record in records.items()}})
        self._records = records


class _BehindError(HorizonError):
    """Horizon's history is older than what it says of the account."""


PASSING: Final = frozenset(
    {"timeout", "tx_bad_seq", "tx_too_late", "tx_too_early", "tx_internal_error", "tx_insufficient_fee"}
)
"""Refusals that time alone may end."""


def _passes(codes: tuple[str, ...]) -> bool:
    return not codes or codes[0] in PASSING


def _never_used(sequence: int) -> bool:
    """Tell whether an account hasn't sent any transaction: it begins with its ledger's number in the upper half."""
    return sequence & 0xFFFFFFFF == 0


def _encode(record: _Record) -> dict[str, Any]:
    data: dict[str, Any] = {"memo": [record.memo.kind.value, record.memo.value.hex()]}
    if attempt := record.attempt:
        data["attempt"] = [attempt.sequence, attempt.max_time, attempt.hash, attempt.envelope]
    if applied := record.applied:
        data["applied"] = [applied.hash, applied.ledger, applied.closed_at]
    return data


def _decode(data: Mapping[str, Any]) -> dict[str, _Record]:
    """Read the state. What can't be read counts as forgotten, which is safe: the ledger is searched before anything is built."""
    records = {}
    for key, each in data.get("orders", {}).items():
        try:
            record = _Record(Memo(MemoKind(each["memo"][0]), bytes.fromhex(each["memo"][1])))
            if attempt := each.get("attempt"):
                record = replace(record, attempt=Attempt(*attempt))
            if applied := each.get("applied"):
                record = replace(record, applied=Applied(*applied))
        except KeyError, TypeError, ValueError, IndexError:
            continue
        records[key] = record
    return records
