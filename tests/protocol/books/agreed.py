"""Terms to test with, and books that are kept by them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from steward_house.protocol.books.account import Account
from steward_house.protocol.books.entries import Entry, Gap, Reading, decode, encode
from steward_house.protocol.books.meters import Deviation, Meters, recheck
from steward_house.protocol.books.periods import Period, Unit
from steward_house.protocol.books.tariff import Fixed
from steward_house.protocol.books.terms import SourceTerms, Terms, sign_terms, terms_entry
from steward_house.protocol.log.note import Signer

CREDITOR = Signer("creditor.example", b"c" * 32)
STRANGER = Signer("creditor.example", b"x" * 32)
START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""

TERMS = Terms(
    project="Roof 7",
    currency="EUR",
    zone="UTC",
    creditor=CREDITOR.vkey,
    tariff=Fixed(Decimal("0.20")),
    period=Period(4, Unit.WEEKS, date(2026, 3, 2)),
    sources=(SourceTerms("roof", max_power=6000),),
)


def terms(**changes) -> Terms:
    return replace(TERMS, **changes)


def minutes(number: float) -> datetime:
    return START + timedelta(minutes=number)


class Books:
    """What a teller does: meters, a log, an account."""

    def __init__(self, agreed: Terms = TERMS, at: datetime = START) -> None:
        self.meters = Meters(ZoneInfo, CREDITOR.vkey)
        self.account = Account(ZoneInfo, CREDITOR.vkey)
        self.entries: list[Entry] = []
        self.agree(agreed, at)

    def put(self, *entries: Entry) -> None:
        for entry in entries:
            data = encode(entry)
            assert decode(data) == entry
            self.account.feed(data)
            self.entries.append(entry)

    def agree(self, agreed: Terms, at: datetime = START, signer: Signer | None = CREDITOR) -> None:
        self.hear(terms_entry(at, agreed, sign_terms(agreed, signer) if signer else None))

    def hear(self, entry: Entry) -> None:
        self.meters.hear(entry)
        self.put(entry)

    def take(self, at: datetime, raw: str | None, unit: str | None = "kWh", source: str = "roof") -> Reading:
        made = self.meters.take(source, at, raw, unit)
        self.put(*made)
        (*gaps, reading) = made
        assert isinstance(reading, Reading)
        assert all(isinstance(gap, Gap) for gap in gaps)
        return reading

    def tick(self, at: datetime) -> list[Gap]:
        gaps = self.meters.tick(at)
        self.put(*gaps)
        return gaps

    def play(
        self, values: Iterable[float | str | None], begin: float = 0, step: float = 1, unit: str = "kWh"
    ) -> list[str]:
        """Take a value each minute; return what was made of them: the reason, and the watt-hours where there are any."""
        made = []
        for number, value in enumerate(values):
            reading = self.take(minutes(begin + number * step), None if value is None else str(value), unit)
            made.append(f"{reading.reason} {reading.energy / 1000:g}" if reading.energy else f"{reading.reason}")
        return made

    @property
    def gaps(self) -> list[Gap]:
        return [entry for entry in self.entries if isinstance(entry, Gap)]

    def energy(self) -> float:
        """Kilowatt-hours that count."""
        return self.account.energy / 10**6

    def recheck(self) -> list[Deviation]:
        return list(recheck(self.entries, ZoneInfo, CREDITOR.vkey))
