"""An area node, as the hub sees it: one per config entry.

It subscribes to its node's topics. `info` tells which entities there are: they are made, and taken away, as it changes. `status`
makes them available or not; their states come one by one or all at once, events one by one. What breaks the contract is dropped
and counted.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
import logging
from typing import Any, Final, cast

from homeassistant.components import mqtt
from homeassistant.components.mqtt import ReceiveMessage
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import UNDEFINED
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from ..const import CONF_INSTANCE, CONF_NODE, DOMAIN
from ..protocol.entity import MAX_STATE_BYTES, EntityInfo, EventInfo, Platform, State
from ..protocol.fields import ContractError, Reason
from ..protocol.node import (
    MAX_ENTITIES,
    Capability,
    Command,
    Event,
    Leaf,
    ModuleInfo,
    NodeInfo,
    Status,
    command_topic,
    decode_states,
    state_topic,
    topic,
)
from .drops import Drops
from .entity import AreaEntity
from .house import async_get_house
from .issues import async_clear_other_instance, async_report_other_instance

_LOGGER = logging.getLogger(__name__)

REMEMBERED_EVENTS: Final = 512

type StewardConfigEntry = ConfigEntry[AreaNode]
type EntityFactory = Callable[[AreaNode, Any], AreaEntity[Any]]


@dataclass(frozen=True, slots=True)
class _PlatformSetup:
    """How a platform's entities are made and added."""

    make: EntityFactory
    add: AddConfigEntryEntitiesCallback


class AreaNode:
    """One node: its subscriptions, its latest info, its entities."""

    device: dr.DeviceEntry

    def __init__(self, hass: HomeAssistant, entry: StewardConfigEntry) -> None:
        """Take what the config entry says; nothing is subscribed yet."""
        self.hass = hass
        self.entry = entry
        self.id: str = entry.data[CONF_NODE]
        self.info: NodeInfo | None = None
        self.online = False
        self.drops = Drops()
        # By the topic of their state, which is what a message brings.
        self.entities: dict[str, AreaEntity[Any]] = {}
        self._platforms: dict[Platform, _PlatformSetup] = {}
        self._early: dict[str, bytes] = {}
        self._event_ids: OrderedDict[str, None] = OrderedDict()

    async def async_check_broker(self) -> None:
        """Make sure that there is a connection to the broker.

        Raises:
            ConfigEntryNotReady: there is none (a client of Home Assistant's MQTT integration may exist without one).
        """
        if not await mqtt.async_wait_for_mqtt_client(self.hass) or not mqtt.is_connected(self.hass):
            raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="broker_unavailable")

    def module(self, name: str | None) -> ModuleInfo | None:
        """Return what the node says of one of its modules."""
        return self.info.modules.get(name) if self.info and name else None

    def register_device(self) -> None:
        """Make the node's device, from its info where there is one, so that entities can be attached to it."""
        info = self.info
        self.device = dr.async_get(self.hass).async_get_or_create(
            config_entry_id=self.entry.entry_id,
            identifiers={(DOMAIN, self.id)},
            name=info.name if info else self.entry.title,
            manufacturer=info.manufacturer if info else UNDEFINED,
            model=info.model if info else UNDEFINED,
            sw_version=info.versions.get("steward") if info else UNDEFINED,
            suggested_area=info.area if info else UNDEFINED,
        )

    @callback
    def async_add_platform(self, platform: Platform, make: EntityFactory, add: AddConfigEntryEntitiesCallback) -> None:
        """Take a platform that is ready for entities. All of them are, before the first message is asked for."""
        self._platforms[platform] = _PlatformSetup(make, add)

    async def async_subscribe(self) -> None:
        """Ask the broker for the node's messages, until the entry is unloaded."""
        for leaf, receive, qos in (
            # First: entities that know already whether they are available are written once.
            (Leaf.STATUS, self._receive_status, 1),
            (Leaf.INFO, self._receive_info, 1),
            (Leaf.STATES, self._receive_states, 0),
        ):
            self.entry.async_on_unload(
                await mqtt.async_subscribe(self.hass, topic(self.id, leaf), receive, qos, encoding=None)
            )
        self.entry.async_on_unload(await async_get_house(self.hass).async_join(self.id, self._receive_state))
        self.entry.async_on_unload(mqtt.async_subscribe_connection_status(self.hass, self._connection_changed))

    async def async_command(self, info: EntityInfo, target: State, context: Context | None) -> None:
        """Tell an entity of the node what to be.

        Raises:
            HomeAssistantError: there is no connection to the broker: a command that is late does harm.
        """
        if not mqtt.is_connected(self.hass):
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="broker_unavailable")
        command = Command(target)
        if self.info and Capability.COMMANDS in self.info.capabilities:
            command = Command(target, dt_util.utcnow(), context.id if context else ulid_now())
        # Not retained, and QoS 1: at QoS 0 Home Assistant's client may sit on a small packet for 40 ms.
        await mqtt.async_publish(self.hass, command_topic(self.id, *info.id), command.encode(info), qos=1, retain=False)

    @callback
    def _connection_changed(self, connected: bool) -> None:  # noqa: FBT001
        """Hold the node for away without a broker; its retained status comes again with the connection."""
        if not connected:
            self._set_online(online=False)

    @callback
    def _receive_status(self, message: ReceiveMessage) -> None:
        try:
            status = Status.decode(_bytes(message))
        except ContractError as error:
            self.drops.add(message.topic, error)
        else:
            self._set_online(online=status is Status.ONLINE)

    def _set_online(self, *, online: bool) -> None:
        if online == self.online:
            return
        self.online = online
        _LOGGER.info("%s is %s", self.entry.title, "online" if online else "offline")
        for entity in self.entities.values():
            entity.write()

    @callback
    def _receive_info(self, message: ReceiveMessage) -> None:
        if not (payload := _bytes(message)):
            return
        try:
            info = NodeInfo.decode(payload)
        except ContractError as error:
            self.drops.add(message.topic, error)
            return
        if info.instance != self.entry.data[CONF_INSTANCE]:
            self.drops.add(message.topic, ContractError(Reason.OTHER_INSTANCE, "instance"))
            async_report_other_instance(self.hass, self.entry, info)
            return
        async_clear_other_instance(self.hass, self.entry)
        if info == self.info:
            return
        previous, self.info = self.info, info
        self.register_device()
        self._update_entities(info)
        if previous and previous.modules != info.modules:
            for entity in self.entities.values():
                if entity.info.module:
                    entity.write()

    def _update_entities(self, info: NodeInfo) -> None:
        """Make the entities that are new, and remove those that are gone or are declared otherwise."""
        wanted = {state_topic(self.id, *entity.id): entity for entity in info.entities}
        for name, entity in list(self.entities.items()):
            if wanted.get(name) != entity.info:
                del self.entities[name]
                entity.leave()
        self._forget_others({f"{self.id}_{entity.platform}_{entity.key}" for entity in info.entities})
        added: dict[Platform, list[AreaEntity[Any]]] = {}
        for name, declared in wanted.items():
            if name not in self.entities:
                entity = self._platforms[declared.platform].make(self, declared)
                self.entities[name] = entity
                added.setdefault(declared.platform, []).append(entity)
        self._replay_early()
        for platform, entities in added.items():
            self._platforms[platform].add(entities)

    def _replay_early(self) -> None:
        """Hand out the states that came before the info."""
        early, self._early = self._early, {}
        for name, payload in early.items():
            if name == topic(self.id, Leaf.STATES):
                self._take_states(name, payload)
            elif (entity := self.entities.get(name)) and not isinstance(entity.info, EventInfo):
                try:
                    entity.receive(payload)
                except ContractError as error:
                    self.drops.add(name, error)

    def _forget_others(self, unique_ids: set[str]) -> None:
        """Remove the registry's entries of entities that the node doesn't have any more.

        Home Assistant remembers what the user changed of them, should they come back.
        """
        registry = er.async_get(self.hass)
        for entry in er.async_entries_for_config_entry(registry, self.entry.entry_id):
            if entry.unique_id not in unique_ids:
                registry.async_remove(entry.entity_id)

    @callback
    def _receive_states(self, message: ReceiveMessage) -> None:
        if self.info is None:
            self._early[message.topic] = _bytes(message)
        else:
            self._take_states(message.topic, _bytes(message))

    def _take_states(self, name: str, payload: bytes) -> None:
        """Hand out the values of a message with all states; a value that is wrong costs only itself."""
        try:
            states = decode_states(payload)
        except ContractError as error:
            self.drops.add(name, error)
            return
        prefix = name.removesuffix(Leaf.STATES)
        for path, value in states.items():
            if (entity := self.entities.get(f"{prefix}{path}/state")) is None:
                self.drops.add(name, ContractError(Reason.UNKNOWN_ENTITY, path))
                continue
            try:
                entity.receive_json(value)
            except ContractError as error:
                self.drops.add(name, error)

    @callback
    def _receive_state(self, message: ReceiveMessage) -> None:
        name, payload = message.topic, _bytes(message)
        try:
            if (entity := self.entities.get(name)) is None:
                self._keep_early(name, payload)
            elif isinstance(entity.info, EventInfo):
                self._receive_event(entity, entity.info, payload, retained=message.retain)
            else:
                entity.receive(payload)
        except ContractError as error:
            self.drops.add(name, error)

    def _keep_early(self, name: str, payload: bytes) -> None:
        """Keep a state that came before the info that declares its entity; retained messages come in any order."""
        if len(self._early) < MAX_ENTITIES and len(payload) <= MAX_STATE_BYTES:
            self._early[name] = payload
        if self.info is not None:
            raise ContractError(Reason.UNKNOWN_ENTITY, name)

    def _receive_event(self, entity: AreaEntity[Any], info: EventInfo, payload: bytes, *, retained: bool) -> None:
        """Let something happen once: not again when the broker repeats it, and never because it was retained."""
        if retained:
            raise ContractError(Reason.RETAINED, info.key, "an event is never retained")
        event = Event.decode(payload, info)
        if event.id in self._event_ids:
            raise ContractError(Reason.REPEATED, info.key, "an event came again")
        self._event_ids[event.id] = None
        if len(self._event_ids) > REMEMBERED_EVENTS:
            self._event_ids.popitem(last=False)
        entity.happen(event)


def _bytes(message: ReceiveMessage) -> bytes:
    """Return a payload that was subscribed to without an encoding."""
    return cast("bytes", message.payload)
