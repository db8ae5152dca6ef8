"""Checked JSON: what every message of the wire is read from, and the one error that reading raises."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
import json
from math import isfinite
import re
from typing import Final, cast

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
"""A value that JSON can carry. Integers lie within ±2**53, floats are finite, strings are valid Unicode."""

MAX_INTEGER: Final = 2**53
"""Beyond it, JSON readers in other languages lose digits."""
MAX_DEPTH: Final = 32
"""How deep lists and objects may nest."""
MAX_TEXT: Final = 255
"""The longest text that is a name, a state or an identifier; Home Assistant's own limit for states."""


class Reason(StrEnum):
    """Why a message was dropped: the word that diagnostics count it under."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    BAD_TOPIC = "bad_topic"
    BAD_KEY = "bad_key"
    BAD_VALUE = "bad_value"
    MISSING = "missing"
    DUPLICATE_KEY = "duplicate_key"
    UNKNOWN_PLATFORM = "unknown_platform"
    UNKNOWN_ENTITY = "unknown_entity"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    NEWER_CONTRACT = "newer_contract"
    RETAINED = "retained"
    REPEATED = "repeated"
    EXPIRED = "expired"
    OTHER_INSTANCE = "other_instance"
    BLOCKED = "blocked"


class ContractError(ValueError):
    """A message breaks the node contract.

    `reason` is what it is counted under, `where` the member of the message that is at fault (such as `entities[3].key`).
    """

    def __init__(self, reason: Reason, where: str = "", detail: str = "") -> None:
        """Remember what is wrong and where; the text is for logs and diagnostics."""
        super().__init__(": ".join(part for part in (where, detail or reason.value) if part))
        self.reason = reason
        self.where = where


def parse(payload: bytes, max_bytes: int) -> Json:
    """Read one JSON document of at most `max_bytes` bytes of UTF-8.

    Stricter than JSON: no repeated members, no NaN or infinity, no lone surrogates, no integer that another reader would round.

    Raises:
        ContractError: the document is none.
    """
    if len(payload) > max_bytes:
        raise ContractError(Reason.TOO_LARGE, detail=f"{len(payload)} bytes, at most {max_bytes} are allowed")
    text = utf8(payload)
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except ContractError:
        raise
    except (ValueError, RecursionError) as error:
        raise ContractError(Reason.NOT_JSON, detail=str(error)) from None
    return check(value)


def dump(value: Json) -> bytes:
    """Write one JSON document, compactly, as UTF-8.

    Raises:
        ContractError: the value can't cross the wire.
    """
    return json.dumps(check(value), ensure_ascii=False, separators=(",", ":")).encode()


def shown(value: object) -> str:
    """Return the beginning of a value, for the text of an error."""
    try:
        return f"{value!r:.40}"
    except ValueError:  # Python refuses to write out a very long integer
        return f"a very long {type(value).__name__}"


def utf8(payload: bytes) -> str:
    """Decode UTF-8.

    Raises:
        ContractError: it is not.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise ContractError(Reason.NOT_UTF8, detail=str(error)) from None


def check(value: object, where: str = "", depth: int = 0) -> Json:
    """Tell whether a value can cross the wire and come back the same.

    Raises:
        ContractError: it can't.
    """
    match value:
        case None | bool():
            return value
        case str():
            if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
                raise ContractError(Reason.BAD_VALUE, where, "a lone surrogate is no text")
            return value
        case int():
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise ContractError(Reason.BAD_VALUE, where, "an integer beyond 2**53")
            return value
        case float():
            if not isfinite(value):
                raise ContractError(Reason.BAD_VALUE, where, "not a finite number")
            return value
        case list() if depth < MAX_DEPTH:
            for item in value:
                check(item, where, depth + 1)
            return cast("Json", value)
        case dict() if depth < MAX_DEPTH:
            for name, item in value.items():
                if not isinstance(name, str):
                    raise ContractError(Reason.BAD_VALUE, where, "a member's name is no text")
                check(name, where, depth + 1)
                check(item, where, depth + 1)
            return cast("Json", value)
        case list() | dict():
            raise ContractError(Reason.BAD_VALUE, where, f"nested more than {MAX_DEPTH} deep")
        case _:
            raise ContractError(Reason.BAD_VALUE, where, f"{type(value).__name__} is no JSON")


def identifier(value: Json, where: str, pattern: re.Pattern[str]) -> str:
    """Return a text that matches the whole of a pattern.

    Raises:
        ContractError: it doesn't.
    """
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ContractError(Reason.BAD_KEY, where, f"must match {pattern.pattern}")
    return value


def moment(value: Json, where: str) -> datetime:
    """Return a point in time, in UTC, from an RFC 3339 text with an offset.

    Raises:
        ContractError: it is none, or has no offset, or lies outside the years that can be stated in UTC.
    """
    try:
        parsed = datetime.fromisoformat(cast("str", value))
        if parsed.tzinfo is None:
            raise ContractError(Reason.BAD_VALUE, where, "a time needs an offset")
        return parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ContractError):
            raise
        raise ContractError(Reason.BAD_VALUE, where, "not an RFC 3339 time") from None


def stamp(at: datetime) -> str:
    """Return the RFC 3339 text of a point in time.

    Raises:
        ContractError: it is not in UTC; times of a local zone are ambiguous for an hour each year.
    """
    if at.tzinfo is not UTC:
        raise ContractError(Reason.BAD_VALUE, detail=f"a time must be in UTC: {shown(at)}")
    return at.isoformat()


class Fields:
    """The members of one JSON object, each read once and checked; unknown members are a newer peer's and are left alone.

    Every method raises `ContractError` for a member that is missing (where it has no default) or not of its kind.
    """

    def __init__(self, value: Json, where: str = "") -> None:
        """Take an object; `where` is its place in the message, for errors."""
        if not isinstance(value, dict):
            raise ContractError(Reason.BAD_VALUE, where, "must be an object")
        self._members = value
        self._where = where

    def place(self, name: str) -> str:
        """Return a member's place in the message."""
        return ".".join(part for part in (self._where, name) if part)

    def get(self, name: str) -> Json:
        """Return a member as it is; None when it is missing or null."""
        return self._members.get(name)

    def need(self, name: str) -> Json:
        """Return a member that must be there and not null."""
        if (value := self._members.get(name)) is None:
            raise ContractError(Reason.MISSING, self.place(name), "is missing")
        return value

    def rest(self, *names: str) -> dict[str, Json]:
        """Return the members that are none of `names`."""
        return {name: value for name, value in self._members.items() if name not in names}

    def text(self, name: str, max_length: int = MAX_TEXT) -> str:
        """Return a printable text of 1 to `max_length` characters."""
        value = self.need(name)
        if not isinstance(value, str) or not 0 < len(value) <= max_length or not value.isprintable():
            raise ContractError(Reason.BAD_VALUE, self.place(name), f"must be 1 to {max_length} printable characters")
        return value

    def optional_text(self, name: str, max_length: int = MAX_TEXT) -> str | None:
        """Return such a text, or None."""
        return None if self.get(name) is None else self.text(name, max_length)

    def number(self, name: str) -> float:
        """Return a number (an integer stays one)."""
        value = self.need(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ContractError(Reason.BAD_VALUE, self.place(name), "must be a number")
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        """Return an integer from `low` to `high`."""
        value = self.need(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ContractError(Reason.BAD_VALUE, self.place(name), f"must be an integer from {low} to {high}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise ContractError(Reason.BAD_VALUE, self.place(name), "must be true or false")
        return value

    def identifier(self, name: str, pattern: re.Pattern[str]) -> str:
        """Return a text that matches a pattern."""
        return identifier(self.need(name), self.place(name), pattern)

    def optional_identifier(self, name: str, pattern: re.Pattern[str]) -> str | None:
        """Return such a text, or None."""
        return None if self.get(name) is None else self.identifier(name, pattern)

    def choice[T: StrEnum](self, name: str, choices: type[T], default: T | None = None) -> T | None:
        """Return one of an enumeration's values."""
        if (value := self.get(name)) is None:
            return default
        try:
            return choices(cast("str", value))
        except ValueError:
            raise ContractError(Reason.BAD_VALUE, self.place(name), f"must be one of {', '.join(choices)}") from None

    def moment(self, name: str) -> datetime:
        """Return a point in time, in UTC."""
        return moment(self.need(name), self.place(name))

    def items[T](self, name: str, max_items: int, read: Callable[[Json, str], T]) -> tuple[T, ...]:
        """Return a list's items, each read by `read(value, place)`; a missing list is empty."""
        value = self._members.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > max_items:
            raise ContractError(Reason.BAD_VALUE, self.place(name), f"must be a list of at most {max_items}")
        return tuple(read(item, f"{self.place(name)}[{index}]") for index, item in enumerate(value))

    def texts(self, name: str, max_items: int) -> tuple[str, ...]:
        """Return a list of printable texts, none of them twice."""
        texts = self.items(name, max_items, lambda item, where: Fields({"": item}, where).text(""))
        if len(set(texts)) != len(texts):
            raise ContractError(Reason.DUPLICATE_KEY, self.place(name), "names something twice")
        return texts

    def object[T](
        self, name: str, max_members: int, names: re.Pattern[str], read: Callable[[Json, str], T]
    ) -> dict[str, T]:
        """Return an object's members, named by a pattern, each read by `read(value, place)`; a missing object is empty."""
        value = self._members.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or len(value) > max_members:
            raise ContractError(
                Reason.BAD_VALUE, self.place(name), f"must be an object of at most {max_members} members"
            )
        for member in value:
            identifier(member, self.place(name), names)
        return {member: read(item, f"{self.place(name)}.{member}") for member, item in value.items()}


def compact(members: dict[str, Json]) -> dict[str, Json]:
    """Return an object without the members that say nothing: None, empty lists and empty objects."""
    return {name: value for name, value in members.items() if value is not None and value not in ([], {})}


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ContractError(Reason.DUPLICATE_KEY, detail="an object names a member twice")
    return members


def _no_constant(name: str) -> Json:
    raise ContractError(Reason.NOT_JSON, detail=f"{name} is no JSON")


def readable[T](message: T, payload: bytes, read: Callable[[bytes], T]) -> bytes:
    """Return a message's payload, which the other side reads as that very message.

    Raises:
        ContractError: it doesn't.
    """
    if read(payload) != message:
        raise ContractError(Reason.BAD_VALUE, detail=f"the other side would read something else: {shown(message)}")
    return payload
