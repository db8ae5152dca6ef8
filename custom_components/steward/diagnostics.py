"""Diagnostics of an entry, without what identifies the installation."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .area.describe import describe
from .area.node import AreaNode
from .const import CONF_INSTANCE, CONF_KIND, Kind
from .dispatch import async_get_dispatcher
from .meter import describe as meter
from .teller import describe as teller

TO_REDACT = {CONF_INSTANCE, "house"}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: ConfigEntry[Any]) -> dict[str, Any]:
    """Return what an entry is and does. One that couldn't be set up has nothing but its settings."""
    shown: dict[str, Any] = {"entry": entry.as_dict()}
    running = getattr(entry, "runtime_data", None)
    match Kind(entry.data[CONF_KIND]):
        case Kind.AREA:
            shown["dispatcher"] = async_get_dispatcher(hass).as_dict()
            return async_redact_data(shown | (_node(hass, running) if running else {}), TO_REDACT)
        case Kind.METER:
            return async_redact_data(shown | (meter.as_dict(running) if running else {}), meter.TO_REDACT)
        case Kind.TELLER:
            return async_redact_data(shown | (teller.as_dict(running) if running else {}), teller.TO_REDACT)


def _node(hass: HomeAssistant, node: AreaNode) -> dict[str, Any]:
    """Return what a node is and does, which of its messages were dropped, and which of its words were left out."""
    return {
        "online": node.online,
        "blocked": node.blocked,
        "dropped": node.drops.as_dict(),
        "info": _info(node),
        "rules": async_get_dispatcher(hass).rulebooks.as_dict(node.id),
    }


def _info(node: AreaNode) -> dict[str, Any] | None:
    if node.info is None:
        return None
    entities = [{**entity.declare(), "left_out": describe(entity).left_out} for entity in node.info.entities]
    return {**asdict(node.info), "entities": entities}
