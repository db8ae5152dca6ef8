"""What the books are made of in memory as JSON, and back: plain values, collections, and instances of the classes of `protocol/books`.

What is read can make nothing else, and runs none of these classes' code: a file names the class and its attributes, no more. An instance
that is met twice is one again; collections are copied wherever they are met.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import MethodType
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from ..protocol.books import (
    account,
    balance,
    entries,
    estimate,
    history,
    metering,
    meters,
    periods,
    register,
    tariff,
    terms,
    timeline,
)
from ..protocol.fields import Json

_PLAIN: Final = frozenset({type(None), bool, int, float, str})
_MODULES: Final = (
    *(account, balance, entries, estimate, history, metering),
    *(meters, periods, register, tariff, terms, timeline),
)
_CLASSES: Final[dict[str, type]] = {
    f"{module.__name__.rpartition('.')[2]}.{name}": found
    for module in _MODULES
    for name, found in vars(module).items()
    if isinstance(found, type) and found.__module__ == module.__name__
}
_NAMES: Final = {found: name for name, found in _CLASSES.items()}


def write(value: object, given: Mapping[str, object]) -> Json:
    """Return a value as JSON; `given` are the methods that it may have, by their names.

    Raises:
        TypeError: there is something in it that isn't known here.
    """
    return _Writer(given).write(value)


def read(node: Json, given: Mapping[str, object]) -> Any:
    """Return what `write` wrote.

    Raises:
        ValueError, LookupError, TypeError, ArithmeticError: it has another form.
    """
    return _Reader(given).read(node)


def _iso(value: date) -> str:
    return value.isoformat()


_VALUES: Final[dict[type, tuple[str, Callable[[Any], Json], Callable[[Any], Any]]]] = {
    bytes: ("bytes", lambda value: value.decode("latin-1"), lambda text: text.encode("latin-1")),
    Decimal: ("decimal", str, Decimal),
    datetime: ("at", _iso, datetime.fromisoformat),
    date: ("date", _iso, date.fromisoformat),
    ZoneInfo: ("zone", lambda zone: zone.key, ZoneInfo),
    range: ("range", lambda value: [value.start, value.stop, value.step], lambda parts: range(*parts)),
}
"""What has no parts: how it is called, written and read."""
_READ: Final = {name: read for name, _, read in _VALUES.values()}


class _Writer:
    """Writes one value."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = given
        self._seen: dict[int, int] = {}

    def write(self, value: Any) -> Json:
        """Return a part of the value."""
        kind = type(value)
        if kind in _PLAIN:
            return cast("Json", value)
        if (simple := _VALUES.get(kind)) is not None:
            return [simple[0], simple[1](value)]
        return self._write_parts(value)

    def _write_parts(self, value: Any) -> Json:
        match value:
            case list() | tuple():
                return [type(value).__name__, *map(self.write, value)]
            case dict():
                return ["dict", *([self.write(key), self.write(item)] for key, item in value.items())]
            case deque():
                return ["deque", value.maxlen, *map(self.write, value)]
            case Enum():
                return ["enum", _NAMES[type(value)], self.write(value.value)]
            case datetime():  # of a class of its own: a clock that was stopped
                return ["at", _iso(value)]
            case date():
                return ["date", _iso(value)]
            case MethodType():
                return ["given", next(name for name, each in self._given.items() if each == value)]
        return self._write_instance(value)

    def _write_instance(self, value: Any) -> Json:
        kind = type(value)
        if kind not in _NAMES:
            message = f"{kind.__qualname__} can't be kept"
            raise TypeError(message)
        if (seen := self._seen.get(id(value))) is not None:
            return ["again", seen]
        self._seen[id(value)] = len(self._seen)
        names = [each.name for each in fields(value)] if is_dataclass(value) else list(vars(value))
        return ["new", _NAMES[kind], {name: self.write(getattr(value, name)) for name in names}]


class _Reader:
    """Reads one value."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = given
        self._made: list[object] = []

    def read(self, node: Any) -> Any:
        """Return a part of the value."""
        if type(node) is not list:
            return node
        kind, *parts = node
        if (simple := _READ.get(kind)) is not None:
            return simple(parts[0])
        return self._read_parts(kind, parts)

    def _read_parts(self, kind: str, parts: list[Any]) -> Any:
        match kind:
            case "list":
                return list(map(self.read, parts))
            case "tuple":
                return tuple(map(self.read, parts))
            case "dict":
                return {self.read(key): self.read(item) for key, item in parts}
            case "deque":
                return deque(map(self.read, parts[1:]), maxlen=parts[0])
            case "enum":
                return _enumerated(*parts)
            case "given":
                return self._given[parts[0]]
            case "again":
                return self._made[parts[0]]
        if kind != "new":
            raise ValueError(kind)
        return self._make(*parts)

    def _make(self, name: str, attributes: dict[str, Json]) -> object:
        value: object = object.__new__(_CLASSES[name])
        self._made.append(value)
        for attribute, node in attributes.items():
            object.__setattr__(value, attribute, self.read(node))
        return value


def _enumerated(name: str, value: Json) -> Enum:
    kind = _CLASSES[name]
    if not issubclass(kind, Enum):
        raise TypeError(name)
    return kind(value)
