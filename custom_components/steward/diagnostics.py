"""Diagnostics of an entry, without what identifies the installation."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .area.describe import describe
from .area.node import AreaNode, StewardConfigEntry
from .const import CONF_INSTANCE
from .dispatch import async_get_dispatcher

TO_REDACT = {CONF_INSTANCE, "house"}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: StewardConfigEntry) -> dict[str, Any]:
    """Return what a node is and does, which of its messages were dropped, and which of its words were left out."""
    shown: dict[str, Any] = {"entry": entry.as_dict(), "dispatcher": async_get_dispatcher(hass).as_dict()}
    # An entry that waits for its broker has no node yet.
    if node := getattr(entry, "runtime_data", None):
        shown |= {"online": node.online, "blocked": node.blocked, "dropped": node.drops.as_dict(), "info": _info(node)}
        shown["rules"] = async_get_dispatcher(hass).rulebooks.as_dict(node.id)
    return async_redact_data(shown, TO_REDACT)


def _info(node: AreaNode) -> dict[str, Any] | None:
    if node.info is None:
        return None
    entities = [{**entity.declare(), "left_out": describe(entity).left_out} for entity in node.info.entities]
    return {**asdict(node.info), "entities": entities}
