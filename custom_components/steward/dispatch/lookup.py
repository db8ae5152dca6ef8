"""What Home Assistant's registries say to the compiler: which of Steward's entities an id is, and what a target comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeassistant.components.light.const import DATA_PROFILES
from homeassistant.const import ATTR_ENTITY_ID, ATTR_UNIT_OF_MEASUREMENT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
import probatio

from ..const import DOMAIN
from ..protocol.entity import EntityInfo, NumberInfo, SensorInfo
from ..protocol.node import Capability, NodeInfo


@dataclass(frozen=True, slots=True)
class Known:
    """One of Steward's entities: its name in rules, its node's id and name, and what the node declares of it.

    `converted` tells that Home Assistant shows it in another unit than its node's.
    """

    path: str
    node: str
    node_name: str
    info: EntityInfo
    disabled: bool
    blocked: bool
    converted: bool


class Lookup:
    """Home Assistant's registries, and the latest that nodes said of themselves, whether they are there or not.

    A node's info is remembered when the node leaves: while its entry is reloaded, its entities stay what they are.
    """

    def __init__(self, hass: HomeAssistant, is_blocked: Callable[[str], bool]) -> None:
        """Begin without any node."""
        self._hass = hass
        self._is_blocked = is_blocked
        self._infos: dict[str, tuple[NodeInfo, dict[str, EntityInfo]]] = {}

    def learn(self, node: str, info: NodeInfo) -> None:
        """Take what a node says of itself."""
        known = self._infos.get(node)
        if known is None or known[0] is not info:
            self._infos[node] = info, {f"{node}/{entity.platform}/{entity.key}": entity for entity in info.entities}

    def infos(self) -> dict[str, NodeInfo]:
        """Return what is known of nodes that aren't blocked, by their ids."""
        return {node: info for node, (info, _) in sorted(self._infos.items()) if not self._is_blocked(node)}

    def nodes(self) -> list[str]:
        """Return the ids of all nodes that said what they are."""
        return [*self._infos]

    def can_run_rules(self, node: str) -> bool:
        """Tell whether a node can run rules."""
        return Capability.RULES in self._infos[node][0].capabilities

    def forget(self, node: str) -> None:
        """Forget a node."""
        self._infos.pop(node, None)

    def entity(self, entity_id: str) -> Known | None:
        """Return which of Steward's entities an id is; None where it is none, or not known yet."""
        entry = er.async_get(self._hass).async_get(entity_id)
        if entry is None or entry.platform != DOMAIN:
            return None
        node = entry.unique_id.partition("/")[0]
        if (known := self._infos.get(node)) is None or (info := known[1].get(entry.unique_id)) is None:
            return None
        return Known(
            path=entry.unique_id,
            node=node,
            node_name=known[0].name,
            info=info,
            disabled=entry.disabled,
            blocked=self._is_blocked(node),
            converted=self._unit(entry) != _own_unit(info),
        )

    def targets(self, selection: Mapping[str, Any], *, expand_groups: bool) -> frozenset[str] | None:
        """Return the ids of the entities that a target comes to; None where it names one that doesn't exist.

        `selection` is a validated target, which may name entities by their registry ids.
        """
        if isinstance(entity_ids := selection.get(ATTR_ENTITY_ID), list):
            try:
                resolved = er.async_validate_entity_ids(er.async_get(self._hass), entity_ids)
            except probatio.Invalid:
                return None
            selection = {**selection, ATTR_ENTITY_ID: resolved}
        selected = async_extract_referenced_entity_ids(self._hass, TargetSelection(dict(selection)), expand_groups)
        return frozenset(selected.referenced | selected.indirectly_referenced)

    def has_profile(self, entity_id: str) -> bool:
        """Tell whether a light has a default profile, with which Home Assistant turns it on."""
        profiles = self._hass.data.get(DATA_PROFILES)
        names = f"{entity_id}.default", "group.all_lights.default"
        return profiles is not None and any(name in profiles.data for name in names)

    def _unit(self, entry: er.RegistryEntry) -> str | None:
        state = self._hass.states.get(entry.entity_id)
        # The registry has no unit before the entity was added for the first time; the state has one whenever there is one.
        if state is None or state.attributes.get("restored"):
            return entry.unit_of_measurement
        unit: str | None = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
        return unit


@dataclass(slots=True)
class Questions:
    """What one automation asked, and was answered: while the answers stay the same, so does what it compiles to."""

    lookup: Lookup
    _entities: dict[str, Known | None] = field(default_factory=dict)
    _targets: list[tuple[Mapping[str, Any], bool, frozenset[str] | None]] = field(default_factory=list)
    _profiles: dict[str, bool] = field(default_factory=dict)

    def entity(self, entity_id: str) -> Known | None:
        """Ask which of Steward's entities an id is."""
        known = self._entities[entity_id] = self.lookup.entity(entity_id)
        return known

    def targets(self, selection: Mapping[str, Any], *, expand_groups: bool) -> frozenset[str] | None:
        """Ask what a target comes to."""
        targets = self.lookup.targets(selection, expand_groups=expand_groups)
        self._targets.append((selection, expand_groups, targets))
        return targets

    def has_profile(self, entity_id: str) -> bool:
        """Ask whether a light has a default profile."""
        profile = self._profiles[entity_id] = self.lookup.has_profile(entity_id)
        return profile

    def nodes(self) -> set[str]:
        """Return the nodes whose entities it asked for."""
        return {known.node for known in self._entities.values() if known}

    def still_true(self) -> bool:
        """Tell whether everything would be answered the same now."""
        return (
            all(self.lookup.entity(entity_id) == known for entity_id, known in self._entities.items())
            and all(
                self.lookup.targets(selection, expand_groups=expand) == targets
                for selection, expand, targets in self._targets
            )
            and all(self.lookup.has_profile(entity_id) == profile for entity_id, profile in self._profiles.items())
        )


def _own_unit(info: EntityInfo) -> str | None:
    match info:
        case NumberInfo():
            return info.unit
        case SensorInfo() if info.numeric:
            return info.unit
        case _:
            return None
