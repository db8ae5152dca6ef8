"""Ack or act beside a hub that dies, comes back, is late, and loses what it says: a simulation of some minutes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
import heapq
from itertools import count
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from steward_house.protocol.hub import Ack
from steward_house.protocol.node import Event
from steward_house.protocol.rule_actions import Set
from steward_house.protocol.rule_triggers import EventTrigger
from steward_house.protocol.rules import Rule
from steward_house.protocol.shadow import Act, Shadow
from steward_house.protocol.ulid import ulid

ZONE: Final = ZoneInfo("Europe/Berlin")
START: Final = datetime(2026, 11, 20, 12, tzinfo=ZONE)
BELL: Final = "nursery/event/bell"
DIAL: Final = "nursery/number/dial"
TONES: Final = 10
EVENTS: Final = 2000
EVERY: Final = 0.02
"""Seconds from one event to the next."""
AGAIN: Final = (1, 2, 4)
"""Seconds after which an event is sent again, each time after the time before."""
LIFE: Final = 10
RULES: Final = tuple(
    Rule(f"automation.tone_{tone}", "", (EventTrigger("0", (BELL,), (f"t{tone}",)),), (Set(DIAL, tone),))
    for tone in range(TONES)
)


class House:
    """A node with its shadow, a hub, and the messages between them, on a clock of their own."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.applied: list[tuple[float, int]] = []
        """When the dial was set because of which event."""
        self.happened: list[float] = []
        self.runs = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._shadow = Shadow(ZONE)
        self._shadow.load(RULES)
        self._indexes: dict[str, int] = {}
        self._unanswered: dict[str, float] = {}
        # Some hubs are always slow.
        self._slowness = self.random.choice([(1, 0, 0, 0, 0), (90, 5, 3, 1, 1), (1, 1, 1, 1, 1)])
        self._alive = False
        self._ready = 0.0
        self._known: set[str] = set()

    def live(self) -> None:
        """Let everything happen."""
        for index in range(EVENTS):
            self._at(index * EVERY, lambda index=index: self._happen(index))  # type: ignore[misc]
        self._at(0.3, self._turn)
        while self._queue and self._queue[0][0] < EVENTS * EVERY + 5:
            due = self._shadow.due(self.now, self._wall)
            if due is not None and due < self._queue[0][0]:
                self.now = max(due, self.now)
                self._take(self._shadow.tick(self.now, self._wall))
            else:
                self.now, _, what = heapq.heappop(self._queue)
                what()

    @property
    def _wall(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def _at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), what))

    # --- the node ----------------------------------------------------------------------------------------------------

    def _happen(self, index: int) -> None:
        cause = ulid(index, bytes(10))
        self._indexes[cause] = index
        self.happened.append(self.now)
        self._unanswered[cause] = self.now
        event = Event(f"t{index % TONES}", cause, datetime.now(UTC))
        self._take(self._shadow.happen(BELL, event, self.now, self._wall))
        self._send(cause, AGAIN)

    def _send(self, cause: str, again: tuple[float, ...]) -> None:
        """Send an event to the hub, and again until it is answered, for as long as somebody may want it."""
        if cause in self._unanswered and self.now - self._unanswered[cause] < LIFE:
            self._hear(cause)
            if again:
                self._at(self.now + again[0], lambda: self._send(cause, again[1:]))

    def _notice(self, session: str | None) -> None:
        self._take(self._shadow.hub(session, self.now))
        if session:
            for cause in [*self._unanswered]:
                self._send(cause, AGAIN)

    def _take(self, acts: list[Act]) -> None:
        self.applied.extend((self.now, self._indexes[act.firing.cause]) for act in acts)

    def _commanded(self, cause: str) -> None:
        index = self._indexes[cause]
        if self._shadow.commanded(DIAL, index % TONES, cause, self.now):
            self.applied.append((self.now, index))

    def _answered(self, cause: str) -> None:
        if self.random.random() < 0.99:  # some are lost on the way
            self._unanswered.pop(cause, None)
            ack = Ack(cause, (f"automation.tone_{self._indexes[cause] % TONES}",))
            self._take(self._shadow.ack(ack, self.now, self._wall))

    # --- the hub -----------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Let the hub die or come back, which the node notices a little later; and so on."""
        self._alive = not self._alive
        if self._alive:
            self.runs += 1
            self._known.clear()
        session = f"session {self.runs}" if self._alive else None
        self._at(self.now + self.random.random() * 0.4, lambda: self._notice(session))
        self._at(self.now + 0.5 + self.random.random() * 4, self._turn)

    def _hear(self, cause: str) -> None:
        """Handle an event; what the hub hasn't sent when it dies is never sent."""
        if not self._alive:
            return
        run = self.runs

        def if_alive(what: Callable[[str], None]) -> Callable[[], None]:
            return lambda: what(cause) if self._alive and self.runs == run else None

        (late,) = self.random.choices([0.002, 0.01, 0.05, 0.2, 0.6], self._slowness)
        self._ready = max(self._ready, self.now + late)  # one thing after the other, as a message queue has it
        times = [self._ready, self._ready + self.random.random() * 0.02]
        self.random.shuffle(times)
        self._ready = max(times)
        self._at(times[0], if_alive(self._answered))
        if cause not in self._known:
            self._at(times[1], if_alive(self._commanded))
        self._known.add(cause)


@pytest.mark.parametrize("seed", range(20))
def test_every_action_is_done_in_time_and_in_order(seed: int) -> None:
    house = House(seed)
    house.live()
    assert house.runs > 3
    done = [index for _, index in house.applied]
    assert done == sorted(done), "something older overwrote something newer"
    assert len(done) == len(set(done)), "something was done twice"
    assert done[-1] == EVENTS - 1
    assert max(when - house.happened[index] for when, index in house.applied) < 1
    # What a newer one came before wasn't worth doing any more, if that came in time.
    given_up = set(range(EVENTS)) - set(done)
    for index in given_up:
        newer = next(when for when, other in house.applied if other > index)
        assert newer - house.happened[index] < 1
    assert len(given_up) < EVENTS / 10
