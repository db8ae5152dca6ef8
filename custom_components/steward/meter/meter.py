"""A running meter: its source's bytes become telegrams, telegrams become what entities show and what channels get.

Every telegram goes to those that listen for telegrams; entities are told of one every few seconds. A meter that says nothing for a minute
is unavailable. What its registers were is kept on disk, so that nothing goes back after a restart either.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
import logging
from typing import TYPE_CHECKING, Any, Final, cast

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..libraries import async_library
from ..protocol.telegrams.plausibility import Plausibility
from ..protocol.telegrams.values import Key, SubMeter, Telegram, Value
from . import issues
from .data import CONF_SERIAL, Mqtt, parse_settings
from .sources import SourceError, async_keep_reading, async_subscribe

if TYPE_CHECKING:
    from .reader import Heard, Reader

_LOGGER = logging.getLogger(__name__)

type MeterConfigEntry = ConfigEntry[Meter]

SILENT_SECONDS: Final = 60
LOOK_SECONDS: Final = 60
WINDOW: Final = 10
"""How many looks back damaged telegrams are counted."""
ENOUGH: Final = 20
"""How many telegrams there must be before a share of them is told."""
DAMAGED_PERCENT: Final = 10
MENDED_PERCENT: Final = 2
WRONG_KEYS: Final = 3
SAVE_SECONDS: Final = 300
STORE_VERSION: Final = 1


def store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    """Return where a meter's registers are kept."""
    return Store(hass, STORE_VERSION, f"{DOMAIN}.meter.{entry_id}")


class Meter:
    """One meter, while its entry is set up."""

    device: DeviceEntry

    def __init__(self, hass: HomeAssistant, entry: MeterConfigEntry) -> None:
        """Read the settings."""
        self.hass = hass
        self.entry = entry
        self.settings = parse_settings(entry)
        self.telegram: Telegram | None = None
        self.values: dict[Key, Value] = {}
        """The last telegram's; registers that were held back are as they were before."""
        self.meters: dict[str, SubMeter] = {}
        self.available = False
        self.reason = ""
        """Why nothing comes from the source, as far as that is known."""
        self._reader: Reader
        self._store = store(hass, entry.entry_id)
        self._written = float("-inf")
        self._silence: CALLBACK_TYPE | None = None
        self._silent_told = False
        self._damaged_told = False
        self._looks: deque[tuple[int, int]] = deque([(0, 0)], WINDOW + 1)
        self._listeners: list[Callable[[], None]] = []
        self._new: list[Callable[[], None]] = []
        self._telegram_listeners: list[Callable[[Heard, datetime], None]] = []

    @property
    def reader(self) -> Reader:
        """What reads the telegrams, and counts those that it can't."""
        return self._reader

    async def async_prepare(self) -> None:
        """Install what reads telegrams, and remember the registers.

        Raises:
            ConfigEntryNotReady: that is not possible now.
        """
        try:
            await async_library(self.hass, "dsmr_parser")
        except HomeAssistantError as error:
            raise ConfigEntryNotReady(
                translation_domain=DOMAIN,
                translation_key="library_missing",
                translation_placeholders={"library": "dsmr-parser"},
            ) from error
        reader = await self.hass.async_add_import_executor_job(import_module, f"{__package__}.reader")
        parsing = await self.hass.async_add_import_executor_job(import_module, f"{__package__}.parsing")
        kept = await self._store.async_load() or {}
        same = kept.get("serial") == self.settings.serial
        registers = {name: Decimal(value) for name, value in kept.get("registers", {}).items()} if same else {}
        self._reader = cast(
            "Reader",
            reader.Reader(
                parsing.Parser(self.settings.version),
                self.settings.keys,
                Plausibility(registers, self.settings.serial),
            ),
        )

    async def async_start(self) -> None:
        """Begin to listen.

        Raises:
            ConfigEntryNotReady: there is no MQTT broker, and telegrams should come from one.
        """
        source = self.settings.source
        if isinstance(source, Mqtt):
            try:
                self.entry.async_on_unload(await async_subscribe(self.hass, source, self._feed))
            except SourceError as error:
                raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="broker_unavailable") from error
        else:
            self.entry.async_create_background_task(
                self.hass,
                async_keep_reading(self.hass, source, self._feed, self._failed),
                f"{DOMAIN} reads {source.name}",
            )
        self._expect()
        self.entry.async_on_unload(self._expect_no_more)
        self.entry.async_on_unload(
            async_track_time_interval(self.hass, self._look, timedelta(seconds=LOOK_SECONDS), name="Steward meter")
        )

    async def async_close(self) -> None:
        """Keep the registers. What listens ends with the entry."""
        await self._store.async_save(self._kept())

    def _kept(self) -> dict[str, Any]:
        plausibility = self._reader.plausibility
        return {
            "serial": plausibility.serial,
            "registers": {name: str(value) for name, value in plausibility.registers.items()},
        }

    @callback
    def _feed(self, data: bytes) -> None:
        for heard in self._reader.feed(data, self.hass.loop.time()):
            self._hear(heard)

    @callback
    def _failed(self, reason: str) -> None:
        if reason != self.reason:
            _LOGGER.info("%s: %s: %s", self.entry.title, self.settings.source.name, reason)
        self.reason = reason
        self._reader.splitter.clear()

    @callback
    def _hear(self, heard: Heard) -> None:
        """Take a telegram."""
        self._keep(heard)
        self._expect()
        now = self.hass.loop.time()
        came_back, self.available, self.reason = not self.available, True, ""
        if came_back:
            self._is_back()
        for each in self._telegram_listeners:
            each(heard, dt_util.utcnow())
        for add in self._new:
            add()
        pause = self.settings.throttle
        if came_back or now - self._written >= pause - min(1.0, pause / 10):
            self._written = now
            self._tell()
        self._store.async_delay_save(self._kept, SAVE_SECONDS)
        if heard.changed or (heard.telegram.serial and self.settings.serial is None):
            self._rename(heard.telegram.serial)

    def _keep(self, heard: Heard) -> None:
        telegram, registers = heard.telegram, self._reader.plausibility.registers
        self.telegram = telegram
        self.values = dict(telegram.values)
        self.values |= {Key(name): registers[name] for name in heard.held if name in Key}
        self.meters = {key: meter for key, meter in self.meters.items() if key in heard.held}
        self.meters |= {meter.key: meter for meter in telegram.meters}

    @callback
    def _is_back(self) -> None:
        issues.async_clear(self.hass, self.entry, "meter_silent", "meter_version", "meter_key")
        if self._silent_told:
            _LOGGER.info("%s: telegrams come again", self.entry.title)
        self._silent_told = False

    def _rename(self, serial: str | None) -> None:
        """Go on with another meter: the entry's listener begins anew with it."""
        if self.entry.data.get(CONF_SERIAL) == serial:
            return
        _LOGGER.info("%s: the meter is number %s from now on", self.entry.title, serial)
        taken = self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, serial or "")
        self.hass.config_entries.async_update_entry(
            self.entry,
            data={**self.entry.data, CONF_SERIAL: serial},
            unique_id=self.entry.unique_id if taken or not serial else serial,
        )

    @callback
    def _expect(self) -> None:
        """Wait for the next telegram."""
        self._expect_no_more()
        self._silence = async_call_later(self.hass, SILENT_SECONDS, self._is_silent)

    @callback
    def _expect_no_more(self) -> None:
        if self._silence:
            self._silence()
            self._silence = None

    @callback
    def _is_silent(self, _: datetime) -> None:
        """Tell that nothing was heard, and why, as far as that is known."""
        self._silence = None
        self.available = False
        reader = self._reader
        if reader.other_version:
            issues.async_report_version(self.hass, self.entry, self.settings.version, reader.other_version)
        elif reader.wrong_keys >= WRONG_KEYS:
            issues.async_report_key(self.hass, self.entry)
        else:
            issues.async_report_silent(self.hass, self.entry, self.settings.source.name, self.reason or "…")
        if not self._silent_told:
            _LOGGER.warning("%s: no telegram for %d seconds", self.entry.title, SILENT_SECONDS)
        self._silent_told = True
        self._tell()
        self._expect()

    @callback
    def _look(self, _: datetime) -> None:
        """Look how many telegrams arrive damaged."""
        counts = self._reader.splitter.counts
        self._looks.append((counts.frames, counts.wrong_crc))
        (frames, wrong), (first_frames, first_wrong) = self._looks[-1], self._looks[0]
        damaged, all_of_them = wrong - first_wrong, wrong - first_wrong + frames - first_frames
        if all_of_them < ENOUGH:
            return
        percent = round(100 * damaged / all_of_them)
        if percent >= DAMAGED_PERCENT:
            issues.async_report_damaged(self.hass, self.entry, percent)
            self._damaged_told = True
        elif percent <= MENDED_PERCENT and self._damaged_told:
            issues.async_clear(self.hass, self.entry, "meter_damaged")
            self._damaged_told = False

    @callback
    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    @callback
    def listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Have something called when entities are to show what is new. Return what ends that."""
        return _added(self._listeners, listener)

    @callback
    def listen_for_telegrams(self, listener: Callable[[Heard, datetime], None]) -> CALLBACK_TYPE:
        """Have something called with every telegram that is used, and when it came. Return what ends that."""
        return _added(self._telegram_listeners, listener)

    @callback
    def async_add(self, add: Callable[[Iterable[Key], Iterable[SubMeter]], None]) -> None:
        """Have something called with each value and each meter that a telegram tells for the first time."""
        keys: set[Key] = set()
        meters: set[str] = set()

        def new() -> None:
            if self.values.keys() <= keys and self.meters.keys() <= meters:
                return
            new_keys = [key for key in self.values if key not in keys]
            new_meters = [meter for key, meter in self.meters.items() if key not in meters]
            keys.update(new_keys)
            meters.update(meter.key for meter in new_meters)
            add(new_keys, new_meters)

        self._new.append(new)
        self.entry.async_on_unload(lambda: self._new.remove(new))


def _added[T](items: list[T], item: T) -> CALLBACK_TYPE:
    items.append(item)
    return lambda: items.remove(item)
