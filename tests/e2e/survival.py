"""A house whose hub and broker are killed while a bell rings fifty times a second, and what must not be lost by that."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import json
from math import inf
from operator import itemgetter
import os
from pathlib import Path
import sys
import time
from typing import Any, Final

import aiomqtt
import yaml

from demo.broker import Broker, Kind
from demo.client import Client, connect
from demo.furnish import add_broker, add_rooms
from demo.homeassistant import HomeAssistant
from demo.process import LOOPBACK, Process, free_port
from demo.rooms import Room
from steward_house.protocol.entity import Platform
from steward_house.protocol.hub import HEARTBEAT_TOPIC
from steward_house.protocol.node import Leaf, command_topic, topic
from steward_house.protocol.rules import Rulebook
from tests.e2e.drill import TONES, TYPES

NEAR: Final = "near"
FAR: Final = "far"
RINGS: Final = int(os.environ.get("STEWARD_RINGS", "600"))
"""How many rings there are while something is killed; the campaign `survive` asks for 10,000."""
CAMPAIGN: Final = "STEWARD_RINGS" in os.environ
RATE: Final = 50.0 if CAMPAIGN else 20.0
"""Rings a second; the tests that always run leave a busy machine some room."""
WINDOW: Final = TONES / RATE
"""Seconds after which a tone comes again: what was done can be told apart for so long."""
DELAY: Final = 15.0
"""Seconds that stand for the five minutes of somebody's lamp."""


def automations() -> list[dict[str, Any]]:
    """Return the automations: one for each tone, with a slot of its own on one node and the dial of both, and those of the drills."""

    def automation(name: str, kind: str, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": name,
            "alias": name,
            "variables": {"steward_keep_running": True},
            "triggers": [
                {
                    "trigger": "event.received",
                    "target": {"entity_id": f"event.{NEAR}_bell"},
                    "options": {"event_type": [kind]},
                }
            ],
            "actions": [*actions],
            **more,
        }

    def dial(node: str, value: int) -> dict[str, Any]:
        return {"action": "number.set_value", "target": {"entity_id": f"number.{node}_dial"}, "data": {"value": value}}

    def switch(state: str, name: str) -> dict[str, Any]:
        return {"action": f"switch.turn_{state}", "target": {"entity_id": f"switch.{NEAR}_{name}"}}

    def slot(tone: int) -> dict[str, Any]:
        target = {"entity_id": f"number.{NEAR}_slot_{tone}"}
        return {"action": "number.set_value", "target": target, "data": {"value": 1}}

    tones = [
        automation(f"tone_{tone}", f"t{tone}", slot(tone), dial(NEAR, tone), dial(FAR, tone), mode="parallel")
        for tone in range(TONES)
    ]
    wait = {"delay": {"seconds": DELAY}}
    return [
        *tones,
        automation("slow", "slow", switch("on", "lamp"), wait, switch("off", "lamp")),
        automation("busy", "busy", switch("on", "fan"), wait, switch("off", "fan"), mode="single"),
        automation("off", "off", dial(NEAR, TONES), initial_state=False),
        automation("edited", "edited", dial(NEAR, TONES)),
    ]


class Killable(HomeAssistant):
    """A Home Assistant that may be killed like a machine whose power goes."""

    async def kill(self) -> None:
        """End it at once, whatever it does."""
        self.stopping = True
        assert self._process is not None
        self._process.kill()
        await self.wait()
        self.stopping = False


class Drill(Process):
    """A node with the drill."""

    def __init__(self, node: str, folder: Path, broker_port: int) -> None:
        """Take the node's id and the folder for everything."""
        self.node = node
        self._lines = folder / f"{node}.drill"
        self._lines.touch()
        plugins = folder / "plugins"
        information = plugins / "drill-1.dist-info"
        information.mkdir(parents=True, exist_ok=True)
        (plugins / "drill.py").write_bytes(Path(__file__).with_name("drill.py").read_bytes())
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: drill\nVersion: 1\n")
        (information / "entry_points.txt").write_text("[steward.zero_modules]\ndrill = drill:DrillModule\n")
        settings = {
            "node": node,
            "name": node.capitalize(),
            "state_dir": str(folder / f"{node}.state"),
            "mqtt": {"host": LOOPBACK, "port": broker_port},
            "modules": {"drill": {"log": str(self._lines), "rate": RATE}},
        }
        file = folder / f"{node}.yaml"
        file.write_text(yaml.safe_dump(settings))
        super().__init__(
            node,
            *(str(Path(sys.executable).with_name("steward")), "zero", "--config", str(file)),
            log=folder / "logs" / f"{node}.log",
            environment={"PYTHONPATH": str(plugins)},
        )

    def lines(self, kind: str, since: float = 0) -> list[tuple[float, Any, Any]]:
        """Return when it rang (`rang`: the type) or was told something (`told`: the key, the value)."""
        lines = [json.loads(line) for line in self._lines.read_text().splitlines()]
        return [(line["at"], line[kind], line.get("value")) for line in lines if kind in line and line["at"] >= since]


@dataclass(slots=True)
class House:
    """A broker, Home Assistant and two nodes."""

    folder: Path
    broker: Broker
    hub: Killable
    near: Drill
    far: Drill
    token: str = ""
    heartbeats: list[float] = field(default_factory=list)

    async def tell(self, node: str, key: str, value: str, platform: Platform = Platform.NUMBER) -> None:
        """Tell a node's entity what to be, as anybody on the broker may."""
        async with aiomqtt.Client(LOOPBACK, self.broker.port) as client:
            await client.publish(command_topic(node, platform, key), value, qos=1)

    async def ring(self, kind: str) -> float:
        """Ring the bell once; return the time before it rang."""
        before = time.monotonic()
        await self.tell(NEAR, "strike", str(TYPES.index(kind)))
        await until(lambda: any(what == kind for _, what, _ in self.near.lines("rang", before)), "the bell")
        return before

    async def hear(self, wanted: str, holds: Callable[[bytes], bool]) -> None:
        """Wait for a message."""
        async with asyncio.timeout(90), aiomqtt.Client(LOOPBACK, self.broker.port) as client:
            await client.subscribe(wanted, qos=1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                if message.topic.matches(wanted) and holds(message.payload):
                    return

    async def hub_is_back(self) -> None:
        """Wait until Home Assistant is alive, as nodes have it."""
        await self.hear(HEARTBEAT_TOPIC, lambda _: True)

    async def rules_are(self, node: str, holds: Callable[[Rulebook], bool]) -> None:
        """Wait until a node's rulebook is as wanted."""
        await self.hear(topic(node, Leaf.RULES), lambda payload: bool(payload) and holds(Rulebook.decode(payload)))

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Client]:
        """Be with Home Assistant."""
        async with connect(self.hub.address, await self.hub.token()) as client:
            await client.watch_states()
            yield client


async def until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait until something holds."""
    try:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - another program's file can only be looked at
                await asyncio.sleep(0.02)
    except TimeoutError:
        message = f"waited {seconds:.0f} s in vain for {what}"
        raise AssertionError(message) from None


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[House]:
    """Run a house in which every automation has reached its nodes, and Home Assistant is alive."""
    port = free_port()
    config = folder / "homeassistant"
    config.mkdir(parents=True)
    (config / "automations.yaml").write_text(yaml.safe_dump(automations()))
    broker = Broker(Kind.MOSQUITTO, port, folder / "broker", folder / "logs")
    hub = Killable(config, free_port(), folder / "logs")
    house = House(folder, broker, hub, Drill(NEAR, folder, port), Drill(FAR, folder, port))
    try:
        for process in (broker, house.near, house.far, hub):
            await process.start()
        async with house.visit() as client:
            await add_broker(client, broker)
            await add_rooms(client, [Room(node, node.capitalize(), "mdi:bell", 0) for node in (NEAR, FAR)])
        await house.hub_is_back()
        await house.rules_are(NEAR, lambda book: len(book.rules) == TONES + 3)
        await house.rules_are(FAR, lambda book: len(book.rules) == TONES)
        yield house
    finally:
        for process in (hub, house.near, house.far, broker):
            await process.stop()


type Lines = list[tuple[float, Any, Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the rings: how many, how many were done twice or given up for a newer one, and the delays in seconds."""

    rings: int
    twice: int
    given_up: int
    delays: list[float]

    @property
    def worst(self) -> float:
        """The longest delay."""
        return max(self.delays)


def judge_each(rings: Lines, told: Lines) -> Outcome:
    """Tell what became of tones that were rung, from what the tones' own slots were told.

    Raises:
        AssertionError: one was lost.
    """
    done: dict[int, list[float]] = {}
    tones = _tones(rings)
    for at, tone in _told(told, "slot_"):
        done.setdefault(_ring(tones, at, tone), []).append(at)
    lost = [number for number in range(len(tones)) if number not in done]
    assert not lost, f"{len(lost)} of {len(tones)} rings were lost: {lost[:20]}"
    delays = [done[number][0] - at for number, (at, _) in enumerate(tones)]
    return Outcome(len(tones), sum(len(times) > 1 for times in done.values()), 0, delays)


def judge_order(rings: Lines, told: Lines) -> Outcome:
    """Tell what became of tones that were rung, from what the dial was told, which all of them set.

    Raises:
        AssertionError: something older overwrote something newer, or one was lost without a newer one to take its place.
    """
    tones = _tones(rings)
    done: dict[int, float] = {}
    latest, twice = -1, 0
    for at, key, value in told:
        if key == "dial":
            ring = _ring(tones, at, round(float(value)))
            assert ring >= latest, f"ring {ring} was done after ring {latest}"
            latest = ring
            twice += ring in done
            done.setdefault(ring, at)
    given_up = [number for number in range(len(tones)) if number not in done]
    for number in given_up:
        newer = min((done[ring] for ring in range(number, len(tones)) if ring in done), default=inf)
        assert newer - tones[number][0] < WINDOW, f"ring {number} was lost"
    delays = [at - tones[ring][0] for ring, at in done.items()]
    return Outcome(len(tones), twice, len(given_up), delays)


def _tones(rings: Lines) -> list[tuple[float, int]]:
    return [(at, int(kind[1:])) for at, kind, _ in rings if kind[1:].isdigit()]


def _told(told: Lines, prefix: str) -> list[tuple[float, int]]:
    return [(at, int(key.removeprefix(prefix))) for at, key, _ in told if key.startswith(prefix)]


def _ring(tones: list[tuple[float, int]], at: float, tone: int) -> int:
    """Return which ring something belongs to that was done at some time: the latest of its tone, which is less than a window ago."""
    after = bisect_right(tones, at, key=itemgetter(0))
    for number in range(after - 1, max(after - 1 - TONES, -1), -1):
        if tones[number][1] == tone:
            assert at - tones[number][0] < WINDOW + 0.1, f"tone {tone} at {at:.3f} is too late"
            return number
    message = f"tone {tone} at {at:.3f} belongs to no ring"
    raise AssertionError(message)
