"""What a module can count on: its context, its thread, and how it is run again."""

# ruff: noqa: ARG002
import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
import threading
from typing import Any, ClassVar

import pytest

from steward_house.protocol.entity import EntityInfo, EventInfo, LightState, State
from steward_house.protocol.fields import Json
from steward_house.protocol.node import Event, NodeInfo
from steward_house.zero.backoff import Backoff
from steward_house.zero.module import Context, Module, ModuleProblemError, Received
from steward_house.zero.modules.baby_stitch import BabyStitchModule, entities
from steward_house.zero.modules.baby_stitch.hardware import Temperatures
from steward_house.zero.modules.system import LOAD, SystemModule
from steward_house.zero.settings import ModuleSettings
from steward_house.zero.supervisor import Patience, Supervisor
from steward_house.zero.worker import HangingError

from .test_node import make


class Host:
    """A node that remembers what it is told."""

    def __init__(self) -> None:
        self.declared: tuple[EntityInfo, ...] = ()
        self.states: dict[str, State] = {}
        self.before: dict[str, State] = {}
        self.events: list[tuple[str, Mapping[str, Json]]] = []
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def declare(self, module: str, entities: tuple[EntityInfo, ...]) -> None:
        self.declared = entities

    def publish(self, module: str, entity: EntityInfo, state: State) -> None:
        assert replace(entity, module=module) in self.declared
        entity.encode(state)
        self.states[entity.key] = state
        self._tell()

    def last(self, entity: EntityInfo) -> State:
        return self.before.get(entity.key)

    def happen(self, module: str, entity: EventInfo, event_type: str, attributes: Mapping[str, Json]) -> Event | None:
        self.events.append((event_type, attributes))
        self._tell()
        return None

    def _tell(self) -> None:
        async def tell() -> None:
            async with self._news:
                self._news.notify_all()

        self._tasks.add(task := asyncio.create_task(tell()))
        task.add_done_callback(self._tasks.discard)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(condition)


class Board:
    """Hardware that a test plays."""

    def __init__(self) -> None:
        self.light: tuple[int, tuple[int, int, int]] | None = None
        self.faults = 0
        self.range: float | None = 1000.0
        self.warmth = Temperatures(21.0, 23.0)
        self.closed = False

    def set_light(self, brightness: int, rgb: tuple[int, int, int]) -> None:
        self.light = brightness, rgb

    def temperatures(self) -> Temperatures:
        if self.faults:
            self.faults -= 1
            raise OSError(121, "Remote I/O error")
        return self.warmth

    def distance(self) -> float | None:
        return self.range

    def close(self) -> None:
        self.closed = True


@pytest.fixture
async def host() -> Host:
    return Host()


@pytest.fixture
async def context(host: Host) -> AsyncIterator[Context]:
    context = Context(host, "baby_stitch", 60)
    yield context
    context.close()


def received(entity: EntityInfo, target: State, life: float = 10) -> Received:
    return Received(entity, target, asyncio.get_running_loop().time() + life)


SETTINGS = {"hardware": "real", "simulation": {}}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    where = "steward_house.zero.modules.baby_stitch.module"
    monkeypatch.setattr(f"{where}._TEMPERATURES_EVERY", 0.01)
    monkeypatch.setattr(f"{where}._DISTANCE_EVERY", 0.01)


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.usefixtures("quick")
async def test_baby_stitch(host: Host, context: Context) -> None:
    board = Board()
    task = asyncio.create_task(BabyStitchModule(SETTINGS, board).run(context))
    await host.until(lambda: "distance" in host.states and "die_temperature" in host.states)
    assert board.light == (255, (255, 255, 255))
    assert host.states == {
        "light": LightState(True, 255, (255, 255, 255)),
        "gesture_dimming": True,
        "gesture_gain": 1.5,
        "object_temperature": 21.0,
        "die_temperature": 23.0,
        "distance": 1000,
    }
    assert entities.WAVE.key not in {entity.key for entity in host.declared}
    context.tell(received(entities.LIGHT, LightState(True, 100)))
    context.tell(received(entities.GESTURE_GAIN, 2))
    await host.until(lambda: host.states["gesture_gain"] == 2)
    board.range = 150
    await host.until(lambda: host.events)
    board.range = 160
    await host.until(lambda: board.light == (120, (255, 255, 255)))
    context.tell(received(entities.GESTURE_DIMMING, False))
    await host.until(lambda: len(host.events) == 2)
    assert [name for name, _ in host.events] == ["started", "ended"]
    assert host.events[0][1] == {"distance": 150, "brightness": 100}
    assert host.states["gesture_dimming"] is False
    board.range = None
    board.warmth = Temperatures(21.1, 24.0)
    await host.until(lambda: host.states["distance"] is None and host.states["die_temperature"] == 24)
    await end(task)
    assert board.closed


@pytest.mark.usefixtures("quick")
async def test_baby_stitch_goes_on_where_it_was(host: Host, context: Context) -> None:
    host.before = {"light": LightState(True, 9, (1, 2, 3)), "gesture_dimming": False, "gesture_gain": 3.0}
    board = Board()
    task = asyncio.create_task(BabyStitchModule(SETTINGS, board).run(context))
    await host.until(lambda: "light" in host.states)
    assert (host.states["gesture_dimming"], host.states["gesture_gain"]) == (False, 3.0)
    assert board.light == (9, (1, 2, 3))
    await end(task)


@pytest.mark.usefixtures("quick")
async def test_bus_that_fails_now_and_then(host: Host, context: Context) -> None:
    board = Board()
    board.faults = 4
    task = asyncio.create_task(BabyStitchModule(SETTINGS, board).run(context))
    await host.until(lambda: "object_temperature" in host.states)
    board.faults = 5
    with pytest.raises(ExceptionGroup) as raised:
        await task
    [error] = raised.value.exceptions
    assert isinstance(error, ModuleProblemError)
    assert str(error) == "the thermometer (TMP007 at 0x40) doesn't answer: [Errno 121] Remote I/O error"


async def test_no_hardware(host: Host, context: Context) -> None:
    """This machine has no pins, or not these parts: whatever it is, it is told."""
    with pytest.raises(ModuleProblemError):
        await BabyStitchModule(SETTINGS).run(context)
    assert len(host.declared) == 7


async def test_system(host: Host, context: Context) -> None:
    task = asyncio.create_task(SystemModule({"interval": 1}).run(context))
    await host.until(lambda: LOAD.key in host.states)
    await end(task)


# --- the context -----------------------------------------------------------------------------------------------------


async def test_late_commands_are_dropped(context: Context) -> None:
    context.tell(received(entities.GESTURE_GAIN, 1, life=-1))
    context.tell(received(entities.GESTURE_GAIN, 2))
    assert (await anext(context.commands())).target == 2


async def test_commands_name_the_entity_that_was_declared(context: Context) -> None:
    context.declare(entities.GESTURE_GAIN)
    context.tell(received(replace(entities.GESTURE_GAIN, module="baby_stitch"), 1))
    assert (await anext(context.commands())).entity is entities.GESTURE_GAIN


async def test_too_many_commands(context: Context) -> None:
    for number in range(150):
        context.tell(received(entities.GESTURE_GAIN, number))
    assert (await anext(context.commands())).target == 50


async def test_every_leaves_missed_beats_out(context: Context) -> None:
    loop = asyncio.get_running_loop()
    beats = context.every(0.05)
    await anext(beats)
    start = loop.time()
    await asyncio.to_thread(threading.Event().wait, 0.12)
    await anext(beats)  # late, at once
    late = loop.time()
    await anext(beats)
    assert late - start >= 0.12
    assert loop.time() - late >= 0.045


async def test_patience(context: Context) -> None:
    assert 59 < (context.patience() or 0) <= 60
    await anext(context.every(100))
    assert 159 < (context.patience() or 0) <= 160
    assert Context(Host(), "silent", None).patience() is None


async def test_ended_run_is_silent(host: Host, context: Context) -> None:
    context.close()
    for call in (
        context.alive,
        partial(context.publish, entities.GESTURE_GAIN, 2),
        partial(context.event, entities.GESTURE, "started"),
    ):
        with pytest.raises(RuntimeError, match="has ended"):
            call()


async def test_calls_from_another_thread(host: Host, context: Context) -> None:
    context.declare(entities.GESTURE_GAIN)
    for call in (context.alive, partial(context.publish, entities.GESTURE_GAIN, 2)):
        with pytest.raises(RuntimeError, match="belongs to the event loop's thread"):
            await asyncio.to_thread(call)
    assert host.states == {}


async def test_blocking_calls(context: Context) -> None:
    main = threading.get_ident()
    assert await context.blocking(threading.get_ident) != main
    with pytest.raises(ZeroDivisionError):
        await context.blocking(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await context.blocking(partial(next, iter(())))
    release = threading.Event()
    with pytest.raises(HangingError, match="wait takes longer than"):
        await context.blocking(release.wait, 0.01)
    release.set()
    assert await context.blocking(lambda: 7) == 7


# --- being run again -------------------------------------------------------------------------------------------------

QUICK = Patience(first_delay=0.01, most_delay=0.02, settled=0.01, proven=60, grace=0.05)


class Hanging(Module):
    """Its hardware never answers."""

    release: ClassVar[threading.Event]
    starts: ClassVar[int]

    async def run(self, context: Context) -> None:
        type(self).starts += 1
        await context.blocking(self.release.wait, 0.01)


async def test_calls_that_hang(tmp_path: Path) -> None:
    """Threads can't be ended: a module doesn't get more and more of them, and goes on when they have come back."""
    Hanging.release = threading.Event()
    Hanging.starts = 0
    node = make(tmp_path, "hanging")
    supervisor = Supervisor(node, [ModuleSettings(name="hanging", kind=Hanging)], QUICK)
    task = asyncio.create_task(supervisor.run())

    async def until(wanted: str) -> None:
        problem: str | None = None
        async with asyncio.timeout(20):
            while wanted not in (problem or ""):
                await node.changed.wait()
                node.changed.clear()
                if info := node.take_info():
                    problem = NodeInfo.decode(info).modules["hanging"].problem

    await until("3 calls to its hardware hang")
    assert Hanging.starts == 3
    Hanging.release.set()
    await until("it ended by itself")
    assert Hanging.starts > 3
    await end(task)


def test_backoff() -> None:
    backoff = Backoff(1, 8, 0.5)
    for limit in (1, 2, 4, 8, 8):
        assert 0.5 <= backoff.next() <= limit
    backoff.reset()
    assert backoff.next() <= 1
