"""Splitting: who runs which part of a rule, and what such a part keeps of it."""

from datetime import time

from custom_components.steward.dispatch.split import NodeState, split
from custom_components.steward.protocol.rule_actions import Action, Choose, Delay, Option, Set, Stop
from custom_components.steward.protocol.rule_conditions import StateCondition
from custom_components.steward.protocol.rule_triggers import EventTrigger, TimeTrigger, Trigger
from custom_components.steward.protocol.rules import Mode, Rule

NODES = {
    "attic": NodeState("Attic", rules=True, present=True),
    "kitchen": NodeState("Kitchen", rules=True, present=True),
    "nursery": NodeState("Nursery", rules=True, present=True),
    "porch": NodeState("Porch", rules=False, present=True),
}
KITCHEN = Set("kitchen/switch/a", "ON")
NURSERY = Set("nursery/switch/b", "ON")
PORCH = Set("porch/light/c", {"state": "ON"})
DARK = StateCondition(("porch/binary_sensor/dark",), ("on",))
CRY = EventTrigger("0", ("nursery/event/cry",), ("began",))


def rule(*actions: Action, trigger: Trigger = CRY, mode: Mode = Mode.SINGLE) -> Rule:
    return Rule("automation.a", "A", (trigger,), actions, mode=mode)


def without(*nodes: str) -> dict[str, NodeState]:
    """Return the nodes when some are away."""
    return {name: NodeState(state.name, rules=state.rules, present=name not in nodes) for name, state in NODES.items()}


def test_each_part_takes_the_same_course() -> None:
    whole = rule(
        Stop((DARK,)),
        Choose(
            (Option((DARK,), (KITCHEN, NURSERY)), Option((), (Delay(5), NURSERY))),
            (Choose((Option((), (NURSERY,)),)),),
        ),
        Choose((Option((DARK,), (NURSERY,)),)),
        Delay(1),
        KITCHEN,
        Delay(9),
    )
    parts = split(whole, NODES, {}).parts
    assert parts["kitchen"].actions == (
        Stop((DARK,)),
        # The second option stays: when it is taken, the default isn't.
        Choose((Option((DARK,), (KITCHEN,)), Option((), (Delay(5),)))),
        Delay(1),
        KITCHEN,
        Delay(9),
    )
    assert parts["nursery"].actions == (
        Stop((DARK,)),
        Choose(
            (Option((DARK,), (NURSERY,)), Option((), (Delay(5), NURSERY))),
            (Choose((Option((), (NURSERY,)),)),),
        ),
        Choose((Option((DARK,), (NURSERY,)),)),
        Delay(1),
        Delay(9),
    )


def test_the_whole_on_one_node() -> None:
    whole = rule(KITCHEN, Choose((Option((DARK,), ()),)), mode=Mode.QUEUED)
    assert split(whole, NODES, {}).parts == {"kitchen": whole}


def test_queued_on_several_nodes() -> None:
    reason = "runs are queued, and its targets are of several nodes (Kitchen, Nursery)"
    assert split(rule(KITCHEN, NURSERY, mode=Mode.QUEUED), NODES, {}).reason == reason


def test_who_runs_it_for_a_node_that_cant() -> None:
    morning = TimeTrigger("0", at=time(7))
    assert split(rule(PORCH, KITCHEN), NODES, {}).delegates == {"porch": "nursery"}, "where it begins"
    assert split(rule(PORCH, KITCHEN, trigger=morning), NODES, {}).delegates == {"porch": "kitchen"}, "who takes part"
    assert split(rule(PORCH, trigger=morning), NODES, {}).delegates == {"porch": "attic"}, "the first one"
    assert split(rule(PORCH), without("nursery"), {}).delegates == {"porch": "attic"}, "who is there"
    assert split(rule(PORCH), NODES, {"porch": "attic"}).delegates == {"porch": "attic"}, "who did so far"
    assert split(rule(PORCH), without("attic"), {"porch": "attic"}).delegates == {"porch": "nursery"}
    nobody = without("attic", "kitchen", "nursery")
    assert split(rule(PORCH), nobody, {"porch": "kitchen"}).delegates == {"porch": "kitchen"}
    assert split(rule(PORCH), nobody, {}).delegates == {"porch": "nursery"}
    assert split(rule(PORCH, NURSERY, KITCHEN), NODES, {}).parts.keys() == {"kitchen", "nursery"}


def test_nobody_can() -> None:
    porch = {"porch": NODES["porch"]}
    assert split(rule(PORCH), porch, {}).reason == "Porch can't run rules, and there is no other node that can"
