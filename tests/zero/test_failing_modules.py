"""A module may do what it likes: it is restarted, the house learns why, and nothing else notices."""

import asyncio
from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import pytest

from .house import Spy, Zero

REASONS = {
    "raising": "ValueError: the bridge is out",
    "complaining": "switch the bus on",
    "speechless": "no reason was given",
    "unreadable": "UnreadableError: what it says can't be read because of UnreadableError",
    "unloadable": "can't be loaded: UnreadableError: what it says can't be read because of UnreadableError",
    "returning": "it ended by itself",
    "leaving": "SystemExit: 3",
    "leavingtask": "SystemExit: 3",
    "leavingcall": "SystemExit: 5",
    "waiting": "it hangs: no sign of life",
    "stubborn": "it hangs: no sign of life, and it doesn't end when it is told to",
    "sleeping": "it blocked the node",
    "spinning": "it blocked the node",
    "callingback": "it blocked the node",
    "broken": "can't be loaded: ModuleNotFoundError: No module named 'there_is_no_such_library'",
    "none": "can't be loaded: misbehaving:BEATS is no module",
}


def problem(spy: Spy, module: str) -> Any:
    info = spy.info()
    return info and info["modules"][module].get("problem")


def beats(spy: Spy) -> int:
    return int(spy.last("kitchen/sensor/beats/state") or 0)


@pytest.mark.parametrize("module", REASONS)
async def test_one(zero: Callable[..., Zero], spy: Spy, plugins: Path, module: str) -> None:
    daemon = zero({"beating": None, module: None}, plugins=plugins, quick=True)
    await spy.until(lambda spy: problem(spy, module) == REASONS[module])
    await spy.until(lambda spy: spy.last(f"kitchen/binary_sensor/problem_{module}/state") == b"ON")
    then = beats(spy)
    await spy.until(lambda spy: beats(spy) > then + 20)
    assert spy.last("kitchen/binary_sensor/problem_beating/state") == b"OFF"
    # A block is ended after 0.4 s; all other ways to fail take nothing from anybody.
    gap = int(spy.last("kitchen/sensor/gap/state") or 0)
    assert gap < (2000 if REASONS[module] == "it blocked the node" else 400)
    assert daemon.end() == 0
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")
    assert len([line for line in daemon.log if f"The module {module} doesn't work" in line]) == 1


async def test_all(zero: Callable[..., Zero], spy: Spy, plugins: Path) -> None:
    daemon = zero(dict.fromkeys(["beating", *REASONS]), plugins=plugins, quick=True)
    await spy.until(lambda spy: all(problem(spy, module) for module in REASONS))
    then = beats(spy)
    await spy.until(lambda spy: beats(spy) > then + 20)
    assert problem(spy, "beating") is None
    assert daemon.end() == 0


async def test_why_a_module_cannot_be_loaded(zero: Callable[..., Zero], spy: Spy, plugins: Path) -> None:
    """Whoever writes a module sees where it fails."""
    daemon = zero({"broken": None}, plugins=plugins, quick=True)
    await spy.online()
    assert daemon.end() == 0
    assert any("import there_is_no_such_library" in line for line in daemon.log)


async def test_leaving_callback(zero: Callable[..., Zero], spy: Spy, plugins: Path) -> None:
    """Nobody knows whose callback it was; its traceback is in the log."""
    daemon = zero({"beating": None, "leavingcallback": None}, plugins=plugins, quick=True)
    await spy.online()
    await asyncio.to_thread(daemon.until, "A module tried to end the node")
    then = beats(spy)
    await spy.until(lambda spy: beats(spy) > then + 20)
    assert daemon.end() == 0
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")
    assert any("misbehaving.py" in line for line in daemon.log)


@pytest.mark.parametrize(
    ("module", "left"), [("straying", "the task stray"), ("threading", "the thread asyncio_"), ("stubborn", "the task")]
)
async def test_end_of_the_node(zero: Callable[..., Zero], spy: Spy, plugins: Path, module: str, left: str) -> None:
    """The node ends when it is told to, whatever its modules have left behind."""
    daemon = zero({"beating": None, module: None}, plugins=plugins, quick=True)
    await spy.online()
    await spy.until(beats)
    assert daemon.end() == 0
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")
    assert any(f"Left behind, as it doesn't end: {left}" in line for line in daemon.log)


async def test_failing_command(zero: Callable[..., Zero], spy: Spy, plugins: Path) -> None:
    # With its usual times: in a shorter one the state that is unknown and the next one would be sent as one change.
    zero({"failing": None}, plugins=plugins)
    state = "kitchen/number/level/state"
    await spy.online()
    await spy.until(lambda spy: spy.last(state) == b"1")
    await spy.tell("kitchen/number/level/command", "7")
    await spy.until(lambda spy: problem(spy, "failing") == "RuntimeError: can't be 7")
    # While it is down nothing is known of it; afterwards it goes on where it was.
    await spy.until(lambda spy: b"None" in spy.all(state)[1:])
    await spy.until(lambda spy: spy.last(state) == b"7")
    await spy.until(lambda spy: problem(spy, "failing") is None)
    await spy.until(lambda spy: spy.last("kitchen/binary_sensor/problem_failing/state") == b"OFF")


async def test_entities_of_a_module_that_can_not_start(
    zero: Callable[..., Zero], spy: Spy, plugins: Path, tmp_path: Path
) -> None:
    """What it had the last time stays declared: else everything that refers to it would break until it is repaired."""
    daemon = zero({"beating": None}, plugins=plugins)
    await spy.until(beats)
    await spy.online()
    daemon.end()
    (plugins / "misbehaving.py").write_text("raise RuntimeError('an update went wrong')\n")
    spy.messages.clear()
    zero({"beating": None}, plugins=plugins)
    await spy.online()
    assert problem(spy, "beating") == "can't be loaded: RuntimeError: an update went wrong"
    assert "beats" in json.dumps(spy.info()["entities"])
    assert spy.last("kitchen/sensor/beats/state") == b"None"
