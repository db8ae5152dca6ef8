"""What nodes did while Home Assistant was away, or too slow: it goes to the logbook, and isn't done again.

A node sends each part of its journal until it is answered. A command that it has given already for the same event or time is not given
again.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
import json
from typing import Any, Final, Self

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, ATTR_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..protocol.fields import ContractError, Fields, Json, Reason
from ..protocol.hub import Ack, Journal, JournalEntry
from ..protocol.node import CAUSE, Capability
from ..protocol.rules import RULE, split_path
from ..protocol.seen import may_come_again
from .acks import Acks
from .hub import Hub
from .port import NodePort

EVENT_ACTED: Final = "steward_acted"
EVENT_LOST: Final = "steward_lost"

REMEMBERED_JOURNALS: Final = 4096
REMEMBERED_ACTS: Final = 16_384

type _Act = tuple[str, str, str]
"""A cause, an entity's path, and the value that it was told, as JSON."""


@dataclass(frozen=True, slots=True)
class Acted:
    """What a node says that it told an entity (a path), in place of an automation (`rule`), for a cause.

    `trigger` is the path of the entity that it was about, with `event_type` if that was an event. `away`: Home Assistant was; it was
    too slow otherwise.
    """

    rule: str
    name: str
    cause: str
    entity: str
    value: Json
    trigger: str | None
    event_type: str | None
    away: bool

    @classmethod
    def read(cls, data: Mapping[str, Json]) -> Self:
        """Read what a journal's entry of this kind tells.

        Raises:
            ContractError: it is none.
        """
        fields = Fields({**data})
        trigger = fields.optional_text("trigger")
        return cls(
            rule=fields.identifier("rule", RULE),
            name=fields.text("name"),
            cause=fields.identifier("cause", CAUSE),
            entity=_path(fields.text("entity"), "entity"),
            value=fields.need("value"),
            trigger=None if trigger is None else _path(trigger, "trigger"),
            event_type=fields.optional_text("event_type"),
            away=fields.flag("away", default=True),
        )


class Journals:
    """The journals of all nodes."""

    def __init__(self, hass: HomeAssistant, hub: Hub, acks: Acks, nodes: Mapping[str, NodePort]) -> None:
        """Begin without any."""
        self._hass = hass
        self._hub = hub
        self._acks = acks
        self._nodes = nodes
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._acts: OrderedDict[_Act, None] = OrderedDict()
        self.counts: Counter[str] = Counter()

    @callback
    def receive(self, node: NodePort, payload: bytes, drop: Callable[[ContractError], None]) -> None:
        """Take a part of a node's journal and answer it; `drop` is called for each entry that is not valid.

        Raises:
            ContractError: it is none.
        """
        if not self._hub.taking:
            return
        journal = Journal.decode(payload)
        self._acks.answer(node.id, Ack(journal.id))
        if (node.id, journal.id) in self._known:
            self.counts["repeated"] += 1
            return
        _remember(self._known, (node.id, journal.id), REMEMBERED_JOURNALS)
        self.counts["journals"] += 1
        if journal.dropped:
            self._lost(node, journal.dropped, "acts", dt_util.utcnow())
        for entry in journal.entries:
            try:
                self._take(node, entry)
            except ContractError as error:
                drop(error)

    @callback
    def done(self, cause: str | None, entity: str, value: Json) -> bool:
        """Tell whether a node has done already what is about to be told; it is counted."""
        done = cause is not None and _act(cause, entity, value) in self._acts
        if done:
            self.counts["commands_dropped"] += 1
        return done

    def as_dict(self) -> dict[str, Any]:
        """Return what diagnostics show."""
        return dict(self.counts)

    def _take(self, node: NodePort, entry: JournalEntry) -> None:
        match entry.kind:
            case "acted":
                self._acted(node, Acted.read(entry.data), entry.at)
            case "lost":
                self._lost(node, Fields({**entry.data}).integer("count", 0, 2**53), "events", entry.at)
            case _:
                raise ContractError(Reason.BAD_VALUE, "kind", f"unknown: {entry.kind!r:.40}")

    def _acted(self, node: NodePort, acted: Acted, at: datetime) -> None:
        owner = split_path(acted.entity)[0]
        if owner != node.id and (other := self._nodes.get(owner)) and _runs_rules(other):
            raise ContractError(Reason.BAD_VALUE, "entity", f"{acted.entity} is none that this node tells what to be")
        self.counts["acted"] += 1
        if not may_come_again(acted.cause):  # else only the node can tell a late command from a new one
            _remember(self._acts, _act(acted.cause, acted.entity, acted.value), REMEMBERED_ACTS)
        self._fire(
            EVENT_ACTED,
            node,
            at,
            {
                ATTR_ENTITY_ID: self._entity_id(acted.entity),
                "target": self._name(acted.entity, node),
                "value": acted.value,
                "rule": acted.rule,
                "rule_name": acted.name,
                "cause": acted.cause,
                "trigger_entity_id": self._entity_id(acted.trigger) if acted.trigger else None,
                "trigger": self._name(acted.trigger, node) if acted.trigger else None,
                "event_type": acted.event_type,
                "away": acted.away,
            },
        )

    def _lost(self, node: NodePort, count: int, what: str, at: datetime) -> None:
        self.counts["lost"] += count
        self._fire(EVENT_LOST, node, at, {"count": count, "what": what})

    def _fire(self, event: str, node: NodePort, at: datetime, data: dict[str, Any]) -> None:
        """Let Home Assistant know, in words that its logbook makes sentences of."""
        common = {
            ATTR_DEVICE_ID: node.device_id,
            "node": node.id,
            ATTR_NAME: node.name,
            "at": at.isoformat(),
            "told": dt_util.utcnow().isoformat(),
        }
        self._hass.bus.async_fire(event, common | data)

    def _entity_id(self, path: str) -> str | None:
        return er.async_get(self._hass).async_get_entity_id(split_path(path)[1], DOMAIN, path)

    def _name(self, path: str, node: NodePort) -> str:
        """Return what people call an entity: of the node itself without the node's name."""
        owner, _, key = split_path(path)
        entity_id = self._entity_id(path)
        entry = er.async_get(self._hass).async_get(entity_id) if entity_id else None
        if entry and owner == node.id and (name := entry.name or entry.original_name):
            return name
        if entity_id and (state := self._hass.states.get(entity_id)):
            return state.name
        return key.replace("_", " ")


def _act(cause: str, entity: str, value: Json) -> _Act:
    return cause, entity, json.dumps(value, sort_keys=True)


def _remember[T](memory: OrderedDict[T, None], item: T, most: int) -> None:
    memory[item] = None
    if len(memory) > most:
        memory.popitem(last=False)


def _path(text: str, where: str) -> str:
    """Read an entity's path."""
    try:
        split_path(text)
    except ValueError:
        raise ContractError(Reason.BAD_KEY, where, f"no entity's path: {text!r:.40}") from None
    return text


def _runs_rules(node: NodePort) -> bool:
    return node.info is not None and Capability.RULES in node.info.capabilities
