"""What nodes did by themselves, as Home Assistant's logbook tells it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from homeassistant.components.logbook.const import LOGBOOK_ENTRY_ENTITY_ID, LOGBOOK_ENTRY_MESSAGE, LOGBOOK_ENTRY_NAME
from homeassistant.components.logbook.models import LazyEventPartialState
from homeassistant.const import ATTR_ENTITY_ID, ATTR_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .dispatch.journal import EVENT_ACTED, EVENT_LOST

LATE: Final = timedelta(minutes=1)
"""What Home Assistant was told later than this after it happened is shown with its time."""

type _Data = Mapping[str, Any]
type _Describe = Callable[[LazyEventPartialState], dict[str, Any]]


@callback
def async_describe_events(hass: HomeAssistant, async_describe_event: Callable[[str, str, _Describe], None]) -> None:
    """Say how the events are told."""
    async_describe_event(DOMAIN, EVENT_ACTED, _describe_acted)
    async_describe_event(DOMAIN, EVENT_LOST, _describe_lost)


def _describe_acted(event: LazyEventPartialState) -> dict[str, Any]:
    data = event.data
    why = "while Home Assistant was away" if data["away"] else "as Home Assistant didn't in time"
    parts = (f"{_done(data)}{_because(data)}", why, _when(data))
    return {
        LOGBOOK_ENTRY_NAME: _node(data),
        LOGBOOK_ENTRY_MESSAGE: ", ".join(part for part in parts if part),
        LOGBOOK_ENTRY_ENTITY_ID: data[ATTR_ENTITY_ID],
    }


def _describe_lost(event: LazyEventPartialState) -> dict[str, Any]:
    data = event.data
    if data["what"] == "events":
        message = f"gave up {_count(data['count'], 'event')} that nobody took"
    else:
        message = f"did {_count(data['count'], 'more thing')} than it could remember"
    parts = (f"{message} while Home Assistant was away", _when(data))
    return {LOGBOOK_ENTRY_NAME: _node(data), LOGBOOK_ENTRY_MESSAGE: ", ".join(part for part in parts if part)}


def _node(data: _Data) -> str:
    name: str = data[ATTR_NAME]
    return name if name.lower().endswith("node") else f"{name} node"


def _done(data: _Data) -> str:
    value = data["value"]
    match value.get("state") if isinstance(value, dict) else value:
        case "ON":
            return f"turned on {data['target']}"
        case "OFF":
            return f"turned off {data['target']}"
        case _:
            return f"set {data['target']} to {value}"


def _because(data: _Data) -> str:
    """Say what was the cause: an event, a state or an attribute that changed, or a time."""
    cause: str = data["cause"]
    if data["trigger"] is None:
        at = _local(cause.rpartition("@")[2])
        return f" because it was {at:%H:%M}" if at else ""
    if data["event_type"]:
        return f" because {data['trigger']} {data['event_type'].replace('_', ' ')}"
    entity, _, state = cause.rpartition("=")
    attribute = unquote(entity.rpartition("/")[2].partition(".")[2])
    of = f"'s {attribute.replace('_', ' ')}" if attribute else ""
    return f" because {data['trigger']}{of} became {unquote(state)}"


def _when(data: _Data) -> str:
    at, told = _local(data["at"]), _local(data["told"])
    if at is None or told is None or told - at <= LATE:
        return ""
    return f"at {at:%H:%M}" if at.date() == told.date() else f"on {at:%Y-%m-%d at %H:%M}"


def _local(text: str) -> datetime | None:
    """Return a time in the house's zone; None where a node has said something else, or a time that the zone can't tell."""
    try:
        return dt_util.as_local(datetime.fromisoformat(text))
    except ValueError, OverflowError:
        return None


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
