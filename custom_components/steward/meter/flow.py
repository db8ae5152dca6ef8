"""Steps of the config flow that add a meter: where its telegrams come from; what speaks there is found out by listening."""

import asyncio
import re
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USB,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlow,
)
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SerialPortSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.usb import UsbServiceInfo
from homeassistant.setup import async_setup_component
from homeassistant.util.async_ import create_eager_task
import probatio

from ..const import CONF_KIND, Kind
from ..libraries import async_library
from ..protocol.telegrams.encrypted import LUXEMBOURG_AUTHENTICATION_KEY
from ..protocol.telegrams.splitter import Frame
from ..protocol.telegrams.versions import Version, detect
from .data import (
    CONF_AUTHENTICATION_KEY,
    CONF_DEVICE,
    CONF_KEY,
    CONF_SERIAL,
    CONF_SOURCE,
    CONF_THROTTLE,
    CONF_TOPIC,
    CONF_VERSION,
    DEFAULT_THROTTLE,
    Keys,
    Mqtt,
    Serial,
    Source,
    SourceKind,
    Tcp,
    source_data,
)
from .names import readable
from .opening import opened
from .probe import Found, ProbeError, Trouble, async_probe, async_serial

_HEX_KEY: Final = re.compile(r"[0-9A-Fa-f]{32}")
_PORT: Final = NumberSelector(NumberSelectorConfig(min=1, max=65535, mode=NumberSelectorMode.BOX))
_DEFAULT_PORT: Final = 23
_LONGEST_PAUSE: Final = 3600

SERIAL: Final = probatio.Schema({probatio.Required(CONF_DEVICE): SerialPortSelector()})
TCP: Final = probatio.Schema({probatio.Required(CONF_HOST): TextSelector(), probatio.Required(CONF_PORT): _PORT})
MQTT: Final = probatio.Schema({probatio.Required(CONF_TOPIC): TextSelector()})
_SECRET: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
KEYS: Final = probatio.Schema(
    {probatio.Required(CONF_KEY): _SECRET, probatio.Optional(CONF_AUTHENTICATION_KEY): _SECRET}
)
OPTIONS: Final = probatio.Schema(
    {
        probatio.Required(CONF_THROTTLE): NumberSelector(
            NumberSelectorConfig(min=0, max=_LONGEST_PAUSE, mode=NumberSelectorMode.BOX, unit_of_measurement="s")
        )
    }
)


class MeterSteps(ConfigFlow):
    """The steps of the kind `meter`."""

    _meter_source: Source
    _meter_found: Found
    _meter_version: Version
    _meter_keys: Keys | None = None
    _meter_errors: dict[str, str] | None = None
    _meter_reason = ""
    _meter_task: asyncio.Task[Found] | None = None
    _meter_paused: str | None = None
    """The entry that doesn't listen while this flow does: a serial port has one listener."""

    async def async_step_meter(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where telegrams come from."""
        return self.async_show_menu(step_id="meter", menu_options=["meter_serial", "meter_tcp", "meter_mqtt"])

    async def async_step_meter_reconfigure(self) -> ConfigFlowResult:
        """Ask the same of a meter that there is."""
        return await self.async_step_meter()

    async def async_step_meter_serial(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a serial port."""
        if user_input is not None:
            return await self._listen_to(Serial(user_input[CONF_DEVICE]))
        await async_setup_component(self.hass, "usb", {})  # which lists the ports
        return self._source_form("meter_serial", SERIAL)

    async def async_step_meter_tcp(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a network server."""
        if user_input is not None:
            return await self._listen_to(Tcp(user_input[CONF_HOST].strip(), int(user_input[CONF_PORT])))
        return self._source_form("meter_tcp", TCP, {CONF_PORT: _DEFAULT_PORT})

    async def async_step_meter_mqtt(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for an MQTT topic."""
        if user_input is not None:
            return await self._listen_to(Mqtt(user_input[CONF_TOPIC].strip()))
        return self._source_form("meter_mqtt", MQTT)

    @override
    async def async_step_usb(self, discovery_info: UsbServiceInfo) -> ConfigFlowResult:
        """Take a cable whose name says that it is one for a P1 port."""
        await self.async_set_unique_id(f"usb {discovery_info.vid}:{discovery_info.pid} {discovery_info.serial_number}")
        self._meter_source = Serial(discovery_info.device)
        for entry in self._async_current_entries():
            if entry.data.get(CONF_KIND) == Kind.METER and (
                entry.data[CONF_SOURCE].get(CONF_DEVICE) == discovery_info.device
            ):
                return self.async_abort(reason="already_configured")
        self.context["title_placeholders"] = {"name": discovery_info.description or discovery_info.device}
        return await self.async_step_meter_usb()

    async def async_step_meter_usb(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether to listen to the cable."""
        if user_input is not None:
            return await self._listen_to(self._meter_source)
        errors, self._meter_errors = self._meter_errors, None
        return self.async_show_form(
            step_id="meter_usb",
            description_placeholders={"device": self._meter_source.name, "reason": self._meter_reason},
            errors=errors,
        )

    def _source_form(
        self, step_id: str, schema: probatio.Schema, shown: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        errors, self._meter_errors = self._meter_errors, None
        known = source_data(self._meter_source) if hasattr(self, "_meter_source") else self._known_source()
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, {**(shown or {}), **known}),
            errors=errors,
            description_placeholders={"reason": self._meter_reason},
        )

    def _known_source(self) -> dict[str, Any]:
        if self.source != SOURCE_RECONFIGURE:
            return {}
        return dict(self._get_reconfigure_entry().data[CONF_SOURCE])

    async def _listen_to(self, source: Source) -> ConfigFlowResult:
        """Begin to listen; the meter that is reconfigured doesn't meanwhile."""
        self._meter_source = source
        self._meter_task = None
        if self.source == SOURCE_RECONFIGURE and self._meter_paused is None:
            entry = self._get_reconfigure_entry()
            if entry.state is ConfigEntryState.LOADED:
                await self.hass.config_entries.async_unload(entry.entry_id)
            self._meter_paused = entry.entry_id
        return await self.async_step_meter_listen()

    async def async_step_meter_listen(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Listen until it is known what speaks."""
        if self._meter_task is None:
            self._meter_task = create_eager_task(self._listened(), name="Steward listens for a meter")
        if not self._meter_task.done():
            return self.async_show_progress(
                step_id="meter_listen",
                progress_action="meter_listen",
                progress_task=self._meter_task,
                description_placeholders={"source": self._meter_source.name},
            )
        try:
            self._meter_found = self._meter_task.result()
        except ProbeError as error:
            self._meter_errors = {"base": error.trouble}
            self._meter_reason = error.reason
            return self.async_show_progress_done(next_step_id=self._asked_in())
        except HomeAssistantError:
            self._meter_errors = {"base": "dsmr_parser_missing"}
            return self.async_show_progress_done(next_step_id=self._asked_in())
        return self.async_show_progress_done(next_step_id="meter_found" if self._meter_found.version else "meter_key")

    async def _listened(self) -> Found:
        await async_library(self.hass, "dsmr_parser")
        return await async_probe(self.hass, self._meter_source)

    def _asked_in(self) -> str:
        """Return the step that asked for the source."""
        if self.source == SOURCE_USB:
            return "meter_usb"
        match self._meter_source:
            case Serial():
                return f"meter_{SourceKind.SERIAL}"
            case Tcp():
                return f"meter_{SourceKind.TCP}"
            case Mqtt():
                return f"meter_{SourceKind.MQTT}"

    async def async_step_meter_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the keys of an encrypted meter, and try them on the telegram that was heard."""
        errors: dict[str, str] = {}
        if user_input is not None:
            key = user_input[CONF_KEY].replace(" ", "")
            other = user_input.get(CONF_AUTHENTICATION_KEY, "").replace(" ", "") or LUXEMBOURG_AUTHENTICATION_KEY.hex()
            if not _HEX_KEY.fullmatch(key) or not _HEX_KEY.fullmatch(other):
                errors["base"] = "invalid_key"
            else:
                self._meter_keys = Keys(bytes.fromhex(key), bytes.fromhex(other))
                frame = opened(self._meter_found.frame, self._meter_keys)
                if frame is None:
                    errors["base"] = "wrong_key"
                elif version := detect(frame.data, encrypted=True):
                    return await self._add(version, frame)
                else:
                    errors["base"] = Trouble.UNKNOWN_VERSION
        return self.async_show_form(
            step_id="meter_key",
            data_schema=self.add_suggested_values_to_schema(KEYS, user_input or {}),
            errors=errors,
        )

    async def async_step_meter_found(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add what was found."""
        version = self._meter_found.version
        assert version is not None  # noqa: S101 -- else the keys were asked for
        return await self._add(version, self._meter_found.frame)

    async def _add(self, version: Version, frame: Frame) -> ConfigFlowResult:
        found = self._meter_found
        serial = await async_serial(self.hass, frame, version)
        await self.async_set_unique_id(serial or f"{self._asked_in()} {found.source.name}")
        keys = self._meter_keys
        data = {
            CONF_KIND: Kind.METER.value,
            CONF_SOURCE: source_data(found.source),
            CONF_VERSION: version.value,
            CONF_SERIAL: serial,
            CONF_KEY: keys.encryption.hex() if keys else None,
            CONF_AUTHENTICATION_KEY: keys.authentication.hex() if keys else None,
        }
        if self.source == SOURCE_RECONFIGURE:
            entry = self._get_reconfigure_entry()
            if serial and entry.data[CONF_SERIAL]:
                self._abort_if_unique_id_mismatch(reason="another_meter")
            return self.async_update_and_abort(entry, unique_id=self.unique_id, data={**entry.data, **data})
        self._abort_if_unique_id_configured()
        number = readable(serial)
        return self.async_create_entry(title=f"P1 {number}" if number else "P1", data=data)

    @callback
    @override
    def async_remove(self) -> None:
        """Let the meter that was reconfigured listen again, and stop listening here."""
        super().async_remove()
        if self._meter_task:
            self._meter_task.cancel()
        if self._meter_paused:
            self.hass.config_entries.async_schedule_reload(self._meter_paused)


class MeterOptionsFlow(OptionsFlow):
    """What can be chosen about a meter's entities."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how often they change."""
        if user_input is not None:
            return self.async_create_entry(data={CONF_THROTTLE: user_input[CONF_THROTTLE]})
        shown = {CONF_THROTTLE: DEFAULT_THROTTLE, **self.config_entry.options}
        return self.async_show_form(step_id="init", data_schema=self.add_suggested_values_to_schema(OPTIONS, shown))
