"""What the tests of the daemon stand on: the daemon as a process of its own, and a listener on the broker."""

import asyncio
from collections.abc import Callable
import contextlib
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
from typing import Any, Final, Self

import aiomqtt
import yaml

PATIENCE: Final = 30
LAUNCH: Final = """
from pathlib import Path
import sys
from steward_house.zero.daemon import start
from steward_house.zero.supervisor import Patience
patience = Patience(first_delay=0.05, most_delay=0.2, settled=0.2, proven=10, grace=0.3)
sys.exit(start(Path(sys.argv[1]), patience, block_limit=0.4))
"""
"""The daemon with times that a test can wait for."""


class Zero:
    """The daemon as a process."""

    def __init__(self, directory: Path, settings: dict[str, Any], *, plugins: Path | None = None, quick: bool = False):
        self.settings = directory / "zero.yaml"
        self.settings.write_text(yaml.safe_dump(settings))
        self.log: list[str] = []
        self._news = threading.Condition()
        arguments = (
            ["-c", LAUNCH, self.settings] if quick else ["-m", "steward_house.cli", "zero", "--config", self.settings]
        )
        paths = [str(plugins)] if plugins else []
        paths += [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.log.append(line.rstrip())
                self._news.notify_all()

    def until(self, text: str) -> None:
        """Wait until a line of its log contains a text."""
        with self._news:
            assert self._news.wait_for(lambda: any(text in line for line in self.log), PATIENCE)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)


class Spy:
    """Listens to everything, from the retained messages on."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.messages: list[tuple[str, bytes]] = []
        self._news = asyncio.Condition()

    @classmethod
    @contextlib.asynccontextmanager
    async def on(cls, port: int):
        async with aiomqtt.Client("127.0.0.1", port) as client:
            spy = cls(client)
            await client.subscribe("steward/#", qos=1)
            listening = asyncio.create_task(spy._listen())
            try:
                yield spy
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self) -> None:
        async for message in self.client.messages:
            async with self._news:
                self.messages.append((message.topic.value, bytes(message.payload)))
                self._news.notify_all()

    async def until(self, condition: Callable[[Self], Any]) -> Any:
        """Wait until a condition holds; return what it returned."""
        async with asyncio.timeout(PATIENCE), self._news:
            while not (result := condition(self)):
                await self._news.wait()
            return result

    def last(self, topic: str) -> bytes | None:
        return next((payload for name, payload in reversed(self.messages) if name == f"steward/{topic}"), None)

    def all(self, topic: str) -> list[bytes]:
        return [payload for name, payload in self.messages if name == f"steward/{topic}"]

    def info(self, node: str = "kitchen") -> Any:
        payload = self.last(f"{node}/info")
        return json.loads(payload) if payload else None

    async def online(self, node: str = "kitchen") -> None:
        await self.until(lambda spy: spy.last(f"{node}/status") == b"online")

    async def tell(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        await self.client.publish(f"steward/{topic}", payload, qos=1, retain=retain)

    async def caught_up(self) -> None:
        """Wait until everything has arrived that the broker had to say before now, retained messages too."""
        await self.tell("spy/mark", b"")
        await self.until(lambda spy: spy.last("spy/mark") is not None)
