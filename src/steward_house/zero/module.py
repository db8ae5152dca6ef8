"""What a module is, and what the node does for it: the interface for plugins.

A module is a class in the entry-point group `steward.zero_modules`. It declares its entities, tells their states and events, and takes
the commands to them, all through its context. Whatever else it does, the node only knows that it runs, or what it failed with.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
import logging
import threading
from typing import Any, ClassVar, Final, Protocol

from ..protocol.entity import EntityInfo, EventInfo, Platform, State
from ..protocol.fields import Json
from ..protocol.node import Event
from .worker import Worker

_LOG: Final = logging.getLogger(__name__)
COMMAND_LIFE: Final = 10.0
"""Seconds after which a command isn't carried out any more: late is worse than never."""
_MAX_COMMANDS: Final = 100


class ModuleProblemError(Exception):
    """What keeps a module from working, in words for whoever owns the house; it is shown without a traceback."""


@dataclass(frozen=True, slots=True)
class Received:
    """A command to one of the module's entities: its valid, absolute target, and the loop's time until which it is to be carried out."""

    entity: EntityInfo
    target: State
    deadline: float


type Tell = Callable[[Received], bool]
"""Hands a command to the module that its entity belongs to; tells whether that runs."""


class Host(Protocol):
    """The node, as far as a module's context needs it."""

    def declare(self, module: str, entities: tuple[EntityInfo, ...]) -> None:
        """Take the entities that a module has from now on."""

    def publish(self, module: str, entity: EntityInfo, state: State) -> None:
        """Take an entity's state."""

    def last(self, entity: EntityInfo) -> State:
        """Return the last state that an entity is known to have had."""

    def happen(self, module: str, entity: EventInfo, event_type: str, attributes: Mapping[str, Json]) -> Event:
        """Take an event that happens now."""


class Context:
    """One run of a module: the node's side of it. Every call is also a sign of life.

    It belongs to the event loop's thread: from another one, such as that of a library's callbacks, use `loop.call_soon_threadsafe`.
    Methods that tell the node something raise `ContractError` where the node contract doesn't allow it.
    """

    def __init__(self, host: Host, module: str, stall: float | None) -> None:
        """Begin a run; `stall` is how many seconds without a sign of life are too many."""
        self.module = module
        self.worker = Worker(f"module {module}")
        self._host = host
        self._stall = stall
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._start = self._sign = self._deadline = self._loop.time()
        self._closed = False
        self._commands: deque[Received] = deque(maxlen=_MAX_COMMANDS)
        self._arrived = asyncio.Event()
        self._own: dict[tuple[Platform, str], EntityInfo] = {}
        self.alive()

    def alive(self) -> None:
        """Tell that the module is well, from work that needs nothing else of the context."""
        self._extend(0)

    def declare(self, *entities: EntityInfo) -> None:
        """Say which entities the module has from now on: all of them; others that it had are gone.

        To be called before hardware is opened, so that the entities stay known when that fails.
        """
        self.alive()
        self._own = {entity.id: entity for entity in entities}
        self._host.declare(self.module, tuple(replace(entity, module=self.module) for entity in entities))

    def publish(self, entity: EntityInfo, state: State) -> None:
        """Tell an entity's state, None when it isn't known; the house hears of it when it has changed."""
        self.alive()
        self._host.publish(self.module, entity, state)

    def last(self, entity: EntityInfo) -> State:
        """Return the entity's last known state, from before the module was restarted; a switch's or number's from any earlier run."""
        self.alive()
        return self._host.last(entity)

    def event(self, entity: EventInfo, event_type: str, **attributes: Json) -> Event:
        """Tell that something happens at this moment."""
        self.alive()
        return self._host.happen(self.module, entity, event_type, attributes)

    async def commands(self) -> AsyncIterator[Received]:
        """Yield the commands to the module's entities, for ever. A module has one such loop at a time."""
        while True:
            self._arrived.clear()
            while self._commands:
                command = self._commands.popleft()
                self.alive()
                if self._loop.time() <= command.deadline:
                    # With the very entity that the module declared, so that it can compare.
                    yield replace(command, entity=self._own.get(command.entity.id, command.entity))
                else:
                    _LOG.warning("%s was too busy for a command to %s", self.module, command.entity.key)
            await self._arrived.wait()

    async def every(self, seconds: float) -> AsyncIterator[None]:
        """Yield at once and then every so many seconds, for ever; beats that were missed are left out."""
        beat = self._loop.time()
        while True:
            self._extend(seconds)
            yield
            beat = max(beat + seconds, self._loop.time())
            self._extend(seconds)
            await asyncio.sleep(beat - self._loop.time())

    async def blocking[T](self, function: Callable[[], T], limit: float = 10) -> T:
        """Run a function that blocks, such as a bus access, beside the event loop, after those that run already.

        Raises:
            HangingError: it isn't done after `limit` seconds.
        """
        self._extend(limit)
        result = await self.worker.call(function, limit)
        self.alive()
        return result

    # --- the node's side ---------------------------------------------------------------------------------------------

    def tell(self, command: Received) -> None:
        """Hand the module a command."""
        self._commands.append(command)
        self._arrived.set()

    def patience(self) -> float | None:
        """Return after how many more seconds without a sign of life the module counts as hanging; None for never."""
        return None if self._stall is None else max(0.0, self._deadline - self._loop.time())

    def lively_after(self, seconds: float) -> bool:
        """Whether there was a sign of life after so many seconds; from a module that may be silent none is asked for."""
        last = self._loop.time() if self._stall is None else self._sign
        return last - self._start >= seconds

    def close(self) -> None:
        """End the run: whatever goes on of the module can't tell the node anything any more."""
        self._closed = True
        self.worker.close()

    def _extend(self, seconds: float) -> None:
        if threading.get_ident() != self._thread:
            message = (
                f"the context of the module {self.module} belongs to the event loop's thread: loop.call_soon_threadsafe"
            )
            raise RuntimeError(message)
        if self._closed:
            message = f"this run of the module {self.module} has ended"
            raise RuntimeError(message)
        self._sign = self._loop.time()
        self._deadline = max(self._deadline, self._sign + seconds + (self._stall or 0))


class Module:
    """A part of the node that talks to one kind of hardware."""

    schema: ClassVar[dict[Any, Any]] = {}
    """The module's settings, for voluptuous."""
    stall: ClassVar[float | None] = 60
    """Seconds without a sign of life after which the module counts as hanging; None if it may be silent for ever."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take settings that are valid by the schema."""
        self.settings = settings

    async def run(self, context: Context) -> None:
        """Do the module's work until it is cancelled.

        To raise and to return both count as a failure, after which a new instance is made and started. Tasks of its own belong into an
        `asyncio.TaskGroup`, so that they end with it.
        """
        raise NotImplementedError
