"""A node in the test's own process: its entities, its dispatcher and its link, and what its modules are told."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiomqtt

from steward_house.protocol.entity import BinarySensorInfo, EventInfo, LightInfo, NumberInfo, SwitchInfo
from steward_house.protocol.fields import Json
from steward_house.protocol.node import Event
from steward_house.protocol.rule_actions import Action, Set
from steward_house.protocol.rule_triggers import EventTrigger
from steward_house.protocol.rules import Mode, Rule
from steward_house.zero.clock import Clock
from steward_house.zero.dispatcher import Dispatcher
from steward_house.zero.keeper import Keeper
from steward_house.zero.link import Link
from steward_house.zero.machine import Machine
from steward_house.zero.module import Module, Received, Tell
from steward_house.zero.node import Node
from steward_house.zero.settings import ModuleSettings, MqttSettings, Settings
from steward_house.zero.storage import Storage

from .house import PATIENCE

INSTANCE: Final = "01JD0000000000000000000000"
BELL: Final = EventInfo(key="bell", name="Bell", event_types=("rung", "held"), module="one")
LAMP: Final = SwitchInfo(key="lamp", name="Lamp", module="one")
LIGHT: Final = LightInfo(key="light", name="Light", module="one")
LEVEL: Final = NumberInfo(key="level", name="Level", minimum=0, maximum=10, module="one")
DOOR: Final = BinarySensorInfo(key="door", name="Door", module="one")
ENTITIES: Final = (BELL, LAMP, LIGHT, LEVEL, DOOR)


def make_settings(directory: Path, *modules: str, batch: bool = False, port: int = 1883) -> Settings:
    return Settings(
        node="kitchen",
        name="Kitchen",
        area=None,
        state_dir=directory,
        log_level="info",
        mqtt=MqttSettings(host="127.0.0.1", port=port, batch=batch),
        modules=tuple(ModuleSettings(name=name, kind=Module) for name in modules or ("one", "two")),
    )


class _Dispatcher(Dispatcher):
    """Tells whenever something may be otherwise."""

    def __init__(self, news: asyncio.Event, node: Node, keeper: Keeper, clock: Clock, tell: Tell) -> None:
        self.news = news
        super().__init__(node, keeper, clock, tell)

    def hear(self, where: str, payload: bytes, *, retained: bool) -> None:
        super().hear(where, payload, retained=retained)
        self.news.set()

    def disconnect(self) -> None:
        super().disconnect()
        self.news.set()

    def _hub_changed(self, session: str | None) -> None:
        super()._hub_changed(session)
        self.news.set()


class _Link(Link):
    """Tells when it listens to other topics."""

    news: asyncio.Event

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        await super()._subscribe(client)
        self.news.set()


class Room:
    """A node without modules: `told` is what they would have been told, with the loop's time."""

    def __init__(self, directory: Path, port: int = 1, *, batch: bool = False) -> None:
        settings = make_settings(directory, port=port, batch=batch)
        storage = Storage(directory)
        self.clock = Clock()
        self.keeper = Keeper(storage)
        self.node = Node(settings, Machine(), storage, INSTANCE, self.clock)
        self.told: list[tuple[str, Json, float]] = []
        self._news = asyncio.Event()
        self.dispatcher = _Dispatcher(self._news, self.node, self.keeper, self.clock, self._tell)
        self.link = _Link(settings, INSTANCE, self.node, self.dispatcher)
        self.link.news = self._news
        self.node.declare("one", ENTITIES)

    def _tell(self, command: Received) -> bool:
        now = asyncio.get_running_loop().time()
        self.told.append((command.entity.key, command.entity.to_json(command.target), now))
        self._news.set()
        return True

    @property
    def values(self) -> list[tuple[str, Json]]:
        return [(key, value) for key, value, _ in self.told]

    def ring(self, event_type: str = "rung") -> Event:
        return self.node.happen("one", BELL, event_type, {})

    async def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def until(self, count: int) -> None:
        """Wait until its modules were told so many things."""
        await self.wait(lambda: len(self.told) >= count)

    async def there(self, *, hub: bool) -> None:
        """Wait until it holds the hub for there, or away."""
        await self.wait(lambda: (self.dispatcher.hub.session is not None) is hub)

    async def ruled(self, count: int = 1) -> None:
        """Wait until it has so many rules."""
        await self.wait(lambda: len(self.dispatcher.rules.rules) == count)

    def problem(self, module: str) -> str | None:
        return self.node._problems[module]


@contextlib.asynccontextmanager
async def linked(room: Room) -> AsyncIterator[asyncio.Task[None]]:
    """Have its link to the broker."""
    task = asyncio.create_task(room.link.run())
    try:
        yield task
    finally:
        room.link.leave()
        await asyncio.wait({task})


def on_ring(*actions: Action, bell: str = "kitchen/event/bell", **more: Any) -> Rule:
    """Return a rule that a ring starts, if nothing else does; without actions it turns the lamp on."""
    rung = EventTrigger("0", (bell,), ("rung",))
    rule = Rule("automation.ring", "Ring", (rung,), actions or (Set("kitchen/switch/lamp", "ON"),), mode=Mode.PARALLEL)
    return replace(rule, **more)
