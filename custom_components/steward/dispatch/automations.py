"""Home Assistant's automations, as its automation integration keeps them: the one place that reads that integration's insides.

They are alike in 2026.10, where all of it is one module, and from 2026.11 on, where it is several.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import logging
from typing import Any, Final

from homeassistant.components.automation import DATA_COMPONENT, BaseAutomationEntity
from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.const import STATE_OFF
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import probatio

from ..const import DOMAIN as STEWARD

_LOGGER = logging.getLogger(__name__)

VARIABLE: Final = "steward_keep_running"
"""The variable with which an automation says that it is to run on nodes; Steward's blueprints set it."""
LABEL: Final = STEWARD
"""The label with which a user says so."""


@dataclass(frozen=True, slots=True)
class Automation:
    """One automation: `enabled` if it isn't switched off, `opted_in` if it is to run on nodes as far as they can.

    `raw_config` has a blueprint's inputs in their places, and is None where the configuration couldn't be read at all.
    """

    entity_id: str
    unique_id: str | None
    name: str
    raw_config: Mapping[str, Any] | None
    enabled: bool
    opted_in: bool


def are_loaded(hass: HomeAssistant) -> bool:
    """Tell whether there are automations at all: with a configuration that can't be read, Home Assistant has none."""
    return DATA_COMPONENT in hass.data


def listed(hass: HomeAssistant) -> Iterator[Automation]:
    """Yield all automations, in the order in which Home Assistant starts them."""
    registry = er.async_get(hass)
    component = hass.data.get(DATA_COMPONENT)
    for entity in [*component.entities] if component else ():
        yield _automation(entity, registry)


def is_armed(hass: HomeAssistant, entity_id: str) -> bool:
    """Tell whether the triggers of an automation are attached: not before Home Assistant has started, nor while it reloads."""
    # Home Assistant itself has no other name for it.
    return getattr(_entity(hass, entity_id), "_async_detach_triggers", None) is not None


def is_off(hass: HomeAssistant, entity_id: str) -> bool:
    """Tell whether an automation is switched off.

    While it is taken away to be reloaded it isn't: then it says that it isn't on, but hasn't written so.
    """
    entity, state = _entity(hass, entity_id), hass.states.get(entity_id)
    return entity is not None and not entity.is_on and state is not None and state.state == STATE_OFF


def mentioned(hass: HomeAssistant, entity_id: str) -> set[str]:
    """Return the ids of the entities that an automation mentions by their ids."""
    entity = _entity(hass, entity_id)
    return entity.referenced_entities if entity else set()


async def async_validate(hass: HomeAssistant, automation: Automation) -> Mapping[str, Any] | None:
    """Return an automation's configuration as Home Assistant reads it: one spelling for all, lists, durations, entity ids.

    None where it refuses it.
    """
    if automation.raw_config is None:
        return None
    key = automation.unique_id or automation.entity_id
    try:
        return await async_validate_config_item(hass, key, dict(automation.raw_config))
    except probatio.Invalid, HomeAssistantError:
        return None
    except Exception:  # some other integration's validator fails: that doesn't cost the other automations theirs
        _LOGGER.exception("%s can't be checked", automation.entity_id)
        return None


def _entity(hass: HomeAssistant, entity_id: str) -> BaseAutomationEntity | None:
    component = hass.data.get(DATA_COMPONENT)
    return component.get_entity(entity_id) if component else None


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
        opted_in=wished or (entry is not None and LABEL in entry.labels),
    )
