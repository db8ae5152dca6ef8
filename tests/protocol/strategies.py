"""What can cross the wire, and what can't, as hypothesis strategies."""

from datetime import UTC
import json
import math
from typing import Any

from hypothesis import strategies as st

from steward_house.protocol import fields, hub, node, rule_actions, rule_conditions, rule_fields, rule_triggers, rules
from steward_house.protocol.entity import (
    ICON,
    KEY,
    PRESS,
    WORD,
    BinarySensorInfo,
    ButtonInfo,
    Category,
    EntityInfo,
    EventInfo,
    LightInfo,
    LightState,
    NumberInfo,
    NumberMode,
    Platform,
    SensorInfo,
    State,
    SwitchInfo,
)
from steward_house.protocol.ulid import PATTERN as ULID

keys = st.from_regex(KEY, fullmatch=True)
words = st.from_regex(WORD, fullmatch=True)
ulids = st.from_regex(ULID, fullmatch=True)
causes = st.from_regex(node.CAUSE, fullmatch=True)
nodes = st.from_regex(node.NODE, fullmatch=True)
topics = st.from_regex(hub.TOPIC, fullmatch=True)
moments = st.datetimes(timezones=st.just(UTC))
characters = st.characters(exclude_categories=["Cs"])
printable = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
texts = st.text(printable, min_size=1, max_size=fields.MAX_TEXT)
short_texts = st.text(printable, min_size=1, max_size=32)
integers = st.integers(-fields.MAX_INTEGER, fields.MAX_INTEGER)
floats = st.floats(allow_nan=False, allow_infinity=False)
numbers = integers | floats
bytes_of_light = st.integers(0, 255)

scalars = st.none() | st.booleans() | numbers | st.text(characters, max_size=40)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(characters, max_size=10), inner, max_size=4),
    max_leaves=12,
)
"""Any JSON that the contract takes."""


def _attributes(*taken: str) -> st.SearchStrategy[dict[str, Any]]:
    names = st.text(characters, max_size=16).filter(lambda name: name not in taken)
    return st.dictionaries(names, values, max_size=4)


_common: dict[str, st.SearchStrategy[Any]] = {
    "key": keys,
    "name": texts,
    "translation_key": st.none() | words,
    "placeholders": st.dictionaries(words, texts, max_size=3),
    "device_class": st.none() | st.just("timestamp") | words,
    "category": st.none() | st.sampled_from(Category),
    "icon": st.none() | st.from_regex(ICON, fullmatch=True),
    "enabled": st.booleans(),
    "module": st.none() | keys,
}
_units = st.none() | short_texts

sensors = st.builds(
    SensorInfo,
    **_common,
    unit=_units,
    state_class=st.none() | words,
    precision=st.none() | st.integers(0, 16),
    options=st.lists(short_texts, max_size=4, unique=True).map(tuple),
)
binary_sensors = st.builds(BinarySensorInfo, **_common)
switches = st.builds(SwitchInfo, **_common)
lights = st.builds(LightInfo, **_common, brightness=st.booleans(), color=st.booleans())
buttons = st.builds(ButtonInfo, **_common)
events = st.builds(
    EventInfo, **_common, event_types=st.lists(short_texts, min_size=1, max_size=4, unique=True).map(tuple)
)


@st.composite
def _numbers(draw: st.DrawFn) -> NumberInfo:
    low, high = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True)))
    return NumberInfo(
        **{name: draw(strategy) for name, strategy in _common.items()},
        minimum=low,
        maximum=high,
        step=draw(st.floats(1e-6, 1e6)),
        mode=draw(st.sampled_from(NumberMode)),
        unit=draw(_units),
    )


number_entities = _numbers()
entities = st.one_of(sensors, binary_sensors, switches, lights, buttons, events, number_entities)

light_states = st.builds(
    LightState,
    st.booleans(),
    st.none() | bytes_of_light,
    st.none() | st.tuples(bytes_of_light, bytes_of_light, bytes_of_light),
)
any_state: st.SearchStrategy[State] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**5000),
    st.floats(),
    st.text(),
    st.just("x" * 300),
    st.sampled_from(["ON", "OFF", PRESS, "None", "nan", ""]),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    light_states,
    st.builds(LightState, st.booleans(), st.integers(), st.none() | st.tuples(st.integers(), st.integers())),
)
"""Anything of the type State; most entities can't have most of it."""


def states(entity: EntityInfo) -> st.SearchStrategy[State]:
    """Return the states that an entity can have on its own topic."""
    match entity:
        case SensorInfo(device_class="timestamp"):
            known: st.SearchStrategy[State] = moments
        case SensorInfo(numeric=True):
            known = numbers
        case SensorInfo():
            known = st.sampled_from(entity.options) if entity.options else texts
            known = known.filter(lambda text: text.lower() not in {"none", "nan", ""})
        case NumberInfo():
            known = numbers
        case LightInfo():
            known = st.builds(
                LightState,
                st.booleans(),
                st.none() | bytes_of_light if entity.brightness else st.none(),
                st.none() | st.tuples(bytes_of_light, bytes_of_light, bytes_of_light) if entity.color else st.none(),
            )
        case BinarySensorInfo() | SwitchInfo():
            known = st.booleans()
        case ButtonInfo():
            return st.just(PRESS)
        case _:
            return st.nothing()
    return st.none() | known


def targets(entity: EntityInfo) -> st.SearchStrategy[State]:
    """Return what an entity can be told to be."""
    if not entity.commandable:
        return st.nothing()
    if isinstance(entity, NumberInfo):
        low, high = entity.minimum, entity.maximum
        within = st.sampled_from([low, high])
        return within | st.floats(float(low), float(high)).filter(lambda target: low <= target <= high)
    return states(entity).filter(lambda state: state is not None)


stateful = st.one_of(sensors, binary_sensors, switches, lights, buttons, number_entities)
commandable = st.one_of(switches, lights, buttons, number_entities)
entities_and_states = stateful.flatmap(lambda entity: st.tuples(st.just(entity), states(entity)))


@st.composite
def entities_and_commands(draw: st.DrawFn) -> tuple[EntityInfo, node.Command]:
    """Draw an entity and a command that it takes, plain or with a time."""
    entity = draw(commandable)
    if draw(st.booleans()):
        return entity, node.Command(draw(targets(entity)))
    return entity, node.Command(draw(targets(entity)), draw(moments), draw(st.none() | causes))


@st.composite
def entities_and_events(draw: st.DrawFn) -> tuple[EventInfo, node.Event]:
    """Draw an event entity and an event of it."""
    entity = draw(events)
    attributes = draw(_attributes("event_type", "id", "at"))
    return entity, node.Event(draw(st.sampled_from(entity.event_types)), draw(ulids), draw(moments), attributes)


infos = st.builds(
    node.NodeInfo,
    instance=ulids,
    name=texts,
    house=st.none() | texts,
    area=st.none() | texts,
    manufacturer=st.none() | texts,
    model=st.none() | texts,
    versions=st.dictionaries(keys, texts, max_size=3),
    capabilities=st.lists(st.sampled_from(node.Capability) | short_texts, max_size=4, unique=True).map(tuple),
    modules=st.dictionaries(keys, st.builds(node.ModuleInfo, problem=st.none() | texts), max_size=3),
    entities=st.lists(entities, max_size=5, unique_by=lambda entity: entity.id).map(tuple),
)
names_of_automations = st.lists(texts, max_size=4, unique=True).map(tuple)
acks = st.builds(hub.Ack, causes, names_of_automations, names_of_automations)
documents = st.builds(hub.Document, st.integers(0, 2**53), st.lists(values, max_size=4).map(tuple))
journals = st.builds(
    hub.Journal,
    ulids,
    st.lists(
        st.builds(
            hub.JournalEntry,
            moments,
            st.text(printable, min_size=1, max_size=64),
            _attributes("at", "kind"),
        ),
        max_size=4,
    ).map(tuple),
    st.integers(0, 2**53),
)
hub_statuses = st.builds(hub.HubStatus, texts, ulids, st.none() | topics, st.none() | texts, st.booleans())
heartbeats = st.builds(hub.Heartbeat, ulids, moments)

# --- rules -----------------------------------------------------------------------------------------------------------

paths = st.builds(rules.entity_path, nodes, st.sampled_from(Platform), keys)
some_paths = st.lists(paths, min_size=1, max_size=3).map(tuple)
_one_value = st.none() | st.booleans() | numbers | st.text(characters, max_size=10)
_some_texts = st.lists(short_texts, min_size=1, max_size=3, unique=True).map(tuple)
matches = st.builds(rule_fields.Match, st.lists(_one_value, max_size=3).map(tuple), st.booleans())
bounds = st.builds(rule_fields.Bounds, st.none() | numbers, st.none() | numbers).filter(
    lambda bounds: bounds.above is not None or bounds.below is not None
)
seconds = st.sampled_from([0, 0.0, 1, rule_fields.MAX_SECONDS]) | st.floats(0, rule_fields.MAX_SECONDS)
weekdays = st.lists(st.integers(0, 6), max_size=7, unique=True).map(tuple)
triggers = st.one_of(
    st.builds(rule_triggers.EventTrigger, short_texts, some_paths, _some_texts),
    st.builds(
        rule_triggers.StateTrigger,
        short_texts,
        some_paths,
        st.none() | short_texts,
        st.none() | matches,
        st.none() | matches,
        seconds,
    ),
    st.builds(rule_triggers.NumericTrigger, short_texts, some_paths, bounds, st.none() | short_texts, seconds),
    st.builds(rule_triggers.TimeTrigger, short_texts, st.times(), weekdays),
)
_single_conditions = st.one_of(
    st.builds(
        rule_conditions.StateCondition,
        some_paths,
        st.lists(_one_value, min_size=1, max_size=3).map(tuple),
        st.none() | short_texts,
        st.booleans(),
        seconds,
    ),
    st.builds(rule_conditions.NumericCondition, some_paths, bounds, st.none() | short_texts),
    st.builds(rule_conditions.TimeCondition, st.none() | st.times(), st.none() | st.times(), weekdays),
    st.builds(rule_conditions.TriggerCondition, _some_texts),
)


@st.composite
def _nested_conditions(draw: st.DrawFn, levels: int) -> rule_conditions.Condition:
    """Draw a condition that nests at most so deep."""
    if not levels or draw(st.booleans()):
        return draw(_single_conditions)
    inner = draw(st.lists(_nested_conditions(levels - 1), max_size=2))
    return rule_conditions.JunctionCondition(draw(st.sampled_from(rule_conditions.Junction)), tuple(inner))


conditions = _nested_conditions(rule_fields.MAX_NESTING)
_some_conditions = st.lists(conditions, max_size=2).map(tuple)
_told: st.SearchStrategy[Any] = (
    st.booleans() | numbers | short_texts | st.dictionaries(short_texts, scalars, max_size=2)
)
_single_actions = st.one_of(
    st.builds(rule_actions.Set, paths, _told),
    st.builds(rule_actions.Delay, seconds),
    st.builds(rule_actions.Stop, _some_conditions),
)


@st.composite
def _nested_actions(draw: st.DrawFn, levels: int) -> rule_actions.Action:
    """Draw an action that nests at most so deep."""
    if not levels or draw(st.booleans()):
        return draw(_single_actions)
    inner = st.lists(_nested_actions(levels - 1), max_size=2).map(tuple)
    options = draw(st.lists(st.builds(rule_actions.Option, _some_conditions, inner), min_size=1, max_size=2))
    return rule_actions.Choose(tuple(options), draw(inner))


actions = _nested_actions(rule_fields.MAX_NESTING)
rule_ids = st.from_regex(rules.RULE, fullmatch=True)
some_rules = st.builds(
    rules.Rule,
    id=rule_ids,
    name=texts,
    triggers=st.lists(triggers, min_size=1, max_size=3).map(tuple),
    actions=st.lists(actions, min_size=1, max_size=3).map(tuple),
    conditions=_some_conditions,
    mode=st.sampled_from(rules.Mode),
    max_runs=st.integers(1, 2**31),
)
rulebooks = st.builds(
    rules.Rulebook,
    version=st.integers(0, 2**53),
    zone=st.from_regex(rules.ZONE, fullmatch=True),
    rules=st.lists(some_rules, max_size=3, unique_by=lambda rule: rule.id).map(tuple),
)

# --- what arrives instead --------------------------------------------------------------------------------------------

bad_json = st.sampled_from(
    [
        b"",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 30,
        b"9" * 5000,
        b'"\\ud800"',
        b'{"a":1,"a":1}',
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b"[" * (fields.MAX_DEPTH + 1) + b"]" * (fields.MAX_DEPTH + 1),
        b'{"\\udfff":1}',
    ],
)
nasty = st.one_of(
    st.sampled_from(
        [
            math.nan,
            math.inf,
            10**400,
            "\ud800",
            "../",
            "+",
            "#",
            "a/b",
            "\0",
            "hub",
            "",
            "x" * 5000,
            [],
            {},
            None,
            True,
            -1,
            0.5,
        ]
    ),
    values,
)


def _place(draw: st.DrawFn, value: Any) -> Any:
    """Return a copy of a JSON value with one part of it, at any depth, replaced by something nasty, dropped, or doubled."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        name = draw(st.sampled_from(sorted(value)))
        match draw(st.integers(0, 9)):
            case 0:
                return {member: item for member, item in value.items() if member != name}
            case 1:
                return {**value, str(draw(nasty)): value[name]}
            case _:
                return {**value, name: _place(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        index = draw(st.integers(0, len(value) - 1))
        if draw(st.integers(0, 5)) == 0:
            return [*value, value[index]]
        return [*value[:index], _place(draw, value[index]), *value[index + 1 :]]
    return draw(nasty)


@st.composite
def mutated(draw: st.DrawFn, payloads: st.SearchStrategy[bytes]) -> bytes:
    """Draw a valid message and spoil it: in its JSON, or in its bytes."""
    payload = draw(payloads)
    if draw(st.booleans()):
        try:
            value = json.loads(payload)
        except ValueError:
            value = payload.decode()
        try:
            return json.dumps(_place(draw, value)).encode()
        except ValueError:  # Python does not write out very long integers
            return b"9" * 5000
    at = draw(st.integers(0, len(payload)))
    return payload[:at] + draw(st.binary(max_size=4)) + payload[at + draw(st.integers(0, 4)) :]


def payloads(valid: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return what may arrive where a valid message is expected."""
    return st.one_of(
        valid, mutated(valid), bad_json, st.binary(max_size=200), values.map(lambda value: json.dumps(value).encode())
    )
