"""The node's rules at work: the shadow of Home Assistant, with a clock and a timer."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from ..protocol.fields import ContractError, Json, Reason
from ..protocol.hub import Ack
from ..protocol.node import Event
from ..protocol.rules import Rule, Rulebook
from ..protocol.seen import Seen
from ..protocol.shadow import Act, Shadow
from .clock import Clock

_SOON: Final = 0.001
"""Seconds until the timer at least: what is due stays so until it is done."""
_AT_ONCE: Final = 100
"""So much is done in one turn of the loop."""


class Rules:
    """The rules of the last good rulebook. `act` is called for what the node has to do, in order, mostly within the call that brought it about."""

    def __init__(self, clock: Clock, act: Callable[[Act], None]) -> None:
        """Begin without rules."""
        self.rules: tuple[Rule, ...] = ()
        self._clock = clock
        self._act = act
        self._shadow = Shadow(UTC)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._arming = False
        self._due: deque[Act] = deque()
        self._acting = False

    @property
    def sources(self) -> set[str]:
        """The entities that make a difference."""
        return self._shadow.triggers.entities

    def load(self, payload: bytes) -> None:
        """Take another rulebook; an empty payload has no rules. A hub that was restored may begin with a lower version again.

        Raises:
            ContractError: it can't be used; the one before is kept.
        """
        if payload:
            book = Rulebook.decode(payload)
            try:
                zone = ZoneInfo(book.zone)
            except (KeyError, OSError, ValueError) as error:  # it is looked up as a file
                raise ContractError(Reason.BAD_VALUE, "zone", f"no time zone of this machine: {book.zone!r}") from error
            self._tick()  # what was due before isn't due for new rules
            self.rules = book.rules
            self._shadow.load(book.rules, zone)
        else:
            self.rules = ()
            self._shadow.load(())
        self._arm_soon()

    def see(self, entity: str, seen: Seen) -> None:
        """Take an entity's state."""
        self._do(self._shadow.see(entity, seen, self._loop.time(), self._wall()))

    def happen(self, entity: str, event: Event) -> None:
        """Take an event. It may come again."""
        self._do(self._shadow.happen(entity, event, self._loop.time(), self._wall()))

    def ack(self, ack: Ack) -> None:
        """Take what the hub says that it did for a cause."""
        if ack.started or ack.declined:
            self._do(self._shadow.ack(ack, self._loop.time(), self._wall()))

    def hub(self, session: str | None) -> None:
        """Take which run of the hub is there; None while it is away."""
        self._do(self._shadow.hub(session, self._loop.time()))

    def commanded(self, entity: str, value: Json, cause: str | None) -> bool:
        """Take a command of the hub; return whether it is to be carried out."""
        return self._shadow.commanded(entity, value, cause, self._loop.time())

    def look(self) -> None:
        """Look at the wall clock again, which was set."""
        self._tick()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _wall(self) -> datetime:
        return self._clock.now().astimezone(self._shadow.triggers.zone)

    def _do(self, acts: list[Act]) -> None:
        """Do what is due, in order: also what comes of it meanwhile, which may go on for ever, but lets others have their turn."""
        self._due.extend(acts)
        self._arm_soon()
        if not self._acting:
            self._do_some()

    def _do_some(self) -> None:
        self._acting = True
        try:
            for _ in range(_AT_ONCE):
                if not self._due:
                    break
                self._act(self._due.popleft())
        finally:
            self._acting = bool(self._due)
            if self._due:
                self._loop.call_soon(self._do_some)

    def _arm_soon(self) -> None:
        """Set the timer, once for all that comes in one turn of the loop."""
        if not self._arming:
            self._arming = True
            self._loop.call_soon(self._arm)

    def _arm(self) -> None:
        self._arming = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        if (due := self._shadow.due(now, self._wall())) is not None:
            self._timer = self._loop.call_at(max(due, now + _SOON), self._tick)

    def _tick(self) -> None:
        self._do(self._shadow.tick(self._loop.time(), self._wall()))
