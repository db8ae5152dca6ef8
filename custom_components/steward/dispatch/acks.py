"""Which automations Home Assistant has started for what happened at a node, and which it has declined: the node is told.

An event is written under a context whose id is the event's own. Home Assistant starts automations while a state is written, under
contexts that have the written one as their parent, and says so before the write is over, but after what they do at once. Only an
automation that restarts comes later, as do those that wait for a time.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from homeassistant.components.automation import EVENT_AUTOMATION_TRIGGERED
from homeassistant.const import ATTR_ENTITY_ID, EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import CALLBACK_TYPE, Context, Event as HassEvent, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..protocol.fields import ContractError, Fields, Reason, parse
from ..protocol.hub import Ack
from ..protocol.node import MAX_EVENT_BYTES, Event, Leaf, topic
from ..protocol.rules import Rule, split_path
from ..protocol.seen import Seen
from ..protocol.triggers import Firing, Triggers
from ..protocol.ulid import PATTERN as ULID
from .hub import Hub
from .say import async_say

REMEMBERED_EVENTS: Final = 16_384
"""Of all nodes together. An event comes again until it is answered, within seconds."""
REMEMBERED_RUNS: Final = 16_384
TOLD_AT_ONCE: Final = 16
"""After so many acks Home Assistant gets to do other things before the next ones; after an eighth of those that wait, if that is more."""
START_SECONDS: Final = 0.1
"""How long an automation may take to start; one that hasn't by then has declined."""
TIME_START_SECONDS: Final = 0.8
"""The same for times of the day, which Home Assistant lets come up to 0.5 s late, so that not all come at once."""


class Standing(Enum):
    """What may be expected of an automation that nodes have parts of."""

    READY = "ready"
    """Its triggers are attached."""
    OFF = "off"
    """The user has switched it off."""
    UNSETTLED = "unsettled"
    """It is being reloaded, or isn't armed yet: it can't decline."""


class Automations(Protocol):
    """What is known of Home Assistant's automations."""

    def standing(self, automation: str) -> Standing | None:
        """Return what may be expected of one; None where no node has a part of it."""

    def nodes(self, automation: str) -> Iterable[str]:
        """Return the nodes that have a part of it."""


@dataclass(slots=True, eq=False)
class _Cause:
    """Something that may start automations: its id, the nodes that are told of it, what has become of it so far.

    `context` is the id of the context that automations have as their parent if they start because of it, None while any may be it.
    """

    id: str
    nodes: tuple[str, ...]
    context: str | None
    seconds: float = START_SECONDS
    started: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    told: tuple[int, int] = (0, 0)
    """How many of `started` and `declined` the nodes were told of already."""


class Acks:
    """What automations were started by, and the answers to the nodes."""

    def __init__(self, hass: HomeAssistant, hub: Hub, automations: Automations) -> None:
        """Begin without rules; nothing is listened to yet."""
        self._hass = hass
        self._hub = hub
        self._automations = automations
        self._triggers = Triggers(dt_util.get_default_time_zone())
        self._rules: tuple[Rule, ...] = ()
        self._watched: set[str] = set()
        self._events: OrderedDict[str, _Cause] = OrderedDict()
        self._open: dict[str, list[_Cause]] = {}
        self._runs: OrderedDict[str, str] = OrderedDict()
        self._untold: list[_Cause] = []
        self._writing: tuple[str, str] | None = None
        """The id of the entity whose state is just being written, and what cause that is."""
        self._tick_due: CALLBACK_TYPE | None = None
        self._stop: list[CALLBACK_TYPE] = []
        self.counts: Counter[str] = Counter()

    @callback
    def async_start(self) -> None:
        """Listen to what automations are started."""
        self._stop = [
            self._hass.bus.async_listen(EVENT_AUTOMATION_TRIGGERED, self._automation_triggered),
            self._hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._zone_changed),
        ]

    @callback
    def async_stop(self) -> None:
        """Listen to nothing any more."""
        while self._stop:
            self._stop.pop()()
        self._cancel_tick()

    @callback
    def load(self, rules: Iterable[Rule], seen: Callable[[str], Seen | None]) -> None:
        """Take what nodes have parts of; `seen` tells what Home Assistant shows of an entity."""
        self._rules = tuple(rules)
        self._triggers.load(self._rules, dt_util.get_default_time_zone())
        self._watched = self._triggers.entities
        for entity in self._watched:
            if self._triggers.view.get(entity) is None and (state := seen(entity)) is not None:
                self._triggers.see(entity, state, self._hass.loop.time())
        self._schedule_tick()

    def cause(self, context: Context | None) -> str | None:
        """Return the cause of an automation's run, for a command that is given under the run's context; else the context's id."""
        if context is None:
            return None
        if cause := self._runs.get(context.id):
            return cause
        # Home Assistant hasn't said yet that the automation has started.
        if context.parent_id in self._events:
            return context.parent_id
        if self._writing:
            entity_id, name = self._writing
            state = self._hass.states.get(entity_id)
            if state and state.context.id == context.parent_id:
                return name
        return context.id

    @callback
    def happen(self, entity: str, event: Event, write: Callable[[Context], None]) -> None:
        """Let an event happen: `write` shows it to Home Assistant, under the context that it is given.

        Raises:
            ContractError: it came again; what was answered is answered again. Or Home Assistant refuses it.
        """
        if known := self._events.get(event.id):
            known.told = 0, 0
            self._tell(known)
            raise ContractError(Reason.REPEATED, event.id, "an event came again")
        node = split_path(entity)[0]
        cause = self._events[event.id] = _Cause(event.id, (node,), event.id)
        if len(self._events) > REMEMBERED_EVENTS:
            self._events.popitem(last=False)
        if entity in self._watched:
            self._expect(cause, self._triggers.happen(entity, event, self._hass.loop.time()))
        try:
            write(Context(id=event.id))
        except ContractError:
            self._forget(cause)
            raise
        self._tell(cause)
        self._close_later(cause)

    @callback
    def refuse(self, node: str, payload: bytes) -> None:
        """Answer an event that was dropped, as far as its id can be read, so that the node doesn't send it again."""
        try:
            event = Fields(parse(payload, MAX_EVENT_BYTES)).identifier("id", ULID)
        except ContractError:
            return
        self._tell(_Cause(event, (node,), None))

    def watches(self, entity: str) -> bool:
        """Tell whether rules listen to an entity."""
        return entity in self._watched

    @callback
    def change(self, entity: str, entity_id: str, seen: Seen, write: Callable[[], None]) -> None:
        """Let an entity's state change: `write` shows it to Home Assistant, where the entity is called `entity_id`."""
        causes = self._causes(self._triggers.see(entity, seen, self._hass.loop.time()))
        if causes:
            self._writing = entity_id, causes[0].id
        try:
            write()
        except Exception:  # Home Assistant refuses it
            for cause in causes:
                self._forget(cause)
            raise
        finally:
            self._writing = None
        state = self._hass.states.get(entity_id)
        for cause in causes:
            # From now on, what starts late is told apart by it.
            cause.context = state.context.id if state else None
            self._close_later(cause)
        self._schedule_tick()

    def as_dict(self) -> dict[str, Any]:
        """Return what diagnostics show."""
        return dict(self.counts)

    # --- what is expected --------------------------------------------------------------------------------------------

    def _causes(self, firings: Iterable[Firing]) -> list[_Cause]:
        """Return the causes of firings, each with what it should start."""
        together: dict[str, list[Firing]] = {}
        for firing in firings:
            together.setdefault(firing.cause, []).append(firing)
        causes: list[_Cause] = []
        for name, same in together.items():
            entity = same[0].entity
            nodes = (split_path(entity)[0],) if entity else tuple(self._automations.nodes(same[0].rule.id))
            cause = _Cause(name, nodes, None, START_SECONDS if entity else TIME_START_SECONDS)
            self._expect(cause, same)
            causes.append(cause)
        return causes

    def _expect(self, cause: _Cause, firings: Iterable[Firing]) -> None:
        """Take note of what a cause should start; what is switched off declines at once."""
        if not self._hub.taking:
            return
        for automation in dict.fromkeys(firing.rule.id for firing in firings):
            match self._automations.standing(automation):
                case Standing.READY:
                    cause.waiting += (automation,)
                    self._open.setdefault(automation, []).append(cause)
                case Standing.OFF:
                    cause.declined += (automation,)
                    self._tell(cause)
                case _:
                    pass

    def _close_later(self, cause: _Cause) -> None:
        """Say in time that what hasn't started by then has declined."""
        if cause.waiting:
            self._hass.loop.call_later(cause.seconds, self._close, cause)

    def _close(self, cause: _Cause) -> None:
        if cause.waiting:
            cause.declined += cause.waiting
            self._forget(cause)
            self._tell(cause)

    def _forget(self, cause: _Cause) -> None:
        """Wait for nothing more of a cause."""
        for automation in cause.waiting:
            self._arrived(cause, automation)

    def _arrived(self, cause: _Cause, automation: str) -> None:
        """Wait for an automation no longer."""
        cause.waiting = tuple(waiting for waiting in cause.waiting if waiting != automation)
        self._open[automation].remove(cause)
        if not self._open[automation]:
            del self._open[automation]

    # --- what happens ------------------------------------------------------------------------------------------------

    @callback
    def _automation_triggered(self, event: HassEvent[Any]) -> None:
        automation: str = event.data[ATTR_ENTITY_ID]
        parent = event.context.parent_id
        cause = self._events.get(parent) if parent else None
        if cause is None:
            candidates = self._open.get(automation, ())
            cause = next((cause for cause in candidates if cause.context in (None, parent)), None)
        if cause is None:
            return
        self._runs[event.context.id] = cause.id
        if len(self._runs) > REMEMBERED_RUNS:
            self._runs.popitem(last=False)
        if automation in cause.waiting:
            self._arrived(cause, automation)
        if automation not in cause.started and self._automations.standing(automation) is not None:
            cause.started += (automation,)
            self._tell(cause)

    @callback
    def _zone_changed(self, _: HassEvent[Any]) -> None:
        self._triggers.load(self._rules, dt_util.get_default_time_zone())
        self._schedule_tick()

    @callback
    def _tick(self, _: Any) -> None:
        self._tick_due = None
        for cause in self._causes(self._triggers.tick(self._hass.loop.time(), dt_util.utcnow())):
            self._close_later(cause)
        self._schedule_tick()

    def _schedule_tick(self) -> None:
        self._cancel_tick()
        now = self._hass.loop.time()
        if (due := self._triggers.due(now, dt_util.utcnow())) is not None:
            job = HassJob(self._tick, "steward: triggers are due", cancel_on_shutdown=True)
            self._tick_due = async_call_later(self._hass, max(due - now, 0), job)

    def _cancel_tick(self) -> None:
        if self._tick_due:
            self._tick_due()
            self._tick_due = None

    # --- what is told ------------------------------------------------------------------------------------------------

    def _tell(self, cause: _Cause) -> None:
        """Tell the nodes what is new about a cause, after what the automations do first."""
        if not self._hub.taking:
            return
        if not self._untold:
            self._hass.loop.call_soon(self._tell_all)
        if cause not in self._untold:
            self._untold.append(cause)

    def _tell_all(self) -> None:
        most = max(TOLD_AT_ONCE, len(self._untold) // 8)
        causes, self._untold = self._untold[:most], self._untold[most:]
        if self._untold:
            self._hass.loop.call_soon(self._tell_all)
        for cause in causes:
            started, declined = cause.told
            cause.told = len(cause.started), len(cause.declined)
            ack = Ack(cause.id, cause.started[started:], cause.declined[declined:])
            for node in cause.nodes:
                for part in ack.parts():
                    self.answer(node, part)

    def answer(self, node: str, ack: Ack) -> None:
        """Send an ack to a node."""
        self.counts["acks"] += 1
        self.counts["started"] += len(ack.started)
        self.counts["declined"] += len(ack.declined)
        saying = async_say(self._hass, topic(node, Leaf.ACK), ack.encode())
        self._hass.async_create_task(saying, "steward: ack")
