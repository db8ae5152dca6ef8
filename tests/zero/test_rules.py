"""Ack or act, with a broker and a hub that a test has in hand: who does what, and when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from steward_house.protocol.entity import EventInfo
from steward_house.protocol.node import Event
from steward_house.protocol.rules import Delay, Match, Set, StateTrigger, TimeTrigger
from tests.broker import Broker

from .house import Spy
from .hub import FakeHub, hub_of
from .room import DOOR, Room, linked, on_ring

LAMP_ON = ("lamp", "ON")
OTHER_BELL = "hall/event/bell"


@pytest.fixture
async def hub(spy: Spy) -> AsyncIterator[FakeHub]:
    async with hub_of(spy) as hub:
        yield hub


@pytest.fixture
async def room(tmp_path: Path, broker: Broker) -> AsyncIterator[Room]:
    room = Room(tmp_path, broker.port)
    async with linked(room):
        yield room


def command(value: object, cause: str | None, age: float = 0) -> str:
    at = datetime.now(UTC) - timedelta(seconds=age)
    return json.dumps({"value": value, "at": at.isoformat(), "cause": cause})


def event(age: float = 0, identifier: str = "01JD0000000000000000000009") -> bytes:
    bell = EventInfo(key="bell", name="Bell", event_types=("rung",))
    return Event("rung", identifier, datetime.now(UTC) - timedelta(seconds=age)).encode(bell)


def now() -> float:
    return asyncio.get_running_loop().time()


# --- the node's own entities -----------------------------------------------------------------------------------------


async def test_no_hub(hub: FakeHub, room: Room) -> None:
    await hub.rules(on_ring())
    await room.ruled()
    room.ring()
    assert room.values == [LAMP_ON]  # at once, before anything else can happen
    room.ring("held")
    assert len(room.told) == 1


async def test_own_states(hub: FakeHub, room: Room) -> None:
    """A rule that comes later knows what is."""
    room.node.publish("one", DOOR, state=False)
    opened = StateTrigger("0", ("kitchen/binary_sensor/door",), target=Match(("on",)))
    await hub.rules(on_ring(triggers=(opened,)))
    await room.ruled()
    assert room.values == []
    room.node.publish("one", DOOR, state=True)
    assert room.values == [LAMP_ON]


async def test_hub_has_it_in_hand(hub: FakeHub, room: Room, spy: Spy) -> None:
    hub.started = ("automation.ring",)
    await hub.rules(on_ring())
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    rung = room.ring()
    await spy.tell("kitchen/switch/lamp/command", command("ON", rung.id))
    await room.until(1)
    await asyncio.sleep(0.5)  # longer than its patience
    assert room.values == [LAMP_ON]
    assert hub.journal() == []


async def test_hub_that_does_not_answer(hub: FakeHub, room: Room, spy: Spy) -> None:
    hub.silent = True
    await hub.rules(on_ring())
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    begun = now()
    rung = room.ring()
    await room.until(1)
    assert 0.29 < room.told[0][2] - begun < 0.6
    hub.silent = False
    [entry] = await spy.until(lambda _: hub.journal())
    assert datetime.now(UTC) - datetime.fromisoformat(entry.pop("at")) < timedelta(seconds=10)
    assert entry == {
        "kind": "acted",
        "rule": "automation.ring",
        "name": "Ring",
        "cause": rung.id,
        "entity": "kitchen/switch/lamp",
        "value": "ON",
        "trigger": "kitchen/event/bell",
        "event_type": "rung",
        "away": False,
    }


async def test_hub_that_declines(hub: FakeHub, room: Room) -> None:
    hub.declined = ("automation.ring",)
    await hub.rules(on_ring())
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    room.ring()
    await asyncio.sleep(0.5)
    assert room.values == []


async def test_late_command(hub: FakeHub, room: Room, spy: Spy) -> None:
    """What the node did already, and what is older than that, isn't done any more; what is newer is."""
    await hub.rules(on_ring())
    await room.ruled()
    rung = room.ring()
    assert room.values == [LAMP_ON]
    await spy.tell("kitchen/switch/lamp/command", command("ON", rung.id))
    await spy.tell("kitchen/switch/lamp/command", command("OFF", "01JD0000000000000000000002", age=1))
    await spy.tell("kitchen/switch/lamp/command", command("OFF", "01JD0000000000000000000003", age=-0.1))
    await room.until(2)
    assert room.values == [LAMP_ON, ("lamp", "OFF")]


async def test_hub_dies_in_a_delay(hub: FakeHub, room: Room, spy: Spy) -> None:
    hub.started = ("automation.ring",)
    await hub.rules(on_ring(Set("kitchen/switch/lamp", "ON"), Delay(1.5), Set("kitchen/switch/lamp", "OFF")))
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    begun = now()
    rung = room.ring()
    await spy.tell("kitchen/switch/lamp/command", command("ON", rung.id))
    await room.until(1)
    await asyncio.sleep(0.2)
    await hub.die()
    await room.there(hub=False)
    assert now() - begun < 1.4  # the will was heard
    await room.until(2)
    assert room.values == [LAMP_ON, ("lamp", "OFF")]
    assert room.told[1][2] - begun == pytest.approx(1.5, abs=0.1)


async def test_hub_that_falls_silent(hub: FakeHub, room: Room) -> None:
    await hub.live()
    await room.there(hub=True)
    begun = now()
    await hub.stop()
    await room.there(hub=False)
    assert 1.5 < now() - begun < 3


async def test_broker_dies(hub: FakeHub, room: Room, broker: Broker) -> None:
    await hub.live()
    await hub.rules(on_ring())
    await room.ruled()
    await room.there(hub=True)
    await hub.stop()
    broker.kill()
    await room.there(hub=False)
    room.ring()
    assert room.values == [LAMP_ON]


async def test_starts_without_broker(tmp_path: Path, hub: FakeHub, broker: Broker) -> None:
    """The rules of the last run, and what it has not told yet, are there before anything else is."""
    room = Room(tmp_path, broker.port)
    async with linked(room):
        await hub.rules(on_ring())
        await room.ruled()
        rung = room.ring()
        await room.keeper.save()
    broker.kill()
    later = Room(tmp_path, broker.port)
    again = later.ring()
    assert later.values == [LAMP_ON]
    assert later.problem("rules") is None
    later.dispatcher.journal.hub(there=True)
    broker.start()
    async with Spy.on(broker.port) as spy, hub_of(spy) as back, linked(later):
        await back.live()
        entries = await spy.until(lambda _: len(told := back.journal()) == 2 and told)
        assert [entry["cause"] for entry in entries] == [rung.id, again.id]
        assert all(entry["away"] for entry in entries)
        # The hub answers the entries, and they are forgotten.
        await later.wait(lambda: later.dispatcher.journal._part is None)
    assert b'"entries":[]' in later.dispatcher.journal._write()


async def test_time(hub: FakeHub, room: Room) -> None:
    """It is the hub's, also when that is away."""
    hub.skew = timedelta(seconds=100)
    await hub.live()
    await room.there(hub=True)
    await hub.die()
    await room.there(hub=False)
    wall = (room.clock.now() + timedelta(seconds=1.2)).astimezone(ZoneInfo("Europe/Zurich"))
    begun = now()
    await hub.rules(on_ring(triggers=(TimeTrigger("0", wall.time()),)))
    await room.until(1)
    assert room.told[0][2] - begun == pytest.approx(1.2, abs=0.3)


# --- other nodes' entities -------------------------------------------------------------------------------------------


async def test_event_of_another(hub: FakeHub, room: Room, spy: Spy) -> None:
    await hub.rules(on_ring(bell=OTHER_BELL))
    await room.ruled()
    await spy.until(lambda _: "steward/hall/event/bell/state" in room.link._subscribed)
    for payload in (event(), event(), event(11, "01JD000000000000000000000A"), b"{}", b"\xff"):
        await spy.tell("hall/event/bell/state", payload)
    await spy.tell("hall/event/bell/state", event(0, "01JD000000000000000000000B"))
    await room.until(2)
    assert room.values == [LAMP_ON] * 2
