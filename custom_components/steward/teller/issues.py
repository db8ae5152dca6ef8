"""Repair issues of tellers: what went wrong with the books, and what the owner can do."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from .pay.issue import async_clear_due


@callback
def async_report_full(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Tell that the disk is full."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _full(entry),
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="teller_full",
        translation_placeholders={"title": entry.title},
    )


@callback
def async_clear_full(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take that back."""
    ir.async_delete_issue(hass, DOMAIN, _full(entry))


@callback
def async_report_outage(hass: HomeAssistant, entry: ConfigEntry, since: str, until: str) -> None:
    """Tell that the teller was not shut down properly; the user acknowledges it."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _outage(entry),
        data={"entry_id": entry.entry_id},
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="teller_outage",
        translation_placeholders={"title": entry.title, "since": since, "until": until},
    )


@callback
def async_report_tampered(hass: HomeAssistant, entry: ConfigEntry, generation: int, where: str) -> None:
    """Tell that the log was not as it was left, and went on in a new generation."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _tampered(entry),
        data={"entry_id": entry.entry_id},
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key="teller_tampered",
        translation_placeholders={"title": entry.title, "generation": str(generation), "where": where},
    )


@callback
def async_clear_all(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back everything, when the teller is removed."""
    for issue_id in (_full(entry), _outage(entry), _tampered(entry)):
        ir.async_delete_issue(hass, DOMAIN, issue_id)
    async_clear_due(hass, entry)


def _full(entry: ConfigEntry) -> str:
    return f"teller_full_{entry.entry_id}"


def _outage(entry: ConfigEntry) -> str:
    return f"teller_outage_{entry.entry_id}"


def _tampered(entry: ConfigEntry) -> str:
    return f"teller_tampered_{entry.entry_id}"
