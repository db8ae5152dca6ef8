"""Listens to a source until it is known what speaks there: the version, the meter's number, a serial line's speed."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import import_module
from typing import Final

from homeassistant.core import HomeAssistant

from ..protocol.telegrams.parity import seven_bits
from ..protocol.telegrams.splitter import Frame, Splitter
from ..protocol.telegrams.values import Telegram
from ..protocol.telegrams.versions import Version, detect
from .data import BAUDS, Line, Mqtt, Serial, Source
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
    sources: list[Source] = [source]
    if isinstance(source, Serial):
        sources = [replace(source, line=Line(baud)) for baud in BAUDS]
    trouble = Trouble.NO_TELEGRAM
    for each in sources:
        heard = await _async_listen(hass, each)
        if heard.frame is None:
            continue
        encrypted = heard.frame.encrypted
        version = None if encrypted else detect(heard.frame.data)
        if version is not None or encrypted:
            if isinstance(each, Serial):
                each = replace(each, line=replace(each.line, parity=heard.parity))  # noqa: PLW2901
            return Found(each, version, heard.frame)
        trouble = Trouble.UNKNOWN_VERSION
    raise ProbeError(trouble)


async def async_serial(hass: HomeAssistant, frame: Frame, version: Version) -> str | None:
    """Return the number of the meter that sent a readable telegram, None if it has none; dsmr-parser must be installed."""
    parsing = await hass.async_add_import_executor_job(import_module, f"{__package__}.parsing")
    telegram: Telegram = parsing.Parser(version).parse(frame.data.decode("latin-1"))
    return telegram.serial


class _Ear:
    """Listens with and without parity, until there is a telegram with a check sum, or two alike without one."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.parity = False
        self.enough = asyncio.Event()
        self.heard = 0
        self._splitters = {False: Splitter(), True: Splitter()}
        self._frames: dict[bool, list[Frame]] = {False: [], True: []}

    def feed(self, data: bytes) -> None:
        for parity, splitter in self._splitters.items():
            frames = splitter.feed(seven_bits(data) if parity else data)
            self._frames[parity] += frames
            self.heard += len(frames)
            if self.frame is None and frames and self._is_enough(self._frames[parity]):
                self.frame, self.parity = self._frames[parity][-1], parity
                self.enough.set()

    @staticmethod
    def _is_enough(frames: list[Frame]) -> bool:
        last = frames[-1]
        return last.checked or last.encrypted or (len(frames) > 1 and detect(last.data) is detect(frames[-2].data))

    async def async_wait(self) -> None:
        """Wait until enough was heard, or nothing for too long."""
        before = -1
        while before < self.heard and not self.enough.is_set():
            before = self.heard
            with suppress(TimeoutError):
                async with asyncio.timeout(LISTEN_SECONDS):
                    await self.enough.wait()


async def _async_listen(hass: HomeAssistant, source: Source) -> _Ear:
    """Listen to a source until enough was heard.

    Raises:
        ProbeError: it can't be opened.
    """
    ear = _Ear()
    try:
        if isinstance(source, Mqtt):
            unsubscribe = await async_subscribe(hass, source, ear.feed)
            try:
                await ear.async_wait()
            finally:
                unsubscribe()
        else:
            reading = hass.async_create_background_task(
                async_read(hass, source, ear.feed), "Steward listens for a meter"
            )
            waiting = hass.async_create_background_task(ear.async_wait(), "Steward waits for a meter")
            try:
                await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
                reading.cancel()
                results = await asyncio.gather(reading, waiting, return_exceptions=True)
            if isinstance(results[0], SourceError) and not ear.heard:
                raise results[0]
    except SourceError as error:
        raise ProbeError(Trouble.CANNOT_CONNECT, str(error)) from error
    return ear
