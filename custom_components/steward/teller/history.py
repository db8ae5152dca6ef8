"""What the entries of a log come to: the account, the meters' states, and what is shown of each source.

It is fed with every entry in its order, at first with those on disk, then with each one that gets there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from ..log.generations import Cause
from ..protocol.books.account import Account
from ..protocol.books.entries import (
    Anchored,
    Entry,
    Gap,
    Generation,
    Inspection,
    Payment,
    PaymentStep,
    Reading,
    Settings,
    Shutdown,
    Tariff,
    TermsEntry,
    Worth,
    decode,
)
from ..protocol.books.meters import Meters, NoTermsError
from ..protocol.books.terms import Terms
from ..protocol.fields import ContractError, Json
from . import graph
from .data import TellerSettings
from .terms import is_signed
from .watched import Watched

ZERO: Final = Decimal(0)
_ASIDE: Final = (Generation, Inspection)
"""Entries that don't tell when the teller was running."""
_GIVEN: Final = frozenset({"_creditor", "_zones", "watched"})
"""What a history has from the settings."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the books tell at some time; energies in milliwatt-hours, money in the project's currency."""

    start: datetime | None = None
    energy: int = 0
    measured: int = 0
    from_register: int = 0
    estimated: int = 0
    gaps: int = 0
    lifetime: int = 0
    owed: Decimal = ZERO
    owed_in_period: Decimal = ZERO
    due_amount: Decimal = ZERO
    due_date: date | None = None
    periods_late: int = 0


class History:
    """The books, added up."""

    def __init__(self, settings: TellerSettings, zone: tzinfo) -> None:
        """Begin with no entries; `zone` is the one that the settings name."""
        self._creditor = settings.creditor
        self._zones: dict[str, tzinfo] = {settings.zone: zone}
        self.account = Account(self._zone, settings.creditor)
        self.watched = {source.id: Watched(source) for source in settings.sources}
        self.meters = Meters(self._zone, settings.creditor)
        """The sources' filters; while the teller runs they are ahead of what is on disk."""
        self._gaps: dict[str, Gap] = {}
        self.entries = 0
        self.last: Entry | None = None
        """The last entry that tells when the teller was running: not one that begins a generation, or was made by a person."""
        self.terms: Terms | None = None
        """The terms that were written down last, signed or not."""
        self.note: str | None = None
        self.signed = False
        self.settings: dict[str, Json] | None = None
        self.price: Decimal | None = None
        self.anchored: Anchored | None = None
        self.paid: Payment | None = None
        self.tampered_at: datetime | None = None

    def load(self, entries: Iterable[bytes]) -> None:
        """Take all entries that are on disk; blocks. What can't be read of them tells nothing."""
        for data in entries:
            try:
                entry = decode(data)
                self.account.feed(data)
            except ContractError as error:
                self.account.skip(str(error))
                self.entries += 1
                continue
            self._fold(entry)
            try:  # noqa: SIM105 -- for each of a year's entries, `suppress` is slow
                self.meters.again(entry)
            except NoTermsError, ContractError:
                pass  # an auditor's filter makes nothing of it either

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        self.account.add(entry)
        self._fold(entry)

    def _fold(self, entry: Entry) -> None:
        self.entries += 1
        if not isinstance(entry, _ASIDE):
            self.last = entry
        match entry:
            case Reading():
                self._read(entry)
            case Gap():
                self._missed(entry)
            case Tariff():
                self.price = entry.price
            case TermsEntry():
                self._agreed(entry)
            case Settings():
                self.settings = entry.settings
            case Anchored():
                self.anchored = entry
            case Payment(step=PaymentStep.CONFIRMED):
                self.paid = entry
            case Generation() if entry.cause != Cause.RESTORED:
                self.tampered_at = entry.at
            case _:
                pass

    def dump(self) -> Json:
        """Return as JSON what the entries came to.

        Raises:
            TypeError: there is something in it that can't be kept.
        """
        kept = {name: value for name, value in vars(self).items() if name not in _GIVEN}
        kept["watched"] = {
            source: (each.energy, each.raw, each.reason, each.read_at) for source, each in self.watched.items()
        }
        return graph.write(kept, {"zone": self._zone})

    def restore(self, dumped: Json) -> None:
        """Begin with what `dump` returned, of a history with the same settings.

        Raises:
            ValueError, LookupError, TypeError, ArithmeticError: it isn't that; nothing was done.
        """
        kept = graph.read(dumped, {"zone": self._zone})
        seen = kept.pop("watched")
        if kept.keys() != vars(self).keys() - _GIVEN or seen.keys() != self.watched.keys():
            message = "these are other books' figures"
            raise ValueError(message)
        for source, watched in self.watched.items():
            watched.energy, watched.raw, watched.reason, watched.read_at = seen[source]
        vars(self).update(kept)

    @property
    def zones(self) -> list[str]:
        """The names of the time zones that the entries were added up in."""
        return sorted(self._zones)

    @property
    def improper(self) -> bool:
        """Whether the teller was running when the last entry was written, and nothing says that it was shut down."""
        return self.last is not None and not isinstance(self.last, Shutdown)

    def figures(self, now: datetime) -> Figures:
        """Return what the books tell now."""
        account = self.account
        period, terms = account.period(now), account.terms
        if period is None or terms is None:
            return Figures(lifetime=account.energy)
        periods = account.periods(now)
        unpaid = next((each for each in periods if each.balance > 0), period)
        return Figures(
            start=period.begin,
            energy=period.energy,
            measured=period.measured,
            from_register=period.from_register,
            estimated=period.estimated,
            gaps=period.gap_count,
            lifetime=account.energy,
            owed=account.balance(),
            owed_in_period=period.owed,
            due_amount=sum((each.balance for each in periods if each.end <= now), ZERO),
            due_date=unpaid.due.astimezone(self._zone(terms.zone)).date(),
            periods_late=account.late(now),
        )

    def _read(self, entry: Reading) -> None:
        if watched := self.watched.get(entry.source):
            watched.energy += entry.energy
            watched.raw, watched.reason, watched.read_at = entry.raw, entry.reason, entry.at

    def _missed(self, entry: Gap) -> None:
        """Count what a gap is worth; it takes the place of what was said of it before."""
        before = self._gaps.pop(entry.source, None)
        if entry.open:
            self._gaps[entry.source] = entry
        if watched := self.watched.get(entry.source):
            if before is not None and before.begin == entry.begin:
                watched.energy -= _worth(before)
            watched.energy += _worth(entry)

    def _agreed(self, entry: TermsEntry) -> None:
        try:
            terms = self.terms = Terms.from_json(entry.terms)
        except ContractError:
            return  # the account reports it
        self.price = None  # one that was told before these terms may not have counted
        self.note = entry.note
        self.signed = is_signed(terms, entry.note, self._creditor)

    def _zone(self, name: str) -> tzinfo:
        """Return a time zone; reads a file if it isn't known yet."""
        if name not in self._zones:
            self._zones[name] = ZoneInfo(name)
        return self._zones[name]


def _worth(gap: Gap) -> int:
    return 0 if gap.worth is Worth.NOTHING else gap.energy
