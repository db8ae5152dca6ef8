"""What the parts of rules have in common: values to compare with, and the members that are read alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Final, Self, cast

from .entity import KEY, Platform
from .fields import ContractError, Fields, Json, Reason
from .node import NODE

MAX_ITEMS: Final = 256
"""How many triggers, conditions, actions, entities or values stand in one list at most."""
MAX_NESTING: Final = 4
"""How deep conditions and actions may nest each, so that the whole stays within JSON's `MAX_DEPTH`."""
MAX_SECONDS: Final = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Match:
    """Values that something has to be, or (`inverted`) must not be."""

    values: tuple[Json, ...]
    inverted: bool = False

    def __call__(self, value: Json) -> bool:
        """Whether a value fits."""
        return (value in self.values) is not self.inverted

    def encode(self) -> Json:
        """Return the match's object."""
        return {"not" if self.inverted else "is": [*self.values]}

    @classmethod
    def read(cls, value: Json, where: str) -> Self:
        """Read a match's object."""
        fields = Fields(value, where)
        inverted = "not" in fields.rest()
        return cls(fields.items("not" if inverted else "is", MAX_ITEMS, read_scalar), inverted)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number has to be above and below, both exclusive; None leaves a side open."""

    above: float | None = None
    below: float | None = None

    def __call__(self, number: float) -> bool:
        """Whether a number lies between the bounds."""
        return (self.above is None or number > self.above) and (self.below is None or number < self.below)

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the members `above` and `below`; one of them must be there."""
        above, below = (None if fields.get(name) is None else fields.number(name) for name in ("above", "below"))
        if above is None and below is None:
            raise ContractError(Reason.MISSING, fields.place("above"), "a bound is missing")
        return cls(above, below)


def read_kinds[T](fields: Fields, name: str, kinds: Mapping[str, Callable[[Fields], T]]) -> tuple[T, ...]:
    """Read a list of objects that each tell of which kind they are; `kinds` reads those that there are."""

    def read(value: Json, where: str) -> T:
        item = Fields(value, where)
        if (kind := item.text("kind")) not in kinds:
            raise ContractError(Reason.BAD_VALUE, item.place("kind"), f"unknown kind {kind!r:.40}")
        return kinds[kind](item)

    return fields.items(name, MAX_ITEMS, read)


def deeper(fields: Fields, depth: int) -> int:
    """Return how deep the items of an object lie that lies `depth` deep itself.

    Raises:
        ContractError: too deep.
    """
    if depth >= MAX_NESTING:
        raise ContractError(Reason.TOO_LARGE, fields.place("kind"), f"nested more than {MAX_NESTING} deep")
    return depth + 1


def not_empty[T](fields: Fields, items: tuple[T, ...], name: str) -> tuple[T, ...]:
    """Return a member's items.

    Raises:
        ContractError: there are none.
    """
    if not items:
        raise ContractError(Reason.MISSING, fields.place(name), "is empty")
    return items


def read_entities(fields: Fields) -> tuple[str, ...]:
    """Read the member `entities`: the names of one or more."""
    return not_empty(fields, fields.items("entities", MAX_ITEMS, read_path), "entities")


def read_path(value: Json, where: str) -> str:
    """Read the name of an entity."""
    match value.split("/") if isinstance(value, str) else ():
        case [node, platform, key] if NODE.fullmatch(node) and platform in Platform and KEY.fullmatch(key):
            return cast("str", value)
        case _:
            raise ContractError(Reason.BAD_KEY, where, "must be <node>/<platform>/<key>")


def read_scalar(value: Json, where: str) -> Json:
    """Read a value that is neither a list nor an object."""
    if isinstance(value, list | dict):
        raise ContractError(Reason.BAD_VALUE, where, "must be a text, a number, true, false or null")
    return value


def read_seconds(fields: Fields, name: str) -> float:
    """Read a duration; 0 where it is missing."""
    if fields.get(name) is None:
        return 0
    seconds = fields.number(name)
    if not 0 <= seconds <= MAX_SECONDS:
        raise ContractError(Reason.BAD_VALUE, fields.place(name), f"must lie between 0 and {MAX_SECONDS:.0f} seconds")
    return seconds


def read_time(fields: Fields, name: str) -> time:
    """Read a time of the day, in the house's zone."""
    text = fields.text(name, 16)
    try:
        at = time.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None:
        raise ContractError(Reason.BAD_VALUE, fields.place(name), "must be a time of the day")
    return at


def read_weekdays(fields: Fields) -> tuple[int, ...]:
    """Read the member `weekdays`: days of the week, 0 is Monday; none where it is missing."""
    weekdays = fields.items("weekdays", 7, lambda value, where: Fields({"": value}, where).integer("", 0, 6))
    if len(set(weekdays)) != len(weekdays):
        raise ContractError(Reason.DUPLICATE_KEY, fields.place("weekdays"), "names a day twice")
    return weekdays
