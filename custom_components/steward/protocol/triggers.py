"""When rules are started: by events, changes of states, and times of the day, as Home Assistant's own triggers are.

The hub runs it to tell what Home Assistant declined to start, the nodes to run rules themselves.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from .node import Event
from .rule_fields import Match
from .rule_triggers import EventTrigger, NumericTrigger, StateTrigger, TimeTrigger
from .rules import Rule, split_path
from .seen import Seen, cause_of
from .view import View

_LATE: Final = timedelta(seconds=10)
"""A time of the day that was missed by more isn't made up for: the clock was set, or the machine slept."""
_SET_BACK: Final = 20.0
"""Seconds by which no event comes late, since nobody sends it for so long: its node's clock was set back."""
_LOOK: Final = 30.0
"""Seconds after which the wall clock is looked at again, whatever it said: it may be set meanwhile."""

_MOST_TIMERS: Final = 100
"""How often one trigger waits for one entity at the same time; of more, the last one counts."""

_ANY: Final = Match((), inverted=True)

type _Key = tuple[str, int, str]
"""A rule's id, the trigger's place in it, and an entity."""


@dataclass(frozen=True, slots=True)
class Firing:
    """A trigger of a rule fires: its id, the cause, and the entity that it is about, None for a time.

    A cause that is `unique` never comes again: the second one is the same one. `late` tells by how many seconds an event came after
    one of its node's that happened later.
    """

    rule: Rule
    trigger: str
    cause: str
    entity: str | None
    unique: bool
    late: float = 0


@dataclass(slots=True)
class _Timer:
    """A firing that waits for an entity to stay as it is; `holds` tells of a state's value, or attribute's, whether it does."""

    due: float
    firing: Firing
    holds: Match


@dataclass(frozen=True, slots=True)
class _Watch:
    """A trigger that watches an entity."""

    key: _Key
    rule: Rule
    trigger: EventTrigger | StateTrigger | NumericTrigger


class Triggers:
    """The triggers of some rules, and what they wait for."""

    def __init__(self, zone: tzinfo) -> None:
        """Begin without rules; times of the day are in `zone`."""
        self.zone = zone
        self.view = View()
        self._rules: dict[str, Rule] = {}
        self._places: dict[str, int] = {}
        self._sources: Counter[str] = Counter()
        self._watches: dict[str, list[_Watch]] = {}
        self._times: list[tuple[Rule, TimeTrigger]] = []
        self._armed: set[_Key] = set()
        self._latest: dict[str, tuple[datetime, float]] = {}
        self._timers: dict[_Key, list[_Timer]] = {}
        self._looked: datetime | None = None
        self._next_time: float | None = None

    @property
    def entities(self) -> set[str]:
        """The entities that make a difference."""
        return {*self._sources}

    def load(self, rules: Iterable[Rule], zone: tzinfo | None = None) -> None:
        """Take other rules; those that stay the same go on waiting for what they wait for, and cost next to nothing."""
        self.zone = zone or self.zone
        before = self._rules
        self._rules = {rule.id: rule for rule in rules}
        self._places = {name: place for place, name in enumerate(self._rules)}
        changed = {name for name in before.keys() | self._rules.keys() if before.get(name) != self._rules.get(name)}
        self._armed = {key for key in self._armed if key[0] not in changed}
        self._timers = {key: timers for key, timers in self._timers.items() if key[0] not in changed}
        self._times = [time for time in self._times if time[0].id not in changed]
        self._next_time = None
        touched: set[str] = set()
        for rule in (before[name] for name in changed & before.keys()):
            self._sources -= Counter(rule.sources())
            touched |= rule.sources()
        for entity in touched & self._watches.keys():
            self._watches[entity] = [watch for watch in self._watches[entity] if watch.key[0] not in changed]
        for name in changed & self._rules.keys():
            self._sources += Counter(self._rules[name].sources())
            touched |= self._rules[name].sources()
            self._watch(self._rules[name])
        for entity in touched & self._watches.keys():
            self._watches[entity].sort(key=lambda watch: (self._places[watch.key[0]], watch.key[1]))
            if not self._watches[entity]:
                del self._watches[entity]
        self._times.sort(key=lambda time: self._places[time[0].id])
        self.view.keep(self._sources.keys())

    def see(self, entity: str, seen: Seen, now: float) -> list[Firing]:
        """Take an entity's state; return what it starts, in the rules' order."""
        before = self.view.put(entity, seen, now)
        if before == seen:
            return []
        firings: list[Firing] = []
        for watch in self._watches.get(entity, ()):
            match watch.trigger:
                case StateTrigger() as trigger:
                    firings += self._see_state(watch, trigger, before, seen, now)
                case NumericTrigger() as trigger:
                    firings += self._see_number(watch, trigger, before, seen, now)
                case EventTrigger():
                    pass
        return firings

    def happen(self, entity: str, event: Event, now: float) -> list[Firing]:
        """Take an event of an entity; return what it starts, in the rules' order."""
        late = self._late(entity, event, now)
        if not late:
            self.view.put(entity, Seen(event.at.isoformat(), {**event.attributes, "event_type": event.event_type}), now)
        return [
            Firing(watch.rule, watch.trigger.id, event.id, entity, unique=True, late=late)
            for watch in self._watches.get(entity, ())
            if isinstance(watch.trigger, EventTrigger) and event.event_type in watch.trigger.types
        ]

    def due(self, now: float, wall: datetime) -> float | None:
        """Return the monotonic time at which to `tick` next; None for never. `wall` is aware."""
        moments = [timer.due for timers in self._timers.values() for timer in timers]
        if self._times:
            wall = wall.astimezone(UTC)
            self._looked = self._looked or wall
            if self._next_time is None:
                coming = self._coming(wall, timedelta(seconds=_LOOK))
                self._next_time = now + ((coming[0][2] - wall).total_seconds() if coming else _LOOK)
            moments.append(self._next_time)
        return min(moments, default=None)

    def tick(self, now: float, wall: datetime) -> list[Firing]:
        """Return what time has started since it was asked last; `wall` is aware."""
        waiting = [timer for timers in self._timers.values() for timer in timers]
        firings = [timer.firing for timer in sorted(waiting, key=lambda timer: timer.due) if timer.due <= now]
        for timers in self._timers.values():
            timers[:] = [timer for timer in timers if timer.due > now]
        wall = wall.astimezone(UTC)  # in the house's zone, hours that the clocks leap over would count
        begin = max(min(self._looked or wall, wall), wall - _LATE)
        self._looked = wall
        self._next_time = None
        for rule, trigger, at in self._coming(begin, wall - begin):
            cause = f"{rule.id}@{at.isoformat()}"
            firings.append(Firing(rule, trigger.id, cause, None, unique=True))
        return firings

    # --- inside ------------------------------------------------------------------------------------------------------

    def _late(self, entity: str, event: Event, now: float) -> float:
        """Return by how much an event is late, by the clock of its node alone; what was lost on its way comes again."""
        node = split_path(entity)[0]
        latest, seen = self._latest.get(node, (event.at, now))
        late = now - seen + (latest - event.at).total_seconds()
        if event.at < latest and late <= _SET_BACK:
            return late
        # It's the newest one, or the clock was set back.
        self._latest[node] = event.at, now
        return 0

    def _watch(self, rule: Rule) -> None:
        """Take a rule's triggers."""
        for index, trigger in enumerate(rule.triggers):
            if isinstance(trigger, TimeTrigger):
                self._times.append((rule, trigger))
                continue
            for entity in dict.fromkeys(trigger.entities):
                key = rule.id, index, entity
                self._watches.setdefault(entity, []).append(_Watch(key, rule, trigger))
                seen = self.view.get(entity)
                # A number fires when it comes within bounds, if it is outside now.
                if seen and isinstance(trigger, NumericTrigger) and _within(trigger, seen) is False:
                    self._armed.add(key)

    def _coming(self, begin: datetime, span: timedelta) -> list[tuple[Rule, TimeTrigger, datetime]]:
        """Return the times of the day that come after `begin` within `span`, in their order, in UTC."""
        local = begin.astimezone(self.zone)
        coming: list[tuple[Rule, TimeTrigger, datetime]] = []
        for rule, trigger in self._times:
            for days in range((local + span).date().toordinal() - local.date().toordinal() + 1):
                day = local.date() + timedelta(days=days)
                if trigger.weekdays and day.weekday() not in trigger.weekdays:
                    continue
                # Where clocks are set back, a time comes twice; where they leap ahead, never.
                both = (
                    datetime.combine(day, trigger.at.replace(fold=fold), self.zone).astimezone(UTC) for fold in (0, 1)
                )
                coming += (
                    (rule, trigger, at)
                    for at in dict.fromkeys(both)
                    if at.astimezone(self.zone).time() == trigger.at and timedelta() < at - begin <= span
                )
        coming.sort(key=lambda item: item[2])
        return coming

    def _see_state(
        self, watch: _Watch, trigger: StateTrigger, before: Seen | None, seen: Seen, now: float
    ) -> Iterator[Firing]:
        if before is None:
            return
        entity = watch.key[2]
        old, new = before.value(trigger.attribute), seen.value(trigger.attribute)
        if timers := self._timers.get(watch.key):
            # As Home Assistant has it: where one begins to wait while another one does, both fire.
            timers[:] = [timer for timer in timers if timer.holds(new)]
        any_change = trigger.attribute is None and trigger.origin is None and trigger.target is None
        if old == new and not any_change:
            return
        if (trigger.origin and not trigger.origin(old)) or (trigger.target and not trigger.target(new)):
            return
        # As Home Assistant has it: with nothing but a state to leave, it's enough not to come back to that.
        leaving = trigger.origin and not trigger.origin.inverted and (trigger.target is None or trigger.target.inverted)
        holds = Match((old,), inverted=True) if leaving else Match((new,))
        firing = Firing(watch.rule, trigger.id, cause_of(entity, seen, trigger.attribute), entity, unique=False)
        yield from self._fire(watch.key, _Timer(now + trigger.seconds, firing, holds), trigger.seconds)

    def _see_number(
        self, watch: _Watch, trigger: NumericTrigger, before: Seen | None, seen: Seen, now: float
    ) -> Iterator[Firing]:
        within = _within(trigger, seen)
        if within is False:
            self._armed.add(watch.key)
            self._timers.pop(watch.key, None)
        elif within is None:
            self._timers.pop(watch.key, None)
        elif before is not None and watch.key in self._armed:
            self._armed.discard(watch.key)
            entity = watch.key[2]
            firing = Firing(watch.rule, trigger.id, cause_of(entity, seen, trigger.attribute), entity, unique=False)
            yield from self._fire(watch.key, _Timer(now + trigger.seconds, firing, _ANY), trigger.seconds)

    def _fire(self, key: _Key, timer: _Timer, seconds: float) -> Iterator[Firing]:
        if seconds:
            timers = self._timers.setdefault(key, [])
            timers[_MOST_TIMERS - 1 :] = [timer]
        else:
            yield timer.firing


def _within(trigger: NumericTrigger, seen: Seen) -> bool | None:
    """Whether a number lies within bounds; None where there is a text instead, which Home Assistant passes over."""
    number = seen.number(trigger.attribute)
    if number is not None:
        return trigger.bounds(number)
    return False if not seen.known or seen.value(trigger.attribute) is None else None
