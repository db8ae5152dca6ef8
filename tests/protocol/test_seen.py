"""What is seen of a state: the same words and the same cause, however it came, on the hub and on every node."""

from typing import Any

from hypothesis import assume, given, strategies as st
import pytest

from steward_house.protocol.entity import EntityInfo, LightInfo, LightState, Platform, SensorInfo, State
from steward_house.protocol.fields import ContractError, Json
from steward_house.protocol.node import CAUSE
from steward_house.protocol.rules import entity_path
from steward_house.protocol.seen import GONE, UNKNOWN, Seen, cause_of, see, see_payload

from . import strategies

SWITCH = "kitchen/switch/fan"
shown = strategies.entities_and_states.filter(lambda pair: pair[0].platform is not Platform.BUTTON)
attributes = st.none() | strategies.short_texts
any_seen = st.builds(Seen, strategies.texts, st.dictionaries(strategies.short_texts, strategies.values, max_size=3))


@given(shown)
def test_a_state_is_seen_the_same_alone_and_with_others(pair: tuple[EntityInfo, State]) -> None:
    entity, state = pair
    assert see_payload(entity.platform, entity.encode(state)) == see(entity.platform, entity.to_json(state))


@given(strategies.stateful, st.data())
def test_hub_and_node_name_a_state_by_the_same_cause(entity: EntityInfo, data: st.DataObject) -> None:
    payload = data.draw(
        strategies.payloads(strategies.states(entity).map(entity.encode))
        | st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,8})?([eE][+-]?[0-9]{1,2})?", fullmatch=True).map(str.encode)
        | st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat().encode())
        | strategies.moments.map(lambda at: at.isoformat().replace("+00:00", "Z").encode())
    )
    try:
        state = entity.decode(payload)
        value = entity.to_json(state)
    except ContractError:
        assume(False)  # the hub shows no such state
        return
    hub, node = see(entity.platform, value), see_payload(entity.platform, payload)
    assert hub.known == node.known
    path = entity_path("kitchen", entity.platform, entity.key)
    assert cause_of(path, hub, None) == cause_of(path, node, None)
    if isinstance(entity, LightInfo):
        for attribute in ("brightness", "rgb_color"):
            if getattr(entity, attribute.removeprefix("rgb_").replace("rgb", "color")):
                assert cause_of(path, hub, attribute) == cause_of(path, node, attribute)


@given(st.builds(entity_path, strategies.nodes, st.sampled_from(Platform), strategies.keys), any_seen, attributes)
def test_every_cause_is_one(path: str, seen: Seen, attribute: str | None) -> None:
    cause = cause_of(path, seen, attribute)
    assert CAUSE.fullmatch(cause)
    assert cause.startswith(path)


@given(st.sampled_from(Platform), st.binary(max_size=60) | strategies.bad_json)
def test_whatever_comes_is_seen_as_something(platform: Platform, payload: bytes) -> None:
    seen = see_payload(platform, payload)
    assert CAUSE.fullmatch(cause_of(f"kitchen/{platform}/x", seen, None))


@given(st.sampled_from(Platform), strategies.values)
def test_whatever_stands_in_a_message_is_seen_as_something(platform: Platform, value: Json) -> None:
    seen = see(platform, value)
    for attribute in (None, *seen.attributes):
        assert CAUSE.fullmatch(cause_of(f"kitchen/{platform}/x", seen, attribute))


@pytest.mark.parametrize(
    ("platform", "payload", "state"),
    [
        (Platform.SWITCH, b"ON", "on"),
        (Platform.SWITCH, b"OFF", "off"),
        (Platform.BINARY_SENSOR, b"ON", "on"),
        (Platform.SENSOR, b"ON", "ON"),
        (Platform.SENSOR, b"wash", "wash"),
        (Platform.SENSOR, b"21.5", "21.5"),
        (Platform.NUMBER, b"21", "21"),
        (Platform.NUMBER, b"21.50", "21.5"),
        *[
            (platform, payload, UNKNOWN)
            for platform in (Platform.SWITCH, Platform.BINARY_SENSOR, Platform.SENSOR, Platform.NUMBER, Platform.LIGHT)
            for payload in (b"", b"None", b"nan", b"NaN", b"\xff")
        ],
        *[(platform, b"on", UNKNOWN) for platform in (Platform.SWITCH, Platform.BINARY_SENSOR, Platform.LIGHT)],
        *[(Platform.LIGHT, payload, UNKNOWN) for payload in (b"ON", b"{", b"[]", b"{}", b'{"state":true}')],
        (Platform.LIGHT, b'{"state":"OFF","brightness":5}', "off"),
    ],
    ids=str,
)
def test_words(platform: Platform, payload: bytes, state: str) -> None:
    assert see_payload(platform, payload) == Seen(state)


def test_a_light_shows_what_it_shows_while_it_is_on() -> None:
    light = LightInfo(key="lamp", name="Lamp", brightness=True, color=True)
    seen = see(Platform.LIGHT, light.to_json(LightState(True, 40, (255, 120, 0))))
    assert seen == Seen("on", {"brightness": 40, "rgb_color": [255, 120, 0]})
    assert (seen.value("brightness"), seen.number("brightness"), seen.number("rgb_color")) == (40, 40.0, None)
    off = see(Platform.LIGHT, light.to_json(LightState(False, 40, (255, 120, 0))))
    assert off == Seen("off")
    assert off.value("brightness") is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("21.5", 21.5),
        ("-4", -4.0),
        ("1e3", 1000.0),
        ("wash", None),
        ("", None),
        (7, 7.0),
        (True, 1.0),
        (None, None),
        ([1], None),
        ({}, None),
    ],
)
def test_numbers(value: Any, number: float | None) -> None:
    assert Seen("on", {"x": value}).number("x") == number
    if isinstance(value, str):
        assert Seen(value).number(None) == number


def test_an_entity_whose_node_is_away() -> None:
    assert not GONE.known
    assert not Seen(UNKNOWN).known
    assert Seen("off").known
    assert cause_of(SWITCH, GONE, None) == "kitchen/switch/fan=unavailable"


def test_causes() -> None:
    assert cause_of(SWITCH, Seen("on"), None) == "kitchen/switch/fan=on"
    assert cause_of("kitchen/sensor/t", Seen("21.50"), None) == "kitchen/sensor/t=21.5"
    assert (
        cause_of("kitchen/sensor/p", Seen("Trocknen & Lüften"), None) == "kitchen/sensor/p=Trocknen%20%26%20L%C3%BCften"
    )
    assert cause_of("kitchen/light/l", Seen("on", {"brightness": 40}), "brightness") == "kitchen/light/l.brightness=40"
    assert cause_of("kitchen/event/e", Seen("x", {"how loud": None}), "how loud") == "kitchen/event/e.how%20loud=None"
    assert len(cause_of("kitchen/sensor/p", Seen("é" * 255), None)) == 128


@given(strategies.numbers, strategies.numbers)
def test_numbers_that_differ_enough_have_causes_of_their_own(one: float, other: float) -> None:
    entity = SensorInfo(key="t", name="T", state_class="measurement")
    assume(abs(one - other) > 1e-4 * max(abs(one), abs(other)))
    causes = {cause_of("a/sensor/t", see(entity.platform, entity.to_json(number)), None) for number in (one, other)}
    assert len(causes) == 2
