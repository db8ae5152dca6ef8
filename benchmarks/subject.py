"""One subject of the hub's benchmark in a fresh Home Assistant, which is this process; prints what it measured as JSON.

python -m benchmarks.subject PORT SUBJECT FOLDER

The rooms' messages are retained on the broker of that port; the folder holds Home Assistant's configuration.
"""

import asyncio
from dataclasses import asdict, dataclass
import gc
import json
from pathlib import Path
import sys
import time
from types import MappingProxyType
from typing import Any, Final, cast

from homeassistant.bootstrap import async_setup_hass
from homeassistant.config_entries import SOURCE_USER, ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.runner import RuntimeConfig, create_event_loop

from .broker import HOST
from .house import PEERS, ROOMS, SENSORS, Sensor, Subject, all_sensors, instance, room_id, room_name

RATE: Final = 1000
"""Values per second, which every subject can follow."""
TURNS: Final = 3
"""How often every sensor tells a new value."""
SPAN_SECONDS: Final = TURNS * ROOMS * SENSORS / RATE + 2
"""How long updates, and the idle span before them, are measured: sending, and the time until the last one is through."""
READY_TIMEOUT: Final = 180
SETTLE_SECONDS: Final = 12
"""Home Assistant writes its registries ten seconds after they last changed."""
QUIET_CPU: Final = 0.02
"""The part of a second that an idle Home Assistant may compute."""
QUIET_TIMEOUT: Final = 60
ENTITY_PREFIX: Final = "sensor.room_"
"""How the ids begin that Home Assistant makes of the rooms' and their sensors' names."""
MIB: Final = 1024
OLDEST: Final = 2
"""The garbage collector's generation whose collection is a full one."""


class SubjectError(RuntimeError):
    """The subject didn't do what was to be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run gave."""

    ready_seconds: float
    """From the set-up of the MQTT entry until every sensor had a value."""
    ready_cpu_seconds: float
    """The processor time of that; what else the machine does hardly changes it."""
    memory_mib: float
    """Resident memory added, after garbage collection."""
    peak_mib: float
    """The same at its highest."""
    update_us: float
    """Processor time per value received, less what the idle process and full garbage collections take."""


class FullCollections:
    """Adds up the processor time of full garbage collections.

    One takes as long as thousands of updates, and it is chance whether one falls into a span.
    """

    def __init__(self) -> None:
        """Begin to add up."""
        self.seconds = 0.0
        self._start = 0.0
        gc.callbacks.append(self._collect)

    def _collect(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] < OLDEST:
            return
        if phase == "start":
            self._start = time.process_time()
        else:
            self.seconds += time.process_time() - self._start


class Watch:
    """Sees every value that comes into a state of a room's sensor."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin to watch."""
        self.known: dict[str, float] = {}
        self.received = 0
        self.enough = asyncio.Event()
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._changed)

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if (
            state is None
            or not state.entity_id.startswith(ENTITY_PREFIX)
            or state.state in {STATE_UNKNOWN, STATE_UNAVAILABLE}
        ):
            return
        self.received += 1
        if state.entity_id not in self.known:
            self.known[state.entity_id] = time.monotonic()
            if len(self.known) == ROOMS * SENSORS:
                self.enough.set()


def resident() -> tuple[float, float]:
    """Return this process's resident memory, now and at its highest, in MiB."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / MIB, int(fields["VmHWM"].split()[0]) / MIB


def forget_peak() -> None:
    """Let the highest resident memory be the present one."""
    Path("/proc/self/clear_refs").write_text("5")


async def settle() -> None:
    """Return when Home Assistant has written what it writes later, and idles."""
    await asyncio.sleep(SETTLE_SECONDS)
    deadline = time.monotonic() + QUIET_TIMEOUT
    used = 1.0
    while used > QUIET_CPU and time.monotonic() < deadline:
        before = time.process_time()
        await asyncio.sleep(1)
        used = time.process_time() - before
    gc.collect()


def make_entry(
    domain: str, title: str, version: tuple[int, int], data: dict[str, Any], unique_id: str | None = None
) -> ConfigEntry[Any]:
    """Return a config entry as its flow would make it."""
    return ConfigEntry(
        data=data,
        discovery_keys=MappingProxyType({}),
        domain=domain,
        minor_version=version[1],
        options={},
        source=SOURCE_USER,
        subentries_data=None,
        title=title,
        unique_id=unique_id,
        version=version[0],
    )


async def add_entries(hass: HomeAssistant, port: int, subject: Subject) -> None:
    """Add the entry of the broker and, for Steward, one for each room."""
    broker = make_entry("mqtt", "Broker", (2, 1), {"broker": HOST, "port": port, "protocol": "5"})
    await hass.config_entries.async_add(broker)
    if subject in PEERS:
        return
    rooms = (
        make_entry(
            "steward",
            room_name(number),
            (1, 1),
            {"kind": "area", "node": room_id(number), "instance": instance(number)},
            room_id(number),
        )
        for number in range(ROOMS)
    )
    await asyncio.gather(*(hass.config_entries.async_add(room) for room in rooms))


def entity_ids(hass: HomeAssistant, subject: Subject) -> dict[Sensor, str]:
    """Return which entity stands for each sensor.

    Raises:
        SubjectError: one has none.
    """
    platform = "mqtt" if subject in PEERS else "steward"
    registry = er.async_get(hass)
    found = {sensor: registry.async_get_entity_id("sensor", platform, sensor.unique_id) for sensor in all_sensors()}
    missing = sum(entity_id is None for entity_id in found.values())
    if missing:
        message = f"{missing} sensors have no entity"
        raise SubjectError(message)
    return {sensor: entity_id for sensor, entity_id in found.items() if entity_id is not None}


def check_values(hass: HomeAssistant, entities: dict[Sensor, str], turn: int) -> None:
    """Compare every state with what its sensor told.

    Raises:
        SubjectError: one differs.
    """
    for sensor, entity_id in entities.items():
        state = hass.states.get(entity_id)
        if state is None or float(state.state) != sensor.value(turn):
            told = None if state is None else state.state
            message = f"{entity_id} is {told}, its sensor told {sensor.value(turn)}"
            raise SubjectError(message)


async def measure_updates(port: int, subject: Subject, watch: Watch) -> float:
    """Let the rooms send new values; return the processor time per value in microseconds.

    Raises:
        SubjectError: a value got lost.
    """
    count = TURNS * ROOMS * SENSORS
    messages_per_second = RATE / SENSORS if subject is Subject.BATCHES else RATE
    publisher = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.publisher", str(port), "update", subject, str(TURNS), str(messages_per_second)),
        stdin=asyncio.subprocess.PIPE,
    )
    collections = FullCollections()

    async def span() -> float:
        start = time.process_time() - collections.seconds
        await asyncio.sleep(SPAN_SECONDS)
        return time.process_time() - collections.seconds - start

    idle = await span()
    watch.received = 0
    cast("asyncio.StreamWriter", publisher.stdin).write(b"\n")
    busy = await span()
    if await publisher.wait() != 0 or watch.received != count:
        message = f"{watch.received} of {count} values came within {SPAN_SECONDS:.0f} s"
        raise SubjectError(message)
    return (busy - idle) / count * 1e6


async def measure(port: int, subject: Subject, folder: str) -> Measured:
    """Start Home Assistant, add the subject, and measure.

    Raises:
        SubjectError: it didn't do what was to be measured.
    """
    hass = await async_setup_hass(RuntimeConfig(config_dir=folder, skip_pip=True))
    if hass is None or hass.config.recovery_mode:
        message = "Home Assistant doesn't start"
        raise SubjectError(message)
    await hass.async_start()
    watch = Watch(hass)
    await settle()
    resident_before, _ = resident()
    forget_peak()

    start, cpu_start = time.monotonic(), time.process_time()
    await add_entries(hass, port, subject)
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await watch.enough.wait()
    except TimeoutError:
        message = f"{len(watch.known)} sensors had a value after {READY_TIMEOUT} s"
        raise SubjectError(message) from None
    ready_cpu_seconds = time.process_time() - cpu_start
    entities = entity_ids(hass, subject)
    ready_seconds = max(watch.known[entity_id] for entity_id in entities.values()) - start
    check_values(hass, entities, 0)

    await settle()
    resident_after, peak = resident()
    update_us = await measure_updates(port, subject, watch)
    check_values(hass, entities, TURNS)
    await hass.async_stop()
    return Measured(
        ready_seconds=ready_seconds,
        ready_cpu_seconds=ready_cpu_seconds,
        memory_mib=resident_after - resident_before,
        peak_mib=peak - resident_before,
        update_us=update_us,
    )


def main(port: str, subject: str, folder: str) -> None:
    """Measure one subject."""
    with asyncio.Runner(loop_factory=create_event_loop) as runner:
        print(json.dumps(asdict(runner.run(measure(int(port), Subject(subject), folder)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
