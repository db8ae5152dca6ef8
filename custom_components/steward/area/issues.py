"""Repair issues of area nodes."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import CONF_NODE, DOMAIN
from ..protocol.node import NodeInfo


def other_instance_id(entry: ConfigEntry) -> str:
    """Return the id of the issue that a second installation uses an entry's node id."""
    return f"other_instance_{entry.entry_id}"


@callback
def async_report_other_instance(hass: HomeAssistant, entry: ConfigEntry, info: NodeInfo) -> None:
    """Tell the user that a second installation uses the node's id, and offer to take it for the node."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        other_instance_id(entry),
        data={"entry_id": entry.entry_id, "instance": info.instance, "name": info.name},
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key="other_instance",
        translation_placeholders={"title": entry.title, "node": entry.data[CONF_NODE], "name": info.name},
    )


@callback
def async_clear_other_instance(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take that issue back."""
    ir.async_delete_issue(hass, DOMAIN, other_instance_id(entry))
