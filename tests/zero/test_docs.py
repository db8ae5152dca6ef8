"""What the documentation shows is true."""

# ruff: noqa: ARG002

import asyncio
from dataclasses import replace
from pathlib import Path
import re
from typing import Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory
import pytest
import voluptuous as vol

from steward_house.protocol.entity import EntityInfo, State
from steward_house.protocol.node import Event
from steward_house.zero.module import Context, Module, Received
from steward_house.zero.settings import read_settings

from .test_node import make

TEXT = (Path(__file__).parents[2] / "docs" / "zero.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "zero.yaml"
    path.write_text(example("yaml"))
    settings = read_settings(path)
    assert [module.name for module in settings.modules] == ["system", "baby_stitch"]


async def test_module(tmp_path: Path) -> None:
    """The example rings as often as somebody presses the button while it isn't quiet, and takes its commands."""
    names: dict[str, Any] = {}
    exec(compile(example("python"), "zero.md", "exec"), names)
    module = names["DoorbellModule"]
    assert issubclass(module, Module)
    with pytest.raises(vol.Invalid):
        vol.Schema(module.schema)({})
    Device.pin_factory = MockFactory()
    node = make(tmp_path, "doorbell")
    context = Context(node, "doorbell", module.stall)
    task = asyncio.create_task(module(vol.Schema(module.schema)({"pin": 4})).run(context))
    rung = []

    class Listening:
        """Hears who rings."""

        def own_state(self, entity: EntityInfo, state: State) -> None:
            pass

        def own_event(self, entity: EntityInfo, event: Event, payload: bytes, when: float) -> None:
            rung.append(event.event_type)

    node.watch(Listening())

    async def state(wanted: bytes) -> None:
        async with asyncio.timeout(20):
            while wanted not in dict(node.take_states()).values():
                await node.changed.wait()
                node.changed.clear()

    async def press() -> None:
        pin = Device.pin_factory.pin(4)
        await asyncio.to_thread(pin.drive_low)
        await asyncio.to_thread(pin.drive_high)

    try:
        await state(b"5")
        context.tell(Received(replace(names["QUIET"], module="doorbell"), 60, asyncio.get_running_loop().time() + 10))
        await state(b"60")
        await press()
        await press()
        assert rung == ["ring"]
    finally:
        task.cancel()
        await asyncio.wait({task})
        Device.pin_factory.reset()
        Device.pin_factory = None
    assert task.cancelled()
