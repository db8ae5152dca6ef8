"""Rules that are refused, each with its reason and its place; the deepest and the largest that are not."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, time
import json
from typing import Any, Final

from hypothesis import given
import pytest

from steward_house.protocol import rules
from steward_house.protocol.fields import MAX_DEPTH, ContractError, Json, Reason
from steward_house.protocol.rule_actions import Action, Choose, Delay, Option, Set, Stop
from steward_house.protocol.rule_conditions import (
    Condition,
    Junction,
    JunctionCondition,
    NumericCondition,
    StateCondition,
    TimeCondition,
    TriggerCondition,
)
from steward_house.protocol.rule_fields import MAX_ITEMS, MAX_NESTING, MAX_SECONDS, Bounds, Match
from steward_house.protocol.rule_triggers import EventTrigger, NumericTrigger, StateTrigger, TimeTrigger
from steward_house.protocol.rules import Rule, Rulebook

from . import strategies

DROP: Final = object()
EVENT: Final = {"kind": "event", "id": "0", "entities": ["a/event/b"], "types": ["started"]}
STATE: Final = {"kind": "state", "id": "0", "entities": ["a/switch/b"]}
NUMERIC: Final = {"kind": "numeric", "id": "0", "entities": ["a/sensor/b"], "above": 5}
TIME: Final = {"kind": "time", "id": "0", "at": "07:05"}
IN_STATE: Final = {"kind": "state", "entities": ["a/switch/b"], "values": ["on"]}
WITHIN: Final = {"kind": "numeric", "entities": ["a/sensor/b"], "below": 5}
SET: Final = {"kind": "set", "entity": "a/switch/b", "value": "ON"}
DELAY: Final = {"kind": "delay", "seconds": 1}
CHOOSE: Final = {"kind": "choose", "options": [{}]}


def changed(valid: Mapping[str, object], **members: object) -> dict[str, object]:
    """Return an object with members changed; DROP leaves one out, and `from_` stands for a name that Python reserves."""
    named = {name.rstrip("_"): value for name, value in members.items()}
    return {name: value for name, value in {**valid, **named}.items() if value is not DROP}


def book(*rules: object, **members: object) -> bytes:
    """Return a rulebook with members changed."""
    return json.dumps(changed({"contract": 1, "version": 1, "zone": "UTC", "rules": [*rules]}, **members)).encode()


def rule(**members: object) -> dict[str, object]:
    """Return a rule's object with members changed."""
    return changed({"id": "automation.a", "name": "A", "max": 1, "triggers": [TIME], "actions": [SET]}, **members)


def trigger(valid: Mapping[str, object], **members: object) -> dict[str, object]:
    """Return a rule's object with one trigger, of which members are changed."""
    return rule(triggers=[changed(valid, **members)])


def condition(valid: Mapping[str, object], **members: object) -> dict[str, object]:
    """Return a rule's object with one condition, of which members are changed."""
    return rule(conditions=[changed(valid, **members)])


def action(valid: Mapping[str, object], **members: object) -> dict[str, object]:
    """Return a rule's object with one action, of which members are changed."""
    return rule(actions=[changed(valid, **members)])


def nested(wrap: Callable[[Any], Any], depth: int, inner: object) -> Any:
    """Return something within so many others of its kind."""
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def joined(inner: object) -> dict[str, object]:
    """Return a condition within a junction."""
    return {"kind": "and", "conditions": [inner]}


def chosen(inner: object) -> dict[str, object]:
    """Return an action that is chosen."""
    return {"kind": "choose", "options": [{"actions": [inner]}]}


def refusal(reader: Callable[..., object], *arguments: object) -> tuple[Reason, str]:
    """Return why and where a reader refuses something."""
    with pytest.raises(ContractError) as error:
        reader(*arguments)
    assert len(str(error.value)) < 1000
    return error.value.reason, error.value.where


BOOKS: Final = [
    (book(contract=DROP), Reason.MISSING, "contract"),
    (book(contract=2), Reason.NEWER_CONTRACT, "contract"),
    (book(contract=2, rules="of a shape that is not known yet"), Reason.NEWER_CONTRACT, "contract"),
    (book(contract=0), Reason.BAD_VALUE, "contract"),
    (book(contract="1"), Reason.BAD_VALUE, "contract"),
    (book(version=DROP), Reason.MISSING, "version"),
    (book(version=-1), Reason.BAD_VALUE, "version"),
    (book(version=1.5), Reason.BAD_VALUE, "version"),
    (book(version=True), Reason.BAD_VALUE, "version"),
    (book(zone=DROP), Reason.MISSING, "zone"),
    *[
        (book(zone=zone), Reason.BAD_KEY, "zone")
        for zone in ("", "../Berlin", "Europe/Berlin\n", "Größe", "x" * 65, 5, ["UTC"])
    ],
    (book(rules={}), Reason.BAD_VALUE, "rules"),
    (book(rules="rules"), Reason.BAD_VALUE, "rules"),
    (book(*[None] * (rules.MAX_RULES + 1)), Reason.BAD_VALUE, "rules"),
    (book(None), Reason.BAD_VALUE, "rules[0]"),
    (book(rule(), rule(name="B")), Reason.DUPLICATE_KEY, "rules"),
    (book(rule(name="x" * rules.MAX_RULES_BYTES)), Reason.TOO_LARGE, ""),
]

RULES: Final = [
    (rule(id=DROP), Reason.MISSING, "id"),
    *[
        (rule(id=name), Reason.BAD_KEY, "id")
        for name in ("", "Automation.a", "automation a", "a@b", "a/b", "é", "x" * 97, 5)
    ],
    (rule(name=DROP), Reason.MISSING, "name"),
    (rule(name=""), Reason.BAD_VALUE, "name"),
    (rule(name="a\nb"), Reason.BAD_VALUE, "name"),
    (rule(name="x" * 256), Reason.BAD_VALUE, "name"),
    (rule(mode="fast"), Reason.BAD_VALUE, "mode"),
    (rule(mode=["single"]), Reason.BAD_VALUE, "mode"),
    (rule(max=DROP), Reason.MISSING, "max"),
    (rule(max=0), Reason.BAD_VALUE, "max"),
    (rule(max="10"), Reason.BAD_VALUE, "max"),
    (rule(triggers=DROP), Reason.MISSING, "triggers"),
    (rule(triggers=[]), Reason.MISSING, "triggers"),
    (rule(triggers=TIME), Reason.BAD_VALUE, "triggers"),
    (rule(triggers=[TIME] * (MAX_ITEMS + 1)), Reason.BAD_VALUE, "triggers"),
    (rule(triggers=[TIME, 5]), Reason.BAD_VALUE, "triggers[1]"),
    (rule(actions=DROP), Reason.MISSING, "actions"),
    (rule(actions=[]), Reason.MISSING, "actions"),
    (rule(actions=[SET] * (MAX_ITEMS + 1)), Reason.BAD_VALUE, "actions"),
    (rule(actions=[SET, "toggle"]), Reason.BAD_VALUE, "actions[1]"),
    (rule(conditions={}), Reason.BAD_VALUE, "conditions"),
    (rule(conditions=[IN_STATE] * (MAX_ITEMS + 1)), Reason.BAD_VALUE, "conditions"),
    (
        rule(conditions=[nested(joined, MAX_NESTING + 1, IN_STATE)]),
        Reason.TOO_LARGE,
        "conditions[0]." * (MAX_NESTING + 1) + "kind",
    ),
    (
        rule(actions=[nested(chosen, MAX_NESTING + 1, SET)]),
        Reason.TOO_LARGE,
        "actions[0]." + "options[0].actions[0]." * MAX_NESTING + "kind",
    ),
    (
        rule(actions=[{"kind": "stop", "unless": [nested(joined, MAX_NESTING + 1, IN_STATE)]}]),
        Reason.TOO_LARGE,
        "actions[0].unless[0]." + "conditions[0]." * MAX_NESTING + "kind",
    ),
]

NO_ENTITY: Final = [
    "",
    "a",
    "a/switch",
    "/switch/b",
    "a/switch/",
    "a//b",
    "hub/switch/b",
    "A/switch/b",
    "a/toaster/b",
    "a/switch/B",
    "a/switch/b/state",
    "steward/a/switch/b",
    "switch.b",
    "../switch/b",
    "+/switch/b",
    "a/#",
    "a/switch/b\n",
    "a" * 33 + "/switch/b",
    "a/switch/" + "b" * 65,
    "\U0001f600/switch/b",
    5,
    None,
    ["a", "switch", "b"],
]

TRIGGERS: Final = [
    *[(trigger(TIME, kind=kind), Reason.BAD_VALUE, "kind") for kind in ("sun", "Time", "set", "and", 5, ["time"], "")],
    (trigger(TIME, kind=DROP), Reason.MISSING, "kind"),
    *[(trigger(valid, id=DROP), Reason.MISSING, "id") for valid in (EVENT, STATE, NUMERIC, TIME)],
    *[(trigger(valid, id=5), Reason.BAD_VALUE, "id") for valid in (EVENT, STATE, NUMERIC, TIME)],
    *[(trigger(valid, entities=DROP), Reason.MISSING, "entities") for valid in (EVENT, STATE, NUMERIC)],
    *[(trigger(valid, entities=[]), Reason.MISSING, "entities") for valid in (EVENT, STATE, NUMERIC)],
    *[(trigger(valid, entities="a/switch/b"), Reason.BAD_VALUE, "entities") for valid in (EVENT, STATE, NUMERIC)],
    *[(trigger(STATE, entities=["a/switch/b", path]), Reason.BAD_KEY, "entities[1]") for path in NO_ENTITY],
    (trigger(STATE, entities=["a/switch/b"] * (MAX_ITEMS + 1)), Reason.BAD_VALUE, "entities"),
    (trigger(EVENT, types=DROP), Reason.MISSING, "types"),
    (trigger(EVENT, types=[]), Reason.MISSING, "types"),
    (trigger(EVENT, types=["a", "a"]), Reason.DUPLICATE_KEY, "types"),
    (trigger(EVENT, types=["a", 5]), Reason.BAD_VALUE, "types[1]"),
    *[(trigger(valid, attribute=""), Reason.BAD_VALUE, "attribute") for valid in (STATE, NUMERIC)],
    *[(trigger(valid, attribute=5), Reason.BAD_VALUE, "attribute") for valid in (STATE, NUMERIC)],
    (trigger(STATE, to="on"), Reason.BAD_VALUE, "to"),
    (trigger(STATE, from_=["on"]), Reason.BAD_VALUE, "from"),
    (trigger(STATE, to={"is": "on"}), Reason.BAD_VALUE, "to.is"),
    (trigger(STATE, from_={"not": "on"}), Reason.BAD_VALUE, "from.not"),
    (trigger(STATE, to={"is": ["on", ["off"]]}), Reason.BAD_VALUE, "to.is[1]"),
    (trigger(STATE, to={"is": [{}]}), Reason.BAD_VALUE, "to.is[0]"),
    (trigger(STATE, to={"is": [None] * (MAX_ITEMS + 1)}), Reason.BAD_VALUE, "to.is"),
    *[
        (trigger(valid, for_=seconds), Reason.BAD_VALUE, "for")
        for valid in (STATE, NUMERIC)
        for seconds in (-1, -0.5, MAX_SECONDS + 1, True, "00:00:05", {"seconds": 5})
    ],
    (trigger(NUMERIC, above=DROP), Reason.MISSING, "above"),
    (trigger(NUMERIC, above=None, below=None), Reason.MISSING, "above"),
    (trigger(NUMERIC, above="5"), Reason.BAD_VALUE, "above"),
    (trigger(NUMERIC, above=True), Reason.BAD_VALUE, "above"),
    (trigger(NUMERIC, below="sensor.b"), Reason.BAD_VALUE, "below"),
    (trigger(TIME, at=DROP), Reason.MISSING, "at"),
    *[
        (trigger(TIME, at=at), Reason.BAD_VALUE, "at")
        for at in (
            "",
            "soon",
            "25:00",
            "07:60",
            "07:05:00.12345678",
            "07:05Z",
            "07:05+02:00",
            "2026-10-12T07:05",
            "input_datetime.b",
            7,
            {"hours": 7},
        )
    ],
    *[(trigger(TIME, weekdays=[1, day]), Reason.BAD_VALUE, "weekdays[1]") for day in (7, -1, "mon", 1.5, True)],
    (trigger(TIME, weekdays=[None]), Reason.MISSING, "weekdays[0]"),
    (trigger(TIME, weekdays=[1, 1]), Reason.DUPLICATE_KEY, "weekdays"),
    (trigger(TIME, weekdays=[0, 1, 2, 3, 4, 5, 6, 0]), Reason.BAD_VALUE, "weekdays"),
    (trigger(TIME, weekdays="mon"), Reason.BAD_VALUE, "weekdays"),
]

CONDITIONS: Final = [
    *[(condition(IN_STATE, kind=kind), Reason.BAD_VALUE, "kind") for kind in ("template", "xor", "AND", "event", 5)],
    (condition(IN_STATE, kind=DROP), Reason.MISSING, "kind"),
    *[(condition(valid, entities=[]), Reason.MISSING, "entities") for valid in (IN_STATE, WITHIN)],
    *[(condition(valid, entities=["a"]), Reason.BAD_KEY, "entities[0]") for valid in (IN_STATE, WITHIN)],
    (condition(IN_STATE, values=DROP), Reason.MISSING, "values"),
    (condition(IN_STATE, values=[]), Reason.MISSING, "values"),
    (condition(IN_STATE, values="on"), Reason.BAD_VALUE, "values"),
    (condition(IN_STATE, values=["on", ["off"]]), Reason.BAD_VALUE, "values[1]"),
    (condition(IN_STATE, attribute=""), Reason.BAD_VALUE, "attribute"),
    (condition(IN_STATE, any="any"), Reason.BAD_VALUE, "any"),
    (condition(IN_STATE, for_=-1), Reason.BAD_VALUE, "for"),
    (condition(IN_STATE, for_="00:01:00"), Reason.BAD_VALUE, "for"),
    (condition(WITHIN, below=DROP), Reason.MISSING, "above"),
    (condition(WITHIN, below=[5]), Reason.BAD_VALUE, "below"),
    (condition(WITHIN, attribute=7), Reason.BAD_VALUE, "attribute"),
    (condition({"kind": "time", "after": "24:60"}), Reason.BAD_VALUE, "after"),
    (condition({"kind": "time", "before": "07:05Z"}), Reason.BAD_VALUE, "before"),
    (condition({"kind": "time", "before": 7}), Reason.BAD_VALUE, "before"),
    (condition({"kind": "time", "weekdays": [7]}), Reason.BAD_VALUE, "weekdays[0]"),
    (condition({"kind": "trigger"}), Reason.MISSING, "ids"),
    (condition({"kind": "trigger", "ids": []}), Reason.MISSING, "ids"),
    (condition({"kind": "trigger", "ids": [0]}), Reason.BAD_VALUE, "ids[0]"),
    (condition({"kind": "trigger", "ids": ["a", "a"]}), Reason.DUPLICATE_KEY, "ids"),
    (condition({"kind": "or", "conditions": {}}), Reason.BAD_VALUE, "conditions"),
    (condition({"kind": "not", "conditions": [IN_STATE, {"kind": "sun"}]}), Reason.BAD_VALUE, "conditions[1].kind"),
]

ACTIONS: Final = [
    *[(action(SET, kind=kind), Reason.BAD_VALUE, "kind") for kind in ("toggle", "press", "time", "Set", 5)],
    (action(SET, kind=DROP), Reason.MISSING, "kind"),
    *[(action(SET, entity=path), Reason.BAD_KEY, "entity") for path in NO_ENTITY if path is not None],
    (action(SET, entity=DROP), Reason.MISSING, "entity"),
    (action(SET, value=DROP), Reason.MISSING, "value"),
    (action(SET, value=None), Reason.MISSING, "value"),
    # It would be told in journals too, which would be too large then.
    (action(SET, value={"state": "ON", "more": "x" * 4096}), Reason.TOO_LARGE, "value"),
    *[
        (action(DELAY, seconds=seconds), Reason.BAD_VALUE, "seconds")
        for seconds in (-1, MAX_SECONDS + 1, "00:00:05", False)
    ],
    (action({"kind": "stop", "unless": "never"}), Reason.BAD_VALUE, "unless"),
    (action({"kind": "stop", "unless": [{"kind": "sun"}]}), Reason.BAD_VALUE, "unless[0].kind"),
    (action(CHOOSE, options=DROP), Reason.MISSING, "options"),
    (action(CHOOSE, options=[]), Reason.MISSING, "options"),
    (action(CHOOSE, options=[{}, 5]), Reason.BAD_VALUE, "options[1]"),
    (action(CHOOSE, options=[{"conditions": [5]}]), Reason.BAD_VALUE, "options[0].conditions[0]"),
    (action(CHOOSE, options=[{"actions": [5]}]), Reason.BAD_VALUE, "options[0].actions[0]"),
    (action(CHOOSE, default=[{"kind": "toggle"}]), Reason.BAD_VALUE, "default[0].kind"),
]


CASES: Final = [
    *BOOKS,
    *[
        (book(rule(id="automation.z"), broken), why, f"rules[1].{place}{where}")
        for place, cases in (
            ("", RULES),
            ("triggers[0].", TRIGGERS),
            ("conditions[0].", CONDITIONS),
            ("actions[0].", ACTIONS),
        )
        for broken, why, where in cases
    ],
]


@pytest.mark.parametrize(("payload", "why", "where"), CASES, ids=lambda value: ascii(value)[-60:])
def test_refused(payload: bytes, why: Reason, where: str) -> None:
    assert refusal(Rulebook.decode, payload) == (why, where)


def with_rule(**members: Any) -> Rulebook:
    """Return a rulebook of one rule with members changed."""
    rule = Rule("automation.a", "A", (TimeTrigger("0", time(7, 5)),), (Set("a/switch/b", "ON"),))
    return Rulebook(1, "UTC", (replace(rule, **members),))


PATHS: Final = ("a/switch/b",)
TO_WRITE: Final = [
    (Rulebook(-1, "UTC"), Reason.BAD_VALUE, "version"),
    (Rulebook(2**53 + 1, "UTC"), Reason.BAD_VALUE, ""),
    (Rulebook(1, ""), Reason.BAD_KEY, "zone"),
    (with_rule(id="A"), Reason.BAD_KEY, "rules[0].id"),
    (with_rule(name=""), Reason.BAD_VALUE, "rules[0].name"),
    (with_rule(name="\ud800"), Reason.BAD_VALUE, ""),
    (with_rule(name="x" * rules.MAX_RULES_BYTES), Reason.TOO_LARGE, ""),
    (with_rule(max_runs=0), Reason.BAD_VALUE, "rules[0].max"),
    (with_rule(triggers=()), Reason.MISSING, "rules[0].triggers"),
    (with_rule(actions=()), Reason.MISSING, "rules[0].actions"),
    (with_rule(triggers=(EventTrigger("0", (), ("x",)),)), Reason.MISSING, "rules[0].triggers[0].entities"),
    (with_rule(triggers=(EventTrigger("0", PATHS, ()),)), Reason.MISSING, "rules[0].triggers[0].types"),
    (with_rule(triggers=(EventTrigger("", PATHS, ("x",)),)), Reason.BAD_VALUE, "rules[0].triggers[0].id"),
    (with_rule(triggers=(StateTrigger("0", PATHS, ""),)), Reason.BAD_VALUE, "rules[0].triggers[0].attribute"),
    (
        with_rule(triggers=(StateTrigger("0", PATHS, target=Match(([],))),)),
        Reason.BAD_VALUE,
        "rules[0].triggers[0].to.is[0]",
    ),
    (with_rule(triggers=(StateTrigger("0", PATHS, seconds=-1),)), Reason.BAD_VALUE, "rules[0].triggers[0].for"),
    (with_rule(triggers=(NumericTrigger("0", PATHS, Bounds()),)), Reason.MISSING, "rules[0].triggers[0].above"),
    (with_rule(triggers=(NumericTrigger("0", PATHS, Bounds(float("nan"))),)), Reason.BAD_VALUE, ""),
    (with_rule(triggers=(NumericTrigger("0", PATHS, Bounds(above=float("inf"))),)), Reason.BAD_VALUE, ""),
    (with_rule(triggers=(TimeTrigger("0", time(7, 5, tzinfo=UTC)),)), Reason.BAD_VALUE, "rules[0].triggers[0].at"),
    (with_rule(triggers=(TimeTrigger("0", time(7, 5), (7,)),)), Reason.BAD_VALUE, "rules[0].triggers[0].weekdays[0]"),
    (with_rule(conditions=(StateCondition(PATHS, ()),)), Reason.MISSING, "rules[0].conditions[0].values"),
    (with_rule(conditions=(NumericCondition(PATHS, Bounds()),)), Reason.MISSING, "rules[0].conditions[0].above"),
    (with_rule(conditions=(TimeCondition(time(7, tzinfo=UTC)),)), Reason.BAD_VALUE, "rules[0].conditions[0].after"),
    (with_rule(conditions=(TriggerCondition(()),)), Reason.MISSING, "rules[0].conditions[0].ids"),
    (with_rule(actions=(Set("switch.b", "ON"),)), Reason.BAD_KEY, "rules[0].actions[0].entity"),
    (with_rule(actions=(Set("a/switch/b", None),)), Reason.MISSING, "rules[0].actions[0].value"),
    (with_rule(actions=(Set("a/switch/b", float("nan")),)), Reason.BAD_VALUE, ""),
    (with_rule(actions=(Delay(MAX_SECONDS + 1),)), Reason.BAD_VALUE, "rules[0].actions[0].seconds"),
    (with_rule(actions=(Choose(()),)), Reason.MISSING, "rules[0].actions[0].options"),
    (with_rule(actions=(Stop((TriggerCondition(()),)),)), Reason.MISSING, "rules[0].actions[0].unless[0].ids"),
]


@pytest.mark.parametrize(("rulebook", "why", "where"), TO_WRITE, ids=lambda value: ascii(value)[-60:])
def test_not_written(rulebook: Rulebook, why: Reason, where: str) -> None:
    assert refusal(rulebook.encode) == (why, where)


def test_two_rules_of_one_id() -> None:
    rule = with_rule().rules[0]
    assert refusal(Rulebook, 1, "UTC", (rule, rule)) == (Reason.DUPLICATE_KEY, "rules")


def depth(value: Json) -> int:
    """Return how deep lists and objects nest."""
    match value:
        case list():
            return 1 + max((depth(item) for item in value), default=0)
        case dict():
            return 1 + max((depth(item) for item in value.values()), default=0)
        case _:
            return 0


def deepest(joins: int, choices: int) -> Rulebook:
    """Return a rulebook with conditions within so many junctions, within so many choices."""
    condition: Condition = StateCondition(PATHS, ("on",))
    for _ in range(joins):
        condition = JunctionCondition(Junction.NOT, (condition,))
    stop: Action = Stop((condition,))
    for _ in range(choices):
        stop = Choose((Option((condition,), (stop,)),), (stop,))
    return with_rule(conditions=(condition,), actions=(stop,))


def test_the_deepest_rules_cross_the_wire() -> None:
    rulebook = deepest(MAX_NESTING, MAX_NESTING)
    payload = rulebook.encode()
    assert depth(json.loads(payload)) <= MAX_DEPTH
    assert Rulebook.decode(payload) == rulebook
    assert refusal(deepest(MAX_NESTING + 1, 0).encode)[0] is Reason.TOO_LARGE
    assert refusal(deepest(0, MAX_NESTING + 1).encode)[0] is Reason.TOO_LARGE


def test_the_most_rules_cross_the_wire() -> None:
    rule = with_rule().rules[0]
    many = tuple(replace(rule, id=f"automation.{number}") for number in range(rules.MAX_RULES + 1))
    assert Rulebook.decode(Rulebook(1, "UTC", many[:-1]).encode()).rules == many[:-1]
    assert refusal(Rulebook(1, "UTC", many).encode) == (Reason.BAD_VALUE, "rules")


def test_rules_say_what_they_watch_and_what_they_tell() -> None:
    rule = Rule(
        "automation.a",
        "A",
        (
            EventTrigger("0", ("a/event/one",), ("x",)),
            StateTrigger("1", ("a/switch/two", "b/switch/three")),
            NumericTrigger("2", ("a/sensor/four",), Bounds(5)),
            TimeTrigger("3", time(7)),
        ),
        (
            Set("c/switch/one", "ON"),
            Choose(
                (Option((StateCondition(("a/switch/five",), ("on",)),), (Set("c/switch/two", "ON"),)),),
                (Choose((Option((), (Delay(1), Set("d/light/three", {"state": "ON"}))),)),),
            ),
            Stop((JunctionCondition(Junction.OR, (NumericCondition(("a/sensor/six",), Bounds(5)),)),)),
        ),
        (
            JunctionCondition(Junction.NOT, (StateCondition(("a/switch/seven",), ("on",)), TriggerCondition(("0",)))),
            TimeCondition(time(7)),
        ),
    )
    assert rule.sources() == {
        "a/event/one",
        "a/switch/two",
        "b/switch/three",
        "a/sensor/four",
        "a/switch/five",
        "a/sensor/six",
        "a/switch/seven",
    }
    assert rule.targets() == {"c/switch/one", "c/switch/two", "d/light/three"}


@given(strategies.rulebooks)
def test_every_entity_of_a_rule_stands_in_its_document(rulebook: Rulebook) -> None:
    def paths(value: Json) -> set[str]:
        match value:
            case {"entities": [*entities]}:
                return {*map(str, entities)}
            case list() | dict():
                items = value if isinstance(value, list) else value.values()
                return set().union(*map(paths, items))
            case _:
                return set()

    for rule in rulebook.rules:
        assert rule.sources() == paths(rule.encode())


def test_what_matches() -> None:
    assert Match(("on", None))("on")
    assert Match(("on", None))(None)
    assert not Match(("on",))("off")
    assert Match(("on",), inverted=True)("off")
    assert not Match(("on",), inverted=True)("on")
    assert not Match(())("on")
    assert Match((), inverted=True)("on")
    assert Bounds(above=5)(5.1)
    assert not Bounds(above=5)(5)
    assert not Bounds(below=5)(5)
    assert Bounds(4, 6)(5)
    assert not Bounds(6, 4)(5)
