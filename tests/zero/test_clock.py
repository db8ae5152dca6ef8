"""The house's time, and what is shown of a machine whose clock is wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path

import pytest

from steward_house.protocol.fields import ContractError
from steward_house.protocol.hub import HEARTBEAT_TOPIC, STATUS_TOPIC, Heartbeat, HubStatus
from steward_house.zero import clock as clock_module, hub as hub_module
from steward_house.zero.clock import Clock
from steward_house.zero.hub import Hub

from .house import Spy
from .hub import SESSION, WILL, FakeHub
from .room import Room, on_ring

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Machine:
    """A machine's clocks, `wrong` seconds ahead of what is right."""

    passed: float = 1000.0
    wrong: float = -7200.0

    def monotonic(self) -> float:
        return self.passed

    def time(self) -> float:
        return BEGIN.timestamp() + self.passed + self.wrong

    def right(self) -> datetime:
        return BEGIN + timedelta(seconds=self.passed)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(clock_module, "time", machine)
    return machine


def test_least_delayed(machine: Machine) -> None:
    clock = Clock()
    assert clock.now() == machine.right() - timedelta(hours=2)
    assert clock.behind == 0
    for delay in (0.9, 0.2, 0.5):
        clock.hear(machine.right() - timedelta(seconds=delay))
        machine.passed += 1
    assert machine.right() - clock.now() == timedelta(seconds=0.2)
    assert clock.behind == pytest.approx(7199.8)
    machine.passed += 3600  # without the hub
    machine.wrong = 0  # and somebody sets the machine's clock
    assert machine.right() - clock.now() == timedelta(seconds=0.2)
    assert clock.at(machine.passed - 5) == clock.now() - timedelta(seconds=5)
    clock.hear(machine.right() - timedelta(seconds=0.4))  # the better ones are too long ago
    assert machine.right() - clock.now() == pytest.approx(timedelta(seconds=0.4), abs=timedelta(microseconds=10))


def test_hub_that_is_set(machine: Machine) -> None:
    clock = Clock()
    assert clock.hear(machine.right())
    assert not clock.hear(machine.right() - timedelta(seconds=5))  # late
    assert clock.now() == machine.right()
    assert clock.hear(machine.right() - timedelta(seconds=60))
    assert clock.now() == machine.right() - timedelta(seconds=60)
    assert clock.hear(machine.right())
    assert clock.now() == machine.right()


@pytest.mark.parametrize("year", [1, 9999])
def test_year_of_no_house(machine: Machine, year: int) -> None:
    """Some zones can't tell such a time, and soon nobody can."""
    clock = Clock()
    clock.hear(machine.right())
    with pytest.raises(ContractError):
        clock.hear(BEGIN.replace(year=year))
    assert clock.now() == machine.right()


def test_flood(machine: Machine) -> None:
    clock = Clock()
    for _ in range(1000):
        clock.hear(machine.right())
    assert len(clock._heard) == 100
    assert clock.now() == machine.right()


def test_restart(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("first\n")
    monkeypatch.setattr(clock_module, "_BOOT", boot)
    clock = Clock()
    assert clock.document() is None
    clock.hear(machine.right())
    kept = clock.document()
    machine.passed += 30
    later = Clock()
    later.restore(kept)
    assert later.now() == machine.right()
    for damaged in (None, {}, {"boot": "first"}, {"boot": "first", "begin": 1e300}):
        unknowing = Clock()
        unknowing.restore(damaged)
        assert unknowing.behind == 0
    boot.write_text("second\n")
    booted = Clock()
    booted.restore(kept)
    assert booted.behind == 0


@pytest.mark.parametrize(("seconds", "words"), [(12, "12 s behind the hub"), (-30, "30 s ahead of the hub")])
async def test_skew_is_shown(hub: FakeHub, room: Room, spy: Spy, seconds: int, words: str) -> None:
    hub.skew = timedelta(seconds=seconds)
    await hub.live()
    await spy.until(lambda spy: spy.last("kitchen/binary_sensor/problem_clock/state") == b"ON")
    await spy.until(lambda spy: spy.info()["modules"]["clock"].get("problem") == words)
    # Commands and events go by the hub's time.
    at = datetime.now(UTC) + hub.skew
    await spy.tell("kitchen/switch/lamp/command", json.dumps({"value": "ON", "at": at.isoformat()}))
    await room.until(1)
    assert abs(room.ring().at - at) < timedelta(seconds=5)
    await hub.stop()
    hub.skew = timedelta()
    if seconds > 0:
        await hub.live()
        await spy.until(lambda spy: spy.last("kitchen/binary_sensor/problem_clock/state") == b"OFF")


async def test_time_of_another_house(room: Room, spy: Spy) -> None:
    """Nobody's here, once it is known who the hub is; the hub's own heartbeat may come before its status."""

    async def beat(session: str, seconds: int) -> None:
        heartbeat = Heartbeat(session, datetime.now(UTC) + timedelta(seconds=seconds))
        await spy.client.publish(HEARTBEAT_TOPIC, heartbeat.encode())

    await room.wait(lambda: HEARTBEAT_TOPIC in room.link._subscribed)
    await beat(SESSION, 30)
    await room.wait(lambda: room.problem("clock") == "30 s behind the hub")
    status = HubStatus("house", SESSION, WILL, "offline")
    await spy.client.publish(STATUS_TOPIC, status.encode(), qos=1, retain=True)
    await room.there(hub=True)
    await beat("01JD0000000000000000000009", 3600)
    await spy.tell("kitchen/switch/lamp/command", "ON")
    await room.until(1)
    assert room.problem("clock") == "30 s behind the hub"
    await beat(SESSION, 60)
    await room.wait(lambda: room.problem("clock") == "60 s behind the hub")


async def test_age_of_others_events(hub: FakeHub, room: Room, spy: Spy) -> None:
    """It is told by the house's time, which the machine's isn't."""
    hub.skew = timedelta(seconds=60)
    await hub.live()
    await hub.rules(on_ring(bell="hall/event/bell"))
    await room.ruled()
    await room.there(hub=True)
    await room.wait(lambda: "steward/hall/event/bell/state" in room.link._subscribed)
    await hub.die()
    await room.there(hub=False)
    for number, age in enumerate((11, 0)):
        at = datetime.now(UTC) + hub.skew - timedelta(seconds=age)
        heard = {"event_type": "rung", "id": f"01JD000000000000000000000{number}", "at": at.isoformat()}
        await spy.tell("hall/event/bell/state", json.dumps(heard))
    await room.until(1)
    await spy.caught_up()
    assert len(room.told) == 1


async def test_who_is_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status and its heartbeat must be of one session; a will counts until the next heartbeat."""
    monkeypatch.setattr(hub_module, "LIFE", 20)
    news = []
    hub = Hub(news.append)
    other = "01JD0000000000000000000009"
    status = HubStatus("house", SESSION, "will", "offline")
    hub.told(status)
    hub.beat(Heartbeat(other, BEGIN))
    assert news == []
    hub.beat(Heartbeat(SESSION, BEGIN))
    hub.will(b"online")
    hub.beat(Heartbeat(other, BEGIN))  # the last one of an earlier run, or of another house
    assert news == [SESSION]
    hub.will(b"offline")
    assert news == [SESSION, None]
    hub.beat(Heartbeat(SESSION, BEGIN))
    hub.told(HubStatus("house", SESSION, online=False))
    assert news == [SESSION, None, SESSION, None]
    hub.told(HubStatus("house", other))
    assert hub.session is None
    hub.beat(Heartbeat(other, BEGIN))
    hub.told(None)
    assert news == [SESSION, None, SESSION, None, other, None]
    hub.lost()
