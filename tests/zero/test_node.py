"""The node: what modules may declare and tell, what it keeps, and which events still go out."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
import threading

import pytest

from steward_house.protocol.entity import EntityInfo, EventInfo, NumberInfo, SensorInfo, SwitchInfo
from steward_house.protocol.fields import ContractError, Json, Reason
from steward_house.protocol.node import MAX_ENTITIES, Command, NodeInfo, decode_states
from steward_house.zero import node as node_module
from steward_house.zero.clock import Clock
from steward_house.zero.commands import Commands
from steward_house.zero.machine import Machine, read_machine
from steward_house.zero.module import Received
from steward_house.zero.node import Node
from steward_house.zero.storage import Storage
from steward_house.zero.words import printable

from .room import INSTANCE, make_settings

TEMPERATURE = SensorInfo(key="temperature", name="Temperature", unit="°C", module="one")
SWITCH = SwitchInfo(key="switch", name="Switch", module="one")
BELL = EventInfo(key="bell", name="Bell", event_types=("rung",), module="one")


def make(directory: Path, *modules: str, batch: bool = False, port: int = 1883) -> Node:
    settings = make_settings(directory, *modules, batch=batch, port=port)
    return Node(settings, Machine(), Storage(directory), INSTANCE, Clock())


@pytest.mark.parametrize(
    ("entities", "reason"),
    [
        ([SensorInfo(key="../other", name="Other")], Reason.BAD_KEY),
        ([SensorInfo(key="a", name="")], Reason.BAD_VALUE),
        ([SensorInfo(key="a", name="A"), SensorInfo(key="a", name="B")], Reason.DUPLICATE_KEY),
        ([SensorInfo(key="temperature", name="Another module's")], Reason.DUPLICATE_KEY),
        ([SensorInfo(key=f"key{number}", name="One too many") for number in range(MAX_ENTITIES)], Reason.TOO_LARGE),
    ],
)
def test_bad_declarations(tmp_path: Path, entities: list[EntityInfo], reason: Reason) -> None:
    node = make(tmp_path)
    node.declare("one", (TEMPERATURE,))
    with pytest.raises(ContractError) as raised:
        node.declare("two", tuple(entities))
    assert raised.value.reason is reason
    info = NodeInfo.decode(node.take_info() or b"")
    assert [entity.key for entity in info.entities] == [
        "problem_clock",
        "problem_rules",
        "problem_one",
        "temperature",
        "problem_two",
    ]


def test_too_large_declaration(tmp_path: Path) -> None:
    """What makes the info too large is refused, also where it only would with the longest reasons of problems."""
    node = make(tmp_path, *(f"module{number}" for number in range(62)))

    def large(number: int) -> tuple[EntityInfo, ...]:
        options = tuple(f"{'a' * 200}{number}" for number in range(60))
        return tuple(SensorInfo(key=f"key{number}", name="Large", options=options) for number in range(number))

    with pytest.raises(ContractError) as raised:
        node.declare("module0", large(41))
    assert raised.value.reason is Reason.TOO_LARGE
    node.declare("module0", large(35))
    for number in range(62):
        node.set_problem(f"module{number}", "\U00010000" * 300)
    assert len(NodeInfo.decode(node.take_info() or b"").entities) == 2 + 62 + 35


async def test_bad_tellings(tmp_path: Path) -> None:
    node = make(tmp_path)
    node.declare("one", (TEMPERATURE, BELL))
    for module, entity, state in (("two", TEMPERATURE, 20), ("one", TEMPERATURE, "warm"), ("one", SWITCH, True)):
        with pytest.raises(ContractError):
            node.publish(module, entity, state)
    with pytest.raises(ContractError):
        node.happen("one", BELL, "broken", {})
    with pytest.raises(ContractError):
        node.happen("one", BELL, "rung", {"at": "noon"})


def test_only_changes_are_sent(tmp_path: Path) -> None:
    node = make(tmp_path)
    node.declare("one", (TEMPERATURE,))
    node.take_states()
    node.publish("one", TEMPERATURE, 20.5)
    assert node.changed.is_set()
    assert node.take_states() == [("steward/kitchen/sensor/temperature/state", b"20.5")]
    node.publish("one", TEMPERATURE, 20.5)
    assert node.take_states() == []
    node.forget("one")
    assert node.take_states() == [("steward/kitchen/sensor/temperature/state", b"None")]
    assert node.last(TEMPERATURE) == 20.5


def test_states_that_do_not_fit_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node = make(tmp_path, batch=True)
    texts = [SensorInfo(key=f"text{number}", name="Text", module="one") for number in range(500)]
    node.declare("one", (TEMPERATURE, *texts))
    node.publish("one", TEMPERATURE, 20.5)
    for text in texts:
        node.publish("one", text, "\U00010000" * 200)
    for _ in range(2):
        node.touch_everything()
        [(_, payload)] = node.take_states()
        states = decode_states(payload)
        assert states["sensor/temperature"] == 20.5
        assert 0 < len([state for state in states.values() if state is None]) < 250
    assert len(caplog.records) == 1
    for text in texts:
        node.publish("one", text, "short")
    assert None not in decode_states(node.take_states()[0][1]).values()


def test_entities_that_go(tmp_path: Path) -> None:
    node = make(tmp_path)
    node.declare("one", (TEMPERATURE, SWITCH, BELL))
    node.take_info()
    node.publish("one", TEMPERATURE, 20.5)
    node.declare("one", (SWITCH,))
    assert node.take_info()
    assert node.stale_topics == {"steward/kitchen/sensor/temperature/state"}
    assert "steward/kitchen/sensor/temperature/state" not in dict(node.take_states())
    node.declare("one", (SWITCH, TEMPERATURE))  # and come back before it was cleared
    assert node.stale_topics == set()
    assert dict(node.take_states())["steward/kitchen/sensor/temperature/state"] == b"None"


async def test_what_is_kept(tmp_path: Path) -> None:
    node = make(tmp_path)
    node.declare("one", (TEMPERATURE, SWITCH))
    node.publish("one", SWITCH, state=True)
    node.publish("one", TEMPERATURE, 20)
    assert node.unsaved.is_set()
    await node.save()
    later = make(tmp_path)
    assert [later.last(SWITCH), later.last(TEMPERATURE)] == [True, None]
    assert later.entity(TEMPERATURE.id) == TEMPERATURE
    # The switch has become a number: what was kept is no state of it.
    assert later.last(NumberInfo(key="switch", name="Number", minimum=0, maximum=1)) is None
    without = make(tmp_path, "two")
    assert without.entity(TEMPERATURE.id) is None
    assert without.stale_topics == {
        f"steward/kitchen/{name}/state" for name in ("binary_sensor/problem_one", "sensor/temperature", "switch/switch")
    }


async def test_other_nodes_topics_are_left_alone(tmp_path: Path) -> None:
    Storage(tmp_path).save("node", {"topics": ["steward/kitchen/sensor/a/state", "steward/nursery/sensor/a/state"]})
    assert make(tmp_path).stale_topics == {"steward/kitchen/sensor/a/state"}


async def test_more_kept_than_fits(tmp_path: Path) -> None:
    entities = [SensorInfo(key=f"key{number}", name="Many", module="one").declare() for number in range(MAX_ENTITIES)]
    Storage(tmp_path).save("node", {"entities": entities})
    assert len(NodeInfo.decode(make(tmp_path).take_info() or b"").entities) == 4


@pytest.mark.parametrize("content", ["", "[]", '{"topics": 1}', '{"entities": [{"platform": "toaster"}]}'])
def test_damaged_document(tmp_path: Path, content: str) -> None:
    (tmp_path / "node.json").write_text(content)
    assert NodeInfo.decode(make(tmp_path).take_info() or b"").instance == INSTANCE


async def test_saves_stay_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make(tmp_path)
    node.declare("one", (SWITCH,))
    node.publish("one", SWITCH, state=True)
    await node.save()
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()
    release = threading.Event()
    save = Storage.save

    def save_slowly(storage: Storage, name: str, document: Json) -> None:
        loop.call_soon_threadsafe(begun.set)
        release.wait(20)
        save(storage, name, document)

    monkeypatch.setattr(Storage, "save", save_slowly)
    node.publish("one", SWITCH, state=False)
    cancelled = asyncio.create_task(node.save())
    await begun.wait()
    cancelled.cancel()
    await asyncio.wait({cancelled})
    monkeypatch.setattr(Storage, "save", save)
    node.publish("one", SWITCH, state=True)
    later = asyncio.create_task(node.save())
    await asyncio.sleep(0)  # it has begun
    release.set()
    await later
    assert make(tmp_path).last(SWITCH) is True


async def test_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    monkeypatch.setattr(Storage, "save", lambda *_: release.wait(20))
    monkeypatch.setattr(node_module, "_SAVING", 0.01)
    node = make(tmp_path)
    node.declare("one", (SWITCH,))
    await node.save()
    release.set()
    assert len([record for record in caplog.records if "Can't keep" in record.message]) == 1


async def test_disk_that_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node = make(tmp_path / "state")
    (tmp_path / "state").write_text("in the way")
    for module in ("one", "two"):
        node.declare(module, (SensorInfo(key=module, name=module),))
        await node.save()
    assert len([record for record in caplog.records if "Can't keep" in record.message]) == 1


def test_problem_becomes_one_line(tmp_path: Path) -> None:
    node = make(tmp_path)
    node.set_problem("one", "no\n\tbus\x00 " + "!" * 300)
    problem = NodeInfo.decode(node.take_info() or b"").modules["one"].problem
    assert problem is not None
    assert problem.startswith("no bus !!!")
    assert len(problem) == 255
    node.set_problem("one", problem)
    assert node.take_info() is None


@pytest.mark.parametrize("reason", ["", " \n", "\x00"])
def test_problem_without_words(tmp_path: Path, reason: str) -> None:
    node = make(tmp_path)
    node.set_problem("one", reason)
    assert NodeInfo.decode(node.take_info() or b"").modules["one"].problem == "no reason was given"


async def test_order_of_commands() -> None:
    entities = {SWITCH.id: SWITCH}
    commands = Commands(entities.get, Clock(), lambda *_: True)
    now = datetime.now(UTC)

    def tell(target: bool, age: float) -> Received | None:
        payload = Command(target, now - timedelta(seconds=age), "cause").encode(SWITCH)
        return commands.read("steward/kitchen/switch/switch/command", payload, retained=False)

    loop = asyncio.get_running_loop()
    first = tell(True, 5)
    assert first
    assert first.deadline - loop.time() == pytest.approx(5, abs=0.5)  # not 10 s more from now on
    assert tell(False, 5)
    assert tell(True, 6) is None
    assert tell(True, 11) is None
    assert tell(False, 4)
    assert commands.dropped == {Reason.EXPIRED: 2}
    fast = tell(True, -3600)  # somebody's clock is an hour fast
    assert fast
    assert fast.deadline - loop.time() == pytest.approx(10, abs=0.5)
    plain = commands.read("steward/kitchen/switch/switch/command", b"ON", retained=False)
    assert plain
    assert plain.deadline - loop.time() == pytest.approx(10, abs=0.5)
    assert tell(False, 3)
    assert commands.read("steward/kitchen/switch/switch/state", b"ON", retained=False) is None
    assert commands.read("elsewhere", b"ON", retained=False) is None
    assert commands.dropped == {Reason.EXPIRED: 2, Reason.BAD_TOPIC: 2}


def test_machine(tmp_path: Path) -> None:
    assert read_machine(tmp_path, tmp_path).model is None
    firmware = tmp_path / "class" / "dmi" / "id"
    firmware.mkdir(parents=True)
    (firmware / "sys_vendor").write_text("LENOVO\n")
    (firmware / "product_name").write_text("20XW\n")
    machine = read_machine(tmp_path, tmp_path)
    assert (machine.manufacturer, machine.model) == ("LENOVO", "20XW")
    (tmp_path / "device-tree").mkdir()
    (tmp_path / "device-tree" / "model").write_bytes(b"Raspberry Pi Zero 2 W Rev 1.0\0")
    machine = read_machine(tmp_path)
    assert (machine.manufacturer, machine.model) == ("Raspberry Pi", "Raspberry Pi Zero 2 W Rev 1.0")
    (tmp_path / "device-tree" / "model").write_bytes(b"Banana\xff\0")
    assert read_machine(tmp_path).manufacturer is None
    assert printable(" a\0\n b ") == "a b"
