"""What was dropped of a node's messages, and why."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from ..protocol.fields import ContractError

KEPT = 20


@dataclass(frozen=True, slots=True)
class Drop:
    """One message that was dropped."""

    at: str
    topic: str
    reason: str
    error: str


@dataclass(slots=True)
class Drops:
    """Counts by reason since the entry was set up, and the latest messages."""

    counts: Counter[str] = field(default_factory=Counter)
    latest: deque[Drop] = field(default_factory=lambda: deque(maxlen=KEPT))
    listeners: set[Callable[[], None]] = field(default_factory=set)

    def add(self, topic: str, error: ContractError) -> None:
        """Count a message that broke the contract."""
        self.counts[error.reason] += 1
        self.latest.append(Drop(dt_util.utcnow().isoformat(), topic, error.reason, str(error)[:200]))
        for listener in self.listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back after each message that was dropped; returns what ends that."""
        self.listeners.add(listener)

        @callback
        def remove() -> None:
            self.listeners.remove(listener)

        return remove

    def as_dict(self) -> dict[str, Any]:
        """Return what diagnostics show."""
        return {"counts": dict(self.counts), "latest": [asdict(drop) for drop in self.latest]}
