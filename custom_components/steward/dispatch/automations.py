"""Home Assistant's automations, as its automation integration keeps them: the one place that reads that integration's insides.

They are alike in 2026.10, where all of it is one module, and from 2026.11 on, where it is several.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.components.automation import DATA_COMPONENT, BaseAutomationEntity
from homeassistant.components.automation.config import ValidationStatus, async_validate_config_item
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import probatio

from ..const import DOMAIN as STEWARD

VARIABLE: Final = "steward_keep_running"
"""The variable with which an automation says that it is to run on nodes; Steward's blueprints set it."""
LABEL: Final = STEWARD
"""The label with which a user says so."""


@dataclass(frozen=True, slots=True)
class Automation:
    """One automation: `enabled` if it isn't switched off, `armed` if its triggers are attached as well.

    `raw_config` has a blueprint's inputs in their places, and is None where the configuration couldn't be read at all.
    """

    entity_id: str
    unique_id: str | None
    name: str
    raw_config: Mapping[str, Any] | None
    enabled: bool
    armed: bool
    opted_in: bool


class InvalidAutomationError(Exception):
    """Home Assistant refuses the configuration of an automation."""


def listed(hass: HomeAssistant) -> dict[str, Automation]:
    """Return all automations by their entity ids, in the order in which Home Assistant starts them."""
    if (component := hass.data.get(DATA_COMPONENT)) is None:
        return {}
    registry = er.async_get(hass)
    return {entity.entity_id: _automation(entity, registry) for entity in component.entities}


def is_armed(hass: HomeAssistant, entity_id: str) -> bool:
    """Tell whether the triggers of an automation are attached: not before Home Assistant has started, nor while it reloads."""
    component = hass.data.get(DATA_COMPONENT)
    entity = component.get_entity(entity_id) if component else None
    return entity is not None and _armed(entity)


def concerns(hass: HomeAssistant, entity_id: str, entities: set[str], device_id: str | None) -> bool:
    """Tell whether an automation mentions one of some entities, or their device."""
    component = hass.data.get(DATA_COMPONENT)
    if component is None or (entity := component.get_entity(entity_id)) is None:
        return False
    return not entities.isdisjoint(entity.referenced_entities) or device_id in entity.referenced_devices


async def async_validate(hass: HomeAssistant, automation: Automation) -> Mapping[str, Any]:
    """Return an automation's configuration as Home Assistant reads it: one spelling for all, lists, durations, entity ids.

    Raises:
        InvalidAutomationError: it refuses it.
    """
    if automation.raw_config is None:
        raise InvalidAutomationError
    key = automation.unique_id or automation.entity_id
    try:
        config = await async_validate_config_item(hass, key, dict(automation.raw_config))
    except (probatio.Invalid, HomeAssistantError) as error:
        raise InvalidAutomationError from error
    if config is None or config.validation_status is not ValidationStatus.OK:
        raise InvalidAutomationError
    return config


def _automation(entity: BaseAutomationEntity, registry: er.EntityRegistry) -> Automation:
    entry = registry.async_get(entity.entity_id)
    variables = (entity.raw_config or {}).get("variables")
    wished = isinstance(variables, Mapping) and variables.get(VARIABLE) is True
    return Automation(
        entity_id=entity.entity_id,
        unique_id=entity.unique_id,
        name=str(entity.name or entity.entity_id),
        raw_config=entity.raw_config,
        enabled=bool(entity.is_on),
        armed=_armed(entity),
        opted_in=wished or (entry is not None and LABEL in entry.labels),
    )


def _armed(entity: BaseAutomationEntity) -> bool:
    return getattr(entity, "_async_detach_triggers", None) is not None
