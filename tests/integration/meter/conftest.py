"""What the meter's tests share: meters on a pty and in the network that say what a test has them say, and a flow that adds them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
import os
import pty
import tty
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.steward.const import DOMAIN
from tests.integration.conftest import until


class Speaker:
    """A meter in the network: what is said goes to everybody that listens."""

    def __init__(self) -> None:
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.always: bytes | None = None
        """What each one that begins to listen hears first."""
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _joined(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        if self.always:
            writer.write(self.always)

    def say(self, data: bytes) -> None:
        for writer in self.writers:
            writer.write(data)

    async def close(self) -> None:
        assert self._server
        self._server.close()
        self._server.close_clients()
        self.writers.clear()


@pytest.fixture
async def speaker(socket_enabled: None) -> AsyncGenerator[Speaker]:
    """A meter in the network."""
    speaker = Speaker()
    await speaker.open()
    yield speaker
    await speaker.close()


class Cable:
    """A meter at a pty: as a serial port, it is what the other end writes."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)

    def say(self, data: bytes) -> None:
        with suppress(BlockingIOError):  # nobody listens
            os.write(self._master, data)

    @asynccontextmanager
    async def saying(self, data: bytes) -> AsyncGenerator[None]:
        """Say something again and again."""

        async def say() -> None:
            while True:
                self.say(data)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(say())
        yield
        task.cancel()

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def cable() -> Any:
    """A meter at a serial port."""
    cable = Cable()
    yield cable
    cable.close()


async def begin(hass: HomeAssistant, step: str, user_input: dict[str, Any]) -> Any:
    """Begin to add a meter."""
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert "meter" in flow["menu_options"]
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], {"next_step_id": "meter"})
    flow = await hass.config_entries.flow.async_configure(flow["flow_id"], {"next_step_id": step})
    assert flow["type"] is FlowResultType.FORM
    return await hass.config_entries.flow.async_configure(flow["flow_id"], user_input)


def _has_listened(handler: Any) -> bool:
    return handler.cur_step["type"] is not FlowResultType.SHOW_PROGRESS


async def listened(hass: HomeAssistant, flow: Any) -> Any:
    """Wait until a flow has listened, as the frontend does."""
    async with asyncio.timeout(20):
        while flow["type"] in {FlowResultType.SHOW_PROGRESS, FlowResultType.SHOW_PROGRESS_DONE}:
            handler = hass.config_entries.flow._progress[flow["flow_id"]]
            await until(partial(_has_listened, handler))
            flow = await hass.config_entries.flow.async_configure(flow["flow_id"])
    return flow


async def add_tcp(hass: HomeAssistant, speaker: Speaker, telegram: bytes) -> ConfigEntry[Any]:
    """Add a meter in the network, and let it be heard by the entry once."""
    speaker.always = telegram * 2
    flow = await listened(hass, await begin(hass, "meter_tcp", {"host": "127.0.0.1", "port": speaker.port}))
    assert flow["type"] is FlowResultType.CREATE_ENTRY, flow
    entry: ConfigEntry[Any] = flow["result"]
    await until(lambda: getattr(entry, "runtime_data", None) and entry.runtime_data.telegram)
    await hass.async_block_till_done()
    return entry


def state_of(hass: HomeAssistant, entry: ConfigEntry[Any], key: str) -> str | None:
    """Return the state of one of an entry's sensors, by the end of its unique id."""
    entity_id = er.async_get(hass).async_get_entity_id("sensor", DOMAIN, f"{entry.entry_id}/{key}")
    state = hass.states.get(entity_id) if entity_id else None
    return state.state if state else None


async def hears(hass: HomeAssistant, entry: ConfigEntry[Any], say: Callable[[bytes], None], telegram: bytes) -> None:
    """Have a telegram said, and wait until the meter has taken it, used or not."""
    counts = entry.runtime_data.reader.splitter.counts
    before = counts.frames + counts.wrong_crc
    say(telegram)
    await until(lambda: counts.frames + counts.wrong_crc > before)
    await hass.async_block_till_done()


async def minute(hass: HomeAssistant, speaker: Speaker | None = None) -> None:
    """Let a minute pass, in which the stream is given up and opened again."""
    before = len(speaker.writers) if speaker else 0
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61), fire_all=True)
    await hass.async_block_till_done()
    if speaker:
        await until(lambda: len(speaker.writers) > before)
