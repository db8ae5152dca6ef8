"""What the benchmarks found, as rows of one table."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
import sys
from typing import Any

type Samples = tuple[float, ...]
"""What the runs of one subject gave for one figure, in the figure's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure, less of which is better; its medians count.

    `peer` does the same as ours, `bare` is the peer with less to do. Ours is to be at most `ratio_target` of the peer's, or where
    there is no peer at most `target`.
    """

    name: str
    unit: str
    ours: Samples
    peer: Samples = ()
    bare: Samples = ()
    ratio_target: float | None = None
    target: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours as a part of the peer's."""
        return median(self.ours) / median(self.peer) if self.peer else None

    @property
    def bare_ratio(self) -> float | None:
        """Ours as a part of the bare peer's."""
        return median(self.ours) / median(self.bare) if self.bare else None

    @property
    def met(self) -> bool | None:
        """Whether ours is within its target; None where it has none."""
        if self.ratio is not None and self.ratio_target is not None:
            return self.ratio <= self.ratio_target
        if self.target is not None:
            return median(self.ours) <= self.target
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return the figure with all its samples, for JSON."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "peer": self.peer,
            "bare": self.bare,
            "ratio": self.ratio,
            "bare_ratio": self.bare_ratio,
            "ratio_target": self.ratio_target,
            "target": self.target,
            "met": self.met,
        }


def progress(text: str) -> None:
    """Say what is being measured."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def table(rows: Iterable[Comparison]) -> str:
    """Return the rows as a Markdown table: medians, and the least and the greatest of several samples."""
    lines = [
        "| figure | peer | bare peer | Steward | of the peer | of the bare peer | target | met |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        cells = (
            row.name,
            _amount(row.peer, row.unit),
            _amount(row.bare, row.unit),
            _amount(row.ours, row.unit),
            _ratio(row.ratio),
            _ratio(row.bare_ratio),
            _limit(row),
            {None: "", True: "yes", False: "**missed**"}[row.met],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _amount(samples: Samples, unit: str) -> str:
    if not samples:
        return ""
    text = f"{median(samples):.3g} {unit}"
    return text if len(samples) == 1 else f"{text} ({min(samples):.3g} to {max(samples):.3g})"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _limit(row: Comparison) -> str:
    if row.ratio_target is not None:
        return f"≤ {row.ratio_target:g} of the peer"
    return "" if row.target is None else f"≤ {row.target:g} {row.unit}"
