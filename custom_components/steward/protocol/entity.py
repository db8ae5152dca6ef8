"""What a node's entities are, and the payloads of their states and commands.

States and plain commands use ESPHome's own MQTT layout (esphome.io/components/mqtt). Each kind of entity turns a payload of its own
topic (`decode`, `encode`) or a value within a JSON message (`from_json`, `to_json`) into a typed value and back. A state that is
not known is `None` inside, the text `None` on its own topic, and `null` in JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import isfinite
import re
from typing import ClassVar, Final, TypedDict, override

from .fields import (
    MAX_INTEGER,
    MAX_TEXT,
    ContractError,
    Fields,
    Json,
    Reason,
    check,
    compact,
    dump,
    moment,
    parse,
    shown,
    utf8,
)

KEY: Final = re.compile(r"[a-z0-9_-]{1,64}")
ICON: Final = re.compile(r"mdi:[a-z0-9-]{1,64}")
WORD: Final = re.compile(r"[a-z0-9_]{1,64}")
MAX_STATE_BYTES: Final = 4096
MAX_CHOICES: Final = 64
PRESS: Final = "PRESS"


class Platform(StrEnum):
    """The kinds of entities that a node can have."""

    BINARY_SENSOR = "binary_sensor"
    BUTTON = "button"
    EVENT = "event"
    LIGHT = "light"
    NUMBER = "number"
    SENSOR = "sensor"
    SWITCH = "switch"


class Category(StrEnum):
    """What an entity is for, if not for its device's main purpose."""

    CONFIG = "config"
    DIAGNOSTIC = "diagnostic"


class NumberMode(StrEnum):
    """How a number is set in the user interface."""

    AUTO = "auto"
    BOX = "box"
    SLIDER = "slider"


@dataclass(frozen=True, slots=True)
class LightState:
    """A light's state, or the target of a command to it: brightness and colour from 0 to 255, None where not told."""

    on: bool
    brightness: int | None = None
    rgb: tuple[int, int, int] | None = None


type State = bool | int | float | str | datetime | LightState | None
"""A state or a command's target. Which of them it is depends on the entity: on or off is a bool, a point in time a datetime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityInfo:
    """One entity, as its node's info declares it.

    `name` is English; a `translation_key` that the integration knows wins over it (`placeholders` are filled in). Device class, unit
    and state class are Home Assistant's words, which the contract does not judge. `module` names the module that it belongs to.
    """

    platform: ClassVar[Platform]
    commandable: ClassVar[bool] = False

    key: str
    name: str
    translation_key: str | None = None
    placeholders: Mapping[str, str] = field(default_factory=dict, hash=False)
    device_class: str | None = None
    category: Category | None = None
    icon: str | None = None
    enabled: bool = True
    module: str | None = None

    @property
    def id(self) -> tuple[Platform, str]:
        """What names this entity within its node."""
        return self.platform, self.key

    def declare(self) -> dict[str, Json]:
        """Return the entity's object in the info."""
        return compact(
            {
                "platform": self.platform.value,
                "key": self.key,
                "name": self.name,
                "translation_key": self.translation_key,
                "placeholders": {**self.placeholders},
                "device_class": self.device_class,
                "category": self.category,
                "icon": self.icon,
                "enabled": None if self.enabled else False,
                "module": self.module,
                **self._declare_more(),
            },
        )

    def decode(self, payload: bytes) -> State:
        """Return the state, or the target, that a payload of the entity's own topic tells.

        Raises:
            ContractError: it tells none that this entity can have.
        """
        return self.from_json(self._read(_text(payload)))

    def encode(self, state: State) -> bytes:
        """Return the payload of the entity's own topic.

        Raises:
            ContractError: this entity can't have such a state.
        """
        value = self.to_json(state)
        if isinstance(value, dict):
            return dump(value)
        text = str(value)
        if value is not None and text.lower() in _UNKNOWN:
            raise ContractError(Reason.BAD_VALUE, self.key, f"{text!r} would be read as 'not known'")
        return text.encode()

    def from_json(self, value: Json) -> State:
        """Return the state, or the target, that a value within a JSON message tells.

        Raises:
            ContractError: it tells none that this entity can have.
        """
        raise ContractError(Reason.BAD_VALUE, self.key, f"a {self.platform} has no state; got {shown(value)}")

    def to_json(self, state: State) -> Json:
        """Return the value within a JSON message.

        Raises:
            ContractError: this entity can't have such a state.
        """
        raise ContractError(Reason.BAD_VALUE, self.key, f"a {self.platform} has no state; got {shown(state)}")

    def check_target(self, target: State) -> None:
        """Tell whether a state may be commanded.

        Raises:
            ContractError: it may not.
        """
        if not self.commandable or target is None:
            raise ContractError(Reason.BAD_VALUE, self.key, f"a {self.platform} can't be told to be {shown(target)}")

    def _read(self, text: str | None) -> Json:
        """Return the text of an own topic as the JSON value that it stands for."""
        return text

    def _declare_more(self) -> dict[str, Json]:
        """Return the members that only this platform has."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorInfo(EntityInfo):
    """A sensor: of a point in time (device class timestamp), of a number (a unit, state class or precision), or of a text."""

    platform = Platform.SENSOR

    unit: str | None = None
    state_class: str | None = None
    precision: int | None = None
    options: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether its states are numbers."""
        return self.device_class != "timestamp" and (
            self.unit is not None or self.state_class is not None or self.precision is not None
        )

    @override
    def from_json(self, value: Json) -> State:
        match value:
            case None:
                return None
            case bool():
                pass
            case int() | float() if self.numeric:
                return value
            case str() if self.device_class == "timestamp":
                return moment(value, self.key)
            case str() if (
                not self.numeric and 0 < len(value) <= MAX_TEXT and (not self.options or value in self.options)
            ):
                return value
            case _:
                pass
        raise self._not_mine(value)

    @override
    def to_json(self, state: State) -> Json:
        if isinstance(state, datetime):
            if self.device_class != "timestamp":
                raise self._not_mine(state)
            text = state.isoformat()
            moment(text, self.key)
            return text
        if isinstance(state, LightState) or (isinstance(state, str) and self.device_class == "timestamp"):
            raise self._not_mine(state)
        self.from_json(check(state, self.key))
        return state

    @override
    def _read(self, text: str | None) -> Json:
        return _number(text) if self.numeric else text

    def _not_mine(self, value: object) -> ContractError:
        hint = ""
        if isinstance(value, int | float) and not self.numeric:
            hint = "; a sensor of numbers has a unit, a state class or a precision"
        return ContractError(Reason.BAD_VALUE, self.key, f"no state of this sensor: {shown(value)}{hint}")

    @override
    def _declare_more(self) -> dict[str, Json]:
        return {
            "unit": self.unit,
            "state_class": self.state_class,
            "precision": self.precision,
            "options": list(self.options),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnOffInfo(EntityInfo):
    """What is on or off."""

    @override
    def from_json(self, value: Json) -> State:
        match value:
            case None:
                return None
            case "ON":
                return True
            case "OFF":
                return False
            case _:
                raise ContractError(Reason.BAD_VALUE, self.key, f"neither ON nor OFF: {shown(value)}")

    @override
    def to_json(self, state: State) -> Json:
        match state:
            case None:
                return None
            case bool():
                return "ON" if state else "OFF"
            case _:
                raise ContractError(Reason.BAD_VALUE, self.key, f"neither on nor off: {shown(state)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BinarySensorInfo(_OnOffInfo):
    """Something observed that is on or off."""

    platform = Platform.BINARY_SENSOR


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchInfo(_OnOffInfo):
    """Something that is switched on or off."""

    platform = Platform.SWITCH
    commandable = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberInfo(EntityInfo):
    """A number that can be set, from `minimum` to `maximum` in steps of `step`."""

    platform = Platform.NUMBER
    commandable = True

    minimum: float
    maximum: float
    step: float = 1
    mode: NumberMode = NumberMode.AUTO
    unit: str | None = None

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        if not (self.minimum < self.maximum and self.step > 0):
            raise ContractError(Reason.BAD_VALUE, self.key, "needs minimum < maximum and step > 0")

    @override
    def from_json(self, value: Json) -> State:
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise ContractError(Reason.BAD_VALUE, self.key, f"no number: {shown(value)}")

    @override
    def to_json(self, state: State) -> Json:
        if isinstance(state, datetime | LightState):
            raise ContractError(Reason.BAD_VALUE, self.key, f"no number: {shown(state)}")
        self.from_json(check(state, self.key))
        return state

    @override
    def check_target(self, target: State) -> None:
        if not isinstance(target, int | float) or not self.minimum <= target <= self.maximum:
            raise ContractError(Reason.BAD_VALUE, self.key, f"must lie between {self.minimum} and {self.maximum}")

    @override
    def _read(self, text: str | None) -> Json:
        return _number(text)

    @override
    def _declare_more(self) -> dict[str, Json]:
        return {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "step": self.step,
            "mode": self.mode,
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LightInfo(EntityInfo):
    """A light that is on or off, and may have a brightness and a colour."""

    platform = Platform.LIGHT
    commandable = True

    brightness: bool = False
    color: bool = False

    @override
    def from_json(self, value: Json) -> State:
        if value is None:
            return None
        fields = Fields(value, self.key)
        match fields.need("state"):
            case "ON":
                on = True
            case "OFF":
                on = False
            case other:
                raise ContractError(Reason.BAD_VALUE, fields.place("state"), f"neither ON nor OFF: {shown(other)}")
        brightness = rgb = None
        if self.brightness and fields.get("brightness") is not None:
            brightness = fields.integer("brightness", 0, 255)
        if self.color and (color := fields.get("color")) is not None:
            parts = Fields(color, fields.place("color"))
            rgb = parts.integer("r", 0, 255), parts.integer("g", 0, 255), parts.integer("b", 0, 255)
        return LightState(on, brightness, rgb)

    @override
    def to_json(self, state: State) -> Json:
        if state is None:
            return None
        if not isinstance(state, LightState):
            raise ContractError(Reason.BAD_VALUE, self.key, f"no light's state: {shown(state)}")
        value: dict[str, Json] = {"state": "ON" if state.on else "OFF"}
        if state.brightness is not None:
            value["brightness"] = state.brightness
        if state.rgb is not None:
            value["color"] = dict(zip("rgb", state.rgb, strict=False))
        if self.from_json(value) != state:
            raise ContractError(Reason.BAD_VALUE, self.key, "this light has no such brightness or colour")
        return value

    @override
    def _read(self, text: str | None) -> Json:
        return None if text is None else parse(text.encode(), MAX_STATE_BYTES)

    @override
    def _declare_more(self) -> dict[str, Json]:
        return {"brightness": self.brightness or None, "color": self.color or None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonInfo(EntityInfo):
    """Something that is pressed; it has no state."""

    platform = Platform.BUTTON
    commandable = True

    @override
    def from_json(self, value: Json) -> State:
        if value != PRESS:
            raise ContractError(Reason.BAD_VALUE, self.key, f"a button is told {PRESS}, not {shown(value)}")
        return PRESS

    @override
    def to_json(self, state: State) -> Json:
        if state != PRESS:
            raise ContractError(Reason.BAD_VALUE, self.key, f"a button is told {PRESS}, not {shown(state)}")
        return PRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInfo(EntityInfo):
    """Something that happens, in one of several types; it has no state. Its messages are `node.Event`."""

    platform = Platform.EVENT

    event_types: tuple[str, ...]

    @override
    def _declare_more(self) -> dict[str, Json]:
        return {"event_types": list(self.event_types)}


class _Common(TypedDict):
    """What every entity can have."""

    key: str
    name: str
    translation_key: str | None
    placeholders: Mapping[str, str]
    device_class: str | None
    category: Category | None
    icon: str | None
    enabled: bool
    module: str | None


def read_entity(value: Json, where: str = "") -> EntityInfo:
    """Read one entity's object of an info.

    Raises:
        ContractError: it is not valid.
    """
    fields = Fields(value, where)
    name = fields.need("platform")
    if not isinstance(name, str) or name not in Platform:
        raise ContractError(Reason.UNKNOWN_PLATFORM, fields.place("platform"), f"unknown platform {shown(name)}")
    common: _Common = {
        "key": fields.identifier("key", KEY),
        "name": fields.text("name"),
        "translation_key": fields.optional_identifier("translation_key", WORD),
        "placeholders": fields.object("placeholders", 8, WORD, lambda text, place: Fields({"": text}, place).text("")),
        "device_class": fields.optional_identifier("device_class", WORD),
        "category": fields.choice("category", Category),
        "icon": fields.optional_identifier("icon", ICON),
        "enabled": fields.flag("enabled", default=True),
        "module": fields.optional_identifier("module", KEY),
    }
    match Platform(name):
        case Platform.SENSOR:
            return SensorInfo(
                **common,
                unit=fields.optional_text("unit", 32),
                state_class=fields.optional_identifier("state_class", WORD),
                precision=None if fields.get("precision") is None else fields.integer("precision", 0, 16),
                options=fields.texts("options", MAX_CHOICES),
            )
        case Platform.BINARY_SENSOR:
            return BinarySensorInfo(**common)
        case Platform.SWITCH:
            return SwitchInfo(**common)
        case Platform.NUMBER:
            return NumberInfo(
                **common,
                minimum=fields.number("minimum"),
                maximum=fields.number("maximum"),
                step=1 if fields.get("step") is None else fields.number("step"),
                mode=fields.choice("mode", NumberMode) or NumberMode.AUTO,
                unit=fields.optional_text("unit", 32),
            )
        case Platform.LIGHT:
            return LightInfo(
                **common,
                brightness=fields.flag("brightness", default=False),
                color=fields.flag("color", default=False),
            )
        case Platform.BUTTON:
            return ButtonInfo(**common)
        case Platform.EVENT:
            event_types = fields.texts("event_types", MAX_CHOICES)
            if not event_types:
                raise ContractError(Reason.MISSING, fields.place("event_types"), "an event needs types")
            return EventInfo(**common, event_types=event_types)


_UNKNOWN: Final = frozenset({"none", "", "nan"})
"""Texts that stand for 'not known', in lower case: ESPHome's sensors say NaN, and a cleared retained message is empty."""


def _text(payload: bytes) -> str | None:
    """Return a payload's text; None where it stands for 'not known'."""
    if len(payload) > MAX_STATE_BYTES:
        raise ContractError(Reason.TOO_LARGE, detail=f"{len(payload)} bytes, at most {MAX_STATE_BYTES} are allowed")
    text = utf8(payload)
    return None if text.lower() in _UNKNOWN else text


def _number(text: str | None) -> Json:
    """Return the number that a text states; an integer where it is written as one."""
    if text is None:
        return None
    try:
        number = float(text)
        if isfinite(number) and "_" not in text:
            if set(text) & set(".eE") or abs(whole := int(text)) > MAX_INTEGER:
                return number
            return whole
    except ValueError:
        pass
    raise ContractError(Reason.BAD_VALUE, detail=f"no number: {shown(text)}")
