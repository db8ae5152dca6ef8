"""Reads what a log's entries mean: adds up what is owed, and collects what an auditor wants to see listed.

What is owed comes from the same account that the hub uses. Readings are nearly all of a log, so the account alone
reads them, strictly; every ten minutes of the log it is asked what they came to.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..protocol.books.account import Account
from ..protocol.books.codec import stamp
from ..protocol.books.entries import (
    Anchored,
    Entry,
    Gap,
    Generation,
    Heartbeat,
    Inspection,
    Notice,
    Opened,
    Outage,
    Payment,
    Reading,
    Settings,
    Shutdown,
    Start,
    Tariff,
    TermsEntry,
    Unknown,
    decode,
)
from ..protocol.books.terms import Terms
from ..protocol.fields import ContractError
from .drafts import Proposal
from .energy import Energies
from .findings import Findings

_STEP: Final = slice(7, 22)
"""Where an entry has the ten minutes that it was made in, if its time comes first: `2026-01-31T12:1`."""
_AFTER_TIME: Final = slice(32, 42)
_ENERGY: Final = b',"energy":'
"""What follows the time in a reading."""
_IS_READING: Final = b'"kind":"reading"'


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry is."""

    generation: int
    entry: int


@dataclass(frozen=True, slots=True)
class Run:
    """From a start of the teller to its end: `shutdown`, `outage`, or `open` while neither is known."""

    place: Place
    begin: datetime
    device: str
    code: str
    version: str | None
    end: datetime | None = None
    how: str = "open"


@dataclass(frozen=True, slots=True)
class At[T]:
    """An entry, and where it is."""

    place: Place
    entry: T


@dataclass(frozen=True, slots=True)
class Prices:
    """How often an entity's price changed, its lowest and its highest."""

    count: int = 0
    low: Decimal = Decimal("Infinity")
    high: Decimal = Decimal("-Infinity")

    def with_price(self, price: Decimal) -> "Prices":
        """Return these with one more."""
        return Prices(self.count + 1, min(self.low, price), max(self.high, price))


class Books:
    """Takes all entries of all generations in their order."""

    def __init__(self, findings: Findings, creditor: str | None = None, agreed: Terms | None = None) -> None:
        """Begin; `creditor` and `agreed` are what the auditor holds in their hands."""
        self._findings = findings
        self.account = Account(zone_of, creditor, agreed)
        self.energies = Energies()
        self.kinds: Counter[str] = Counter()
        self.opened: Opened | None = None
        self.runs: list[Run] = []
        self.gaps: dict[tuple[str, datetime], At[Gap]] = {}
        self.inspections: list[At[Inspection]] = []
        self.anchors: list[At[Anchored]] = []
        self.payments: list[At[Payment]] = []
        self.notices: list[At[Notice]] = []
        self.terms: list[At[Proposal]] = []
        self.settings: list[At[Settings]] = []
        self.prices = Prices()
        self._step = b""
        self._outage_from: datetime | None = None
        self._starts: list[tuple[int, int, int]] = []
        """Where the account's numbers jump: a number, and the generation and index of the entry that has it."""

    def begin(self, generation: int) -> None:
        """Go on with a generation."""
        self._starts.append((self.account.size, generation, 0))

    def take(self, generation: int, index: int, entries: Sequence[bytes]) -> None:
        """Take entries of a generation, the first of which has the index."""
        feed, step, readings = self.account.feed, self._step, 0
        for at, data in enumerate(entries, index):
            if data[_AFTER_TIME] != _ENERGY or _IS_READING not in data:
                self._take_other(Place(generation, at), data)
                continue
            if data[_STEP] != step:
                self._settle(step)
                step = data[_STEP]
            try:
                feed(data)
            except ContractError as error:
                self._malformed(Place(generation, at), error)
            else:
                readings += 1
        self._step = step
        self.kinds[Reading.kind] += readings

    def finish(self) -> None:
        """Take notice that there are no more entries."""
        self._settle(self._step)

    def skip(self, generation: int, index: int, count: int) -> None:
        """Leave out entries that can't be read."""
        self.kinds["unreadable"] += count
        self._starts.append((self.account.size, generation, index + count))

    def where(self, number: int) -> Place:
        """Return where the entry is that the account was given under a number."""
        start, generation, index = next((each for each in reversed(self._starts) if each[0] <= number), (0, 1, 0))
        return Place(generation, index + number - start)

    def _take_other(self, place: Place, data: bytes) -> None:
        """Take an entry that doesn't look like a reading."""
        try:
            entry = decode(data)
            if isinstance(entry, Gap | TermsEntry):  # terms may drop a source
                self._settle(self._step)
            if isinstance(entry, Gap):
                before = self.account.energy_of(entry.source)
                self.account.add(entry)
                self.energies.leave_out(entry.source, self.account.energy_of(entry.source) - before)
            else:
                self.account.add(entry)
        except ContractError as error:
            self._malformed(place, error)
        else:
            self._list(place, entry)

    def _malformed(self, place: Place, error: ContractError) -> None:
        self._findings.problem("entry_malformed", entry=place.entry, what=str(error))
        self.kinds["malformed"] += 1
        self._starts.append((self.account.size, place.generation, place.entry + 1))

    def _settle(self, step: bytes) -> None:
        """Add what the sources' energies have grown by to a step."""
        if step:
            for source in self._sources():
                self.energies.settle(source, step, self.account.energy_of(source), self.account.register_of(source))

    def _sources(self) -> Iterable[str]:
        terms = self.account.terms
        return [source.id for source in terms.sources] if terms else ()

    def _list(self, place: Place, entry: Entry) -> None:
        self.kinds[entry.kind] += 1
        first = place.entry == 0
        if first != isinstance(entry, Opened | Generation) or (
            first and isinstance(entry, Opened) != (place.generation == 1)
        ):
            self._findings.problem("entry_misplaced", entry=place.entry, kind=entry.kind)
        match entry:
            case Opened():
                self.opened = self.opened or entry
            case Gap():
                self.gaps[entry.source, entry.begin] = At(place, entry)
            case TermsEntry():
                self._propose(place, entry)
            case Settings():
                self._compare_settings(place, entry)
            case Start() | Outage() | Shutdown():
                self._run(place, entry)
            case Inspection():
                self.inspections.append(At(place, entry))
            case Anchored():
                self.anchors.append(At(place, entry))
            case Payment():
                self.payments.append(At(place, entry))
            case Notice():
                self.notices.append(At(place, entry))
            case Unknown():
                self._findings.note("entry_unknown", entry=place.entry, kind=entry.kind)
            case Tariff():
                self.prices = self.prices.with_price(entry.price)
            case Generation() | Heartbeat() | Reading():
                pass

    def _propose(self, place: Place, entry: TermsEntry) -> None:
        """Note down terms that can be read; the account has taken them already."""
        try:
            terms = Terms.from_json(entry.terms)
        except ContractError:
            return  # the account reports it
        signed = self.account.signed and self.account.terms == terms
        self.terms.append(At(place, Proposal(terms, signed, self.account.energy)))

    def _compare_settings(self, place: Place, entry: Settings) -> None:
        """Tell which settings have changed, by the names of their sections."""
        if self.settings:
            before, after = self.settings[-1].entry.settings, entry.settings
            changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            if changed:
                self._findings.note("settings_changed", entry=place.entry, sections=", ".join(changed))
        self.settings.append(At(place, entry))

    def _run(self, place: Place, entry: Start | Outage | Shutdown) -> None:
        """Follow the teller's starts and ends."""
        last = self.runs[-1] if self.runs and self.runs[-1].how == "open" else None
        match entry:
            case Outage():
                self._outage_from = entry.begin
                if last is not None and entry.begin >= last.begin:
                    self.runs[-1] = replace(last, end=entry.begin, how="outage")
            case Shutdown():
                if last is None:
                    self._findings.problem("shutdown_alone", entry=place.entry)
                else:
                    self.runs[-1] = replace(last, end=entry.at, how="shutdown")
            case Start():
                if last is not None:
                    self._findings.problem("outage_untold", entry=place.entry, since=stamp(last.begin))
                    self.runs[-1] = replace(last, end=None, how="untold")
                before = next((run for run in reversed(self.runs)), None)
                if before is not None and before.code != entry.code:
                    self._findings.note("code_changed", entry=place.entry, measurement=entry.code[:16])
                if before is not None and before.device != entry.device:
                    self._findings.note("device_changed", entry=place.entry, device=entry.device)
                self.runs.append(Run(place, entry.at, entry.device, entry.code, entry.version))


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises:
        KeyError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise KeyError(name) from error
