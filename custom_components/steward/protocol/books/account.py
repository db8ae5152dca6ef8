"""What is owed, from the entries of a log: the hub adds up what it wrote, an auditor what was written.

Energy costs what it cost when it was produced: what lies between two readings, or in a gap, is split evenly over time at every change of
the price and every period's end (of more than 400 days, over the last 400). A period is closed once every source of its terms has been
accounted for up to its end; by a reading, or by a gap booked up to there. What comes out later of a closed period's time (the register
came back and replaces an estimate) is owed in the first period that is open then, as `corrected`, at the prices of the time it was
produced in. So what has been billed doesn't change, and nothing is lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from ..fields import ContractError
from ..log.errors import NoteError
from ..log.note import Note, Verifier
from .balance import (
    MAX_PAYMENTS,
    Bucket,
    Paid,
    PeriodBalance,
    PeriodSums,
    Problem,
    total,
)
from .codec import EPOCH, from_milliseconds, milliseconds, read_moment, stamp
from .entries import (
    QUICK,
    Entry,
    Gap,
    Generation,
    Inspection,
    Outage,
    Payment,
    PaymentStep,
    Reading,
    Reason,
    Tariff,
    TermsEntry,
    Unknown,
    Worth,
    decode,
    encode,
    unsigned_text,
)
from .history import Fault, TermsHistory
from .periods import Zones, midnight, name_of
from .tariff import FOREVER, FromEntity
from .terms import Terms
from .timeline import DAY, Share, Timeline

__all__ = ["Account", "Bucket", "Fault", "Inspected", "PeriodBalance", "Problem"]

MAX_PROBLEMS: Final = 100
MAX_INSPECTIONS: Final = 200
CLOCK_TOLERANCE: Final = 120_000
_BUCKETS: Final = {Worth.REGISTER: Bucket.REGISTER, Worth.ESTIMATE: Bucket.ESTIMATE}
_COUNTING: Final = frozenset(
    {
        Reason.OK,
        Reason.FIRST,
        Reason.DOWN,
        Reason.ROLLOVER,
        Reason.RESET,
        Reason.REPLACED,
        Reason.NEGATIVE,
        Reason.CLOCK,
    }
)
"""The reasons of readings up to which a source is accounted for."""
_OUT_OF_ORDER: Final = frozenset({Reason.ORDER, Reason.DUPLICATE})
_OK: Final = Reason.OK.encode()
_DATE: Final = 10


@dataclass(frozen=True, slots=True)
class Inspected:
    """A person's reading of a meter beside the books. Energies in milliwatt-hours."""

    at: datetime
    source: str
    who: str
    signed: bool
    """By the creditor's key."""
    register: int
    """As the person read it."""
    books_register: int | None
    """As the teller had last read it."""
    books_energy: int
    """The source's energy since the books began."""


@dataclass(slots=True)
class _SourceState:
    """How far a source has been accounted for."""

    id: str
    known: bool = False
    next: int | None = None
    last: bytes = b""
    settled: int = -FOREVER
    energy: int = 0
    register: bytes | int | None = None
    open: Gap | None = None
    shares: list[Share] = field(default_factory=list)
    told: bool = False

    @property
    def last_at(self) -> int | None:
        """When it was last accounted for."""
        return milliseconds(read_moment(self.last.decode())) if self.last else None

    @property
    def settled_at(self) -> int:
        """Up to when it is accounted for, whatever its clock did since."""
        last = self.last_at
        return self.settled if last is None else max(self.settled, last)


class Account:
    """Adds up a log's entries, in their order, over all generations; of a former one only as many as the next one says it continues.

    Memory is that of the periods, the sources, and the prices since the start of the oldest gap that is open.
    """

    def __init__(self, zones: Zones, creditor: str | None = None, agreed: Terms | None = None) -> None:
        """Begin with nothing.

        `creditor` is the verifier key whose signature terms need: without it, the one that the log's first terms name, which is the log's
        own word. `agreed` are the terms that somebody holds in their hands, which the log's must be.
        """
        self.history = TermsHistory(zones, creditor, agreed)
        self._timeline = Timeline(self.history)
        self.size = 0
        """How many entries it was given."""
        self.problems: list[Problem] = []
        """The first hundred."""
        self.problem_count = 0
        self.inspections: list[Inspected] = []
        """The last two hundred at most."""
        self._sources: dict[bytes, _SourceState] = {}
        self._paid: dict[str, Paid] = {}
        self._day = b""
        self._latest = 0
        self._before = b""

    @property
    def terms(self) -> Terms | None:
        """The terms that came into force last, or will."""
        latest = self.history.latest
        return latest.terms if latest else None

    @property
    def signed(self) -> bool:
        """Whether the creditor signed them."""
        latest = self.history.latest
        return latest is not None and latest.signed

    @property
    def energy(self) -> int:
        """All energy so far that counts, in milliwatt-hours."""
        return sum(state.energy for state in self._sources.values() if state.known)

    def energy_of(self, source: str) -> int:
        """Return a source's energy so far, in milliwatt-hours."""
        state = self._sources.get(source.encode())
        return state.energy if state else 0

    def register_of(self, source: str) -> int | None:
        """Return a source's register as it was last understood, in milliwatt-hours."""
        state = self._sources.get(source.encode())
        return None if state is None or state.register is None else int(state.register)

    def settled(self, source: str) -> datetime | None:
        """Return up to when a source is accounted for."""
        state = self._sources.get(source.encode())
        return None if state is None or state.settled_at < 0 else from_milliseconds(state.settled_at)

    def extend(self, entries: Iterable[bytes]) -> None:
        """Take many entries as the log has them.

        Raises:
            ContractError: one is none; those before it were taken.
        """
        for data in entries:
            self.feed(data)

    def feed(self, data: bytes) -> None:
        """Take the next entry as the log has it; the quick way.

        Raises:
            ContractError: it is none.
        """
        if not self._feed_quickly(data):
            self._add(decode(data))

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        if not (isinstance(entry, Reading) and entry.reason is Reason.OK and self._feed_quickly(encode(entry))):
            self._add(entry)

    def _feed_quickly(self, data: bytes) -> bool:
        """Take an ordinary reading that lies where the one before it lay; return whether this is one."""
        if (quick := QUICK(data)) is None:
            return False
        at, energy, _, reason, register, sequence, source, _ = quick.groups()
        segment = self._timeline.segment
        state = self._sources.get(source)
        if (
            state is None
            or reason != _OK
            or not segment.begin_text <= state.last <= at < segment.end_text
            or at < self._before
            or at[:_DATE] != self._day
            or not state.known
            or int(sequence) != state.next
        ):
            return False
        gained = int(energy)
        state.next += 1
        state.last = at
        state.energy += gained
        state.register = register
        self._before = at
        segment.energy += gained
        segment.count += 1
        self.size += 1
        return True

    def skip(self, detail: str) -> None:
        """Take notice of the next entry of the log, which is none that could be read."""
        at = read_moment(self._before.decode()) if self._before else EPOCH
        self._report(Unknown("unreadable", at, {}), Fault.UNREADABLE, detail)
        self.size += 1

    def _add(self, entry: Entry) -> None:
        try:
            now, text = milliseconds(entry.at), stamp(entry.at).encode()
        except ContractError as error:
            self.skip(str(error))
            return
        timed = not is_untimed(entry)
        if timed and text < self._before:
            before = read_moment(self._before.decode())
            if milliseconds(before) - now > CLOCK_TOLERANCE:
                self._report(entry, Fault.TIME, f"{stamp(entry.at)} after {stamp(before)}")
                self._before = text
        match entry:
            case Reading():
                self._read(now, entry)
            case Gap():
                self._miss(entry)
            case TermsEntry():
                self._agree(now, entry)
            case Tariff():
                self._set_price(now, entry)
            case Payment():
                self._pay(entry)
            case Inspection():
                self._inspect(entry)
            case Outage():
                self._be_off(entry)
            case Generation():
                for state in self._sources.values():
                    state.next = None
            case _:
                pass
        if timed:
            self._latest = max(self._latest, now)
            # Small steps back don't add up to a large one: the latest time stays.
            self._before = max(self._before, text)
        self.size += 1

    def period(self, at: datetime) -> PeriodBalance | None:
        """Return the period that a time lies in, as it stands then; None without terms, and before the first period."""
        found = self.periods(at)
        return found[-1] if found and found[-1].end > at else None

    def periods(self, now: datetime) -> list[PeriodBalance]:
        """Return every period up to the one that `now` lies in, in order, as it stands then; also those that nothing happened in."""
        until = milliseconds(now)
        credit = self._all_paid()
        found = []
        for sums in self._timeline.all_periods(until):
            open_ = sums.owed - credit
            credit = max(Decimal(0), -open_)
            found.append(self._balance(sums, until, is_open=open_ > 0))
        return found

    def owed(self) -> Decimal:
        """Return what all periods owe together, payments not taken off."""
        self._timeline.flush()
        return total(sums.owed for sums in self._timeline.periods.values())

    def balance(self) -> Decimal:
        """Return what is owed and not paid, in all; less than 0 is a credit."""
        return self.owed() - self._all_paid()

    def late(self, now: datetime) -> int:
        """Return by how many periods the oldest debt is late, for the ladder."""
        return max((each.late for each in self.periods(now)), default=0)

    def _read(self, now: int, reading: Reading) -> None:
        state = self._state(now, reading)
        if state.next not in {None, reading.sequence}:
            self._report(reading, Fault.SEQUENCE, f"{reading.source}: {reading.sequence} where {state.next} comes next")
        state.next = reading.sequence + 1
        segment = self._timeline.at(now)
        if segment.period is not None:
            segment.period.reasons[reading.reason] = segment.period.reasons.get(reading.reason, 0) + 1
        last = state.last_at
        begin = now if last is None else min(last, now)
        state.energy += reading.energy
        if state.known and reading.energy:
            self._apply(self._timeline.spread(begin, now, reading.energy), Bucket.MEASURED)
        if reading.reason in _COUNTING or (reading.reason is Reason.SIGN and reading.register is not None):
            state.settled = state.settled_at
            state.last = stamp(reading.at).encode()
            state.register = state.register if reading.register is None else reading.register
        self._timeline.at(now)
        self._day = stamp(reading.at).encode()[:_DATE]

    def _miss(self, gap: Gap) -> None:
        begin, end = milliseconds(gap.begin), milliseconds(gap.end)
        state = self._state(end, gap)
        before = state.open
        if end < begin or (before is not None and before.begin != gap.begin):
            self._report(gap, Fault.GAP, f"{gap.source}: from {stamp(gap.begin)} to {stamp(gap.end)}")
        if before is None or before.begin != gap.begin:
            before, state.shares = None, []
        end = max(begin, end)
        if not state.known:
            state.open = None
            return
        if before is not None:
            state.energy -= _counted(before)
            self._list_gap(before, -1)
        state.energy += _counted(gap)
        self._list_gap(gap, 1)
        shares = self._timeline.spread(begin, end, gap.energy)
        bucket = _BUCKETS.get(gap.worth)
        was = _BUCKETS.get(before.worth) if before else None
        self._apply(shares if bucket else [], bucket or Bucket.ESTIMATE, state.shares, was)
        if bucket is None:
            for share in shares:
                share.period.not_counted += share.energy
        state.open = gap if gap.open else None
        state.shares = shares if gap.open and bucket else []
        state.settled = max(state.settled_at, end)
        state.last = stamp(from_milliseconds(end)).encode()

    def _list_gap(self, gap: Gap, sign: int) -> None:
        """Count a gap in every period that it lies in, in or out; what was not counted for it, out only."""
        at, end = milliseconds(gap.begin), max(milliseconds(gap.end), milliseconds(gap.begin) + 1)
        if sign < 0 and gap.worth is Worth.NOTHING:
            for share in self._timeline.spread(at, milliseconds(gap.end), gap.energy):
                share.period.not_counted -= share.energy
        while at < end:
            period = self._timeline.period_at(at)
            if period is None:
                at = self._timeline.begin_after(at)
                continue
            period.list_gap(gap, sign)
            at = period.end

    def _agree(self, now: int, entry: TermsEntry) -> None:
        found, faults = self.history.take(entry)
        for fault, detail in faults:
            self._report(entry, fault, detail)
        if found is None:
            return
        self._timeline.forget()
        for sums in self._timeline.periods.values():
            span = self.history.span(sums.begin)
            if span is not None:
                sums.end = span.end
                sums.agreement = self.history.of(span) or sums.agreement

    def _set_price(self, now: int, entry: Tariff) -> None:
        agreement = self.history.at(now)
        tariff = agreement.terms.tariff if agreement else None
        if not isinstance(tariff, FromEntity):
            self._report(entry, Fault.PRICE, "the terms leave no price to an entity")
            return
        price = tariff.bounded(entry.price)
        if price != entry.price:
            self._report(entry, Fault.PRICE, f"{entry.price}, where {price} is the most or least that was agreed")
        oldest = min((self._needed_from(state) for state in self._sources.values()), default=now)
        self._timeline.set_price(now, price, oldest)

    def _needed_from(self, state: _SourceState) -> int:
        """Return from when on the prices may still be asked for, for a source."""
        if state.open is not None:
            return milliseconds(state.open.begin)
        last = state.last_at
        settings = self.terms.filter.stuck * 1000 if self.terms else 0
        return -FOREVER if last is None else last - settings - DAY

    def _pay(self, payment: Payment) -> None:
        paid = self._paid.setdefault(payment.period, Paid())
        fault = Fault.WAIVED
        match payment.step:
            case PaymentStep.WAIVED:
                counts = self._is_signed(payment)
            case PaymentStep.CONFIRMED if payment.tx is None:
                counts = any(self._is_signed(replace(each, note=payment.note)) for each in paid.claims(payment))
            case PaymentStep.CONFIRMED:
                fault = Fault.TWICE
                counts = not any(payment.tx in each.confirmed for each in self._paid.values() if each is not paid)
            case _:
                counts = True
        if not counts:
            self._report(payment, fault, f"{payment.amount} of {payment.period}")
        paid.take(payment, payment.tx or payment.memo or "", counts=counts)

    def _inspect(self, entry: Inspection) -> None:
        found = Inspected(
            at=entry.at,
            source=entry.source,
            who=entry.who,
            signed=self._is_signed(entry),
            register=entry.register,
            books_register=self.register_of(entry.source),
            books_energy=self.energy_of(entry.source),
        )
        self.inspections = [*self.inspections[1 - MAX_INSPECTIONS :], found]

    def _is_signed(self, entry: Payment | Inspection) -> bool:
        """Whether the creditor signed an entry."""
        if entry.note is None or self.history.creditor is None:
            return False
        if isinstance(entry, Payment) and self.terms is not None and entry.project != self.terms.project:
            return False
        try:
            note = Note.parse(entry.note.encode())
            note.verified_by([Verifier.parse(self.history.creditor)])
        except NoteError:
            return False
        return note.text == unsigned_text(entry)

    def _be_off(self, outage: Outage) -> None:
        at, end = milliseconds(outage.begin), milliseconds(outage.end)
        while at < end and (period := self._timeline.period_at(at)) is not None:
            period.outage_count += 1
            period.outage_time += period.overlap(at, end)
            at = period.end

    def _state(self, now: int, entry: Reading | Gap) -> _SourceState:
        """Return a source's state, and find out whether the terms in force name it."""
        source = entry.source.encode()
        state = self._sources.get(source)
        if state is None:
            state = self._sources[source] = _SourceState(entry.source, next=0)
        agreement = self.history.at(now)
        state.known = agreement is not None and agreement.terms.source(entry.source) is not None
        if not state.known and not state.told:
            state.told = True
            self._report(entry, Fault.SOURCE, entry.source)
        return state

    def _apply(
        self, shares: list[Share], bucket: Bucket, before: list[Share] | None = None, was: Bucket | None = None
    ) -> None:
        """Book energy in the periods that it was produced in, in place of what was booked before; in closed ones the difference, later."""
        for share in before or ():
            self._book(share, was or bucket, -1)
        for share in shares:
            self._book(share, bucket, 1)

    def _book(self, share: Share, bucket: Bucket, sign: int) -> None:
        period = share.period
        if self._is_closed(period):
            period = self._first_open(period)
            period.corrected += sign * share.energy
        else:
            period.energy[bucket] += sign * share.energy
        period.money += sign * share.money

    def _is_closed(self, period: PeriodSums) -> bool:
        agreement = self.history.at(period.end - 1)
        if agreement is None or self._latest < period.begin:
            return False
        found = (self._sources.get(source.id.encode()) for source in agreement.terms.sources)
        return all(state is not None and state.settled_at >= period.end for state in found)

    def _first_open(self, period: PeriodSums) -> PeriodSums:
        """Return the first period from one on that isn't closed."""
        while self._is_closed(period) and (later := self._timeline.period_at(period.end)) is not None:
            period = later
        return period

    def _all_paid(self) -> Decimal:
        return total(paid.total for paid in self._paid.values())

    def _balance(self, sums: PeriodSums, now: int, *, is_open: bool) -> PeriodBalance:
        agreement = sums.agreement
        period_id = name_of(sums.begin, agreement.zone)
        last_day = from_milliseconds(sums.end).astimezone(agreement.zone).date()
        due = midnight(last_day + timedelta(days=agreement.terms.due_days), agreement.zone)
        paid = self._paid.get(period_id, Paid())
        return PeriodBalance(
            id=period_id,
            begin=from_milliseconds(sums.begin),
            end=from_milliseconds(sums.end),
            due=from_milliseconds(due),
            closed=self._is_closed(sums),
            measured=sums.energy[Bucket.MEASURED],
            from_register=sums.energy[Bucket.REGISTER],
            estimated=sums.energy[Bucket.ESTIMATE],
            corrected=sums.corrected,
            not_counted=sums.not_counted,
            owed=sums.owed,
            paid=paid.total,
            pending=total(paid.pending.values()),
            balance=sums.owed - paid.total,
            gaps=sums.longest(),
            gap_count=sums.gap_count,
            gap_seconds=sums.gap_time // 1000,
            outage_count=sums.outage_count,
            outage_seconds=sums.outage_time // 1000,
            reasons=dict(sums.reasons),
            payments=tuple(paid.steps[-MAX_PAYMENTS:]),
            late=1 + (now - due) // (sums.end - sums.begin) if is_open and now >= due else 0,
        )

    def _report(self, entry: Entry, fault: Fault, detail: str) -> None:
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.size, entry.at, fault, detail))


def is_untimed(entry: Entry) -> bool:
    """Whether an entry's time isn't that of its writing: it came late, or is what somebody has signed before."""
    match entry:
        case Reading():
            return entry.reason in _OUT_OF_ORDER
        case Payment():
            return entry.step is PaymentStep.WAIVED
        case _:
            return isinstance(entry, Inspection)


def _counted(gap: Gap) -> int:
    return 0 if gap.worth is Worth.NOTHING else gap.energy
