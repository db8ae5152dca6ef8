"""What a meter's config entry says, parsed once: where its telegrams come from, which version they are, how they are opened."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT

from ..protocol.telegrams.versions import Version

CONF_SOURCE: Final = "source"
CONF_DEVICE: Final = "device"
CONF_BAUD: Final = "baud"
CONF_PARITY: Final = "parity"
CONF_TOPIC: Final = "topic"
CONF_VERSION: Final = "version"
CONF_SERIAL: Final = "serial"
CONF_KEY: Final = "encryption_key"
CONF_AUTHENTICATION_KEY: Final = "authentication_key"

CONF_THROTTLE: Final = "throttle"
DEFAULT_THROTTLE: Final = 10
"""How many seconds lie between two states of an entity, at least."""


class SourceKind(StrEnum):
    """Where telegrams come from."""

    SERIAL = "serial"
    TCP = "tcp"
    MQTT = "mqtt"


@dataclass(frozen=True, slots=True)
class Line:
    """A serial line's speed, and whether its bytes have 7 bits and even parity instead of 8 bits and none."""

    baud: int
    parity: bool = False


BAUDS: Final = (115200, 9600)
"""What meters use, the newest first: DSMR 4 and 5 and most others; DSMR 2.2 and 3."""


@dataclass(frozen=True, slots=True)
class Serial:
    """A serial port: a device's path, or a URL that serialx knows."""

    device: str
    line: Line = Line(BAUDS[0])

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.device


@dataclass(frozen=True, slots=True)
class Tcp:
    """A network server that sends what the meter says, such as ser2net or a reader with an ESP."""

    host: str
    port: int

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Mqtt:
    """An MQTT topic that each telegram is published on, as the meter sent it."""

    topic: str

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.topic


type Source = Serial | Tcp | Mqtt


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens encrypted telegrams: 16 bytes each."""

    encryption: bytes
    authentication: bytes


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """What the owner configured, and what was found out then. `serial` is the meter's own number; some have none."""

    source: Source
    version: Version
    serial: str | None = None
    keys: Keys | None = None
    throttle: float = DEFAULT_THROTTLE


def parse_settings(entry: ConfigEntry[Any]) -> MeterSettings:
    """Read an entry that the config flow made."""
    data = entry.data
    key = data.get(CONF_KEY)
    return MeterSettings(
        source=parse_source(data[CONF_SOURCE]),
        version=Version(data[CONF_VERSION]),
        serial=data.get(CONF_SERIAL),
        keys=Keys(bytes.fromhex(key), bytes.fromhex(data[CONF_AUTHENTICATION_KEY])) if key else None,
        throttle=entry.options.get(CONF_THROTTLE, DEFAULT_THROTTLE),
    )


def parse_source(data: dict[str, Any]) -> Source:
    """Read an entry's source."""
    if CONF_TOPIC in data:
        return Mqtt(data[CONF_TOPIC])
    if CONF_HOST in data:
        return Tcp(data[CONF_HOST], data[CONF_PORT])
    return Serial(data[CONF_DEVICE], Line(data[CONF_BAUD], data[CONF_PARITY]))


def source_data(source: Source) -> dict[str, Any]:
    """Return a source as an entry has it."""
    match source:
        case Mqtt():
            return {CONF_TOPIC: source.topic}
        case Tcp():
            return {CONF_HOST: source.host, CONF_PORT: source.port}
        case Serial():
            return {CONF_DEVICE: source.device, CONF_BAUD: source.line.baud, CONF_PARITY: source.line.parity}
