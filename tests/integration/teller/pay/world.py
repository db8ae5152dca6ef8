"""A ledger that plays by Stellar's rules, a Horizon in front of it that fails and lies as told, and a disk that is lost and restored.

Every question to Horizon, every write and every signature is a step; a script says what happens at which one. The ledger only takes
what Stellar takes: the account's next sequence, not after the max time, each transaction once.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from enum import Enum, auto
import errno
import json
from typing import Any

from custom_components.steward.teller.anchors.ledger import (
    Attempt,
    Head,
    HorizonError,
    Memo,
    Order,
    Refusal,
    Transaction,
    Waiting,
)
from custom_components.steward.teller.anchors.stellar_tx import SubmitOnce

ACCOUNT = "GHOUSE"
BORN = 1_000
"""The ledger that the account was made in."""
CLOSE = 5
"""Seconds between ledgers."""
PAUSE = 12
"""Ledgers between two attempts to go on."""


class Fault(Enum):
    """What goes wrong at a step."""

    KILL_BEFORE = auto()
    """Power is lost before the step had any effect."""
    KILL_AFTER = auto()
    """Power is lost when it had its effect, and nobody heard of it."""
    ERROR = auto()
    """It fails without an effect."""
    LOST = auto()
    """It has its effect, the answer is lost."""
    STALE = auto()
    """It tells what was true 20 ledgers ago; what is submitted waits in a queue, and gets into a ledger before the next step."""
    OLD = auto()
    """It tells what was true 200 ledgers ago; what is submitted waits until the last moment at which it is valid."""
    DROPPED = auto()
    """What is submitted never gets anywhere, though Horizon doesn't know; anything else is an error."""
    RESTORE = auto()
    """Power is lost, and the disk is replaced by its oldest backup."""
    FULL = auto()
    """The disk is full; anything else is an error."""
    TWIN = auto()
    """Another machine with the oldest backup and the same key goes one step on with the same order just before."""
    MOVED = auto()
    """Somebody uses the account for something else just before."""


class PowerLossError(BaseException):
    """The process dies here: no `except` and no `finally` of it counts, and what it had in memory is gone."""


@dataclass
class Ledger:
    """Stellar."""

    number: int = 50_000
    sequence: int = (BORN << 32) + 3
    history: list[Transaction] = field(default_factory=list)
    waiting: list[tuple[int, Attempt, Memo]] = field(default_factory=list)
    """What is in the queue: the ledger that it gets into, the transaction, its memo."""
    sequences: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give the account its past."""
        for index in (1, 2, 3):
            number = BORN + index
            self.history.append(self._entry(f"past{index}", number, (BORN << 32) + index, None))
        self.sequences[0] = self.sequence

    @property
    def now(self) -> int:
        """The last ledger's time."""
        return self.number * CLOSE

    def close(self, ledgers: int = 1) -> None:
        """Let time go by."""
        for _ in range(ledgers):
            self.number += 1
            due = [each for each in self.waiting if each[0] <= self.number]
            self.waiting = [each for each in self.waiting if each[0] > self.number]
            for _, attempt, memo in due:
                self.apply(attempt, memo)
            self.sequences[self.number] = self.sequence

    def apply(self, attempt: Attempt, memo: Memo | None) -> str | None:
        """Take a transaction into the ledger, or say why not."""
        if self.now > attempt.max_time:
            return "tx_too_late"
        if attempt.sequence != self.sequence + 1:
            return "tx_bad_seq"
        self.sequence += 1
        self.history.append(self._entry(attempt.hash, self.number, attempt.sequence, memo))
        return None

    def move(self) -> None:
        """Use the account for something else."""
        self.apply(Attempt(self.sequence + 1, self.now, f"other{self.sequence}", ""), Memo.text("something else"))

    def paid(self, memo: Memo) -> list[Transaction]:
        """Return the payments with a memo."""
        return [each for each in self.history if each.successful and each.memo == memo]

    def sequence_at(self, number: int) -> int:
        """Return the account's sequence as of a ledger."""
        return self.sequences[max(each for each in self.sequences if each <= number or each == 0)]

    def _entry(self, name: str, number: int, sequence: int, memo: Memo | None) -> Transaction:
        cursor = str((number << 32) + len(self.history))
        return Transaction(name, number, number * CLOSE, ACCOUNT, sequence, successful=True, memo=memo, cursor=cursor)


@dataclass
class Disk:
    """What is on disk for good, and its backups."""

    data: dict[str, Any] = field(default_factory=dict)
    oldest: dict[str, Any] = field(default_factory=dict)

    def has(self, attempt_hash: str) -> bool:
        """Tell whether a signed transaction is on disk."""
        return attempt_hash in json.dumps(self.data)


class Machine:
    """A process with its Horizon, its disk and its signer; it knows the rules that must never be broken."""

    def __init__(
        self, ledger: Ledger, disk: Disk, script: Mapping[int, Fault], twin: Callable[[], Awaitable[None]]
    ) -> None:
        """Take the world and the script: what goes wrong, by step."""
        self.ledger = ledger
        self.disk = disk
        self.script = script
        self.twin = twin
        self.steps = 0
        self.faults: list[Fault] = []
        self.signed: dict[str, tuple[Attempt, Memo]] = {}
        self.once = self.boot()

    def boot(self) -> SubmitOnce:
        """Start the process: it knows nothing but what is on disk."""
        self.once = SubmitOnce(ACCOUNT, self, self, self.sign)
        return self.once

    async def go_on(self, orders: Iterable[Order]) -> None:
        """Let the process try once what it does every few minutes, through whatever happens; then time goes by."""
        for order in orders:
            try:
                outcome = await self.once.advance(order)
                assert not isinstance(outcome, Waiting) or outcome.reason
            except PowerLossError:
                self.boot()
            except (HorizonError, OSError):
                pass
        self.ledger.close(PAUSE)

    async def _step(self) -> Fault | None:
        self.steps += 1
        fault = self.script.get(self.steps)
        if fault:
            self.faults.append(fault)
        match fault:
            case Fault.KILL_BEFORE:
                raise PowerLossError
            case Fault.RESTORE:
                self.disk.data = deepcopy(self.disk.oldest)
                raise PowerLossError
            case Fault.TWIN:
                await self.twin()
            case Fault.MOVED:
                self.ledger.move()
        return fault

    async def _ask[T](self, answer: Callable[[int], T]) -> T:
        """Answer as of a ledger."""
        fault = await self._step()
        match fault:
            case Fault.ERROR | Fault.LOST | Fault.DROPPED | Fault.FULL:
                raise HorizonError(fault.name)
            case Fault.KILL_AFTER:
                raise PowerLossError
            case Fault.STALE:
                return answer(self.ledger.number - 20)
            case Fault.OLD:
                return answer(self.ledger.number - 200)
        return answer(self.ledger.number)

    # What the process asks of Horizon.

    async def head(self) -> Head:
        """Return the last ledger."""
        return await self._ask(lambda number: Head(number, number * CLOSE, elder=2))

    async def ledger_closed_at(self, ledger: int) -> int:
        """Return when a ledger was closed."""
        return await self._ask(lambda _: ledger * CLOSE)

    async def sequence(self, account: str) -> int:
        """Return the sequence that was used last."""
        assert account == ACCOUNT
        return await self._ask(self.ledger.sequence_at)

    async def transaction(self, transaction_hash: str) -> Transaction | None:
        """Look a transaction up."""
        return await self._ask(lambda number: self._look_up(transaction_hash, number))

    async def transactions(self, account: str, cursor: str | None) -> list[Transaction]:
        """Return two transactions at a time, so that pages matter."""
        assert account == ACCOUNT

        def page(number: int) -> list[Transaction]:
            known = [each for each in reversed(self.ledger.history) if each.ledger <= number]
            return [each for each in known if cursor is None or int(each.cursor) < int(cursor)][:2]

        return await self._ask(page)

    async def submit(self, envelope: str) -> Transaction | Refusal:
        """Take a transaction, if the rules were kept: it is on disk."""
        attempt, memo = self.signed[envelope]
        assert self.disk.has(attempt.hash), "submitted before it was on disk"
        match await self._step():
            case Fault.ERROR | Fault.FULL:
                raise HorizonError
            case Fault.STALE:
                self.ledger.waiting.append((self.ledger.number + 1, attempt, memo))
                return Refusal(("timeout",))
            case Fault.OLD:
                self.ledger.waiting.append((attempt.max_time // CLOSE, attempt, memo))
                return Refusal(("timeout",))
            case Fault.DROPPED:
                return Refusal(("timeout",))
            case fault:
                pass
        if (done := self._look_up(attempt.hash, self.ledger.number)) is None:
            code = self.ledger.apply(attempt, memo)
            done = self._look_up(attempt.hash, self.ledger.number)
            self.ledger.sequences[self.ledger.number] = self.ledger.sequence
        match fault:
            case Fault.KILL_AFTER:
                raise PowerLossError
            case Fault.LOST:
                raise HorizonError
        return done or Refusal((code or "",))

    def _look_up(self, name: str, number: int) -> Transaction | None:
        return next((each for each in self.ledger.history if each.hash == name and each.ledger <= number), None)

    # The disk and the signer.

    async def load(self) -> dict[str, Any]:
        """Read."""
        fault = await self._step()
        if fault is Fault.KILL_AFTER:
            raise PowerLossError
        return deepcopy(self.disk.data)

    async def save(self, data: dict[str, Any]) -> None:
        """Write all or nothing."""
        fault = await self._step()
        if fault in (Fault.FULL, Fault.ERROR, Fault.DROPPED):
            raise OSError(errno.ENOSPC, "full")
        self.disk.data = json.loads(json.dumps(data))
        if fault is Fault.LOST:
            raise OSError(errno.EIO, "on disk all the same")
        if fault is Fault.KILL_AFTER:
            raise PowerLossError

    async def sign(self, order: Order, sequence: int, max_time: int) -> Attempt:
        """Sign; the same content always has the same hash."""
        fault = await self._step()
        if fault is Fault.KILL_AFTER:
            raise PowerLossError
        name = f"{order.key}/{order.payment.amount}/{sequence}/{max_time}"
        attempt = Attempt(sequence, max_time, name, name)
        self.signed[name] = attempt, order.memo
        return attempt
