"""What is known of the house's entities, and whether conditions are true of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from .rule_conditions import (
    Condition,
    Junction,
    JunctionCondition,
    NumericCondition,
    StateCondition,
    TimeCondition,
    TriggerCondition,
)
from .seen import Seen

_END_OF_DAY: Final = time(23, 59, 59, 999999)
_CONTRARY: Final[Mapping[bool | None, bool | None]] = {True: False, False: True, None: None}


@dataclass(slots=True)
class _Known:
    """An entity's latest state, and the monotonic time since when it has been in it."""

    seen: Seen
    since: float


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is looked at: the monotonic time in seconds, and the house's wall clock (aware, in its zone)."""

    now: float
    wall: datetime


class View:
    """The entities that were seen, with their latest states."""

    def __init__(self) -> None:
        """Begin without knowing any."""
        self._known: dict[str, _Known] = {}

    def get(self, entity: str) -> Seen | None:
        """Return what is known of an entity; None before anything is."""
        known = self._known.get(entity)
        return known.seen if known else None

    def put(self, entity: str, seen: Seen, now: float) -> Seen | None:
        """Take what an entity is seen as now; return what it was before, None the first time.

        Nothing begins to be known of an entity by not being known.
        """
        known = self._known.get(entity)
        if known is None:
            if seen.known:
                self._known[entity] = _Known(seen, now)
            return None
        before = known.seen
        if before.state != seen.state:
            known.since = now
        known.seen = seen
        return before

    def keep(self, entities: Iterable[str]) -> None:
        """Forget all entities but these."""
        for entity in self._known.keys() - entities:
            del self._known[entity]

    def all_true(self, conditions: Iterable[Condition], moment: Moment, trigger: str) -> bool:
        """Whether all conditions are true for a run that a trigger has started. Of what isn't known none is."""
        return all(self._tell(condition, moment, trigger) for condition in conditions)

    def _tell(self, condition: Condition, moment: Moment, trigger: str) -> bool | None:
        """Tell whether a condition is true; None where Home Assistant finds an error in it, such as a text that is no number.

        What has an error isn't true, and its contrary isn't either.
        """
        match condition:
            case StateCondition():
                return self._in_state(condition, moment.now)
            case NumericCondition():
                return _all(self._in_bounds(condition, entity) for entity in condition.entities)
            case TimeCondition():
                return in_window(condition, moment.wall)
            case TriggerCondition():
                return trigger in condition.ids
            case JunctionCondition():
                each = [self._tell(inner, moment, trigger) for inner in condition.conditions]
                match condition.junction:
                    case Junction.AND:
                        return _all(each)
                    case Junction.OR:
                        return _CONTRARY[_all(_CONTRARY[one] for one in each)]
                    case Junction.NOT:
                        return _all(_CONTRARY[one] for one in each)

    def _in_state(self, condition: StateCondition, now: float) -> bool:
        each = (self._entity_in_state(condition, entity, now) for entity in condition.entities)
        return any(each) if condition.any_entity else all(each)

    def _entity_in_state(self, condition: StateCondition, entity: str, now: float) -> bool:
        known = self._known.get(entity)
        if known is None:
            return False
        if condition.attribute is not None and condition.attribute not in known.seen.attributes:
            return False
        if known.seen.value(condition.attribute) not in condition.values:
            return False
        return not condition.seconds or now - known.since > condition.seconds

    def _in_bounds(self, condition: NumericCondition, entity: str) -> bool | None:
        known = self._known.get(entity)
        if known is None or not known.seen.known or known.seen.value(condition.attribute) is None:
            return False
        number = known.seen.number(condition.attribute)
        return None if number is None else condition.bounds(number)


def _all(each: Iterable[bool | None]) -> bool | None:
    """Whether all are true; one that is false decides, otherwise one that has an error."""
    told = {*each}
    return False if False in told else None if None in told else True


def in_window(condition: TimeCondition, wall: datetime) -> bool:
    """Whether a wall clock, in the house's zone, shows a time that a condition asks for."""
    after = condition.after or time()
    before = condition.before or _END_OF_DAY
    at = wall.time()
    inside = after <= at < before if after < before else not before <= at < after
    return inside and (not condition.weekdays or wall.weekday() in condition.weekdays)
