"""States, commands and events over the broker."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from .house import Spy, Zero

SIMULATED = {"baby_stitch": {"hardware": "simulated"}}
LIGHT = "kitchen/light/light"


def enveloped(value: Any, age: float = 0) -> str:
    at = datetime.now(UTC) - timedelta(seconds=age)
    return json.dumps({"value": value, "at": at.isoformat(), "cause": "01JD0000000000000000000000"})


async def test_commands(zero: Callable[..., Zero], spy: Spy) -> None:
    # Retained before the daemon comes: nobody knows how old it is.
    await spy.tell(f"{LIGHT}/command", '{"state": "OFF"}', retain=True)
    daemon = zero(SIMULATED, log_level="debug")
    await spy.online()
    await spy.tell(f"{LIGHT}/command", "nonsense")
    await spy.tell(f"{LIGHT}/command", enveloped({"state": "OFF"}, age=60))
    await spy.tell(f"{LIGHT}/command", enveloped({"state": "ON", "brightness": 10}))
    await spy.tell(f"{LIGHT}/command", enveloped({"state": "OFF"}, age=5))
    await spy.tell("kitchen/number/gesture_gain/command", "7")
    await spy.tell("kitchen/sensor/distance/command", "7")
    await spy.tell("kitchen/switch/nothing/command", "ON")
    await spy.tell(f"{LIGHT}/command", '{"state": "ON", "color": {"r": 255, "g": 0, "b": 0}}')
    await spy.until(lambda spy: b'"r":255,"g":0,"b":0' in (spy.last(f"{LIGHT}/state") or b""))
    daemon.end()
    states = [json.loads(state) for state in spy.all(f"{LIGHT}/state") if state != b"None"]
    assert [state["state"] for state in states] == ["ON"] * len(states)
    assert states[-1]["brightness"] == 10
    assert len([line for line in daemon.log if "Dropped a command" in line]) == 7


async def test_set_values_last(zero: Callable[..., Zero], spy: Spy) -> None:
    daemon = zero(SIMULATED)
    await spy.online()
    await spy.tell("kitchen/number/gesture_gain/command", "2.5")
    await spy.tell("kitchen/switch/gesture_dimming/command", enveloped("OFF"))
    await spy.until(lambda spy: spy.last("kitchen/switch/gesture_dimming/state") == b"OFF")
    await spy.until(lambda spy: spy.last("kitchen/number/gesture_gain/state") == b"2.5")
    daemon.end()
    spy.messages.clear()
    zero(SIMULATED)
    await spy.online()
    await spy.until(lambda spy: spy.last("kitchen/switch/gesture_dimming/state") == b"OFF")
    await spy.until(lambda spy: spy.last("kitchen/number/gesture_gain/state") == b"2.5")


async def test_wave(zero: Callable[..., Zero], spy: Spy) -> None:
    zero(SIMULATED)
    await spy.online()
    before = datetime.now(UTC)
    await spy.tell("kitchen/button/wave/command", "PRESS")
    events = await spy.until(lambda spy: len(found := spy.all("kitchen/event/gesture/state")) == 2 and found)
    started, ended = (json.loads(event) for event in events)
    assert (started["event_type"], ended["event_type"]) == ("started", "ended")
    assert 100 < started["distance"] < 200
    assert started["brightness"] == 255
    assert started["id"] < ended["id"]
    assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(started["at"]) <= datetime.now(UTC)


async def test_batch(zero: Callable[..., Zero], spy: Spy) -> None:
    zero(SIMULATED, mqtt={"batch": True})
    await spy.online()
    await spy.tell(f"{LIGHT}/command", '{"state": "OFF"}')
    states = await spy.until(
        lambda spy: (
            (states := json.loads(spy.last("kitchen/states") or b"{}"))
            and (states.get("light/light") or {}).get("state") == "OFF"
            and states
        )
    )
    assert states["switch/gesture_dimming"] == "ON"
    assert states["number/gesture_gain"] == 1.5
    assert not [topic for topic, _ in spy.messages if topic.endswith("/state")]
