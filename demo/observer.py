"""An observer on the broker: what the nodes say, with the time at which it was heard. It can press their buttons, too."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import socket
from time import monotonic
from typing import Final

import aiomqtt

from steward_house.protocol.entity import EventInfo, Platform, State
from steward_house.protocol.fields import ContractError
from steward_house.protocol.node import Address, Event, Leaf, NodeInfo, command_topic, decode_states

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

    client: aiomqtt.Client
    infos: dict[str, NodeInfo] = field(default_factory=dict)
    _listeners: list[Callable[[Heard], None]] = field(default_factory=list)
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

    def listen(self, listener: Callable[[Heard], None]) -> None:
        """Call a function with every message from now on."""
        self._listeners.append(listener)

    async def press(self, node: str, button: str) -> None:
        """Press a button of a node without Home Assistant."""
        await self.client.publish(command_topic(node, Platform.BUTTON, button), "PRESS", qos=1)

    def hear(self, message: aiomqtt.Message) -> None:
        """Take a message of the broker; one that isn't a node's, or breaks the contract, is Home Assistant's to judge."""
        at = monotonic()
        with suppress(ContractError):
            address = Address.parse(message.topic.value)
            if address.leaf is Leaf.INFO:
                self.infos[address.node] = NodeInfo.decode(message.payload)
                self._informed.set()
            elif address.node in self.infos and not message.retain and not address.command:
                for platform, key, said in self._read(address, message.payload):
                    self._tell(Heard(address.node, platform, key, said, at))

    def _read(self, address: Address, payload: bytes) -> Iterator[tuple[Platform, str, State | Event]]:
        """Return what a message of a known node says about its entities."""
        states = decode_states(payload) if address.leaf is Leaf.STATES else {}
        for entity in self.infos[address.node].entities:
            if (name := f"{entity.platform}/{entity.key}") in states:
                yield entity.platform, entity.key, entity.from_json(states[name])
            elif entity.id == (address.platform, address.key):
                said = Event.decode(payload, entity) if isinstance(entity, EventInfo) else entity.decode(payload)
                yield entity.platform, entity.key, said

    def _tell(self, heard: Heard) -> None:
        for listener in self._listeners:
            listener(heard)
        for waiter in [waiter for waiter in self._waiters if waiter[1].done() or waiter[0](heard)]:
            self._waiters.remove(waiter)
            if not waiter[1].done():
                waiter[1].set_result(heard)


@asynccontextmanager
async def observing(port: int) -> AsyncIterator[Observer]:
    """Listen to all nodes on a broker on the loopback interface."""
    # Without TCP_NODELAY small messages wait for the acknowledgement of the one before: Nagle's time would be measured.
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    async with aiomqtt.Client(LOOPBACK, port, socket_options=options) as client:
        observer = Observer(client)
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
