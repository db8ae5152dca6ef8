"""Concrete bad input, and the reason that each is counted under."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
import json
from typing import Any, Final

import pytest

from steward_house.protocol import hub, node, rules
from steward_house.protocol.entity import (
    PRESS,
    BinarySensorInfo,
    ButtonInfo,
    EntityInfo,
    EventInfo,
    LightInfo,
    LightState,
    NumberInfo,
    SensorInfo,
    State,
    SwitchInfo,
)
from steward_house.protocol.fields import MAX_DEPTH, ContractError, Reason, check, dump, parse

ULID: Final = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
AT: Final = "2026-10-12T07:05:00+00:00"
NOON: Final = datetime(2026, 10, 12, 12, tzinfo=UTC)
TEN_MEGABYTES: Final = 10 * 2**20

SENSOR: Final = SensorInfo(key="temperature", name="Temperature", unit="°C")
TEXT: Final = SensorInfo(key="program", name="Program", options=("wash", "rinse"))
TIME: Final = SensorInfo(key="boot", name="Boot", device_class="timestamp")
MOTION: Final = BinarySensorInfo(key="motion", name="Motion")
SWITCH: Final = SwitchInfo(key="fan", name="Fan")
NUMBER: Final = NumberInfo(key="gain", name="Gain", minimum=0.5, maximum=3)
LAMP: Final = LightInfo(key="lamp", name="Lamp")
LIGHT: Final = LightInfo(key="light", name="Light", brightness=True, color=True)
BUTTON: Final = ButtonInfo(key="wave", name="Wave")
EVENT: Final = EventInfo(key="gesture", name="Gesture", event_types=("started", "ended"))

DROP: Final = object()


def entity(**members: object) -> dict[str, object]:
    """Return an entity's object with members changed; DROP leaves one out."""
    return changed({"platform": "sensor", "key": "temperature", "name": "Temperature"}, members)


def changed(valid: Mapping[str, object], members: Mapping[str, object]) -> dict[str, object]:
    """Return an object with members changed; DROP leaves one out."""
    return {name: value for name, value in {**valid, **members}.items() if value is not DROP}


def info(*entities: object, **members: object) -> bytes:
    """Return an info with members changed."""
    valid = {"contract": 1, "instance": ULID, "name": "Kitchen", "entities": [*entities]}
    return json.dumps(changed(valid, members)).encode()


def journal(*entries: object, **members: object) -> bytes:
    """Return a journal with members changed."""
    return json.dumps(changed({"id": ULID, "dropped": 0, "entries": [*entries]}, members)).encode()


def status(**members: object) -> bytes:
    """Return a hub's status with members changed."""
    return json.dumps(changed({"house": "h", "session": ULID}, members)).encode()


def event(**members: object) -> bytes:
    """Return an event with members changed."""
    return json.dumps(changed({"event_type": "started", "id": ULID, "at": AT}, members)).encode()


def reason(reader: Callable[..., object], *arguments: object) -> Reason:
    """Return why a reader refuses something."""
    with pytest.raises(ContractError) as refusal:
        reader(*arguments)
    assert len(str(refusal.value)) < 1000
    return refusal.value.reason


def short(value: object) -> str:
    """Return a test's name for what it reads: the end of a payload, the type of anything else."""
    return repr(value)[-60:] if isinstance(value, bytes | str) else type(value).__name__


NO_JSON: Final = [
    (b"x" * TEN_MEGABYTES, Reason.TOO_LARGE),
    (b"[" * TEN_MEGABYTES, Reason.TOO_LARGE),
    (b"", Reason.NOT_JSON),
    (b"{", Reason.NOT_JSON),
    (b"{} {}", Reason.NOT_JSON),
    (b"{'contract': 1}", Reason.NOT_JSON),
    (b"\xef\xbb\xbf{}", Reason.NOT_JSON),
    (b"NaN", Reason.NOT_JSON),
    (b'{"contract":Infinity}', Reason.NOT_JSON),
    (b"[" * 4000, Reason.NOT_JSON),
    (b'{"a":' * 800, Reason.NOT_JSON),
    (b"1" * 4096, Reason.BAD_VALUE),
    (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), Reason.BAD_VALUE),
    (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), Reason.BAD_VALUE),
    (b"1e999", Reason.BAD_VALUE),
    (b"9007199254740993", Reason.BAD_VALUE),
    (b'{"contract":-9007199254740993}', Reason.BAD_VALUE),
    (b'{"\\udc00":1}', Reason.BAD_VALUE),
    (b'{"name":"\\ud800"}', Reason.BAD_VALUE),
    (b"\xff\xfe", Reason.NOT_UTF8),
    (b'{"name":"\xed\xa0\x80"}', Reason.NOT_UTF8),
    (b'{"name":"\xc0\xaf"}', Reason.NOT_UTF8),
    (b'{"a":1,"a":1}', Reason.DUPLICATE_KEY),
    (b'{"a":{"b":1,"b":2}}', Reason.DUPLICATE_KEY),
    (b"[]", Reason.BAD_VALUE),
    (b"null", Reason.BAD_VALUE),
    (b'"info"', Reason.BAD_VALUE),
]
READERS: Final[list[Callable[[bytes], object]]] = [
    node.NodeInfo.decode,
    hub.Ack.decode,
    hub.Document.decode,
    rules.Rulebook.decode,
    hub.Journal.decode,
    hub.HubStatus.decode,
    hub.Heartbeat.decode,
    node.decode_states,
    lambda payload: node.Event.decode(payload, EVENT),
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("payload", "why"), NO_JSON, ids=short)
def test_no_json(reader: Callable[[bytes], object], payload: bytes, why: Reason) -> None:
    assert reason(reader, payload) is why


INFOS: Final = [
    (info(contract=DROP), Reason.MISSING),
    (info(contract=2), Reason.NEWER_CONTRACT),
    (info(contract=0), Reason.BAD_VALUE),
    (info(contract="1"), Reason.BAD_VALUE),
    (info(contract=True), Reason.BAD_VALUE),
    (info(contract=1.0), Reason.BAD_VALUE),
    (info(instance=DROP), Reason.MISSING),
    (info(instance="1"), Reason.BAD_KEY),
    (info(instance=ULID.lower()), Reason.BAD_KEY),
    (info(instance=7), Reason.BAD_KEY),
    (info(name=DROP), Reason.MISSING),
    (info(name=""), Reason.BAD_VALUE),
    (info(name="x" * 256), Reason.BAD_VALUE),
    (info(name="Kitchen\n"), Reason.BAD_VALUE),
    (info(name="Kitchen\0"), Reason.BAD_VALUE),
    (info(name=["Kitchen"]), Reason.BAD_VALUE),
    (info(house=5), Reason.BAD_VALUE),
    (info(versions=["0.1.0"]), Reason.BAD_VALUE),
    (info(versions={"steward": 1}), Reason.BAD_VALUE),
    (info(versions={"steward": None}), Reason.MISSING),
    (info(versions={"x" * 300_000: "1"}), Reason.BAD_KEY),
    (info(versions={f"v{number}": "1" for number in range(17)}), Reason.BAD_VALUE),
    (info(capabilities="commands"), Reason.BAD_VALUE),
    (info(capabilities=["commands", "commands"]), Reason.DUPLICATE_KEY),
    (info(capabilities=[None]), Reason.MISSING),
    (info(modules={"system": None}), Reason.BAD_VALUE),
    (info(modules={"system": {"problem": ""}}), Reason.BAD_VALUE),
    (info(modules={"../system": {}}), Reason.BAD_KEY),
    (info(modules={"": {}}), Reason.BAD_KEY),
    (info(entities={}), Reason.BAD_VALUE),
    (info(*[entity(key=f"k{number}") for number in range(513)]), Reason.BAD_VALUE),
    (info(None), Reason.BAD_VALUE),
    (info("sensor"), Reason.BAD_VALUE),
    (info(entity(), entity(name="Another")), Reason.DUPLICATE_KEY),
    (info(entity(platform=DROP)), Reason.MISSING),
    (info(entity(platform="toaster")), Reason.UNKNOWN_PLATFORM),
    (info(entity(platform="Sensor")), Reason.UNKNOWN_PLATFORM),
    (info(entity(platform=["sensor"])), Reason.UNKNOWN_PLATFORM),
    (info(entity(platform="../sensor")), Reason.UNKNOWN_PLATFORM),
    (info(entity(key=DROP)), Reason.MISSING),
    *[
        (info(entity(key=key)), Reason.BAD_KEY)
        for key in ("", "../x", "+", "#", "a/b", "/", "a\0", "A", "a b", "a\n", "é", "x" * 65, 5, ["a"], True)
    ],
    (info(entity(name=DROP)), Reason.MISSING),
    (info(entity(name="\x1b[31m")), Reason.BAD_VALUE),
    (info(entity(icon="hass:lamp")), Reason.BAD_KEY),
    (info(entity(icon="mdi:../lamp")), Reason.BAD_KEY),
    (info(entity(translation_key="a.b")), Reason.BAD_KEY),
    (info(entity(device_class="Temperature")), Reason.BAD_KEY),
    (info(entity(category="system")), Reason.BAD_VALUE),
    (info(entity(category=[])), Reason.BAD_VALUE),
    (info(entity(enabled=1)), Reason.BAD_VALUE),
    (info(entity(module="a/b")), Reason.BAD_KEY),
    (info(entity(placeholders=[])), Reason.BAD_VALUE),
    (info(entity(placeholders={"module": 1})), Reason.BAD_VALUE),
    (info(entity(placeholders={"module.__class__": "x"})), Reason.BAD_KEY),
    (info(entity(placeholders={f"p{number}": "x" for number in range(9)})), Reason.BAD_VALUE),
    (info(entity(unit="x" * 33)), Reason.BAD_VALUE),
    (info(entity(precision=-1)), Reason.BAD_VALUE),
    (info(entity(precision=17)), Reason.BAD_VALUE),
    (info(entity(precision=1.5)), Reason.BAD_VALUE),
    (info(entity(precision=True)), Reason.BAD_VALUE),
    (info(entity(options=["a", "a"])), Reason.DUPLICATE_KEY),
    (info(entity(options=[f"{number}" for number in range(65)])), Reason.BAD_VALUE),
    (info(entity(platform="event")), Reason.MISSING),
    (info(entity(platform="event", event_types=[])), Reason.MISSING),
    (info(entity(platform="event", event_types=[1])), Reason.BAD_VALUE),
    (info(entity(platform="event", event_types=["a", "a"])), Reason.DUPLICATE_KEY),
    (info(entity(platform="number")), Reason.MISSING),
    (info(entity(platform="number", minimum=1)), Reason.MISSING),
    (info(entity(platform="number", minimum=1, maximum=1)), Reason.BAD_VALUE),
    (info(entity(platform="number", minimum=2, maximum=1)), Reason.BAD_VALUE),
    (info(entity(platform="number", minimum="1", maximum=2)), Reason.BAD_VALUE),
    (info(entity(platform="number", minimum=False, maximum=True)), Reason.BAD_VALUE),
    (info(entity(platform="number", minimum=1, maximum=2, step=0)), Reason.BAD_VALUE),
    (info(entity(platform="number", minimum=1, maximum=2, mode="knob")), Reason.BAD_VALUE),
    (info(entity(platform="light", brightness="yes")), Reason.BAD_VALUE),
]


@pytest.mark.parametrize(("payload", "why"), INFOS, ids=short)
def test_info(payload: bytes, why: Reason) -> None:
    assert reason(node.NodeInfo.decode, payload) is why


def test_info_says_where() -> None:
    with pytest.raises(ContractError, match=r"^entities\[1\]\.key: must match ") as refusal:
        node.NodeInfo.decode(info(entity(), entity(key="../x")))
    assert refusal.value.where == "entities[1].key"


def test_info_of_a_newer_peer_may_say_more() -> None:
    read = node.NodeInfo.decode(info(entity(shape="round"), colour="red", capabilities=["telepathy"]))
    assert read == node.NodeInfo(
        instance=ULID,
        name="Kitchen",
        capabilities=("telepathy",),
        entities=(SensorInfo(key="temperature", name="Temperature"),),
    )


STATES: Final = [
    (SENSOR, b"warm", Reason.BAD_VALUE),
    (SENSOR, b"inf", Reason.BAD_VALUE),
    (SENSOR, b"-Infinity", Reason.BAD_VALUE),
    (SENSOR, b"-nan", Reason.BAD_VALUE),
    (SENSOR, b"1e400", Reason.BAD_VALUE),
    (SENSOR, b"1_000", Reason.BAD_VALUE),
    (SENSOR, b"9" * 4096, Reason.BAD_VALUE),
    (SENSOR, b"0x10", Reason.BAD_VALUE),
    (SENSOR, b"1,5", Reason.BAD_VALUE),
    (SENSOR, b"ON", Reason.BAD_VALUE),
    (SENSOR, b"\xff", Reason.NOT_UTF8),
    (SENSOR, b"1" * 4097, Reason.TOO_LARGE),
    (SENSOR, b"x" * TEN_MEGABYTES, Reason.TOO_LARGE),
    (TEXT, b"spin", Reason.BAD_VALUE),
    (SensorInfo(key="text", name="Text"), b"x" * 256, Reason.BAD_VALUE),
    (TIME, b"yesterday", Reason.BAD_VALUE),
    (TIME, b"2026-10-12T07:05:00", Reason.BAD_VALUE),
    (TIME, b"0001-01-01T00:00:00+14:00", Reason.BAD_VALUE),
    (TIME, b"1760252700", Reason.BAD_VALUE),
    (MOTION, b"on", Reason.BAD_VALUE),
    (MOTION, b"1", Reason.BAD_VALUE),
    (SWITCH, b"TOGGLE", Reason.BAD_VALUE),
    (SWITCH, b"ON\n", Reason.BAD_VALUE),
    (NUMBER, b"much", Reason.BAD_VALUE),
    (LIGHT, b"ON", Reason.NOT_JSON),
    (LIGHT, b"{}", Reason.MISSING),
    (LIGHT, b"[]", Reason.BAD_VALUE),
    (LIGHT, b'{"state":"TOGGLE"}', Reason.BAD_VALUE),
    (LIGHT, b'{"state":true}', Reason.BAD_VALUE),
    (LIGHT, b'{"state":"ON","state":"OFF"}', Reason.DUPLICATE_KEY),
    (LIGHT, b'{"state":"ON","brightness":256}', Reason.BAD_VALUE),
    (LIGHT, b'{"state":"ON","brightness":-1}', Reason.BAD_VALUE),
    (LIGHT, b'{"state":"ON","brightness":0.5}', Reason.BAD_VALUE),
    (LIGHT, b'{"state":"ON","brightness":true}', Reason.BAD_VALUE),
    (LIGHT, b'{"state":"ON","color":"red"}', Reason.BAD_VALUE),
    (LIGHT, b'{"state":"ON","color":{"r":1,"g":2}}', Reason.MISSING),
    (LIGHT, b'{"state":"ON","color":{"r":1,"g":2,"b":300}}', Reason.BAD_VALUE),
    (BUTTON, b"press", Reason.BAD_VALUE),
    (BUTTON, b"", Reason.BAD_VALUE),
    (EVENT, b"started", Reason.BAD_VALUE),
]


@pytest.mark.parametrize(("entity", "payload", "why"), STATES, ids=short)
def test_state(entity: EntityInfo, payload: bytes, why: Reason) -> None:
    assert reason(entity.decode, payload) is why


COMMANDS: Final = [
    (SENSOR, b"20", Reason.BAD_VALUE),
    (TEXT, b"wash", Reason.BAD_VALUE),
    (MOTION, b"ON", Reason.BAD_VALUE),
    (EVENT, b"started", Reason.BAD_VALUE),
    (SWITCH, b"None", Reason.BAD_VALUE),
    (SWITCH, b"", Reason.BAD_VALUE),
    (LIGHT, b"null", Reason.BAD_VALUE),
    (NUMBER, b"", Reason.BAD_VALUE),
    (NUMBER, b"nan", Reason.BAD_VALUE),
    (NUMBER, b"0.49", Reason.BAD_VALUE),
    (NUMBER, b"3.01", Reason.BAD_VALUE),
    (BUTTON, b"ON", Reason.BAD_VALUE),
    (SWITCH, b'{"value":"ON"}', Reason.MISSING),
    (SWITCH, b'{"value":"ON","at":"now"}', Reason.BAD_VALUE),
    (SWITCH, b'{"value":"ON","at":5}', Reason.BAD_VALUE),
    (SWITCH, b'{"value":"ON","at":"2026-10-12T07:05:00"}', Reason.BAD_VALUE),
    (SWITCH, b'{"value":true,"at":"2026-10-12T07:05:00Z"}', Reason.BAD_VALUE),
    (SWITCH, b'{"value":null,"at":"2026-10-12T07:05:00Z"}', Reason.BAD_VALUE),
    (SWITCH, b'{"value":"ON","at":"2026-10-12T07:05:00Z","cause":"a b"}', Reason.BAD_KEY),
    (SWITCH, b'{"value":"ON","at":"2026-10-12T07:05:00Z","cause":""}', Reason.BAD_KEY),
    (SWITCH, b'{"value":"ON","value":"OFF","at":"2026-10-12T07:05:00Z"}', Reason.DUPLICATE_KEY),
    (NUMBER, b'{"value":true,"at":"2026-10-12T07:05:00Z"}', Reason.BAD_VALUE),
    (NUMBER, b'{"value":7,"at":"2026-10-12T07:05:00Z"}', Reason.BAD_VALUE),
    (SWITCH, b'{"state":"ON"}', Reason.BAD_VALUE),
    (SWITCH, b"{" + b" " * 5000, Reason.TOO_LARGE),
]


@pytest.mark.parametrize(("entity", "payload", "why"), COMMANDS, ids=short)
def test_command(entity: EntityInfo, payload: bytes, why: Reason) -> None:
    assert reason(node.Command.decode, payload, entity) is why


EVENTS: Final = [
    (event(event_type=DROP), Reason.MISSING),
    (event(event_type="waved"), Reason.UNKNOWN_EVENT_TYPE),
    (event(event_type=1), Reason.BAD_VALUE),
    (event(id=DROP), Reason.MISSING),
    (event(id="../x"), Reason.BAD_KEY),
    (event(at=DROP), Reason.MISSING),
    (event(at="2026-10-12"), Reason.BAD_VALUE),
    (event(at=1760252700), Reason.BAD_VALUE),
    (event(more="x" * 16_384), Reason.TOO_LARGE),
]


@pytest.mark.parametrize(("payload", "why"), EVENTS, ids=short)
def test_event(payload: bytes, why: Reason) -> None:
    assert reason(node.Event.decode, payload, EVENT) is why


OTHERS: Final = [
    (node.Status.decode, b"ONLINE", Reason.BAD_VALUE),
    (node.Status.decode, b"", Reason.BAD_VALUE),
    (node.Status.decode, b"\xff", Reason.BAD_VALUE),
    (node.Status.decode, b"x" * TEN_MEGABYTES, Reason.BAD_VALUE),
    (hub.Ack.decode, b"{}", Reason.MISSING),
    (hub.Ack.decode, b'{"id":"a b"}', Reason.BAD_KEY),
    (hub.Ack.decode, b'{"id":"x","started":"automation.a"}', Reason.BAD_VALUE),
    (hub.Ack.decode, b'{"id":"x","started":["automation.a","automation.a"]}', Reason.DUPLICATE_KEY),
    (hub.Document.decode, b'{"contract":2,"version":1}', Reason.NEWER_CONTRACT),
    (hub.Document.decode, b'{"contract":1}', Reason.MISSING),
    (hub.Document.decode, b'{"contract":1,"version":-1}', Reason.BAD_VALUE),
    (hub.Document.decode, b'{"contract":1,"version":1,"items":{}}', Reason.BAD_VALUE),
    (hub.Journal.decode, journal(id=DROP), Reason.MISSING),
    (hub.Journal.decode, journal(id=ULID.lower()), Reason.BAD_KEY),
    (hub.Journal.decode, journal(dropped=DROP), Reason.MISSING),
    (hub.Journal.decode, journal(dropped=-1), Reason.BAD_VALUE),
    (hub.Journal.decode, journal({"kind": "acted"}), Reason.MISSING),
    (hub.Journal.decode, journal({"at": AT}), Reason.MISSING),
    (hub.Journal.decode, journal({"at": "2026-10-12T07:05:00", "kind": "acted"}), Reason.BAD_VALUE),
    (hub.Journal.decode, journal({"at": AT, "kind": ""}), Reason.BAD_VALUE),
    (hub.Journal.decode, journal({"at": AT, "kind": "k" * 65}), Reason.BAD_VALUE),
    (hub.Journal.decode, journal(0), Reason.BAD_VALUE),
    (hub.Journal.decode, journal(*[{"at": AT, "kind": "acted"}] * 257), Reason.BAD_VALUE),
    (hub.HubStatus.decode, status(session="s"), Reason.BAD_KEY),
    (hub.HubStatus.decode, status(session=DROP), Reason.MISSING),
    (hub.HubStatus.decode, status(house=DROP), Reason.MISSING),
    (hub.HubStatus.decode, status(house=7), Reason.BAD_VALUE),
    (hub.HubStatus.decode, status(online="yes"), Reason.BAD_VALUE),
    *[
        (hub.HubStatus.decode, status(will_topic=topic), Reason.BAD_KEY)
        for topic in ("", "#", "hass/+", "a\0", "a\x7f", "a\x85", "\ufdd0", "\uffff", "\U0010fffe", "x" * 256, 5, [""])
    ],
    *[
        (hub.HubStatus.decode, status(will_payload=payload), Reason.BAD_VALUE)
        for payload in ("", "gone\n", "x" * 256, 0, False)
    ],
    (hub.Heartbeat.decode, f'{{"session":"{ULID}","at":"soon"}}'.encode(), Reason.BAD_VALUE),
    (hub.Heartbeat.decode, f'{{"session":"{ULID}"}}'.encode(), Reason.MISSING),
    (node.decode_states, dump({f"sensor/k{number}": 1 for number in range(513)}), Reason.BAD_VALUE),
]


@pytest.mark.parametrize(("reader", "payload", "why"), OTHERS, ids=short)
def test_other_messages(reader: Callable[[bytes], object], payload: bytes, why: Reason) -> None:
    assert reason(reader, payload) is why


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "steward",
        "steward/kitchen",
        "/steward/kitchen/status",
        "steward/kitchen/status/",
        "steward//status",
        "steward/hub/status",
        "steward/hub/heartbeat",
        "steward/Kitchen/status",
        "steward/kitchen\n/status",
        "steward/../status",
        "steward/+/status",
        "steward/#",
        "steward/kitchen/other",
        "steward/kitchen/state",
        "steward/kitchen/sensor/state",
        "steward/kitchen/toaster/a/state",
        "steward/kitchen/sensor/a/config",
        "steward/kitchen/sensor/A/state",
        "steward/kitchen/sensor/../state",
        "steward/kitchen/sensor/+/state",
        "steward/kitchen/sensor/a\0/state",
        "steward/kitchen/sensor/a/b/state",
        "other/kitchen/sensor/a/state",
        "steward/" + "k" * 33 + "/status",
        "steward/kitchen/sensor/" + "k" * 65 + "/state",
        "\ud800",
        "x" * TEN_MEGABYTES,
    ],
    ids=short,
)
def test_topics(text: str) -> None:
    assert reason(node.Address.parse, text) is Reason.BAD_TOPIC


IMPOSSIBLE: Final[list[tuple[EntityInfo, State]]] = [
    (SENSOR, True),
    (SENSOR, "warm"),
    (SENSOR, NOON),
    (SENSOR, float("nan")),
    (SENSOR, float("inf")),
    (SENSOR, 2**53 + 1),
    (SENSOR, LightState(on=True)),
    (TEXT, "spin"),
    (TEXT, 5),
    (SensorInfo(key="text", name="Text"), "\ud800"),
    (SensorInfo(key="text", name="Text"), ""),
    (TIME, NOON.replace(tzinfo=None)),
    (TIME, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))),
    (TIME, "2026-10-12T07:05:00Z"),
    (TIME, 1760252700),
    (MOTION, 10**5000),
    (MOTION, "ON"),
    (SWITCH, 1),
    (NUMBER, True),
    (NUMBER, NOON),
    (NUMBER, float("inf")),
    (LIGHT, True),
    (LIGHT, LightState(on=True, brightness=256)),
    (LIGHT, LightState(on=True, brightness=10**5000)),
    (LIGHT, LightState(on=True, rgb=(0, 0, 256))),
    (LAMP, LightState(on=True, brightness=5)),
    (LAMP, LightState(on=True, rgb=(1, 2, 3))),
    (BUTTON, "press"),
    (BUTTON, None),
    (EVENT, "started"),
    (EVENT, None),
]


@pytest.mark.parametrize(("entity", "state"), IMPOSSIBLE, ids=short)
def test_states_that_an_entity_cannot_have(entity: EntityInfo, state: State) -> None:
    assert reason(entity.to_json, state) is Reason.BAD_VALUE
    assert reason(entity.encode, state) is Reason.BAD_VALUE
    assert reason(node.encode_states, {entity: state}) is Reason.BAD_VALUE


@pytest.mark.parametrize("text", ["None", "none", "NaN", "nan"])
def test_text_that_would_read_as_not_known(text: str) -> None:
    sensor = SensorInfo(key="text", name="Text")
    assert reason(sensor.encode, text) is Reason.BAD_VALUE
    assert sensor.from_json(sensor.to_json(text)) == text


@pytest.mark.parametrize(
    ("entity", "command"),
    [
        (SENSOR, node.Command(20)),
        (MOTION, node.Command(target=True)),
        (EVENT, node.Command("started")),
        (SWITCH, node.Command(None)),
        (SWITCH, node.Command("ON")),
        (SWITCH, node.Command(10**5000)),
        (NUMBER, node.Command(0)),
        (NUMBER, node.Command(target=True)),
        (NUMBER, node.Command(NOON)),
        (LIGHT, node.Command(None, NOON)),
        (SWITCH, node.Command(target=True, cause="rule@1")),
        (SWITCH, node.Command(target=True, at=NOON.replace(tzinfo=None))),
        (SWITCH, node.Command(target=True, at=NOON.astimezone(timezone(timedelta(hours=2))))),
    ],
    ids=short,
)
def test_commands_that_an_entity_cannot_be_given(entity: EntityInfo, command: node.Command) -> None:
    assert reason(command.encode, entity) is Reason.BAD_VALUE


def test_command_with_a_cause_that_is_none() -> None:
    assert reason(node.Command(target=True, at=NOON, cause="a b").encode, SWITCH) is Reason.BAD_KEY
    assert reason(node.Command(PRESS, NOON, "x" * 129).encode, BUTTON) is Reason.BAD_KEY


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"id": 5}, Reason.BAD_VALUE),
        ({"event_type": "ended"}, Reason.BAD_VALUE),
        ({"a": object()}, Reason.BAD_VALUE),
        ({"a": (1, 2)}, Reason.BAD_VALUE),
        ({"a": float("nan")}, Reason.BAD_VALUE),
        ({"a": "\ud800"}, Reason.BAD_VALUE),
        ({5: "a"}, Reason.BAD_VALUE),
        ({"a": "x" * 16_384}, Reason.TOO_LARGE),
    ],
    ids=short,
)
def test_attributes_that_an_event_cannot_have(attributes: dict[str, Any], why: Reason) -> None:
    assert reason(node.Event("started", ULID, NOON, attributes).encode, EVENT) is why


def test_infos_that_a_node_cannot_have() -> None:
    assert reason(lambda: node.NodeInfo(instance=ULID, name="x", entities=(SENSOR, SENSOR))) is Reason.DUPLICATE_KEY
    assert reason(node.NodeInfo(instance="x", name="x").encode) is Reason.BAD_KEY
    assert reason(node.NodeInfo(instance=ULID, name="").encode) is Reason.BAD_VALUE
    many = tuple(SensorInfo(key=f"k{number}", name="n" * 255, placeholders={"p": "x" * 255}) for number in range(512))
    for_each = tuple(
        SensorInfo(key=f"k{number}", name="é" * 255, placeholders={"p": "é" * 255}) for number in range(512)
    )
    assert len(node.NodeInfo(instance=ULID, name="x", entities=many).encode()) < node.MAX_INFO_BYTES
    assert reason(node.NodeInfo(instance=ULID, name="x", entities=for_each).encode) is Reason.TOO_LARGE
    for key in ("../x", "+", "#", "a/b", "\0"):
        info = node.NodeInfo(instance=ULID, name="x", entities=(SwitchInfo(key=key, name="x"),))
        assert reason(info.encode) is Reason.BAD_KEY


def test_a_range_that_is_none() -> None:
    for minimum, maximum, step in ((1, 1, 1), (2, 1, 1), (0, 1, 0), (0, 1, -1), (float("nan"), 1, 1)):
        assert (
            reason(
                lambda *range_: NumberInfo(key="k", name="n", minimum=range_[0], maximum=range_[1], step=range_[2]),
                minimum,
                maximum,
                step,
            )
            is Reason.BAD_VALUE
        )


def test_what_is_no_json_at_all() -> None:
    for value in (object(), b"x", {1}, (1,), NOON, 1j):
        assert reason(check, value) is Reason.BAD_VALUE
        assert reason(dump, {"a": [value]}) is Reason.BAD_VALUE


def test_how_deep_a_message_may_nest() -> None:
    assert dump(parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, 100)) == b"[" * MAX_DEPTH + b"]" * MAX_DEPTH


def test_a_number_for_a_sensor_of_texts_says_what_is_missing() -> None:
    with pytest.raises(ContractError, match="has a unit, a state class or a precision"):
        SensorInfo(key="count", name="Count").encode(1)
