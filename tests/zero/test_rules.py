"""Ack or act, with a broker and a hub that a test has in hand: who does what, and when."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
import json
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from steward_house.protocol.entity import EventInfo
from steward_house.protocol.fields import Json, Reason
from steward_house.protocol.hub import STATUS_TOPIC, Ack, Heartbeat, HubStatus
from steward_house.protocol.node import Event
from steward_house.protocol.rule_actions import Choose, Delay, Option, Set
from steward_house.protocol.rule_conditions import StateCondition
from steward_house.protocol.rule_fields import Match
from steward_house.protocol.rule_triggers import StateTrigger, TimeTrigger
from steward_house.protocol.rules import MAX_RULES_BYTES, Rulebook
from tests.broker import Broker

from .house import Spy
from .hub import SESSION, WILL, FakeHub, hub_of
from .room import BELL, DOOR, ENTITIES, LAMP, Room, linked, on_ring

LAMP_ON = ("lamp", "ON")
OTHER_BELL = "hall/event/bell"
SAMPLES = [
    b"online",
    b"offline",
    b"ON",
    b"OFF",
    b'{"binary_sensor/door":"ON","light/light":{"state":"ON","color":{"r":1}}}',
    b'{"value":{},"at":"2026-01-01T00:00:00Z","cause":7}',
    Ack("01JD0000000000000000000009", ("automation.ring",)).encode(),
    Heartbeat(SESSION, datetime(1, 1, 1, tzinfo=UTC)).encode(),
    Heartbeat(SESSION, datetime(9999, 12, 31, tzinfo=UTC)).encode(),
    HubStatus("house", SESSION, "steward/kitchen/rules", "offline").encode(),
    Rulebook(1, "UTC", (on_ring(Set("kitchen/number/level", True), bell=OTHER_BELL),)).encode(),
]


def command(value: object, cause: str | None, age: float = 0) -> str:
    at = datetime.now(UTC) - timedelta(seconds=age)
    return json.dumps({"value": value, "at": at.isoformat(), "cause": cause})


def event(age: float = 0, identifier: str = "01JD0000000000000000000009") -> bytes:
    bell = EventInfo(key="bell", name="Bell", event_types=("rung",))
    return Event("rung", identifier, datetime.now(UTC) - timedelta(seconds=age)).encode(bell)


def now() -> float:
    return asyncio.get_running_loop().time()


# --- the node's own entities -----------------------------------------------------------------------------------------


async def test_no_hub(hub: FakeHub, room: Room) -> None:
    await hub.rules(on_ring())
    await room.ruled()
    room.ring()
    assert room.values == [LAMP_ON]  # at once, before anything else can happen
    room.ring("held")
    assert len(room.told) == 1


async def test_own_states(hub: FakeHub, room: Room) -> None:
    """A rule that comes later knows what is."""
    room.node.publish("one", DOOR, state=False)
    opened = StateTrigger("0", ("kitchen/binary_sensor/door",), target=Match(("on",)))
    await hub.rules(on_ring(triggers=(opened,)))
    await room.ruled()
    assert room.values == []
    room.node.publish("one", DOOR, state=True)
    assert room.values == [LAMP_ON]


async def test_hub_has_it_in_hand(hub: FakeHub, room: Room, spy: Spy) -> None:
    hub.started = ("automation.ring",)
    await hub.rules(on_ring())
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    rung = room.ring()
    await spy.tell("kitchen/switch/lamp/command", command("ON", rung.id))
    await room.until(1)
    await asyncio.sleep(0.5)  # longer than its patience
    assert room.values == [LAMP_ON]
    assert hub.journal() == []


async def test_hub_that_does_not_answer(hub: FakeHub, room: Room, spy: Spy) -> None:
    hub.silent = True
    await hub.rules(on_ring())
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    begun = now()
    rung = room.ring()
    await room.until(1)
    assert 0.29 < room.told[0][2] - begun < 0.6
    hub.silent = False
    [entry] = await spy.until(lambda _: hub.journal())
    assert datetime.now(UTC) - datetime.fromisoformat(entry.pop("at")) < timedelta(seconds=10)
    assert entry == {
        "kind": "acted",
        "rule": "automation.ring",
        "name": "Ring",
        "cause": rung.id,
        "entity": "kitchen/switch/lamp",
        "value": "ON",
        "trigger": "kitchen/event/bell",
        "event_type": "rung",
        "away": False,
    }


async def test_hub_that_declines(hub: FakeHub, room: Room) -> None:
    hub.declined = ("automation.ring",)
    await hub.rules(on_ring())
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    room.ring()
    await asyncio.sleep(0.5)
    assert room.values == []


async def test_late_command(hub: FakeHub, room: Room, spy: Spy) -> None:
    """What the node did already, and what is older than that, isn't done any more; what is newer is."""
    await hub.rules(on_ring())
    await room.ruled()
    rung = room.ring()
    assert room.values == [LAMP_ON]
    await spy.tell("kitchen/switch/lamp/command", command("ON", rung.id))
    await spy.tell("kitchen/switch/lamp/command", command("OFF", "01JD0000000000000000000002", age=1))
    await spy.tell("kitchen/switch/lamp/command", command("OFF", "01JD0000000000000000000003", age=-0.1))
    await room.until(2)
    assert room.values == [LAMP_ON, ("lamp", "OFF")]


async def test_hub_dies_in_a_delay(hub: FakeHub, room: Room, spy: Spy) -> None:
    hub.started = ("automation.ring",)
    await hub.rules(on_ring(Set("kitchen/switch/lamp", "ON"), Delay(1.5), Set("kitchen/switch/lamp", "OFF")))
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    begun = now()
    rung = room.ring()
    await spy.tell("kitchen/switch/lamp/command", command("ON", rung.id))
    await room.until(1)
    await asyncio.sleep(0.2)
    await hub.die()
    await room.there(hub=False)
    assert now() - begun < 1.4  # the will was heard
    await room.until(2)
    assert room.values == [LAMP_ON, ("lamp", "OFF")]
    assert room.told[1][2] - begun == pytest.approx(1.5, abs=0.1)


async def test_hub_that_falls_silent(hub: FakeHub, room: Room) -> None:
    await hub.live()
    await room.there(hub=True)
    begun = now()
    await hub.stop()
    await room.there(hub=False)
    assert 1.5 < now() - begun < 3


async def test_broker_dies(hub: FakeHub, room: Room, broker: Broker) -> None:
    await hub.live()
    await hub.rules(on_ring())
    await room.ruled()
    await room.there(hub=True)
    await hub.stop()
    broker.kill()
    await room.there(hub=False)
    room.ring()
    assert room.values == [LAMP_ON]


async def test_starts_without_broker(tmp_path: Path, hub: FakeHub, broker: Broker) -> None:
    """The rules of the last run, and what it has not told yet, are there before anything else is."""
    room = Room(tmp_path, broker.port)
    async with linked(room):
        await hub.rules(on_ring())
        await room.ruled()
        rung = room.ring()
        await room.keeper.save()
    broker.kill()
    later = Room(tmp_path, broker.port)
    again = later.ring()
    assert later.values == [LAMP_ON]
    assert later.problem("rules") is None
    later.dispatcher.journal.hub(there=True)
    broker.start()
    async with Spy.on(broker.port) as spy, hub_of(spy) as back, linked(later):
        await back.live()
        entries = await spy.until(lambda _: len(told := back.journal()) == 2 and told)
        assert [entry["cause"] for entry in entries] == [rung.id, again.id]
        assert all(entry["away"] for entry in entries)
        # The hub answers the entries, and they are forgotten.
        await later.wait(lambda: later.dispatcher.journal._part is None)
    assert b'"entries":[]' in later.dispatcher.journal._write()


async def test_time(hub: FakeHub, room: Room) -> None:
    """It is the hub's, also when that is away."""
    hub.skew = timedelta(seconds=100)
    await hub.live()
    await room.there(hub=True)
    await hub.die()
    await room.there(hub=False)
    wall = (room.clock.now() + timedelta(seconds=1.2)).astimezone(ZoneInfo("Europe/Zurich"))
    begun = now()
    await hub.rules(on_ring(triggers=(TimeTrigger("0", wall.time()),)))
    await room.until(1)
    assert room.told[0][2] - begun == pytest.approx(1.2, abs=0.3)


async def test_rule_that_comes_after_its_time(hub: FakeHub, room: Room) -> None:
    await hub.rules(on_ring(triggers=(TimeTrigger("0", time(23, 59)),)))
    await room.ruled()
    await asyncio.sleep(0.1)
    wall = room.clock.now().astimezone(ZoneInfo("Europe/Zurich"))
    await asyncio.sleep(0.1)
    soon = (wall + timedelta(seconds=1)).time()
    await hub.rules(
        *(on_ring(triggers=(TimeTrigger("0", at),), id=f"automation.{n}") for n, at in enumerate((wall.time(), soon)))
    )
    await room.until(1)
    assert now() - room.told[0][2] < 0.5
    await asyncio.sleep(0.1)
    assert len(room.told) == 1
    assert room.dispatcher.journal._entries[0][0].data["rule"] == "automation.1"


# --- other nodes' entities -------------------------------------------------------------------------------------------


async def listens(room: Room, topic: str) -> None:
    """Wait until the broker has been asked for a topic."""
    await room.wait(lambda: f"steward/{topic}" in room.link._subscribed)


async def test_event_of_another(hub: FakeHub, room: Room, spy: Spy) -> None:
    await spy.tell("hall/event/bell/state", event(0, "01JD000000000000000000000C"), retain=True)
    await hub.rules(on_ring(bell=OTHER_BELL))
    await room.ruled()
    await listens(room, "hall/event/bell/state")
    for payload in (event(), event(), event(11, "01JD000000000000000000000A"), b"{}", b"\xff"):
        await spy.tell("hall/event/bell/state", payload)
    await spy.tell("hall/event/bell/state", event(0, "01JD000000000000000000000B"))
    await room.until(2)
    assert room.values == [LAMP_ON] * 2
    assert room.dispatcher._drops.count == {Reason.MISSING: 1, Reason.NOT_UTF8: 1}


async def test_ack_of_another(hub: FakeHub, room: Room, spy: Spy) -> None:
    """The hub answers to the node that an event is of."""
    await hub.live()
    await hub.rules(on_ring(bell=OTHER_BELL))
    await room.ruled()
    await room.there(hub=True)
    await listens(room, "hall/event/bell/state")
    for number, started in enumerate(("automation.ring", "automation.other")):
        rung = event(identifier=f"01JD00000000000000000000B{number}")
        await spy.tell("hall/event/bell/state", rung)
        await spy.tell("hall/ack", Ack(json.loads(rung)["id"], (started,)).encode())
    await room.until(1)
    await asyncio.sleep(0.4)
    assert room.values == [LAMP_ON]


@pytest.mark.parametrize("batch", [False, True])
async def test_state_of_another(hub: FakeHub, room: Room, spy: Spy, *, batch: bool) -> None:
    """It counts while its node is there."""

    async def tell(value: str, *, retain: bool = True) -> None:
        if batch:
            await spy.tell("hall/states", json.dumps({"binary_sensor/door": value, "sensor/more": 1}), retain=retain)
        else:
            await spy.tell("hall/binary_sensor/door/state", value, retain=retain)

    await tell("OFF")
    await spy.tell("hall/status", "online", retain=True)
    door = "hall/binary_sensor/door"
    opened = StateTrigger("0", (door,), target=Match(("on",)))
    gone = StateTrigger("1", (door,), target=Match(("unavailable",)))
    there = (StateCondition((door,), ("on",)),)
    choice = Choose((Option(there, (Set("kitchen/switch/lamp", "ON"),)),), (Set("kitchen/switch/lamp", "OFF"),))
    await hub.rules(on_ring(choice, triggers=(opened, gone)))
    await room.ruled()
    await room.wait(lambda: room.dispatcher.rules._shadow.triggers.view.get(door))
    assert room.values == []
    await tell("ON")
    await room.until(1)
    await tell("ON")
    await spy.tell("hall/status", "offline", retain=True)
    await room.until(2)
    await tell("OFF")
    await tell("ON")
    await spy.tell("hall/status", "online", retain=True)
    await room.until(3)
    assert room.values == [LAMP_ON, ("lamp", "OFF"), LAMP_ON]


async def test_sources_come_and_go(hub: FakeHub, room: Room) -> None:
    await hub.rules(on_ring(bell=OTHER_BELL), on_ring(bell="attic/event/bell", id="automation.two"))
    await listens(room, "attic/event/bell/state")
    assert {f"steward/hall/{leaf}" for leaf in ("ack", "status", "states")} <= room.link._subscribed
    await hub.rules(on_ring(bell=OTHER_BELL))
    await room.wait(lambda: "steward/attic/event/bell/state" not in room.link._subscribed)
    assert "steward/hall/event/bell/state" in room.link._subscribed
    assert not {topic for topic in room.link._subscribed if "attic" in topic}


# --- delegates -------------------------------------------------------------------------------------------------------

RELAY = "heater/switch/relay"
DELEGATED = on_ring(Set(RELAY, "ON"), Delay(0.5), Set("heater/light/light", {"state": "ON", "brightness": 9}))


async def test_delegate(hub: FakeHub, room: Room, spy: Spy) -> None:
    await hub.rules(DELEGATED)
    await room.ruled()
    await listens(room, f"{RELAY}/command")
    room.ring()
    await spy.until(lambda spy: spy.last("heater/light/light/command"))
    assert spy.all(f"{RELAY}/command") == [b"ON"]
    assert spy.last("heater/light/light/command") == b'{"state":"ON","brightness":9}'
    await hub.live()
    entries = await spy.until(lambda _: len(told := hub.journal()) == 2 and told)
    assert [entry["entity"] for entry in entries] == [RELAY, "heater/light/light"]
    assert not room.dispatcher.acts._echoes  # all of them came back


async def test_delegate_without_connection(hub: FakeHub, room: Room, broker: Broker) -> None:
    """Later would be too late."""
    await hub.rules(DELEGATED)
    await room.ruled()
    broker.kill()
    await room.wait(lambda: room.dispatcher.acts.post is None)
    room.ring()
    broker.start()
    async with Spy.on(broker.port) as spy:
        await spy.online()
        await listens(room, f"{RELAY}/command")
        await spy.until(lambda spy: spy.last("heater/light/light/command"))
        await spy.caught_up()
    assert spy.all(f"{RELAY}/command") == []


async def test_delegate_hears_the_hub(hub: FakeHub, room: Room, spy: Spy) -> None:
    """A command of the hub is what it waits for; its own, as it comes back, is not."""
    hub.started = ("automation.ring",)
    await hub.rules(on_ring(Set(RELAY, "ON")))
    await hub.live()
    await room.ruled()
    await room.there(hub=True)
    await listens(room, f"{RELAY}/command")
    room.ring()
    await room.wait(lambda: room.dispatcher.rules._shadow._held)
    await spy.tell(f"{RELAY}/command", "ON")
    await room.wait(lambda: not room.dispatcher.rules._shadow._held)
    await hub.die()
    await room.there(hub=False)
    room.ring()
    await spy.until(lambda spy: len(spy.all(f"{RELAY}/command")) == 2)


# --- what can't be used ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"no rulebook", "new rules can't be used: Expecting value"),
        (b'{"contract":2,"version":3,"zone":"UTC"}', "the hub speaks a newer contract than this node"),
        (b'{"contract":1,"version":3,"zone":"Mars/Olympus"}', "no time zone of this machine: 'Mars/Olympus'"),
        (b'"%b"' % (b"x" * MAX_RULES_BYTES), "bytes, at most"),
    ],
    # A test's name is in the environment of the broker that it starts, which takes no such long one.
    ids=["no JSON", "a newer contract", "an unknown zone", "too large"],
)
async def test_broken_rulebook(hub: FakeHub, room: Room, spy: Spy, payload: bytes, reason: str) -> None:
    await hub.rules(on_ring())
    await room.ruled()
    await spy.tell("kitchen/rules", payload, retain=True)
    await spy.until(lambda spy: spy.last("kitchen/binary_sensor/problem_rules/state") == b"ON")
    await spy.until(lambda spy: reason in spy.info()["modules"]["rules"].get("problem", ""))
    room.ring()
    assert room.values == [LAMP_ON]
    await room.keeper.save()
    assert Rulebook.decode(room.keeper.load("rules") or b"").rules == (on_ring(),)
    await hub.rules(version=0)  # a hub that was restored
    await room.ruled(0)
    await spy.until(lambda spy: spy.last("kitchen/binary_sensor/problem_rules/state") == b"OFF")
    room.ring()
    assert len(room.told) == 1


async def test_cleared_rulebook(hub: FakeHub, room: Room, spy: Spy) -> None:
    await hub.rules(on_ring())
    await room.ruled()
    await spy.tell("kitchen/rules", b"", retain=True)
    await room.ruled(0)
    await room.keeper.save()
    assert room.keeper.load("rules") == b""
    assert room.problem("rules") is None


async def test_targets_that_can_not_be_told(room: Room, hub: FakeHub) -> None:
    nonsense: Json = [[[[[[[[["deep"]]]]]]]]]
    targets = ("kitchen/switch/none", "ON"), ("kitchen/switch/lamp", "maybe"), ("kitchen/binary_sensor/door", "ON")
    foreign = ("heater/switch/relay", True), ("heater/light/light", {"a": nonsense}), ("heater/sensor/a", ["x"])
    await hub.rules(*(on_ring(Set(*target), id=f"automation.a{n}") for n, target in enumerate((*targets, *foreign))))
    await room.ruled(6)
    room.ring()
    assert room.values == []
    assert room.dispatcher.acts.dropped == 6
    assert room.problem("rules") == "Ring can't tell kitchen/switch/none: there is no such entity"
    await hub.rules(on_ring())
    await room.ruled(1)
    assert room.problem("rules") is None


async def test_target_that_comes_back(room: Room, hub: FakeHub) -> None:
    await hub.rules(on_ring())
    await room.ruled()
    room.node.declare("one", (BELL,))
    room.ring()
    assert room.problem("rules")
    room.node.declare("one", ENTITIES)
    room.ring()
    assert room.problem("rules") is None
    assert room.values == [LAMP_ON]


async def test_entity_that_goes(room: Room, hub: FakeHub) -> None:
    """It is unavailable then."""
    room.node.publish("one", DOOR, state=True)
    gone = StateTrigger("0", ("kitchen/binary_sensor/door",), target=Match(("unavailable",)))
    await hub.rules(on_ring(triggers=(gone,)))
    await room.ruled()
    room.node.declare("one", (BELL, LAMP))
    assert room.values == [LAMP_ON]


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_message(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever anybody says, the node goes on."""

    async def hear() -> None:
        room = Room(tmp_path)
        other = StateTrigger("0", ("hall/binary_sensor/door", "hall/light/light"))
        rule = on_ring(Set(RELAY, "ON"), Set("kitchen/switch/lamp", "ON"), bell=OTHER_BELL)
        book = Rulebook(1, "UTC", (replace(rule, triggers=(*rule.triggers, other)),))
        room.dispatcher.hear("steward/kitchen/rules", book.encode(), retained=True)
        room.dispatcher.hear(STATUS_TOPIC, HubStatus("house", SESSION, WILL, "offline").encode(), retained=True)
        topics = [*room.dispatcher._routes, "steward/kitchen/switch/lamp/command", "elsewhere"]
        for _ in range(data.draw(st.integers(1, 20))):
            topic = data.draw(st.sampled_from(topics))
            payload = data.draw(st.binary() | st.sampled_from(SAMPLES))
            room.dispatcher.hear(topic, payload, retained=data.draw(st.booleans()))

    asyncio.run(hear())
