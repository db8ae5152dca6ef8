"""What is shown of one source."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ..protocol.books.entries import Reason
from .data import Source

GOOD: Final = frozenset({Reason.OK, Reason.FIRST, Reason.DUPLICATE, Reason.ORDER, Reason.ROLLOVER, Reason.NEGATIVE})
"""Reasons that are no problem."""


@dataclass(slots=True)
class Watched:
    """A source, and what the books say of it: its energy in mWh, and why its latest reading was taken as it was."""

    source: Source
    energy: int = 0
    raw: str | None = None
    reason: Reason | None = None
    read_at: datetime | None = None
    gap_since: datetime | None = None

    @property
    def problem(self) -> bool:
        """Whether it doesn't tell anything good at the moment."""
        return self.gap_since is not None or (self.reason is not None and self.reason not in GOOD)
