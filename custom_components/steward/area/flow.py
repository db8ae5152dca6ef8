"""Steps of the config flow that add area nodes: found through MQTT, or named by hand."""

from contextlib import suppress
import logging
from typing import Any, override

from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_MQTT, ConfigEntry, ConfigFlow, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
import probatio

from ..const import CONF_INSTANCE, CONF_KIND, CONF_NODE, DOMAIN, Kind
from ..protocol.fields import ContractError
from ..protocol.node import NODE, Address, NodeInfo
from .broker import async_is_connected
from .retained import async_read_info

_LOGGER = logging.getLogger(__name__)

CONF_ALL = "all"
CONF_NODES = "nodes"


class AreaSteps(ConfigFlow):
    """The steps of the kind `area`."""

    _node = ""
    _info: NodeInfo

    def area_options(self) -> list[str]:
        """Return this kind's items of the menu of kinds."""
        return ["area_discovered", "area"] if _waiting(self.hass) else ["area"]

    @override
    async def async_step_mqtt(self, discovery_info: MqttServiceInfo) -> ConfigFlowResult:
        """Take a node that told its info to the broker."""
        try:
            self._node = Address.parse(discovery_info.topic).node
            if not discovery_info.payload:
                self._take_back(self._node)
                return self.async_abort(reason="node_left")
            # Before its info is judged: what a known node says wrong stands in the diagnostics of its entry.
            await self.async_set_unique_id(self._node, raise_on_progress=False)
            self._abort_if_unique_id_configured()
            self._info = NodeInfo.decode(str(discovery_info.payload).encode())
        except ContractError as error:
            _LOGGER.warning("Ignoring what was found on %s: %s", discovery_info.topic, error)
            return self.async_abort(reason="invalid_info")
        self._take_back(self._node)
        self.context["title_placeholders"] = {"name": self._info.name}
        return await self.async_step_area_confirm()

    def _take_back(self, node: str) -> None:
        """Take back the discovery of a node: it has left, has said something newer, or has been added in another way."""
        if found := _waiting(self.hass).get(node):
            self.hass.config_entries.flow.async_abort(found[0])

    async def async_step_area_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let the user add a node that was found, and the other ones that were found with it."""
        others = {node: flow for node, flow in _waiting(self.hass).items() if node != self._node}
        if user_input is None:
            return self.async_show_form(
                step_id="area_confirm",
                data_schema=probatio.Schema(
                    {probatio.Required(CONF_ALL, default=False): BooleanSelector()} if others else {}
                ),
                description_placeholders={
                    "name": self._info.name,
                    "node": self._node,
                    "model": f" ({self._info.model})" if self._info.model else "",
                    "entities": str(len(self._info.entities)),
                    "others": str(len(others)),
                },
            )
        self._abort_if_unique_id_configured()
        if user_input.get(CONF_ALL):
            await _async_confirm(self.hass, list(others))
        return self._create(self._node, self._info)

    async def async_step_area_discovered(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let the user choose among all nodes that were found."""
        waiting = _waiting(self.hass)
        if user_input is None:
            return self.async_show_form(
                step_id="area_discovered",
                data_schema=probatio.Schema(
                    {
                        probatio.Required(CONF_NODES, default=list(waiting)): SelectSelector(
                            SelectSelectorConfig(
                                options=[
                                    SelectOptionDict(value=node, label=f"{name} ({node})")
                                    for node, (_, name) in waiting.items()
                                ],
                                multiple=True,
                                mode=SelectSelectorMode.LIST,
                            )
                        )
                    }
                ),
            )
        added = await _async_confirm(self.hass, user_input[CONF_NODES])
        return self.async_abort(reason="nodes_added", description_placeholders={"count": str(added)})

    async def async_step_area(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let the user name a node."""
        errors: dict[str, str] = {}
        if user_input is not None:
            node = user_input[CONF_NODE].strip()
            info, errors = await self._async_ask(node)
            if info:
                await self.async_set_unique_id(node, raise_on_progress=False)
                self._abort_if_unique_id_configured()
                return self._create(node, info)
        return self._show_node_form("area", errors, user_input)

    async def async_step_area_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let the user put another node in an entry's place; its entities keep their ids and histories."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            node = user_input[CONF_NODE].strip()
            info, errors = await self._async_ask(node)
            known = self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, node)
            if known and known.source == SOURCE_IGNORE:
                await self.hass.config_entries.async_remove(known.entry_id)
                known = None
            if info and known not in (None, entry):
                errors = {CONF_NODE: "already_added"}
            elif info:
                self._take_back(node)
                await _async_move(self.hass, entry, node)
                return self.async_update_reload_and_abort(
                    entry,
                    unique_id=node,
                    data_updates={CONF_NODE: node, CONF_INSTANCE: info.instance},
                )
        return self._show_node_form("area_reconfigure", errors, user_input or dict(entry.data))

    async def _async_ask(self, node: str) -> tuple[NodeInfo | None, dict[str, str]]:
        """Return the info of a node that the user named, or what to tell the user."""
        if not NODE.fullmatch(node):
            return None, {CONF_NODE: "invalid_node"}
        if not await async_is_connected(self.hass):
            return None, {"base": "broker_unavailable"}
        try:
            info = await async_read_info(self.hass, node)
        except ContractError as error:
            _LOGGER.warning("Ignoring the info of %s: %s", node, error)
            return None, {CONF_NODE: "invalid_info"}
        return info, {} if info else {CONF_NODE: "no_answer"}

    def _show_node_form(self, step_id: str, errors: dict[str, str], values: dict[str, Any] | None) -> ConfigFlowResult:
        schema = probatio.Schema({probatio.Required(CONF_NODE): TextSelector()})
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
        )

    def _create(self, node: str, info: NodeInfo) -> ConfigFlowResult:
        return self.async_create_entry(
            title=info.name, data={CONF_KIND: Kind.AREA.value, CONF_NODE: node, CONF_INSTANCE: info.instance}
        )


def _waiting(hass: HomeAssistant) -> dict[str, tuple[str, str]]:
    """Return the discovered nodes that wait to be confirmed: their flow's id and their name, by node."""
    return {
        str(flow["context"]["unique_id"]): (flow["flow_id"], flow["context"]["title_placeholders"]["name"])
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN, match_context={"source": SOURCE_MQTT})
        if flow.get("step_id") == "area_confirm"
    }


async def _async_confirm(hass: HomeAssistant, nodes: list[str]) -> int:
    """Confirm discovered nodes as the user would one by one; return how many there still were to be added."""
    added = 0
    for node in nodes:
        if found := _waiting(hass).get(node):
            with suppress(UnknownFlow):
                result = await hass.config_entries.flow.async_configure(found[0], {})
                added += result["type"] is FlowResultType.CREATE_ENTRY
    return added


async def _async_move(hass: HomeAssistant, entry: ConfigEntry, node: str) -> None:
    """Give an entry's device and entities to another node."""
    previous = entry.data[CONF_NODE]
    if node == previous:
        return

    def moved(entity: er.RegistryEntry) -> dict[str, Any]:
        return {"new_unique_id": f"{node}/{entity.unique_id.removeprefix(f'{previous}/')}"}

    devices = dr.async_get(hass)
    if device := devices.async_get_device_by_identifier((DOMAIN, previous), entry.entry_id):
        devices.async_update_device(device.id, new_identifiers={(DOMAIN, node)})
    await er.async_migrate_entries(hass, entry.entry_id, moved)
