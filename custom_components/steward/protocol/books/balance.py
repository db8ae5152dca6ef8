"""What an account says of a period, and what it keeps for that: as much for a year as for a day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from typing import Final

from .codec import milliseconds
from .entries import Gap, Payment, PaymentStep
from .history import Agreement, Fault

MAX_GAPS: Final = 200
"""How many gaps of a period are kept; the longest ones."""
MAX_PAYMENTS: Final = 1000
"""How many steps of paying a period are kept; the last ones."""
MONEY_DIGITS: Final = 15
"""Money is added up in units of 10**-15: milliwatt-hours times prices with nine digits behind the point."""
_EXACT: Final = Context(prec=100, rounding=ROUND_HALF_UP)


class Bucket(StrEnum):
    """Where energy comes from."""

    MEASURED = "measured"
    REGISTER = "register"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that isn't as it has to be, at which entry (counted from 0, of those that the account was given)."""

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
    """Every source has been accounted for up to its end: from now on only payments change it."""
    measured: int
    from_register: int
    estimated: int
    corrected: int
    """What came out later of time in periods that were closed, by when this was the first open one; may be less than 0."""
    not_counted: int
    """Known, but worth nothing by the terms."""
    owed: Decimal
    paid: Decimal
    """Confirmed or waived, by the period that the payment names."""
    pending: Decimal
    """Submitted, not confirmed."""
    balance: Decimal
    gaps: tuple[Gap, ...]
    """The longest ones at most, in their order; whole, also where they reach into other periods."""
    gap_count: int
    gap_seconds: int
    """Of all sources together, within the period."""
    outage_count: int
    outage_seconds: int
    reasons: Mapping[str, int]
    """How many readings had which reason."""
    payments: tuple[Payment, ...]
    """All steps, the last ones at most."""
    late: int
    """How many periods late it is: 0 before it is due or when nothing is open, 1 from then on until one more period's length has passed, …

    Payments pay the oldest debt first, whatever they name.
    """

    @property
    def energy(self) -> int:
        """What it is owed for, in milliwatt-hours."""
        return self.measured + self.from_register + self.estimated + self.corrected


@dataclass(slots=True)
class PeriodSums:
    """What is kept of a period. Times are Unix milliseconds, money in units of 10**-15."""

    begin: int
    end: int
    agreement: Agreement
    energy: dict[Bucket, int] = field(default_factory=lambda: dict.fromkeys(Bucket, 0))
    corrected: int = 0
    not_counted: int = 0
    money: int = 0
    gaps: dict[tuple[str, datetime], Gap] = field(default_factory=dict)
    gap_count: int = 0
    gap_time: int = 0
    outage_count: int = 0
    outage_time: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def owed(self) -> Decimal:
        """What is owed, rounded half up to the currency's digits."""
        return money(self.money, self.agreement.terms.digits)

    def overlap(self, begin: int, end: int) -> int:
        """Return how many milliseconds of a stretch lie in the period."""
        return max(0, min(end, self.end) - max(begin, self.begin))

    def list_gap(self, gap: Gap, sign: int = 1) -> None:
        """Count a gap in, or out (`sign` -1) again."""
        self.gap_count += sign
        self.gap_time += sign * self.overlap(milliseconds(gap.begin), milliseconds(gap.end))
        key = (gap.source, gap.begin)
        if sign < 0:
            self.gaps.pop(key, None)
            return
        self.gaps[key] = gap
        if len(self.gaps) > 2 * MAX_GAPS:
            self.gaps = {(kept.source, kept.begin): kept for kept in self.longest()}

    def longest(self) -> tuple[Gap, ...]:
        """Return the longest gaps, in their order."""
        gaps = sorted(self.gaps.values(), key=lambda gap: (gap.begin - gap.end, gap.begin, gap.source))[:MAX_GAPS]
        return tuple(sorted(gaps, key=lambda gap: (gap.begin, gap.source)))


@dataclass(slots=True)
class Paid:
    """What was paid for a period, by the transactions' hashes: none counts twice."""

    confirmed: dict[str, Decimal] = field(default_factory=dict)
    pending: dict[str, Decimal] = field(default_factory=dict)
    steps: list[Payment] = field(default_factory=list)

    def take(self, payment: Payment, key: str, *, counts: bool) -> None:
        """Take a step; `key` names the payment, `counts` tells whether a confirmation may count."""
        self.steps.append(payment)
        if len(self.steps) > 2 * MAX_PAYMENTS:
            self.steps = self.steps[-MAX_PAYMENTS:]
        match payment.step:
            case PaymentStep.SUBMITTED:
                if key not in self.confirmed:
                    self.pending[key] = payment.amount
            case PaymentStep.CONFIRMED | PaymentStep.WAIVED if counts:
                self.pending.pop(key, None)
                self.confirmed.setdefault(key, payment.amount)
            case PaymentStep.FAILED:
                self.pending.pop(key, None)
            case _:
                pass

    def claims(self, payment: Payment) -> list[Payment]:
        """Return what somebody said to have paid elsewhere with a payment's reference (its `memo`) and amount: a receipt signs that."""
        same = (PaymentStep.SUBMITTED, None, payment.memo, payment.amount)
        return [each for each in self.steps if (each.step, each.tx, each.memo, each.amount) == same]

    @property
    def total(self) -> Decimal:
        """What counts as paid."""
        return total(self.confirmed.values())


def money(units: int, digits: int) -> Decimal:
    """Return an amount of units of 10**-15, rounded half up to so many digits."""
    return _EXACT.quantize(Decimal(units).scaleb(-MONEY_DIGITS, _EXACT), Decimal(1).scaleb(-digits))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add up amounts without rounding."""
    summed = Decimal(0)
    for amount in amounts:
        summed = _EXACT.add(summed, amount)
    return summed
