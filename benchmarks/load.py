"""The load generator of the dispatcher's benchmark: sends events, sees the commands that they lead to, takes the times.

Every event leads to one command, in order, so the n-th command is the n-th event's; one command too few or too many is an error.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import gc
import os
import random
from time import perf_counter, time_ns
from typing import Final

from steward_house.protocol.fields import stamp
from steward_house.protocol.ulid import RANDOM_BYTES, ulid

from .certificates import Certificates
from .mqtt import Connection

EVENT_TOPIC: Final = "steward/kitchen/event/button/state"
COMMAND_TOPIC: Final = "steward/hall/switch/light/command"
EVENT_TYPE: Final = "pressed"
COMMAND: Final = b"ON"

PROBE_SECONDS: Final = 0.25
READY_SECONDS: Final = 90
SETTLE_SECONDS: Final = 1.0
RETAIN_SECONDS: Final = 60
SILENCE_SECONDS: Final = 10
"""Without a command for so long, none comes any more."""
TICK_SECONDS: Final = 0.001
HOLD_SECONDS: Final = 5
BACKLOG_SECONDS: Final = 0.1
"""A rate is held when at its end no more than what came in so many seconds isn't done: 2 % of all, or once a short pause."""
WARM_UP: Final = 500
WARM_UP_RATE: Final = 250


class LoadError(RuntimeError):
    """What was to be measured didn't happen."""


class Load:
    """Sends events and sees commands."""

    def __init__(self, expected: bytes | None) -> None:
        """Take the payload that every command has to have; None if any will do."""
        self._expected = expected
        self._link = Connection(self._receive)
        self._sent: list[float] = []
        self._received: list[float] = []
        self._wrong: bytes | None = None
        self._random = random.Random(0)  # noqa: S311 - the gaps between events are no secret

    async def connect(self, port: int, certificates: Certificates, observed: str) -> None:
        """Connect to the broker and observe a topic."""
        await self._link.connect(port, "load", certificates.context("load"))
        await self._link.subscribe(observed)

    def close(self) -> None:
        """Leave the broker."""
        self._link.close()

    async def retain(self, messages: Mapping[str, bytes]) -> None:
        """Leave messages on the broker, by topic; they are there when this returns.

        Raises:
            LoadError: the broker doesn't answer.
        """
        for topic, payload in messages.items():
            self._link.publish(topic.encode(), payload, retain=True)
        try:
            async with asyncio.timeout(RETAIN_SECONDS):
                while self._link.unacknowledged:  # noqa: ASYNC110 - a look now and then disturbs least
                    await asyncio.sleep(TICK_SECONDS)
        except TimeoutError:
            message = "the broker doesn't take messages"
            raise LoadError(message) from None

    async def ready(self) -> None:
        """Send events until one leads to a command, then some more, so that every program has warmed up.

        Raises:
            LoadError: no command came.
        """
        for _ in range(int(READY_SECONDS / PROBE_SECONDS)):
            self._send()
            await asyncio.sleep(PROBE_SECONDS)
            if self._received:
                break
        else:
            message = f"no command came within {READY_SECONDS} s"
            raise LoadError(message)
        await asyncio.sleep(SETTLE_SECONDS)
        await self.latencies(WARM_UP_RATE, WARM_UP)

    async def latencies(self, rate: float, count: int) -> list[float]:
        """Send events with gaps of half to one and a half of the mean; return the seconds until each one's command, in ascending order.

        Raises:
            LoadError: not every event led to one command.
        """
        self._forget()
        for _ in range(count):
            self._send()
            await asyncio.sleep(self._random.uniform(0.5, 1.5) / rate)
        await self._drain()
        return sorted(done - sent for sent, done in zip(self._sent, self._received, strict=True))

    async def holds(self, rate: float) -> bool:
        """Offer events at a rate for five seconds; return whether the commands keep up.

        A rate that the generator itself can't offer, as all share the machine, isn't held either; nor is one at which something is dropped.

        Raises:
            LoadError: an event led to two commands, or to a wrong one.
        """
        self._forget()
        total = round(rate * HOLD_SECONDS)
        start = perf_counter()
        while (sent := len(self._sent)) < total:
            for _ in range(min(int((perf_counter() - start) * rate) + 1, total) - sent):
                self._send()
            await asyncio.sleep(TICK_SECONDS)
        late = perf_counter() - start - HOLD_SECONDS
        backlog = total - len(self._received)
        if not await self._drain(may_drop=True):
            return False
        return late <= BACKLOG_SECONDS and backlog <= BACKLOG_SECONDS * rate

    def _send(self) -> None:
        now = time_ns() // 1_000_000
        at = stamp(datetime.fromtimestamp(now / 1000, UTC))
        identifier = ulid(now, os.urandom(RANDOM_BYTES))
        payload = f'{{"event_type":"{EVENT_TYPE}","id":"{identifier}","at":"{at}"}}'.encode()
        self._sent.append(perf_counter())
        self._link.publish(EVENT_TOPIC.encode(), payload)

    def _receive(self, _topic: bytes, payload: bytes) -> None:
        self._received.append(perf_counter())
        if self._expected is not None and payload != self._expected:
            self._wrong = payload

    def _forget(self) -> None:
        self._sent.clear()
        self._received.clear()

    async def _drain(self, *, may_drop: bool = False) -> bool:
        """Return when all events' commands have come, or none comes any more; tell whether none was dropped.

        Raises:
            LoadError: an event led to two commands, to a wrong one, or to none although it may not.
        """
        count, since = -1, perf_counter()
        while len(self._received) < len(self._sent) and perf_counter() < since + SILENCE_SECONDS:
            if count != len(self._received):
                count, since = len(self._received), perf_counter()
            await asyncio.sleep(0.02)
        await asyncio.sleep(SETTLE_SECONDS)
        dropped = len(self._sent) - len(self._received)
        if dropped < 0 or (dropped and not may_drop):
            message = f"{len(self._sent)} events led to {len(self._received)} commands"
            raise LoadError(message)
        if self._wrong is not None:
            message = f"a command was {self._wrong!r}"
            raise LoadError(message)
        return not dropped


@asynccontextmanager
async def load(
    port: int, certificates: Certificates, observed: str = COMMAND_TOPIC, expected: bytes | None = COMMAND
) -> AsyncIterator[Load]:
    """Give a load generator that is connected to a broker with TLS."""
    gc.collect()
    gc.freeze()  # a full collection in the middle would be measured as somebody's delay
    generator = Load(expected)
    await generator.connect(port, certificates, observed)
    try:
        yield generator
    finally:
        generator.close()
