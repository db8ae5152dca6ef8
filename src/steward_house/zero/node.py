"""What the node is and knows: its modules' entities and their last states.

Modules tell it (through their contexts), the link takes from it what is to be sent, the dispatcher watches it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
import logging
import re
import secrets
from typing import Final, Protocol

from ..protocol.entity import (
    BinarySensorInfo,
    ButtonInfo,
    Category,
    EntityInfo,
    EventInfo,
    NumberInfo,
    State,
    SwitchInfo,
    read_entity,
)
from ..protocol.fields import MAX_TEXT, ContractError, Fields, Json, Reason
from ..protocol.node import (
    MAX_ENTITIES,
    MAX_STATES_BYTES,
    ROOT,
    Capability,
    Event,
    Leaf,
    ModuleInfo,
    NodeInfo,
    encode_states,
    state_topic,
    topic,
)
from ..protocol.ulid import RANDOM_BYTES, ulid
from .clock import Clock
from .commands import EntityId
from .machine import Machine
from .settings import OWN_MODULES, Settings
from .storage import Storage, StorageError
from .words import printable
from .worker import HangingError, Worker

_LOG: Final = logging.getLogger(__name__)
_DOCUMENT: Final = "node"
_NAME: Final = re.compile(r"[a-z_]+/[a-z0-9_-]+")
_LONGEST_REASON: Final = "\U00010000" * MAX_TEXT
"""As many bytes as a module's problem can have."""
_SAVING: Final = 20.0
"""Seconds that the disk may take."""


class Watcher(Protocol):
    """Who is told at once what happens at the node."""

    def own_state(self, entity: EntityInfo, state: State) -> None:
        """Take a state that has changed."""

    def own_gone(self, identity: EntityId) -> None:
        """Take that there is an entity no more."""

    def own_event(self, entity: EventInfo, event: Event, payload: bytes, when: float) -> None:
        """Take an event: itself, written, and the loop's time when it happened."""


class Node:
    """The node itself. `changed` is set whenever there is something to send, `unsaved` whenever there is something to keep."""

    def __init__(self, settings: Settings, machine: Machine, storage: Storage, instance: str, clock: Clock) -> None:
        """Start from what the last run kept."""
        self.id = settings.node
        self.changed = asyncio.Event()
        self.unsaved = asyncio.Event()
        self.stale_topics: set[str] = set()
        self._settings = settings
        self._machine = machine
        self._storage = storage
        self._instance = instance
        self._clock = clock
        self._watcher: Watcher | None = None
        modules = (*OWN_MODULES, *(module.name for module in settings.modules))
        self._problems: dict[str, str | None] = dict.fromkeys(modules)
        self._declared: dict[str, tuple[EntityInfo, ...]] = dict.fromkeys(modules, ())
        self._entities: dict[EntityId, EntityInfo] = {}
        self._states: dict[EntityId, State] = {}
        self._last: dict[EntityId, State] = {}
        self._kept: dict[str, Json] = {}
        self._dirty: set[EntityId] = set()
        self._info_dirty = True
        self._unfit = False
        self._disk = Worker("storage")
        self._saving = asyncio.Lock()
        self._saved: Json = None
        self._save_failed = False
        self._restore()
        self._index()
        for module in self._problems:
            self._set(_problem_entity(module), False)  # noqa: FBT003

    # --- for modules -------------------------------------------------------------------------------------------------

    def declare(self, module: str, entities: tuple[EntityInfo, ...]) -> None:
        """Take the entities that a module has from now on.

        Raises:
            ContractError: one of them is not valid, or has another one's id.
        """
        if entities == self._declared[module]:
            return
        declared = {**self._declared, module: entities}
        others = {entity.id: name for name in declared if name != module for entity in declared[name]} | {
            _problem_entity(name).id: "the node" for name in declared
        }
        for entity in entities:
            if entity.id in others:
                raise ContractError(Reason.DUPLICATE_KEY, entity.key, f"belongs to {others[entity.id]}")
            if read_entity(entity.declare(), entity.key) != entity:
                raise ContractError(Reason.BAD_VALUE, entity.key, "can't be declared like this")
            others[entity.id] = module
        if len(others) > MAX_ENTITIES:
            raise ContractError(Reason.TOO_LARGE, "entities", f"a node has at most {MAX_ENTITIES}")
        self._check_size(declared)
        self._declared = declared
        self._index()

    def publish(self, module: str, entity: EntityInfo, state: State) -> None:
        """Take an entity's state.

        Raises:
            ContractError: the module has no such entity, or the entity can't have such a state.
        """
        declared = self._owned(module, entity)
        declared.encode(state)
        self._set(declared, state)
        if state is not None:
            self._last[entity.id] = state
            self._keep(declared, state)

    def last(self, entity: EntityInfo) -> State:
        """Return the last state that an entity is known to have had; None if there was none."""
        if entity.id in self._last:
            return self._last[entity.id]
        try:
            return entity.from_json(self._kept.get(_name(entity)))
        except ContractError:
            return None

    def happen(self, module: str, entity: EventInfo, event_type: str, attributes: Mapping[str, Json]) -> Event:
        """Take an event that happens now.

        Raises:
            ContractError: the module has no such entity, or the entity no such events.
        """
        declared = self._owned(module, entity)
        assert isinstance(declared, EventInfo)  # noqa: S101 (same id, same platform)
        at = self._clock.now()
        event = Event(event_type, ulid(round(at.timestamp() * 1000), secrets.token_bytes(RANDOM_BYTES)), at, attributes)
        payload = event.encode(declared)
        if self._watcher is not None:
            self._watcher.own_event(declared, event, payload, asyncio.get_running_loop().time())
        return event

    # --- for the supervisor ------------------------------------------------------------------------------------------

    def set_problem(self, module: str, reason: str | None) -> None:
        """Say what keeps a module from working; None when it works."""
        if reason is not None:
            reason = printable(reason) or "no reason was given"
        if self._problems[module] != reason:
            self._problems[module] = reason
            self._info_dirty = True
            self._set(_problem_entity(module), reason is not None)
            self.changed.set()

    def forget(self, module: str) -> None:
        """Say that nothing is known of a module's entities any more: while it doesn't run, nobody looks."""
        for entity in self._declared[module]:
            if _has_state(entity):
                self._set(entity, None)

    # --- for the dispatcher ------------------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> None:
        """Have somebody told what happens."""
        self._watcher = watcher

    def states(self) -> Iterator[tuple[EntityInfo, State]]:
        """Yield the entities that have states, and those."""
        return ((self._entities[identity], state) for identity, state in self._states.items())

    # --- for the link ------------------------------------------------------------------------------------------------

    def entity(self, identity: EntityId) -> EntityInfo | None:
        """Return one of the node's entities."""
        return self._entities.get(identity)

    def touch_everything(self) -> None:
        """Have the info and all states sent again."""
        self._info_dirty = True
        self._dirty.update(entity.id for entity in self._entities.values() if _has_state(entity))
        self.changed.set()

    def take_info(self) -> bytes | None:
        """Return the info if it is to be sent."""
        if not self._info_dirty:
            return None
        self._info_dirty = False
        return self._info(self._problems, self._declared).encode()

    def take_states(self) -> list[tuple[str, bytes]]:
        """Return the topics and payloads of the states that are to be sent."""
        dirty = [self._entities[identity] for identity in self._dirty if identity in self._entities]
        self._dirty.clear()
        node = self._settings.node
        if not self._settings.mqtt.batch:
            return [
                (state_topic(node, entity.platform, entity.key), entity.encode(self._states.get(entity.id)))
                for entity in dirty
            ]
        if not dirty:
            return []
        states = {entity: self._states.get(entity.id) for entity in self._entities.values() if _has_state(entity)}
        return [(topic(node, Leaf.STATES), self._encode_together(states))]

    def cleared(self, stale: str) -> None:
        """Forget a topic on which the broker keeps nothing any more."""
        self.stale_topics.discard(stale)
        self.unsaved.set()

    def state_topics(self) -> set[str]:
        """Return the topics on which the broker keeps states of this node as it is now."""
        node = self._settings.node
        if self._settings.mqtt.batch:
            return {topic(node, Leaf.STATES)}
        return {
            state_topic(node, entity.platform, entity.key) for entity in self._entities.values() if _has_state(entity)
        }

    # --- what outlives a run -----------------------------------------------------------------------------------------

    async def save(self) -> None:
        """Keep what the next run must know: the entities (their modules may fail to start), the topics to clear, what was set."""
        async with self._saving:
            self.unsaved.clear()
            document: Json = {
                "entities": [entity.declare() for declared in self._declared.values() for entity in declared],
                "topics": [*sorted(self.stale_topics | self.state_topics())],
                "states": {**self._kept},
            }
            if document == self._saved:
                return
            # A save that is cancelled goes on all the same: until this one is done nobody knows what is kept.
            self._saved = None
            try:
                # One thread for all: a save that is cancelled or hangs doesn't come after a later one.
                await self._disk.call(partial(self._storage.save, _DOCUMENT, document), _SAVING)
            except (StorageError, HangingError) as error:
                if not self._save_failed:
                    _LOG.warning("Can't keep anything for the next run: %s", error)
                self._save_failed = True
            else:
                self._saved = document
                self._save_failed = False

    async def save_changes(self) -> None:
        """Keep what changes, for ever."""
        while True:
            await self.unsaved.wait()
            await self.save()
            await asyncio.sleep(1)  # a slider that is being moved doesn't wear the SD card out

    def _restore(self) -> None:
        document = self._storage.load(_DOCUMENT)
        try:
            fields = Fields(document)
            topics = fields.texts("topics", 4 * MAX_ENTITIES)
            self._kept = fields.object("states", MAX_ENTITIES, _NAME, lambda value, _: value)
            entities = fields.items("entities", MAX_ENTITIES, read_entity)
        except ContractError as error:
            if document is not None:
                _LOG.warning("What the last run kept can't be read: %s", error)
            return
        self._saved = document
        # Those of another id are another node's by now.
        self.stale_topics = {text for text in topics if text.startswith(f"{ROOT}/{self._settings.node}/")}
        declared = {
            module: tuple(entity for entity in entities if entity.module == module) for module in self._declared
        }
        try:
            self._check_size(declared)
        except ContractError as error:
            _LOG.warning("The entities that the last run kept can't be declared any more: %s", error)
        else:
            self._declared = declared

    # --- what must fit -----------------------------------------------------------------------------------------------

    def _info(self, problems: Mapping[str, str | None], declared: Mapping[str, tuple[EntityInfo, ...]]) -> NodeInfo:
        capabilities = (
            Capability.COMMANDS,
            Capability.RULES,
            *((Capability.STATES,) if self._settings.mqtt.batch else ()),
        )
        return NodeInfo(
            instance=self._instance,
            name=self._settings.name,
            area=self._settings.area,
            manufacturer=self._machine.manufacturer,
            model=self._machine.model,
            versions=self._machine.versions,
            capabilities=tuple(capability.value for capability in capabilities),
            modules={name: ModuleInfo(problem=reason) for name, reason in problems.items()},
            entities=_all_entities(declared),
        )

    def _check_size(self, declared: Mapping[str, tuple[EntityInfo, ...]]) -> None:
        """Refuse entities with which the info would not be valid, whatever problems the modules may come to have."""
        self._info(dict.fromkeys(declared, _LONGEST_REASON), declared).encode()

    def _encode_together(self, states: dict[EntityInfo, State]) -> bytes:
        """Write all states as one message; the longest become unknown until it is not too large."""
        try:
            payload = encode_states(states)
        except ContractError as error:
            if error.reason is not Reason.TOO_LARGE:
                raise
        else:
            self._unfit = False
            return payload
        if not self._unfit:
            _LOG.warning("Too much for one message of states: the longest are told as unknown")
        self._unfit = True
        sizes = {entity: len(encode_states({entity: state})) for entity, state in states.items()}
        excess = sum(sizes.values()) - MAX_STATES_BYTES
        for entity in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if excess <= 0:
                break
            states[entity] = None
            excess -= sizes[entity] - len(encode_states({entity: None}))
        return encode_states(states)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _owned(self, module: str, entity: EntityInfo) -> EntityInfo:
        declared = self._entities.get(entity.id)
        if declared is None or declared.module != module:
            raise ContractError(Reason.UNKNOWN_ENTITY, entity.key, f"not declared by {module}")
        return declared

    def _index(self) -> None:
        before = self._entities
        self._entities = {entity.id: entity for entity in _all_entities(self._declared)}
        self.stale_topics |= {
            state_topic(self._settings.node, entity.platform, entity.key)
            for entity in before.values()
            if _has_state(entity) and entity.id not in self._entities and not self._settings.mqtt.batch
        }
        self.stale_topics -= self.state_topics()
        for identity in before.keys() - self._entities.keys():
            self._states.pop(identity, None)
            if self._watcher is not None:
                self._watcher.own_gone(identity)
        self._dirty |= {
            entity.id for entity in self._entities.values() if entity.id not in before and _has_state(entity)
        }
        self._info_dirty = True
        self.unsaved.set()
        self.changed.set()

    def _set(self, entity: EntityInfo, state: State) -> None:
        if entity.id not in self._states or self._states[entity.id] != state:
            self._states[entity.id] = state
            self._dirty.add(entity.id)
            self.changed.set()
            if self._watcher is not None:
                self._watcher.own_state(entity, state)

    def _keep(self, entity: EntityInfo, state: State) -> None:
        if isinstance(entity, SwitchInfo | NumberInfo) and self._kept.get(_name(entity)) != (
            kept := entity.to_json(state)
        ):
            self._kept[_name(entity)] = kept
            self.unsaved.set()


def _all_entities(declared: Mapping[str, tuple[EntityInfo, ...]]) -> tuple[EntityInfo, ...]:
    return tuple(entity for module in declared for entity in (_problem_entity(module), *declared[module]))


def _problem_entity(module: str) -> BinarySensorInfo:
    return BinarySensorInfo(
        key=f"problem_{module}",
        name=f"Problem in {module}",
        translation_key="module_problem",
        placeholders={"module": module},
        device_class="problem",
        category=Category.DIAGNOSTIC,
        module=module,
    )


def _has_state(entity: EntityInfo) -> bool:
    return not isinstance(entity, EventInfo | ButtonInfo)


def _name(entity: EntityInfo) -> str:
    return f"{entity.platform}/{entity.key}"
