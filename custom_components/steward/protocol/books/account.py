"""What is owed, from the entries of a log. Stub of what it will be called with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from .entries import Entry, Gap, Payment, Reading
from .periods import Zones
from .terms import Terms


class Fault(StrEnum):
    """What an account reports."""

    UNSIGNED_TERMS = "unsigned_terms"
    OLD_TERMS = "old_terms"
    OTHER_TERMS = "other_terms"
    BAD_TERMS = "bad_terms"
    SEQUENCE = "sequence"
    TIME = "time"
    PRICE = "price"
    WAIVED = "waived"
    SOURCE = "source"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that isn't as the terms have it, with the index of the entry."""

    index: int
    at: datetime
    fault: Fault
    detail: str


@dataclass(frozen=True, slots=True)
class PeriodBalance:
    """One period, as it stands. Energies are in milliwatt-hours, money in the terms' currency."""

    id: str
    begin: datetime
    end: datetime
    due: datetime
    closed: bool
    """Every source has been accounted for up to its end; from now on only payments change it."""
    measured: int
    from_register: int
    estimated: int
    corrected: int
    """What later came out of gaps in periods that were closed: may be less than 0."""
    not_counted: int
    """Known, but worth nothing by the terms."""
    owed: Decimal
    paid: Decimal
    pending: Decimal
    """Submitted, not confirmed."""
    balance: Decimal
    gaps: tuple[Gap, ...]
    """The longest ones at most, in their order."""
    gap_count: int
    gap_seconds: int
    outage_count: int
    outage_seconds: int
    reasons: dict[str, int]
    """How many readings had which reason."""
    payments: tuple[Payment, ...]
    late: int
    """How many periods late it is: 0 before its due date or when it is paid, 1 until one more period's length has passed, …"""

    @property
    def energy(self) -> int:
        """What it is owed for, in milliwatt-hours."""
        return self.measured + self.from_register + self.estimated + self.corrected


class Account:
    """Adds up a log's entries, in their order, over all generations.

    The hub and the auditor use the same one. Memory is that of the periods and the sources.
    """

    size: int
    """How many entries it was given."""
    energy: int
    """All energy so far, in milliwatt-hours."""
    terms: Terms | None
    """The terms in force."""
    problems: list[Problem]
    """The first hundred."""
    problem_count: int

    def __init__(self, zones: Zones, creditor: str | None = None, agreed: Terms | None = None) -> None:
        """Begin with nothing.

        `creditor` is the verifier key whose signature terms need: without it, the one that the log's first terms name, which is the log's
        own word. `agreed` are the terms that somebody holds in their hands, which the log's must be.
        """
        raise NotImplementedError

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        raise NotImplementedError

    def feed(self, data: bytes) -> None:
        """Take the next entry as the log has it; the quick way for many.

        Raises:
            ContractError: it is none.
        """
        raise NotImplementedError

    def extend(self, entries: Iterable[bytes]) -> None:
        """Take many."""
        raise NotImplementedError

    def period(self, at: datetime) -> PeriodBalance | None:
        """Return the period that a time lies in, as it stands (also if nothing happened in it); None without terms or before their start."""
        raise NotImplementedError

    def periods(self, now: datetime) -> list[PeriodBalance]:
        """Return every period up to the one that `now` lies in, in order, as it stands then."""
        raise NotImplementedError

    def owed(self) -> Decimal:
        """Return what all periods owe together, payments not taken off."""
        raise NotImplementedError

    def balance(self) -> Decimal:
        """Return what is owed and not paid, in all; less than 0 is a credit."""
        raise NotImplementedError

    def late(self, now: datetime) -> int:
        """Return by how many periods the oldest debt is late, for the ladder. Payments pay the oldest debt, whatever they name."""
        raise NotImplementedError

    def last_reading(self, source: str) -> Reading | None:
        """Return the last reading of a source that counted."""
        raise NotImplementedError
