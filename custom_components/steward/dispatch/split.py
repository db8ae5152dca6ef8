"""From a rule to the parts of it that nodes run: each node tells its own entities, and those of nodes that can't run rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..protocol.rule_actions import Action, Choose, Option, Set, walk
from ..protocol.rule_triggers import TimeTrigger
from ..protocol.rules import Mode, Rule


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node: what people call it, whether it can run rules, and whether it is there.

    `present` stays true for a while after a node has gone, so that its errands don't move to and fro.
    """

    name: str
    rules: bool
    present: bool


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a rule by the nodes that run them, and who runs it for which node that can't; a `reason` if nobody does."""

    parts: Mapping[str, Rule] = field(default_factory=dict)
    delegates: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None


def split(rule: Rule, nodes: Mapping[str, NodeState], before: Mapping[str, str]) -> Split:
    """Split a rule over the nodes of its targets.

    `before` says who ran it until now for nodes that can't; that only changes when a delegate has gone.
    """
    targets: dict[str, set[str]] = {}
    for path in rule.targets():
        targets.setdefault(_node(path), set()).add(path)
    run: dict[str, set[str]] = {}
    delegates: dict[str, str] = {}
    candidates = _candidates(rule, targets, nodes)
    for node, paths in sorted(targets.items()):
        runner = node
        if node not in nodes:  # it was blocked or removed while the rule was compiled, which will be compiled again
            return Split(reason=f"{node} isn't there any more")
        if not nodes[node].rules:
            if not candidates:
                return Split(reason=f"{nodes[node].name} can't run rules, and there is no other node that can")
            runner = delegates[node] = _delegate(candidates, nodes, before.get(node))
        run.setdefault(runner, set()).update(paths)
    if len(run) > 1 and rule.mode is Mode.QUEUED:
        return Split(reason=f"runs are queued, and its targets are of several nodes ({_names(run, nodes)})")
    return Split({node: _part(rule, paths) for node, paths in sorted(run.items())}, delegates)


def _candidates(rule: Rule, targets: Iterable[str], nodes: Mapping[str, NodeState]) -> list[str]:
    """Return the nodes that can run a rule for others, the best first: who sees it begin, who does something of it anyway."""
    origins = (
        _node(path) for trigger in rule.triggers if not isinstance(trigger, TimeTrigger) for path in trigger.entities
    )
    order = dict.fromkeys([*origins, *sorted(targets), *sorted(nodes)])
    return [node for node in order if node in nodes and nodes[node].rules]


def _delegate(candidates: list[str], nodes: Mapping[str, NodeState], before: str | None) -> str:
    present = [node for node in candidates if nodes[node].present]
    if before in (present or candidates):
        return before
    return (present or candidates)[0]


def _part(rule: Rule, paths: set[str]) -> Rule:
    """Return a rule that only tells some entities. It takes the same course, and as long."""
    if rule.targets() <= paths:
        return rule
    return replace(rule, actions=_prune(rule.actions, paths))


def _prune(actions: tuple[Action, ...], paths: set[str]) -> tuple[Action, ...]:
    kept: list[Action] = []
    for action in actions:
        match action:
            case Set():
                if action.entity in paths:
                    kept.append(action)
            case Choose():
                choose = Choose(
                    tuple(Option(option.conditions, _prune(option.actions, paths)) for option in action.options),
                    _prune(action.default, paths),
                )
                if any(not isinstance(inner, Choose) for inner in walk((choose,))):
                    kept.append(choose)
            case _:
                kept.append(action)
    return tuple(kept)


def _node(path: str) -> str:
    return path.partition("/")[0]


def _names(ids: Iterable[str], nodes: Mapping[str, NodeState]) -> str:
    return ", ".join(nodes[node].name for node in sorted(ids))
