"""Looks for what the books don't say: terms that were agreed, sources that nobody reads, payments that nobody looked up."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from ..protocol.books.account import PeriodBalance
from ..protocol.books.codec import from_milliseconds, milliseconds
from ..protocol.books.entries import PaymentStep, Worth
from ..protocol.books.history import Agreement
from ..protocol.books.periods import midnight
from ..protocol.books.tariff import FromEntity
from .books import Books
from .findings import Findings
from .options import Options

_LATE: Final = timedelta(days=1)
_SLACK: Final = timedelta(hours=1)
"""How much later than it should the teller may book a gap."""
_BLIND: Final = timedelta(days=1)


def check_absences(
    books: Books, options: Options, balances: Sequence[PeriodBalance], last: datetime | None, findings: Findings
) -> None:
    """Report what is missing; `last` is when the last entry was written, `balances` are those of all periods."""
    findings.generation = None
    _check_terms(books, options, findings)
    if last is not None:
        _check_sources(books, last, findings)
    _check_estimates(books, findings)
    _check_prices(books, findings)
    _check_payments(books, options, balances, findings)
    findings.generation = None


def _check_terms(books: Books, options: Options, findings: Findings) -> None:
    """Compare the terms that came into force with those that the auditor holds, and with what the log was opened for."""
    agreements = books.account.history.agreements
    agreed = options.agreed.terms
    signed = [each for each in agreements if each.signed]
    if agreed is not None and all(each.terms != agreed for each in agreements):
        findings.problem("terms_missing", number=agreed.number)
    for each in books.terms:
        if agreed is not None and each.entry.signed and each.entry.terms != agreed:
            findings.generation = each.place.generation
            findings.note("terms_signed", entry=each.place.entry, number=each.entry.terms.number)
    findings.generation = None
    if signed:
        first = signed[0]
        begin = from_milliseconds(midnight(first.terms.period.start, first.zone))
        late = from_milliseconds(first.since) - begin
        if late > _LATE:
            findings.note("terms_late", number=first.terms.number, days=late.days)
    if (
        agreed is None
        and books.opened is not None
        and agreements
        and agreements[-1].terms.project != books.opened.project
    ):
        findings.problem("terms_project", project=agreements[-1].terms.project, opened=books.opened.project)


def _check_sources(books: Books, last: datetime, findings: Findings) -> None:
    """Report the sources that the log has left behind: a period that has ended must not stay open for them, nor the present go unsaid."""
    account = books.account
    agreement = account.history.latest
    if agreement is None:
        return
    after = timedelta(seconds=agreement.terms.gaps.after) + _SLACK
    begin = _begun(agreement, last - after)
    for source in agreement.terms.sources:
        settled = account.settled(source.id)
        until = "-" if settled is None else f"{settled:%Y-%m-%d %H:%M}Z"
        if begin is not None and (settled is None or settled < begin):
            findings.problem("source_unaccounted", source=source.id, until=until, end=f"{begin:%Y-%m-%d %H:%M}Z")
            continue
        silent = last - max(settled or from_milliseconds(agreement.since), from_milliseconds(agreement.since))
        if silent > after:
            findings.note("source_silent", source=source.id, hours=int(silent.total_seconds() / 3600))


def _begun(agreement: Agreement, at: datetime) -> datetime | None:
    """Return when the period of a time began, if these terms were in force when it did."""
    span = agreement.terms.period.span(milliseconds(at), agreement.zone)
    return from_milliseconds(span.begin) if span is not None and span.begin >= agreement.since else None


def _check_estimates(books: Books, findings: Findings) -> None:
    """Tell of estimates that rest on no day at all, and so are worth nothing."""
    blind: Counter[str] = Counter()
    for each in books.gaps.values():
        gap = each.entry
        if gap.worth is Worth.ESTIMATE and not gap.days:
            blind[gap.source] += max(int((gap.end - gap.begin).total_seconds()), 0)
    for source, seconds in sorted(blind.items()):
        if seconds > _BLIND.total_seconds():
            findings.note("estimate_blind", source=source, hours=seconds // 3600)


def _check_prices(books: Books, findings: Findings) -> None:
    """Tell what the entity said that the terms leave the price to."""
    tariff = next(
        (t for each in books.account.history.agreements if isinstance(t := each.terms.tariff, FromEntity)), None
    )
    if tariff is None:
        return
    prices = books.prices
    low, high = (prices.low, prices.high) if prices.count else (tariff.price, tariff.price)
    findings.note("price_of_the_house", count=prices.count, low=f"{low:f}", high=f"{high:f}")


def _check_payments(books: Books, options: Options, balances: Sequence[PeriodBalance], findings: Findings) -> None:
    """Report payments for periods that there are not, and how much was paid by the books' word only."""
    periods = {each.id for each in balances}
    count, amount = 0, Decimal(0)
    for each in books.payments:
        if each.entry.step not in {PaymentStep.CONFIRMED, PaymentStep.WAIVED}:
            continue
        findings.generation = each.place.generation
        if each.entry.period not in periods:
            findings.problem("payment_period", entry=each.place.entry, period=each.entry.period)
        if each.entry.tx is not None and options.horizon is None:
            count, amount = count + 1, amount + each.entry.amount
    findings.generation = None
    if count:
        findings.note("payments_unchecked", count=count, amount=f"{amount:f}")
