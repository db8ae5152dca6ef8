"""Which nodes run which automations: splits their rules over nodes, in Home Assistant's order, as far as there is room."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..protocol.fields import dump
from ..protocol.rules import MAX_RULES, MAX_RULES_BYTES, Rule
from .automations import Automation
from .compile import Compiled
from .lookup import Questions
from .split import NodeState, Split, split

_ENVELOPE_BYTES: Final = 256
"""What a rulebook takes besides its rules, at most."""


@dataclass(slots=True)
class Record:
    """An automation that opted in, what it compiled to and who runs it; `config` is what Home Assistant reads, None if it refuses it."""

    automation: Automation
    config: Mapping[str, Any] | None
    questions: Questions
    compiled: Compiled
    concerned: set[str]
    """The nodes whose entities it mentions."""
    split: Split | None = None
    written: Mapping[str, bytes] = field(default_factory=dict)
    """Each part as its JSON."""
    fits: bool = True

    @property
    def parts(self) -> Mapping[str, Rule]:
        """The parts that nodes run while the automation is switched on."""
        return self.split.parts if self.split and self.fits else {}

    @property
    def final(self) -> Compiled:
        """What it compiled to, after it is known whether nodes can take it."""
        if self.compiled.rule is None or self.parts:
            return self.compiled
        reason = self.split.reason if self.split else None
        return Compiled(None, reason=reason or "there is no room left for it on its nodes")


@dataclass(slots=True)
class _Room:
    """What a rulebook can still take."""

    rules: int = MAX_RULES
    size: int = MAX_RULES_BYTES - _ENVELOPE_BYTES

    def has(self, part: bytes) -> bool:
        return self.rules > 0 and self.size > len(part)

    def take(self, part: bytes) -> None:
        self.rules -= 1
        self.size -= len(part) + 1


class Placing:
    """Who runs what. `only_on_hub` counts by node the automations that concern it, are switched on, and run only on the hub."""

    def __init__(self) -> None:
        """Begin without nodes."""
        self.only_on_hub: Counter[str] = Counter()
        self._nodes: Mapping[str, NodeState] | None = None
        """The nodes that all automations are split over; None while not all are."""
        self._placed: dict[str, list[Record]] = {}

    def on(self, node: str) -> Sequence[Record]:
        """Return what a node runs, in Home Assistant's order."""
        return self._placed.get(node, ())

    async def async_place(
        self, records: Iterable[Record], nodes: Mapping[str, NodeState], breathe: Callable[[], Awaitable[None]]
    ) -> None:
        """Place automations anew. What is placed counts when it is done; `breathe` is awaited in between.

        One that is split already stays so as long as the nodes stay the same.
        """
        same_nodes, self._nodes = nodes == self._nodes, None
        room = {node: _Room() for node in nodes}
        placed: dict[str, list[Record]] = {node: [] for node in nodes}
        only_on_hub: Counter[str] = Counter()
        for record in records:
            if record.compiled.rule and not (record.split and same_nodes):
                record.split = split(record.compiled.rule, nodes, record.split.delegates if record.split else {})
                record.written = {node: dump(part.encode()) for node, part in record.split.parts.items()}
            record.fits = all(room[node].has(part) for node, part in record.written.items())
            if record.automation.enabled and not record.parts:
                only_on_hub.update(record.concerned)
            if record.automation.enabled and record.fits:
                for node, part in record.written.items():
                    room[node].take(part)
                    placed[node].append(record)
            await breathe()
        self._nodes = nodes
        self._placed = placed
        self.only_on_hub = only_on_hub
