"""Which commands a node carries out: those that are valid, meant for it, fresh and in order."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from ..protocol.entity import EntityInfo, Platform, State
from ..protocol.fields import ContractError, Reason
from ..protocol.node import Address, Command
from .clock import Clock
from .drops import Drops
from .module import COMMAND_LIFE, Received

_LIFE: Final = timedelta(seconds=COMMAND_LIFE)

type EntityId = tuple[Platform, str]


class Commands:
    """Reads the messages on the node's command topics and counts those that it drops."""

    def __init__(
        self,
        entity: Callable[[EntityId], EntityInfo | None],
        clock: Clock,
        permit: Callable[[EntityInfo, State, str | None], bool],
    ) -> None:
        """Look up the node's entities with `entity`; `permit` says of a target and its cause whether it isn't done already."""
        self._entity = entity
        self._clock = clock
        self._permit = permit
        self._drops = Drops("a command")
        self._newest: dict[EntityId, datetime] = {}

    @property
    def dropped(self) -> Counter[Reason]:
        """How many were dropped, and why."""
        return self._drops.count

    def read(self, topic: str, payload: bytes, *, retained: bool) -> Received | None:
        """Return the command that a message tells; None when it is dropped."""
        try:
            return self._read(topic, payload, retained=retained)
        except ContractError as error:
            self._drops.add(topic, error)
            return None

    def acted(self, identity: EntityId, at: datetime) -> None:
        """Take that the node itself told an entity what to be: what is older than `at` comes too late."""
        newest = self._newest.get(identity)
        if newest is None or newest < at or newest > self._clock.now() + _LIFE:
            self._newest[identity] = at

    def _read(self, topic: str, payload: bytes, *, retained: bool) -> Received:
        address = Address.parse(topic)
        if retained:
            # What somebody wanted once, nobody knows when.
            raise ContractError(Reason.RETAINED, detail="retained commands are ignored")
        if not address.command or address.platform is None or address.key is None:
            raise ContractError(Reason.BAD_TOPIC, detail="no topic of commands")
        entity = self._entity((address.platform, address.key))
        if entity is None:
            raise ContractError(Reason.UNKNOWN_ENTITY, detail="there is no such entity")
        command = Command.decode(payload, entity)
        life = COMMAND_LIFE if command.at is None else self._check_time(entity, command.at, self._clock.now())
        if not self._permit(entity, command.target, command.cause):
            raise ContractError(Reason.REPEATED, detail="done already, or something newer was")
        if command.at is not None:
            self._newest[entity.id] = command.at
        return Received(entity, command.target, asyncio.get_running_loop().time() + life)

    def _check_time(self, entity: EntityInfo, at: datetime, now: datetime) -> float:
        """Return for how many more seconds a command is to be carried out."""
        if now - at > _LIFE:
            seconds = (now - at).total_seconds()
            raise ContractError(Reason.EXPIRED, detail=f"{seconds:.0f} s old, or the clocks differ")
        newest = self._newest.get(entity.id)
        # A time in the future comes from a clock that is wrong: it must not shut out everything until then.
        if newest is not None and at < newest <= now + _LIFE:
            raise ContractError(Reason.EXPIRED, detail="older than one that came before it")
        return (_LIFE - max(timedelta(), now - at)).total_seconds()
