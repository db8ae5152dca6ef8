"""The node contract: topics and messages between the hub and the nodes, version 1.

Both sides read and write every message here. A message is bytes at one end and a frozen dataclass at the other; whatever the bytes
are, reading them returns a valid message or raises `ContractError`, nothing else. Points in time are aware and in UTC.

Topics lie below `steward/<node>/`; the hub's own below `steward/hub/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
import re
from typing import Final, Self

from .entity import KEY, MAX_STATE_BYTES, EntityInfo, EventInfo, Platform, State, read_entity
from .fields import ContractError, Fields, Json, Reason, compact, dump, parse, readable, stamp
from .ulid import PATTERN as ULID

CONTRACT: Final = 1
ROOT: Final = "steward"
HUB: Final = "hub"
NODE: Final = re.compile(r"(?!hub$)[a-z0-9_-]{1,32}")
CAUSE: Final = re.compile(r"[\x21-\x7e]{1,128}")
"""An event's ULID, `rule@scheduled-time`, `rule@state-sequence`, or the ULID of one of Home Assistant's contexts."""

MAX_INFO_BYTES: Final = 512 * 1024
MAX_EVENT_BYTES: Final = 16 * 1024
MAX_STATES_BYTES: Final = 256 * 1024
MAX_ENTITIES: Final = 512
MAX_MODULES: Final = 64


class Status(StrEnum):
    """Whether a node is there; `offline` is also its last will."""

    ONLINE = "online"
    OFFLINE = "offline"

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read a status."""
        try:
            return cls(payload.decode())
        except ValueError:
            raise ContractError(Reason.BAD_VALUE, "status", f"neither online nor offline: {payload[:40]!r}") from None


class Capability(StrEnum):
    """What a node may be able to do beyond ESPHome's MQTT layout. A node may list others, which a newer hub knows."""

    COMMANDS = "commands"
    """Takes commands with a time and a cause, and drops those that have expired."""
    STATES = "states"
    """Sends its states together, on `states`."""
    RULES = "rules"
    """Runs rules, for its own entities and for those of nodes that can't, and keeps a journal."""


class Leaf(StrEnum):
    """The topics of a node that belong to no entity."""

    STATUS = "status"
    INFO = "info"
    STATES = "states"
    ACK = "ack"
    RULES = "rules"
    MODULES = "modules"
    JOURNAL = "journal"


def topic(node: str, leaf: Leaf) -> str:
    """Return one of a node's own topics."""
    return f"{ROOT}/{node}/{leaf}"


def state_topic(node: str, platform: Platform, key: str) -> str:
    """Return the topic of an entity's state; of an event entity's events."""
    return f"{ROOT}/{node}/{platform}/{key}/state"


def command_topic(node: str, platform: Platform, key: str) -> str:
    """Return the topic of an entity's commands."""
    return f"{ROOT}/{node}/{platform}/{key}/command"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a topic of a node leads: to one of its leaves, or to an entity's state or command."""

    node: str
    leaf: Leaf | None = None
    platform: Platform | None = None
    key: str | None = None
    command: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a topic.

        Raises:
            ContractError: it is none of a node's.
        """
        match text.split("/"):
            case [root, node, leaf] if root == ROOT and NODE.fullmatch(node) and leaf in Leaf:
                return cls(node, Leaf(leaf))
            case [root, node, platform, key, "state" | "command" as last] if (
                root == ROOT and NODE.fullmatch(node) and platform in Platform and KEY.fullmatch(key)
            ):
                return cls(node, None, Platform(platform), key, last == "command")
            case _:
                raise ContractError(Reason.BAD_TOPIC, detail=f"no topic of a node: {text!r:.80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleInfo:
    """A module of a node: `problem` says what keeps it from working, None while it works."""

    problem: str | None = None

    @classmethod
    def read(cls, value: Json, where: str) -> Self:
        """Read a module's object of an info."""
        return cls(problem=Fields(value, where).optional_text("problem"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInfo:
    """What a node is, retained: its installation (`instance`), its name, its entities.

    `instance` is a ULID made at random once per installation, so that two nodes with one id show. `house` is the id of the house
    that the node belongs to, None before it belongs to one. `versions` names its programs, such as `{"steward": "0.1.0"}`.
    """

    instance: str
    name: str
    house: str | None = None
    area: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    modules: Mapping[str, ModuleInfo] = field(default_factory=dict)
    entities: tuple[EntityInfo, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two entities of one id."""
        if len({entity.id for entity in self.entities}) != len(self.entities):
            raise ContractError(Reason.DUPLICATE_KEY, "entities", "two entities have one key")

    def encode(self) -> bytes:
        """Write the info.

        Raises:
            ContractError: it is not valid.
        """
        payload = dump(
            compact(
                {
                    "contract": CONTRACT,
                    "instance": self.instance,
                    "house": self.house,
                    "name": self.name,
                    "area": self.area,
                    "manufacturer": self.manufacturer,
                    "model": self.model,
                    "versions": {**self.versions},
                    "capabilities": [*self.capabilities],
                    "modules": {name: compact({"problem": module.problem}) for name, module in self.modules.items()},
                    "entities": [entity.declare() for entity in self.entities],
                },
            ),
        )
        return readable(self, payload, self.decode)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read an info.

        Raises:
            ContractError: it is not valid.
        """
        fields = Fields(parse(payload, MAX_INFO_BYTES))
        if fields.integer("contract", 1, 2**31) > CONTRACT:
            raise ContractError(Reason.NEWER_CONTRACT, "contract", "the node speaks a newer contract than this hub")
        return cls(
            instance=fields.identifier("instance", ULID),
            house=fields.optional_text("house"),
            name=fields.text("name"),
            area=fields.optional_text("area"),
            manufacturer=fields.optional_text("manufacturer"),
            model=fields.optional_text("model"),
            versions=fields.object("versions", 16, KEY, lambda value, where: Fields({"": value}, where).text("")),
            capabilities=fields.texts("capabilities", 64),
            modules=fields.object("modules", MAX_MODULES, KEY, ModuleInfo.read),
            entities=fields.items("entities", MAX_ENTITIES, read_entity),
        )


@dataclass(frozen=True, slots=True)
class Command:
    """An entity's absolute target. `at` and `cause` are None in a plain one, as ESPHome knows it."""

    target: State
    at: datetime | None = None
    cause: str | None = None

    def encode(self, entity: EntityInfo) -> bytes:
        """Write the command; a plain one where it has no time.

        Raises:
            ContractError: the entity can't be told that.
        """
        entity.check_target(self.target)
        if self.at is None:
            payload = entity.encode(self.target)
        else:
            payload = dump({"value": entity.to_json(self.target), "at": stamp(self.at), "cause": self.cause})
        return readable(self, payload, lambda payload: self.decode(payload, entity))

    @classmethod
    def decode(cls, payload: bytes, entity: EntityInfo) -> Self:
        """Read a command to an entity, plain or not.

        Raises:
            ContractError: it is not valid, or the entity can't be told that.
        """
        command = cls._decode(payload, entity)
        entity.check_target(command.target)
        return command

    @classmethod
    def _decode(cls, payload: bytes, entity: EntityInfo) -> Self:
        if payload.startswith(b"{"):
            value = parse(payload, MAX_STATE_BYTES)
            if isinstance(value, dict) and "value" in value:
                fields = Fields(value)
                cause = fields.optional_identifier("cause", CAUSE)
                return cls(entity.from_json(fields.get("value")), fields.moment("at"), cause)
        return cls(entity.decode(payload))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a node: one of its entity's types, a ULID, when, and what else is to be told."""

    event_type: str
    id: str
    at: datetime
    attributes: Mapping[str, Json] = field(default_factory=dict)

    def encode(self, entity: EventInfo) -> bytes:
        """Write the event.

        Raises:
            ContractError: the entity has no such type, or the attributes are no JSON, too large, or called event_type, id or at.
        """
        payload = dump({**self.attributes, "event_type": self.event_type, "id": self.id, "at": stamp(self.at)})
        return readable(self, payload, lambda payload: self.decode(payload, entity))

    @classmethod
    def decode(cls, payload: bytes, entity: EventInfo | None = None) -> Self:
        """Read an event; of an entity, where it is known.

        Raises:
            ContractError: it is not valid, or not one of the entity's types.
        """
        fields = Fields(parse(payload, MAX_EVENT_BYTES))
        event_type = fields.text("event_type")
        if entity is not None and event_type not in entity.event_types:
            raise ContractError(Reason.UNKNOWN_EVENT_TYPE, "event_type", f"not declared: {event_type!r:.40}")
        return cls(
            event_type,
            fields.identifier("id", ULID),
            fields.moment("at"),
            fields.rest("event_type", "id", "at"),
        )


def encode_states(states: Mapping[EntityInfo, State]) -> bytes:
    """Write all states of a node as one message: `{"sensor/cpu_temperature": 48.2, "switch/gesture": "ON", …}`.

    Raises:
        ContractError: an entity can't have its state.
    """
    values = {f"{entity.platform}/{entity.key}": entity.to_json(state) for entity, state in states.items()}
    return readable(values, dump(values), decode_states)


def decode_states(payload: bytes) -> dict[str, Json]:
    """Read all states of a node: from `<platform>/<key>` to what the entity's `from_json` takes.

    Raises:
        ContractError: the message as a whole is not valid.
    """
    value = parse(payload, MAX_STATES_BYTES)
    if not isinstance(value, dict) or len(value) > MAX_ENTITIES:
        raise ContractError(Reason.BAD_VALUE, detail=f"states are an object of at most {MAX_ENTITIES} members")
    return value
