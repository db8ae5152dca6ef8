"""The entities that the hub itself adds to each node's device. They are there, and work, while the node is offline or blocked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from homeassistant.components.sensor import SensorEntityDescription, SensorStateClass
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import CALLBACK_TYPE
from homeassistant.helpers.entity import Entity, EntityDescription

from .entity import own_id
from .node import AreaNode

WRITE_SECONDS: Final = 5
"""How often a count that may grow with every message is written at most."""


@dataclass(frozen=True, kw_only=True)
class OwnSensorDescription(SensorEntityDescription):
    """A number that the hub tells of a node, and what calls back when it has changed."""

    value_fn: Callable[[AreaNode], int]
    listen_fn: Callable[[AreaNode, Callable[[], None]], CALLBACK_TYPE]
    write_seconds: float = 0


SENSORS: Final = (
    OwnSensorDescription(
        key="dropped_messages",
        translation_key="dropped_messages",
        entity_category=EntityCategory.DIAGNOSTIC,
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda node: node.drops.counts.total(),
        listen_fn=lambda node, changed: node.drops.listen(changed),
        write_seconds=WRITE_SECONDS,
    ),
    OwnSensorDescription(
        key="rules_here",
        translation_key="rules_here",
        entity_category=EntityCategory.DIAGNOSTIC,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda node: node.rulebooks.counts(node.id).rules,
        listen_fn=lambda node, changed: node.rulebooks.async_listen(changed),
    ),
    OwnSensorDescription(
        key="rules_only_on_hub",
        translation_key="rules_only_on_hub",
        entity_category=EntityCategory.DIAGNOSTIC,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda node: node.rulebooks.counts(node.id).only_on_hub,
        listen_fn=lambda node, changed: node.rulebooks.async_listen(changed),
    ),
)

BLOCKED: Final = SwitchEntityDescription(
    key="blocked", translation_key="blocked", entity_category=EntityCategory.CONFIG
)


class OwnEntity(Entity):
    """An entity on a node's device that is the hub's own."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, node: AreaNode, description: EntityDescription) -> None:
        """Make the entity from its description."""
        self.node = node
        self.entity_description = description
        self.device_entry = node.device
        self._attr_unique_id = own_id(node.id, description.key)
