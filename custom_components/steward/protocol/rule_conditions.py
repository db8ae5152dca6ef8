"""What a rule asks: the conditions that nodes understand, with the meanings of Home Assistant's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import ClassVar, Self

from .fields import Fields, Json, compact
from .rule_fields import (
    MAX_ITEMS,
    Bounds,
    deeper,
    not_empty,
    read_entities,
    read_kinds,
    read_scalar,
    read_seconds,
    read_time,
    read_weekdays,
)


@dataclass(frozen=True, slots=True)
class StateCondition:
    """All entities (or one, where `any_entity`) are in one of some states, or their attribute is, and were for some seconds."""

    kind: ClassVar = "state"

    entities: tuple[str, ...]
    values: tuple[Json, ...]
    attribute: str | None = None
    any_entity: bool = False
    seconds: float = 0

    def encode(self) -> dict[str, Json]:
        """Return the condition's object."""
        return compact(
            {
                "kind": self.kind,
                "entities": [*self.entities],
                "values": [*self.values],
                "attribute": self.attribute,
                "any": self.any_entity or None,
                "for": self.seconds or None,
            }
        )

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the condition's object."""
        return cls(
            read_entities(fields),
            not_empty(fields, fields.items("values", MAX_ITEMS, read_scalar), "values"),
            fields.optional_text("attribute"),
            fields.flag("any", default=False),
            read_seconds(fields, "for"),
        )


@dataclass(frozen=True, slots=True)
class NumericCondition:
    """All entities' numbers, or the numbers in their attribute, lie between bounds."""

    kind: ClassVar = "numeric"

    entities: tuple[str, ...]
    bounds: Bounds
    attribute: str | None = None

    def encode(self) -> dict[str, Json]:
        """Return the condition's object."""
        return compact(
            {
                "kind": self.kind,
                "entities": [*self.entities],
                "attribute": self.attribute,
                "above": self.bounds.above,
                "below": self.bounds.below,
            }
        )

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the condition's object."""
        return cls(read_entities(fields), Bounds.read(fields), fields.optional_text("attribute"))


@dataclass(frozen=True, slots=True)
class TimeCondition:
    """It is from `after` (inclusive) to `before` (exclusive), which may lie beyond midnight, on one of some days of the week."""

    kind: ClassVar = "time"

    after: time | None = None
    before: time | None = None
    weekdays: tuple[int, ...] = ()

    def encode(self) -> dict[str, Json]:
        """Return the condition's object."""
        return compact(
            {
                "kind": self.kind,
                "after": self.after.isoformat() if self.after else None,
                "before": self.before.isoformat() if self.before else None,
                "weekdays": [*self.weekdays],
            }
        )

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the condition's object."""
        after, before = (None if fields.get(name) is None else read_time(fields, name) for name in ("after", "before"))
        return cls(after, before, read_weekdays(fields))


@dataclass(frozen=True, slots=True)
class TriggerCondition:
    """The rule was started by one of some triggers."""

    kind: ClassVar = "trigger"

    ids: tuple[str, ...]

    def encode(self) -> dict[str, Json]:
        """Return the condition's object."""
        return {"kind": self.kind, "ids": [*self.ids]}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the condition's object."""
        return cls(not_empty(fields, fields.texts("ids", MAX_ITEMS), "ids"))


class Junction(StrEnum):
    """How conditions are joined: all of them are true, one is, none is."""

    AND = "and"
    OR = "or"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class JunctionCondition:
    """Conditions that are joined to one."""

    junction: Junction
    conditions: tuple["Condition", ...]

    def encode(self) -> dict[str, Json]:
        """Return the condition's object."""
        return {"kind": self.junction.value, "conditions": [condition.encode() for condition in self.conditions]}

    @classmethod
    def read(cls, fields: Fields, depth: int) -> Self:
        """Read the condition's object, which lies `depth` deep in others."""
        return cls(Junction(fields.text("kind")), read_conditions(fields, "conditions", deeper(fields, depth)))


type Condition = StateCondition | NumericCondition | TimeCondition | TriggerCondition | JunctionCondition


def read_conditions(fields: Fields, name: str, depth: int = 0) -> tuple[Condition, ...]:
    """Read a list of conditions that lie `depth` deep in others."""
    kinds: Mapping[str, Callable[[Fields], Condition]] = {
        **{kind.kind: kind.read for kind in (StateCondition, NumericCondition, TimeCondition, TriggerCondition)},
        **dict.fromkeys(Junction, lambda fields: JunctionCondition.read(fields, depth)),
    }
    return read_kinds(fields, name, kinds)
