"""What the integration's tests share: a node that speaks over Home Assistant's MQTT test client."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_mqtt_message

from custom_components.steward import config_flow as _config_flow  # noqa: F401 -- no first test waits for its import
from custom_components.steward.const import CONF_INSTANCE, CONF_KIND, CONF_NODE, DOMAIN, Kind
from custom_components.steward.protocol.entity import (
    BinarySensorInfo,
    ButtonInfo,
    Category,
    EntityInfo,
    EventInfo,
    LightInfo,
    NumberInfo,
    SensorInfo,
    SwitchInfo,
)
from custom_components.steward.protocol.node import ModuleInfo, NodeInfo

INSTANCE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
OTHER_INSTANCE = "01BX5ZZKBKACTAV9WEVGEMMVRZ"

ENTITIES: tuple[EntityInfo, ...] = (
    SensorInfo(
        key="object_temperature",
        name="Object temperature",
        translation_key="object_temperature",
        device_class="temperature",
        state_class="measurement",
        unit="°C",
        precision=1,
    ),
    BinarySensorInfo(
        key="problem_system",
        name="System problem",
        translation_key="module_problem",
        placeholders={"module": "system"},
        device_class="problem",
        category=Category.DIAGNOSTIC,
        module="system",
    ),
    SwitchInfo(key="gesture_dimming", name="Gesture dimming", translation_key="gesture_dimming"),
    LightInfo(key="light", name="Light", translation_key="light", brightness=True, color=True),
    NumberInfo(key="gesture_gain", name="Gesture gain", minimum=0.5, maximum=3, step=0.1, category=Category.CONFIG),
    ButtonInfo(key="wave", name="Wave a hand", translation_key="wave"),
    EventInfo(key="gesture", name="Gesture", translation_key="gesture", event_types=("started", "ended")),
)

INFO = NodeInfo(
    instance=INSTANCE,
    name="Kitchen",
    manufacturer="Raspberry Pi",
    model="Raspberry Pi Zero 2 W",
    versions={"steward": "0.1.0"},
    capabilities=("commands",),
    modules={"system": ModuleInfo()},
    entities=ENTITIES,
)


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant find custom_components/steward."""


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give each test a folder of its own: automations install blueprints into it."""
    return hass_tmp_config_dir


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Allow the timer that Home Assistant's MQTT client leaves behind in tests."""
    return True


@pytest.fixture(autouse=True)
def no_complaints(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """Fail a test whose log has a warning or an error about Steward, unless it takes it out of `caplog`."""
    yield
    complaints = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelname in ("WARNING", "ERROR")
        and "steward" in f"{record.name} {record.getMessage()}"
        and "which has not been tested by Home Assistant" not in record.getMessage()
        and not record.getMessage().startswith("Executing <")  # asyncio finds a busy machine slow
    ]
    assert complaints == []


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop run until a condition holds, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- a condition of Home Assistant's own, which sets no event
            await asyncio.sleep(0)


def declared(hass: HomeAssistant, entry: MockConfigEntry) -> set[str]:
    """Return the registered unique ids of an entry's entities without those of the hub's own."""
    entries = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {entry.unique_id for entry in entries if "/hub/" not in entry.unique_id}


def said(mqtt_mock: Any, topic: str) -> list[bytes]:
    """Return the payloads that Home Assistant has published on a topic."""
    return [call.args[1] for call in mqtt_mock.async_publish.call_args_list if call.args[0] == topic]


class Node:
    """A node at the other end of the broker."""

    def __init__(self, hass: HomeAssistant, name: str) -> None:
        """Take the node's id."""
        self.hass = hass
        self.name = name

    async def say(self, leaf: str, payload: bytes | str, *, retain: bool = False) -> None:
        """Let a message below the node's topic arrive, and wait until Home Assistant has dealt with it."""
        async_fire_mqtt_message(self.hass, f"steward/{self.name}/{leaf}", payload, retain=retain)
        await self.hass.async_block_till_done()

    async def come(self, info: NodeInfo = INFO) -> None:
        """Say what it is and that it is online."""
        await self.say("info", info.encode(), retain=True)
        await self.say("status", "online", retain=True)


def area_entry(hass: HomeAssistant, node: str, instance: str = INSTANCE) -> MockConfigEntry:
    """Return the config entry of a node, not yet set up."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=node.title(),
        unique_id=node,
        data={CONF_KIND: Kind.AREA.value, CONF_NODE: node, CONF_INSTANCE: instance},
    )
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
def node(hass: HomeAssistant) -> Node:
    """Return the node `kitchen`."""
    return Node(hass, "kitchen")


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return the config entry of the node `kitchen`, not yet set up."""
    return area_entry(hass, "kitchen")


@pytest.fixture
async def kitchen(hass: HomeAssistant, mqtt_mock: Any, entry: MockConfigEntry, node: Node) -> Node:
    """Return the node `kitchen`, added and online."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await node.come()
    return node


@pytest.fixture
def state(hass: HomeAssistant) -> Callable[[str], str]:
    """Return what tells an entity's state."""

    def tell(entity_id: str) -> str:
        found = hass.states.get(entity_id)
        assert found is not None, sorted(hass.states.async_entity_ids())
        return found.state

    return tell
