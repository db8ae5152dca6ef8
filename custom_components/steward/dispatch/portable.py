"""What the compiler's parts share: why something isn't portable, and how values of a configuration are read."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, NoReturn

from homeassistant.helpers.template import is_complex

from ..const import RESERVED_ATTRIBUTES
from ..protocol.entity import EventInfo, LightInfo, NumberInfo, Platform, SensorInfo
from ..protocol.fields import Json
from ..protocol.rule_fields import MAX_SECONDS
from ..protocol.seen import UNAVAILABLE, UNKNOWN
from .lookup import Known, Questions

_WORDS: Final = frozenset({UNAVAILABLE, UNKNOWN})
_HUB_ONLY: Final = RESERVED_ATTRIBUTES | {"at", "id"}
"""Attributes of an event entity that aren't the event's own."""


class NotPortableError(Exception):
    """A part of an automation that nodes can't run; the text says why, as in 'only on the hub: uses a template'."""


def refuse(reason: str) -> NoReturn:
    """Say why a part of an automation isn't portable.

    Raises:
        NotPortableError: always.
    """
    raise NotPortableError(reason)


def only(config: Mapping[str, Any], understood: frozenset[str]) -> None:
    """Refuse options that aren't understood: they may change what is meant.

    Raises:
        NotPortableError: there are such.
    """
    if unknown := sorted(config.keys() - understood):
        refuse(f"uses the option {unknown[0]}")


def is_enabled(config: Mapping[str, Any]) -> bool:
    """Tell whether a trigger, condition or action isn't switched off.

    Raises:
        NotPortableError: a template decides about it.
    """
    return bool(fixed(config.get("enabled", True)))


def fixed[T](value: T) -> T:
    """Return a value that has no template in it.

    Raises:
        NotPortableError: it has one.
    """
    if is_complex(value):
        refuse("uses a template")
    return value


def seconds(value: Any) -> float:
    """Return the seconds of a duration; none are 0.

    Raises:
        NotPortableError: it is a template, or very long.
    """
    if value is None:
        return 0
    if not isinstance(duration := fixed(value), timedelta):
        refuse("uses a duration that isn't fixed")
    if (length := duration.total_seconds()) > MAX_SECONDS:
        refuse("waits for more than 30 days")
    return length


def scalars(value: Any) -> tuple[Json, ...]:
    """Return one value, or the values of a list, that something is compared with.

    Raises:
        NotPortableError: it is compared with something that JSON has no word for, or with nothing.
    """
    values = fixed(value) if isinstance(value, list) else [fixed(value)]
    if not all(isinstance(item, str | bool | int | float) for item in values):
        refuse("compares with what is neither a text nor a number")
    return tuple(dict.fromkeys(values))


def name_all(entity_ids: Iterable[str]) -> str:
    """Return some entities that aren't Steward's in a text, such as `sun.sun, which isn't Steward's`."""
    several = sorted(entity_ids)
    shown = ", ".join(several[:3]) + (" and others" if len(several) > len(several[:3]) else "")
    return f"{shown}, which {'is' if len(several) == 1 else 'are'}n't Steward's"


def source(questions: Questions, entity_id: str, attribute: str | None) -> Known:
    """Return an entity whose state, or attribute, nodes see as Home Assistant does.

    Raises:
        NotPortableError: they don't.
    """
    if (known := questions.entity(entity_id)) is None:
        refuse(f"asks for {name_all([entity_id])}")
    if known.disabled:
        refuse(f"asks for {entity_id}, which is disabled")
    if known.blocked:
        refuse(f"asks for {entity_id}, and {known.node_name} is blocked")
    if attribute is not None:
        match known.info:
            case LightInfo(brightness=True) if attribute == "brightness":
                return known
            case EventInfo() if attribute not in _HUB_ONLY:
                return known
        refuse(f"asks for the attribute {attribute} of {entity_id}, which only the hub knows")
    match known.info:
        case EventInfo():
            refuse(
                f"asks for the state of {entity_id}, which changes without an event as well (use the trigger event.received)"
            )
        case SensorInfo(device_class="timestamp"):
            refuse(f"asks for {entity_id}, whose state is a point in time")
        case info if info.platform is Platform.BUTTON:
            refuse(f"asks for the state of {entity_id}, a button")
    return known


def number(questions: Questions, entity_id: str, attribute: str | None) -> Known:
    """Return an entity whose number, in its state or an attribute, nodes see as Home Assistant does.

    Raises:
        NotPortableError: they don't.
    """
    known = source(questions, entity_id, attribute)
    if attribute is None and known.info.platform not in (Platform.NUMBER, Platform.SENSOR):
        refuse(f"asks for a number of {entity_id}, which has none")
    if attribute is None and known.converted:
        refuse(f"asks for {entity_id}, which is shown in another unit than its node's")
    return known


def compare_text(known: Known, entity_id: str, attribute: str | None, values: Iterable[Json]) -> None:
    """Refuse to compare the text of a number: Home Assistant may write it otherwise.

    Raises:
        NotPortableError: that is asked for.
    """
    numeric = isinstance(known.info, NumberInfo) or (isinstance(known.info, SensorInfo) and known.info.numeric)
    if attribute is None and numeric and not _WORDS.issuperset(values):
        refuse(f"compares the number of {entity_id} as a text")
