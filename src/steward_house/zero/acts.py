"""Does what the rules say: tells this node's modules, or the nodes that can't run rules themselves, and writes it down."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from ..protocol.entity import MAX_STATE_BYTES, Platform
from ..protocol.fields import MAX_DEPTH, ContractError, Json, Reason, check, dump, parse, utf8
from ..protocol.node import CAUSE, command_topic
from ..protocol.rules import split_path
from ..protocol.shadow import Act
from .clock import Clock
from .commands import Commands
from .journal import Journal
from .module import COMMAND_LIFE, Received, Tell
from .node import Node
from .outbox import Confirmed

_MOST: Final = 1000
_MAX_NESTING: Final = 8
"""How deep a value may nest: what is written down of it nests deeper than a rule."""

type Post = Callable[[str, bytes], Confirmed]
"""Sends a payload on a topic, once, with QoS 1 and without waiting for anything; it is lost if the connection is."""


class Acts:
    """What the node does by itself. `post` is None while there is no connection; `faults` says of entities why they can't be told."""

    def __init__(self, node: Node, commands: Commands, tell: Tell, journal: Journal, clock: Clock) -> None:
        """Act for `node`: hand commands to its modules by `tell`."""
        self.post: Post | None = None
        self.faults: dict[str, str] = {}
        self.dropped = 0
        self._node = node
        self._commands = commands
        self._tell = tell
        self._journal = journal
        self._clock = clock
        self._echoes: Counter[tuple[str, bytes]] = Counter()

    def do(self, act: Act, event_type: str | None) -> None:
        """Do it, if it can be done; `event_type` is that of the event that started it."""
        try:
            check(act.value, "", MAX_DEPTH - _MAX_NESTING)
            if self._do(act):
                self._write_down(act, event_type)
        except ContractError as error:
            self.dropped += 1
            self.faults[act.entity] = f"{act.firing.rule.name} can't tell {act.entity}: {error}"
        else:
            self.faults.pop(act.entity, None)

    def disconnect(self) -> None:
        """Have no connection any more: what was sent on it may not have arrived."""
        self.post = None
        self._echoes.clear()

    def is_echo(self, entity: str, payload: bytes) -> bool:
        """Whether a command to another node's entity is this node's own, as it comes back from the broker."""
        left = self._echoes.pop((entity, payload), 0)
        if left > 1:
            self._echoes[entity, payload] = left - 1
        return left > 0

    def _do(self, act: Act) -> bool:
        node, platform, key = split_path(act.entity)
        if node != self._node.id:
            return self._send(act, command_topic(node, platform, key))
        entity = self._node.entity((platform, key))
        if entity is None:
            raise ContractError(Reason.UNKNOWN_ENTITY, detail="there is no such entity")
        target = entity.from_json(act.value)
        entity.check_target(target)
        self._commands.acted(entity.id, self._clock.at(act.due))
        return self._tell(Received(entity, target, asyncio.get_running_loop().time() + COMMAND_LIFE))

    def _send(self, act: Act, topic: str) -> bool:
        if act.value is None or isinstance(act.value, bool | list):
            raise ContractError(Reason.BAD_VALUE, detail="no plain command")
        payload = dump(act.value) if isinstance(act.value, dict) else str(act.value).encode()
        if self.post is None:
            return False
        if len(self._echoes) > _MOST:
            self._echoes.clear()  # a broker that lets nobody listen
        self._echoes[act.entity, payload] += 1
        self.post(topic, payload)
        return True

    def _write_down(self, act: Act, event_type: str | None) -> None:
        data: dict[str, Json] = {
            "rule": act.firing.rule.id,
            "name": act.firing.rule.name,
            "cause": act.firing.cause,
            "entity": act.entity,
            "value": act.value,
            "trigger": act.firing.entity,
            "away": act.away,
        }
        if event_type is not None:
            data["event_type"] = event_type
        self._journal.add("acted", data)


def read_plain(platform: Platform, payload: bytes) -> tuple[Json, str | None]:
    """Return what a command to another node's entity tells it to be, as rules have it, and its cause.

    Raises:
        ContractError: it is none.
    """
    if payload.startswith(b"{"):
        value = parse(payload, MAX_STATE_BYTES)
        if isinstance(value, dict) and "value" in value:
            cause = value.get("cause")
            return value["value"], cause if isinstance(cause, str) and CAUSE.fullmatch(cause) else None
        return value, None
    text = utf8(payload[:MAX_STATE_BYTES])
    if platform is not Platform.NUMBER:
        return text, None
    try:
        return float(text), None
    except ValueError:
        raise ContractError(Reason.BAD_VALUE, detail="not a number") from None
