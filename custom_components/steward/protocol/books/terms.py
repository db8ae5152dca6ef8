"""The terms: everything that the creditor signs, and that what is owed depends on.

They name the project and are numbered: what was signed for another project, or was replaced by a higher number since, can't be brought
out again.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
import re
from typing import Annotated, Final, Self

from ..fields import MAX_INTEGER, ContractError, Fields, Json, Reason
from ..log.errors import NoteError
from ..log.note import Note, Signer, Verifier, sign_note
from . import codec
from .codec import Codec, OptionalAmount, OptionalText, Source, Text, canonical, choice, integer
from .entries import TermsEntry
from .periods import Period, Unit
from .tariff import TariffTerms, read_tariff, write_tariff

MAX_SOURCES: Final = 64
MAX_WITNESSES: Final = 64
MAX_COUNT: Final = 520
DEFAULT_MAX_POWER: Final = 100_000
"""Watts: more than a house can produce."""
YEAR_SECONDS: Final = 366 * 86_400
_CURRENCY: Final = re.compile(r"[A-Za-z0-9]{1,12}", re.ASCII)
"""An ISO 4217 code, or that of a Stellar asset."""


class SourceKind(StrEnum):
    """What a source measures."""

    CUMULATIVE = "cumulative"
    """A register of energy."""
    POWER = "power"
    """Power, which is integrated."""


class Integration(StrEnum):
    """How power becomes energy between two readings."""

    LEFT = "left"
    """The earlier power lasts until the later reading."""
    TRAPEZOID = "trapezoid"
    """The mean of both."""


class GapWorth(StrEnum):
    """What a gap is worth, in this order."""

    REGISTER_ESTIMATE = "register_estimate"
    """The register's difference; where there is none, an estimate."""
    REGISTER = "register"
    """The register's difference; where there is none, nothing."""
    ESTIMATE = "estimate"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class SourceTerms:
    """One source: the most power that can be true, in watts, and the register's modulus, in milliwatt-hours, where it is known.

    A register that shows 99,999.9 kWh at most has the modulus of 100,000 kWh.
    """

    id: Source
    kind: Annotated[SourceKind, choice(SourceKind)] = SourceKind.CUMULATIVE
    max_power: Annotated[int, integer(1, 10**9)] = DEFAULT_MAX_POWER
    rollover: Annotated[int | None, integer(1, MAX_INTEGER, optional=True)] = None
    integration: Annotated[Integration, choice(Integration)] = Integration.LEFT


@dataclass(frozen=True, slots=True)
class GapPolicy:
    """What a gap is worth, and after how many seconds without a reading that counts there is one."""

    worth: Annotated[GapWorth, choice(GapWorth)] = GapWorth.REGISTER_ESTIMATE
    after: Annotated[int, integer(1, 86_400)] = 900


@dataclass(frozen=True, slots=True)
class Filter:
    """The settings of the filter (see metering.py)."""

    confirm: Annotated[int, integer(2, 100)] = 3
    """How many readings in a row a register must show that it goes on from elsewhere."""
    jitter: Annotated[int, integer(0, MAX_INTEGER)] = 100_000
    """How far a register may go down and up again, in milliwatt-hours."""
    tolerance: Annotated[int, integer(0, 1000)] = 10
    """How many percent above the greatest power is still true."""
    stuck: Annotated[int, integer(3600, YEAR_SECONDS)] = 26 * 3600
    """After how many seconds a register that doesn't move measures no longer: longer than the longest night."""
    steady: Annotated[int, integer(60, YEAR_SECONDS)] = 4 * 3600
    """After how many seconds a power that doesn't change, and isn't 0, measures no longer."""
    order: Annotated[int, integer(0, 86_400)] = 120
    """How many seconds late a reading may arrive; one that is later still means that the clock was set back."""


def _object[T](kind: type[T]) -> Codec:
    members = codec.codecs(kind)

    def read(of: Fields, name: str) -> T:
        return kind(**codec.read_members(Fields(of.need(name), of.place(name)), members))

    return Codec(lambda value: codec.write_members(value, members), read)


def _read_period(of: Fields, name: str) -> Period:
    members = Fields(of.need(name), of.place(name))
    members.need("unit")
    try:
        start = date.fromisoformat(members.text("start", 10))
    except ValueError:
        raise ContractError(Reason.BAD_VALUE, members.place("start"), "must be a date like 2026-01-31") from None
    if not 2000 <= start.year < 2100:  # noqa: PLR2004 -- as entries' times
        raise ContractError(Reason.BAD_VALUE, members.place("start"), "must be in this century")
    return Period(members.integer("count", 1, MAX_COUNT), members.choice("unit", Unit) or Unit.WEEKS, start)


def _write_period(period: Period) -> Json:
    return {"count": period.count, "start": period.start.isoformat(), "unit": period.unit}


_SOURCE: Final = codec.codecs(SourceTerms)


def _read_sources(of: Fields, name: str) -> tuple[SourceTerms, ...]:
    sources = of.items(
        name, MAX_SOURCES, lambda item, where: SourceTerms(**codec.read_members(Fields(item, where), _SOURCE))
    )
    if len({source.id for source in sources}) != len(sources):
        raise ContractError(Reason.DUPLICATE_KEY, of.place(name), "names a source twice")
    return sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed. `zone` is the IANA name of the project's time zone, `witnesses` are verifier keys, `number` counts from 1.

    `digits` are those of the currency behind the point, to which what is owed for a period is rounded. `ceiling` is the most that may be
    paid for one period automatically; it doesn't change what is owed.
    """

    project: Text
    currency: Annotated[str, Codec(str, lambda of, name: of.identifier(name, _CURRENCY))]
    zone: Text
    tariff: Annotated[TariffTerms, Codec(write_tariff, read_tariff)]
    period: Annotated[Period, Codec(_write_period, _read_period)]
    sources: Annotated[
        tuple[SourceTerms, ...],
        Codec(lambda sources: [codec.write_members(source, _SOURCE) for source in sources], _read_sources),
    ]
    number: Annotated[int, integer(1, MAX_INTEGER)] = 1
    creditor: OptionalText = None
    due_days: Annotated[int, integer(0, 366)] = 14
    digits: Annotated[int, integer(0, 7)] = 2
    gaps: Annotated[GapPolicy, _object(GapPolicy)] = GapPolicy()
    filter: Annotated[Filter, _object(Filter)] = Filter()
    witnesses: Annotated[
        tuple[str, ...], Codec(list, lambda of, name: of.texts(name, MAX_WITNESSES), optional=True)
    ] = ()
    quorum: Annotated[int, integer(0, MAX_WITNESSES)] = 0
    ceiling: OptionalAmount = None

    def to_json(self) -> dict[str, Json]:
        """Return the terms as JSON."""
        return codec.write_members(self, _TERMS)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read terms.

        Raises:
            ContractError: they are none.
        """
        terms = cls(**codec.read_members(Fields(value), _TERMS))
        if terms.quorum > len(terms.witnesses):
            raise ContractError(Reason.BAD_VALUE, "quorum", "is more than there are witnesses")
        return terms

    @property
    def text(self) -> str:
        """The text that the creditor signs: the canonical JSON, and a line end."""
        return f"{canonical(self.to_json()).decode()}\n"

    def source(self, source: str) -> SourceTerms | None:
        """Return a source's terms."""
        return next((each for each in self.sources if each.id == source), None)


_TERMS: Final = codec.codecs(Terms)


def sign_terms(terms: Terms, signer: Signer) -> str:
    """Return the creditor's signed note over terms."""
    return sign_note(terms.text, signer).decode()


def check_terms(terms: Terms, note: str, creditor: str) -> None:
    """Check the creditor's signed note over terms.

    Raises:
        NoteError: the key is none, the note is none, is over something else, or isn't signed with that key.
    """
    found = Note.parse(note.encode())
    if found.text != terms.text:
        where = "signed terms"
        raise NoteError(where, "they are other terms than these")
    found.verified_by([Verifier.parse(creditor)])


def terms_entry(at: codec.Moment, terms: Terms, note: str | None = None) -> TermsEntry:
    """Return the entry of terms."""
    return TermsEntry(at=at, terms=terms.to_json(), note=note)
