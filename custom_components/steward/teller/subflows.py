"""The flows that add and change a teller's sources and parties."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import ATTR_DEVICE_CLASS, CONF_ENTITY_ID, CONF_NAME
from homeassistant.core import HomeAssistant, split_entity_id
from homeassistant.helpers import entity_registry as er
from homeassistant.util import slugify

from ..protocol.books.terms import SourceKind
from . import forms
from .data import (
    CONF_MAX_POWER,
    CONF_NOTIFY,
    CONF_ROLE,
    CONF_ROLLOVER,
    CONF_SOURCE,
    CONF_SOURCE_KIND,
    SUBENTRY_SOURCE,
    Role,
)

CONF_ACTIONS: Final = "actions"
MAX_ID: Final = 32
"""The longest name that a source can have in the log."""
_KINDS: Final = {SensorDeviceClass.ENERGY: SourceKind.CUMULATIVE, SensorDeviceClass.POWER: SourceKind.POWER}


class SourceFlow(ConfigSubentryFlow):
    """Adds a source, or puts another entity in its place: its name in the log stays."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask what to meter."""
        return await self._ask("user", user_input, {})

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change it."""
        subentry = self._get_reconfigure_subentry()
        return await self._ask("reconfigure", user_input, {**subentry.data, CONF_NAME: subentry.title})

    async def _ask(
        self, step_id: str, user_input: dict[str, Any] | None, known: Mapping[str, Any]
    ) -> SubentryFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            entity_id = user_input[CONF_ENTITY_ID]
            kind = source_kind(self.hass, entity_id)
            if kind is None:
                errors = {CONF_ENTITY_ID: "no_energy"}
            elif entity_id in self._others():
                errors = {CONF_ENTITY_ID: "metered_already"}
            else:
                return self._save(user_input, kind, known)
        shown = self.add_suggested_values_to_schema(forms.source(self._own()), user_input or known)
        return self.async_show_form(step_id=step_id, data_schema=shown, errors=errors)

    def _save(self, user_input: Mapping[str, Any], kind: SourceKind, known: Mapping[str, Any]) -> SubentryFlowResult:
        entity_id = user_input[CONF_ENTITY_ID]
        state = self.hass.states.get(entity_id)
        title = user_input.get(CONF_NAME, "").strip() or (state.name if state else entity_id)
        source = known.get(CONF_SOURCE) or self._unused(slugify(split_entity_id(entity_id)[1]))
        data: dict[str, Any] = {CONF_SOURCE: source, CONF_ENTITY_ID: entity_id, CONF_SOURCE_KIND: kind.value}
        data |= {name: user_input[name] for name in (CONF_ROLLOVER, CONF_MAX_POWER) if user_input.get(name)}
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(), self._get_reconfigure_subentry(), title=title, data=data
            )
        return self.async_create_entry(title=title, data=data, unique_id=source)

    def _others(self) -> set[str]:
        """Return the entities of the other sources."""
        own = self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        return {
            subentry.data[CONF_ENTITY_ID]
            for subentry in self._get_entry().subentries.values()
            if subentry.subentry_type == SUBENTRY_SOURCE and subentry.subentry_id != own
        }

    def _own(self) -> list[str]:
        """Return the entities of the teller itself: what it has counted is nothing to be counted."""
        registry = er.async_get(self.hass)
        return [each.entity_id for each in er.async_entries_for_config_entry(registry, self._get_entry().entry_id)]

    def _unused(self, name: str) -> str:
        """Return a name that no source of this teller has."""
        names = {subentry.unique_id for subentry in self._get_entry().subentries.values()}
        number, found = 1, name[:MAX_ID]
        while found in names:
            number += 1
            found = f"{name[: MAX_ID - 3]}_{number}"
        return found


class PartyFlow(ConfigSubentryFlow):
    """Adds somebody who takes part, and how to tell them."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask who it is."""
        return await self._ask("user", user_input, {CONF_ROLE: Role.RECIPIENT.value})

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change it."""
        data = self._get_reconfigure_subentry().data
        targets = data.get(CONF_NOTIFY, ())
        known: dict[str, list[str]] = {CONF_NOTIFY: [], CONF_ACTIONS: []}
        for target in targets:
            known[
                CONF_NOTIFY if self.hass.states.get(target) or _registered(self.hass, target) else CONF_ACTIONS
            ].append(target)
        return await self._ask("reconfigure", user_input, {**data, **known})

    async def _ask(
        self, step_id: str, user_input: dict[str, Any] | None, known: Mapping[str, Any]
    ) -> SubentryFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            actions = [text.strip() for text in user_input.get(CONF_ACTIONS, ()) if text.strip()]
            unknown = [name for name in actions if not _is_notify_action(name)]
            if unknown:
                errors = {CONF_ACTIONS: "invalid_action"}
            else:
                return self._save(user_input, actions)
        shown = self.add_suggested_values_to_schema(forms.PARTY, user_input or known)
        return self.async_show_form(step_id=step_id, data_schema=shown, errors=errors)

    def _save(self, user_input: Mapping[str, Any], actions: list[str]) -> SubentryFlowResult:
        name = user_input[CONF_NAME].strip()
        data = {
            CONF_ROLE: user_input[CONF_ROLE],
            CONF_NAME: name,
            CONF_NOTIFY: [*user_input.get(CONF_NOTIFY, ()), *actions],
        }
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(), self._get_reconfigure_subentry(), title=name, data=data
            )
        return self.async_create_entry(title=name, data=data)


def source_kind(hass: HomeAssistant, entity_id: str) -> SourceKind | None:
    """Return what an entity measures, by its device class; None where that is neither energy nor power."""
    device_class: str | None = None
    if state := hass.states.get(entity_id):
        device_class = state.attributes.get(ATTR_DEVICE_CLASS)
    if device_class is None and (entry := er.async_get(hass).async_get(entity_id)):
        device_class = entry.device_class or entry.original_device_class
    return next((kind for known, kind in _KINDS.items() if known == device_class), None)


def _registered(hass: HomeAssistant, entity_id: str) -> bool:
    return er.async_get(hass).async_get(entity_id) is not None


def _is_notify_action(name: str) -> bool:
    domain, _, service = name.partition(".")
    return domain == "notify" and bool(service) and slugify(service) == service


SUBFLOWS: Final = {"source": SourceFlow, "party": PartyFlow}
"""The flows by the type of the subentry."""
