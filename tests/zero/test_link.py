"""The link by itself: what it sends when something goes wrong, and in which order."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
import json
from pathlib import Path
import re

import aiomqtt
import pytest

from steward_house.protocol.entity import EventInfo
from steward_house.protocol.fields import ContractError, Reason
from steward_house.zero import link as link_module
from steward_house.zero.backoff import Backoff
from steward_house.zero.link import Link
from steward_house.zero.node import Happened, Node
from tests.broker import Broker

from .house import Spy
from .test_node import BELL, INSTANCE, TEMPERATURE, make, make_settings


@pytest.fixture
def node(tmp_path: Path, broker: Broker) -> Node:
    node = make(tmp_path, port=broker.port)
    node.declare("one", (TEMPERATURE, BELL))
    return node


@contextlib.asynccontextmanager
async def linked(node: Node, broker: Broker, directory: Path) -> AsyncIterator[asyncio.Task[None]]:
    """Have a link to the broker."""
    link = Link(make_settings(directory, port=broker.port), INSTANCE, node, lambda _: None)
    task = asyncio.create_task(link.run())
    try:
        yield task
    finally:
        link.leave()
        await asyncio.wait({task})


async def test_event_after_its_declaration(node: Node, broker: Broker, spy: Spy, tmp_path: Path) -> None:
    gong = EventInfo(key="gong", name="Gong", event_types=("rung",), module="one")
    async with linked(node, broker, tmp_path):
        await spy.online()
        await spy.caught_up()
        spy.messages.clear()
        node.declare("one", (TEMPERATURE, BELL, gong))
        node.happen("one", gong, "rung", {})
        await spy.until(lambda spy: spy.info() and spy.last("kitchen/event/gong/state"))
    assert [topic for topic, _ in spy.messages][:2] == ["steward/kitchen/info", "steward/kitchen/event/gong/state"]


async def test_states_before_an_event(node: Node, broker: Broker, spy: Spy, tmp_path: Path) -> None:
    """An automation that an event starts may ask for a state that its module told before it."""
    async with linked(node, broker, tmp_path):
        await spy.online()
        await spy.caught_up()
        spy.messages.clear()
        node.publish("one", TEMPERATURE, 36.5)
        node.happen("one", BELL, "rung", {})
        await spy.until(lambda spy: len(spy.messages) == 2)
    assert [topic.split("/")[2] for topic, _ in spy.messages][:2] == ["sensor", "event"]


async def test_contradicts_who_says_that_it_is_offline(node: Node, broker: Broker, spy: Spy, tmp_path: Path) -> None:
    """Another node with the same id has left: this one is still there, and says what it is again."""
    async with linked(node, broker, tmp_path):
        await spy.online()
        await spy.caught_up()
        spy.messages.clear()
        await spy.tell("kitchen/status", "offline", retain=True)
        await spy.until(lambda spy: spy.all("kitchen/status") == [b"offline", b"online"])
        assert spy.info()["instance"] == INSTANCE
        assert spy.last("kitchen/sensor/temperature/state")
    assert spy.all("kitchen/status")[:2] == [b"offline", b"online"]


async def test_fault_of_its_own(
    node: Node, broker: Broker, spy: Spy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker tells the last will only for connections that are lost."""
    async with linked(node, broker, tmp_path) as task:
        await spy.online()
        monkeypatch.setattr(node, "next_event", lambda: 1 // 0)
        node.publish("one", TEMPERATURE, 21)
        with pytest.raises(ZeroDivisionError):
            await task
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")


async def test_cancelled(node: Node, broker: Broker, spy: Spy, tmp_path: Path) -> None:
    async with linked(node, broker, tmp_path) as task:
        await spy.online()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")


async def test_last_words(
    node: Node, broker: Broker, spy: Spy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What modules tell just before the node leaves still goes out, while it is online."""
    monkeypatch.setattr(link_module, "_WINDOW", 0.2)
    first = asyncio.Event()
    sent = node.sent

    def tell(happened: Happened) -> None:
        sent(happened)
        first.set()

    monkeypatch.setattr(node, "sent", tell)
    async with linked(node, broker, tmp_path):
        await spy.online()
        await spy.caught_up()
        spy.messages.clear()
        node.happen("one", BELL, "rung", {"number": 1})
        await first.wait()
        # It has sent all events, and waits for more changes to gather before it sends states.
        node.happen("one", BELL, "rung", {"number": 2})
        node.publish("one", TEMPERATURE, 22)
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")
    topics = [topic.removeprefix("steward/kitchen/") for topic, _ in spy.messages]
    assert topics.count("event/bell/state") == 2
    assert spy.last("kitchen/sensor/temperature/state") == b"22"
    assert topics[-1] == "status"


async def test_event_while_the_broker_is_away(node: Node, broker: Broker, tmp_path: Path) -> None:
    async with linked(node, broker, tmp_path):
        async with Spy.on(broker.port) as spy:
            await spy.online()
        broker.stop()
        event = node.happen("one", BELL, "rung", {})
        broker.start()
        async with Spy.on(broker.port) as spy:
            heard = await spy.until(lambda spy: spy.last("kitchen/event/bell/state"))
        assert json.loads(heard)["id"] == event.id


class Cut:
    """A client whose connection has gone, which only the broker's silence tells."""

    async def publish(self, *_: object, **__: object) -> None:
        raise aiomqtt.MqttError


async def test_event_that_is_cut_off(node: Node, tmp_path: Path) -> None:
    """An event is kept until the broker has it."""
    node.take_info()
    node.happen("one", BELL, "rung", {})
    link = Link(make_settings(tmp_path), INSTANCE, node, lambda _: None)
    with pytest.raises(aiomqtt.MqttError):
        await link._send_events(Cut())
    assert node.next_event()


async def test_what_the_broker_is_asked_for(node: Node, broker: Broker, tmp_path: Path) -> None:
    async with linked(node, broker, tmp_path), Spy.on(broker.port) as spy:
        await spy.online()
        node.happen("one", BELL, "rung", {})
        await spy.until(lambda spy: spy.last("kitchen/event/bell/state"))
    broker.stop()  # its log is complete
    assert any(re.search(r" as steward-kitchen-\w+ \(.*\bk15\b", line) for line in broker.log)
    [event] = [
        line for line in broker.log if "Received PUBLISH from steward-kitchen" in line and "/event/bell/" in line
    ]
    assert "q1, r0" in event


@pytest.mark.parametrize(("held", "resets"), [(0, 3), (1000, 0)])
async def test_when_the_delays_begin_anew(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, resets: int
) -> None:
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

    link = Link(make_settings(tmp_path), INSTANCE, node, lambda _: None)
    delays = Delays(1, 2)
    monkeypatch.setattr(link_module, "_HELD", held)
    monkeypatch.setattr(link, "_backoff", delays)
    monkeypatch.setattr(link, "_client", lose)
    await link.run()
    assert delays.resets == resets


async def test_message_that_breaks_the_contract(
    node: Node,
    broker: Broker,
    spy: Spy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse() -> None:
        node._info_dirty = False
        raise ContractError(Reason.TOO_LARGE)

    monkeypatch.setattr(node, "take_info", refuse)
    async with linked(node, broker, tmp_path):
        await spy.online()
        node.publish("one", TEMPERATURE, 21)
        await spy.until(lambda spy: spy.last("kitchen/sensor/temperature/state") == b"21")
    assert spy.info() is None
    assert len([record for record in caplog.records if "can't be sent" in record.message]) == 1
