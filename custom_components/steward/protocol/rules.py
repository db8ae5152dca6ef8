"""Rules: what a node runs by itself of Home Assistant's automations, and how they cross the wire.

A rule is an automation's portable part, with the meanings of Home Assistant's own triggers, conditions and actions. Its entities are
named `<node>/<platform>/<key>`; their states are Home Assistant's words for them (`seen.py`). Targets are absolute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Final, Self

from .entity import Platform
from .fields import ContractError, Fields, Json, Reason, compact, dump, parse, readable
from .node import CONTRACT
from .rule_actions import Action, Choose, Set, Stop, read_actions, walk
from .rule_conditions import Condition, JunctionCondition, NumericCondition, StateCondition, read_conditions
from .rule_fields import not_empty
from .rule_triggers import TimeTrigger, Trigger, read_triggers

MAX_RULES_BYTES: Final = 256 * 1024
MAX_RULES: Final = 1024
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
            triggers=read_triggers(fields),
            actions=not_empty(fields, read_actions(fields, "actions"), "actions"),
            conditions=read_conditions(fields, "conditions"),
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
