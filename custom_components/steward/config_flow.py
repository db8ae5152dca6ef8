"""The config flow: a menu of kinds, and each kind's own steps."""

from typing import Any, override

from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigFlowResult, ConfigSubentryFlow, OptionsFlow
from homeassistant.core import callback

from .area.flow import AreaSteps
from .const import CONF_KIND, DOMAIN, Kind
from .meter.flow import MeterOptionsFlow, MeterSteps
from .teller.flow import TellerSteps
from .teller.subflows import SUBFLOWS


class StewardConfigFlow(AreaSteps, MeterSteps, TellerSteps, ConfigFlow, domain=DOMAIN):
    """Adds entries of every kind."""

    VERSION = 1

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what an entry can have several of; one that is ignored has no kind."""
        return dict(SUBFLOWS) if config_entry.data.get(CONF_KIND) == Kind.TELLER else {}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return what changes an entry's options."""
        return MeterOptionsFlow()

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: ConfigEntry) -> bool:
        """Tell whether an entry has options."""
        return config_entry.data.get(CONF_KIND) == Kind.METER

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to add."""
        return self.async_show_menu(step_id="user", menu_options=[*self.area_options(), "meter", "teller"])

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change an entry, by the steps of its kind."""
        match Kind(self._get_reconfigure_entry().data[CONF_KIND]):
            case Kind.AREA:
                return await self.async_step_area_reconfigure()
            case Kind.METER:
                return await self.async_step_meter_reconfigure()
            case Kind.TELLER:
                return await self.async_step_teller_reconfigure()
