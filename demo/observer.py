"""An observer on the broker: what the nodes say, with the time at which it was heard."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import socket
from time import monotonic
from typing import Final

import aiomqtt

from steward_house.protocol.entity import EventInfo, Platform, State
from steward_house.protocol.node import Address, Event, Leaf, NodeInfo, decode_states

from .process import LOOPBACK, DemoError

SECONDS: Final = 15


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a node: an entity's state, or an event, and when it was heard on the monotonic clock, in seconds."""

    node: str
    platform: Platform
    key: str
    said: State | Event
    at: float


@dataclass(slots=True)
class Observer:
    """What the nodes have said up to now."""

    infos: dict[str, NodeInfo] = field(default_factory=dict)
    _waiters: list[tuple[Callable[[Heard], bool], asyncio.Future[Heard]]] = field(default_factory=list)
    _informed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_for_infos(self, nodes: Collection[str]) -> dict[str, NodeInfo]:
        """Return the infos of these nodes, when all have told theirs.

        Raises:
            DemoError: one didn't in time.
        """
        try:
            async with asyncio.timeout(SECONDS):
                while not set(nodes) <= set(self.infos):
                    self._informed.clear()
                    await self._informed.wait()
        except TimeoutError:
            message = f"nothing is heard of {', '.join(sorted(set(nodes) - set(self.infos)))}"
            raise DemoError(message) from None
        return {node: self.infos[node] for node in nodes}

    def next(self, holds: Callable[[Heard], bool]) -> asyncio.Future[Heard]:
        """Return a future of the first message from now on that something holds for."""
        future: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._waiters.append((holds, future))
        return future

    def hear(self, message: aiomqtt.Message) -> None:
        """Take a message of the broker."""
        at = monotonic()
        address = Address.parse(message.topic.value)
        payload = message.payload if isinstance(message.payload, bytes) else b""
        if address.leaf is Leaf.INFO:
            self.infos[address.node] = NodeInfo.decode(payload)
            self._informed.set()
            return
        info = self.infos.get(address.node)
        if info is None or message.retain or address.command:
            return
        entities = {entity.id: entity for entity in info.entities}
        if address.leaf is Leaf.STATES:
            for name, value in decode_states(payload).items():
                platform, _, key = name.partition("/")
                entity = entities[Platform(platform), key]
                self._tell(Heard(address.node, entity.platform, key, entity.from_json(value), at))
        elif address.platform is not None and address.key is not None:
            entity = entities[address.platform, address.key]
            said = Event.decode(payload, entity) if isinstance(entity, EventInfo) else entity.decode(payload)
            self._tell(Heard(address.node, entity.platform, address.key, said, at))

    def _tell(self, heard: Heard) -> None:
        for waiter in [waiter for waiter in self._waiters if waiter[1].done() or waiter[0](heard)]:
            self._waiters.remove(waiter)
            if not waiter[1].done():
                waiter[1].set_result(heard)


@asynccontextmanager
async def observing(port: int) -> AsyncIterator[Observer]:
    """Listen to all nodes on a broker on the loopback interface."""
    observer = Observer()
    # Without TCP_NODELAY small messages wait for the acknowledgement of the one before: Nagle's time would be measured.
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    async with aiomqtt.Client(LOOPBACK, port, socket_options=options) as client:
        await client.subscribe("steward/#")
        listening = asyncio.create_task(_listen(client, observer))
        try:
            yield observer
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError, aiomqtt.MqttError):  # the broker may be gone
                await listening


async def _listen(client: aiomqtt.Client, observer: Observer) -> None:
    async for message in client.messages:
        observer.hear(message)
