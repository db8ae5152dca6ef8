"""The filters of all sources of one teller, by the terms that are in force; and the same done again over a log, to see whether it was so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from .codec import from_milliseconds, milliseconds
from .entries import Cause, Entry, Gap, Generation, Reading, TermsEntry
from .history import Agreement, TermsHistory
from .metering import Meter
from .periods import Zones
from .tariff import FOREVER
from .terms import Terms


class NoTermsError(LookupError):
    """There are no terms yet that readings could be filtered by."""


class Meters:
    """The meters of all sources. What they return must go to the log in the order in which it was returned, and `hear` be told of the rest."""

    def __init__(self, zones: Zones, creditor: str | None = None, agreed: Terms | None = None) -> None:
        """Begin without terms; the arguments are those of `TermsHistory`."""
        self.history = TermsHistory(zones, creditor, agreed)
        self._meters: dict[str, Meter] = {}
        self._agreement: Agreement | None = None
        self._times = range(0)
        """The times (Unix milliseconds) that the agreement is in force at."""

    def hear(self, entry: Entry) -> None:
        """Take an entry that the meters haven't made: terms, a start, an outage, whatever it is."""
        if isinstance(entry, TermsEntry):
            found, _faults = self.history.take(entry)
            if found is not None:
                self._agree(milliseconds(entry.at))
                for source in found.terms.sources:
                    self._meter(source.id, entry.at).expect(from_milliseconds(found.since))
        for meter in self._meters.values():
            meter.hear(entry)

    def take(self, source: str, at: datetime, raw: str | None, unit: str | None) -> list[Gap | Reading]:
        """Return what to append for what a source gave at a time: one reading, after the gaps that ended with it.

        Raises:
            NoTermsError: there are no terms yet.
        """
        return self._meter(source, at).take(at, raw, unit)

    def tick(self, at: datetime) -> list[Gap]:
        """Return what to append now though no source gave anything. Call it now and then: after a period's end, a minute is early enough."""
        self._pass(milliseconds(at))
        return [gap for source in self._sources() for gap in self._meters[source].tick(at)]

    def gaps(self, at: datetime) -> dict[str, tuple[datetime, Cause]]:
        """Return which sources of the terms are not being measured, since when, and why."""
        found = ((source, self._meters[source].gap(at)) for source in self._sources())
        return {source: gap for source, gap in found if gap is not None}

    def restore(self, entries: Iterable[Entry]) -> None:
        """Come to the state that the meters were in when these entries had been written: all of the log's, from the first."""
        for entry in entries:
            self.again(entry)

    def again(self, entry: Entry) -> list[Gap | Reading] | None:
        """Do again what led to an entry, and return what that comes to; None where the meters have nothing to do with it.

        A gap that has ended is made by the reading after it.

        Raises:
            NoTermsError: a reading is from before the first terms.
        """
        match entry:
            case Reading():
                return self.take(entry.source, entry.at, entry.raw, entry.unit)
            case Gap(open=True):
                return list[Gap | Reading](self._meter(entry.source, entry.at).tick(entry.at))
            case Gap():
                return None
            case _:
                self.hear(entry)
                return None

    def _sources(self) -> list[str]:
        """Return the sources of the terms in force."""
        return [source.id for source in self._agreement.terms.sources] if self._agreement else []

    def _meter(self, source: str, at: datetime) -> Meter:
        now = milliseconds(at)
        self._pass(now)
        meter = self._meters.get(source)
        if meter is None:
            if self._agreement is None:
                message = f"{source} was read before there were terms"
                raise NoTermsError(message)
            meter = self._meters[source] = Meter(source, self._agreement.terms, self._agreement.zone)
        return meter

    def _pass(self, now: int) -> None:
        """Go by the terms that are in force at a time, also if the clock went back: whoever has the log knows no other time."""
        if now not in self._times:
            self._agree(now)

    def _agree(self, now: int) -> None:
        found = self.history.at(now)
        since = -FOREVER if found is None or found is self.history.agreements[0] else found.since
        until = self.history.until(now)
        self._times = range(since, FOREVER if until is None else until)
        if found is None or found is self._agreement:
            return
        self._agreement = found
        for meter in self._meters.values():
            meter.agree(found.terms, found.zone)


@dataclass(frozen=True, slots=True)
class Deviation:
    """Where a log differs from what the filter makes of its raw readings. `index` is the entry's, of those that were given."""

    index: int
    source: str
    found: tuple[Gap | Reading, ...]
    expected: tuple[Gap | Reading, ...]


def recheck(
    entries: Iterable[Entry], zones: Zones, creditor: str | None = None, terms: Terms | None = None
) -> Iterator[Deviation]:
    """Run the filter again over a log's raw readings, and give every place where the log says something else.

    `creditor` and `terms` are as in `TermsHistory`: without them, the log's own terms are taken.
    """
    meters = Meters(zones, creditor, terms)
    before: dict[str, list[tuple[int, Gap]]] = {}
    for index, entry in enumerate(entries):
        if isinstance(entry, Gap) and not entry.open:
            before.setdefault(entry.source, []).append((index, entry))
            continue
        expected: tuple[Gap | Reading, ...]
        found: tuple[Gap | Reading, ...]
        try:
            expected = tuple(meters.again(entry) or [])
        except NoTermsError:
            expected = ()
        if isinstance(entry, Generation):
            yield from _left(before)
        if isinstance(entry, Reading):
            found = (*(gap for _, gap in before.pop(entry.source, [])), entry)
        elif isinstance(entry, Gap):
            found = (entry,)
        else:
            continue
        if found != expected:
            yield Deviation(index, entry.source, found, expected)
    yield from _left(before)


def _left(before: dict[str, list[tuple[int, Gap]]]) -> Iterator[Deviation]:
    """Give the gaps that no reading ended."""
    for source, gaps in before.items():
        for index, gap in gaps:
            yield Deviation(index, source, (gap,), ())
    before.clear()
