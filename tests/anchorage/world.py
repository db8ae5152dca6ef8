"""A Stellar ledger in memory that is as unkind as the protocol allows, and a loop that runs several machines against it, step by step.

Whatever was submitted once, also where the request seemed lost, stays around and may get into any ledger until it is too late. Every
question may be answered from an older state than the one before, as several Horizons behind one address do.
"""

from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
import json
from types import coroutine
from typing import Any

from custom_components.steward.teller.anchors.ledger import (
    Applied,
    Attempt,
    Head,
    HorizonError,
    Order,
    Refusal,
    RejectedError,
    Transaction,
    UnclearError,
    Waiting,
)
from custom_components.steward.teller.anchors.stellar_tx import SubmitOnce

ACCOUNT = "G-OWN"
CREATED = 7
"""The ledger that the account was made in."""


@dataclass(frozen=True)
class Envelope:
    """What a signed transaction says, without signatures."""

    sequence: int
    max_time: int
    memo: Any
    number: int

    @property
    def hash(self) -> str:
        return f"hash-{self.number}"


@dataclass
class Ledger:
    """What one closed ledger has."""

    number: int
    closed_at: int
    sequence: int
    transactions: list[Transaction] = field(default_factory=list)


class Kill(BaseException):
    """The machine is gone at this place."""


@coroutine
def step(name: str) -> Generator[str]:
    """Give the loop a chance to do something in between; it may throw an exception in here."""
    yield name


class Network:
    """The ledger, and everything that was ever submitted to it."""

    def __init__(self) -> None:
        self.ledgers = [Ledger(CREATED, 1000, CREATED << 32)]
        self.envelopes: dict[str, Envelope] = {}
        self.pool: list[Envelope] = []
        self.fails: Callable[[], bool] = lambda: False

    @property
    def last(self) -> Ledger:
        return self.ledgers[-1]

    def signed(self, sequence: int, max_time: int, memo: Any) -> Envelope:
        envelope = Envelope(sequence, max_time, memo, len(self.envelopes))
        self.envelopes[envelope.hash] = envelope
        return envelope

    def close(self, seconds: int = 5, chosen: Envelope | None = None) -> None:
        """Close a ledger: with the chosen transaction first, then all that are still valid."""
        before = self.last
        ledger = Ledger(before.number + 1, before.closed_at + seconds, before.sequence)
        for each in ([chosen] if chosen else []) + self.pool:
            if each.sequence == ledger.sequence + 1 and each.max_time >= ledger.closed_at:
                ledger.sequence = each.sequence
                cursor = f"{ledger.number:06}-{len(ledger.transactions):02}"
                good = not self.fails()
                ledger.transactions.append(
                    Transaction(
                        each.hash, ledger.number, ledger.closed_at, ACCOUNT, each.sequence, good, each.memo, cursor
                    )
                )
        self.ledgers.append(ledger)
        self.pool = [each for each in self.pool if each.max_time >= ledger.closed_at]

    def successes(self, memo: Any) -> int:
        """Count how often an order was carried out."""
        return sum(each.memo == memo and each.successful for ledger in self.ledgers for each in ledger.transactions)


class Disk:
    """What a machine has written, and what it was at each time before."""

    def __init__(self, *versions: str) -> None:
        self.versions = list(versions) or ["{}"]

    def has(self, envelope: Envelope) -> bool:
        """Tell whether a transaction is on disk now."""
        return f'"{envelope.hash}"' in self.versions[-1]

    async def load(self) -> dict[str, Any]:
        return json.loads(self.versions[-1])

    async def save(self, data: dict[str, Any]) -> None:
        await step("save")
        self.versions.append(json.dumps(data))
        await step("saved")


class FakeHorizon:
    """Horizon's answers from a network, each from a state of its own age."""

    def __init__(self, network: Network, disk: Disk) -> None:
        self.network = network
        self.disk = disk
        self.lag = 0
        self.elder = 1
        self.page = 2

    def _seen(self) -> list[Ledger]:
        ledgers = self.network.ledgers
        lag, self.lag = self.lag, 0
        return ledgers[: max(1, len(ledgers) - lag)]

    async def head(self) -> Head:
        await step("head")
        last = self._seen()[-1]
        await step("answer")
        return Head(last.number, last.closed_at, self.elder)

    async def ledger_closed_at(self, ledger: int) -> int:
        await step("ledger")
        return self.network.ledgers[max(0, ledger - CREATED)].closed_at

    async def sequence(self, _account: str) -> int:
        await step("sequence")
        found = self._seen()[-1].sequence
        await step("answer")
        return found

    async def transaction(self, transaction_hash: str) -> Transaction | None:
        await step("transaction")
        found = [each for ledger in self._seen() for each in ledger.transactions if each.hash == transaction_hash]
        await step("answer")
        return found[0] if found else None

    async def transactions(self, _account: str, cursor: str | None) -> list[Transaction]:
        await step("transactions")
        found = [
            each
            for ledger in reversed(self._seen())
            if ledger.number >= self.elder
            for each in reversed(ledger.transactions)
            if cursor is None or each.cursor < cursor
        ]
        await step("answer")
        return found[: self.page]

    async def submit(self, envelope: str) -> Transaction | Refusal:
        sent = self.network.envelopes[envelope]
        assert self.disk.has(sent), "submitted before it was on disk"
        self.network.pool.append(sent)  # also where the request seems lost
        await step("submit")
        last = self.network.last
        refusal = None
        if sent.sequence != last.sequence + 1:
            refusal = Refusal(("tx_bad_seq",))
        elif sent.max_time < last.closed_at:
            refusal = Refusal(("tx_too_late",))
        await step("wait")
        found = [each for ledger in self._seen() for each in ledger.transactions if each.hash == sent.hash]
        await step("answer")
        if found and found[0].successful:
            return found[0]
        if found:
            return Refusal(("tx_failed", "op_underfunded"))
        return refusal or Refusal(("timeout",))


class Machine:
    """A Home Assistant with orders to carry out; it may die, and begin again with what its disk has, or had."""

    def __init__(self, network: Network, orders: list[Order], disk: Disk | None = None) -> None:
        self.network = network
        self.orders = orders
        self.disk = disk or Disk()
        self.done: dict[str, Applied] = {}
        self.steps = 0
        self.start()

    def start(self) -> None:
        """Start with what is on disk."""
        self.running: Coroutine[Any, Any, Applied | Waiting] | None = None
        self.order: Order | None = None
        self.horizon = FakeHorizon(self.network, self.disk)
        self.once = SubmitOnce(ACCOUNT, self.horizon, self.disk, self._sign)

    async def _sign(self, order: Order, sequence: int, max_time: int) -> Attempt:
        await step("sign")
        envelope = self.network.signed(sequence, max_time, order.memo)
        return Attempt(sequence, max_time, envelope.hash, envelope.hash)

    def advance(self, which: int = 0, error: BaseException | None = None, lag: int = 0) -> str | None:
        """Go on to the next step of an order, or begin with one; return the step's name, None at an order's end."""
        if self.running is None:
            self.order = self.orders[which % len(self.orders)]
            self.running = self.once.advance(self.order)
            error = None
        self.horizon.lag = lag
        self.steps += 1
        try:
            return self.running.throw(error) if error else self.running.send(None)
        except StopIteration as end:
            if isinstance(end.value, Applied):
                self.done[self.order.key] = end.value
        except (HorizonError, RejectedError, UnclearError, OSError):
            pass
        except Kill:
            self.start()
            return None
        self.running = None
        return None

    def kill(self) -> None:
        """End it right here, and start again."""
        if self.running is not None:
            self.running.close()
        self.start()

    def restore(self, version: int) -> None:
        """End it, and start again with what the disk had at some time before."""
        self.disk = Disk(*self.disk.versions[: 1 + version % len(self.disk.versions)])
        self.kill()

    def settle(self) -> None:
        """Let it finish all its orders, with nothing in its way."""
        for order_number, order in enumerate(self.orders):
            for _ in range(60):
                if order.key in self.done and self.running is None:
                    break
                while self.advance(order_number) is not None:
                    pass
                self.network.close(100)
            assert order.key in self.done, f"{order.key} was never carried out"
