"""The actions of the integration."""

from typing import Final

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
import probatio

from .blueprint_files import async_install_blueprints
from .const import DOMAIN
from .dispatch import async_get_dispatcher
from .teller.actions import ADD_INSPECTION, async_add_inspection

_EXPLAIN: Final = probatio.Schema({probatio.Optional(ATTR_ENTITY_ID): cv.entity_ids})


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
    hass.services.async_register(
        DOMAIN, "explain_rules", _async_explain_rules, _EXPLAIN, supports_response=SupportsResponse.ONLY
    )
    async_register_admin_service(hass, DOMAIN, "add_inspection", async_add_inspection, ADD_INSPECTION)


async def _async_install_blueprints(call: ServiceCall) -> ServiceResponse:
    """Install the blueprints; answer with `{"blueprints": {path: {"result": …}}}`, paths as automations name them.

    Raises:
        HomeAssistantError: they can't be read or written.
    """
    outcomes = await async_install_blueprints(call.hass, call.context)
    return {"blueprints": {path: outcome.as_dict() for path, outcome in outcomes.items()}}


async def _async_explain_rules(call: ServiceCall) -> ServiceResponse:
    """Answer where automations run: `{"automations": {entity id: {"text": "runs on Kitchen", …}}}`."""
    wanted = call.data.get(ATTR_ENTITY_ID)
    explanations = async_get_dispatcher(call.hass).rulebooks.explain()
    return {
        "automations": {
            explanation.entity_id: explanation.as_dict()
            for explanation in explanations
            if wanted is None or explanation.entity_id in wanted
        }
    }
