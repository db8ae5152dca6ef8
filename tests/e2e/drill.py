"""The module `drill`: rings a bell in a rhythm or when it is told to, and writes down when it rang and what it was told to be."""

import asyncio
import json
from pathlib import Path
import time
from typing import Any, ClassVar, Final

from steward_house.protocol.entity import EventInfo, NumberInfo, SwitchInfo
from steward_house.protocol.fields import Json
from steward_house.zero.module import Context, Module

TONES: Final = 60
EXTRA: Final = ("slow", "busy", "off", "edited")
TYPES: Final = (*(f"t{tone}" for tone in range(TONES)), *EXTRA)

BELL: Final = EventInfo(key="bell", name="Bell", event_types=TYPES)
DIAL: Final = NumberInfo(key="dial", name="Dial", minimum=0, maximum=TONES)
SLOTS: Final = tuple(NumberInfo(key=f"slot_{tone}", name=f"Slot {tone}", minimum=0, maximum=1) for tone in range(TONES))
"""A target for each tone."""
LAMP: Final = SwitchInfo(key="lamp", name="Lamp")
FAN: Final = SwitchInfo(key="fan", name="Fan")
RHYTHM: Final = NumberInfo(key="rhythm", name="Rhythm", minimum=0, maximum=100_000)
"""How many times the bell still rings, at the rate that the settings say."""
STRIKE: Final = NumberInfo(key="strike", name="Strike", minimum=0, maximum=len(TYPES) - 1)
"""Rings the bell once: with the type of this number."""


class DrillModule(Module):
    """The drill."""

    schema: ClassVar[dict[Any, Any]] = {"log": str, "rate": float}
    stall: ClassVar[float | None] = None

    async def run(self, context: Context) -> None:
        """Take commands for ever."""
        context.declare(BELL, DIAL, *SLOTS, LAMP, FAN, RHYTHM, STRIKE)
        for number in (DIAL, *SLOTS, RHYTHM, STRIKE):
            context.publish(number, 0)
        for switch in (LAMP, FAN):
            context.publish(switch, False)
        with Path(self.settings["log"]).open("a", buffering=1) as log:  # noqa: ASYNC230 - a line to a file in memory

            def write(**line: Json) -> None:
                log.write(json.dumps({"at": time.monotonic(), **line}) + "\n")

            def ring(kind: str) -> None:
                write(rang=context.event(BELL, kind).event_type)

            async with asyncio.TaskGroup() as tasks:
                async for command in context.commands():
                    match command.entity.key:
                        case "rhythm":
                            tasks.create_task(self._ring_often(int(command.target), ring))  # type: ignore[arg-type]
                        case "strike":
                            ring(TYPES[int(command.target)])  # type: ignore[arg-type]
                        case key:
                            write(told=key, value=command.entity.to_json(command.target))
                            context.publish(command.entity, command.target)

    async def _ring_often(self, times: int, ring: Any) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(times):
            await asyncio.sleep(start + number / self.settings["rate"] - loop.time())
            ring(TYPES[number % TONES])
