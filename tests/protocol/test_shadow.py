"""Ack or act: who does an action, and that nobody does it twice in effect or late."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from steward_house.protocol.fields import Json
from steward_house.protocol.hub import Ack
from steward_house.protocol.node import Event
from steward_house.protocol.rule_actions import Choose, Delay, Option, Set, Stop
from steward_house.protocol.rule_conditions import StateCondition, TriggerCondition
from steward_house.protocol.rule_fields import Match
from steward_house.protocol.rule_triggers import EventTrigger, StateTrigger, TimeTrigger
from steward_house.protocol.rules import Mode, Rule
from steward_house.protocol.seen import Seen
from steward_house.protocol.shadow import OPEN, PATIENCE, Act, Shadow
from steward_house.protocol.ulid import ulid

ZONE: Final = ZoneInfo("Europe/Berlin")
START: Final = datetime(2026, 11, 20, 12, tzinfo=ZONE)
WAVE: Final = "nursery/event/wave"
LAMP: Final = "nursery/switch/lamp"
FAN: Final = "nursery/switch/fan"
WINDOW: Final = "nursery/binary_sensor/window"
SESSION: Final = "first"
ON: Final = Set(LAMP, "ON")
OFF: Final = Set(LAMP, "OFF")


def rule(
    *actions: object, name: str = "automation.lamp", mode: Mode = Mode.SINGLE, max_runs: int = 10, **rest: object
) -> Rule:
    """Return a rule that a wave starts."""
    return Rule(
        id=name,
        name=name,
        actions=actions,  # type: ignore[arg-type]
        mode=mode,
        max_runs=max_runs,
        **{"triggers": (EventTrigger("wave", (WAVE,), ("started",)),), **rest},  # type: ignore[arg-type]
    )


def _on_window(*actions: object) -> Rule:
    """Return a rule that the window starts when it is opened."""
    return replace(rule(*actions), triggers=(StateTrigger("0", (WINDOW,), target=Match(("on",))),))


class Node:
    """A shadow with a clock that is moved by hand; it notes what is done."""

    def __init__(self, *rules: Rule, session: str | None = SESSION) -> None:
        self.shadow = Shadow(ZONE)
        self.shadow.load(rules)
        self.now = 0.0
        self.acts: list[Act] = []
        self._ids = count()
        self.shadow.tick(self.now, self.wall)
        self.hub(session)

    @property
    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def hub(self, session: str | None) -> None:
        self._take(self.shadow.hub(session, self.now))

    def wave(self, cause: str | None = None) -> str:
        cause = cause or ulid(next(self._ids), bytes(10))
        self._take(self.shadow.happen(WAVE, Event("started", cause, datetime.now(UTC)), self.now, self.wall))
        return cause

    def happen(self, event: Event) -> None:
        self._take(self.shadow.happen(WAVE, event, self.now, self.wall))

    def see(self, entity: str, state: str) -> None:
        self._take(self.shadow.see(entity, Seen(state), self.now, self.wall))

    def ack(self, cause: str, *started: str, declined: tuple[str, ...] = ()) -> None:
        self._take(self.shadow.ack(Ack(cause, started, declined), self.now, self.wall))

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.shadow.due(self.now, self.wall)) is not None and due <= end:
            self.now = max(due, self.now)
            self._take(self.shadow.tick(self.now, self.wall))
            assert (after := self.shadow.due(self.now, self.wall)) is None or after > self.now, "ticks for ever"
        self.now = end

    def _take(self, acts: list[Act]) -> None:
        self.acts += acts

    def told(self) -> list[tuple[str, Json]]:
        """Return what was done since this was asked last."""
        told = [(act.entity, act.value) for act in self.acts]
        self.acts.clear()
        return told


def test_acts_at_once_while_the_hub_is_away() -> None:
    node = Node(rule(ON), session=None)
    cause = node.wave()
    (act,) = node.acts
    assert (act.entity, act.value, act.due, act.away, act.firing.cause) == (LAMP, "ON", 0, True, cause)


def test_leaves_to_the_hub_what_it_started() -> None:
    node = Node(rule(ON))
    cause = node.wave()
    node.pass_time(0.01)
    node.ack(cause, "automation.lamp")
    assert node.shadow.commanded(LAMP, "ON", cause, node.now)
    node.pass_time(60)
    node.hub(None)
    assert node.told() == []


@pytest.mark.parametrize("answer", [None, "another automation"])
def test_acts_when_the_hub_does_not_say_that_it_started(answer: str | None) -> None:
    node = Node(rule(ON))
    cause = node.wave()
    if answer:
        node.ack(cause, "automation.other")
    node.pass_time(PATIENCE - 0.001)
    assert node.told() == []
    node.pass_time(0.001)
    (act,) = node.acts
    assert not act.away
    assert node.now == pytest.approx(PATIENCE)


def test_does_not_act_when_the_hub_declined() -> None:
    node = Node(rule(ON, Delay(5), OFF))
    node.ack(node.wave(), declined=("automation.lamp",))
    node.pass_time(60)
    assert node.told() == []
    node.wave()  # what was declined doesn't keep the next one from running
    node.pass_time(1)
    assert node.told() == [(LAMP, "ON")]


@pytest.mark.parametrize("first", ["command", "ack"])
def test_does_what_was_acked_but_not_commanded_when_the_hub_died(first: str) -> None:
    node = Node(rule(ON, Set(FAN, "ON")))
    cause = node.wave()
    if first == "command":
        assert node.shadow.commanded(LAMP, "ON", cause, node.now)
        node.ack(cause, "automation.lamp")
    else:
        node.ack(cause, "automation.lamp")
        assert node.shadow.commanded(LAMP, "ON", cause, node.now)
    node.pass_time(0.5)
    assert node.told() == []
    node.hub(None)
    assert node.told() == [(FAN, "ON")]


def test_a_command_that_the_hub_has_decided_against_is_not_done_late() -> None:
    node = Node(rule(ON))
    node.ack(node.wave(), "automation.lamp")
    node.pass_time(OPEN)
    node.hub(None)
    assert node.told() == []


@pytest.mark.parametrize("back", [None, "second"])
def test_goes_on_when_the_hub_dies_in_the_middle_of_a_delay(back: str | None) -> None:
    node = Node(rule(ON, Delay(300), OFF))
    cause = node.wave()
    node.ack(cause, "automation.lamp")
    assert node.shadow.commanded(LAMP, "ON", cause, node.now)
    node.pass_time(100)
    node.hub(None)
    node.pass_time(10)
    node.hub(back)
    node.pass_time(189.9)
    assert node.told() == []
    node.pass_time(0.1)
    assert node.told() == [(LAMP, "OFF")]


def test_leaves_the_end_of_a_delay_to_the_hub_that_went_on() -> None:
    node = Node(rule(ON, Delay(300), OFF))
    cause = node.wave()
    node.ack(cause, "automation.lamp")
    assert node.shadow.commanded(LAMP, "ON", cause, node.now)
    node.pass_time(100)
    node.hub(None)  # only the network
    node.hub(SESSION)
    node.pass_time(200)
    assert node.shadow.commanded(LAMP, "OFF", cause, node.now)
    node.pass_time(60)
    assert node.told() == []


def test_a_late_command_of_what_was_done_is_dropped() -> None:
    node = Node(rule(ON))
    cause = node.wave()
    node.pass_time(1)
    assert node.told() == [(LAMP, "ON")]
    for _ in range(2):
        assert not node.shadow.commanded(LAMP, "ON", cause, node.now)
    assert node.shadow.commanded(LAMP, "OFF", cause, node.now)


def test_a_command_that_comes_again_after_the_hubs_restart_is_dropped() -> None:
    node = Node(rule(ON))
    cause = node.wave()
    assert node.shadow.commanded(LAMP, "ON", cause, node.now)  # and its ack was lost
    node.hub(None)
    node.pass_time(8)
    node.hub("second")
    assert not node.shadow.commanded(LAMP, "ON", cause, node.now)


def test_a_command_of_what_was_not_worth_doing_any_more_is_dropped() -> None:
    node = Node(rule(ON))
    cause = node.wave()
    node.pass_time(0.1)
    assert node.shadow.commanded(LAMP, "OFF", "somebody", node.now)
    node.pass_time(1)
    assert not node.shadow.commanded(LAMP, "ON", cause, node.now)
    assert node.told() == []


def test_an_event_that_comes_late_does_not_overwrite_what_a_later_one_did() -> None:
    node = Node(
        rule(ON), rule(OFF, name="automation.off", triggers=(EventTrigger("0", (WAVE,), ("ended",)),)), session=None
    )
    first, second = (datetime(2026, 11, 20, 12, 0, second, tzinfo=UTC) for second in (1, 2))
    node.happen(Event("ended", ulid(2, bytes(10)), second))
    node.pass_time(1)
    node.happen(Event("started", ulid(1, bytes(10)), first))
    assert node.told() == [(LAMP, "OFF")]
    assert not node.shadow.commanded(LAMP, "ON", ulid(1, bytes(10)), node.now)
    node.happen(Event("started", ulid(3, bytes(10)), second))
    assert node.told() == [(LAMP, "ON")]


def test_a_clock_that_is_set_back_makes_no_event_late() -> None:
    node = Node(rule(ON), session=None)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    node.happen(Event("started", ulid(1, bytes(10)), noon))
    node.shadow.commanded(LAMP, "OFF", None, node.now)
    node.pass_time(1)
    for number in range(2, 4):
        node.happen(Event("started", ulid(number, bytes(10)), noon - timedelta(hours=1)))
    assert node.told() == [(LAMP, "ON")] * 3


def test_an_event_that_comes_late_is_still_worth_it_where_nothing_newer_was_done() -> None:
    node = Node(rule(ON), session=None)
    first, second = (datetime(2026, 11, 20, 12, 0, second, tzinfo=UTC) for second in (1, 2))
    node.happen(Event("ended", ulid(2, bytes(10)), second))
    node.happen(Event("started", ulid(1, bytes(10)), first))
    assert node.told() == [(LAMP, "ON")]


def test_a_run_may_tell_the_same_thing_twice() -> None:
    node = Node(rule(ON, Delay(5), OFF, Delay(5), ON))
    cause = node.wave()
    node.ack(cause, "automation.lamp")
    assert node.shadow.commanded(LAMP, "ON", cause, node.now)
    node.pass_time(5)
    assert node.shadow.commanded(LAMP, "OFF", cause, node.now)
    node.pass_time(4.9)
    assert node.shadow.commanded(LAMP, "ON", cause, node.now)  # a little earlier than the node
    node.pass_time(1)
    node.hub(None)
    assert node.told() == []


def test_a_change_that_comes_again_is_commanded_again() -> None:
    changed = Rule("automation.lamp", "", (StateTrigger("0", (WINDOW,), target=Match(("on",))),), (ON,))
    node = Node(changed)
    node.see(WINDOW, "off")
    for _ in range(3):
        node.see(WINDOW, "on")
        assert node.shadow.commanded(LAMP, "ON", f"{WINDOW}=on", node.now)
        node.ack(f"{WINDOW}=on", "automation.lamp")
        node.see(WINDOW, "off")
        node.pass_time(1)
        # The hub may be faster than what tells the node of the change.
        assert node.shadow.commanded(LAMP, "ON", f"{WINDOW}=on", node.now)
        node.see(WINDOW, "on")
        node.ack(f"{WINDOW}=on", "automation.lamp")
        node.see(WINDOW, "off")
        node.pass_time(1)
    node.hub(None)
    assert node.told() == []


@pytest.mark.parametrize("declined", [True, False])
def test_an_ack_is_not_for_what_the_same_change_started_long_ago(*, declined: bool) -> None:
    node = Node(_on_window(Delay(10), ON), session=None)
    node.see(WINDOW, "off")
    node.see(WINDOW, "on")
    node.pass_time(20)
    assert node.told() == [(LAMP, "ON")]
    node.see(WINDOW, "off")
    node.hub(SESSION)
    node.see(WINDOW, "on")
    name = "automation.lamp"
    node.ack(f"{WINDOW}=on", *(() if declined else (name,)), declined=(name,) if declined else ())
    node.pass_time(60)
    assert node.told() == []


def test_what_was_done_long_ago_does_not_keep_the_hub_from_doing_it_again() -> None:
    node = Node(_on_window(ON), session=None)
    node.see(WINDOW, "off")
    node.see(WINDOW, "on")
    assert node.told() == [(LAMP, "ON")]
    node.pass_time(100)
    assert node.shadow.commanded(LAMP, "OFF", "somebody", node.now)
    node.pass_time(100)
    node.hub(SESSION)
    assert node.shadow.commanded(LAMP, "ON", f"{WINDOW}=on", node.now)


def test_forgets_of_a_cause_that_comes_again_and_again() -> None:
    node = Node(_on_window(ON), session=None)
    for _ in range(500):
        for state in ("off", "on"):
            node.see(WINDOW, state)
        node.shadow.commanded(FAN, "ON", "one run that goes on for ever", node.now)
        node.now += 0.01
    for memory in (node.shadow._done, node.shadow._early):
        [(_, told)] = memory._items.values()
        assert len(told) < 200
    assert len(node.told()) == 500


def test_too_much_is_not_held() -> None:
    """Each message would take as long as all that is held; the hub doesn't keep up any more anyway."""
    node = Node(rule(*(Set(f"nursery/light/{number}", "ON") for number in range(100)), mode=Mode.PARALLEL))
    for _ in range(20):
        node.wave()
    assert len(node.shadow._held) == 1000
    assert node.told() == [(f"nursery/light/{number}", "ON") for number in range(100)] * 10
    node.pass_time(1)
    assert len(node.told()) == 1000


def test_follows_so_many_runs_of_a_rule_at_most() -> None:
    node = Node(rule(Delay(10), ON, mode=Mode.PARALLEL, max_runs=2**31), session=None)
    for _ in range(10_500):
        node.wave()
    node.pass_time(10)
    assert len(node.told()) == 10_000


def test_waits_for_one_entity_so_often_at_most() -> None:
    """A light that is dimmed changes often while it stays on; each change waits."""
    light = "nursery/light/cot"
    node = Node(Rule("automation.lamp", "", (StateTrigger("0", (light,), seconds=60),), (ON,)), session=None)
    for number in range(1000):
        node.shadow.see(light, Seen("on", {"brightness": number}), node.now, node.wall)
        node.now += 0.02
    assert sum(len(timers) for timers in node.shadow.triggers._timers.values()) == 100
    node.pass_time(60)
    last = node.acts[-1]
    assert last.due == pytest.approx(60 + 999 * 0.02)
    assert len(node.acts) == 100


def test_a_cause_that_comes_again_starts_nothing() -> None:
    node = Node(rule(ON), session=None)
    cause = node.wave()
    node.told()
    node.wave(cause)
    node.pass_time(9)
    node.wave(cause)
    assert node.told() == []


def test_what_is_older_does_not_overwrite_what_is_newer() -> None:
    node = Node(rule(ON))
    node.wave()
    node.pass_time(0.1)
    assert node.shadow.commanded(LAMP, "OFF", "somebody", node.now)
    node.pass_time(1)
    assert node.told() == []


def test_the_hubs_command_may_come_before_the_node_gets_there() -> None:
    node = Node(rule(ON))
    cause = ulid(5, bytes(10))
    assert node.shadow.commanded(LAMP, "ON", cause, node.now)
    node.ack(cause, "automation.lamp")
    node.pass_time(0.05)
    node.wave(cause)
    node.hub(None)
    assert node.told() == []


def test_an_ack_that_came_early_counts_for_one_change_only() -> None:
    changed = Rule(
        "automation.lamp", "lamp", (StateTrigger("0", (WINDOW,), target=Match(("on",))),), (ON,), mode=Mode.SINGLE
    )
    node = Node(changed)
    node.see(WINDOW, "off")
    node.ack(f"{WINDOW}=on", "automation.lamp")
    node.see(WINDOW, "on")
    node.pass_time(1)
    assert node.shadow.commanded(LAMP, "ON", f"{WINDOW}=on", node.now)
    node.see(WINDOW, "off")
    node.see(WINDOW, "on")
    node.pass_time(1)
    assert node.told() == [(LAMP, "ON")]


@pytest.mark.parametrize("why", ["busy", "conditions"])
def test_follows_the_hub_where_it_thinks_otherwise(why: str) -> None:
    conditions = (StateCondition((WINDOW,), ("off",)),) if why == "conditions" else ()
    node = Node(rule(Delay(10), ON, conditions=conditions))
    if why == "busy":
        node.wave()
        node.pass_time(5)
    cause = node.wave()
    node.ack(cause, "automation.lamp")
    node.pass_time(9)
    node.hub(None)
    assert node.told() == []
    node.pass_time(1)
    assert node.told() == [(LAMP, "ON")]


def test_single_is_busy_until_the_run_has_ended() -> None:
    node = Node(rule(ON, Delay(10), OFF), session=None)
    node.wave()
    node.pass_time(5)
    node.wave()
    node.pass_time(5)
    assert node.told() == [(LAMP, "ON"), (LAMP, "OFF")]
    node.wave()
    assert node.told() == [(LAMP, "ON")]


def test_restart_begins_anew() -> None:
    node = Node(rule(ON, Delay(10), OFF, mode=Mode.RESTART), session=None)
    node.wave()
    node.pass_time(5)
    node.wave()
    node.pass_time(9)
    assert node.told() == [(LAMP, "ON"), (LAMP, "ON")]
    node.pass_time(1)
    assert node.told() == [(LAMP, "OFF")]


def test_queued_runs_one_after_the_other_up_to_its_most() -> None:
    node = Node(rule(ON, Delay(10), OFF, mode=Mode.QUEUED, max_runs=2), session=None)
    for _ in range(3):
        node.wave()
    assert node.told() == [(LAMP, "ON")]
    node.pass_time(10)
    assert node.told() == [(LAMP, "OFF"), (LAMP, "ON")]
    node.pass_time(60)
    assert node.told() == [(LAMP, "OFF")]


def test_a_long_queue_ends_at_once() -> None:
    actions = (Choose((Option((StateCondition((WINDOW,), ("on",)),), (Delay(10),)),)), ON)
    node = Node(rule(*actions, mode=Mode.QUEUED, max_runs=5000), session=None)
    node.see(WINDOW, "on")
    for _ in range(5000):
        node.wave()
    node.see(WINDOW, "off")
    node.pass_time(10)
    assert len(node.told()) == 5000


def test_a_declined_run_lets_the_next_in_the_queue_begin() -> None:
    node = Node(rule(Delay(10), ON, mode=Mode.QUEUED))
    first, second = node.wave(), node.wave()
    node.ack(first, declined=("automation.lamp",))
    node.ack(second, "automation.lamp")
    node.hub(None)
    node.pass_time(10)
    assert node.told() == [(LAMP, "ON")]


def test_parallel_runs_side_by_side() -> None:
    node = Node(rule(Delay(10), ON, mode=Mode.PARALLEL), session=None)
    node.wave()
    node.pass_time(5)
    node.wave()
    node.pass_time(5)
    assert node.told() == [(LAMP, "ON")]
    node.pass_time(5)
    assert node.told() == [(LAMP, "ON")]


def test_two_rules_that_fight_end_as_in_their_order() -> None:
    node = Node(rule(ON, name="automation.a"), rule(OFF, name="automation.b"))
    cause = node.wave()
    node.ack(cause, "automation.a")  # the hub lost the second one
    assert node.shadow.commanded(LAMP, "ON", cause, node.now)
    node.pass_time(1)
    assert node.told() == [(LAMP, "OFF")]


def test_chooses_and_stops() -> None:
    by_window = Choose((Option((StateCondition((WINDOW,), ("on",)),), (OFF, Stop())),), (ON,))
    node = Node(
        rule(by_window, Stop((TriggerCondition(("wave",)),)), Set(FAN, "ON"), Stop(), Set(FAN, "OFF")), session=None
    )
    node.wave()
    assert node.told() == [(LAMP, "ON"), (FAN, "ON")]
    node.see(WINDOW, "on")
    node.wave()
    assert node.told() == [(LAMP, "OFF")]


def test_a_time_of_the_day_is_acked_by_its_own_cause() -> None:
    morning = Rule("automation.morning", "Morning", (TimeTrigger("0", time(12, 1)),), (ON,))
    node = Node(morning)
    node.pass_time(60.5)
    node.ack("automation.morning@2026-11-20T11:01:00+00:00", "automation.morning")
    node.pass_time(1)
    assert node.told() == []
    node.pass_time(86400)
    assert node.told() == [(LAMP, "ON")]


def test_a_time_of_the_day_soon_after_the_start() -> None:
    node = Node(Rule("automation.soon", "Soon", (TimeTrigger("0", time(12, 0, 8)),), (ON,)), session=None)
    node.pass_time(9)
    assert node.told() == [(LAMP, "ON")]


def test_a_rule_that_goes_ends_its_runs_and_one_that_stays_does_not() -> None:
    lamp, fan = rule(Delay(10), ON), rule(Delay(10), Set(FAN, "ON"), name="automation.fan")
    node = Node(lamp, fan, session=None)
    node.wave()
    node.shadow.load([fan])
    node.pass_time(60)
    assert node.told() == [(FAN, "ON")]


def test_what_was_due_when_a_rule_was_edited_is_done() -> None:
    node = Node(rule(ON))
    node.wave()
    node.shadow.load([rule(ON, Delay(1), OFF)])
    node.pass_time(1)
    assert node.told() == [(LAMP, "ON")]
