"""Libraries that only some entries need: installed when one does, by Home Assistant's own requirements manager.

They aren't in the manifest, where a failed installation would keep all kinds of entries from starting. Importing them takes a
noticeable time, so it is done in Home Assistant's import executor.
"""

from importlib import import_module
from types import ModuleType
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.requirements import RequirementsNotFound, async_process_requirements

from .const import DOMAIN

REQUIREMENTS: Final = {
    "dsmr_parser": "dsmr-parser==1.11.1",  # as Home Assistant's dsmr pins it: there can only be one
    "stellar_sdk": "stellar-sdk>=16.1,<17",
    "rfc3161_client": "rfc3161-client>=1.0.9,<2",
}
"""What to install for a module."""


async def async_library(hass: HomeAssistant, module: str) -> ModuleType:
    """Install a library where it is missing, and import it.

    Raises:
        HomeAssistantError: that didn't work; translated.
    """
    requirement = REQUIREMENTS[module]
    try:
        await async_process_requirements(hass, DOMAIN, [requirement], is_built_in=False)
        return await hass.async_add_import_executor_job(import_module, module)
    except (RequirementsNotFound, ImportError) as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="library_missing",
            translation_placeholders={"library": requirement},
        ) from error
