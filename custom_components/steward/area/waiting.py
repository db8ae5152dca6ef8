"""Events of a node that wait until they can be shown.

An event happens once its entity is there and available, and once automations can be started by it: a state that was `unavailable`
before tells automations nothing. One that waits for too long is dropped, and the node is told that it needn't send it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from homeassistant.core import HomeAssistant

from ..dispatch.acks import Acks
from ..protocol.fields import ContractError, Reason
from ..protocol.node import MAX_EVENT_BYTES, Event
from .drops import Drops
from .entity import AreaEntity, unique_id

WAITING_EVENTS: Final = 64
EVENT_LIFE: Final = 10
"""Seconds that an event waits for its entity: what it would start later is not wanted any more."""


@dataclass(frozen=True, slots=True)
class _Happened:
    """An event's message, and the loop's time when it came."""

    topic: str
    payload: bytes
    when: float


class WaitingEvents:
    """What has happened at a node, until it is shown."""

    def __init__(self, hass: HomeAssistant, node: str, acks: Acks, drops: Drops) -> None:
        """Begin without any."""
        self._loop = hass.loop
        self._node = node
        self._acks = acks
        self._drops = drops
        self._events: list[_Happened] = []

    def add(self, name: str, payload: bytes, *, retained: bool) -> None:
        """Take an event's message.

        Raises:
            ContractError: it was retained, is too large, or waits already.
        """
        if retained:
            raise ContractError(Reason.RETAINED, name, "an event is never retained")
        if len(payload) > MAX_EVENT_BYTES:
            raise ContractError(Reason.TOO_LARGE, name)
        if any(waiting.topic == name and waiting.payload == payload for waiting in self._events):
            raise ContractError(Reason.REPEATED, name, "an event came again while it waits")
        if len(self._events) == WAITING_EVENTS:
            # Without an answer: the node sends it again, or does itself what it can.
            self._drops.add(self._events.pop(0).topic, ContractError(Reason.EXPIRED, name, "too many events wait"))
        self._events.append(_Happened(name, payload, self._loop.time()))

    def deliver(self, entities: Mapping[str, AreaEntity[Any]]) -> None:
        """Let the events happen whose entities, by the topic of their state, can show them by now."""
        waiting, self._events = self._events, []
        for happened in waiting:
            try:
                if not self._deliver(happened, entities.get(happened.topic)):
                    self._events.append(happened)
            except ContractError as error:
                self._drops.add(happened.topic, error)
                if error.reason is not Reason.REPEATED:  # that one was answered again
                    self._acks.refuse(self._node, happened.payload)

    def refuse(self, error: ContractError) -> None:
        """Drop all that wait."""
        waiting, self._events = self._events, []
        for happened in waiting:
            self._drops.add(happened.topic, error)
            self._acks.refuse(self._node, happened.payload)

    def _deliver(self, happened: _Happened, entity: AreaEntity[Any] | None) -> bool:
        """Let an event happen, once however often the broker repeats it; return whether its entity was there for it."""
        if self._loop.time() - happened.when > EVENT_LIFE:
            raise ContractError(Reason.EXPIRED, detail="its entity wasn't there in time")
        if entity is None:
            raise ContractError(Reason.UNKNOWN_ENTITY, happened.topic)
        if not entity.added:
            return False
        event = Event.decode(happened.payload, entity.info)
        self._acks.happen(unique_id(self._node, entity.info), event, partial(entity.happen, event))
        return True
