"""The demo without a person: everything that it shows is tried once, and measured."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
import re
from time import monotonic
from typing import Any, Final

from steward_house.protocol.entity import LightState, Platform
from steward_house.protocol.node import Event

from .auditor import Audited, audit
from .client import MISSING, UNKNOWN, Client, States
from .dashboard import Names
from .furnish import DOMAIN, OFF, ON
from .house import House, visiting
from .observer import Heard, Observer, observing
from .process import ROOT, DemoError, say
from .rooms import LIVING_ROOM, NURSERY, Room

STATES_SECONDS: Final = 30
GESTURE_SECONDS: Final = 10
LOSS_SECONDS: Final = 10
RECOVERY_SECONDS: Final = 40
"""Home Assistant's MQTT client tries again every 10 s."""
RETURN_SECONDS: Final = 60
ALONE_SECONDS: Final = 1
"""The most that nodes may take without Home Assistant."""

PROBLEM: Final = "binary_sensor/problem_"
STATELESS: Final = ("button/", "event/")
"""Entities whose state is unknown until they have been used."""
OWN: Final = "hub/"
"""Entities that Home Assistant itself adds to a node's device: they need neither the node nor the broker."""
RECORD: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\S+ ([A-Z]+) ", re.MULTILINE)
"""The beginning of a record; the offset of its time may follow it."""
ANNOUNCEMENT: Final = "We found a custom integration steward "
"""What Home Assistant says about every custom integration at each start."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """How long it took from a gesture's message to the other room's light, in milliseconds.

    `event_to_action_ms` ends with the light's own message, `event_to_state_ms` with Home Assistant's state.
    """

    event_to_action_ms: float
    event_to_state_ms: float


@dataclass(frozen=True, slots=True)
class Result:
    """What the check found, all times in the unit of their name.

    `rules` says of each automation where it runs; `logbook` is what Home Assistant told when it was back of what it had missed; `books` is what the
    auditor found.
    """

    broker: str
    nodes: int
    entities: int
    setup_s: float
    event_to_action_ms: float
    event_to_state_ms: float
    recovered: bool
    recovery_s: float
    event_to_action_after_recovery_ms: float
    rules: dict[str, str]
    event_to_action_without_hub_ms: float
    hub_recovery_s: float
    logbook: str
    books: Audited | None


async def check(house: House, client: Client, observer: Observer, names: Names, since: float) -> Result:
    """Try everything once in a house that was begun `since` a time of the monotonic clock.

    Raises:
        DemoError: something doesn't work.
    """
    await _wait_for_states(client, names, STATES_SECONDS)
    setup = monotonic() - since
    refuse_problems(client.states, names)
    say("waving a hand in the nursery")
    first = await _gesture(client, observer, names)
    say("waving a hand in the living room")
    await _gesture_off(client, names)
    say("restarting the broker")
    await house.stop_broker()
    await _wait_for_loss(client, names)
    down = monotonic()
    await house.start_broker()
    await _wait_for_states(client, names, RECOVERY_SECONDS)
    recovery = monotonic() - down
    refuse_problems(client.states, names)
    say("waving again")
    async with observing(house.broker.port) as again:
        await again.wait_for_infos(list(names))
        second = await _gesture(client, again, names)
        rules = await _rules(client)
        _refuse_complaints(house)
        begin = datetime.now(UTC)
        alone = await _gesture_alone(house, client, again, names)
    say("starting Home Assistant again")
    up = monotonic()
    await house.start_home_assistant()
    async with visiting(house) as (back, _):
        await _wait_for_states(back, names, RETURN_SECONDS)
        hub_recovery = monotonic() - up
        logbook = await _told(back, names, begin)
        refuse_problems(back.states, names)
        books = await audit(back, house.books) if house.books else None
    _refuse_complaints(house)
    return Result(
        broker=house.broker.kind,
        nodes=len(names),
        entities=sum(len(room) for room in names.values()),
        setup_s=round(setup, 1),
        **asdict(first),
        recovered=True,
        recovery_s=round(recovery, 1),
        event_to_action_after_recovery_ms=second.event_to_action_ms,
        rules=rules,
        event_to_action_without_hub_ms=alone,
        hub_recovery_s=round(hub_recovery, 1),
        logbook=logbook,
        books=books,
    )


def _refuse_complaints(house: House) -> None:
    """Make sure that Home Assistant has nothing to complain about; it begins a new log at each start.

    Raises:
        DemoError: it has.
    """
    if complaints := complaints_of(house.home_assistant.log):
        message = "Home Assistant's log has complaints:\n" + "\n".join(complaints)
        raise DemoError(message)


def complaints_of(log: Path) -> list[str]:
    """Return the warnings and errors in Home Assistant's log that have to do with Steward.

    Raises:
        DemoError: not even what must be in it is found.
    """
    # The paths of the checkout and of the house may have the word in them: they are in tracebacks, and in what the recorder says.
    text = log.read_text().replace(str(ROOT), "").replace(str(log.parent), "")
    starts = [*RECORD.finditer(text)]
    ends = [*(start.start() for start in starts[1:]), len(text)]
    records = [(start[1], text[start.start() : end].strip()) for start, end in zip(starts, ends, strict=True)]
    if not any(ANNOUNCEMENT in record for _, record in records):
        message = f"{log} can't be read: the records of Home Assistant's log look different"
        raise DemoError(message)
    return [
        record
        for level, record in records
        if level in {"WARNING", "ERROR", "CRITICAL"} and "steward" in record.casefold() and ANNOUNCEMENT not in record
    ]


async def _wait_for_states(client: Client, names: Names, seconds: float) -> None:
    """Wait until all entities are there, and all that measure have measured."""

    def missing() -> list[str]:
        return [
            entity_id
            for room in names.values()
            for key, entity_id in room.items()
            if client.states.of(entity_id) in (MISSING if key.startswith(STATELESS) else UNKNOWN)
        ]

    await client.states.wait(lambda: not missing(), lambda: f"a state of {', '.join(missing())}", seconds)


def refuse_problems(states: States, names: Names) -> None:
    """Make sure that every module of every node works.

    Raises:
        DemoError: one has a problem.
    """
    for room in names.values():
        for key, entity_id in room.items():
            if key.startswith(PROBLEM) and states.of(entity_id) != "off":
                message = f"{entity_id}: {states.now[entity_id].attributes.get('reason')}"
                raise DemoError(message)


async def _wait_for_loss(client: Client, names: Names) -> None:
    """Wait until Home Assistant shows that nothing can be known without a broker."""

    def left() -> list[str]:
        return [
            entity_id
            for room in names.values()
            for key, entity_id in room.items()
            if not key.startswith(OWN) and client.states.of(entity_id) not in MISSING
        ]

    await client.states.wait(lambda: not left(), lambda: f"{', '.join(left())} to become unavailable", LOSS_SECONDS)


async def _gesture(client: Client, observer: Observer, names: Names) -> Reaction:
    """Wave a hand in the nursery, and measure until the living room's light is on."""
    light = await _darken(client, names)
    gesture, action = _expect(observer)
    await client.action("button.press", {"entity_id": _entity(names, NURSERY, "button/wave")})
    await client.states.wait(
        lambda: client.states.of(light) == "on",
        lambda: f"{light} to follow the gesture" + ("" if gesture.done() else ", which nobody heard"),
        GESTURE_SECONDS,
    )
    shown = monotonic()
    begin, end = await gesture, await action
    return Reaction(round((end.at - begin.at) * 1000, 1), round((shown - begin.at) * 1000, 1))


async def _gesture_alone(house: House, client: Client, observer: Observer, names: Names) -> float:
    """Kill Home Assistant, wave a hand in the nursery, and return the milliseconds until the living room's light is on.

    Raises:
        DemoError: it took longer than a second.
    """
    await _darken(client, names)
    say("killing Home Assistant")
    await house.kill_home_assistant()
    say("waving without it")
    gesture, action = _expect(observer)
    await observer.press(NURSERY.node, "wave")
    begin = await _heard(gesture, "a gesture in the nursery")
    end = await _heard(action, "the living room's light to follow the gesture without Home Assistant")
    if end.at - begin.at > ALONE_SECONDS:
        message = (
            f"without Home Assistant, the living room's light took {end.at - begin.at:.1f} s to follow the gesture"
        )
        raise DemoError(message)
    return round((end.at - begin.at) * 1000, 1)


async def _rules(client: Client) -> dict[str, str]:
    """Ask where the demo's automations run: on the node that has the light.

    Raises:
        DemoError: one doesn't.
    """
    response = await client.action("steward.explain_rules", {}, response=True)
    ours = [entity.entity_id for entity in await client.entities() if entity.unique_id in {ON, OFF}]
    rules = {entity_id: response["automations"][entity_id]["text"] for entity_id in ours}
    if not rules or any(text != f"runs on {LIVING_ROOM.name}" for text in rules.values()):
        message = f"the automations don't run on the {LIVING_ROOM.name.lower()}'s node: {rules}"
        raise DemoError(message)
    return rules


async def _told(client: Client, names: Names, begin: datetime) -> str:
    """Return what the logbook tells of what the living room's node did without Home Assistant, when it does.

    Raises:
        DemoError: it doesn't.
    """
    light = _entity(names, LIVING_ROOM, "light/light")
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(message: dict[str, Any]) -> None:
        for entry in message["events"]:
            if (entry.get("domain"), entry.get("entity_id")) == (DOMAIN, light) and not told.done():
                told.set_result(f"{entry['name']} {entry['message']}")

    await client.subscribe("logbook/event_stream", hear, start_time=begin.isoformat())
    return await _heard(told, "Home Assistant's logbook to tell what happened while it was away")


async def _heard[T](future: asyncio.Future[T], what: str) -> T:
    """Return what is told.

    Raises:
        DemoError: it isn't, in time.
    """
    try:
        async with asyncio.timeout(GESTURE_SECONDS):
            return await future
    except TimeoutError:
        message = f"waited {GESTURE_SECONDS} s in vain for {what}"
        raise DemoError(message) from None


def _expect(observer: Observer) -> tuple[asyncio.Future[Heard], asyncio.Future[Heard]]:
    """Return the futures of a gesture that starts in the nursery, and of the living room's light going on."""
    gesture = observer.next(
        lambda heard: (
            heard.node == NURSERY.node and isinstance(heard.said, Event) and heard.said.event_type == "started"
        )
    )
    action = observer.next(
        lambda heard: (
            (heard.node, heard.platform) == (LIVING_ROOM.node, Platform.LIGHT)
            and isinstance(heard.said, LightState)
            and heard.said.on
        )
    )
    return gesture, action


async def _darken(client: Client, names: Names) -> str:
    """Turn the living room's light off, and return its entity id."""
    light = _entity(names, LIVING_ROOM, "light/light")
    await client.action("light.turn_off", {"entity_id": light})
    await client.states.wait(lambda: client.states.of(light) == "off", lambda: f"{light} to be off", GESTURE_SECONDS)
    return light


async def _gesture_off(client: Client, names: Names) -> None:
    """Wave a hand in the living room, whose light is bright, and wait until it has gone off."""
    light = _entity(names, LIVING_ROOM, "light/light")
    await client.action("button.press", {"entity_id": _entity(names, LIVING_ROOM, "button/wave")})
    await client.states.wait(lambda: client.states.of(light) == "off", lambda: f"{light} to go off", GESTURE_SECONDS)


def _entity(names: Names, room: Room, key: str) -> str:
    """Return the id of an entity that the check can't do without.

    Raises:
        DemoError: the house's user has disabled it, or ignores its room.
    """
    entity_id = names.get(room.node, {}).get(key)
    if entity_id is None:
        message = f"{room.name} has no {key} (any more); --reset starts anew"
        raise DemoError(message)
    return entity_id
