"""The house that every subject of the hub's benchmark is given: 100 rooms with 50 sensors each, and what they tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ROOMS: Final = 100
SENSORS: Final = 50
STATE_CLASS: Final = "measurement"
QUANTITIES: Final = (
    ("temperature", "°C"),
    ("humidity", "%"),
    ("atmospheric_pressure", "hPa"),
    ("illuminance", "lx"),
    ("power", "W"),
    ("voltage", "V"),
    ("current", "A"),
    ("carbon_dioxide", "ppm"),
    ("battery", "%"),
    ("signal_strength", "dBm"),
)
"""Device classes and units, which the sensors of a room have in turn."""


class Subject(StrEnum):
    """What is measured: how the rooms come into Home Assistant."""

    DISCOVERY = "discovery"
    """Home Assistant's own MQTT discovery, one message per device, one topic per state; unavailable with their room."""
    DISCOVERY_BARE = "discovery_bare"
    """The same without availability, which is less than Steward does."""
    TOPICS = "topics"
    """Steward's area entries, one topic per state."""
    BATCHES = "batches"
    """Steward's area entries, all states of a room in one message."""


PEERS: Final = frozenset({Subject.DISCOVERY, Subject.DISCOVERY_BARE})


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of a room, counted from 0 over the whole house."""

    index: int

    @property
    def room(self) -> str:
        """The room's id."""
        return room_id(self.index // SENSORS)

    @property
    def key(self) -> str:
        """What names it within its room."""
        return f"sensor_{self.index % SENSORS:02}"

    @property
    def unique_id(self) -> str:
        """What names its entity in Home Assistant's registry."""
        return f"{self.room}/sensor/{self.key}"

    @property
    def device_class(self) -> str:
        """What it measures."""
        return QUANTITIES[self.index % len(QUANTITIES)][0]

    @property
    def unit(self) -> str:
        """The unit that it measures in."""
        return QUANTITIES[self.index % len(QUANTITIES)][1]

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.device_class.replace('_', ' ').capitalize()} {self.index % SENSORS // len(QUANTITIES) + 1}"

    def value(self, turn: int) -> float:
        """Return what it tells in a turn: in each another value than in the turn before."""
        return (200 + self.index % 50 + turn) / 10


def room_id(number: int) -> str:
    """Return the id of a room, counted from 0."""
    return f"room-{number:03}"


def room_name(number: int) -> str:
    """Return what people call a room."""
    return f"Room {number}"


def instance(number: int) -> str:
    """Return the ULID of a room's installation."""
    return f"{number:026}"


def sensors(number: int) -> list[Sensor]:
    """Return the sensors of a room."""
    return [Sensor(number * SENSORS + position) for position in range(SENSORS)]


def all_sensors() -> Iterator[Sensor]:
    """Give every sensor, neighbours in different rooms, so that updates are spread over the house."""
    for position in range(SENSORS):
        for number in range(ROOMS):
            yield Sensor(number * SENSORS + position)
