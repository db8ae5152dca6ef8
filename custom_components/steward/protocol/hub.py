"""What the hub and its nodes tell each other so that either can do without the other: acks, documents, journals, signs of life."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
import re
from typing import Final, Self

from .entity import MAX_STATE_BYTES
from .fields import ContractError, Fields, Json, Reason, dump, parse, readable, stamp
from .node import CAUSE, CONTRACT, HUB, MAX_STATES_BYTES, ROOT
from .ulid import PATTERN as ULID

STATUS_TOPIC: Final = f"{ROOT}/{HUB}/status"
HEARTBEAT_TOPIC: Final = f"{ROOT}/{HUB}/heartbeat"
TOPIC: Final = re.compile(r"[^\x00-\x1f\x7f+#]{1,255}")
"""A topic that names one thing: no wildcards."""

MAX_DOCUMENT_BYTES: Final = 256 * 1024
MAX_JOURNAL: Final = 256


@dataclass(frozen=True, slots=True)
class Ack:
    """The hub's answer to a cause: the automations that it started, and those that declined."""

    id: str
    started: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()

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
        return cls(fields.identifier("id", CAUSE), fields.texts("started", 1024), fields.texts("declined", 1024))


@dataclass(frozen=True, slots=True)
class Document:
    """What the hub keeps for a node on `rules` and `modules`, retained: a version that grows, and the items."""

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
    """A part of a node's journal, oldest first; `dropped` counts the entries before it that there was no room for."""

    entries: tuple[JournalEntry, ...]
    dropped: int = 0

    def encode(self) -> bytes:
        """Write the journal.

        Raises:
            ContractError: it is not valid.
        """
        entries: list[Json] = [{**entry.data, "at": stamp(entry.at), "kind": entry.kind} for entry in self.entries]
        return readable(self, dump({"dropped": self.dropped, "entries": entries}), self.decode)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read a journal.

        Raises:
            ContractError: it is not valid.
        """
        fields = Fields(parse(payload, MAX_STATES_BYTES))
        return cls(fields.items("entries", MAX_JOURNAL, JournalEntry.read), fields.integer("dropped", 0, 2**53))


@dataclass(frozen=True, slots=True)
class HubStatus:
    """Which house and which run of its Home Assistant is there, retained; nodes watch `will_topic` for its end."""

    house: str
    session: str
    will_topic: str
    online: bool = True

    def encode(self) -> bytes:
        """Write the status.

        Raises:
            ContractError: it is not valid.
        """
        payload = dump(
            {"house": self.house, "session": self.session, "will_topic": self.will_topic, "online": self.online},
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
            fields.identifier("will_topic", TOPIC),
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
