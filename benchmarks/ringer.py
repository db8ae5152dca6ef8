"""The module `ringer` of the dispatcher's benchmark: rings a bell, and takes the time until a rule has told its lamp to be on."""

import asyncio
import json
from pathlib import Path
import random
from time import perf_counter
from typing import Any, ClassVar, Final, TypedDict, cast

from steward_house.protocol.entity import EventInfo, SwitchInfo
from steward_house.zero.module import Context, Module

from .load import EVENT_TYPE, PROBE_SECONDS, SETTLE_SECONDS

NODE: Final = "ringer"
BELL: Final = EventInfo(key="bell", name="Bell", event_types=(EVENT_TYPE,))
LAMP: Final = SwitchInfo(key="lamp", name="Lamp")
DONE: Final = "\n"
"""How the file with the results ends."""


class Settings(TypedDict):
    """What the module is told: the file for the results, events per second, and how many."""

    results: str
    rate: float
    count: int


class RingerModule(Module):
    """The bell and the lamp."""

    schema: ClassVar[dict[Any, Any]] = {"results": str, "rate": float, "count": int}
    stall: ClassVar[float | None] = None

    async def run(self, context: Context) -> None:
        """Ring until the rule is there, then as often as is to be measured; write the seconds that it took each time."""
        context.declare(BELL, LAMP)
        context.publish(LAMP, False)  # noqa: FBT003 - a state
        settings = cast("Settings", self.settings)
        rung: list[float] = []
        told: list[float] = []

        async def listen() -> None:
            async for command in context.commands():
                told.append(perf_counter())
                context.publish(command.entity, command.target)

        def ring() -> None:
            rung.append(perf_counter())
            context.event(BELL, EVENT_TYPE)

        gaps = random.Random(0)  # noqa: S311 - the gaps between events are no secret
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listen())
            while not told:
                ring()
                await asyncio.sleep(PROBE_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)
            rung.clear()
            told.clear()
            for _ in range(settings["count"]):
                ring()
                await asyncio.sleep(gaps.uniform(0.5, 1.5) / settings["rate"])
            await asyncio.sleep(SETTLE_SECONDS)
            times = [done - begun for begun, done in zip(rung, told, strict=False)] if len(told) == len(rung) else []
            Path(settings["results"]).write_text(json.dumps(times) + DONE)  # noqa: ASYNC240 - nothing is measured any more
