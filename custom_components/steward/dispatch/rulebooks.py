"""Which rules each node has: compiles automations as they change, has them placed on nodes, and hands the parts out.

What changes is found by comparing: an automation's configuration, what the registries answer to its questions, which nodes there are.
Only what changed is compiled again, in slices, so that Home Assistant goes on meanwhile.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import logging
from typing import Any, Final

from homeassistant.components import mqtt
from homeassistant.components.automation import EVENT_AUTOMATION_RELOADED
from homeassistant.components.automation.const import DOMAIN as AUTOMATION
from homeassistant.const import (
    ATTR_DOMAIN,
    ATTR_ENTITY_ID,
    ATTR_SERVICE,
    EVENT_CALL_SERVICE,
    EVENT_CORE_CONFIG_UPDATE,
    EVENT_STATE_CHANGED,
    SERVICE_RELOAD,
)
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.helpers.start import async_at_started

from ..const import CONF_NODE, DOMAIN
from ..protocol.node import Capability
from ..protocol.rules import Rule
from . import automations
from .acks import Standing
from .automations import Automation
from .blocklist import Blocklist
from .compile import Compiled, compile_automation
from .explain import Explanation, explain
from .lookup import Lookup, Questions
from .placing import Placing, Record
from .port import NodePort
from .shelf import Shelf
from .split import NodeState

_LOGGER = logging.getLogger(__name__)

SETTLE_SECONDS: Final = 0.01
"""How long is waited for more changes that come together."""
SLICE_SECONDS: Final = 0.003
"""How long is compiled at a time."""
STARTING_SECONDS: Final = 1.0
"""The same while Home Assistant starts."""
RELOAD_SECONDS: Final = 2.0
"""How long an automation may be gone while it is reloaded."""
ABSENT_SECONDS: Final = 30.0
"""How long a node may be gone before another one runs its errands."""
UNSETTLED_SECONDS: Final = 5.0
"""How long rules aren't handed out while nodes and registries change faster than automations compile."""
INFO_SECONDS: Final = 10.0
"""How long nodes may take to say what they are, after Home Assistant has started, before rules are handed out without them."""

_REGISTRIES: Final = (
    er.EVENT_ENTITY_REGISTRY_UPDATED,
    dr.EVENT_DEVICE_REGISTRY_UPDATED,
    ar.EVENT_AREA_REGISTRY_UPDATED,
    fr.EVENT_FLOOR_REGISTRY_UPDATED,
    lr.EVENT_LABEL_REGISTRY_UPDATED,
    EVENT_CORE_CONFIG_UPDATE,
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one node: the rules that it has, and the automations that opted in and concern it but run only on the hub."""

    rules: int
    only_on_hub: int


class _Pace:
    """Lets Home Assistant go on after each slice of work."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    async def breathe(self) -> None:
        """Pause if the slice is over."""
        if self._loop.time() - self._since >= SLICE_SECONDS:
            await asyncio.sleep(0)
            self._since = self._loop.time()


class Rulebooks:
    """What nodes run of Home Assistant's automations."""

    def __init__(self, hass: HomeAssistant, nodes: Mapping[str, NodePort], blocklist: Blocklist) -> None:
        """Begin without any; nothing is read or listened to yet."""
        self._hass = hass
        self._nodes = nodes
        self._blocklist = blocklist
        self._lookup = Lookup(hass, blocklist.blocked)
        self._shelf = Shelf(hass)
        self._records: dict[str, Record] = {}
        self._placing = Placing()
        self._listeners: list[Callable[[], None]] = []
        self._stop: list[CALLBACK_TYPE] = []
        self._away: dict[str, float] = {}
        self._started_at: float | None = None
        self._handing_out = False
        self._ask_again = False
        self._gone: set[str] = set()
        self._missing_since: float | None = None
        self._unsettled_since: float | None = None
        self._reloading_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def async_load(self) -> None:
        """Read what was handed out before the restart."""
        await self._shelf.async_load()

    @callback
    def async_start(self) -> None:
        """Watch automations, registries and nodes."""
        bus = self._hass.bus
        self._stop = [
            bus.async_listen(EVENT_CALL_SERVICE, self._reloading, self._is_reload),
            bus.async_listen(EVENT_AUTOMATION_RELOADED, self._reloaded),
            bus.async_listen(EVENT_STATE_CHANGED, self._automation_changed, self._is_automation),
            *(bus.async_listen(registry, self._registry_changed) for registry in _REGISTRIES),
            self._blocklist.async_listen(self._node_blocked),
            mqtt.async_subscribe_connection_status(self._hass, self._connection_changed),
            async_at_started(self._hass, self._started),
        ]
        self._schedule()

    @callback
    def async_stop(self) -> None:
        """Watch nothing any more. Nodes keep the rules that they have."""
        while self._stop:
            self._stop.pop()()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._task:
            self._task.cancel()
            self._task = None
        self._started_at = None

    @callback
    def node_joined(self, node: NodePort) -> None:
        """Take note that a node has joined."""
        self._shelf.put_again(node.id)
        self.node_changed(node)

    @callback
    def node_changed(self, node: NodePort) -> None:
        """Take note that a node's info, its entities' ids or whether it is online has changed."""
        if node.info:
            self._lookup.learn(node.id, node.info)
        if node.online:
            self._away.pop(node.id, None)
        else:
            self._away.setdefault(node.id, self._hass.loop.time())
        self._ask_again = True
        self._schedule()

    @callback
    def async_listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back whenever rules, or the reasons against them, have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- what others ask ---------------------------------------------------------------------------------------------

    @property
    def compiled(self) -> Mapping[str, Compiled]:
        """What automations that opted in compiled to, also those that are switched off, in Home Assistant's order."""
        return {name: record.final for name, record in self._records.items()}

    def rules(self) -> list[Rule]:
        """Return the whole rules of which nodes have parts, also of what is switched off, in Home Assistant's order."""
        return [record.compiled.rule for record in self._records.values() if record.compiled.rule and record.parts]

    def standing(self, automation: str) -> Standing | None:
        """Return what may be expected of an automation; None where no node has a part of it."""
        record = self._records.get(automation)
        if record is None or not record.parts:
            return None
        if automations.is_armed(self._hass, automation):
            return Standing.READY
        return Standing.OFF if automations.is_off(self._hass, automation) else Standing.UNSETTLED

    def nodes(self, automation: str) -> Iterable[str]:
        """Return the nodes that have a part of an automation."""
        record = self._records.get(automation)
        return [*record.parts] if record else []

    def counts(self, node: str) -> Counts:
        """Return how many rules a node has, and how many automations that concern it run only on the hub."""
        return Counts(len(self._placing.on(node)), self._placing.only_on_hub[node])

    def explain(self) -> list[Explanation]:
        """Return where each automation runs, and why not elsewhere."""
        return [
            explain(automation, record.final if record else None, self._names(record.parts if record else ()))
            for automation in automations.listed(self._hass)
            for record in (self._records.get(automation.entity_id),)
        ]

    def as_dict(self, node: str) -> dict[str, Any]:
        """Return what diagnostics show of a node's rules."""
        concerned = {name: record for name, record in self._records.items() if node in record.concerned}
        return {
            "version": self._shelf.version(node),
            "rules": [record.automation.entity_id for record in self._placing.on(node)],
            "left_to_hub": {name: record.final.left for name, record in concerned.items() if record.final.left},
            "only_on_hub": {name: record.final.reason for name, record in concerned.items() if record.final.reason},
        }

    def _names(self, nodes: Iterable[str]) -> tuple[str, ...]:
        infos = self._lookup.infos()
        return tuple(infos[node].name if node in infos else node for node in nodes)

    # --- what changes ------------------------------------------------------------------------------------------------

    @callback
    def _started(self, _: HomeAssistant) -> None:
        self._started_at = self._hass.loop.time()
        self._schedule()

    @callback
    def _is_reload(self, data: Mapping[str, Any]) -> bool:
        return (data[ATTR_DOMAIN], data[ATTR_SERVICE]) == (AUTOMATION, SERVICE_RELOAD)

    @callback
    def _reloading(self, _: Event[Any]) -> None:
        """Take note that Home Assistant begins to take automations away and to bring them back."""
        self._reloading_until = self._hass.loop.time() + RELOAD_SECONDS

    @callback
    def _reloaded(self, _: Event[Any]) -> None:
        self._reloading_until = 0.0
        self._gone |= self._records.keys()
        self._schedule()

    @callback
    def _is_automation(self, data: EventStateChangedData) -> bool:
        old, new = data["old_state"], data["new_state"]
        changed = old is None or new is None or old.state != new.state
        return changed and data[ATTR_ENTITY_ID].startswith("automation.")

    @callback
    def _automation_changed(self, _: Event[EventStateChangedData]) -> None:
        self._schedule()

    @callback
    def _registry_changed(self, event: Event[Any]) -> None:
        if event.data.get("action") == "remove":
            self._gone.add(event.data.get(ATTR_ENTITY_ID, ""))
        self._gone.add(event.data.get("old_entity_id", ""))
        self._ask_again = True
        self._schedule()

    @callback
    def _node_blocked(self, _: str) -> None:
        self._ask_again = True
        self._schedule()

    @callback
    def _connection_changed(self, connected: bool) -> None:  # noqa: FBT001
        """Hand everything out again; nodes get time to come back as well."""
        if connected:
            self._away = dict.fromkeys(self._away, self._hass.loop.time())
            self._hass.async_create_background_task(self._shelf.async_repeat(), "steward: rulebooks again")

    # --- the work ----------------------------------------------------------------------------------------------------

    @callback
    def _schedule(self, delay: float | None = None) -> None:
        """Look at everything soon, or after some seconds; the earliest time counts."""
        if delay is None:
            delay = SETTLE_SECONDS if self._started_at is not None else STARTING_SECONDS
        due = self._hass.loop.time() + delay
        if self._timer and self._timer.when() <= due:
            return
        if self._timer:
            self._timer.cancel()
        self._timer = self._hass.loop.call_at(due, self._begin)

    @callback
    def _begin(self) -> None:
        self._timer = None
        if self._task is None or self._task.done():
            self._task = self._hass.async_create_background_task(self._async_refresh(), "steward: rulebooks")
        else:
            self._schedule()

    async def _async_refresh(self) -> None:
        """Compile what changed, place it, hand it out, and say so."""
        pace = _Pace()
        ask_again, self._ask_again = self._ask_again, False
        gone, self._gone = self._gone, set()
        found: dict[str, Automation] = {}
        for automation in automations.listed(self._hass):
            if automation.opted_in:
                found[automation.entity_id] = automation
            await pace.breathe()
        records: dict[str, Record] = {}
        if not (incomplete := self._is_reloading(self._records.keys() - found.keys() - gone)):
            for name, automation in found.items():
                records[name] = await self._async_compile(automation, ask_again=ask_again)
                await pace.breathe()
        if incomplete or self._is_reloading(set()):
            self._ask_again |= ask_again
            self._gone |= gone
            return
        self._records = records
        await self._placing.async_place(records.values(), self._node_states(), pace.breathe)
        if not self._is_unsettled() and self._may_hand_out():
            await self._async_hand_out()
        for listener in [*self._listeners]:
            listener()
        self._schedule_next()

    def _is_reloading(self, missing: set[str]) -> bool:
        """Tell whether automations that are missing will be back: while it reloads, Home Assistant takes them away for a moment."""
        now = self._hass.loop.time()
        if now < self._reloading_until:
            self._schedule(self._reloading_until - now)
            return True
        if not missing:
            self._missing_since = None
            return False
        self._missing_since = self._missing_since or now
        if (left := self._missing_since + RELOAD_SECONDS - now) > 0:
            self._schedule(left)
            return True
        self._missing_since = None
        return False

    async def _async_compile(self, automation: Automation, *, ask_again: bool) -> Record:
        """Return the record of an automation, compiled again if it changed or would be answered otherwise now."""
        record = self._records.get(automation.entity_id)
        if record and record.automation.raw_config == automation.raw_config:
            same_name = record.automation.name == automation.name
            record.automation = automation
            if same_name and not (ask_again and not record.questions.still_true()):
                return record
            config = record.config
        else:
            config = await automations.async_validate(self._hass, automation)
        questions = Questions(self._lookup)
        if config is None:
            compiled = Compiled(None, reason="Home Assistant can't use it")
        else:
            compiled = self._compile(automation, config, questions)
        known = (
            self._lookup.entity(entity_id) for entity_id in automations.mentioned(self._hass, automation.entity_id)
        )
        concerned = questions.nodes() | {entity.node for entity in known if entity}
        return Record(automation, config, questions, compiled, concerned)

    def _compile(self, automation: Automation, config: Mapping[str, Any], questions: Questions) -> Compiled:
        """Compile one automation."""
        try:
            return compile_automation(self._hass, automation, config, questions)
        except (
            Exception
        ):  # what a configuration of an unforeseen shape does here mustn't cost the other automations their rules
            _LOGGER.exception("%s can't be compiled", automation.entity_id)
            return Compiled(None, reason="it can't be understood; the log has the details")

    def _node_states(self) -> dict[str, NodeState]:
        now = self._hass.loop.time()
        return {
            node: NodeState(
                info.name,
                Capability.RULES in info.capabilities,
                node not in self._away or now < self._away[node] + ABSENT_SECONDS,
            )
            for node, info in self._lookup.infos().items()
        }

    def _is_unsettled(self) -> bool:
        """Tell whether something changed while it was compiled: some was compiled before that, and some after it.

        It is all looked at again then, soon: so much is asked for already.
        """
        if not self._ask_again:
            self._unsettled_since = None
            return False
        now = self._hass.loop.time()
        self._unsettled_since = self._unsettled_since or now
        return now < self._unsettled_since + UNSETTLED_SECONDS

    def _may_hand_out(self) -> bool:
        """Tell whether it is known what there is: rules that are taken back and given again would end what they do."""
        if not self._handing_out and self._started_at is not None:
            late = self._hass.loop.time() >= self._started_at + INFO_SECONDS
            complete = late or all(node.info for node in self._nodes.values())
            self._handing_out = complete and automations.are_loaded(self._hass)
        return self._handing_out

    async def _async_hand_out(self) -> None:
        zone = self._hass.config.time_zone
        entries = self._hass.config_entries.async_entries(DOMAIN)
        ids = {entry.data.get(CONF_NODE) for entry in entries}
        for node in self._lookup.nodes():
            if node not in ids:
                self._lookup.forget(node)
                self._away.pop(node, None)
                await self._shelf.async_remove(node)
            elif self._lookup.can_run_rules(node):
                parts = tuple(record.written[node] for record in self._placing.on(node))
                await self._shelf.async_put(node, zone, parts)

    def _schedule_next(self) -> None:
        """Look again when a node has been away for long, or has had its time to say what it is."""
        now = self._hass.loop.time()
        moments = [since + ABSENT_SECONDS for since in self._away.values()]
        if self._started_at is not None and not self._handing_out:
            moments.append(self._started_at + INFO_SECONDS)
        if coming := [moment for moment in moments if moment > now]:
            self._schedule(min(coming) - now)
