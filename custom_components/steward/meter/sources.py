"""Where telegrams come from: a serial port, a network server, an MQTT topic. Bytes are handed on as they come."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
import re
from typing import Final

from homeassistant.components import mqtt
from homeassistant.components.mqtt import ReceiveMessage
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.setup import async_setup_component

from ..protocol.telegrams.parity import seven_bits
from .data import Mqtt, Serial, Tcp

OPEN_SECONDS: Final = 10
SILENCE_SECONDS: Final = 60
"""A stream that says nothing for so long is opened anew: a network connection can die without a word."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""How long to wait before a stream is opened again: twice as long each time, until something is heard."""

NO_ANSWER: Final = "no answer"
CLOSED: Final = "closed by the other side"
SAYS_NOTHING: Final = "it says nothing"
NO_BROKER: Final = "no MQTT broker"

_CHUNK: Final = 4096
_UNENDED: Final = re.compile(rb"![0-9A-Fa-f]{0,4}\Z")

type Feed = Callable[[bytes], None]
type Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SourceError(Exception):
    """A source can't be opened; the text says why."""


async def async_open(hass: HomeAssistant, source: Serial | Tcp) -> Stream:
    """Open a stream.

    Raises:
        SourceError: that isn't possible.
    """
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            match source:
                case Tcp():
                    return await asyncio.open_connection(source.host, source.port)
                case Serial():
                    return await _open_serial(hass, source)
    except TimeoutError as error:
        raise SourceError(NO_ANSWER) from error
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error


async def _open_serial(hass: HomeAssistant, source: Serial) -> Stream:
    # Its library comes with it, and so do the ports that other integrations offer.
    await async_setup_component(hass, "usb", {})
    serialx = await hass.async_add_import_executor_job(import_module, "serialx")
    try:
        stream: Stream = await serialx.open_serial_connection(url=source.device, baudrate=source.line.baud)
    except (serialx.SerialException, ValueError) as error:
        raise SourceError(str(error)) from error
    return stream


async def async_read(hass: HomeAssistant, source: Serial | Tcp, feed: Feed) -> None:
    """Hand on what a stream says until it ends.

    Raises:
        SourceError: it can't be opened, ended, or says nothing any more.
    """
    reader, writer = await async_open(hass, source)
    parity = isinstance(source, Serial) and source.line.parity
    try:
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                data = await reader.read(_CHUNK)
            if not data:
                raise SourceError(CLOSED)
            feed(seven_bits(data) if parity else data)
    except TimeoutError as error:
        raise SourceError(SAYS_NOTHING) from error
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()


async def async_keep_reading(
    hass: HomeAssistant, source: Serial | Tcp, feed: Feed, failed: Callable[[str], None]
) -> None:
    """Hand on what a stream says, for ever: it is opened again whenever it ends, and `failed` is told why."""
    pause = FIRST_PAUSE

    def heard(data: bytes) -> None:
        nonlocal pause
        pause = FIRST_PAUSE
        feed(data)

    while True:
        try:
            await async_read(hass, source, heard)
        except SourceError as error:
            failed(str(error))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def async_subscribe(hass: HomeAssistant, source: Mqtt, feed: Feed) -> CALLBACK_TYPE:
    """Hand on what is published on a topic; return what ends it.

    Raises:
        SourceError: Home Assistant has no MQTT broker.
    """
    if not await mqtt.async_wait_for_mqtt_client(hass):
        raise SourceError(NO_BROKER)

    @callback
    def received(message: ReceiveMessage) -> None:
        payload = message.payload
        feed(_as_sent(payload if isinstance(payload, bytes) else str(payload).encode()))

    return await mqtt.async_subscribe(hass, source.topic, received, encoding=None)


def _as_sent(payload: bytes) -> bytes:
    """Return a message's payload with the line ends that the meter sent: some readers make them shorter, or leave the last one out."""
    if b"\r\n" not in payload:
        payload = payload.replace(b"\n", b"\r\n")
    return payload + b"\r\n" if _UNENDED.search(payload) else payload
