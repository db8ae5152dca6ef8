"""What starts a rule: the triggers that nodes understand, with the meanings of Home Assistant's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import ClassVar, Final, Self

from .fields import Fields, Json, compact
from .rule_fields import (
    MAX_ITEMS,
    Bounds,
    Match,
    not_empty,
    read_entities,
    read_kinds,
    read_seconds,
    read_time,
    read_weekdays,
)


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """One of some events happens, of one of some types."""

    kind: ClassVar = "event"

    id: str
    entities: tuple[str, ...]
    types: tuple[str, ...]

    def encode(self) -> dict[str, Json]:
        """Return the trigger's object."""
        return {"kind": self.kind, "id": self.id, "entities": [*self.entities], "types": [*self.types]}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the trigger's object."""
        return cls(
            fields.text("id"), read_entities(fields), not_empty(fields, fields.texts("types", MAX_ITEMS), "types")
        )


@dataclass(frozen=True, slots=True)
class StateTrigger:
    """A state, or one attribute of it, changes from something to something, and stays for some seconds.

    Without `origin` and `target` every change counts; without `attribute` also one that only concerns attributes.
    """

    kind: ClassVar = "state"

    id: str
    entities: tuple[str, ...]
    attribute: str | None = None
    origin: Match | None = None
    target: Match | None = None
    seconds: float = 0

    def encode(self) -> dict[str, Json]:
        """Return the trigger's object."""
        return compact(
            {
                "kind": self.kind,
                "id": self.id,
                "entities": [*self.entities],
                "attribute": self.attribute,
                "from": self.origin.encode() if self.origin else None,
                "to": self.target.encode() if self.target else None,
                "for": self.seconds or None,
            }
        )

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the trigger's object."""
        origin, target = (
            None if (match := fields.get(name)) is None else Match.read(match, fields.place(name))
            for name in ("from", "to")
        )
        attribute = fields.optional_text("attribute")
        return cls(fields.text("id"), read_entities(fields), attribute, origin, target, read_seconds(fields, "for"))


@dataclass(frozen=True, slots=True)
class NumericTrigger:
    """A number, a state or one attribute of it, comes to lie between bounds, and stays there for some seconds."""

    kind: ClassVar = "numeric"

    id: str
    entities: tuple[str, ...]
    bounds: Bounds
    attribute: str | None = None
    seconds: float = 0

    def encode(self) -> dict[str, Json]:
        """Return the trigger's object."""
        return compact(
            {
                "kind": self.kind,
                "id": self.id,
                "entities": [*self.entities],
                "attribute": self.attribute,
                "above": self.bounds.above,
                "below": self.bounds.below,
                "for": self.seconds or None,
            }
        )

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the trigger's object."""
        attribute = fields.optional_text("attribute")
        return cls(
            fields.text("id"), read_entities(fields), Bounds.read(fields), attribute, read_seconds(fields, "for")
        )


@dataclass(frozen=True, slots=True)
class TimeTrigger:
    """It becomes a time of the day, in the house's zone, on one of some days of the week (0 is Monday; none means all)."""

    kind: ClassVar = "time"

    id: str
    at: time
    weekdays: tuple[int, ...] = ()

    def encode(self) -> dict[str, Json]:
        """Return the trigger's object."""
        return compact(
            {"kind": self.kind, "id": self.id, "at": self.at.isoformat(), "weekdays": [*self.weekdays]},
        )

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """Read the trigger's object."""
        return cls(fields.text("id"), read_time(fields, "at"), read_weekdays(fields))


type Trigger = EventTrigger | StateTrigger | NumericTrigger | TimeTrigger

_KINDS: Final[Mapping[str, Callable[[Fields], Trigger]]] = {
    kind.kind: kind.read for kind in (EventTrigger, StateTrigger, NumericTrigger, TimeTrigger)
}


def read_triggers(fields: Fields) -> tuple[Trigger, ...]:
    """Read the member `triggers`: one or more."""
    return not_empty(fields, read_kinds(fields, "triggers", _KINDS), "triggers")
