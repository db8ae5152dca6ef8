"""Events on their way: sent at once and in order, then again with the same id until the hub has taken them, or they are too old."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
import logging
from math import inf
from typing import Final

_LOG: Final = logging.getLogger(__name__)
EVENT_LIFE: Final = 10.0
"""Seconds that an event waits: what it would start later is not wanted any more."""
ROOM: Final = 1000
_AGAIN: Final = (1.0, 2.0, 4.0, inf)
"""Seconds after each sending until the next one."""

_PACE: Final = 0.05
"""Seconds between events that the hub is told again when it comes: it has much to do then, and new ones come first."""

type Confirmed = Callable[[], bool]
"""Tells whether the broker has confirmed a message."""


def unconfirmed() -> bool:
    """Tell that the broker hasn't."""
    return False


@dataclass(slots=True, eq=False)
class Outgoing:
    """An event on its way: when it happened (the loop's time), and whether a rule of this node is about it (`used`).

    `due` is when to send it next, `confirmed` tells whether the broker has it.
    """

    id: str
    topic: str
    payload: bytes
    when: float
    used: bool
    tries: int = field(init=False, default=0)
    due: float = field(init=False, default=inf)
    confirmed: Confirmed = field(init=False)

    def __post_init__(self) -> None:
        """Be with nobody yet."""
        self.confirmed = unconfirmed


class Outbox:
    """The events that the hub hasn't taken yet. `arrived` is set when there is a new one."""

    def __init__(self, changed: Callable[[], None], lost: Callable[[], None]) -> None:
        """Call `changed` whenever there is something to send, and `lost` for each event that nobody took."""
        self.arrived = asyncio.Event()
        self._changed = changed
        self._lost = lost
        self._waiting: OrderedDict[str, Outgoing] = OrderedDict()
        self._fresh: deque[Outgoing] = deque()
        self._hub = False
        self._due = inf
        self._timer: asyncio.TimerHandle | None = None
        self._losing = False

    def put(self, event: Outgoing) -> None:
        """Take an event."""
        self._expire(event.when)
        if len(self._waiting) >= ROOM:
            self._drop(next(iter(self._waiting.values())))
        self._waiting[event.id] = event
        while self._fresh and self._fresh[0].id not in self._waiting:
            self._fresh.popleft()  # nobody asks for the next one while there is no connection
        self._fresh.append(event)
        self.arrived.set()
        self._changed()

    def next(self) -> Outgoing | None:
        """Return the event that is to be sent now; it is returned again until `sent`."""
        now = asyncio.get_running_loop().time()
        self._expire(now)
        while self._fresh:
            if self._fresh[0].id in self._waiting:
                return self._fresh[0]
            self._fresh.popleft()
        self.arrived.clear()
        if self._hub and now >= self._due:
            again = next((event for event in self._waiting.values() if event.due <= now), None)
            if again:
                return again
            self._arm(min((event.due for event in self._waiting.values()), default=inf))
        return None

    def sent(self, event: Outgoing, confirmed: Confirmed) -> None:
        """Take note that an event is on its way to the broker."""
        event.confirmed = confirmed
        if self._fresh and self._fresh[0] is event:
            self._fresh.popleft()
        event.due = asyncio.get_running_loop().time() + _AGAIN[event.tries]
        event.tries += 1
        if event.due < self._due:
            self._arm(event.due)

    def acked(self, event_id: str) -> None:
        """Forget an event that the hub has taken."""
        if self._waiting.pop(event_id, None):
            self._losing = False

    def connect(self) -> None:
        """Have those sent that the broker doesn't have yet."""
        self._fresh.clear()
        for event in self._waiting.values():
            if not event.confirmed():
                event.tries, event.due = 0, inf
                self._fresh.append(event)
        self._changed()

    def hub(self, *, there: bool) -> None:
        """Take whether the hub is there; when it comes, it is told what it hasn't taken."""
        self._hub = there
        if not there:
            return
        now = asyncio.get_running_loop().time()
        again = (event for event in self._waiting.values() if 0 < event.tries < len(_AGAIN))
        for number, event in enumerate(again):
            event.due = now + number * _PACE
        self._arm(now)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due < inf:
            self._timer = asyncio.get_running_loop().call_at(due, self._changed)

    def _expire(self, now: float) -> None:
        while self._waiting:
            oldest = next(iter(self._waiting.values()))
            if now - oldest.when <= EVENT_LIFE:
                return
            self._drop(oldest)

    def _drop(self, event: Outgoing) -> None:
        del self._waiting[event.id]
        if event.used:
            return
        self._lost()
        if not self._losing:
            _LOG.warning("Events are lost: the hub is away, or too slow")
        self._losing = True
