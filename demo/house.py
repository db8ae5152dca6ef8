"""The house: its broker, Home Assistant and area nodes, started together and stopped together."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
import fcntl
import json
from pathlib import Path
import shutil
from typing import Final

from .books import Books
from .broker import Broker, Kind
from .client import Client, connect
from .homeassistant import HomeAssistant
from .observer import Observer, observing
from .plant import Plant
from .process import DemoError, Process, free_port, is_free
from .rooms import ROOMS, Node, Room
from .witness import WitnessProcess

LOCK: Final = "lock"
"""The file that a running demo holds a lock on, and that shows whose a folder is."""

PORT_FILE: Final = "broker.json"
WITNESS_PORT: Final = "witness.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What house to start.

    `folder` keeps its data between runs; `port` is Home Assistant's; a simulated day lasts `day` seconds; `solar` says whether there is
    a solar plant, for which books are kept, and a neighbour who witnesses them.
    """

    folder: Path
    port: int
    broker: Kind
    day: float = 600
    rooms: Sequence[Room] = ROOMS
    solar: bool = False


class House:
    """A running house. Whatever of it ends by itself ends the `watch` task group. Its `books` are there once it is furnished."""

    def __init__(self, plan: Plan, watch: asyncio.TaskGroup) -> None:
        """Take what to start, and the group that its programs are watched in."""
        self.plan = plan
        self.books: Books | None = None
        self._watch = watch
        self._logs = plan.folder / "logs"
        self.broker = self._new_broker(_kept_port(plan.folder / PORT_FILE))
        self.home_assistant = self._new_home_assistant()
        self.nodes = [Node(room, plan.folder / "nodes", self._logs, self.broker.port, plan.day) for room in plan.rooms]
        self.plant = Plant(plan.folder / "plant", self._logs, self.broker.port)
        witness = plan.folder / "witness"
        self.witness = WitnessProcess(witness, _kept_port(plan.folder / WITNESS_PORT), self._logs)

    async def start(self) -> None:
        """Start the broker, then everything else."""
        await self._start(self.broker)
        for process in (self.home_assistant, *self.nodes, *self._solar):
            await self._start(process)

    async def stop(self) -> list[str]:
        """Stop everything, the broker last; return what did not leave cleanly."""
        processes: list[Process] = [*self.nodes, self.home_assistant]
        codes = await asyncio.gather(*(process.stop() for process in processes))
        for process in (*self._solar, self.broker):
            processes.append(process)
            codes.append(await process.stop())
        return [f"{process.name} left with code {code}" for process, code in zip(processes, codes, strict=True) if code]

    async def stop_broker(self) -> None:
        """Stop the broker; the house lives on without it."""
        await self.broker.stop()

    async def start_broker(self) -> None:
        """Start the broker again, on its port."""
        self.broker = self._new_broker(self.broker.port)
        await self._start(self.broker)

    async def kill_home_assistant(self) -> None:
        """Kill Home Assistant; the house lives on without it."""
        await self.home_assistant.kill()

    async def start_home_assistant(self) -> None:
        """Start Home Assistant again, on its port."""
        self.home_assistant = self._new_home_assistant()
        await self._start(self.home_assistant)

    @property
    def _solar(self) -> tuple[Process, ...]:
        return (self.plant, self.witness) if self.plan.solar else ()

    def _new_home_assistant(self) -> HomeAssistant:
        return HomeAssistant(self.plan.folder / "homeassistant", self.plan.port, self._logs)

    def _new_broker(self, port: int) -> Broker:
        return Broker(self.plan.broker, port, self.plan.folder / "broker", self._logs)

    async def _start(self, process: Process) -> None:
        await process.start()
        self._watch.create_task(process.watch())


@asynccontextmanager
async def running(plan: Plan) -> AsyncIterator[House]:
    """Run a house; it is stopped, whatever happens.

    Raises:
        DemoError: another demo uses the folder, or a program of the house ended by itself (within a group).
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    with _owned(plan.folder):
        async with asyncio.TaskGroup() as watch:
            house = House(plan, watch)
            try:
                await house.start()
                yield house
            finally:
                await house.stop()


@asynccontextmanager
async def visiting(house: House) -> AsyncIterator[tuple[Client, Observer]]:
    """Be with a house: with its Home Assistant, whose states are kept up to date, and on its broker."""
    token = await house.home_assistant.token()
    async with connect(house.home_assistant.address, token) as client, observing(house.broker.port) as observer:
        await client.watch_states()
        yield client, observer


def reset(folder: Path) -> None:
    """Forget an earlier run.

    Raises:
        DemoError: the folder is none of a demo's, or a demo is running in it.
    """
    if not folder.exists():
        return
    if not (folder / LOCK).exists():
        message = f"{folder} was not made by the demo; not removing it"
        raise DemoError(message)
    with _owned(folder):
        shutil.rmtree(folder)


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Let no other demo use a folder meanwhile.

    Raises:
        DemoError: another one uses it already.
    """
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"another demo is running in {folder}; stop it first"
            raise DemoError(message) from None
        yield


def last_broker_port(folder: Path) -> int:
    """Return the port of the broker of the run that goes on in a folder, or was the last one.

    Raises:
        DemoError: there was none.
    """
    file = folder / PORT_FILE
    if not file.exists():
        message = f"no demo was ever started in {folder}"
        raise DemoError(message)
    return _port_in(file)


def _kept_port(file: Path) -> int:
    """Return the port of the last run where it is free, since Home Assistant knows it, else another one."""
    if file.exists() and is_free(port := _port_in(file)):
        return port
    port = free_port()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"port": port}))
    return port


def _port_in(file: Path) -> int:
    port: int = json.loads(file.read_text())["port"]
    return port
