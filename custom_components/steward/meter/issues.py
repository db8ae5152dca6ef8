"""Repair issues of meters: nothing is heard, much is damaged, the version or the keys are not those that were configured."""

from typing import Any, Final, override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..protocol.telegrams.versions import Version
from .data import CONF_VERSION

ATTR_VERSION: Final = "version"
_ISSUES: Final = ("meter_silent", "meter_damaged", "meter_version", "meter_key")


@callback
def async_report_silent(hass: HomeAssistant, entry: ConfigEntry[Any], source: str, reason: str) -> None:
    """Tell that no telegram comes."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _id("meter_silent", entry),
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="meter_silent",
        translation_placeholders={"title": entry.title, "source": source, "reason": reason},
    )


@callback
def async_report_damaged(hass: HomeAssistant, entry: ConfigEntry[Any], percent: int) -> None:
    """Tell how many telegrams arrive damaged."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _id("meter_damaged", entry),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="meter_damaged",
        translation_placeholders={"title": entry.title, "percent": str(percent)},
    )


@callback
def async_report_version(hass: HomeAssistant, entry: ConfigEntry[Any], known: Version, found: Version) -> None:
    """Tell that the meter speaks another version."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _id("meter_version", entry),
        data={"entry_id": entry.entry_id, ATTR_VERSION: found.value},
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key="meter_version",
        translation_placeholders={"title": entry.title, "known": known.value, "found": found.value},
    )


@callback
def async_report_key(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Tell that the keys don't open the telegrams."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _id("meter_key", entry),
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="meter_key",
        translation_placeholders={"title": entry.title},
    )


@callback
def async_clear(hass: HomeAssistant, entry: ConfigEntry[Any], *issues: str) -> None:
    """Take issues back; all of them if none is named."""
    for issue in issues or _ISSUES:
        ir.async_delete_issue(hass, DOMAIN, _id(issue, entry))


def _id(issue: str, entry: ConfigEntry[Any]) -> str:
    return f"{issue}_{entry.entry_id}"


class OtherVersionFlow(ConfirmRepairFlow):
    """Takes over the version that the meter speaks."""

    def __init__(self, entry_id: str, version: str) -> None:
        """Remember which one."""
        self._entry_id = entry_id
        self._version = version

    @override
    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask; the entry's listener begins again with it."""
        if user_input is not None and (entry := self.hass.config_entries.async_get_entry(self._entry_id)):
            self.hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_VERSION: self._version})
        return await super().async_step_confirm(user_input)
