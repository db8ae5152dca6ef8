"""The entries of a teller's log: frozen dataclasses at one end, canonical JSON at the other.

Every entry has a `kind` and a time, `at`, by the teller's clock. What a log holds is written in one way only: whatever else means the
same is refused. An entry of a kind that isn't known here is kept as it is, as `Unknown`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
import re
from typing import Annotated, ClassVar, Final

from ..fields import ContractError, Fields, Json, Reason as Fault, parse
from . import codec
from .codec import (
    Amount,
    Codec,
    Count,
    Energy,
    Flag,
    Moment,
    Note,
    Object,
    OptionalAmount,
    OptionalCount,
    OptionalMoment,
    OptionalRegister,
    OptionalText,
    Raw,
    Source,
    Text,
    canonical,
    choice,
)

MAX_ENTRY: Final = 65_535
"""The most bytes that an entry may have: what a log's entry bundles can hold."""
MAX_PARTIES: Final = 64


class Reason(StrEnum):
    """Why a reading counts for what it counts."""

    OK = "ok"
    FIRST = "first"
    """There is nothing before it that it could be compared with."""
    DUPLICATE = "duplicate"
    ORDER = "order"
    """It is older than one that has been counted."""
    CLOCK = "clock"
    """The clock was set back: what the register gained counts, at the clock's new time."""
    UNAVAILABLE = "unavailable"
    UNREADABLE = "unreadable"
    """It is no number, or no number that such a source can have."""
    UNIT = "unit"
    """Its unit isn't one of energy or power."""
    GLITCH = "glitch"
    """The register fell, to 0 or elsewhere, and hasn't shown that it goes on from there."""
    SPIKE = "spike"
    """More than the source can produce."""
    JUMP = "jump"
    """As much as the source could have produced since the register last moved, at once: held until it is confirmed."""
    DOWN = "down"
    """The register fell a little, as counters that go up and down do."""
    SIGN = "sign"
    """The sign is wrong. Where it is the register's only fault, what the register gained counts."""
    ROLLOVER = "rollover"
    RESET = "reset"
    """The register began again at 0, which it has shown by going on from there."""
    REPLACED = "replaced"
    """The register goes on from elsewhere: another meter. What it gained since then counts."""
    STUCK = "stuck"
    """It has been the same for too long to be a measurement."""
    NEGATIVE = "negative"
    """An inverter's own consumption at night: it counts as 0."""


class Cause(StrEnum):
    """Why nothing was measured during a gap."""

    SILENT = "silent"
    OUTAGE = "outage"
    """The teller was off."""
    UNAVAILABLE = "unavailable"
    UNREADABLE = "unreadable"
    STUCK = "stuck"
    GLITCH = "glitch"
    SPIKE = "spike"
    RESET = "reset"
    REPLACED = "replaced"
    FIRST = "first"
    """The source has not given anything since the terms named it."""


class Worth(StrEnum):
    """What a gap's energy comes from."""

    REGISTER = "register"
    ESTIMATE = "estimate"
    NOTHING = "nothing"
    """The terms say so; the energy is what is known of it."""


class PaymentStep(StrEnum):
    """How far a payment is."""

    DUE = "due"
    LINK = "link"
    SIGNED = "signed"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    WAIVED = "waived"
    """The creditor gave it up; counts with the creditor's signature only."""


class NoticeStep(StrEnum):
    """How far a notice is."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


class AnchorKind(StrEnum):
    """Where a checkpoint was published."""

    IPFS = "ipfs"
    STELLAR = "stellar"
    RFC3161 = "rfc3161"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who takes part in the project."""

    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Head:
    """A log's size and root hash (64 hexadecimal digits) at some time."""

    size: int
    root: str


def _write_parties(parties: tuple[Party, ...]) -> Json:
    return [{"name": party.name, "role": party.role} for party in parties]


def _read_party(value: Json, where: str) -> Party:
    of = Fields(value, where)
    return Party(of.text("role"), of.text("name"))


def _write_head(head: Head) -> Json:
    return {"root": head.root, "size": head.size}


def _read_head(of: Fields, name: str) -> Head:
    head = Fields(of.need(name), of.place(name))
    return Head(head.integer("size", 0, 2**53), head.identifier("root", codec.ROOT))


Parties = Annotated[
    tuple[Party, ...], Codec(_write_parties, lambda of, name: of.items(name, MAX_PARTIES, _read_party), optional=True)
]
OptionalHead = Annotated[Head | None, Codec(_write_head, _read_head, optional=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The books were opened; the first entry of a first generation."""

    kind: ClassVar = "opened"
    at: Moment
    project: Text
    asset: Text
    currency: Text
    origin: Text
    public_key: Text
    """The log's verifier key."""
    generation: Count = 1
    parties: Parties = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The log goes on in a new generation; the first entry of it.

    `size` and `root` are those of the former generation as far as this one continues it, `checkpoint` the last that is known to be signed.
    """

    kind: ClassVar = "generation"
    at: Moment
    previous: Text
    """The origin of the former generation."""
    size: Count
    root: Text
    cause: Text
    checkpoint: Note = None
    detail: OptionalText = None
    generation: OptionalCount = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsEntry:
    """The terms (see terms.py), and the creditor's signed note over them."""

    kind: ClassVar = "terms"
    at: Moment
    terms: Object
    note: Note = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the owner configured apart from the terms; on every change."""

    kind: ClassVar = "settings"
    at: Moment
    settings: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The teller has started.

    `code` is the hash of the installed program, which reports it itself. `seen` names what proves that this was not written earlier: a
    ledger's or witness's time.
    """

    kind: ClassVar = "start"
    at: Moment
    device: Text
    code: Text
    version: OptionalText = None
    location: OptionalText = None
    seen: OptionalText = None
    head: OptionalHead = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The teller is running."""

    kind: ClassVar = "heartbeat"
    at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The teller was off without having been shut down; found at its next start."""

    kind: ClassVar = "outage"
    at: Moment
    begin: Moment
    end: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """The teller was shut down properly. `start` is the log's head when it had started, `head` the present one."""

    kind: ClassVar = "shutdown"
    at: Moment
    device: Text
    code: Text
    version: OptionalText = None
    location: OptionalText = None
    seen: OptionalText = None
    start: OptionalHead = None
    head: OptionalHead = None
    cause: OptionalText = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a source gave, and what it counts for.

    `at` is when it was measured. `energy` is what was produced since the last reading that counted. `register` is the register's value as
    it was understood, None where this reading was not taken as one.
    """

    kind: ClassVar = "reading"
    at: Moment
    source: Source
    sequence: Count
    """Counts the source's readings, from 0."""
    raw: Raw = None
    """The text as the source gave it; None where it gave none."""
    unit: OptionalText = None
    energy: Energy = 0
    register: OptionalRegister = None
    reason: Annotated[Reason, choice(Reason)] = Reason.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """From `begin` to `end` a source was not measured; `energy` is what that time is worth.

    While `open`, the gap goes on after `end`, a period's end: the next entry of the same gap has the same `begin` and takes this one's
    place. `days` tells how many earlier days an estimate rests on.
    """

    kind: ClassVar = "gap"
    at: Moment
    source: Source
    begin: Moment
    end: Moment
    cause: Annotated[Cause, choice(Cause)]
    worth: Annotated[Worth, choice(Worth)]
    energy: Energy = 0
    days: OptionalCount = None
    open: Flag = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """The price of a kilowatt-hour from now on, where the terms leave it to an entity."""

    kind: ClassVar = "tariff"
    at: Moment
    price: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A person read a meter. `note` is that person's signed note over this entry without it."""

    kind: ClassVar = "inspection"
    at: Moment
    source: Source
    register: Energy
    """As the person read it, in milliwatt-hours."""
    who: Text
    note: Note = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A step of paying a period.

    `period` is its id. Without a transaction, `submitted` is somebody's word that it was paid elsewhere, with the reference (`memo`) that it
    is found by. `note` is the creditor's signed note: to waive, over this entry without it; to confirm without a transaction, over the
    entry that said so.
    """

    kind: ClassVar = "payment"
    at: Moment
    project: Text
    period: Text
    step: Annotated[PaymentStep, choice(PaymentStep)]
    amount: Amount = Decimal(0)
    tx: OptionalText = None
    memo: OptionalText = None
    detail: OptionalText = None
    ceiling: OptionalAmount = None
    note: Note = None
    envelope: Note = None
    """The signed transaction, in base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A party was told something."""

    kind: ClassVar = "notice"
    at: Moment
    level: Text
    party: Text
    platform: Text
    """What it was sent with, such as `notify.mail`."""
    step: Annotated[NoticeStep, choice(NoticeStep)]
    id: OptionalText = None
    period: OptionalText = None
    detail: OptionalText = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """A checkpoint was published elsewhere. `reference` are CIDs, transaction hashes or a token, by their names."""

    kind: ClassVar = "anchored"
    at: Moment
    anchor: Annotated[AnchorKind, choice(AnchorKind)]
    size: Count
    root: Text
    reference: Object
    since: OptionalMoment = None
    """The time that the other place gives, where it gives one."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An entry of a kind that isn't known here, kept as it is."""

    kind: str
    at: datetime
    members: dict[str, Json]


type Entry = (
    Opened
    | Generation
    | TermsEntry
    | Settings
    | Start
    | Heartbeat
    | Outage
    | Shutdown
    | Reading
    | Gap
    | Tariff
    | Inspection
    | Payment
    | Notice
    | Anchored
    | Unknown
)

KINDS: Final[dict[str, type[Entry]]] = {
    kind.kind: kind
    for kind in (
        Opened,
        Generation,
        TermsEntry,
        Settings,
        Start,
        Heartbeat,
        Outage,
        Shutdown,
        Reading,
        Gap,
        Tariff,
        Inspection,
        Payment,
        Notice,
        Anchored,
    )
}
_MEMBERS: Final = {name: codec.codecs(kind) for name, kind in KINDS.items()}


QUICK: Final = re.compile(
    rb'\{"at":"(20\d\d-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z)","energy":(0|[1-9]\d{0,14}),"kind":"reading",'
    rb'"raw":"([-+.0-9A-Za-z]{1,40})","reason":"([a-z]+)",(?:"register":(0|[1-9]\d{0,14}),)?"sequence":(0|[1-9]\d{0,14}),'
    rb'"source":"([a-z0-9_]{1,32})","unit":"([A-Za-z]{1,4})"\}'
).fullmatch
"""The members of an ordinary reading, which nearly every entry of a log is: it needs no JSON, only a look at its date and its reason."""
_PLAIN: Final = re.compile(r"[-+.0-9A-Za-z]{1,40}", re.ASCII).fullmatch
_PLAIN_UNIT: Final = re.compile(r"[A-Za-z]{1,4}").fullmatch
_REASONS: Final = {reason.encode(): reason for reason in Reason}


def encode(entry: Entry) -> bytes:
    """Write an entry.

    Raises:
        ContractError: it can't be written, or is longer than an entry may be.
    """
    if isinstance(entry, Reading) and (plain := _write_quickly(entry)):
        return plain
    if isinstance(entry, Unknown):
        members = entry.members
    else:
        members = codec.write_members(entry, _MEMBERS[entry.kind])
        members["kind"] = entry.kind
    data = canonical(members)
    if len(data) > MAX_ENTRY:
        raise ContractError(Fault.TOO_LARGE, entry.kind, f"{len(data)} bytes, at most {MAX_ENTRY} are allowed")
    return data


def decode(data: bytes) -> Entry:
    """Read an entry.

    Raises:
        ContractError: it is none, or isn't written as it has to be.
    """
    if (quick := _read_quickly(data)) is not None:
        return quick
    members = parse(data, MAX_ENTRY)
    if canonical(members) != data:
        raise ContractError(Fault.NOT_JSON, detail="not written in the canonical way")
    of = Fields(members)
    name = of.text("kind", 32)
    if name not in _MEMBERS:
        return Unknown(name, codec.read_moment(of.need("at")), of.rest())
    found = codec.read_members(Fields(of.rest("kind")), _MEMBERS[name])
    entry: Entry = KINDS[name](**found)
    if encode(entry) != data:
        raise ContractError(Fault.BAD_VALUE, name, "says in another way what has one way to be said")
    return entry


def _write_quickly(reading: Reading) -> bytes | None:
    """Return an ordinary reading's bytes; None for others."""
    raw, unit, register = reading.raw, reading.unit, reading.register
    if raw is None or unit is None or not _PLAIN(raw) or not _PLAIN_UNIT(unit):
        return None
    known = "" if register is None else f'"register":{register:d},'
    data = (
        f'{{"at":"{codec.stamp(reading.at)}","energy":{reading.energy:d},"kind":"reading","raw":"{raw}","reason":"{reading.reason}",'
        f'{known}"sequence":{reading.sequence:d},"source":"{reading.source}","unit":"{unit}"}}'
    ).encode()
    return data if QUICK(data) else None


def _read_quickly(data: bytes) -> Reading | None:
    """Return an ordinary reading; None for anything else, right or wrong."""
    if (found := QUICK(data)) is None:
        return None
    at, energy, raw, reason, register, sequence, source, unit = found.groups()
    known = _REASONS.get(reason)
    if known is None:
        return None
    return Reading(
        at=codec.read_moment(at.decode()),
        source=source.decode(),
        sequence=int(sequence),
        raw=raw.decode(),
        unit=unit.decode(),
        energy=int(energy),
        register=None if register is None else int(register),
        reason=known,
    )


def unsigned_text(entry: Payment | Inspection) -> str:
    """Return the text that a note in an entry signs: the entry without the note, and a line end."""
    return f"{encode(replace(entry, note=None)).decode()}\n"
