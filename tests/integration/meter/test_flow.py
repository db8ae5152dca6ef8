"""Adding a meter: from a cable, the network, MQTT or a cable that was plugged in; every version; everything that can be wrong."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import socket
from typing import Any

from homeassistant.config_entries import SOURCE_USB, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.service_info.usb import UsbServiceInfo
import pytest
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.steward.const import DOMAIN
from custom_components.steward.meter import probe, sources
from custom_components.steward.protocol.telegrams.parity import with_parity
from custom_components.steward.protocol.telegrams.versions import Version
from tests.integration.conftest import until
from tests.protocol.telegrams import houses

from .conftest import Cable, Speaker, add_tcp, begin, hears, listened, minute, state_of

CABLE = UsbServiceInfo(
    device="", vid="0403", pid="6001", serial_number="P13", manufacturer="FTDI", description="P1 Converter Cable"
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "LISTEN_SECONDS", 0.3)
    monkeypatch.setattr(sources, "FIRST_PAUSE", 0.01)


@asynccontextmanager
async def publishing(hass: HomeAssistant, topic: str, payload: bytes) -> AsyncGenerator[None]:
    """Publish something again and again."""

    async def publish() -> None:
        while True:
            async_fire_mqtt_message(hass, topic, payload)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(publish())
    yield
    task.cancel()


async def end(hass: HomeAssistant) -> None:
    """Unload what was added: nothing reads a cable that is pulled."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("version", houses.READABLE)
async def test_every_version(hass: HomeAssistant, speaker: Speaker, version: str) -> None:
    entry = await add_tcp(hass, speaker, houses.sent(version))
    assert entry.data["version"] == version
    key = "electricity_imported_total" if version in {"5S", "Q3D"} else "electricity_used_tariff_1"
    expected = {"5S": "3580.245", "Q3D": "3580.2458309"}.get(version, "1234.567")
    assert state_of(hass, entry, key) == expected


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("MSn", {"encryption_key": houses.KEY.hex()}),
        ("SAGEMCOM_T210_D_R", {"encryption_key": houses.KEY.hex(" "), "authentication_key": houses.AUSTRIA.hex()}),
    ],
)
async def test_encrypted(
    hass: HomeAssistant, speaker: Speaker, version: str, keys: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    speaker.always = houses.sent(version)
    flow = await listened(hass, await begin(hass, "meter_tcp", {"host": "127.0.0.1", "port": speaker.port}))
    assert flow["step_id"] == "meter_key"
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], {"encryption_key": "secret"})
    assert flow["errors"] == {"base": "invalid_key"}
    wrong = {"encryption_key": houses.KEY.hex(), "authentication_key": "00" * 16}
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], wrong)
    assert flow["errors"] == {"base": "wrong_key"}, "Home Assistant's own reader would take it"
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], keys)
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    entry = flow["result"]
    await until(lambda: entry.runtime_data.telegram)
    assert entry.data["version"] == version
    assert Version(version).is_encrypted
    speaker.always = None
    counts = entry.runtime_data.reader
    for _ in range(3):
        await hears(hass, entry, speaker.say, houses.encrypt(houses.luxembourg(), houses.KEY, b"x" * 16))
    assert counts.dropped["wrong_key"] == 3
    await minute(hass)
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"meter_key_{entry.entry_id}")
    caplog.clear()


async def test_encrypted_but_unknown(hass: HomeAssistant, speaker: Speaker) -> None:
    speaker.always = houses.encrypt(houses.close(["/ABC5", "", "1-0:1.7.0(00.1*kW)"]))
    flow = await listened(hass, await begin(hass, "meter_tcp", {"host": "127.0.0.1", "port": speaker.port}))
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], {"encryption_key": houses.KEY.hex()})
    assert flow["errors"] == {"base": "unknown_version"}
    hass.config_entries.flow.async_abort(flow["flow_id"])


async def test_a_cable(hass: HomeAssistant, cable: Cable) -> None:
    async with cable.saying(houses.dsmr_5()):
        flow = await listened(hass, await begin(hass, "meter_serial", {"device": cable.path}))
        assert flow["type"] is FlowResultType.CREATE_ENTRY
        entry = flow["result"]
        assert entry.data["source"] == {"device": cable.path, "baud": 115200, "parity": False}
        await until(lambda: state_of(hass, entry, "electricity_used_tariff_1") == "1234.567")
    await end(hass)


async def test_a_cable_at_other_speeds(hass: HomeAssistant, cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    bauds = []
    listen = probe.async_read

    async def read(hass: HomeAssistant, source: Any, feed: Any) -> None:
        bauds.append(source.line.baud)
        await listen(hass, source, feed if source.line.baud == 9600 else len)

    monkeypatch.setattr(probe, "async_read", read)
    async with cable.saying(with_parity(houses.dsmr_2_2())):
        flow = await listened(hass, await begin(hass, "meter_serial", {"device": cable.path}))
        assert flow["type"] is FlowResultType.CREATE_ENTRY
        entry = flow["result"]
        assert bauds == [115200, 9600]
        assert entry.data["source"] == {"device": cable.path, "baud": 9600, "parity": True}
        await until(lambda: state_of(hass, entry, "electricity_used_tariff_1") == "1234.567")
    await end(hass)


async def test_a_cable_that_is_not_there(hass: HomeAssistant) -> None:
    flow = await listened(hass, await begin(hass, "meter_serial", {"device": "/dev/nothing"}))
    assert flow["step_id"] == "meter_serial"
    assert flow["errors"] == {"base": "cannot_connect"}
    assert flow["description_placeholders"]["reason"]


async def test_a_cable_that_was_plugged_in(hass: HomeAssistant, cable: Cable) -> None:
    CABLE.device = cable.path
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USB}, data=CABLE)
    assert flow["step_id"] == "meter_usb"
    flow = await listened(hass, await hass.config_entries.flow.async_configure(flow["flow_id"], {}))
    assert (flow["step_id"], flow["errors"]) == ("meter_usb", {"base": "no_telegram"})
    async with cable.saying(houses.dsmr_5()):
        flow = await listened(hass, await hass.config_entries.flow.async_configure(flow["flow_id"], {}))
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USB}, data=CABLE)
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "already_configured")
    await end(hass)


async def test_mqtt(hass: HomeAssistant, mqtt_mock: MqttMockHAClient) -> None:
    async with publishing(hass, "steward/cupboard/p1", houses.dsmr_5()):
        entry = (await listened(hass, await begin(hass, "meter_mqtt", {"topic": "steward/cupboard/p1"})))["result"]
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    shorter = houses.dsmr_5().replace(b"\r\n", b"\n").rstrip()
    async_fire_mqtt_message(hass, "steward/cupboard/p1", shorter)
    await until(lambda: state_of(hass, entry, "electricity_used_tariff_1") == "1234.567")


async def test_mqtt_without_a_broker(hass: HomeAssistant) -> None:
    flow = await listened(hass, await begin(hass, "meter_mqtt", {"topic": "p1"}))
    assert (flow["step_id"], flow["errors"]) == ("meter_mqtt", {"base": "cannot_connect"})


async def test_mqtt_whose_broker_is_gone(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with publishing(hass, "p1", houses.dsmr_5()):
        entry = (await listened(hass, await begin(hass, "meter_mqtt", {"topic": "p1"})))["result"]
    await hass.config_entries.async_unload(entry.entry_id)

    async def none(hass: HomeAssistant) -> bool:
        return False

    monkeypatch.setattr(sources.mqtt, "async_wait_for_mqtt_client", none)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "no_telegram"),
        (houses.dsmr_5().replace(b"412", b"413", 1) * 9, "no_telegram"),
        (houses.dsmr_2_2(), "no_telegram"),
        (houses.close(["/ABC5", "", "1-0:1.7.0(00.1*kW)"]), "unknown_version"),
    ],
)
async def test_what_is_no_meter(hass: HomeAssistant, speaker: Speaker, said: bytes, error: str) -> None:
    speaker.always = said
    flow = await listened(hass, await begin(hass, "meter_tcp", {"host": "127.0.0.1", "port": speaker.port}))
    assert (flow["step_id"], flow["errors"]) == ("meter_tcp", {"base": error})


async def test_a_reader_that_is_not_there(hass: HomeAssistant, socket_enabled: None) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        flow = await listened(hass, await begin(hass, "meter_tcp", {"host": "127.0.0.1", "port": port}))
    assert flow["errors"] == {"base": "cannot_connect"}


async def test_a_meter_is_added_once(hass: HomeAssistant, speaker: Speaker) -> None:
    await add_tcp(hass, speaker, houses.dsmr_5())
    flow = await listened(hass, await begin(hass, "meter_tcp", {"host": "localhost", "port": speaker.port}))
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_a_library_that_cannot_be_installed(
    hass: HomeAssistant, speaker: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr("custom_components.steward.libraries.import_module", broken)
    flow = await listened(hass, await begin(hass, "meter_tcp", {"host": "127.0.0.1", "port": speaker.port}))
    assert flow["errors"] == {"base": "dsmr_parser_missing"}


async def test_another_way_to_the_same_meter(hass: HomeAssistant, speaker: Speaker, cable: Cable) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    for serial, result in ((houses.SERIAL, "reconfigure_successful"), ("4142", "another_meter")):
        flow = await hass.config_entries.flow.async_init(
            DOMAIN, context={"source": "reconfigure", "entry_id": entry.entry_id}
        )
        flow = await hass.config_entries.flow.async_configure(flow["flow_id"], {"next_step_id": "meter_serial"})
        async with cable.saying(houses.dsmr_5(houses.House(serial=serial))):
            flow = await hass.config_entries.flow.async_configure(flow["flow_id"], {"device": cable.path})
            assert entry.state is ConfigEntryState.NOT_LOADED, "one listens at a time"
            flow = await listened(hass, flow)
            assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, result)
            await until(lambda: entry.state is ConfigEntryState.LOADED)
    assert entry.data["source"]["device"] == cable.path
    await end(hass)


async def test_options(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    assert entry.supports_options
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    await hass.config_entries.options.async_configure(flow["flow_id"], {"throttle": 30})
    await hass.async_block_till_done()
    assert entry.runtime_data.settings.throttle == 30
