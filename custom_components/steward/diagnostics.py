"""Diagnostics of an entry, without what tells who lives where."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .area.describe import describe
from .area.node import StewardConfigEntry
from .const import CONF_INSTANCE

TO_REDACT = {CONF_INSTANCE, "house", "unique_id"}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: StewardConfigEntry) -> dict[str, Any]:
    """Return what a node is and does, which of its messages were dropped, and which of its words were left out."""
    node = entry.runtime_data
    return async_redact_data(
        {
            "entry": entry.as_dict(),
            "online": node.online,
            "dropped": node.drops.as_dict(),
            "info": None
            if node.info is None
            else {
                **asdict(node.info),
                "entities": [
                    {**entity.declare(), "left_out": describe(entity).left_out} for entity in node.info.entities
                ],
            },
        },
        TO_REDACT,
    )
