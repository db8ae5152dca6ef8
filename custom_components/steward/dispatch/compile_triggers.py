"""Triggers that nodes can watch, from Home Assistant's configuration."""

from collections.abc import Callable, Iterator, Mapping
from datetime import time
from typing import Any, Final

from homeassistant.const import MATCH_ALL, WEEKDAYS

from ..protocol.rule_fields import Bounds, Match
from ..protocol.rule_triggers import EventTrigger, NumericTrigger, StateTrigger, TimeTrigger, Trigger
from .lookup import Questions
from .portable import (
    NotPortableError,
    compare_text,
    fixed,
    is_enabled,
    name_all,
    number,
    only,
    refuse,
    scalars,
    seconds,
    source,
)

_BASE: Final = frozenset({"platform", "id", "alias", "enabled", "variables"})
_EVENT: Final = _BASE | {"target", "options"}
_STATE: Final = _BASE | {"entity_id", "attribute", "for", "from", "not_from", "to", "not_to"}
_NUMERIC: Final = _BASE | {"entity_id", "attribute", "for", "above", "below", "value_template"}
_TIME: Final = _BASE | {"at", "weekday"}

_ANY: Final = Match((), inverted=True)

type _Leave = Callable[[str], None]


def compile_triggers(
    configs: list[Mapping[str, Any]], questions: Questions, leave: Callable[[str], None]
) -> tuple[Trigger, ...]:
    """Return the triggers that are portable; tell `leave` why others aren't. Each stands for itself, and so does each entity."""
    triggers: list[Trigger] = []
    for index, config in enumerate(configs):
        try:
            if is_enabled(config):
                triggers += _compile(config, config.get("id", str(index)), questions, leave)
        except NotPortableError as reason:
            leave(str(reason))
    return tuple(triggers)


def bounds(config: Mapping[str, Any]) -> Bounds:
    """Return what a number has to be above and below.

    Raises:
        NotPortableError: a bound is another entity's number, or there is a template.
    """
    if "value_template" in config:
        refuse("uses a template")
    above, below = config.get("above"), config.get("below")
    for bound in (above, below):
        if isinstance(bound, str):
            refuse(f"compares with the number of {bound}")
    return Bounds(above, below)


def weekdays(config: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the days of the week that are named; 0 is Monday, none means all.

    Raises:
        NotPortableError: no day is allowed.
    """
    if (named := config.get("weekday")) is None:
        return ()
    if not named:
        refuse("asks for no day of the week")
    return tuple(sorted({WEEKDAYS.index(day) for day in ([named] if isinstance(named, str) else named)}))


def _compile(config: Mapping[str, Any], name: str, questions: Questions, leave: _Leave) -> Iterator[Trigger]:
    match config["platform"]:
        case "event.received":
            yield from _event(config, name, questions, leave)
        case "state":
            yield from _state(config, name, questions, leave)
        case "numeric_state":
            yield from _numeric(config, name, questions, leave)
        case "time":
            yield from _times(config, name, leave)
        case other:
            refuse(f"has a trigger of the kind {other}")


def _event(config: Mapping[str, Any], name: str, questions: Questions, leave: _Leave) -> Iterator[Trigger]:
    only(config, _EVENT)
    only(options := config["options"], frozenset({"event_type"}))
    targets = questions.targets(fixed(config["target"]), expand_groups=False)
    if targets is None:
        refuse("waits for events of an entity that doesn't exist")
    entities: list[str] = []
    others: list[str] = []
    for entity_id in sorted(targets):
        if not entity_id.startswith("event."):
            continue
        if (known := questions.entity(entity_id)) is None:
            others.append(entity_id)
        elif known.blocked:
            leave(f"waits for events of {entity_id}, and {known.node_name} is blocked")
        elif not known.disabled:
            entities.append(known.path)
    if others:
        leave(f"waits for events of {name_all(others)}")
    if entities:
        yield EventTrigger(name, tuple(entities), tuple(dict.fromkeys(fixed(options["event_type"]))))


def _state(config: Mapping[str, Any], name: str, questions: Questions, leave: _Leave) -> Iterator[Trigger]:
    only(config, _STATE)
    attribute = _attribute(config)
    origin, target, stay = _match(config, "from"), _match(config, "to"), seconds(config.get("for"))
    if stay and _until_left(config) != _rule_until_left(origin, target):
        refuse("waits for any state to stay")

    def check(entity_id: str) -> str:
        known = source(questions, entity_id, attribute)
        if known.path.split("/")[1] == "event":
            refuse(f"waits for the attribute {attribute} of {entity_id} to change")
        for match in (origin, target):
            if match is not None:
                compare_text(known, entity_id, attribute, match.values)
        return known.path

    if entities := _each(config["entity_id"], check, leave):
        yield StateTrigger(name, entities, attribute, origin, target, stay)


def _numeric(config: Mapping[str, Any], name: str, questions: Questions, leave: _Leave) -> Iterator[Trigger]:
    only(config, _NUMERIC)
    attribute = _attribute(config)
    between, stay = bounds(config), seconds(config.get("for"))

    def check(entity_id: str) -> str:
        known = number(questions, entity_id, attribute)
        if known.path.split("/")[1] == "event":
            refuse(f"waits for the attribute {attribute} of {entity_id} to change")
        return known.path

    if entities := _each(config["entity_id"], check, leave):
        yield NumericTrigger(name, entities, between, attribute, stay)


def _times(config: Mapping[str, Any], name: str, leave: _Leave) -> Iterator[Trigger]:
    only(config, _TIME)
    days = weekdays(config)
    for at in config["at"]:
        if isinstance(at, time):
            yield TimeTrigger(name, at, days)
        else:
            leave("waits for a time that isn't fixed")


def _attribute(config: Mapping[str, Any]) -> str | None:
    attribute = config.get("attribute")
    if attribute is not None and not isinstance(attribute, str):
        refuse("asks for an attribute without a name")
    return attribute


def _match(config: Mapping[str, Any], name: str) -> Match | None:
    """Return what a state has to be, or not to be; None where that isn't said at all, which lets attributes count too."""
    if config.get(name) is not None:
        return _ANY if config[name] == MATCH_ALL else Match(scalars(config[name]))
    if (excluded := config.get(f"not_{name}")) is not None:
        if excluded == MATCH_ALL:
            refuse("has a trigger that never fires")
        return Match(scalars(excluded), inverted=True)
    # Said, but empty: any state, yet a change of it.
    return _ANY if name in config or f"not_{name}" in config else None


def _until_left(config: Mapping[str, Any]) -> bool:
    """Tell whether Home Assistant waits, for a state that is left, only for that not to come back."""
    return "from" in config and "to" not in config


def _rule_until_left(origin: Match | None, target: Match | None) -> bool:
    """Tell whether a rule does."""
    return origin is not None and not origin.inverted and (target is None or target.inverted)


def _each(entity_ids: list[str], check: Callable[[str], str], leave: _Leave) -> tuple[str, ...]:
    """Return the entities that can be watched; each of them fires for itself."""
    entities: dict[str, None] = {}
    for entity_id in entity_ids:
        try:
            entities[check(entity_id)] = None
        except NotPortableError as reason:
            leave(str(reason))
    return tuple(entities)
