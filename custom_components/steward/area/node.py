"""An area node, as the hub sees it: one per config entry.

It subscribes to its node's topics. `info` tells which entities there are: they are made, and taken away, as it changes. `status`
makes them available or not; their states come one by one or all at once, events one by one. What breaks the contract is dropped
and counted, as is what a node says while the user has blocked it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
import logging
from typing import Any, cast

from homeassistant.components import mqtt
from homeassistant.components.mqtt import ReceiveMessage
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from ..const import CONF_INSTANCE, CONF_NODE, DOMAIN
from ..dispatch import async_get_dispatcher
from ..protocol.entity import MAX_STATE_BYTES, EntityInfo, EventInfo, Platform, State
from ..protocol.fields import ContractError, Reason
from ..protocol.node import (
    MAX_ENTITIES,
    MAX_STATES_BYTES,
    ROOT,
    Address,
    Capability,
    Command,
    Leaf,
    ModuleInfo,
    NodeInfo,
    Status,
    command_topic,
    decode_states,
    state_topic,
    topic,
)
from ..protocol.seen import Seen
from .broker import async_is_connected
from .drops import Drops
from .entity import AreaEntity, unique_id
from .house import async_get_house
from .issues import async_clear_other_instance, async_report_other_instance
from .registry import find_device, forget_others, make_device, suggest_area, update_device
from .waiting import WaitingEvents

_LOGGER = logging.getLogger(__name__)

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
        self._closed = False
        self._dispatcher = async_get_dispatcher(hass)
        self._blocklist = self._dispatcher.blocklist
        self._events = WaitingEvents(hass, self.id, self._dispatcher.acks, self.drops)
        self.rulebooks = self._dispatcher.rulebooks
        # What came last while the node was blocked.
        self._withheld_info: ReceiveMessage | None = None
        self._device_is_new = False

    @property
    def name(self) -> str:
        """What people call it."""
        device = dr.async_get(self.hass).async_get(self.device.id)
        return (device and (device.name_by_user or device.name)) or self.entry.title

    @property
    def device_id(self) -> str:
        """Its device in Home Assistant's registry."""
        return self.device.id

    def seen(self, path: str) -> Seen | None:
        """Return what Home Assistant shows of one of its entities; None where it shows nothing, or events, which are no states."""
        entity = self.entities.get(f"{ROOT}/{path}/state")
        if entity is None or not entity.added or isinstance(entity.info, EventInfo):
            return None
        return entity.seen

    @property
    def blocked(self) -> bool:
        """Whether the user has blocked it."""
        return self._blocklist.blocked(self.id)

    async def async_block(self) -> None:
        """Take nothing from the node, and tell it nothing, from now on."""
        await self._blocklist.async_block(self.id)

    async def async_unblock(self) -> None:
        """Trust the node again."""
        await self._blocklist.async_unblock(self.id)

    async def async_check_broker(self) -> None:
        """Make sure that there is a connection to the broker.

        Raises:
            ConfigEntryNotReady: there is none (a client of Home Assistant's MQTT integration may exist without one).
        """
        if not await async_is_connected(self.hass):
            raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="broker_unavailable")

    def module(self, name: str | None) -> ModuleInfo | None:
        """Return what the node says of one of its modules."""
        return self.info.modules.get(name) if self.info and name else None

    @callback
    def register_device(self) -> None:
        """Make sure that the node has a device before it has said anything: what the hub itself adds is attached to it."""
        device = find_device(self.hass, self.entry)
        self._device_is_new = device is None
        self.device = device or make_device(self.hass, self.entry)

    @callback
    def async_add_platform(self, platform: Platform, make: EntityFactory, add: AddConfigEntryEntitiesCallback) -> None:
        """Take a platform that is ready for entities. All of them are, before the first message is asked for."""
        self._platforms[platform] = _PlatformSetup(make, add)

    async def async_subscribe(self) -> None:
        """Ask the broker for the node's messages, until the entry is unloaded."""
        self.entry.async_on_unload(await self._dispatcher.async_join(self))
        for leaf, receive, qos in (
            # First: entities that know already whether they are available are written once.
            (Leaf.STATUS, self._receive_status, 1),
            (Leaf.INFO, self._receive_info, 1),
            (Leaf.STATES, self._receive_states, 0),
            (Leaf.JOURNAL, self._receive_journal, 1),
        ):
            self.entry.async_on_unload(
                await mqtt.async_subscribe(
                    self.hass, topic(self.id, leaf), self._while_open(receive), qos, encoding=None
                )
            )
        self.entry.async_on_unload(self._blocklist.async_listen(self._block_changed))
        self.entry.async_on_unload(await async_get_house(self.hass).async_join(self.id, self._receive_state))
        self.entry.async_on_unload(mqtt.async_subscribe_connection_status(self.hass, self._connection_changed))

    def close(self) -> None:
        """Take no more messages."""
        self._closed = True

    def _while_open(self, receive: Callable[[ReceiveMessage], None]) -> Callable[[ReceiveMessage], None]:
        """Return what receives until the node is closed: a subscription may outlive that.

        After the MQTT integration was reloaded, its earlier subscriptions go on and can't be ended any more.
        """

        @callback
        def receive_while_open(message: ReceiveMessage) -> None:
            if not self._closed:
                receive(message)

        return receive_while_open

    async def async_command(self, info: EntityInfo, target: State, context: Context | None) -> None:
        """Tell an entity of the node what to be, unless a node did so already in place of the automation that wants it.

        Raises:
            HomeAssistantError: the node is blocked, or there is no connection to the broker: a command that is late does harm.
        """
        if self.blocked:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="node_blocked",
                translation_placeholders={"name": self.entry.title},
            )
        if not await async_is_connected(self.hass):
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="broker_unavailable")
        cause = self._dispatcher.acks.cause(context)
        if self._dispatcher.journals.done(cause, unique_id(self.id, info), info.to_json(target)):
            return
        command = Command(target)
        if self.info and Capability.COMMANDS in self.info.capabilities:
            command = Command(target, dt_util.utcnow(), cause or ulid_now())
        # Not retained, and QoS 1: at QoS 0 Home Assistant's client may sit on a small packet for 40 ms.
        await mqtt.async_publish(self.hass, command_topic(self.id, *info.id), command.encode(info), qos=1, retain=False)

    @callback
    def _block_changed(self, node: str) -> None:
        """Hide the node's entities, or show them with the latest that it has said."""
        if node != self.id:
            return
        if self.blocked:
            self._events.refuse(_blocked())
        withheld, self._withheld_info = self._withheld_info, None
        if withheld:
            self._receive_info(withheld)
        if self.info and not self.blocked:
            forget_others(self.hass, self.entry, self.info)
        self._write(self.entities.values())

    def _drop_blocked(self, name: str) -> None:
        """Count a message of a blocked node. A state or an info is kept, in case that the node is trusted again."""
        self.drops.add(name, _blocked())

    def _drop(self, name: str, error: ContractError) -> None:
        """Count a message that breaks the contract; one of a blocked node has been counted when it came."""
        if not self.blocked:
            self.drops.add(name, error)

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
            self._drop(message.topic, error)
        else:
            self._set_online(online=status is Status.ONLINE)

    def _set_online(self, *, online: bool) -> None:
        if online == self.online:
            return
        self.online = online
        _LOGGER.info("%s is %s", self.entry.title, "online" if online else "offline")
        self._write(self.entities.values())
        self._deliver_events()
        self._dispatcher.node_changed(self)

    def _write(self, entities: Iterable[AreaEntity[Any]]) -> None:
        """Write states; one that Home Assistant refuses costs only itself."""
        for entity in entities:
            try:
                entity.write()
            except ContractError as error:
                self._drop(state_topic(self.id, *entity.info.id), error)

    @callback
    def _receive_info(self, message: ReceiveMessage) -> None:
        if not (payload := _bytes(message)):
            return
        if self.blocked:
            self._drop_blocked(message.topic)
            if self.info is not None:
                self._withheld_info = message
                return
        try:
            info = NodeInfo.decode(payload)
        except ContractError as error:
            self._drop(message.topic, error)
            return
        if info.instance != self.entry.data[CONF_INSTANCE]:
            self._drop(message.topic, ContractError(Reason.OTHER_INSTANCE, "instance"))
            async_report_other_instance(self.hass, self.entry, info)
            return
        async_clear_other_instance(self.hass, self.entry)
        if info == self.info:
            return
        previous, self.info = self.info, info
        self.device = update_device(self.hass, self.entry, info)
        self._update_entities(info)
        if self._device_is_new and info.area:
            suggest_area(self.hass, self.device, info.area)
        self._device_is_new = False
        if previous and previous.modules != info.modules:
            self._write(entity for entity in self.entities.values() if entity.info.module)
        self._dispatcher.node_changed(self)

    def _update_entities(self, info: NodeInfo) -> None:
        """Make the entities that are new, and remove those that are gone or are declared otherwise."""
        wanted = {state_topic(self.id, *entity.id): entity for entity in info.entities}
        replaced: dict[str, AreaEntity[Any]] = {}
        for name, entity in list(self.entities.items()):
            if wanted.get(name) != entity.info:
                replaced[name] = self.entities.pop(name)
                entity.leave()
        if not self.blocked:
            forget_others(self.hass, self.entry, info)
        added: dict[Platform, list[AreaEntity[Any]]] = {}
        for name, declared in wanted.items():
            if name not in self.entities:
                entity = self._platforms[declared.platform].make(self, declared)
                if name in replaced:
                    entity.take_over(replaced[name])
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
            elif entity := self.entities.get(name):
                try:
                    entity.receive(payload)
                except ContractError as error:
                    self._drop(name, error)

    @callback
    def _receive_states(self, message: ReceiveMessage) -> None:
        name, payload = message.topic, _bytes(message)
        if self.blocked:
            self._drop_blocked(name)
        if self.info is not None:
            self._take_states(name, payload)
        elif len(payload) <= MAX_STATES_BYTES:
            self._early[name] = payload

    def _take_states(self, name: str, payload: bytes) -> None:
        """Hand out the values of a message with all states; a value that is wrong costs only itself."""
        try:
            states = decode_states(payload)
        except ContractError as error:
            self._drop(name, error)
            return
        prefix = name.removesuffix(Leaf.STATES)
        for path, value in states.items():
            if (entity := self.entities.get(f"{prefix}{path}/state")) is None:
                self._drop(name, ContractError(Reason.UNKNOWN_ENTITY, path))
                continue
            try:
                entity.receive_json(value)
            except ContractError as error:
                self._drop(name, error)

    @callback
    def _receive_state(self, message: ReceiveMessage) -> None:
        name, payload = message.topic, _bytes(message)
        if self.blocked:
            self._drop_blocked(name)
        try:
            entity = self.entities.get(name)
            if entity and not isinstance(entity.info, EventInfo):
                entity.receive(payload)
            elif Address.parse(name).platform is Platform.EVENT:
                if self.blocked:
                    self._dispatcher.acks.refuse(self.id, payload)
                else:
                    self._events.add(name, payload, retained=message.retain)
                    self._deliver_events()
            else:
                self._keep_early(name, payload)
        except ContractError as error:
            self._drop(name, error)

    def _keep_early(self, name: str, payload: bytes) -> None:
        """Keep a state that came before the info that declares its entity; retained messages come in any order.

        Of too many the latest: what the broker kept for long may be of an entity that was.
        """
        if len(payload) <= MAX_STATE_BYTES:
            self._early.pop(name, None)
            if len(self._early) >= MAX_ENTITIES:
                oldest = next(iter(self._early))
                del self._early[oldest]
                if self.info is None:
                    self._drop(oldest, ContractError(Reason.UNKNOWN_ENTITY, detail="too many states before the info"))
            self._early[name] = payload
        if self.info is not None:
            raise ContractError(Reason.UNKNOWN_ENTITY, name)

    @callback
    def _receive_journal(self, message: ReceiveMessage) -> None:
        if self.blocked:
            self._drop_blocked(message.topic)
            return
        try:
            self._dispatcher.journals.receive(self, _bytes(message), partial(self._drop, message.topic))
        except ContractError as error:
            self._drop(message.topic, error)

    @callback
    def entity_added(self) -> None:
        """Deliver what waited for an entity, once Home Assistant has written its first state."""
        self.hass.loop.call_soon(self._entity_shown)

    @callback
    def _entity_shown(self) -> None:
        self._deliver_events()
        self._dispatcher.node_changed(self)

    @callback
    def hub_ready(self) -> None:
        """Let the events happen that have waited for Home Assistant to start."""
        self._deliver_events()

    @callback
    def show(self, entity: AreaEntity[Any], write: Callable[[], None]) -> None:
        """Let an entity write its state, and answer with what automations that starts."""
        path = unique_id(self.id, entity.info)
        if isinstance(entity.info, EventInfo) or not self._dispatcher.acks.watches(path):
            write()
        else:
            self._dispatcher.acks.change(path, entity.entity_id, entity.seen, write)

    @callback
    def _deliver_events(self) -> None:
        """Let the events happen that can be shown by now, and that automations can be started by."""
        if self.online and self.info is not None and self._dispatcher.hub.taking:
            self._events.deliver(self.entities)


def _blocked() -> ContractError:
    return ContractError(Reason.BLOCKED, detail="the node is blocked")


def _bytes(message: ReceiveMessage) -> bytes:
    """Return a payload that was subscribed to without an encoding."""
    return cast("bytes", message.payload)
