"""Rules: what a node runs by itself of Home Assistant's automations, and how they cross the wire.

A rule is an automation's portable part, with the meanings of Home Assistant's own triggers, conditions and actions. Its entities are
named `<node>/<platform>/<key>`; their states are Home Assistant's words for them (`seen.py`). Targets are absolute.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
import re
from typing import ClassVar, Final, Self, cast

from .entity import KEY, MAX_STATE_BYTES, Platform
from .fields import ContractError, Fields, Json, Reason, compact, dump, parse, readable
from .node import CONTRACT, NODE

MAX_RULES_BYTES: Final = 256 * 1024
MAX_RULES: Final = 1024
MAX_ITEMS: Final = 256
"""How many triggers, conditions, actions, entities or values stand in one list at most."""
MAX_NESTING: Final = 4
"""How deep conditions and actions may nest each, so that the whole stays within JSON's `MAX_DEPTH`."""
MAX_SECONDS: Final = 30 * 24 * 3600.0
RULE: Final = re.compile(r"[a-z0-9_.]{1,96}")
"""A rule's id: the entity id of its automation. With a time it still is a cause."""
ZONE: Final = re.compile(r"[A-Za-z0-9_+/-]{1,64}")


class Mode(StrEnum):
    """What happens when a rule is triggered while it runs."""

    SINGLE = "single"
    RESTART = "restart"
    QUEUED = "queued"
    PARALLEL = "parallel"


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
        return cls(fields.items("not" if inverted else "is", MAX_ITEMS, _scalar), inverted)


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


# --- triggers --------------------------------------------------------------------------------------------------------


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
        return cls(fields.text("id"), _entities(fields), _some(fields, fields.texts("types", MAX_ITEMS), "types"))


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
        return cls(fields.text("id"), _entities(fields), attribute, origin, target, _seconds(fields, "for"))


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
        return cls(fields.text("id"), _entities(fields), Bounds.read(fields), attribute, _seconds(fields, "for"))


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
        return cls(fields.text("id"), _time(fields, "at"), _weekdays(fields))


type Trigger = EventTrigger | StateTrigger | NumericTrigger | TimeTrigger


# --- conditions ------------------------------------------------------------------------------------------------------


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
            _entities(fields),
            _some(fields, fields.items("values", MAX_ITEMS, _scalar), "values"),
            fields.optional_text("attribute"),
            fields.flag("any", default=False),
            _seconds(fields, "for"),
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
        return cls(_entities(fields), Bounds.read(fields), fields.optional_text("attribute"))


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
        after, before = (None if fields.get(name) is None else _time(fields, name) for name in ("after", "before"))
        return cls(after, before, _weekdays(fields))


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
        return cls(_some(fields, fields.texts("ids", MAX_ITEMS), "ids"))


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


type Condition = StateCondition | NumericCondition | TimeCondition | TriggerCondition | JunctionCondition


# --- actions ---------------------------------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait."""

    kind: ClassVar = "delay"

    seconds: float

    def encode(self) -> dict[str, Json]:
        """Return the action's object."""
        return {"kind": self.kind, "seconds": self.seconds}


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


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run, unless all of some conditions are true; without conditions always."""

    kind: ClassVar = "stop"

    unless: tuple[Condition, ...] = ()

    def encode(self) -> dict[str, Json]:
        """Return the action's object."""
        return compact({"kind": self.kind, "unless": [condition.encode() for condition in self.unless]})


type Action = Set | Delay | Choose | Stop


# --- the whole -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """What a node runs of one automation. `id` is the automation's entity id, `name` what people call it.

    The order of rules is the order in which Home Assistant would start them.
    """

    id: str
    name: str
    triggers: tuple[Trigger, ...]
    actions: tuple[Action, ...]
    conditions: tuple[Condition, ...] = ()
    mode: Mode = Mode.SINGLE
    max_runs: int = 10

    def encode(self) -> Json:
        """Return the rule's object."""
        return compact(
            {
                "id": self.id,
                "name": self.name,
                "mode": self.mode.value,
                "max": self.max_runs,
                "triggers": [trigger.encode() for trigger in self.triggers],
                "conditions": [condition.encode() for condition in self.conditions],
                "actions": [action.encode() for action in self.actions],
            }
        )

    @classmethod
    def read(cls, value: Json, where: str) -> Self:
        """Read a rule's object.

        Raises:
            ContractError: it is none.
        """
        fields = Fields(value, where)
        return cls(
            id=fields.identifier("id", RULE),
            name=fields.text("name"),
            triggers=_some(fields, fields.items("triggers", MAX_ITEMS, _read_trigger), "triggers"),
            actions=_some(fields, _read_actions(fields, "actions", 0), "actions"),
            conditions=_read_conditions(fields, "conditions", 0),
            mode=fields.choice("mode", Mode) or Mode.SINGLE,
            max_runs=fields.integer("max", 1, 2**31),
        )

    def sources(self) -> set[str]:
        """Return the entities that the rule watches or asks."""
        sources = {
            entity for trigger in self.triggers if not isinstance(trigger, TimeTrigger) for entity in trigger.entities
        }
        for condition in _conditions(self):
            if isinstance(condition, StateCondition | NumericCondition):
                sources.update(condition.entities)
        return sources

    def targets(self) -> set[str]:
        """Return the entities that the rule tells what to be."""
        return {action.entity for action in walk(self.actions) if isinstance(action, Set)}


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules of one node, retained on its topic `rules`: a version that grows, and the zone of the house's clocks."""

    version: int
    zone: str
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two rules of one id."""
        if len({rule.id for rule in self.rules}) != len(self.rules):
            raise ContractError(Reason.DUPLICATE_KEY, "rules", "two rules have one id")

    def encode(self) -> bytes:
        """Write the document.

        Raises:
            ContractError: it is not valid, or too large.
        """
        rules = [rule.encode() for rule in self.rules]
        payload = dump({"contract": CONTRACT, "version": self.version, "zone": self.zone, "rules": rules})
        return readable(self, payload, self.decode)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read a document.

        Raises:
            ContractError: it is not valid, or of a newer contract.
        """
        fields = Fields(parse(payload, MAX_RULES_BYTES))
        if fields.integer("contract", 1, 2**31) > CONTRACT:
            raise ContractError(Reason.NEWER_CONTRACT, "contract", "the hub speaks a newer contract than this node")
        return cls(
            version=fields.integer("version", 0, 2**53),
            zone=fields.identifier("zone", ZONE),
            rules=fields.items("rules", MAX_RULES, Rule.read),
        )


def entity_path(node: str, platform: Platform, key: str) -> str:
    """Return the name of an entity within rules."""
    return f"{node}/{platform}/{key}"


def split_path(path: str) -> tuple[str, Platform, str]:
    """Return the node, platform and key that an entity's name within rules is made of."""
    node, platform, key = path.split("/")
    return node, Platform(platform), key


def walk(actions: tuple[Action, ...]) -> Iterator[Action]:
    """Yield actions and those within them."""
    for action in actions:
        yield action
        if isinstance(action, Choose):
            for option in action.options:
                yield from walk(option.actions)
            yield from walk(action.default)


def _conditions(rule: Rule) -> Iterator[Condition]:
    pending = [*rule.conditions]
    for action in walk(rule.actions):
        if isinstance(action, Choose):
            pending += [condition for option in action.options for condition in option.conditions]
        elif isinstance(action, Stop):
            pending += action.unless
    while pending:
        condition = pending.pop()
        yield condition
        if isinstance(condition, JunctionCondition):
            pending += condition.conditions


# --- reading ---------------------------------------------------------------------------------------------------------


def _read_trigger(value: Json, where: str) -> Trigger:
    fields = Fields(value, where)
    readers: Mapping[Json, Callable[[Fields], Trigger]] = {
        kind.kind: kind.read for kind in (EventTrigger, StateTrigger, NumericTrigger, TimeTrigger)
    }
    return _read_kind(fields, readers)


def _read_conditions(fields: Fields, name: str, depth: int) -> tuple[Condition, ...]:
    return fields.items(name, MAX_ITEMS, lambda value, where: _read_condition(value, where, depth))


def _read_condition(value: Json, where: str, depth: int) -> Condition:
    fields = Fields(value, where)
    kind = fields.text("kind")
    if kind in Junction:
        return JunctionCondition(Junction(kind), _read_conditions(fields, "conditions", _deeper(fields, depth)))
    readers: Mapping[Json, Callable[[Fields], Condition]] = {
        kind.kind: kind.read for kind in (StateCondition, NumericCondition, TimeCondition, TriggerCondition)
    }
    return _read_kind(fields, readers)


def _read_actions(fields: Fields, name: str, depth: int) -> tuple[Action, ...]:
    return fields.items(name, MAX_ITEMS, lambda value, where: _read_action(value, where, depth))


def _read_action(value: Json, where: str, depth: int) -> Action:
    fields = Fields(value, where)
    readers: Mapping[Json, Callable[[Fields], Action]] = {
        Set.kind: _read_set,
        Delay.kind: lambda fields: Delay(_seconds(fields, "seconds")),
        Choose.kind: lambda fields: _read_choose(fields, depth),
        Stop.kind: lambda fields: Stop(_read_conditions(fields, "unless", 0)),
    }
    return _read_kind(fields, readers)


def _read_set(fields: Fields) -> Set:
    value = fields.need("value")
    if len(dump(value)) > MAX_STATE_BYTES:
        raise ContractError(Reason.TOO_LARGE, fields.place("value"), "too large for a command")
    return Set(_path(fields.need("entity"), fields.place("entity")), value)


def _read_choose(fields: Fields, depth: int) -> Choose:
    deeper = _deeper(fields, depth)

    def read_option(value: Json, where: str) -> Option:
        option = Fields(value, where)
        return Option(_read_conditions(option, "conditions", 0), _read_actions(option, "actions", deeper))

    options = _some(fields, fields.items("options", MAX_ITEMS, read_option), "options")
    return Choose(options, _read_actions(fields, "default", deeper))


def _read_kind[T](fields: Fields, readers: Mapping[Json, Callable[[Fields], T]]) -> T:
    if (kind := fields.text("kind")) not in readers:
        raise ContractError(Reason.BAD_VALUE, fields.place("kind"), f"unknown kind {kind!r:.40}")
    return readers[kind](fields)


def _deeper(fields: Fields, depth: int) -> int:
    if depth >= MAX_NESTING:
        raise ContractError(Reason.TOO_LARGE, fields.place("kind"), f"nested more than {MAX_NESTING} deep")
    return depth + 1


def _some[T](fields: Fields, items: tuple[T, ...], name: str) -> tuple[T, ...]:
    if not items:
        raise ContractError(Reason.MISSING, fields.place(name), "is empty")
    return items


def _entities(fields: Fields) -> tuple[str, ...]:
    return _some(fields, fields.items("entities", MAX_ITEMS, _path), "entities")


def _path(value: Json, where: str) -> str:
    match value.split("/") if isinstance(value, str) else ():
        case [node, platform, key] if NODE.fullmatch(node) and platform in Platform and KEY.fullmatch(key):
            return cast("str", value)
        case _:
            raise ContractError(Reason.BAD_KEY, where, "must be <node>/<platform>/<key>")


def _scalar(value: Json, where: str) -> Json:
    if isinstance(value, list | dict):
        raise ContractError(Reason.BAD_VALUE, where, "must be a text, a number, true, false or null")
    return value


def _seconds(fields: Fields, name: str) -> float:
    if fields.get(name) is None:
        return 0
    seconds = fields.number(name)
    if not 0 <= seconds <= MAX_SECONDS:
        raise ContractError(Reason.BAD_VALUE, fields.place(name), f"must lie between 0 and {MAX_SECONDS:.0f} seconds")
    return seconds


def _time(fields: Fields, name: str) -> time:
    text = fields.text(name, 16)
    try:
        at = time.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None:
        raise ContractError(Reason.BAD_VALUE, fields.place(name), "must be a time of the day")
    return at


def _weekdays(fields: Fields) -> tuple[int, ...]:
    weekdays = fields.items("weekdays", 7, lambda value, where: Fields({"": value}, where).integer("", 0, 6))
    if len(set(weekdays)) != len(weekdays):
        raise ContractError(Reason.DUPLICATE_KEY, fields.place("weekdays"), "names a day twice")
    return weekdays
