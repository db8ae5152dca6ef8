"""The whole house as its user starts it: script/demo, with and without a person."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 150
pytestmark = pytest.mark.timeout(2 * SECONDS)


@contextmanager
def demo(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run the demo; whatever happens, it is asked to stop, and stops what it started."""
    process = subprocess.Popen(
        [ROOT / "script" / "demo", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def check(*arguments: str | Path) -> tuple[int, dict[str, Any], str]:
    """Return the exit code of `--check`, the JSON that it prints, and what it tells beside."""
    with demo("--check", *arguments) as process:
        output, progress = process.communicate(timeout=SECONDS)
    return process.returncode, json.loads(output), progress


def left_in(folder: Path) -> list[list[str]]:
    """Return the command lines of the running programs that use a folder."""
    return [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in argument for argument in process.info["cmdline"] or [])
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "house"


@pytest.fixture(scope="module")
def cold(folder: Path) -> tuple[int, dict[str, Any], str]:
    """The first start, in a folder that the following ones find."""
    return check("--data", folder)


def assert_works(code: int, result: dict[str, Any], progress: str) -> None:
    assert code == 0, (result, progress)
    assert result["nodes"] == 3
    assert result["entities"] >= 3 * 10
    assert result["event_to_action_ms"] > 0
    assert result["event_to_state_ms"] > 0  # heard over another connection, so it may be a little less
    assert result["recovered"] is True
    assert result["event_to_action_after_recovery_ms"] > 0
    assert set(result["rules"].values()) == {"runs on Living room"}
    assert 0 < result["event_to_action_without_hub_ms"] < 1000
    assert result["hub_recovery_s"] > 0
    assert result["logbook"] == (
        "Living room node turned on Light because Nursery Gesture started, while Home Assistant was away"
    )
    books = result["books"]
    assert books["energy_kwh"] > 0
    assert books["outages"] >= 1, "Home Assistant was killed"
    assert "tile/entries/" in books["tampering"]


def test_first_start(cold: tuple[int, dict[str, Any], str], folder: Path) -> None:
    assert_works(*cold)
    assert "adding kitchen" in cold[2]
    assert left_in(folder) == []


def test_second_start_finds_the_house(cold: tuple[int, dict[str, Any], str], folder: Path) -> None:
    code, result, progress = check("--data", folder)
    assert_works(code, result, progress)
    assert result["entities"] == cold[1]["entities"]
    assert "adding" not in progress


def test_start_with_a_broker_from_pypi(tmp_path: Path) -> None:
    code, result, progress = check("--data", tmp_path / "house", "--broker", "amqtt")
    assert_works(code, result, progress)
    assert result["broker"] == "amqtt"


def test_ctrl_c_stops_everything_at_any_time_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with demo("--data", tmp_path / "house") as process:
        assert any("adding the MQTT integration" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert left_in(tmp_path) == []
    with demo("--data", tmp_path / "house") as process:
        assert any("Log in as" in line for line in process.stdout)
        assert left_in(tmp_path)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert left_in(tmp_path) == []


def wave(folder: Path) -> subprocess.CompletedProcess[str]:
    """Wave in the nursery from another terminal."""
    command = [ROOT / "script" / "demo", "--wave", "nursery", "--data", folder]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.usefixtures("cold")
def test_user_kills_home_assistant_and_waves(folder: Path) -> None:
    """As the welcome says; and Ctrl-C while Home Assistant is away stops everything."""
    assert "no demo is running" in wave(folder).stderr
    with demo("--data", folder) as process:
        kill = next(line for line in process.stdout if "kill -9" in line).split()
        os.kill(int(kill[-1]), signal.SIGKILL)
        assert any("Home Assistant was killed" in line for line in process.stderr)
        told = wave(folder)
        assert told.returncode == 0, told.stderr
        assert "Nursery: gesture started" in told.stdout
        assert "Living room: light on, brightness 153" in told.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert left_in(folder) == []


@pytest.mark.usefixtures("cold")
def test_end_of_one_program_ends_everything(folder: Path) -> None:
    with demo("--data", folder) as process:
        assert any("Log in as" in line for line in process.stdout)
        [node] = [
            child
            for child in psutil.Process(process.pid).children()
            if any("kitchen" in part for part in child.cmdline())
        ]
        node.kill()
        _, progress = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "the kitchen's node ended by itself" in progress
    assert left_in(folder) == []


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, result, _ = check("--data", tmp_path / "house", "--port", str(port))
    assert code == 1
    assert str(port) in str(result["error"])


def test_reset_spares_folders_of_others(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    code, result, _ = check("--data", tmp_path, "--reset")
    assert code == 1
    assert "not removing" in str(result["error"])
    assert (tmp_path / "letter.txt").exists()
