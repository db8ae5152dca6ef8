"""Bills: what the books say of each period, as somebody who pays needs it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from ...protocol.books.account import PeriodBalance
from ...protocol.books.entries import Payment, PaymentStep
from ...protocol.books.memo import payment_memo
from .money import round_up


@dataclass(frozen=True, slots=True)
class Bill:
    """One period: `amount` is what is open of it, as it can be paid; 0 or less if it is paid.

    `memo` is the hash memo that names it in a ledger. `late` counts periods, from 1 on its due date.
    """

    id: str
    begin: datetime
    end: datetime
    due: datetime
    closed: bool
    amount: Decimal
    late: int
    memo: bytes
    payments: tuple[Payment, ...]
    zone: tzinfo

    @property
    def open(self) -> bool:
        """Whether it has to be paid."""
        return self.closed and self.amount > 0

    def has(self, step: PaymentStep, tx: str | None = None) -> bool:
        """Tell whether a step is in the books, of a transaction if one is named."""
        return any(each.step is step and (tx is None or each.tx == tx) for each in self.payments)

    @property
    def claims(self) -> list[Payment]:
        """What somebody said to have paid elsewhere, and the creditor hasn't signed for: submitted, in no ledger, named by a reference."""
        own = [each for each in self.payments if not each.tx]
        signed = {each.memo for each in own if each.step is PaymentStep.CONFIRMED}
        return [each for each in own if each.step is PaymentStep.SUBMITTED and each.memo not in signed]

    @property
    def unsettled(self) -> set[str]:
        """The transactions that were signed for it and whose end isn't in the books."""
        ended = {each.tx for each in self.payments if each.step in (PaymentStep.CONFIRMED, PaymentStep.FAILED)}
        return {each.tx for each in self.payments if each.step is PaymentStep.SIGNED and each.tx} - ended

    @property
    def span(self) -> str:
        """Its first and last day, where the project is."""
        first = self.begin.astimezone(self.zone).date()
        last = self.end.astimezone(self.zone).date() - timedelta(days=1)
        return f"{first}/{last}"  # ISO 8601's interval: the same in every language

    @property
    def due_day(self) -> str:
        """Its due date, where the project is."""
        return self.due.astimezone(self.zone).date().isoformat()


def bills(
    balances: Iterable[PeriodBalance], balance: Decimal, *, origin: str, project: str, digits: int, zone: tzinfo
) -> list[Bill]:
    """Return the periods' bills, in their order; `balance` is what is open of all of them together.

    Whatever was paid pays the oldest debt, as in the books' own ladder: what one period was paid too much is in the next.
    """
    balances = tuple(balances)
    credit = sum((each.owed for each in balances), Decimal(0)) - balance
    made = []
    for each in balances:
        open_ = max(Decimal(0), each.owed - credit)
        credit = max(Decimal(0), credit - each.owed)
        made.append(
            Bill(
                id=each.id,
                begin=each.begin,
                end=each.end,
                due=each.due,
                closed=each.closed,
                amount=round_up(open_, digits),
                late=each.late,
                memo=payment_memo(origin, project, each.id),
                payments=each.payments,
                zone=zone,
            )
        )
    return made
