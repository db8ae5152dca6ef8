"""What an audit comes to: everything that the texts, the pages and the JSON tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ..protocol.books.account import PeriodBalance
from ..protocol.books.entries import Gap, Opened, Payment
from ..protocol.books.terms import Terms
from .books import At, Place, Run
from .energy import Day
from .findings import Finding


class Outcome(StrEnum):
    """What came of a check."""

    RIGHT = "right"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is checked: its name has its sentences in `words.py`; `why` is the name of the reason for which it was skipped."""

    name: str
    outcome: Outcome
    why: str = ""


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """One generation: how many entries were checked and their root, what its checkpoint covers, and who witnessed that when (Unix seconds)."""

    number: int
    origin: str
    size: int
    root: str
    signed: int
    cosignatures: Mapping[str, int]
    last: datetime | None
    """When the last entry was made, by the teller's clock."""


@dataclass(frozen=True, slots=True)
class InspectionResult:
    """An inspection, and what the books say: the energy since the one before (or the register, at the first one), in milliwatt-hours."""

    place: Place
    at: datetime
    source: str
    who: str
    signed: bool
    register: int
    read: int | None
    """By the inspections: the difference since the one before; the register at the first one."""
    booked: int | None
    """The same by the books; None where they say nothing."""

    @property
    def difference(self) -> float | None:
        """By how many percent the books are off; less than 0 if they have too little."""
        if self.read is None or self.booked is None:
            return None
        return 100 * (self.booked - self.read) / max(self.read, 1)


@dataclass(frozen=True, slots=True)
class AnchorResult:
    """An anchor: what of it could be checked, and what the other place says about the time."""

    place: Place
    kind: str
    size: int
    generation: int | None
    since: datetime | None
    checked: tuple[str, ...]
    """Names of what was found right; `words.py` has their sentences."""


@dataclass(frozen=True, slots=True)
class Period:
    """A period's balance, with what its page shows: its days and all of its gaps and payments."""

    balance: PeriodBalance
    days: Mapping[date, Day]
    gaps: tuple[At[Gap], ...]
    payments: tuple[At[Payment], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole audit."""

    source: str
    log: str
    audited: datetime
    seconds: float
    generations: tuple[GenerationResult, ...]
    kinds: Mapping[str, int]
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    left_out: Mapping[str, int]
    problems: int
    opened: Opened | None
    terms: Terms | None
    periods: tuple[Period, ...]
    owed: str
    balance: str
    energy: int
    runs: tuple[Run, ...]
    inspections: tuple[InspectionResult, ...]
    anchors: tuple[AnchorResult, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems
