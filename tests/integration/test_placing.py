"""Placing: which automations a node runs, also after it was interrupted."""

import asyncio
from dataclasses import replace
from types import MappingProxyType
from unittest.mock import Mock

import pytest

from custom_components.steward.dispatch.automations import Automation
from custom_components.steward.dispatch.compile import Compiled
from custom_components.steward.dispatch.lookup import Questions
from custom_components.steward.dispatch.placing import Placing, Record
from custom_components.steward.dispatch.split import NodeState
from custom_components.steward.protocol.rule_actions import Set
from custom_components.steward.protocol.rule_triggers import EventTrigger
from custom_components.steward.protocol.rules import Rule

NURSERY = NodeState("Nursery", rules=True, present=True)
NODES = {
    "attic": NodeState("Attic", rules=True, present=True),
    "nursery": NURSERY,
    "porch": NodeState("Porch", rules=False, present=True),
}


def record(name: str) -> Record:
    """Return an automation that the nursery begins, and whose target is at a node that can't run rules."""
    rule = Rule(
        name, name, (EventTrigger("0", ("nursery/event/cry",), ("began",)),), (Set("porch/light/c", {"state": "ON"}),)
    )
    automation = Automation(name, None, name, MappingProxyType({}), enabled=True, opted_in=True)
    return Record(automation, {}, Mock(Questions), Compiled(rule), {"nursery", "porch"})


async def go_on() -> None:
    """Have nothing else to do meanwhile."""


async def interrupt() -> None:
    raise asyncio.CancelledError


def runs(placing: Placing, node: str) -> list[str]:
    return [record.automation.entity_id for record in placing.on(node)]


async def test_interrupted() -> None:
    """What was split over other nodes before isn't taken for placed."""
    placing, records = Placing(), [record("automation.a"), record("automation.b")]
    await placing.async_place(records, NODES, go_on)
    assert runs(placing, "nursery") == ["automation.a", "automation.b"]
    without = NODES | {"nursery": replace(NURSERY, present=False)}
    with pytest.raises(asyncio.CancelledError):
        await placing.async_place(records, without, interrupt)
    await placing.async_place(records, without, go_on)
    assert (runs(placing, "attic"), runs(placing, "nursery")) == (["automation.a", "automation.b"], [])


async def test_switched_off() -> None:
    """It takes no room, and isn't counted as running only on the hub."""
    placing, off = Placing(), record("automation.a")
    off.automation = replace(off.automation, enabled=False)
    await placing.async_place([off], NODES, go_on)
    assert (runs(placing, "nursery"), off.parts.keys(), placing.only_on_hub.total()) == ([], {"nursery"}, 0)
