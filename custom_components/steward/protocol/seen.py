"""What Home Assistant would show of an entity: the words that rules compare.

The same value gives the same words on every node and on the hub, whether it came alone, with others or from within.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from .entity import NumberInfo, Platform
from .fields import ContractError, Json, moment, parse, stamp, utf8

UNAVAILABLE: Final = "unavailable"
UNKNOWN: Final = "unknown"
_ON_OFF: Final = {"ON": "on", "OFF": "off"}
_NOT_KNOWN: Final = frozenset({"", "none", "nan"})
_MAX_BYTES: Final = 4096
_NUMBER: Final = NumberInfo(key="any", name="Any", minimum=0, maximum=1)
"""Reads any number: in which range one lies matters to commands only."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A state and its attributes. Of an event entity: the time of its last event, and `event_type` and what else that told."""

    state: str
    attributes: Mapping[str, Json] = field(default_factory=dict, hash=False)

    @property
    def known(self) -> bool:
        """Whether it says anything."""
        return self.state not in (UNAVAILABLE, UNKNOWN)

    def value(self, attribute: str | None) -> Json:
        """Return the state, or one attribute."""
        return self.state if attribute is None else self.attributes.get(attribute)

    def number(self, attribute: str | None) -> float | None:
        """Return the number that the state, or one attribute, is, as Home Assistant has it: true is 1; None where it is none."""
        value = self.value(attribute)
        if isinstance(value, list | dict | None):
            return None
        try:
            return float(value)
        except ValueError:
            return None


GONE: Final = Seen(UNAVAILABLE)
"""An entity whose node is away."""


def see(platform: Platform, value: Json) -> Seen:
    """Return what a state is seen as, from the value that it has within a message of all states."""
    match value:
        case None:
            return Seen(UNKNOWN)
        case str() if platform in (Platform.BINARY_SENSOR, Platform.SWITCH):
            return Seen(_ON_OFF.get(value, UNKNOWN))
        case dict():
            return _see_light(value)
        case bool() | list():
            return Seen(UNKNOWN)
        case _:
            return Seen(str(value))


def see_payload(platform: Platform, payload: bytes) -> Seen:
    """Return what a state is seen as, from the payload of its own topic; unknown where it can't be read."""
    try:
        if platform is Platform.LIGHT:
            return see(platform, parse(payload, _MAX_BYTES) if payload else None)
        if platform is Platform.NUMBER:
            return see(platform, _NUMBER.to_json(_NUMBER.decode(payload)))
        text = utf8(payload[:_MAX_BYTES])
    except ContractError:
        return Seen(UNKNOWN)
    return see(platform, None if text.lower() in _NOT_KNOWN else text)


def cause_of(entity: str, seen: Seen, attribute: str | None) -> str:
    """Return the cause that an entity's change to a state, or an attribute's, is.

    However a number or a point in time is written, its cause is one.
    """
    number = seen.number(attribute)
    text = _plain(str(seen.value(attribute))) if number is None else f"{number + 0.0:g}"  # no negative zero
    return f"{entity}{f'.{quote(attribute)}' if attribute else ''}={quote(text, safe='')}"[:128]


def may_come_again(cause: str) -> bool:
    """Whether another change may have the same cause: events and times have ids of their own, a state may be reached again."""
    return "/" in cause


def _see_light(value: dict[str, Json]) -> Seen:
    state = _ON_OFF.get(str(value.get("state")), UNKNOWN)
    if state != "on":
        return Seen(state)
    attributes: dict[str, Json] = {}
    if (brightness := value.get("brightness")) is not None:
        attributes["brightness"] = brightness
    if isinstance(color := value.get("color"), dict):
        attributes["rgb_color"] = [color.get(part) for part in "rgb"]
    return Seen(state, attributes)


def _plain(text: str) -> str:
    try:
        return stamp(moment(text, ""))
    except ContractError:
        return text
