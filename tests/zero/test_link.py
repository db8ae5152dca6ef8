"""The link by itself: what it sends when something goes wrong, and in which order."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from pathlib import Path

import pytest

from steward_house.protocol.entity import EventInfo
from steward_house.protocol.fields import ContractError, Reason
from steward_house.zero import link as link_module
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
