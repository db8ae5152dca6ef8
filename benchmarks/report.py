"""What the benchmarks found, as rows of tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
import sys
from typing import Any

type Samples = tuple[float, ...]
"""What the runs of one subject gave for one figure, in the figure's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure of ours beside the same of the peers, by their names; the medians count, and less is better if nothing else is said.

    `floor` is what measuring itself takes. `target` is a figure, `ratio_target` a peer and the part of its figure that ours is to be.
    """

    name: str
    unit: str
    ours: Samples
    peers: Mapping[str, Samples] = field(default_factory=dict)
    floor: Samples = ()
    ratio_target: tuple[str, float] | None = None
    target: float | None = None
    more_is_better: bool = False

    @property
    def ratios(self) -> dict[str, float]:
        """Ours as a part of each peer's."""
        return {peer: median(self.ours) / median(samples) for peer, samples in self.peers.items() if median(samples)}

    @property
    def met(self) -> bool | None:
        """Whether ours is within its target; None where it has none."""
        if self.ratio_target is not None:
            peer, limit = self.ratio_target
            return self._within(self.ratios[peer], limit)
        if self.target is not None:
            return self._within(median(self.ours), self.target)
        return None

    @property
    def limit(self) -> str:
        """The target in words."""
        sign = "≥" if self.more_is_better else "≤"
        if self.ratio_target is not None:
            return f"{sign} {self.ratio_target[1]:g} of {self.ratio_target[0]}"
        return "" if self.target is None else f"{sign} {self.target:g} {self.unit}"

    def as_dict(self) -> dict[str, Any]:
        """Return the figure with all its samples, for JSON."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "peers": dict(self.peers),
            "floor": self.floor,
            "ratios": self.ratios,
            "target": self.limit,
            "met": self.met,
        }

    def _within(self, figure: float, limit: float) -> bool:
        return figure >= limit if self.more_is_better else figure <= limit


def progress(text: str) -> None:
    """Say what is being measured."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def table(rows: Sequence[Comparison]) -> str:
    """Return the rows as a Markdown table: medians, and the least and the greatest of several samples; no column is empty."""
    peers = list(dict.fromkeys(peer for row in rows for peer in row.peers))
    columns: list[tuple[str, list[str]]] = [
        ("broker alone", [_amount(row.floor, row.unit) for row in rows]),
        *((peer, [_amount(row.peers.get(peer, ()), row.unit) for row in rows]) for peer in peers),
        ("Steward", [_amount(row.ours, row.unit) for row in rows]),
        *((f"of {peer}", [_ratio(row.ratios.get(peer)) for row in rows]) for peer in peers),
        ("target", [row.limit for row in rows]),
    ]
    columns = [(title, cells) for title, cells in columns if any(cells)]
    lines = [
        f"| figure | {' | '.join(title for title, _ in columns)} | met |",
        f"| --- |{' ---: |' * len(columns)} --- |",
    ]
    for number, row in enumerate(rows):
        met = {None: "", True: "yes", False: "**missed**"}[row.met]
        lines.append(f"| {' | '.join([row.name, *(cells[number] for _, cells in columns), met])} |")
    return "\n".join(lines)


def _amount(samples: Samples, unit: str) -> str:
    if not samples:
        return ""
    text = f"{_short(median(samples))} {unit}"
    return text if len(samples) == 1 else f"{text} ({_short(min(samples))} to {_short(max(samples))})"


def _short(figure: float) -> str:
    return f"{figure:.3g}" if abs(figure) < 1000 else f"{figure:.0f}"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
