"""Conditions that nodes can ask, from Home Assistant's configuration."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.helpers.config_validation import INPUT_ENTITY_ID

from ..protocol.rule_conditions import (
    Condition,
    Junction,
    JunctionCondition,
    NumericCondition,
    StateCondition,
    TimeCondition,
    TriggerCondition,
)
from .compile_triggers import bounds, weekdays
from .lookup import Questions
from .portable import compare_text, is_enabled, number, only, refuse, scalars, seconds, source

_TRUE: Final = JunctionCondition(Junction.AND, ())
_FALSE: Final = JunctionCondition(Junction.OR, ())

_BASE: Final = frozenset({"condition", "alias", "enabled", "continue_on_error"})
_JUNCTION: Final = _BASE | {"conditions"}
_STATE: Final = _BASE | {"entity_id", "state", "attribute", "match", "for"}
_NUMERIC: Final = _BASE | {"entity_id", "attribute", "above", "below", "value_template"}
_TIME: Final = _BASE | {"after", "before", "weekday"}
_TRIGGER: Final = _BASE | {"id"}


def compile_conditions(configs: Iterable[Mapping[str, Any]], questions: Questions) -> tuple[Condition, ...]:
    """Return conditions; those that are switched off are left out, as Home Assistant passes them over.

    Raises:
        NotPortableError: one of them isn't portable.
    """
    return tuple(compile_condition(config, questions) for config in configs if is_enabled(config))


def compile_condition(config: Mapping[str, Any], questions: Questions) -> Condition:
    """Return a condition.

    Raises:
        NotPortableError: it isn't portable.
    """
    match config["condition"]:
        case "and" | "or" | "not" as junction:
            only(config, _JUNCTION)
            return JunctionCondition(Junction(junction), compile_conditions(config["conditions"], questions))
        case "state":
            return _state(config, questions)
        case "numeric_state":
            only(config, _NUMERIC)
            attribute = config.get("attribute")
            entities = tuple(
                number(questions, entity_id, attribute).path for entity_id in dict.fromkeys(config["entity_id"])
            )
            between = bounds(config)
            return NumericCondition(entities, between, attribute) if entities else _TRUE
        case "time":
            return _time(config)
        case "trigger":
            only(config, _TRIGGER)
            return TriggerCondition(tuple(dict.fromkeys(config["id"]))) if config["id"] else _FALSE
        case "template":
            return refuse("uses a template")
        case other:
            return refuse(f"has a condition of the kind {other}")


def _state(config: Mapping[str, Any], questions: Questions) -> Condition:
    only(config, _STATE)
    attribute = config.get("attribute")
    values = scalars(config["state"])
    for value in values:
        if isinstance(value, str) and INPUT_ENTITY_ID.match(value):
            refuse(f"compares with the state of {value}")
    entities: dict[str, None] = {}
    for entity_id in config["entity_id"]:
        known = source(questions, entity_id, attribute)
        compare_text(known, entity_id, attribute, values)
        entities[known.path] = None
    any_entity, stay = config.get("match") == "any", seconds(config.get("for"))
    if not entities:
        return _FALSE if any_entity else _TRUE
    return StateCondition(tuple(entities), values, attribute, any_entity, stay) if values else _FALSE


def _time(config: Mapping[str, Any]) -> Condition:
    only(config, _TIME)
    after, before = config.get("after"), config.get("before")
    for bound in (after, before):
        if isinstance(bound, str):
            refuse(f"compares with the time of {bound}")
    return TimeCondition(after, before, weekdays(config))
