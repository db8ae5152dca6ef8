"""What a rule does: the actions that nodes understand, with the meanings of Home Assistant's; their targets are absolute."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from .entity import MAX_STATE_BYTES
from .fields import ContractError, Fields, Json, Reason, compact, dump
from .rule_conditions import Condition, read_conditions
from .rule_fields import MAX_ITEMS, deeper, not_empty, read_kinds, read_path, read_seconds


@dataclass(frozen=True, slots=True)
class Set:
    """Tell an entity what to be: the value of a command to it, as JSON."""

    kind: ClassVar = "set"

    entity: str
    value: Json

    def __hash__(self) -> int:
        """Tell by the entity; a value may be an object."""
        return hash(self.entity)

    def encode(self) -> dict[str, Json]:
        """Return the action's object."""
        return {"kind": self.kind, "entity": self.entity, "value": self.value}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the action's object."""
        value = fields.need("value")
        if len(dump(value)) > MAX_STATE_BYTES:
            raise ContractError(Reason.TOO_LARGE, fields.place("value"), "too large for a command")
        return cls(read_path(fields.need("entity"), fields.place("entity")), value)


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait."""

    kind: ClassVar = "delay"

    seconds: float

    def encode(self) -> dict[str, Json]:
        """Return the action's object."""
        return {"kind": self.kind, "seconds": self.seconds}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the action's object."""
        return cls(read_seconds(fields, "seconds"))


@dataclass(frozen=True, slots=True)
class Option:
    """Actions for when all of some conditions are true."""

    conditions: tuple[Condition, ...]
    actions: tuple["Action", ...]

    def encode(self) -> Json:
        """Return the option's object."""
        return compact(
            {
                "conditions": [condition.encode() for condition in self.conditions],
                "actions": [action.encode() for action in self.actions],
            }
        )


@dataclass(frozen=True, slots=True)
class Choose:
    """Do the actions of the first option whose conditions are true, else those of the default. An `if` has one option."""

    kind: ClassVar = "choose"

    options: tuple[Option, ...]
    default: tuple["Action", ...] = ()

    def encode(self) -> dict[str, Json]:
        """Return the action's object."""
        return compact(
            {
                "kind": self.kind,
                "options": [option.encode() for option in self.options],
                "default": [action.encode() for action in self.default],
            }
        )

    @classmethod
    def read(cls, fields: Fields, depth: int) -> Self:
        """Read the action's object, which lies `depth` deep in others."""
        inner = deeper(fields, depth)

        def read_option(value: Json, where: str) -> Option:
            option = Fields(value, where)
            return Option(read_conditions(option, "conditions"), read_actions(option, "actions", inner))

        options = not_empty(fields, fields.items("options", MAX_ITEMS, read_option), "options")
        return cls(options, read_actions(fields, "default", inner))


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run, unless all of some conditions are true; without conditions always."""

    kind: ClassVar = "stop"

    unless: tuple[Condition, ...] = ()

    def encode(self) -> dict[str, Json]:
        """Return the action's object."""
        return compact({"kind": self.kind, "unless": [condition.encode() for condition in self.unless]})

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the action's object."""
        return cls(read_conditions(fields, "unless"))


type Action = Set | Delay | Choose | Stop


def read_actions(fields: Fields, name: str, depth: int = 0) -> tuple[Action, ...]:
    """Read a list of actions that lie `depth` deep in others."""
    kinds: Mapping[str, Callable[[Fields], Action]] = {
        Set.kind: Set.read,
        Delay.kind: Delay.read,
        Choose.kind: lambda fields: Choose.read(fields, depth),
        Stop.kind: Stop.read,
    }
    return read_kinds(fields, name, kinds)


def walk(actions: tuple[Action, ...]) -> Iterator[Action]:
    """Yield actions and those within them."""
    for action in actions:
        yield action
        if isinstance(action, Choose):
            for option in action.options:
                yield from walk(option.actions)
            yield from walk(action.default)
