"""What rules bring about may start rules again, without end."""

import asyncio

from steward_house.protocol.rule_actions import Set
from steward_house.protocol.rule_fields import Match
from steward_house.protocol.rule_triggers import StateTrigger
from steward_house.protocol.rules import Rule, Rulebook
from steward_house.protocol.seen import Seen
from steward_house.protocol.shadow import Act
from steward_house.zero.clock import Clock
from steward_house.zero.rules import Rules

LAMP = "kitchen/switch/lamp"
TIMES = 5000


def turned(state: str, target: str) -> Rule:
    trigger = StateTrigger("0", (LAMP,), target=Match((state,)))
    return Rule(f"automation.{state}", state, (trigger,), (Set(LAMP, target),))


async def test_two_rules_that_turn_each_others_work_round() -> None:
    done: list[str] = []
    ended = asyncio.Event()

    def act(what: Act) -> None:
        done.append(str(what.value))
        if len(done) < TIMES:
            rules.see(LAMP, Seen("on" if what.value == "ON" else "off"))
        else:
            ended.set()

    rules = Rules(Clock(), act)
    rules.load(Rulebook(1, "UTC", (turned("on", "OFF"), turned("off", "ON"))).encode())
    rules.see(LAMP, Seen("off"))
    rules.see(LAMP, Seen("on"))
    assert len(done) < TIMES, "others have their turn"
    async with asyncio.timeout(30):
        await ended.wait()
    assert done == ["OFF", "ON"] * (TIMES // 2)
