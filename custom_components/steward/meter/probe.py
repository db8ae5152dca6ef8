"""Listens to a source until it is known what speaks there: the version, the meter's number, a serial line's speed."""

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import import_module
from typing import Final

from homeassistant.core import HomeAssistant

from ..protocol.telegrams.splitter import Frame, Splitter
from ..protocol.telegrams.values import Telegram
from ..protocol.telegrams.versions import Version, detect
from .data import LINES, Mqtt, Serial, Source
from .sources import SourceError, async_read, async_subscribe

LISTEN_SECONDS: Final = 13
"""For how long to listen for a telegram: the slowest meters send one every 10 seconds, and it begins in the middle of one."""


class Trouble(StrEnum):
    """What goes wrong with a source, as the flow's errors are called."""

    CANNOT_CONNECT = "cannot_connect"
    NO_TELEGRAM = "no_telegram"
    UNKNOWN_VERSION = "unknown_version"


class ProbeError(Exception):
    """Nothing was found; `reason` is what the source said, empty if it said nothing."""

    def __init__(self, trouble: Trouble, reason: str = "") -> None:
        """Say why."""
        super().__init__(trouble.value)
        self.trouble = trouble
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Found:
    """What was heard: the source with its line's speed, the version (None if it is encrypted), and the telegram."""

    source: Source
    version: Version | None
    frame: Frame


async def async_probe(hass: HomeAssistant, source: Source) -> Found:
    """Listen to a source; to a serial port at each speed that meters have.

    Raises:
        ProbeError: it can't be opened, says nothing, or nothing that is known.
    """
    sources = [replace(source, line=line) for line in LINES] if isinstance(source, Serial) else [source]
    trouble = Trouble.NO_TELEGRAM
    for each in sources:
        for frame in await _async_listen(hass, each):
            version = None if frame.encrypted else detect(frame.data)
            if version is not None or frame.encrypted:
                return Found(each, version, frame)
            trouble = Trouble.UNKNOWN_VERSION
    raise ProbeError(trouble)


async def async_serial(hass: HomeAssistant, frame: Frame, version: Version) -> str | None:
    """Return the number of the meter that sent a readable telegram, None if it has none; dsmr-parser must be installed."""
    parsing = await hass.async_add_import_executor_job(import_module, f"{__package__}.parsing")
    telegram: Telegram = parsing.Parser(version).parse(frame.data.decode("latin-1"))
    return telegram.serial


async def _async_listen(hass: HomeAssistant, source: Source) -> list[Frame]:
    """Return the telegrams that came first: one with a check sum, or two alike without one."""
    splitter, frames, enough = Splitter(), list[Frame](), asyncio.Event()

    def feed(data: bytes) -> None:
        frames.extend(splitter.feed(data))
        if any(frame.checked or frame.encrypted for frame in frames) or _alike(frames):
            enough.set()

    try:
        if isinstance(source, Mqtt):
            unsubscribe = await async_subscribe(hass, source, feed)
            try:
                await _async_wait(enough, frames)
            finally:
                unsubscribe()
        else:
            reading = hass.async_create_background_task(async_read(hass, source, feed), "Steward listens for a meter")
            waiting = hass.async_create_background_task(_async_wait(enough, frames), "Steward waits for a meter")
            try:
                await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
                reading.cancel()
                results = await asyncio.gather(reading, waiting, return_exceptions=True)
            if isinstance(results[0], SourceError) and not frames:
                raise results[0]
    except SourceError as error:
        raise ProbeError(Trouble.CANNOT_CONNECT, str(error)) from error
    return [frames[-1]] if enough.is_set() else []


def _alike(frames: list[Frame]) -> bool:
    versions = [detect(frame.data) for frame in frames]
    return len(versions) > 1 and versions[-1] is versions[-2]


async def _async_wait(enough: asyncio.Event, frames: list[Frame]) -> None:
    """Wait until enough was heard, or nothing for too long."""
    heard = -1
    while heard < len(frames) and not enough.is_set():
        heard = len(frames)
        try:
            async with asyncio.timeout(LISTEN_SECONDS):
                await enough.wait()
        except TimeoutError:
            continue
