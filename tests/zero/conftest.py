"""Fixtures: a broker, a listener, a hub, a room, daemons, and the misbehaving modules as installed plugins."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker

from .house import Spy, Zero
from .hub import FakeHub, hub_of
from .room import Room, linked


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
async def spy(broker: Broker) -> AsyncIterator[Spy]:
    async with Spy.on(broker.port) as spy:
        yield spy


@pytest.fixture
async def hub(spy: Spy) -> AsyncIterator[FakeHub]:
    """Return a hub that isn't there yet."""
    async with hub_of(spy) as hub:
        yield hub


@pytest.fixture
async def room(tmp_path: Path, broker: Broker) -> AsyncIterator[Room]:
    """Return a room that is on its way to the broker."""
    room = Room(tmp_path, broker.port)
    async with linked(room):
        yield room


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """Install the misbehaving modules, one that can't be imported, and one that is none."""
    directory = tmp_path / "plugins"
    information = directory / "misbehaving-1.dist-info"
    information.mkdir(parents=True)
    (directory / "misbehaving.py").write_bytes(Path(__file__).with_name("misbehaving.py").read_bytes())
    (directory / "broken.py").write_text("import there_is_no_such_library\n")
    (directory / "unloadable.py").write_text("import misbehaving\nraise misbehaving.UnreadableError\n")
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1\n")
    names = ["Beating", "Raising", "Complaining", "Returning", "Leaving", "Waiting", "Stubborn", "Sleeping", "Spinning"]
    names += ["CallingBack", "Failing", "Speechless", "Unreadable", "Checking", "Quitting"]
    names += ["LeavingTask", "LeavingCall", "LeavingCallback", "Straying", "Threading"]
    lines = [f"{name.lower()} = misbehaving:{name}" for name in names]
    lines += ["broken = broken:Broken", "unloadable = unloadable:Module", "none = misbehaving:BEATS"]
    (information / "entry_points.txt").write_text("\n".join(["[steward.zero_modules]", *lines, ""]))
    return directory


@pytest.fixture
def zero(tmp_path: Path, broker: Broker) -> Iterator[Callable[..., Zero]]:
    """Return what starts a daemon: `zero(modules, **more settings)`; it is the node `kitchen`."""
    started: list[Zero] = []

    def start(
        modules: dict[str, Any], *, plugins: Path | None = None, quick: bool = False, mqtt: Any = (), **more: Any
    ) -> Zero:
        settings = {
            "node": "kitchen",
            "state_dir": "state",
            "mqtt": {"host": "127.0.0.1", "port": broker.port, **dict(mqtt)},
            "modules": modules,
            **more,
        }
        started.append(Zero(tmp_path, settings, plugins=plugins, quick=quick))
        return started[-1]

    yield start
    for daemon in started:
        daemon.close()
