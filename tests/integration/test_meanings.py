"""What rules mean: the same happenings come to automations in Home Assistant and to the rules that they are; both must do the same."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import os
from typing import Any, Final
from unittest.mock import patch
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from custom_components.steward.const import DOMAIN
from custom_components.steward.dispatch import async_get_dispatcher
from custom_components.steward.protocol.entity import EventInfo, State
from custom_components.steward.protocol.node import (
    Capability,
    Command,
    Event,
    Leaf,
    NodeInfo,
    command_topic,
    state_topic,
)
from custom_components.steward.protocol.rules import Mode, Rule, Rulebook, split_path
from custom_components.steward.protocol.seen import GONE, Seen, see_payload
from custom_components.steward.protocol.shadow import Act, Shadow
from custom_components.steward.protocol.ulid import ulid

from .conftest import area_entry
from .meanings import ENTITIES, NODES, TARGETS, Author, Happen, Happening, Leave, Return, Say, Story
from .stories import PICKED

INSTANCES: Final = {node: ulid(number, bytes(10)) for number, node in enumerate(NODES)}
BEFORE: Final = 20.0
"""Seconds before a story begins, in which Home Assistant hands out the rules."""
STORIES: Final = int(os.environ.get("STEWARD_STORIES", "6"))
FIRST: Final = int(os.environ.get("STEWARD_FIRST_STORY", "0"))


@dataclass(frozen=True, slots=True)
class Deed:
    """An entity was told what to be: how many seconds after the beginning, and by which happening, None for by time alone."""

    at: float
    happening: int | None
    entity: str
    value: State

    @property
    def rule(self) -> str:
        """Which rule did it: each has targets of its own."""
        return self.entity.rpartition("_")[2]


def event(happening: Happen, number: int, at: datetime) -> Event:
    """Return the event that a story's n-th happening is."""
    return Event(happening.event_type, ulid(number, bytes(10)), at.astimezone(UTC), happening.attributes)


class Clock:
    """A clock that stands still unless it is set: the time of Home Assistant's event loop, and the time of the day."""

    def __init__(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, begin: datetime) -> None:
        """Set it to a story's beginning; `now` are the seconds since then."""
        self._loop: Any = hass.loop
        self._freezer = freezer
        self._begin = begin.astimezone(UTC)
        self.now = -BEFORE
        freezer.move_to(self.wall)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the event loop go by this clock."""
        with patch.object(self._loop, "time", lambda: self.now):
            yield

    @property
    def wall(self) -> datetime:
        """The time of the day, in UTC."""
        return self._begin + timedelta(seconds=self.now)

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        await asyncio.sleep(0)
        while self._loop._ready:  # noqa: ASYNC110 -- there is no event for an event loop that has nothing to do
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        """Let time pass; on the way everything that waits for a time comes at its time."""
        end = self.now + seconds
        while timers := [timer.when() for timer in self._loop._scheduled if not timer.cancelled()]:
            if (when := min(timers)) > end:
                break
            await self._set(max(when, self.now))
        await self._set(end)

    async def _set(self, now: float) -> None:
        self.now = now
        self._freezer.move_to(self.wall)
        await self.settle()


class House:
    """Home Assistant with the nodes, and what its automations tell them."""

    def __init__(self, hass: HomeAssistant, mqtt: Any, clock: Clock) -> None:
        """Take Home Assistant and its MQTT client."""
        self._hass = hass
        self._clock = clock
        self._happening: int | None = None
        self._targets = {command_topic(*split_path(path)): path for path in ENTITIES}
        self.deeds: list[Deed] = []
        self.rulebook = Rulebook(0, "UTC")
        mqtt.async_publish.side_effect = self._published

    async def build(self, zone: str) -> None:
        """Add the nodes."""
        assert await async_setup_component(self._hass, "homeassistant", {})
        await self._hass.config.async_set_time_zone(zone)
        for node, infos in NODES.items():
            entry = area_entry(self._hass, node, INSTANCES[node])
            if entry.state is ConfigEntryState.NOT_LOADED:
                assert await self._hass.config_entries.async_setup(entry.entry_id)
            await self._hass.async_block_till_done()
            can = (Capability.RULES,) if node == TARGETS else ()
            info = NodeInfo(instance=INSTANCES[node], name=node.title(), entities=infos, capabilities=can)
            self._say(f"steward/{node}/info", info.encode())
            self._say(f"steward/{node}/status", b"online")
            await self._hass.async_block_till_done()

    async def live(self, story: Story) -> None:
        """Let a story happen."""
        for path, payload in story.states.items():
            self._say(state_topic(*split_path(path)), payload)
        automations = story.automations(self._entity_id)
        assert await async_setup_component(self._hass, "automation", {"automation": automations})
        assert [state.state for state in self._hass.states.async_all("automation")] == ["on"] * len(automations)
        await self._clock.wait(BEFORE)
        for number, (seconds, happening) in enumerate(story.happenings):
            await self._clock.wait(seconds)
            self._happening = number
            self._happen(happening, number)
            await self._clock.settle()
            self._happening = None
        await self._clock.wait(story.rest)

    def _happen(self, happening: Happening, number: int) -> None:
        match happening:
            case Say(path, payload):
                self._say(state_topic(*split_path(path)), payload)
            case Happen(path):
                info = ENTITIES[path]
                assert isinstance(info, EventInfo)
                payload = event(happening, number, self._clock.wall).encode(info)
                self._say(state_topic(*split_path(path)), payload)
            case Leave(node):
                self._say(f"steward/{node}/status", b"offline")
            case Return(node):
                self._say(f"steward/{node}/status", b"online")

    def _say(self, topic: str, payload: bytes) -> None:
        async_fire_mqtt_message(self._hass, topic, payload)

    async def _published(self, topic: str, payload: bytes, *_: object, **__: object) -> None:
        if topic == f"steward/{TARGETS}/{Leaf.RULES}":
            self.rulebook = Rulebook.decode(payload)
        if path := self._targets.get(topic):
            target = Command.decode(payload, ENTITIES[path]).target
            self.deeds.append(Deed(self._clock.now, self._happening, path, target))

    def _entity_id(self, path: str) -> str:
        entity_id = er.async_get(self._hass).async_get_entity_id(split_path(path)[1], DOMAIN, path)
        assert entity_id is not None, path
        return entity_id


class Node:
    """A node that runs the rules while Home Assistant is away, and what it tells the entities."""

    def __init__(self, zone: str) -> None:
        """Begin without rules."""
        self._zone = ZoneInfo(zone)
        self._shadow = Shadow(self._zone)
        self._now = -BEFORE
        self._seen: dict[str, Seen] = {}
        self.deeds: list[Deed] = []

    def live(self, story: Story, rulebook: Rulebook) -> None:
        """Let a story happen."""
        self._begin = story.begin.replace(tzinfo=self._zone).astimezone(UTC)
        for path, payload in story.states.items():
            self._happen(Say(path, payload), None)
        self._shadow.load(rulebook.rules, ZoneInfo(rulebook.zone))
        self._now = 0.0
        for number, (seconds, happening) in enumerate(story.happenings):
            self._wait(seconds)
            self._happen(happening, number)
        self._wait(story.rest)

    @property
    def _wall(self) -> datetime:
        return (self._begin + timedelta(seconds=self._now)).astimezone(self._zone)

    def _happen(self, happening: Happening, number: int | None) -> None:
        match happening:
            case Say(path, payload):
                self._seen[path] = see_payload(split_path(path)[1], payload)
                self._note(self._shadow.see(path, self._seen[path], self._now, self._wall), number)
            case Happen(path):
                at = event(happening, number or 0, self._wall)
                self._note(self._shadow.happen(path, at, self._now, self._wall), number)
                self._seen[path] = self._shadow.triggers.view.get(path) or GONE
            case Leave(node):
                for path in self._of(node):
                    self._note(self._shadow.see(path, GONE, self._now, self._wall), number)
            case Return(node):
                for path in self._of(node):
                    self._note(self._shadow.see(path, self._seen[path], self._now, self._wall), number)

    def _of(self, node: str) -> list[str]:
        return [path for path in ENTITIES if path in self._seen and split_path(path)[0] == node]

    def _wait(self, seconds: float) -> None:
        end = self._now + seconds
        while (due := self._shadow.due(self._now, self._wall)) is not None and due <= end:
            self._now = max(due, self._now)
            self._note(self._shadow.tick(self._now, self._wall), None)
        self._now = end

    def _note(self, acts: list[Act], number: int | None) -> None:
        self.deeds += [Deed(self._now, number, act.entity, ENTITIES[act.entity].from_json(act.value)) for act in acts]


async def lived(hass: HomeAssistant, mqtt: Any, freezer: FrozenDateTimeFactory, story: Story) -> list[Deed]:
    """Let a story happen in Home Assistant and at a node, which must do the same; return what portable automations did."""
    clock = Clock(hass, freezer, story.begin.replace(tzinfo=ZoneInfo(story.zone)))
    house = House(hass, mqtt, clock)
    # Home Assistant waits up to half a second more for times of the day, so that not all houses do the same at once.
    with (
        clock.running(),
        patch.multiple("homeassistant.helpers.event", RANDOM_MICROSECOND_MIN=0, RANDOM_MICROSECOND_MAX=0),
    ):
        await house.build(story.zone)
        await house.live(story)
    compiled = async_get_dispatcher(hass).rulebooks.compiled
    rulebook = replace(house.rulebook, rules=tuple(rule for rule in house.rulebook.rules if not compiled[rule.id].left))
    portable = {rule.id.rpartition("_")[2]: rule for rule in rulebook.rules}
    node = Node(story.zone)
    node.live(story, rulebook)
    deeds = [deed for deed in house.deeds if deed.rule in portable]
    for rule in portable.values():
        assert of_rule(deeds, rule) == of_rule(node.deeds, rule), rule
    assert starts(deeds, portable) == starts(node.deeds, portable)
    return deeds


def of_rule(deeds: list[Deed], rule: Rule) -> list[Deed]:
    """Return what one rule did, in its order.

    Where a run restarts several times at one moment, the last one counts: Home Assistant may end the others before they do anything.
    What parallel runs do at one moment has no order.
    """
    mine: list[Deed] = []
    for deed in deeds:
        if deed.rule != rule.id.rpartition("_")[2]:
            continue
        if rule.mode is Mode.RESTART and is_start(deed):
            while mine and (mine[-1].at, mine[-1].happening) == (deed.at, deed.happening):
                mine.pop()
        mine.append(deed)
    return sorted(mine, key=lambda deed: (deed.at, repr(deed))) if rule.mode is Mode.PARALLEL else mine


def is_start(deed: Deed) -> bool:
    """Tell whether this is the first that a run does."""
    return deed.entity.startswith(f"{TARGETS}/switch/run_")


def starts(deeds: list[Deed], rules: Mapping[str, Rule]) -> list[Deed]:
    """Return the beginnings of runs that something other than time has started, in their order; of runs that don't restart."""
    return [
        deed
        for deed in deeds
        if deed.happening is not None and is_start(deed) and rules[deed.rule].mode is not Mode.RESTART
    ]


@pytest.mark.parametrize("seed", range(FIRST, FIRST + STORIES))
async def test_random_stories(hass: HomeAssistant, mqtt_mock: Any, freezer: FrozenDateTimeFactory, seed: int) -> None:
    deeds = await lived(hass, mqtt_mock, freezer, Author(seed).story(rules=16, happenings=60))
    assert deeds


@pytest.mark.parametrize("name", PICKED)
async def test_picked_stories(hass: HomeAssistant, mqtt_mock: Any, freezer: FrozenDateTimeFactory, name: str) -> None:
    story, told = PICKED[name]
    deeds = await lived(hass, mqtt_mock, freezer, story)
    assert [(deed.at, deed.entity.partition("/")[2], deed.value) for deed in deeds] == told
