"""The compiler: from an automation, as Home Assistant reads it, to the rule that nodes can run of it, and why not of the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant

from ..protocol.fields import MAX_TEXT, ContractError
from ..protocol.rule_actions import Set, walk
from ..protocol.rules import Mode, Rule
from .automations import Automation
from .compile_actions import ActionCompiler
from .compile_conditions import compile_conditions
from .compile_triggers import compile_triggers
from .lookup import Questions
from .portable import NotPortableError


@dataclass(frozen=True, slots=True)
class Compiled:
    """What nodes can run of an automation, and what of it is left to the hub; without a `rule`, why all of it is."""

    rule: Rule | None
    left: tuple[str, ...] = ()
    reason: str | None = None


def compile_automation(
    hass: HomeAssistant, automation: Automation, config: Mapping[str, Any], questions: Questions
) -> Compiled:
    """Compile an automation from its validated configuration. What it depends on besides is asked through `questions`."""
    left: dict[str, None] = {}

    def leave(reason: str) -> None:
        left[reason] = None

    try:
        conditions = compile_conditions(config.get("conditions", ()), questions)
        actions = ActionCompiler(hass, questions, leave).compile(config["actions"])
        if not any(isinstance(action, Set) for action in walk(actions)):
            return _refuse("tells Steward's entities nothing that a node can tell them", left)
        left_of_actions = {**left}
        left.clear()
        triggers = compile_triggers(config["triggers"], questions, leave)
        if not triggers:
            return _refuse("has no trigger that a node can watch", left)
        rule = Rule(
            id=automation.entity_id,
            name=_printable(automation.name) or automation.entity_id,
            triggers=triggers,
            conditions=conditions,
            actions=actions,
            mode=Mode(config["mode"]),
            max_runs=config["max"],
        )
        if Rule.read(rule.encode(), "") != rule:
            return _refuse("has a value that would change on its way", {})
    except NotPortableError as reason:
        return Compiled(None, reason=str(reason))
    except ContractError as error:
        return Compiled(None, reason=f"can't be written as a rule ({error})")
    return Compiled(rule, (*left, *left_of_actions))


def _refuse(reason: str, details: Mapping[str, None]) -> Compiled:
    return Compiled(None, reason=": ".join(part for part in (reason, "; ".join(details)) if part))


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:MAX_TEXT]
