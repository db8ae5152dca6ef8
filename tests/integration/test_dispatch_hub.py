"""The hub's signs of life: when there are any, and what they say."""

from datetime import timedelta
import json
from typing import Any

from homeassistant.components.mqtt.const import MQTT_CONNECTION_STATE
from homeassistant.components.mqtt.models import DATA_MQTT
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.steward.diagnostics import async_get_config_entry_diagnostics
from custom_components.steward.protocol.hub import HEARTBEAT_TOPIC, STATUS_TOPIC, Heartbeat, HubStatus

from .conftest import Node, area_entry, said


def statuses(mqtt_mock: Any) -> list[HubStatus]:
    return [HubStatus.decode(payload) for payload in said(mqtt_mock, STATUS_TOPIC)]


def heartbeats(mqtt_mock: Any) -> list[Heartbeat]:
    return [Heartbeat.decode(payload) for payload in said(mqtt_mock, HEARTBEAT_TOPIC)]


async def pass_a_second(hass: HomeAssistant) -> None:
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=1.5))
    await hass.async_block_till_done()


async def test_status_and_heartbeat(hass: HomeAssistant, kitchen: Node, mqtt_mock, hass_storage) -> None:
    calls = [call.args for call in mqtt_mock.async_publish.call_args_list]
    assert [(topic, qos, retain) for topic, _, qos, retain in calls] == [
        (STATUS_TOPIC, 1, True),
        (HEARTBEAT_TOPIC, 0, False),
    ]
    [status], [heartbeat] = statuses(mqtt_mock), heartbeats(mqtt_mock)
    assert status.online
    assert (status.will_topic, status.will_payload) == ("homeassistant/status", "offline")
    assert status.house == hass_storage["steward.house"]["data"]["house"]
    assert heartbeat.session == status.session
    assert abs(heartbeat.at - dt_util.utcnow()) < timedelta(seconds=10)
    await pass_a_second(hass)
    await pass_a_second(hass)
    assert {later.session for later in heartbeats(mqtt_mock)[1:]} == {status.session}
    assert len(statuses(mqtt_mock)) == 1


async def test_house_stays_the_same(hass: HomeAssistant, mqtt_mock, entry, hass_storage) -> None:
    hass_storage["steward.house"] = {"version": 1, "data": {"house": "01HZZZZZZZZZZZZZZZZZZZHOME"}}
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert statuses(mqtt_mock)[0].house == "01HZZZZZZZZZZZZZZZZZZZHOME"


@pytest.mark.parametrize(
    ("mqtt_config_entry_options", "will"),
    [
        ({"will_message": {"topic": "house/ha", "payload": "gone", "qos": 1, "retain": True}}, ("house/ha", "gone")),
        ({"will_message": {"topic": "house/ha", "payload": "", "qos": 1, "retain": True}}, (None, None)),
        ({"will_message": {}}, (None, None)),
        ({"will_message": {"topic": "x" * 300, "payload": "gone", "qos": 0, "retain": False}}, (None, None)),
    ],
)
async def test_will(hass: HomeAssistant, kitchen: Node, mqtt_mock, will: tuple[str | None, str | None]) -> None:
    [status] = statuses(mqtt_mock)
    assert (status.will_topic, status.will_payload) == will


async def test_nothing_before_home_assistant_has_started(hass: HomeAssistant, mqtt_mock, entry, node: Node) -> None:
    hass.set_state(CoreState.starting)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await node.come()
    await pass_a_second(hass)
    assert statuses(mqtt_mock) == []
    assert heartbeats(mqtt_mock) == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert [status.online for status in statuses(mqtt_mock)] == [True]
    assert heartbeats(mqtt_mock) != []


async def test_going_down(hass: HomeAssistant, kitchen: Node, mqtt_mock) -> None:
    states: list[CoreState] = []
    publish = mqtt_mock.async_publish.side_effect

    async def record(topic: str, *args: Any, **kwargs: Any) -> None:
        if topic == STATUS_TOPIC:
            states.append(hass.state)

    mqtt_mock.async_publish.side_effect = record
    await hass.async_stop(force=True)
    mqtt_mock.async_publish.side_effect = publish
    assert [status.online for status in statuses(mqtt_mock)] == [True, False]
    assert states == [CoreState.running]
    beats = len(heartbeats(mqtt_mock))
    await pass_a_second(hass)
    assert len(heartbeats(mqtt_mock)) == beats


async def test_a_broker_that_does_not_answer_does_not_keep_home_assistant_up(
    hass: HomeAssistant, kitchen: Node, mqtt_mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.steward.dispatch.hub.FAREWELL_SECONDS", 0.01)

    async def never(*args: Any, **kwargs: Any) -> None:
        await hass.loop.create_future()

    mqtt_mock.async_publish.side_effect = never
    await hass.async_stop(force=True)
    assert not statuses(mqtt_mock)[-1].online


async def test_without_a_broker(hass: HomeAssistant, kitchen: Node, mqtt_mock) -> None:
    session = statuses(mqtt_mock)[0].session
    mqtt_mock.async_publish.reset_mock()
    mqtt_mock.connected = False
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, False)
    await pass_a_second(hass)
    mqtt_mock.async_publish.assert_not_called()
    mqtt_mock.connected = True
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, True)
    await hass.async_block_till_done()
    assert [(status.online, status.session) for status in statuses(mqtt_mock)] == [(True, session)]
    assert heartbeats(mqtt_mock)[0].session == session


async def test_after_the_last_node_has_left(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    other = area_entry(hass, "nursery")
    assert await hass.config_entries.async_setup(other.entry_id)
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    assert [status.online for status in statuses(mqtt_mock)] == [True]
    assert await hass.config_entries.async_unload(other.entry_id)
    await hass.async_block_till_done()
    assert [status.online for status in statuses(mqtt_mock)] == [True, False]
    mqtt_mock.async_publish.reset_mock()
    await pass_a_second(hass)
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, True)
    await hass.async_block_till_done()
    mqtt_mock.async_publish.assert_not_called()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert [status.online for status in statuses(mqtt_mock)] == [True]


async def test_mqtt_integration_that_is_reloaded(hass: HomeAssistant, kitchen: Node, mqtt_mock) -> None:
    [mqtt_entry] = hass.config_entries.async_entries("mqtt")
    session = statuses(mqtt_mock)[0].session
    assert await hass.config_entries.async_unload(mqtt_entry.entry_id)
    mqtt_mock.connected = False
    mqtt_mock.async_publish.reset_mock()
    await pass_a_second(hass)
    will = {"topic": "house/ha", "payload": "gone", "qos": 1, "retain": True}
    hass.config_entries.async_update_entry(mqtt_entry, options={"birth_message": {}, "will_message": will})
    assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
    client = hass.data[DATA_MQTT].client
    client.connected = True
    client._mqttc = mqtt_mock._mqttc
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, True)
    await hass.async_block_till_done()
    assert client is not mqtt_mock
    assert {(status.session, status.will_topic) for status in statuses(client)} == {(session, "house/ha")}
    assert heartbeats(client)[-1].session == session
    assert said(mqtt_mock, HEARTBEAT_TOPIC) == []


async def test_mqtt_integration_that_is_removed(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    [mqtt_entry] = hass.config_entries.async_entries("mqtt")
    assert await hass.config_entries.async_remove(mqtt_entry.entry_id)
    mqtt_mock.connected = False
    mqtt_mock.async_publish.reset_mock()
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    mqtt_mock.async_publish.assert_not_called()


async def test_a_message_that_cannot_be_sent_is_no_error(hass: HomeAssistant, kitchen: Node, mqtt_mock) -> None:
    mqtt_mock.async_publish.side_effect = HomeAssistantError("broken")
    await pass_a_second(hass)
    beats = len(heartbeats(mqtt_mock))
    assert beats > 1
    await pass_a_second(hass)
    assert len(heartbeats(mqtt_mock)) > beats


async def test_diagnostics(hass: HomeAssistant, kitchen: Node, entry, mqtt_mock) -> None:
    shown = await async_get_config_entry_diagnostics(hass, entry)
    assert shown["dispatcher"]["session"] == statuses(mqtt_mock)[0].session
    assert shown["dispatcher"]["taking"] is True
    json.dumps(shown["dispatcher"])
