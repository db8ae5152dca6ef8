"""What the hub and its nodes tell each other so that either can do without the other: acks, documents, journals, signs of life."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
import re
from typing import Final, Self

from .entity import MAX_STATE_BYTES
from .fields import ContractError, Fields, Json, Reason, compact, dump, parse, readable, stamp
from .node import CAUSE, CONTRACT, HUB, MAX_STATES_BYTES, ROOT
from .ulid import PATTERN as ULID

STATUS_TOPIC: Final = f"{ROOT}/{HUB}/status"
HEARTBEAT_TOPIC: Final = f"{ROOT}/{HUB}/heartbeat"
_NONCHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    f"{chr(end - 1)}{chr(end)}" for end in range(0xFFFF, 0x110000, 0x10000)
)
TOPIC: Final = re.compile(rf"[^\x00-\x1f\x7f-\x9f{_NONCHARACTERS}+#]{{1,255}}")
"""A topic that names one thing: no wildcards, and nothing for which brokers throw out who asks for it (MQTT 3.1.1, 1.5.3)."""

MAX_DOCUMENT_BYTES: Final = 256 * 1024
MAX_JOURNAL: Final = 256
MAX_AUTOMATIONS: Final = 1024
"""How many automations an ack says at most that they started, and as many that they declined."""


@dataclass(frozen=True, slots=True)
class Ack:
    """The hub's answer to a cause: the automations that it started, and those that declined.

    There may be several answers to one cause: an automation that restarts tells of it late. A journal is answered by its id.
    """

    id: str
    started: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()

    def parts(self) -> Iterator[Self]:
        """Yield acks that together say the same, none with more automations than one may name."""
        for begin in range(0, max(len(self.started), len(self.declined), 1), MAX_AUTOMATIONS):
            some = slice(begin, begin + MAX_AUTOMATIONS)
            yield replace(self, started=self.started[some], declined=self.declined[some])

    def encode(self) -> bytes:
        """Write the ack.

        Raises:
            ContractError: it is not valid.
        """
        payload = dump({"id": self.id, "started": [*self.started], "declined": [*self.declined]})
        return readable(self, payload, self.decode)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read an ack.

        Raises:
            ContractError: it is not valid.
        """
        fields = Fields(parse(payload, MAX_DOCUMENT_BYTES))
        return cls(
            fields.identifier("id", CAUSE),
            fields.texts("started", MAX_AUTOMATIONS),
            fields.texts("declined", MAX_AUTOMATIONS),
        )


@dataclass(frozen=True, slots=True)
class Document:
    """What the hub keeps for a node on `modules`, retained: a version that grows, and the items."""

    version: int
    items: tuple[Json, ...] = ()

    def encode(self) -> bytes:
        """Write the document.

        Raises:
            ContractError: it is not valid.
        """
        payload = dump({"contract": CONTRACT, "version": self.version, "items": [*self.items]})
        return readable(self, payload, self.decode)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read a document.

        Raises:
            ContractError: it is not valid, or of a newer contract.
        """
        fields = Fields(parse(payload, MAX_DOCUMENT_BYTES))
        if fields.integer("contract", 1, 2**31) > CONTRACT:
            raise ContractError(Reason.NEWER_CONTRACT, "contract", "the hub speaks a newer contract than this node")
        return cls(fields.integer("version", 0, 2**53), fields.items("items", 1024, lambda value, _: value))


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One thing that a node did or kept while the hub was away: when, what kind of thing, and what else is to be told."""

    at: datetime
    kind: str
    data: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def read(cls, value: Json, where: str) -> Self:
        """Read one entry of a journal."""
        fields = Fields(value, where)
        return cls(fields.moment("at"), fields.text("kind", 64), fields.rest("at", "kind"))


@dataclass(frozen=True, slots=True)
class Journal:
    """A part of a node's journal, oldest first, with a ULID; `dropped` counts the entries before it that there was no room for.

    The node sends it again, with the same id, until the hub has answered it.
    """

    id: str
    entries: tuple[JournalEntry, ...]
    dropped: int = 0

    def encode(self) -> bytes:
        """Write the journal.

        Raises:
            ContractError: it is not valid.
        """
        entries: list[Json] = [{**entry.data, "at": stamp(entry.at), "kind": entry.kind} for entry in self.entries]
        return readable(self, dump({"id": self.id, "dropped": self.dropped, "entries": entries}), self.decode)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read a journal.

        Raises:
            ContractError: it is not valid.
        """
        fields = Fields(parse(payload, MAX_STATES_BYTES))
        return cls(
            fields.identifier("id", ULID),
            fields.items("entries", MAX_JOURNAL, JournalEntry.read),
            fields.integer("dropped", 0, 2**53),
        )


@dataclass(frozen=True, slots=True)
class HubStatus:
    """Which house and which run of its Home Assistant is there, retained.

    Nodes watch the will of Home Assistant's MQTT client for its end, where it has one: `will_payload` on `will_topic`.
    """

    house: str
    session: str
    will_topic: str | None = None
    will_payload: str | None = None
    online: bool = True

    def encode(self) -> bytes:
        """Write the status.

        Raises:
            ContractError: it is not valid.
        """
        payload = dump(
            compact(
                {
                    "house": self.house,
                    "session": self.session,
                    "will_topic": self.will_topic,
                    "will_payload": self.will_payload,
                    "online": self.online,
                }
            )
        )
        return readable(self, payload, self.decode)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read the status.

        Raises:
            ContractError: it is not valid.
        """
        fields = Fields(parse(payload, MAX_STATE_BYTES))
        return cls(
            fields.text("house"),
            fields.identifier("session", ULID),
            fields.optional_identifier("will_topic", TOPIC),
            fields.optional_text("will_payload"),
            fields.flag("online", default=True),
        )


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The hub's sign of life, every second: which run it is and the time that it has."""

    session: str
    at: datetime

    def encode(self) -> bytes:
        """Write the heartbeat.

        Raises:
            ContractError: it is not valid.
        """
        return readable(self, dump({"session": self.session, "at": stamp(self.at)}), self.decode)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read a heartbeat.

        Raises:
            ContractError: it is not valid.
        """
        fields = Fields(parse(payload, MAX_STATE_BYTES))
        return cls(fields.identifier("session", ULID), fields.moment("at"))
