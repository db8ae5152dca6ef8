"""What is shown of one source."""

from dataclasses import dataclass
from datetime import datetime

from .data import Source

GOOD: frozenset[str] = frozenset({"ok", "first", "rollover", "duplicate"})
"""Reasons that are no problem."""


@dataclass(slots=True)
class Watched:
    """A source, and what the books say of it: its energy in mWh, and why its latest reading was taken as it was."""

    source: Source
    energy: int = 0
    raw: str | None = None
    reason: str | None = None
    read_at: datetime | None = None
    gap_since: datetime | None = None

    @property
    def problem(self) -> bool:
        """Whether it doesn't tell anything good at the moment."""
        return self.gap_since is not None or (self.reason is not None and self.reason not in GOOD)
