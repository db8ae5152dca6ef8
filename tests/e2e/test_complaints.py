"""What the check takes for a complaint: in Home Assistant's log, and of a node's modules."""

from pathlib import Path

import pytest

from demo.check import complaints_of, refuse_problems
from demo.client import States
from demo.process import ROOT, DemoError

ANNOUNCED = (
    "2026-11-20 18:10:47.241 WARNING (SyncWorker_0) [homeassistant.loader] We found a custom integration steward which"
)
QUIET = [
    "2026-11-20 18:10:47.399 WARNING (MainThread) [aiohttp_fast_zlib] zlib_ng and isal are not available",
    f'2026-11-20 18:10:47.746 ERROR (MainThread) [haffmpeg.core] FFmpeg fails\n  File "{ROOT}/.venv/lib/haffmpeg.py"',
    "2026-11-20 18:10:48.000 INFO (MainThread) [custom_components.steward] The kitchen is unavailable",
]
PATHS = "2026-11-20 18:10:48.500 WARNING (Recorder) [homeassistant.components.recorder] not shut down cleanly: {}/home-assistant_v2.db"
LOUD = [
    "2026-11-20 18:10:48.001 WARNING (MainThread) [custom_components.steward.area] Ignoring something",
    "2026-11-20 18:10:48.001+00:00 ERROR (MainThread) [homeassistant] Error doing job\nTraceback\n  File steward/area/node.py",
]


def test_only_warnings_and_errors_that_mention_steward_are_complaints(tmp_path: Path) -> None:
    log = tmp_path / "steward-demo" / "home-assistant.log"
    log.parent.mkdir()
    log.write_text("\n".join([ANNOUNCED, *QUIET, *LOUD, PATHS.format(log.parent), *QUIET]))
    assert complaints_of(log) == LOUD


def test_log_without_the_usual_announcement_is_not_trusted(tmp_path: Path) -> None:
    log = tmp_path / "home-assistant.log"
    log.write_text("\n".join(QUIET))
    with pytest.raises(DemoError, match="look different"):
        complaints_of(log)


def test_module_with_a_problem_is_a_complaint() -> None:
    names = {"kitchen": {"light/light": "light.kitchen", "binary_sensor/problem_system": "binary_sensor.kitchen"}}
    states = States()
    states.set("light.kitchen", {"state": "on", "attributes": {}})
    states.set("binary_sensor.kitchen", {"state": "off", "attributes": {}})
    refuse_problems(states, names)
    states.set("binary_sensor.kitchen", {"state": "on", "attributes": {"reason": "its sensors are gone"}})
    with pytest.raises(DemoError, match="its sensors are gone"):
        refuse_problems(states, names)
