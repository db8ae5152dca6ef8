"""What other nodes tell of the entities that this node's rules ask for."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from ..protocol.entity import Platform
from ..protocol.hub import Ack
from ..protocol.node import Event, Leaf, Status, decode_states, state_topic, topic
from ..protocol.rules import split_path
from ..protocol.seen import GONE, Seen, see, see_payload
from .clock import Clock
from .outbox import EVENT_LIFE

_LIFE: Final = timedelta(seconds=EVENT_LIFE)

type Hear = Callable[[bytes, bool], None]
"""Takes a message's payload, and whether it was retained; may raise `ContractError`."""


class Listener(Protocol):
    """Whom to tell."""

    def see(self, entity: str, seen: Seen) -> None:
        """Take an entity's state."""

    def happen(self, entity: str, event: Event) -> None:
        """Take an event."""

    def ack(self, ack: Ack) -> None:
        """Take what the hub says that it did for a cause."""


class Others:
    """The other nodes. Nothing is known of an entity while its node isn't online, as in Home Assistant."""

    def __init__(self, listener: Listener, clock: Clock) -> None:
        """Know none yet."""
        self._listener = listener
        self._clock = clock
        self._wanted: dict[str, set[str]] = {}
        self._online: dict[str, bool] = {}
        self._states: dict[str, Seen] = {}

    def follow(self, entities: Iterable[str]) -> dict[str, tuple[int, Hear]]:
        """Take which entities are asked for from now on; return the topics with what to do with their messages, and their QoS."""
        routes: dict[str, tuple[int, Hear]] = {}
        self._wanted = {}
        for entity in sorted(entities):
            node, platform, key = split_path(entity)
            self._wanted.setdefault(node, set()).add(entity)
            where = state_topic(node, platform, key)
            if platform is Platform.EVENT:
                # A clean session gets nothing more with QoS 1, but it costs a receipt for each event.
                routes[where] = 0, partial(self._hear_event, entity)
            else:
                routes[where] = 0, partial(self._hear_state, node, entity, platform)
        for node in self._wanted:
            routes[topic(node, Leaf.STATUS)] = 1, partial(self._hear_status, node)
            routes[topic(node, Leaf.STATES)] = 0, partial(self._hear_states, node)
            routes[topic(node, Leaf.ACK)] = 1, self._hear_ack
        wanted = {entity for entities in self._wanted.values() for entity in entities}
        self._states = {entity: seen for entity, seen in self._states.items() if entity in wanted}
        self._online = {node: online for node, online in self._online.items() if node in self._wanted}
        return routes

    def _hear_status(self, node: str, payload: bytes, retained: bool) -> None:  # noqa: ARG002, FBT001
        online = bool(payload) and Status.decode(payload) is Status.ONLINE
        self._online[node] = online
        for entity in sorted(self._wanted.get(node, ())):
            if not online:
                self._listener.see(entity, GONE)
            elif entity in self._states:
                self._listener.see(entity, self._states[entity])

    def _hear_state(self, node: str, entity: str, platform: Platform, payload: bytes, retained: bool) -> None:  # noqa: ARG002, FBT001
        self._take(node, entity, see_payload(platform, payload))

    def _hear_states(self, node: str, payload: bytes, retained: bool) -> None:  # noqa: ARG002, FBT001
        if not payload:
            return
        states = decode_states(payload)
        for entity in sorted(self._wanted.get(node, ())):
            _, platform, key = split_path(entity)
            if (name := f"{platform}/{key}") in states:
                self._take(node, entity, see(platform, states[name]))

    def _take(self, node: str, entity: str, seen: Seen) -> None:
        self._states[entity] = seen
        if self._online.get(node):
            self._listener.see(entity, seen)

    def _hear_event(self, entity: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        if retained:
            return
        event = Event.decode(payload)
        if self._clock.now() - event.at <= _LIFE:
            self._listener.happen(entity, event)

    def _hear_ack(self, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        if not retained:
            self._listener.ack(Ack.decode(payload))
