"""What the blueprints' tests share: a room that speaks MQTT, and automations made as a user makes them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event as BusEvent, HomeAssistant
from homeassistant.setup import async_setup_component
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
from custom_components.steward.protocol.entity import (
    BinarySensorInfo,
    EntityInfo,
    EventInfo,
    LightInfo,
    LightState,
    SensorInfo,
    State,
    SwitchInfo,
)
from custom_components.steward.protocol.node import Event, Leaf, NodeInfo, Status, state_topic, topic

GESTURE = EventInfo(key="gesture", name="Gesture", event_types=("started", "ended", "2"))
BUTTON = EventInfo(key="remote", name="Remote", event_types=("press", "started"))
PIANO = EventInfo(key="piano", name="Piano", event_types=("press", "release"))
SOUND = EventInfo(key="sound", name="Sound", event_types=("cry", "loud", "quiet"))
LIGHT = LightInfo(key="light", name="Light", brightness=True)
LAMP = SwitchInfo(key="lamp", name="Lamp")
FAN = SwitchInfo(key="fan", name="Fan")
PUMP = SwitchInfo(key="pump", name="Pump")
LEVEL = SensorInfo(key="level", name="Level", unit="%", precision=0)
DEMAND = SensorInfo(key="demand", name="Demand", device_class="power", unit="kW", state_class="measurement")
BATTERY = SensorInfo(key="battery", name="Battery", device_class="battery", unit="%", state_class="measurement")
MAINS = BinarySensorInfo(key="mains", name="Mains", device_class="plug")
MOTION = BinarySensorInfo(key="motion", name="Motion", device_class="motion")
WELL_DRY = BinarySensorInfo(key="well_dry", name="Well dry", device_class="problem")
INFO = NodeInfo(
    instance="01JCBXQ5W8M3Y6ZK4T2VNR7A9D",
    name="Nursery",
    entities=(
        *(GESTURE, BUTTON, PIANO, SOUND),
        *(LIGHT, LAMP, FAN, PUMP),
        *(LEVEL, DEMAND, BATTERY, MAINS, MOTION, WELL_DRY),
    ),
)

HAPPENED = "nursery.happened"


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    return hass_tmp_config_dir


async def settle(hass: HomeAssistant) -> None:
    """Let Home Assistant do all that it can do now, apart from what waits for time to pass.

    Its own `async_block_till_done` waits for a delay within an automation as well, for ever.
    """
    await asyncio.sleep(0)
    # Nothing public tells whether the loop has anything left to do.
    while hass.loop._ready:  # noqa: ASYNC110 -- what it waits for sets no event
        await asyncio.sleep(0)


class Nursery:
    """An area node as Home Assistant sees it: what it says over MQTT, and what it is told."""

    def __init__(self, hass: HomeAssistant, mqtt_mock: MqttMockHAClient) -> None:
        self.hass = hass
        self.mqtt_mock = mqtt_mock

    async def say(self, name: str, payload: bytes) -> None:
        async_fire_mqtt_message(self.hass, name, payload)
        await settle(self.hass)

    async def status(self, status: Status) -> None:
        await self.say(topic("nursery", Leaf.STATUS), status.value.encode())

    async def go_and_come_back(self) -> None:
        """Lose the connection, and say all states again afterwards, as the broker keeps them."""
        await self.status(Status.OFFLINE)
        await self.status(Status.ONLINE)

    async def be(self, entity: EntityInfo, state: State) -> None:
        """Say what the state of an entity is."""
        await self.say(state_topic("nursery", entity.platform, entity.key), entity.encode(state))

    def send(self, entity: EventInfo, event_type: str, **attributes: Any) -> None:
        event = Event(event_type, ulid_now(), datetime.now(UTC), attributes)
        name = state_topic("nursery", entity.platform, entity.key)
        async_fire_mqtt_message(self.hass, name, event.encode(entity))

    async def happen(self, entity: EventInfo, event_type: str, **attributes: Any) -> None:
        self.send(entity, event_type, **attributes)
        await settle(self.hass)

    def commands(self) -> list[tuple[str, str]]:
        """Return the commands since `told` was last asked: the entity and the payload of each."""
        calls = self.mqtt_mock.async_publish.call_args_list
        return [
            (call.args[0].removeprefix("steward/nursery/").removesuffix("/command"), _text(call.args[1]))
            for call in calls
            if call.args[0].endswith("/command")
        ]

    def told(self) -> list[tuple[str, bool]]:
        """Return what was told to be on or off since this was last asked, in this order."""
        commands = self.commands()
        self.mqtt_mock.async_publish.reset_mock()
        return [(name, "OFF" not in payload) for name, payload in commands]

    def turned_off(self) -> list[str]:
        """Return what was told to be off since this was last asked, in alphabetical order; nothing was told to be on."""
        told = self.told()
        assert not any(on for _, on in told)
        return sorted(name for name, _ in told)


def _text(payload: str | bytes) -> str:
    return payload if isinstance(payload, str) else payload.decode()


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
    await node.be(LIGHT, LightState(on=True, brightness=80))
    for switch in (LAMP, FAN):
        await node.be(switch, state=True)
    assert hass.states.get("light.nursery_light").state == "on"
    await hass.services.async_call(DOMAIN, "install_blueprints", blocking=True)
    mqtt_mock.async_publish.reset_mock()
    return node


@pytest.fixture
def happened(hass: HomeAssistant) -> list[BusEvent]:
    """Return the events that the automations under test fire."""
    return async_capture_events(hass, HAPPENED)


type Automate = Callable[..., Awaitable[None]]


@pytest.fixture
def automate(hass: HomeAssistant) -> Automate:
    """Return what makes an automation, as the user interface does."""

    async def automate(blueprint: str, **inputs: Any) -> None:
        use = {"path": f"steward/{blueprint}.yaml", "input": inputs}
        config = {"automation": {"id": "1", "alias": "Under test", "use_blueprint": use}}
        assert await async_setup_component(hass, "automation", config)
        await hass.async_block_till_done()
        assert hass.states.get("automation.under_test").state == "on"

    return automate


type After = Callable[..., Awaitable[None]]


@pytest.fixture
def after(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> After:
    """Return what lets some time pass."""

    async def after(**time: float) -> None:
        await settle(hass)
        freezer.tick(timedelta(**time))
        async_fire_time_changed(hass)
        await settle(hass)

    return after


@pytest.fixture
def trigger_by_hand(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> Callable[[], Awaitable[None]]:
    """Return what runs the automation as its button in the user interface does, and sees to it that nothing complains."""

    async def trigger_by_hand() -> None:
        caplog.clear()
        await hass.services.async_call("automation", "trigger", {"entity_id": "automation.under_test"}, blocking=True)
        await hass.async_block_till_done()
        assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]

    return trigger_by_hand


def report(what: str) -> list[dict[str, Any]]:
    """Return actions that tell the test that they ran."""
    return [{"event": HAPPENED, "event_data": {"what": what}}]


def whats(happened: list[BusEvent]) -> list[str]:
    """Return which of the test's actions ran since this was last asked."""
    found = [event.data["what"] for event in happened]
    happened.clear()
    return found
