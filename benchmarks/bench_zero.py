"""Measures the area node's daemon with both modules: from the start of the process to `online`, and its memory.

The daemon runs as it does where it is installed: with compiled modules, whatever the environment says about writing them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import os
from pathlib import Path
import socket
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time
from typing import Final

import aiomqtt
import psutil
import yaml

from .broker import HOST, broker

ROUNDS: Final = 5
PATIENCE: Final = 30
NODE: Final = "steward/bench"


def run(rounds: int = ROUNDS) -> dict[str, float]:
    """Return the medians of `start_to_online_ms` (ms) and `rss_mb` (millions of bytes, after a gesture)."""
    with broker() as port, TemporaryDirectory() as directory:
        return asyncio.run(_measure(port, Path(directory), rounds))


async def _measure(port: int, directory: Path, rounds: int) -> dict[str, float]:
    settings = directory / "zero.yaml"
    settings.write_text(
        yaml.safe_dump(
            {
                "node": "bench",
                "state_dir": "state",
                "mqtt": {"host": HOST, "port": port},
                "modules": {"system": {}, "baby_stitch": {"hardware": "simulated"}},
            }
        )
    )
    starts: list[float] = []
    sizes: list[float] = []
    # The first round compiles and doesn't count.
    for _ in range(rounds + 1):
        start, size = await _round(port, settings, directory / "cache")
        starts.append(start)
        sizes.append(size)
    return {"start_to_online_ms": round(median(starts[1:]), 1), "rss_mb": round(median(sizes[1:]), 1)}


async def _round(port: int, settings: Path, cache: Path) -> tuple[float, float]:
    """Start the daemon, wave a hand, end it; return the milliseconds until `online` and its memory in MB."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(cache)
    no_delay = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    async with aiomqtt.Client(HOST, port, socket_options=no_delay) as client:
        await client.subscribe([(f"{NODE}/status", 1), (f"{NODE}/event/+/state", 1)])
        start = time.perf_counter()
        async with _daemon(settings, environment) as process, asyncio.timeout(PATIENCE):
            took = 0.0
            async for message in client.messages:
                payload = message.payload
                if payload == b"online" and not message.retain:
                    took = (time.perf_counter() - start) * 1000
                    await client.publish(f"{NODE}/button/wave/command", "PRESS", qos=1)
                elif b'"ended"' in payload:
                    break
            size = psutil.Process(process.pid).memory_info().rss / 1e6
    return took, size


@asynccontextmanager
async def _daemon(settings: Path, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "steward_house.cli",
        "zero",
        "--config",
        settings,
        env=environment,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    print(json.dumps(run()))
