"""The link by itself: what it sends when something goes wrong, and in which order."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
import json
from pathlib import Path
import re

import aiomqtt
from paho.mqtt import client as mqtt
import pytest

from steward_house.protocol.entity import EventInfo
from steward_house.protocol.fields import ContractError, Reason
from steward_house.zero import link as link_module
from steward_house.zero.backoff import Backoff
from steward_house.zero.outbox import Confirmed, Outgoing
from tests.broker import Broker

from .house import Spy
from .room import BELL, INSTANCE, Room, linked
from .test_node import TEMPERATURE


@pytest.fixture
async def room(tmp_path: Path, broker: Broker) -> Room:
    room = Room(tmp_path, broker.port)
    room.node.declare("one", (TEMPERATURE, BELL))
    return room


async def test_event_after_its_declaration(room: Room, spy: Spy) -> None:
    gong = EventInfo(key="gong", name="Gong", event_types=("rung",), module="one")
    async with linked(room):
        await spy.online()
        await spy.caught_up()
        spy.messages.clear()
        room.node.declare("one", (TEMPERATURE, BELL, gong))
        room.node.happen("one", gong, "rung", {})
        await spy.until(lambda spy: spy.info() and spy.last("kitchen/event/gong/state"))
    assert [topic for topic, _ in spy.messages][:2] == ["steward/kitchen/info", "steward/kitchen/event/gong/state"]


async def test_states_before_an_event(room: Room, spy: Spy) -> None:
    """An automation that an event starts may ask for a state that its module told before it."""
    async with linked(room):
        await spy.online()
        await spy.caught_up()
        spy.messages.clear()
        room.node.publish("one", TEMPERATURE, 36.5)
        room.node.happen("one", BELL, "rung", {})
        await spy.until(lambda spy: len(spy.messages) == 2)
    assert [topic.split("/")[2] for topic, _ in spy.messages][:2] == ["sensor", "event"]


async def test_contradicts_who_says_that_it_is_offline(room: Room, spy: Spy) -> None:
    """Another node with the same id has left: this one is still there, and says what it is again."""
    async with linked(room):
        await spy.online()
        await spy.caught_up()
        spy.messages.clear()
        await spy.tell("kitchen/status", "offline", retain=True)
        await spy.until(lambda spy: spy.all("kitchen/status") == [b"offline", b"online"])
        assert spy.info()["instance"] == INSTANCE
        assert spy.last("kitchen/sensor/temperature/state")
    assert spy.all("kitchen/status")[:2] == [b"offline", b"online"]


async def test_fault_of_its_own(room: Room, spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker tells the last will only for connections that are lost."""
    async with linked(room) as task:
        await spy.online()
        monkeypatch.setattr(room.dispatcher.outbox, "next", lambda: 1 // 0)
        room.node.publish("one", TEMPERATURE, 21)
        with pytest.raises(ZeroDivisionError):
            await task
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")


async def test_fault_of_its_own_in_listening(room: Room, spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    async with linked(room) as task:
        await spy.online()
        monkeypatch.setattr(room.dispatcher, "hear", lambda *_, **__: 1 // 0)
        await spy.tell("kitchen/switch/lamp/command", "ON")
        with pytest.raises(ZeroDivisionError):
            await task


async def test_cancelled(room: Room, spy: Spy) -> None:
    async with linked(room) as task:
        await spy.online()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")


async def test_last_words(room: Room, spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    """What modules tell just before the node leaves still goes out, while it is online."""
    monkeypatch.setattr(link_module, "_WINDOW", 0.2)
    first = asyncio.Event()
    outbox = room.dispatcher.outbox
    sent = outbox.sent

    def tell(event: Outgoing, confirmed: Confirmed) -> None:
        sent(event, confirmed)
        first.set()

    monkeypatch.setattr(outbox, "sent", tell)
    async with linked(room):
        await spy.online()
        await spy.caught_up()
        spy.messages.clear()
        room.node.happen("one", BELL, "rung", {"number": 1})
        await first.wait()
        # It has sent all events, and waits for more changes to gather before it sends states.
        room.node.happen("one", BELL, "rung", {"number": 2})
        room.node.publish("one", TEMPERATURE, 22)
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")
    topics = [topic.removeprefix("steward/kitchen/") for topic, _ in spy.messages]
    assert topics.count("event/bell/state") == 2
    assert spy.last("kitchen/sensor/temperature/state") == b"22"
    assert topics[-1] == "status"


async def test_event_while_the_broker_is_away(room: Room, broker: Broker) -> None:
    async with linked(room):
        async with Spy.on(broker.port) as spy:
            await spy.online()
        broker.stop()
        event = room.node.happen("one", BELL, "rung", {})
        broker.start()
        async with Spy.on(broker.port) as spy:
            heard = await spy.until(lambda spy: spy.last("kitchen/event/bell/state"))
        assert json.loads(heard)["id"] == event.id


class Cut:
    """A client whose connection has gone."""

    def __init__(self) -> None:
        self._client = self

    def publish(self, *_: object, **__: object) -> mqtt.MQTTMessageInfo:
        info = mqtt.MQTTMessageInfo(1)
        info.rc = mqtt.MQTT_ERR_NO_CONN
        return info


async def test_event_that_is_cut_off(room: Room) -> None:
    """An event is sent again on the next connection while the broker doesn't have it."""
    room.node.take_info()
    room.node.take_states()
    event = room.ring()
    await room.link._send_events(Cut())
    outbox = room.dispatcher.outbox
    assert outbox.next() is None
    outbox.connect()
    again = outbox.next()
    assert again
    assert again.id == event.id


async def test_what_the_broker_is_asked_for(room: Room, broker: Broker) -> None:
    async with linked(room), Spy.on(broker.port) as spy:
        await spy.online()
        room.node.happen("one", BELL, "rung", {})
        await spy.until(lambda spy: spy.last("kitchen/event/bell/state"))
    broker.stop()  # its log is complete
    assert any(re.search(r" as steward-kitchen-\w+ \(.*\bk15\b", line) for line in broker.log)
    [event] = [
        line for line in broker.log if "Received PUBLISH from steward-kitchen" in line and "/event/bell/" in line
    ]
    assert "q1, r0" in event


@pytest.mark.parametrize(("held", "resets"), [(0, 3), (1000, 0)])
async def test_when_the_delays_begin_anew(room: Room, monkeypatch: pytest.MonkeyPatch, held: int, resets: int) -> None:
    """They do after a connection that was kept for a while, and only then."""

    class Delays(Backoff):
        left = 3
        resets = 0

        def next(self) -> float:
            self.left -= 1
            if self.left == 0:
                link.leave()
            return 0

        def reset(self) -> None:
            self.resets += 1

    @contextlib.asynccontextmanager
    async def lose() -> AsyncIterator[None]:
        raise aiomqtt.MqttError
        yield

    link = room.link
    delays = Delays(1, 2)
    monkeypatch.setattr(link_module, "_HELD", held)
    monkeypatch.setattr(link, "_backoff", delays)
    monkeypatch.setattr(link, "_client", lose)
    await link.run()
    assert delays.resets == resets


async def test_message_that_breaks_the_contract(
    room: Room,
    spy: Spy,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse() -> None:
        room.node._info_dirty = False
        raise ContractError(Reason.TOO_LARGE)

    monkeypatch.setattr(room.node, "take_info", refuse)
    async with linked(room):
        await spy.online()
        room.node.publish("one", TEMPERATURE, 21)
        await spy.until(lambda spy: spy.last("kitchen/sensor/temperature/state") == b"21")
    assert spy.info() is None
    assert len([record for record in caplog.records if "can't be sent" in record.message]) == 1
