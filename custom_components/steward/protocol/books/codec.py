"""How the entries' members are written and read: each kind of value has one way only to be written in JSON.

Energy is an integer of milliwatt-hours, registers too; money is a decimal text; nothing is a floating-point number. Points in time are
in UTC with milliseconds, always 24 characters, so that their texts sort as they do.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from json import dumps
import re
from typing import Annotated, Any, Final, cast, get_type_hints

from ..fields import MAX_INTEGER, ContractError, Fields, Json, Reason, check

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
_MOMENT: Final = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
"""Clocks that are a century off aren't written down as if they were right."""
_DECIMAL: Final = re.compile(r"(0|-?[1-9]\d{0,14}|-?0(?=\.))(\.\d{0,8}[1-9])?", re.ASCII)
"""At most fifteen digits before the point and nine behind it: no sum of them is rounded."""
_SOURCE: Final = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
ROOT: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
MAX_NOTE: Final = 32_768
MAX_RAW: Final = 255


@dataclass(frozen=True, slots=True)
class Codec:
    """How one kind of member is written as JSON, and read from an object by its name."""

    write: Callable[[Any], Json]
    read: Callable[[Fields, str], Any]
    optional: bool = False


def canonical(value: Json) -> bytes:
    """Write JSON in the only way that counts: sorted members, no spaces, UTF-8.

    Raises:
        ContractError: it holds what can't be written so.
    """
    return dumps(check(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def milliseconds(at: datetime) -> int:
    """Return a point in time in Unix milliseconds, rounded down."""
    return (at - EPOCH) // MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Return a point in time, in UTC, from Unix milliseconds."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def stamp(at: datetime) -> str:
    """Return the text of a point in time: what is below a millisecond is left out.

    Raises:
        ContractError: it is not in UTC, or not in this century.
    """
    if at.tzinfo is not UTC:
        raise ContractError(Reason.BAD_VALUE, "at", "must be in UTC")
    text = f"{at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    if not _MOMENT.fullmatch(text):
        raise ContractError(Reason.BAD_VALUE, "at", f"not in this century: {text}")
    return text


def read_moment(text: Json, where: str = "at") -> datetime:
    """Read such a text.

    Raises:
        ContractError: it is none.
    """
    try:
        if isinstance(text, str) and _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise ContractError(Reason.BAD_VALUE, where, "not a time like 2026-01-31T12:00:00.000Z")


def write_decimal(number: Decimal) -> str:
    """Write a number without an exponent and without trailing zeros.

    Raises:
        ContractError: it has more digits than fifteen before the point or nine behind it, or is none.
    """
    if not number.is_finite() or not -20 < number.adjusted() < 20:  # noqa: PLR2004 -- the pattern is exact, this keeps texts short
        text = "0" if number == 0 else "?"
    else:
        text = f"{number:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        text = "0" if text == "-0" else text
    if not _DECIMAL.fullmatch(text):
        raise ContractError(Reason.BAD_VALUE, detail=f"{number!s:.40} has too many digits")
    return text


def read_decimal(text: Json, where: str) -> Decimal:
    """Read a number as `write_decimal` writes it.

    Raises:
        ContractError: it is none.
    """
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise ContractError(Reason.BAD_VALUE, where, "not a decimal number in a text, such as 0.25")
    return Decimal(text)


def text(max_length: int, *, optional: bool = False) -> Codec:
    """Return the codec of a printable text."""
    return Codec(_same, lambda of, name: of.text(name, max_length), optional)


def integer(low: int, high: int, *, optional: bool = False) -> Codec:
    """Return the codec of an integer."""
    return Codec(_same, lambda of, name: of.integer(name, low, high), optional)


def choice(choices: type[StrEnum]) -> Codec:
    """Return the codec of one of an enumeration's values."""

    def read(of: Fields, name: str) -> StrEnum:
        of.need(name)
        return cast("StrEnum", of.choice(name, choices))

    return Codec(str, read)


def _same(value: Any) -> Json:
    return cast("Json", value)


def _read_lines(of: Fields, name: str) -> str:
    value = of.need(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NOTE:
        raise ContractError(Reason.BAD_VALUE, of.place(name), f"must be a text of at most {MAX_NOTE} characters")
    return value


def _read_raw(of: Fields, name: str) -> str:
    value = of.need(name)
    if not isinstance(value, str) or len(value) > MAX_RAW:
        raise ContractError(Reason.BAD_VALUE, of.place(name), f"must be a text of at most {MAX_RAW} characters")
    return value


def _read_object(of: Fields, name: str) -> dict[str, Json]:
    value = of.need(name)
    if not isinstance(value, dict):
        raise ContractError(Reason.BAD_VALUE, of.place(name), "must be an object")
    return value


MOMENT: Final = Codec(stamp, lambda of, name: read_moment(of.need(name), of.place(name)))
DECIMAL: Final = Codec(write_decimal, lambda of, name: read_decimal(of.need(name), of.place(name)))
LINES: Final = Codec(_same, _read_lines, optional=True)
RAW: Final = Codec(_same, _read_raw, optional=True)
FLAG: Final = Codec(lambda value: value or None, lambda of, name: of.flag(name, default=False), optional=True)

Moment = Annotated[datetime, MOMENT]
OptionalMoment = Annotated[datetime | None, Codec(MOMENT.write, MOMENT.read, optional=True)]
Amount = Annotated[Decimal, DECIMAL]
OptionalAmount = Annotated[Decimal | None, Codec(DECIMAL.write, DECIMAL.read, optional=True)]
Energy = Annotated[int, integer(0, MAX_INTEGER)]
"""Milliwatt-hours."""
OptionalRegister = Annotated[int | None, integer(0, MAX_INTEGER, optional=True)]
"""Milliwatt-hours."""
Count = Annotated[int, integer(0, MAX_INTEGER)]
OptionalCount = Annotated[int | None, integer(0, MAX_INTEGER, optional=True)]
Source = Annotated[str, Codec(_same, lambda of, name: of.identifier(name, _SOURCE))]
Text = Annotated[str, text(255)]
OptionalText = Annotated[str | None, text(255, optional=True)]
Note = Annotated[str | None, LINES]
"""A signed note, with its line ends."""
Raw = Annotated[str | None, RAW]
"""What a source gave, as it gave it."""
Flag = Annotated[bool, FLAG]
Object = Annotated[dict[str, Json], Codec(_same, _read_object)]


def codecs(kind: type) -> dict[str, Codec]:
    """Return the codecs of a dataclass's fields, from their annotations."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(kind)}


def write_members(value: Any, members: dict[str, Codec]) -> dict[str, Json]:
    """Return a dataclass as a JSON object; members that say nothing are left out."""
    written = {name: getattr(value, name) for name in members}
    written = {name: None if item is None else members[name].write(item) for name, item in written.items()}
    return {name: item for name, item in written.items() if item is not None}


def read_members(of: Fields, members: dict[str, Codec]) -> dict[str, Any]:
    """Return a dataclass's fields from a JSON object; optional ones that are missing are left to their defaults.

    Raises:
        ContractError: a member is missing, not as it has to be, or not known.
    """
    if unknown := of.rest(*members):
        raise ContractError(Reason.BAD_KEY, min(unknown), "is not a member of this")
    return {
        name: codec.read(of, name) for name, codec in members.items() if not codec.optional or of.get(name) is not None
    }
