"""A hub for tests: its status, its heartbeat, and the acks that a test has it give."""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from datetime import UTC, datetime, timedelta
import json
from typing import Any, Final

from steward_house.protocol.hub import HEARTBEAT_TOPIC, STATUS_TOPIC, Ack, Heartbeat, HubStatus
from steward_house.protocol.rules import Rule, Rulebook

from .house import Spy

SESSION: Final = "01JD0000000000000000000001"
WILL: Final = "homeassistant/status"


class FakeHub:
    """Beats every 200 ms while it lives. `started` and `declined` are what it answers to events; `silent`: to none."""

    def __init__(self, spy: Spy, node: str) -> None:
        self.spy = spy
        self.skew = timedelta()
        self.started: tuple[str, ...] = ()
        self.declined: tuple[str, ...] = ()
        self.silent = False
        self._node = node
        self._tasks: list[asyncio.Task[None]] = []

    async def live(self, session: str = SESSION) -> None:
        """Come, or come back."""
        status = HubStatus("house", session, WILL, "offline")
        await self.spy.client.publish(STATUS_TOPIC, status.encode(), qos=1, retain=True)
        self._tasks = [asyncio.create_task(self._beat(session)), asyncio.create_task(self._answer())]

    async def die(self) -> None:
        """Be gone, and have the broker say so."""
        await self.stop()
        await self.spy.client.publish(WILL, "offline", qos=1)

    async def stop(self) -> None:
        """Be silent all of a sudden."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ack(self, cause: str, *started: str, declined: tuple[str, ...] = ()) -> None:
        ack = Ack(cause, started, declined)
        await self.spy.client.publish(f"steward/{self._node}/ack", ack.encode(), qos=1)

    async def rules(self, *rules: Rule, version: int = 1) -> None:
        book = Rulebook(version, "Europe/Zurich", rules)
        await self.spy.client.publish(f"steward/{self._node}/rules", book.encode(), qos=1, retain=True)

    async def _beat(self, session: str) -> None:
        while True:
            await self.spy.client.publish(HEARTBEAT_TOPIC, Heartbeat(session, datetime.now(UTC) + self.skew).encode())
            await asyncio.sleep(0.2)

    async def _answer(self) -> None:
        seen = len(self.spy.messages)
        while True:
            await self.spy.until(lambda spy: len(spy.messages) > seen)  # noqa: B023
            news, seen = self.spy.messages[seen:], len(self.spy.messages)
            for topic, payload in news:
                if not self.silent and topic.startswith(f"steward/{self._node}/event/"):
                    await self.ack(json.loads(payload)["id"], *self.started, declined=self.declined)
                elif topic == f"steward/{self._node}/journal" and not self.silent:
                    await self.ack(json.loads(payload)["id"])

    def journal(self) -> list[dict[str, Any]]:
        """Return all entries that the node has told."""
        parts = {part["id"]: part for part in map(json.loads, self.spy.all(f"{self._node}/journal"))}
        return [entry for part in parts.values() for entry in part["entries"]]


@contextlib.asynccontextmanager
async def hub_of(spy: Spy, node: str = "kitchen") -> AsyncIterator[FakeHub]:
    """Have a hub that isn't there yet."""
    hub = FakeHub(spy, node)
    try:
        yield hub
    finally:
        await hub.stop()
