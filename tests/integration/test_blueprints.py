"""The blueprints at work: automations made from them, in a house whose rooms speak MQTT."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
import re
from typing import Any
from urllib.parse import quote

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint import BLUEPRINT_SCHEMA, Blueprint
from homeassistant.core import Event as BusEvent, HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import area_registry as ar, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import yaml as yaml_util
from homeassistant.util.ulid import ulid_now
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_mqtt_message,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.entity import EventInfo, LightInfo, LightState, Platform, SwitchInfo
from custom_components.steward.protocol.node import Event, Leaf, NodeInfo, Status, state_topic, topic

BLUEPRINTS = Path(__file__).parents[2] / "blueprints" / "automation" / "steward"
PATHS = sorted(BLUEPRINTS.glob("*.yaml"))
DOCS = (Path(__file__).parents[2] / "docs" / "blueprints.md").read_text(encoding="utf-8")
EXAMPLES = [yaml_util.parse_yaml(text) for text in re.findall(r"^```yaml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)]

GESTURE = EventInfo(key="gesture", name="Gesture", event_types=("started", "ended", "2"))
BUTTON = EventInfo(key="remote", name="Remote", event_types=("press", "started"))
LIGHT = LightInfo(key="light", name="Light", brightness=True)
LAMP = SwitchInfo(key="lamp", name="Lamp")
FAN = SwitchInfo(key="fan", name="Fan")
INFO = NodeInfo(instance="01JCBXQ5W8M3Y6ZK4T2VNR7A9D", name="Nursery", entities=(GESTURE, BUTTON, LIGHT, LAMP, FAN))

HAPPENED = "nursery.happened"
REPORT = {
    "event": HAPPENED,
    "event_data": {
        "entity": "{{ event_entity }}",
        "type": "{{ event_type }}",
        "details": "{{ event_attributes }}",
    },
}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    return hass_tmp_config_dir


class Nursery:
    """An area node as Home Assistant sees it: what it says over MQTT, and what it is told."""

    def __init__(self, hass: HomeAssistant, mqtt_mock: MqttMockHAClient) -> None:
        self.hass = hass
        self.mqtt_mock = mqtt_mock

    async def say(self, name: str, payload: bytes) -> None:
        async_fire_mqtt_message(self.hass, name, payload)
        await self.hass.async_block_till_done()

    async def status(self, status: Status) -> None:
        await self.say(topic("nursery", Leaf.STATUS), status.value.encode())

    def send(self, entity: EventInfo, event_type: str, **attributes: Any) -> None:
        event = Event(event_type, ulid_now(), datetime.now(UTC), attributes)
        name = state_topic("nursery", Platform.EVENT, entity.key)
        async_fire_mqtt_message(self.hass, name, event.encode(entity))

    async def happen(self, entity: EventInfo, event_type: str, **attributes: Any) -> None:
        self.send(entity, event_type, **attributes)
        await self.hass.async_block_till_done()

    def turned_off(self) -> list[str]:
        """Return the entities that were told to be off since this was last asked, in alphabetical order."""
        calls = self.mqtt_mock.async_publish.call_args_list
        told = [
            (call.args[0].removeprefix("steward/nursery/").removesuffix("/command"), call.args[1]) for call in calls
        ]
        self.mqtt_mock.async_publish.reset_mock()
        assert all(b"OFF" in payload for _, payload in told)
        return sorted(name for name, _ in told)


@pytest.fixture
async def nursery(hass: HomeAssistant, mqtt_mock: MqttMockHAClient) -> Nursery:
    """Return a room that is online, its light and its switches on, in a house with the blueprints installed."""
    await hass.config.async_set_time_zone("UTC")
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Nursery",
        unique_id="nursery",
        data={"kind": "area", "node": "nursery", "instance": INFO.instance},
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    node = Nursery(hass, mqtt_mock)
    await node.say(topic("nursery", Leaf.INFO), INFO.encode())
    await node.status(Status.ONLINE)
    await node.say(state_topic("nursery", Platform.LIGHT, "light"), LIGHT.encode(LightState(on=True, brightness=80)))
    for switch in (LAMP, FAN):
        await node.say(state_topic("nursery", Platform.SWITCH, switch.key), switch.encode(state=True))
    assert hass.states.get("light.nursery_light").state == "on"
    await hass.services.async_call(DOMAIN, "install_blueprints", blocking=True)
    mqtt_mock.async_publish.reset_mock()
    return node


@pytest.fixture
def happened(hass: HomeAssistant) -> list[BusEvent]:
    return async_capture_events(hass, HAPPENED)


async def automate(hass: HomeAssistant, blueprint: str, **inputs: Any) -> None:
    """Make an automation as the user interface does."""
    use = {"path": f"steward/{blueprint}.yaml", "input": inputs}
    config = {"automation": {"id": "1", "alias": "Under test", "use_blueprint": use}}
    assert await async_setup_component(hass, "automation", config)
    await hass.async_block_till_done()
    assert hass.states.get("automation.under_test").state == "on"


def listen(hass: HomeAssistant, event_type: str) -> asyncio.Queue[BusEvent]:
    """Return a queue that events of Home Assistant's bus come into."""
    queue = asyncio.Queue[BusEvent]()

    @callback
    def put(event: BusEvent) -> None:
        queue.put_nowait(event)

    hass.bus.async_listen(event_type, put)
    return queue


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_home_assistant_can_import_it(path: Path) -> None:
    data = yaml_util.load_yaml_dict(path)
    source = f"https://github.com/steward-house/steward/blob/main/blueprints/automation/steward/{path.name}"
    about = BLUEPRINT_SCHEMA(data)["blueprint"]
    assert (about["source_url"], about["homeassistant"]) == (source, {"min_version": "2026.10.0"})
    blueprint = Blueprint(
        data, path=f"steward/{path.name}", expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA
    )
    assert blueprint.validate() is None


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_input_is_used_and_explains_itself(path: Path) -> None:
    data = yaml_util.load_yaml_dict(path)
    blueprint = Blueprint(data, expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA)
    assert yaml_util.extract_inputs(data) == set(blueprint.inputs)
    for section in data["blueprint"]["input"].values():
        assert section["name"]
        assert section["icon"].startswith("mdi:")
        assert all(each["name"] and each["selector"] for each in section["input"].values())
        assert not section.get("collapsed") or all("default" in each for each in section["input"].values())


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_docs_link_to_it_and_explain_its_inputs(path: Path) -> None:
    data = yaml_util.load_yaml_dict(path)
    source = quote(data["blueprint"]["source_url"], safe="")
    assert f"(https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={source})" in DOCS
    assert {name for name in yaml_util.extract_inputs(data) if f"`{name}`" not in DOCS} == set()


@pytest.mark.usefixtures("nursery")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["alias"])
async def test_an_example_of_the_docs(hass: HomeAssistant, example: dict[str, Any]) -> None:
    await automate(hass, Path(example["use_blueprint"]["path"]).stem, **example["use_blueprint"]["input"])
    data = yaml_util.load_yaml_dict(BLUEPRINTS.parent / example["use_blueprint"]["path"])
    assert set(example["use_blueprint"]["input"]) <= yaml_util.extract_inputs(data)


def test_the_docs_have_examples_of_each() -> None:
    assert {example["use_blueprint"]["path"] for example in EXAMPLES} == {f"steward/{path.name}" for path in PATHS}


class TestEventToAction:
    async def test_without_a_filter_each_event_runs_the_actions(
        self, hass: HomeAssistant, nursery: Nursery, happened: list[BusEvent]
    ) -> None:
        await automate(hass, "event_to_action", event_entities=["event.nursery_gesture"], actions=[REPORT])
        await nursery.happen(GESTURE, "started", distance=60, brightness=12.5)
        await nursery.happen(GESTURE, "started", distance=60, brightness=12.5)
        await nursery.happen(GESTURE, "2")
        await nursery.happen(BUTTON, "press")
        assert [event.data["type"] for event in happened] == ["started", "started", 2]
        assert {event.data["entity"] for event in happened} == {"event.nursery_gesture"}
        details = happened[0].data["details"]
        assert (details["distance"], details["brightness"]) == (60, 12.5)
        assert set(details) == {"at", "brightness", "distance", "id"}

    async def test_one_of_several_entities(
        self, hass: HomeAssistant, nursery: Nursery, happened: list[BusEvent]
    ) -> None:
        entities = ["event.nursery_gesture", "event.nursery_remote"]
        await automate(hass, "event_to_action", event_entities=entities, actions=[REPORT])
        await nursery.happen(GESTURE, "ended")
        await nursery.happen(BUTTON, "press")
        assert [event.data["entity"] for event in happened] == entities

    @pytest.mark.parametrize(
        ("only_types", "expected"),
        [
            (["started"], ["started"]),
            (["ended", "started"], ["started", "ended"]),
            (["2"], [2]),
            ([2], [2]),
            ("ended", ["ended"]),
            (["start"], []),
            (["Started"], ["started"]),
            ([], ["started", "ended", 2]),
            (None, ["started", "ended", 2]),
        ],
    )
    async def test_only_some_types(
        self, hass: HomeAssistant, nursery: Nursery, happened: list[BusEvent], only_types: Any, expected: list[Any]
    ) -> None:
        await automate(
            hass,
            "event_to_action",
            event_entities="event.nursery_gesture",
            only_types=only_types,
            actions=[REPORT],
        )
        for event_type in GESTURE.event_types:
            await nursery.happen(GESTURE, event_type)
        assert [event.data["type"] for event in happened] == expected

    @pytest.mark.parametrize(
        ("only_attributes", "matches"),
        [
            ({}, True),
            (None, True),
            ({"distance": 60}, True),
            ({"distance": "60"}, True),
            ({"distance": 60.0}, True),
            ({"distance": 61}, False),
            ({"distance": "close"}, False),
            ({"hand": "left"}, True),
            ({"hand": "LEFT"}, True),
            ({"hand": "lef"}, False),
            ({"channel": 2}, True),
            ({"channel": "2"}, True),
            ({"long": True}, True),
            ({"long": "true"}, True),
            ({"long": False}, False),
            ({"path": [1, 2]}, True),
            ({"path": [2, 1]}, False),
            ({"distance": "60", "hand": "left"}, True),
            ({"distance": "60", "hand": "right"}, False),
            ({"absent": "x"}, False),
            ({"absent": None}, False),
            ({"absent": ""}, False),
            ({"nothing": None}, True),
        ],
    )
    async def test_only_some_details(
        self, hass: HomeAssistant, nursery: Nursery, happened: list[BusEvent], only_attributes: Any, matches: bool
    ) -> None:
        await automate(
            hass,
            "event_to_action",
            event_entities=["event.nursery_gesture"],
            only_attributes=only_attributes,
            actions=[REPORT],
        )
        details = {"distance": 60, "hand": "left", "channel": "2", "long": True, "path": [1, 2], "nothing": None}
        await nursery.happen(GESTURE, "started", **details)
        assert len(happened) == matches

    async def test_a_node_that_goes_and_comes_back_is_no_event(
        self, hass: HomeAssistant, nursery: Nursery, happened: list[BusEvent]
    ) -> None:
        await automate(hass, "event_to_action", event_entities=["event.nursery_gesture"], actions=[REPORT])
        await nursery.happen(GESTURE, "started")
        before = hass.states.get("event.nursery_gesture")
        await nursery.status(Status.OFFLINE)
        assert hass.states.get("event.nursery_gesture").state == "unavailable"
        await nursery.status(Status.ONLINE)
        assert hass.states.get("event.nursery_gesture").state == before.state
        assert len(happened) == 1
        await nursery.happen(GESTURE, "started")
        assert len(happened) == 2

    async def test_an_event_entity_that_comes_goes_or_is_described_anew_is_no_event(
        self, hass: HomeAssistant, nursery: Nursery, happened: list[BusEvent], caplog: pytest.LogCaptureFixture
    ) -> None:
        await automate(hass, "event_to_action", event_entities=["event.nursery_gesture"], actions=[REPORT])
        assert hass.states.get("event.nursery_gesture").state == "unknown"
        await nursery.happen(GESTURE, "started")
        assert len(happened) == 1
        shown = hass.states.get("event.nursery_gesture")
        hass.states.async_set(shown.entity_id, shown.state, {**shown.attributes, "friendly_name": "Wave"})
        hass.states.async_remove(shown.entity_id)
        await hass.async_block_till_done()
        hass.states.async_set(shown.entity_id, shown.state, shown.attributes)
        await hass.async_block_till_done()
        assert len(happened) == 1
        assert "Error" not in caplog.text

    async def test_home_assistant_that_starts_anew_is_no_event(
        self, hass: HomeAssistant, nursery: Nursery, happened: list[BusEvent]
    ) -> None:
        await automate(hass, "event_to_action", event_entities=["event.nursery_gesture"], actions=[REPORT])
        await nursery.happen(GESTURE, "started")
        (entry,) = hass.config_entries.async_entries(DOMAIN)
        assert await hass.config_entries.async_reload(entry.entry_id)
        await nursery.say(topic("nursery", Leaf.INFO), INFO.encode())
        await nursery.status(Status.ONLINE)
        assert hass.states.get("event.nursery_gesture").attributes["event_type"] == "started"
        assert len(happened) == 1

    async def test_events_wait_for_the_actions_of_earlier_ones(self, hass: HomeAssistant, nursery: Nursery) -> None:
        may_finish = asyncio.Semaphore(0)
        triggered, happened = listen(hass, "automation_triggered"), listen(hass, HAPPENED)

        async def finish(call: ServiceCall) -> None:
            await may_finish.acquire()

        hass.services.async_register("test", "finish", finish)
        await automate(
            hass,
            "event_to_action",
            event_entities=["event.nursery_gesture"],
            actions=[REPORT, {"action": "test.finish"}],
        )
        nursery.send(GESTURE, "started")
        nursery.send(GESTURE, "ended")
        async with asyncio.timeout(5):
            await triggered.get()
            await triggered.get()
            assert (await happened.get()).data["type"] == "started"
            assert happened.empty()
            may_finish.release()
            assert (await happened.get()).data["type"] == "ended"
        may_finish.release()

    @pytest.mark.usefixtures("nursery")
    async def test_run_by_hand(
        self, hass: HomeAssistant, happened: list[BusEvent], caplog: pytest.LogCaptureFixture
    ) -> None:
        await automate(hass, "event_to_action", event_entities=["event.nursery_gesture"], actions=[REPORT])
        caplog.clear()
        await hass.services.async_call("automation", "trigger", {"entity_id": "automation.under_test"}, blocking=True)
        await hass.async_block_till_done()
        assert [event.data for event in happened] == [{"entity": "", "type": "", "details": {}}]
        assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


class TestLightsOff:
    @pytest.fixture
    def someone(self, hass: HomeAssistant) -> Callable[[str, str], None]:
        """Return what sets a sensor that notices people."""

        def someone(room: str, state: str) -> None:
            hass.states.async_set(f"binary_sensor.{room}", state, {"device_class": "occupancy"})

        someone("cot", "on")
        someone("door", "on")
        return someone

    @pytest.fixture
    def after(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> Callable[[float], Any]:
        """Return what lets some minutes pass."""

        async def after(minutes: float) -> None:
            await hass.async_block_till_done()
            freezer.tick(timedelta(minutes=minutes))
            async_fire_time_changed(hass)
            await hass.async_block_till_done()

        return after

    async def test_an_event_turns_lights_and_switches_off(self, hass: HomeAssistant, nursery: Nursery) -> None:
        await automate(
            hass,
            "lights_off",
            lights={"entity_id": ["light.nursery_light"]},
            switches=["switch.nursery_lamp"],
            event_entities=["event.nursery_remote"],
        )
        await nursery.happen(GESTURE, "started")
        assert nursery.turned_off() == []
        await nursery.happen(BUTTON, "press")
        assert nursery.turned_off() == ["light/light", "switch/lamp"]

    async def test_an_area_has_lights_but_its_switches_stay(self, hass: HomeAssistant, nursery: Nursery) -> None:
        area = ar.async_get(hass).async_create("Upstairs")
        for entity_id in ("light.nursery_light", "switch.nursery_lamp", "switch.nursery_fan"):
            er.async_get(hass).async_update_entity(entity_id, area_id=area.id)
        await automate(hass, "lights_off", lights={"area_id": area.id}, event_entities=["event.nursery_remote"])
        await nursery.happen(BUTTON, "press")
        assert nursery.turned_off() == ["light/light"]

    @pytest.mark.parametrize("lights", [{}, {"entity_id": []}], ids=["none", "empty"])
    async def test_switches_alone(
        self, hass: HomeAssistant, nursery: Nursery, lights: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        await automate(
            hass,
            "lights_off",
            lights=lights,
            switches=["switch.nursery_lamp"],
            event_entities=["event.nursery_remote"],
        )
        await nursery.happen(BUTTON, "press")
        assert nursery.turned_off() == ["switch/lamp"]
        assert "Error" not in caplog.text

    async def test_a_light_that_fails_does_not_keep_the_switches_on(
        self, hass: HomeAssistant, nursery: Nursery
    ) -> None:
        async def fail(call: Any) -> None:
            raise HomeAssistantError

        hass.services.async_register("light", "turn_off", fail)
        await automate(
            hass,
            "lights_off",
            lights={"entity_id": "light.nursery_light"},
            switches=["switch.nursery_lamp"],
            event_entities=["event.nursery_remote"],
        )
        await nursery.happen(BUTTON, "press")
        assert nursery.turned_off() == ["switch/lamp"]

    async def test_only_some_types(self, hass: HomeAssistant, nursery: Nursery) -> None:
        await automate(
            hass,
            "lights_off",
            lights={"entity_id": "light.nursery_light"},
            event_entities=["event.nursery_gesture", "event.nursery_remote"],
            only_types=["Ended"],
        )
        await nursery.happen(GESTURE, "started")
        await nursery.happen(BUTTON, "press")
        assert nursery.turned_off() == []
        await nursery.happen(GESTURE, "ended")
        assert nursery.turned_off() == ["light/light"]

    async def test_a_node_that_goes_and_comes_back_is_no_event(self, hass: HomeAssistant, nursery: Nursery) -> None:
        await nursery.happen(BUTTON, "press")
        await automate(
            hass,
            "lights_off",
            lights={"entity_id": "light.nursery_light"},
            event_entities=["event.nursery_remote"],
        )
        await nursery.status(Status.OFFLINE)
        await nursery.status(Status.ONLINE)
        assert nursery.turned_off() == []
        await nursery.happen(BUTTON, "press")
        assert nursery.turned_off() == ["light/light"]

    async def test_nobody_there_for_a_while(
        self,
        hass: HomeAssistant,
        nursery: Nursery,
        someone: Callable[[str, str], None],
        after: Callable[[float], Any],
    ) -> None:
        await automate(
            hass,
            "lights_off",
            lights={"entity_id": "light.nursery_light"},
            presence_sensors=["binary_sensor.cot", "binary_sensor.door"],
            vacant_minutes=5,
        )
        someone("cot", "off")
        await after(4)
        someone("door", "off")
        await after(1.1)
        assert nursery.turned_off() == []  # the cot's time is over, the door's isn't
        someone("cot", "on")
        await after(0.5)
        someone("cot", "off")
        await after(3.5)
        assert nursery.turned_off() == []  # the door's is over, but somebody was at the cot meanwhile
        await after(1.6)
        assert nursery.turned_off() == ["light/light"]
        await after(30)
        assert nursery.turned_off() == []

    async def test_a_sensor_that_cannot_be_asked_counts_as_somebody(
        self,
        hass: HomeAssistant,
        nursery: Nursery,
        someone: Callable[[str, str], None],
        after: Callable[[float], Any],
    ) -> None:
        await automate(
            hass,
            "lights_off",
            lights={"entity_id": "light.nursery_light"},
            presence_sensors=["binary_sensor.cot", "binary_sensor.door"],
        )
        someone("door", "unavailable")
        someone("cot", "off")
        await after(10.1)
        assert nursery.turned_off() == []
        someone("door", "off")
        await after(10.1)
        assert nursery.turned_off() == ["light/light"]

    async def test_a_clock_that_was_set_back_a_little(
        self,
        hass: HomeAssistant,
        nursery: Nursery,
        someone: Callable[[str, str], None],
        freezer: FrozenDateTimeFactory,
    ) -> None:
        await automate(
            hass,
            "lights_off",
            lights={"entity_id": "light.nursery_light"},
            presence_sensors=["binary_sensor.cot"],
            vacant_minutes=1,
        )
        someone("cot", "off")
        await hass.async_block_till_done()
        start = datetime.now(UTC)
        freezer.move_to(start + timedelta(seconds=58))
        async_fire_time_changed(hass, start + timedelta(seconds=61))
        await hass.async_block_till_done()
        assert nursery.turned_off() == ["light/light"]

    @pytest.mark.parametrize(
        ("start", "end", "now", "turns_off"),
        [
            ("00:00:00", "00:00:00", "03:00:00", True),
            ("00:00:00", "00:00:00", "00:00:00", True),
            ("22:00:00", "06:00:00", "21:59:59", False),
            ("22:00:00", "06:00:00", "22:00:00", True),
            ("22:00:00", "06:00:00", "03:00:00", True),
            ("22:00:00", "06:00:00", "06:00:00", False),
            ("08:00:00", "12:00:00", "09:00:00", True),
            ("08:00:00", "12:00:00", "13:00:00", False),
        ],
    )
    async def test_only_at_some_time_of_the_day(
        self,
        hass: HomeAssistant,
        nursery: Nursery,
        freezer: FrozenDateTimeFactory,
        start: str,
        end: str,
        now: str,
        turns_off: bool,
    ) -> None:
        await automate(
            hass,
            "lights_off",
            lights={"entity_id": "light.nursery_light"},
            event_entities=["event.nursery_remote"],
            window_start=start,
            window_end=end,
        )
        freezer.move_to(f"2026-11-20T{now}+00:00")
        await nursery.happen(BUTTON, "press")
        assert nursery.turned_off() == ["light/light"] * turns_off

    async def test_run_by_hand(self, hass: HomeAssistant, nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
        await automate(hass, "lights_off", lights={"entity_id": "light.nursery_light"})
        caplog.clear()
        await hass.services.async_call("automation", "trigger", {"entity_id": "automation.under_test"}, blocking=True)
        assert nursery.turned_off() == ["light/light"]
        assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
