"""Time, as an account sees it: cut wherever the period or the price changes.

Times are Unix milliseconds, prices in units of 10**-9 of the currency for a kilowatt-hour, money in units of 10**-15.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from .balance import MONEY_DIGITS, Bucket, PeriodSums
from .codec import from_milliseconds, milliseconds, stamp
from .entries import Reason
from .history import TermsHistory
from .periods import Span, midnight
from .tariff import FOREVER, FromEntity

DAY: Final = 86_400_000
MAX_SPREAD: Final = 400 * DAY
_NANO: Final = MONEY_DIGITS - 6
_BEYOND: Final = milliseconds(datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(slots=True)
class Segment:
    """A stretch of time with one period and one price, with what is not yet added to the period."""

    begin: int
    end: int
    begin_text: bytes
    end_text: bytes
    period: PeriodSums | None
    price: int
    energy: int = 0
    count: int = 0


@dataclass(slots=True)
class Share:
    """What a gap has been booked as, in one period."""

    period: PeriodSums
    energy: int
    money: int


class Timeline:
    """The periods of a log, and the prices in them."""

    def __init__(self, history: TermsHistory) -> None:
        """Begin without periods; the history's terms say which there are."""
        self.history = history
        self.periods: dict[int, PeriodSums] = {}
        """Those that something happened in, by when they begin."""
        self.segment = Segment(0, 0, b"", b"", None, 0)
        """The stretch that was asked for last."""
        self._prices: list[tuple[int, int]] = []

    def set_price(self, at: int, price: Decimal, needed_from: int) -> None:
        """Take what an entity says the price is from a time on; before `needed_from` nothing will be asked for any more."""
        self.forget()
        self._prices.append((at, _nano(price)))
        self._prices.sort(key=lambda each: each[0])
        while len(self._prices) > 1 and self._prices[1][0] <= needed_from:
            del self._prices[0]

    def at(self, at: int) -> Segment:
        """Return the stretch of one period and one price that a time lies in."""
        segment = self.segment
        if not segment.begin <= at < segment.end:
            self.flush()
            segment = self.segment = self._segment_of(at)
        return segment

    def _segment_of(self, at: int) -> Segment:
        agreement = self.history.at(at)
        period = self.period_at(at)
        end = FOREVER if period is None else period.end
        price = 0
        if agreement is not None:
            tariff = agreement.terms.tariff
            exact, until = tariff.at(at, agreement.zone)
            price = _nano(exact)
            if isinstance(tariff, FromEntity):
                price = next((known for since, known in reversed(self._prices) if since <= at), price)
                until = next((since for since, _ in self._prices if since > at), FOREVER)
            start = midnight(agreement.terms.period.start, agreement.zone)
            ends = (end, until, self.history.until(at), start if at < start else None)
            end = min(each for each in ends if each is not None)
        return Segment(at, end, _text(at), _text(end), period, price)

    def spread(self, begin: int, end: int, energy: int) -> list[Share]:
        """Split energy evenly over time, at every change of period and price."""
        begin = max(begin, end - MAX_SPREAD)
        if begin >= end:
            period = self.at(end).period
            return [] if period is None else [Share(period, energy, energy * self.segment.price)]
        shares: list[Share] = []
        at, counted = begin, 0
        while at < end:
            segment = self.at(at)
            at = min(end, segment.end)
            part = energy * (at - begin) // (end - begin) - counted
            counted += part
            if segment.period is None:
                continue
            if not shares or shares[-1].period is not segment.period:
                shares.append(Share(segment.period, 0, 0))
            shares[-1].energy += part
            shares[-1].money += part * segment.price
        return shares

    def forget(self) -> None:
        """Cut time anew: the terms or the prices have changed."""
        self.flush()
        self.segment = Segment(0, 0, b"", b"", None, 0)

    def flush(self) -> None:
        """Add what the segment has gathered to its period."""
        segment = self.segment
        if segment.period is not None and segment.count:
            segment.period.energy[Bucket.MEASURED] += segment.energy
            segment.period.money += segment.energy * segment.price
            reasons = segment.period.reasons
            reasons[Reason.OK] = reasons.get(Reason.OK, 0) + segment.count
        segment.energy = segment.count = 0

    def period_at(self, at: int) -> PeriodSums | None:
        """Return the period that a time lies in; None before the first, or without terms."""
        span = self.history.span(at)
        if span is None:
            return None
        if span.begin not in self.periods:
            self.periods[span.begin] = self._sums(span)
        return self.periods[span.begin]

    def begin_after(self, at: int) -> int:
        """Return when the first period after a time begins, of a time that lies in none."""
        begins = (agreement.since for agreement in self.history.agreements)
        return min((begin for begin in begins if begin > at), default=FOREVER)

    def _sums(self, span: Span) -> PeriodSums:
        agreement = self.history.of(span)
        if agreement is None:
            message = "no terms"
            raise LookupError(message)
        return PeriodSums(span.begin, span.end, agreement)

    def all_periods(self, until: int) -> Iterable[PeriodSums]:
        """Give every period up to a time, in order, also those that nothing happened in."""
        self.flush()
        if not self.history.agreements:
            return
        at = min([self.history.agreements[0].since, *self.periods])
        while at <= until and (span := self.history.span(at)) is not None:
            yield self.periods.get(span.begin) or self._sums(span)
            at = span.end


def _nano(price: Decimal) -> int:
    return int(price.scaleb(_NANO))


def _text(at: int) -> bytes:
    """Return the text of a time as entries have it; one that comes after all of them for what lies beyond the century."""
    return b"3" if at >= _BEYOND else stamp(from_milliseconds(at)).encode()
