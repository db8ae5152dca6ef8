"""What the entities of a node have in common, whatever their platform."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, override

from homeassistant.core import Context
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.entity import Entity

from ..protocol.entity import EntityInfo, State
from ..protocol.fields import ContractError, Json, Reason
from ..protocol.node import HUB, Event, ModuleInfo
from ..protocol.seen import GONE, Seen, see
from .describe import describe


def unique_id(node: str, info: EntityInfo) -> str:
    """Return the unique id of a node's entity. No part can have a slash, so that no two are one."""
    return f"{node}/{info.platform}/{info.key}"


def own_id(node: str, key: str) -> str:
    """Return the unique id of an entity that the hub itself adds to a node's device."""
    return f"{node}/{HUB}/{key}"


def is_own(node: str, unique_id: str) -> bool:
    """Tell whether a unique id is that of an entity of the hub's own."""
    return unique_id.startswith(own_id(node, ""))


class Host(Protocol):
    """What an entity needs of its node."""

    id: str
    device: DeviceEntry
    online: bool

    @property
    def blocked(self) -> bool:
        """Whether the user has blocked it."""

    def entity_added(self) -> None:
        """Take note that Home Assistant has added an entity."""

    def module(self, name: str | None) -> ModuleInfo | None:
        """Return what the node says of one of its modules."""

    def show(self, entity: AreaEntity[Any], write: Callable[[], None]) -> None:
        """Let an entity write its state."""

    async def async_command(self, info: EntityInfo, target: State, context: Context | None) -> None:
        """Tell an entity of the node what to be."""


class AreaEntity[InfoT: EntityInfo](Entity):
    """An entity that shows what its node says, and is available while the node is online.

    The node hands it payloads and JSON values; it writes its state when there is a new one to show, and not before Home Assistant
    has added it. While the node is blocked, it keeps the latest one to itself. Subclasses turn a contract's state into Home Assistant's attributes in `_show`.
    """

    _attr_has_entity_name = True
    _attr_should_poll = False

    added = False
    """Whether Home Assistant has added it; it never adds a disabled one."""
    _state: State = None
    _writing = False

    def __init__(self, node: Host, info: InfoT) -> None:
        """Make the entity from its declaration."""
        self.node = node
        self.info = info
        self.entity_description = describe(info).description
        self.device_entry = node.device
        self._attr_unique_id = unique_id(node.id, info)
        if info.placeholders:
            # Such as a module's name, `baby_stitch`, which a user reads in an entity's name.
            self._attr_translation_placeholders = {
                name: text.replace("_", " ") for name, text in info.placeholders.items()
            }

    @property
    @override
    def available(self) -> bool:
        """Whether the node is there.

        A blocked node's entity is written as unavailable; to who calls it, it is available, so that the call is refused and not
        passed over without a word, as Home Assistant does with what is unavailable.
        """
        return not self._writing if self.node.blocked else self.node.online

    @override
    def _async_write_ha_state(self) -> None:
        """Write the state, whoever asked for it."""
        self._writing = True
        try:
            self.node.show(self, super()._async_write_ha_state)
        finally:
            self._writing = False

    @property
    def seen(self) -> Seen:
        """What Home Assistant shows of it, in the words that rules compare."""
        if not self.node.online or self.node.blocked:
            return GONE
        return see(self.info.platform, self.info.to_json(self._state))

    @override
    async def async_added_to_hass(self) -> None:
        """Begin to write states."""
        self.added = True
        self.node.entity_added()

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Stop writing states."""
        self.added = False

    def receive(self, payload: bytes) -> None:
        """Take the payload of the entity's own topic.

        Raises:
            ContractError: it is none of this entity's states.
        """
        self.take(self.info.decode(payload))

    def receive_json(self, value: Json) -> None:
        """Take a value of a message with all states.

        Raises:
            ContractError: it is none of this entity's states.
        """
        self.take(self.info.from_json(value))

    def take_over(self, entity: AreaEntity[Any]) -> None:
        """Show the state of the entity that this one replaces, if it can have such a state: the broker won't tell it again."""
        with suppress(ContractError):
            self.take(self.info.from_json(self.info.to_json(entity._state)))

    def take(self, state: State) -> None:
        """Show a state.

        Raises:
            ContractError: Home Assistant refuses it.
        """
        if state == self._state:
            return
        self._state = state
        self._show(state)
        if self.node.online and not self.node.blocked:
            self.write()

    def write(self) -> None:
        """Write the state to Home Assistant, if it knows the entity already.

        Raises:
            ContractError: Home Assistant refuses it, such as a number that it can't convert.
        """
        if not self.added:
            return
        try:
            self.async_write_ha_state()
        except (ArithmeticError, RuntimeError, ValueError) as error:
            raise ContractError(Reason.BAD_VALUE, self.info.key, str(error)) from error

    def leave(self) -> None:
        """Take the entity out of Home Assistant, if it ever came in: a disabled one didn't."""
        if self.added:
            self.hass.async_create_task(self.async_remove(force_remove=True), f"remove {self.entity_id}")

    async def command(self, target: State) -> None:
        """Tell the node's entity what to be.

        Raises:
            HomeAssistantError: the node is blocked, or there is no connection to the broker.
        """
        await self.node.async_command(self.info, target, self._context)

    def happen(self, event: Event, context: Context) -> None:
        """Let an event happen, under a context of its own; only event entities are handed any."""

    def _show(self, state: State) -> None:
        """Set the attributes that Home Assistant reads; entities without a state have none to set."""
