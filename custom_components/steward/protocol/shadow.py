"""Ack or act: a node runs its rules always, in the shadow of Home Assistant, and acts where that doesn't.

Each single action of a run is held until it is clear who does it. Home Assistant does it while it has the run in hand: it said, in an
ack, that it started this automation for this cause, and it is still there. The node does it where Home Assistant is away, or said
nothing within `PATIENCE`, or went away before its command came. What was done twice or comes late is told apart by its cause.

Times are monotonic seconds, but for wall clocks.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from .fields import Json
from .hub import Ack
from .node import Event
from .rule_actions import Set
from .rule_conditions import Condition
from .rules import Mode, Rule
from .runs import Run
from .seen import Seen, may_come_again
from .triggers import Firing, Triggers
from .view import Moment

PATIENCE: Final = 0.3
"""Seconds that Home Assistant has to say that it started an automation."""
TIME_PATIENCE: Final = 1.0
"""The same for a time of the day, which Home Assistant lets come up to half a second late, so that not all come at once."""
OPEN: Final = 5.0
"""Seconds for which a command that Home Assistant has in hand is waited for; after that it decided otherwise, and it's too late."""
EARLY: Final = 2.0
"""Seconds by which Home Assistant's command may come before the node gets to the same action."""
MEMORY: Final = 20.0
"""Seconds for which it is remembered what was done and said: an event is sent again for half as long."""
_MOST: Final = 50_000
_MOST_HELD: Final = 1000
"""More actions aren't held at once: the oldest are done without waiting any longer."""
_MOST_RUNS: Final = 10_000
"""Runs of one rule that are followed, whatever it allows itself."""
_MOST_TOLD: Final = 100
"""How often it is remembered that an entity was told something for one cause."""


@dataclass(frozen=True, slots=True)
class Act:
    """An entity that the node tells what to be: for which firing, when it was due, and whether Home Assistant was away."""

    firing: Firing
    entity: str
    value: Json
    due: float
    away: bool


@dataclass(slots=True, eq=False)
class _Held:
    """An action of a run that is due, while it isn't clear who does it."""

    run: Run
    entity: str
    value: Json
    due: float

    @property
    def order(self) -> float:
        """When it would have been due if its event had come in time: what is newer, and what older, goes by that."""
        return self.due - self.run.firing.late


@dataclass(frozen=True, slots=True)
class _Refused:
    """A firing that the shadow started nothing for, when it thought otherwise than Home Assistant may."""

    firing: Firing
    now: float


@dataclass(slots=True)
class _Answer:
    """An ack whose causes or automations the shadow doesn't know yet."""

    cause: str
    started: set[str]
    declined: set[str]
    session: str | None
    now: float


class _Memory[K, V]:
    """What is forgotten after some seconds, the oldest first."""

    def __init__(self, seconds: float = MEMORY) -> None:
        self._seconds = seconds
        self._items: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def put(self, key: K, value: V, now: float) -> None:
        self._items[key] = now, value
        self._items.move_to_end(key)
        while self._items:
            oldest, (when, _) = next(iter(self._items.items()))
            if when >= now - self._seconds and len(self._items) <= _MOST:
                break
            del self._items[oldest]

    def get(self, key: K, now: float) -> V | None:
        item = self._items.get(key)
        return item[1] if item and item[0] >= now - self._seconds else None


class Shadow:
    """A node's rules at work. Whatever it is told, it returns what the node has to do now, in order."""

    def __init__(self, zone: tzinfo) -> None:
        """Begin without rules, and without Home Assistant; times of the day are in `zone`."""
        self.triggers = Triggers(zone)
        self._session: str | None = None
        self._runs: dict[str, list[Run]] = {}
        self._held: list[_Held] = []
        self._refused: deque[_Refused] = deque(maxlen=256)
        self._answers: deque[_Answer] = deque(maxlen=256)
        self._fired: _Memory[tuple[str, str, str], bool] = _Memory()
        self._done: _Memory[tuple[str, str], list[tuple[Json, float]]] = _Memory()
        self._early: _Memory[tuple[str, str], list[tuple[Json, float]]] = _Memory(EARLY)
        self._recent: deque[Run] = deque(maxlen=512)
        self._newest: dict[str, float] = {}
        self._newest_cause: dict[str, str | None] = {}

    def load(self, rules: Iterable[Rule], zone: tzinfo | None = None) -> None:
        """Take other rules; runs of those that changed or are gone end, as Home Assistant ends them.

        What a rule that only changed had to do already is still done: nobody else does it.
        """
        rules = tuple(rules)
        self.triggers.load(rules, zone)
        known = {rule.id: rule for rule in rules}
        for name in [*self._runs]:
            if any(run.firing.rule != known.get(name) for run in self._runs[name]):
                del self._runs[name]
        self._held = [held for held in self._held if held.run.firing.rule.id in known]

    def see(self, entity: str, seen: Seen, now: float, wall: datetime) -> list[Act]:
        """Take an entity's state."""
        return self._start(self.triggers.see(entity, seen, now), Moment(now, wall))

    def happen(self, entity: str, event: Event, now: float, wall: datetime) -> list[Act]:
        """Take an event of an entity. It may come again."""
        return self._start(self.triggers.happen(entity, event, now), Moment(now, wall))

    def due(self, now: float, wall: datetime) -> float | None:
        """Return the time at which to `tick` next; None for never."""
        moments = [run.at for runs in self._runs.values() for run in runs if run.waiting]
        moments += [self._decision(held) for held in self._held]
        if (due := self.triggers.due(now, wall)) is not None:
            moments.append(due)
        return min(moments, default=None)

    def tick(self, now: float, wall: datetime) -> list[Act]:
        """Do what is due."""
        moment = Moment(now, wall)
        waiting = [run for runs in self._runs.values() for run in runs if run.waiting and run.at <= now]
        for run in sorted(waiting, key=lambda run: run.at):
            self._advance(run, moment)
        return self._start(self.triggers.tick(now, wall), moment)

    def hub(self, session: str | None, now: float) -> list[Act]:
        """Take which run of Home Assistant is there; None while it is away."""
        self._session = session
        return self._settle(now)

    def ack(self, ack: Ack, now: float, wall: datetime) -> list[Act]:
        """Take what Home Assistant says that it did for a cause."""
        answer = _Answer(ack.id, {*ack.started}, {*ack.declined}, self._session, now)
        for run in self._recent:
            if run.firing.cause == ack.id and now - run.begun <= OPEN:
                self._answer(run, answer)
        moment = Moment(now, wall)
        for runs in [*self._runs.values()]:
            if runs[0].firing.rule.mode is Mode.QUEUED and not runs[0].waiting:
                self._advance(runs[0], moment)  # the one before it was declined
        for refused in [*self._refused]:
            firing = refused.firing
            if firing.cause == ack.id and firing.rule.id in answer.started and now - refused.now <= OPEN:
                # Home Assistant thought otherwise; should it go away meanwhile, the node goes on with it.
                answer.started.discard(firing.rule.id)
                self._refused.remove(refused)
                self._begin(firing, moment, answer.session)
        if answer.started or answer.declined:
            self._answers.append(answer)
        return self._settle(now)

    def commanded(self, entity: str, value: Json, cause: str | None, now: float) -> bool:
        """Take a command that comes from elsewhere; return whether it is to be carried out.

        It isn't if this was done for the same cause already, or if something newer was done since.
        """
        for held in self._held:
            if held.entity == entity and held.value == value and cause in (None, held.run.firing.cause):
                self._held.remove(held)
                self._remember(held, now)
                if self._is_newer(entity, held.order):
                    return False
                self._set_newest(entity, held.order, held.run.firing.cause)
                return True
        if cause is not None:
            key = cause, entity
            due = max((due for done, due in self._done.get(key, now) or () if done == value), default=None)
            overwritten = due is not None and self._is_newer(entity, due) and self._newest_cause[entity] != cause
            if due is not None and (overwritten or self._is_over(cause)):
                return False
            early = [told for told in self._early.get(key, now) or () if now - told[1] <= EARLY]
            self._early.put(key, [*early[-_MOST_TOLD:], (value, now)], now)
        self._set_newest(entity, now, cause)
        return True

    # --- inside ------------------------------------------------------------------------------------------------------

    def _start(self, firings: list[Firing], moment: Moment) -> list[Act]:
        """Start runs, as far as conditions and modes allow."""
        for firing in firings:
            key = firing.rule.id, firing.trigger, firing.cause
            if firing.unique:
                if self._fired.get(key, moment.now):
                    continue
                self._fired.put(key, True, moment.now)
            self._consider(firing, moment)
        return self._settle(moment.now)

    def _consider(self, firing: Firing, moment: Moment) -> None:
        rule = firing.rule
        session, declined = self._early_answer(firing, moment.now)
        if declined:
            return
        if session is None and not self.triggers.view.all_true(rule.conditions, moment, firing.trigger):
            self._refused.append(_Refused(firing, moment.now))
            return
        runs = self._runs.get(rule.id, [])
        if runs and session is None:
            busy = rule.mode is Mode.SINGLE or (rule.mode is not Mode.RESTART and len(runs) >= rule.max_runs)
            if busy:
                self._refused.append(_Refused(firing, moment.now))
                return
        self._begin(firing, moment, session)

    def _begin(self, firing: Firing, moment: Moment, session: str | None) -> None:
        rule = firing.rule
        run = Run(firing, moment.now, moment.now, session)
        self._recent.append(run)
        runs = self._runs.setdefault(rule.id, [])
        if len(runs) >= _MOST_RUNS:
            return
        if rule.mode in (Mode.RESTART, Mode.SINGLE):
            # Where only one may run, and Home Assistant says that it started another one, the one before has ended there.
            for other in runs:
                other.end()
            runs.clear()
        runs.append(run)
        if rule.mode is not Mode.QUEUED or runs[0] is run:
            self._advance(run, moment)

    def _advance(self, run: Run, moment: Moment) -> None:
        """Let a run come as far as it can, and after its end the one that waits for that."""

        def is_true(conditions: tuple[Condition, ...], trigger: str) -> bool:
            return self.triggers.view.all_true(conditions, moment, trigger)

        rule = run.firing.rule
        while True:
            for action, due in run.advance(moment.now, is_true):
                self._hold(run, action, due, moment.now)
            if not run.ended:
                return
            runs = self._runs[rule.id]
            runs.remove(run)
            if not runs:
                del self._runs[rule.id]
            if not runs or rule.mode is not Mode.QUEUED:
                return
            runs[0].at = max(runs[0].at, run.at)
            run = runs[0]

    def _hold(self, run: Run, action: Set, due: float, now: float) -> None:
        """Hold an action that is due, unless Home Assistant's command was faster."""
        key = run.firing.cause, action.entity
        early = self._early.get(key, now) or []
        for told in early:
            if told[0] == action.value and now - told[1] <= EARLY:
                early.remove(told)
                return
        self._held.append(_Held(run, action.entity, action.value, due))

    def _settle(self, now: float) -> list[Act]:
        """Decide about what is held, in the order in which it was due."""
        acts: list[Act] = []
        still: list[_Held] = []
        too_many = len(self._held) - _MOST_HELD
        for index, held in enumerate(self._held):
            if self._is_newer(held.entity, held.order):
                self._remember(held, now)  # something newer was done: nobody needs to do it any more
                continue
            if index < too_many:
                acts.append(self._act(held, now))
            elif self._session is not None and held.run.session == self._session:
                if now < held.due + OPEN:
                    still.append(held)
            elif self._session is not None and held.run.session is None and now < _patience_end(held.run):
                still.append(held)
            else:
                acts.append(self._act(held, now))
        self._held = still
        return acts

    def _act(self, held: _Held, now: float) -> Act:
        self._remember(held, now)
        self._set_newest(held.entity, held.order, held.run.firing.cause)
        return Act(held.run.firing, held.entity, held.value, held.order, away=self._session is None)

    def _remember(self, held: _Held, now: float) -> None:
        """Remember what is done, or not to be done any more, when its command comes late or again."""
        key = held.run.firing.cause, held.entity
        done = [told for told in self._done.get(key, now) or () if now - told[1] <= MEMORY]
        self._done.put(key, [*done[-_MOST_TOLD:], (held.value, held.order)], now)

    def _is_newer(self, entity: str, due: float) -> bool:
        """Whether what an entity was told last was due later."""
        return self._newest.get(entity, due) > due

    def _set_newest(self, entity: str, due: float, cause: str | None) -> None:
        """Take note of what an entity is told."""
        self._newest[entity] = due
        self._newest_cause[entity] = cause

    def _is_over(self, cause: str) -> bool:
        """Whether nothing more comes of a cause: it can't come again, and no run goes on because of it."""
        running = any(run.firing.cause == cause for runs in self._runs.values() for run in runs)
        return not may_come_again(cause) and not running

    def _decision(self, held: _Held) -> float:
        """Return when something that is held is decided about at the latest."""
        in_hand = self._session is not None and held.run.session == self._session
        return held.due + OPEN if in_hand else _patience_end(held.run)

    def _early_answer(self, firing: Firing, now: float) -> tuple[str | None, bool]:
        """Return the session that has said already that it started this, and whether it was said that it won't be."""
        for answer in self._answers:
            if answer.cause != firing.cause or now - answer.now > OPEN:
                continue
            if firing.rule.id in answer.started:
                answer.started.discard(firing.rule.id)
                return answer.session, False
            if firing.rule.id in answer.declined:
                answer.declined.discard(firing.rule.id)
                return None, True
        return None, False

    def _answer(self, run: Run, answer: _Answer) -> None:
        """Tell a run what was said of it, one run for each time that it was said."""
        name = run.firing.rule.id
        if name in answer.started and run.session is None:
            answer.started.discard(name)
            run.session = answer.session
        elif name in answer.declined and run.session is None:
            answer.declined.discard(name)
            run.end()
            self._held = [held for held in self._held if held.run is not run]
            if run in (runs := self._runs.get(name, [])):
                runs.remove(run)
                if not runs:
                    del self._runs[name]


def _patience_end(run: Run) -> float:
    """Return until when Home Assistant may say that it started a run."""
    return run.begun + (TIME_PATIENCE if run.firing.entity is None else PATIENCE)
