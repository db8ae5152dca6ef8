"""Child processes: started with a log file, watched while they run, stopped by their id."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
import os
from pathlib import Path
import shutil
import socket
import sys
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout."""
LOOPBACK: Final = "127.0.0.1"
STOP_SECONDS: Final = 25
"""How long a program may take to stop by itself; Home Assistant writes its last states first."""


class DemoError(Exception):
    """What keeps the demo from running, in words for whoever started it."""


def say(text: str) -> None:
    """Tell progress; standard output is for results."""
    print(f"demo: {text}", file=sys.stderr, flush=True)


def is_free(port: int) -> bool:
    """Tell whether nothing listens on a TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a TCP port that the system assigned."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _with_parent() -> tuple[str, ...]:
    """Return what has to stand before a command for it to be stopped when its parent dies; nothing where that can't be had."""
    program = shutil.which("setpriv")
    return (program, "--pdeathsig", "TERM", "--") if program else ()


class Process:
    """A program that runs beside the demo.

    It has a session of its own: Ctrl-C reaches the demo only, which then stops its programs in order. Should the demo be killed, Linux
    stops them: to be exact when the thread ends that started them, which has to be the main one.
    """

    def __init__(self, name: str, *arguments: str, log: Path, environment: Mapping[str, str] | None = None) -> None:
        """Take what to run, where its output goes, and what its environment has besides the demo's own."""
        self.name = name
        self.stopping = False
        self._arguments = arguments
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the program."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *_with_parent(),
                *self._arguments,
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )

    async def watch(self) -> None:
        """Return when the program has been stopped.

        Raises:
            DemoError: it ended by itself.
        """
        code = await self.wait()
        if not self.stopping:
            message = f"{self.name} ended by itself with code {code}; its log is {self._log}"
            raise DemoError(message)

    async def wait(self) -> int:
        """Return the program's exit code when it has ended; 0 where it was never started."""
        return await self._process.wait() if self._process else 0

    @property
    def pid(self) -> int:
        """The id of the program's process; 0 where it was never started."""
        return self._process.pid if self._process else 0

    async def kill(self) -> None:
        """End the program as a power cut would, and return when it has ended."""
        self.stopping = True
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self.wait()

    async def stop(self) -> int:
        """Stop the program, by force when it does not leave by itself, and return its exit code."""
        self.stopping = True
        if self._process is None:
            return 0
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self.wait()
        except TimeoutError:
            say(f"{self.name} does not stop; ending it by force")
            self._process.kill()
            return await self.wait()
