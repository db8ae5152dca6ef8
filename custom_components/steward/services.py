"""The actions of the integration."""

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers.service import async_register_admin_service

from .blueprint_files import async_install_blueprints
from .const import DOMAIN


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions, once for all entries."""
    async_register_admin_service(
        hass,
        DOMAIN,
        "install_blueprints",
        _async_install_blueprints,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_install_blueprints(call: ServiceCall) -> ServiceResponse:
    """Install the blueprints; answer with `{"blueprints": {path: {"result": …}}}`, paths as automations name them.

    Raises:
        HomeAssistantError: they can't be read or written.
    """
    outcomes = await async_install_blueprints(call.hass, call.context)
    return {"blueprints": {path: outcome.as_dict() for path, outcome in outcomes.items()}}
