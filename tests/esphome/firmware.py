"""Builds ESPHome nodes for this machine and runs them: programs with ESPHome's own API, without hardware."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
import os
from pathlib import Path
import socket
import subprocess
import sys
from typing import Any, Final

from aioesphomeapi import APIClient, EntityInfo, EntityState, UserService

ROOT: Final = Path(__file__).parents[2]
NODES: Final = Path(__file__).parent / "nodes"
DATA: Final = ROOT / ".esphome"
"""Where ESPHome keeps its builds, so that a second run compiles only what changed."""
PATIENCE: Final = 20
"""Seconds within which a node has to do what is waited for."""


def esphome(*arguments: str, substitutions: dict[str, str] | None = None) -> str:
    """Run ESPHome and return what it prints; the test fails if ESPHome does."""
    options = [word for item in (substitutions or {}).items() for word in ("-s", *item)]
    done = subprocess.run(
        [sys.executable, "-m", "esphome", *options, *arguments],
        cwd=ROOT,
        env={**os.environ, "ESPHOME_DATA_DIR": str(DATA)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def build(name: str) -> Path:
    """Compile one of the nodes of this folder for this machine; return the program."""
    node = name.replace("_", "-")
    esphome("compile", str(NODES / f"{name}.yaml"))
    return DATA / "build" / node / ".pioenvs" / node / "program"


class Client:
    """One client of a node's API. With `follow`, it takes all states, as Home Assistant does, into `history`."""

    def __init__(self, api: APIClient) -> None:
        self.api = api
        self.history: list[tuple[str, EntityState]] = []
        self._entities: dict[int, EntityInfo] = {}
        self._services: dict[str, UserService] = {}
        self._changed = asyncio.Event()

    async def learn(self) -> None:
        """Learn which entities and actions the node has."""
        entities, services = await self.api.list_entities_services()
        self._entities = {entity.key: entity for entity in entities}
        self._services = {service.name: service for service in services}

    def follow(self) -> None:
        """Take the node's states from now on; it sends the present ones first."""
        self.api.subscribe_states(self._take)

    async def act(self, action: str, **data: Any) -> None:
        """Run one of the node's actions to its end."""
        await self.api.execute_service(self._services[action], data, return_response=False, timeout=PATIENCE)

    def key(self, name: str) -> int:
        """Return the key of an entity."""
        return next(key for key, entity in self._entities.items() if entity.name == name)

    def states(self, name: str) -> list[Any]:
        """Return the states of an entity so far, oldest first."""
        return [state.state for entity, state in self.history if entity == name]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for states that fulfil a condition."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def _take(self, state: EntityState) -> None:
        self.history.append((self._entities[state.key].name, state))
        self._changed.set()


class Node:
    """A running node."""

    def __init__(self, port: int) -> None:
        self.port = port

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Connect a client."""
        api = APIClient("127.0.0.1", self.port, None)
        await api.connect()
        try:
            client = Client(api)
            await client.learn()
            yield client
        finally:
            await api.disconnect()


@asynccontextmanager
async def run(program: Path, directory: Path) -> AsyncIterator[Node]:
    """Run a node's program until the block ends; `directory` is its flash memory."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "stdbuf",
        "-oL",
        program,
        env={**os.environ, "API_PORT": str(port), "ESPHOME_PREFDIR": str(directory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    drain = None
    try:
        async with asyncio.timeout(PATIENCE):
            while b"setup() finished successfully" not in (line := await process.stdout.readline()):
                assert line, "the node ended before it was set up"
        drain = asyncio.create_task(process.stdout.read())
        yield Node(port)
    finally:
        process.kill()
        await process.wait()
        if drain:
            await drain
