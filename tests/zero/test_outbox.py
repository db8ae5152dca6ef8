"""Events on their way to the hub: in order, again until it has them, and not for ever."""

import asyncio
import json

import pytest

from steward_house.zero import outbox as outbox_module
from steward_house.zero.outbox import ROOM, Outbox, Outgoing

from .house import Spy
from .hub import FakeHub
from .room import Room, on_ring

BELL = "kitchen/event/bell/state"


def put(outbox: Outbox, number: int, *, age: float = 0, used: bool = False) -> Outgoing:
    event = Outgoing(f"event {number}", "topic", b"", asyncio.get_running_loop().time() - age, used)
    outbox.put(event)
    return event


def rung(spy: Spy) -> list[str]:
    return [json.loads(payload)["id"] for payload in spy.all(BELL)]


async def test_until_acked(hub: FakeHub, room: Room, spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that answers late is told at most four times; newer events don't wait for that."""
    monkeypatch.setattr(outbox_module, "_AGAIN", (0.1, 0.2, 0.4, float("inf")))
    hub.silent = True
    await hub.live()
    await room.there(hub=True)
    first = room.ring().id
    await spy.until(lambda spy: len(rung(spy)) == 3)
    second = room.ring().id
    await hub.ack(second)
    await spy.until(lambda spy: rung(spy).count(first) == 4)
    await asyncio.sleep(0.8)
    assert rung(spy).count(first) == 4
    assert rung(spy).count(second) == 1
    assert len(room.dispatcher.outbox._waiting) == 1
    await hub.ack(first)
    await room.wait(lambda: not room.dispatcher.outbox._waiting)


async def test_hub_of_an_older_kind(room: Room, spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing of itself, and is told once."""
    monkeypatch.setattr(outbox_module, "_AGAIN", (0.05, 0.05, 0.05, float("inf")))
    await spy.online()
    room.ring()
    await spy.until(rung)
    await asyncio.sleep(0.5)
    assert len(rung(spy)) == 1


async def test_hub_that_comes(hub: FakeHub, room: Room, spy: Spy) -> None:
    """It is told what happened just before, in order."""
    await spy.online()
    events = [room.ring().id for _ in range(3)]
    await spy.until(lambda spy: len(rung(spy)) == 3)
    await hub.live()
    await spy.until(lambda spy: len(rung(spy)) == 6)
    assert rung(spy) == events * 2
    await room.wait(lambda: not room.dispatcher.outbox._waiting)


async def test_room_and_age(caplog: pytest.LogCaptureFixture) -> None:
    lost = []
    outbox = Outbox(lambda: None, lambda: lost.append(1))
    old = put(outbox, 0, age=11)
    assert outbox.next() is None
    assert len(lost) == 1
    events = [put(outbox, number) for number in range(1, ROOM + 4)]
    sent = []
    while event := outbox.next():
        assert event is outbox.next()  # until it is sent
        outbox.sent(event, lambda: True)
        sent.append(event)
    assert sent == events[3:]
    assert len(lost) == 4
    assert old not in sent
    assert len([record for record in caplog.records if "lost" in record.message]) == 1


async def test_nobody_asks_for_the_next() -> None:
    """As for days without a broker."""
    outbox = Outbox(lambda: None, lambda: None)
    for number in range(2 * ROOM):
        put(outbox, number)
    assert len(outbox._fresh) == len(outbox._waiting) == ROOM


async def test_used_here_is_not_lost() -> None:
    lost = []
    outbox = Outbox(lambda: None, lambda: lost.append(1))
    put(outbox, 0, age=11, used=True)
    assert outbox.next() is None
    assert not lost


async def test_lost_events_in_the_journal(hub: FakeHub, room: Room, spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub.rules(on_ring())
    await room.ruled()
    await spy.online()
    monkeypatch.setattr(outbox_module, "EVENT_LIFE", 0.05)
    room.ring()  # which a rule takes
    await hub.rules()
    await room.ruled(0)
    for _ in range(3):
        room.ring()
    await asyncio.sleep(0.1)
    await hub.live()
    entries = await spy.until(lambda _: len(told := hub.journal()) == 2 and told)
    assert [entry["kind"] for entry in entries] == ["acted", "lost"]
    assert entries[1]["count"] == 3
