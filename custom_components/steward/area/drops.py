"""What was dropped of a node's messages, and why."""

from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any

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

    def add(self, topic: str, error: ContractError) -> None:
        """Count a message that broke the contract."""
        self.counts[error.reason] += 1
        self.latest.append(Drop(dt_util.utcnow().isoformat(), topic, error.reason, str(error)[:200]))

    def as_dict(self) -> dict[str, Any]:
        """Return what diagnostics show."""
        return {"counts": dict(self.counts), "latest": [asdict(drop) for drop in self.latest]}
