"""The config flow: a menu of kinds, and each kind's own steps."""

from typing import Any, override

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult

from .area.flow import AreaSteps
from .const import DOMAIN


class StewardConfigFlow(AreaSteps, ConfigFlow, domain=DOMAIN):
    """Adds entries of every kind."""

    VERSION = 1

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to add."""
        return self.async_show_menu(step_id="user", menu_options=self.area_options())

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change an entry, by the steps of its kind."""
        return await self.async_step_area_reconfigure()
