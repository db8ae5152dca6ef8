"""The dispatcher's benchmark: 1,000 automations in 20 rooms, which Steward compiles for the rooms' nodes, and edits of one of them.

As a program it is the Home Assistant that has them, until it is ended. What it sees of its own event loop it writes into the file
`MARKS`; what reaches the nodes the load generator sees on the broker. Both go by the machine's monotonic clock.

python -m benchmarks.automations PORT OPTED_IN FOLDER CERTIFICATES
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import gc
import json
from pathlib import Path
import sys
from time import monotonic
from typing import Any, Final, TextIO

import aiohttp
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.components.automation import EVENT_AUTOMATION_RELOADED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.runner import create_event_loop
import yaml

from steward_house.protocol.entity import BinarySensorInfo, EventInfo, NumberInfo, SensorInfo, SwitchInfo
from steward_house.protocol.node import Capability, Leaf, NodeInfo, Status, topic
from steward_house.protocol.rules import Rulebook

from .bench_hub import configuration
from .broker import HOST
from .certificates import Certificates
from .home_assistant import HUB, begin, broker_entry
from .load import LoadError
from .mqtt import Connection
from .process import LOG, running
from .subject import OLDEST

ROOMS: Final = 20
AUTOMATIONS: Final = 1000
EDITS: Final = 5
FIRST_VALUE: Final = 900_000
"""An edited automation sets a number to a value that is found nowhere else."""
EDITED: Final = 2
"""The automation that is edited is of the kind that sets a number."""
TYPES: Final = tuple(f"t{number}" for number in range(AUTOMATIONS // ROOMS))
MARKS: Final = "marks.jsonl"
READY: Final = "ready.json"
PATIENCE_SECONDS: Final = 300
PAUSE_SECONDS: Final = 1.0
"""Between two edits."""
WATCH_SECONDS: Final = 5.0
"""How long it is watched after the reload what blocks Home Assistant, also where no rules come."""
SETTLE_SECONDS: Final = 15.0
"""Until all rooms' entities are there, and Steward doesn't wait any more for nodes to say what they are."""
NOTED_SECONDS: Final = 0.001
"""Callbacks of others that take less don't matter."""

type Sample = dict[str, float]


def _info(room: int) -> NodeInfo:
    return NodeInfo(
        instance=f"{room:026}",
        name=f"Room {room}",
        manufacturer="Steward",
        model="Benchmark",
        versions={"steward": "1"},
        capabilities=(Capability.COMMANDS.value, Capability.RULES.value),
        entities=(
            EventInfo(key="bell", name="Bell", event_types=TYPES),
            BinarySensorInfo(key="presence", name="Presence"),
            SensorInfo(key="warmth", name="Warmth", unit="°C", device_class="temperature"),
            SwitchInfo(key="lamp", name="Lamp"),
            NumberInfo(key="dial", name="Dial", minimum=0, maximum=1_000_000),
        ),
    )


def _node(room: int) -> str:
    return f"room_{room}"


def automation(number: int, *, opted_in: bool, value: int = 0) -> dict[str, Any]:
    """Return one of the automations: of five kinds in turn, spread over the rooms. `value` is what it sets its room's number to."""
    room, kind = number % ROOMS, number // ROOMS % 5
    lamp = {"action": "switch.turn_on", "target": {"entity_id": f"switch.room_{room}_lamp"}}
    dark = {**lamp, "action": "switch.turn_off"}
    here = {"condition": "state", "entity_id": f"binary_sensor.room_{room}_presence", "state": "on"}
    event = {
        "trigger": "event.received",
        "target": {"entity_id": f"event.room_{(room + 1) % ROOMS if kind else room}_bell"},
        "options": {"event_type": [TYPES[number // ROOMS]]},
    }
    warmth = {"trigger": "numeric_state", "entity_id": f"sensor.room_{room}_warmth", "above": 20 + number / 100}
    presence = {"trigger": "state", "entity_id": f"binary_sensor.room_{room}_presence", "to": "on", "for": "00:05:00"}
    night = {"condition": "time", "after": "22:00:00", "before": "06:00:00"}
    dial = {"action": "number.set_value", "target": {"entity_id": f"number.room_{room}_dial"}, "data": {"value": value}}
    morning = {"trigger": "time", "at": "07:30:00"}
    triggers, conditions, actions = {
        0: ([event], [here], [lamp, {"delay": {"minutes": 5}}, dark]),
        1: ([presence], [night], [lamp]),
        2: ([warmth], [], [dial]),
        3: ([morning], [], [{"if": [here], "then": [lamp], "else": [dark]}]),
        4: (
            [event, presence],
            [],
            [{"choose": [{"conditions": [night], "sequence": [dark]}], "default": [lamp, dial]}],
        ),
    }[kind]
    return {
        "id": f"benchmark_{number}",
        "alias": f"Benchmark {number}",
        "mode": "restart",
        **({"variables": {"steward_keep_running": True}} if opted_in else {}),
        "triggers": triggers,
        "conditions": conditions,
        "actions": actions,
    }


# --- the side that looks on ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Shelves:
    """The rulebooks that are on the broker, by topic, and when which came."""

    books: dict[bytes, bytes] = field(default_factory=dict)
    complete: float | None = None
    """When the nodes had a rule for each automation."""
    counts: dict[bytes, int] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    at: float = 0

    def take(self, where: bytes, payload: bytes) -> None:
        """Take a rulebook."""
        self.at = monotonic()
        self.books[where] = payload
        self.counts[where] = len(Rulebook.decode(payload).rules) if payload else 0
        if self.complete is None and sum(self.counts.values()) == AUTOMATIONS:
            self.complete = self.at
        self.arrived.set()

    async def until_complete(self) -> float:
        """Return when it was complete."""
        while self.complete is None:
            await self.arrived.wait()
            self.arrived.clear()
        return self.complete

    async def until(self, room: int, text: bytes) -> float:
        """Return when a node's rulebook had a text in it."""
        while text not in self.books.get(topic(_node(room), Leaf.RULES).encode(), b""):
            self.arrived.clear()
            await self.arrived.wait()
        return self.at


async def measure(port: int, certificates: Certificates, folder: Path, *, opted_in: bool) -> Sample:
    """Run a Home Assistant with the automations, and edit one of them again and again.

    Raises:
        LoadError: rules didn't come.
    """
    shelves = _Shelves()
    link = Connection(shelves.take)
    await link.connect(port, "load", certificates.context("load"))
    await link.subscribe("steward/+/rules")
    for room in range(ROOMS):
        for leaf, payload in ((Leaf.INFO, _info(room).encode()), (Leaf.STATUS, Status.ONLINE.encode())):
            link.publish(topic(_node(room), leaf).encode(), payload, retain=True)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), _home_assistant(port, certificates, folder, opted_in) as visit:
            if opted_in:
                await shelves.until_complete()
            await asyncio.sleep(WATCH_SECONDS)
            edits: list[tuple[float, float | None]] = []
            for number in range(EDITS):
                await asyncio.sleep(PAUSE_SECONDS)
                index = EDITED * ROOMS + number
                value = FIRST_VALUE + number
                posted = monotonic()
                await visit.post(index, automation(index, opted_in=opted_in, value=value))
                told = await shelves.until(index % ROOMS, str(value).encode()) if opted_in else None
                edits.append((posted, told))
            await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        message = f"nodes have {sum(shelves.counts.values())} rules after {PATIENCE_SECONDS} s"
        raise LoadError(message) from None
    finally:
        link.close()
    marks = [json.loads(line) for line in (folder / MARKS).read_text().splitlines()]
    return _sum_up(marks, shelves.complete, edits)


def _sum_up(marks: list[dict[str, Any]], complete: float | None, edits: list[tuple[float, float | None]]) -> Sample:
    """Return milliseconds, for the reload of all and for edits; of several the longest where it blocks, else the median and the longest."""
    reloads = [mark["reloaded"] for mark in marks if "reloaded" in mark]
    began = next(mark["begun"] for mark in marks if "begun" in mark)
    first_edit = edits[0][0]

    def longest(begin: float, end: float, *, ours: bool) -> float:
        return max(
            (m["took"] for m in marks if "took" in m and begin <= m["at"] < end and m["ours"] >= ours), default=0
        )

    far = float("inf")
    sample = {
        "reload": reloads[0] - began,
        "block_all": longest(began, first_edit, ours=False),
        "block_all_ours": longest(began, first_edit, ours=True),
        "block_edit": longest(first_edit, far, ours=False),
        "block_edit_ours": longest(first_edit, far, ours=True),
    }
    if complete is not None:
        told = [(posted, at) for posted, at in edits if at is not None]
        after = sorted(at - max(moment for moment in reloads if moment <= at) for _, at in told)
        saved = sorted(at - posted for posted, at in told)
        sample |= {
            "compile": complete - reloads[0],
            "work": sum(m["took"] for m in marks if "took" in m and began <= m["at"] < first_edit and m["ours"]),
            "edit": after[len(after) // 2],
            "edit_worst": after[-1],
            "save": saved[len(saved) // 2],
            "save_worst": saved[-1],
        }
    return {name: seconds * 1000 for name, seconds in sample.items()}


@dataclass(frozen=True, slots=True)
class _Visit:
    """A session of somebody who edits automations."""

    session: aiohttp.ClientSession
    address: str

    async def post(self, number: int, document: dict[str, Any]) -> None:
        """Save an automation, as the editor does."""
        where = f"{self.address}/api/config/automation/config/benchmark_{number}"
        async with self.session.post(where, json=document) as answer:
            answer.raise_for_status()


@asynccontextmanager
async def _home_assistant(port: int, certificates: Certificates, folder: Path, opted_in: bool) -> AsyncIterator[_Visit]:  # noqa: FBT001
    """Run it; give a visit when it has read its automations."""
    certificates.issue(HUB)
    with configuration("automation: !include automations.yaml\nconfig:\n") as config:
        _write(config, [])
        command = (sys.executable, "-m", "benchmarks.automations", str(port), str(int(opted_in)), config)
        async with running(
            *command, str(certificates.folder), str(folder), log=folder / LOG, environment={"TMPDIR": str(folder)}
        ):
            ready = folder / READY
            while not ready.exists():  # noqa: ASYNC110 - another program's file can only be looked at
                await asyncio.sleep(PAUSE_SECONDS)
            given = json.loads(ready.read_text())
            async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {given['token']}"}) as session:
                yield _Visit(session, given["address"])


def _write(folder: str, automations: list[dict[str, Any]]) -> None:
    Path(folder, "automations.yaml").write_text(yaml.safe_dump(automations))


# --- the Home Assistant ----------------------------------------------------------------------------------------------


class _Marks:
    """Writes down what the loop was busy with, and when: callbacks that took long, and all of Steward's.

    Full garbage collections are left out, as everywhere in these benchmarks: when one falls due is chance.
    """

    def __init__(self, file: TextIO) -> None:
        """Begin to watch the loop."""
        self._file = file
        self._collecting = 0.0
        self._collected = 0.0
        gc.callbacks.append(self._collect)
        run = asyncio.Handle._run  # noqa: SLF001 - the one place where every callback passes

        def timed(handle: asyncio.Handle) -> None:
            ours = _is_ours(handle._callback)  # type: ignore[attr-defined] # noqa: SLF001
            begin, collected = monotonic(), self._collected
            run(handle)
            took = monotonic() - begin - (self._collected - collected)
            if ours or took >= NOTED_SECONDS:
                self.write(at=begin, took=took, ours=ours)

        asyncio.Handle._run = timed  # type: ignore[assignment, method-assign] # noqa: SLF001

    def write(self, **mark: float) -> None:
        """Write a mark."""
        self._file.write(json.dumps(mark) + "\n")

    def _collect(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] == OLDEST:
            if phase == "start":
                self._collecting = monotonic()
            else:
                self._collected += monotonic() - self._collecting


def _is_ours(called: object) -> bool:
    """Whether a callback, or the task that it lets go on, is Steward's."""
    owner = getattr(called, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine = owner.get_coro()
        code = getattr(coroutine, "cr_code", None)
        return "/steward/" in getattr(code, "co_filename", "")
    return "steward" in (getattr(called, "__module__", None) or type(owner).__module__)


async def _serve(broker: dict[str, Any], folder: str, results: Path, *, opted_in: bool) -> None:
    hass = await begin(folder, broker, {_node(room): _info(room) for room in range(ROOMS)})
    await asyncio.sleep(SETTLE_SECONDS)
    _write(folder, [automation(number, opted_in=opted_in) for number in range(AUTOMATIONS)])
    with (results / MARKS).open("w", buffering=1) as file:
        marks = _Marks(file)

        @callback
        def reloaded(_: Event) -> None:
            marks.write(reloaded=monotonic())

        hass.bus.async_listen(EVENT_AUTOMATION_RELOADED, reloaded)
        marks.write(begun=monotonic())
        await hass.services.async_call("automation", "reload", blocking=True)
        given = {"address": f"http://{HOST}:{hass.http.server_port}", "token": await _token(hass)}
        (results / READY).write_text(json.dumps(given))
        await asyncio.Event().wait()


async def _token(hass: HomeAssistant) -> str:
    user = await hass.auth.async_create_user("Editor", group_ids=[GROUP_ID_ADMIN])
    refresh = await hass.auth.async_create_refresh_token(user, client_id="http://localhost/")
    return hass.auth.async_create_access_token(refresh)


def main(port: str, opted_in: str, folder: str, certificates: str, results: str) -> None:
    """Be a Home Assistant."""
    with asyncio.Runner(loop_factory=create_event_loop) as runner, suppress(KeyboardInterrupt):
        broker = broker_entry(port, Path(certificates))
        runner.run(_serve(broker, folder, Path(results), opted_in=opted_in == "1"))


if __name__ == "__main__":
    main(*sys.argv[1:])
