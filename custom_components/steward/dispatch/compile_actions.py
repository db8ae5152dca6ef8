"""Actions that nodes can do, from Home Assistant's configuration. Some others are left to the hub; the rest keeps the whole there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn

from homeassistant.components.light.const import ATTR_BRIGHTNESS, LIGHT_TURN_OFF_SCHEMA, LIGHT_TURN_ON_SCHEMA
from homeassistant.components.light.helper import preprocess_turn_on_alternatives
from homeassistant.const import ENTITY_MATCH_ALL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.template import is_complex
from homeassistant.helpers.typing import VolDictType
import probatio

from ..protocol.entity import LightInfo, LightState, State
from ..protocol.fields import ContractError
from ..protocol.rule_actions import Action, Choose, Delay, Option, Set, Stop
from .commands import IGNORED_PARAMETERS, PORTABLE_PARAMETERS, light_on
from .compile_conditions import compile_condition, compile_conditions
from .lookup import Known, Questions
from .portable import is_enabled, name_all, only, refuse, seconds

_BASE: Final = frozenset({"alias", "enabled", "continue_on_error"})
_UNDERSTOOD: Final = {
    "call_service": _BASE
    | {"action", "service_template", "data", "data_template", "entity_id", "target", "response_variable"},
    "delay": _BASE | {"delay"},
    "choose": _BASE | {"choose", "default"},
    "if": _BASE | {"if", "then", "else"},
    "sequence": _BASE | {"sequence"},
    "stop": _BASE | {"stop", "error", "response_variable"},
}
_LEFT: Final = {
    "event": lambda config: f"fires the event {config['event']}",
    "scene": lambda config: f"activates {config['scene']}",
    "device": lambda config: f"does something with a device of {config['domain']}",
}
"""Actions that are left to the hub, besides calls."""
_PASSED_OVER: Final = ("variables", "set_conversation_response")
"""Only templates and answers to speech make use of these."""
_REFUSED: Final = {
    "wait_template": "waits for a template",
    "wait_for_trigger": "waits for a trigger",
    "repeat": "repeats actions",
    "parallel": "does several things at once",
}

_TARGET: Final = frozenset({"entity_id", "device_id", "area_id", "floor_id", "label_id", "exclude"})
_FIELDS: Final[Mapping[str, VolDictType]] = {
    "light.turn_on": LIGHT_TURN_ON_SCHEMA,
    "light.turn_off": LIGHT_TURN_OFF_SCHEMA,
    "switch.turn_on": {},
    "switch.turn_off": {},
    "number.set_value": {probatio.Required("value"): probatio.Coerce(float)},
}
_SCHEMAS: Final = {name: cv.make_entity_service_schema({**fields}) for name, fields in _FIELDS.items()}
"""What calls to Steward's entities take, as Home Assistant declares it."""
_GENERIC: Final = {
    "homeassistant.turn_on": ("light.turn_on", "switch.turn_on"),
    "homeassistant.turn_off": ("light.turn_off", "switch.turn_off"),
}
"""What actions for entities of any domain come to."""


class _LeftError(Exception):
    """An action is left to the hub; the text says why."""


def _skip(reason: str) -> NoReturn:
    raise _LeftError(reason)


class ActionCompiler:
    """Compiles the actions of one automation; tells `leave` what is left to the hub."""

    def __init__(self, hass: HomeAssistant, questions: Questions, leave: Callable[[str], None]) -> None:
        """Take whom to ask, and whom to tell."""
        self._hass = hass
        self._questions = questions
        self._leave = leave

    def compile(self, configs: Sequence[Mapping[str, Any]], *, top: bool = True) -> tuple[Action, ...]:
        """Return a sequence's actions. At the `top`, a condition that is false ends the run; within, only its sequence.

        Raises:
            NotPortableError: an action changes the course of things in a way that rules have no word for.
        """
        actions: list[Action] = []
        for index, config in enumerate(configs):
            if not is_enabled(config):
                continue
            kind = cv.determine_script_action(dict(config))
            if kind != "condition":
                actions += self._compile(kind, config)
                continue
            condition = compile_condition(config, self._questions)
            if top:
                actions.append(Stop((condition,)))
                continue
            if rest := self.compile(configs[index + 1 :], top=False):
                actions.append(Choose((Option((condition,), rest),)))
            break
        return tuple(actions)

    def _compile(self, kind: str, config: Mapping[str, Any]) -> Iterator[Action]:
        if kind in _REFUSED:
            refuse(_REFUSED[kind])
        if kind in _PASSED_OVER:
            return
        if kind in _LEFT:
            self._leave(_LEFT[kind](config))
            return
        if kind not in _UNDERSTOOD:
            refuse(f"has an action of the kind {kind}")
        only(config, _UNDERSTOOD[kind])
        match kind:
            case "call_service":
                try:
                    yield from self._call(config)
                except _LeftError as reason:
                    self._leave(str(reason))
            case "delay":
                if length := seconds(config["delay"]):
                    yield Delay(length)
            case "sequence":
                yield from self.compile(config["sequence"], top=False)
            case "stop":
                yield Stop()
            case "if":
                option = self._option(config["if"], config["then"])
                yield Choose((option,), self.compile(config.get("else", ()), top=False))
            case "choose":
                options = tuple(self._choice(choice) for choice in config["choose"])
                default = self.compile(config.get("default", ()), top=False)
                if options:
                    yield Choose(options, default)
                else:
                    yield from default

    def _choice(self, config: Mapping[str, Any]) -> Option:
        only(config, frozenset({"alias", "conditions", "sequence"}))
        return self._option(config["conditions"], config["sequence"])

    def _option(self, conditions: Sequence[Mapping[str, Any]], actions: Sequence[Mapping[str, Any]]) -> Option:
        return Option(compile_conditions(conditions, self._questions), self.compile(actions, top=False))

    # --- calls -------------------------------------------------------------------------------------------------------

    def _call(self, config: Mapping[str, Any]) -> list[Action]:
        """Return what an action of Home Assistant tells Steward's entities."""
        name = config.get("action", config.get("service_template"))
        if is_complex(name):
            _skip("calls an action whose name is a template")
        if name not in _SCHEMAS and name not in _GENERIC:
            _skip(f"calls {name}")
        parts = [config.get(part, {}) for part in ("data", "data_template", "target")]
        if is_complex(parts):
            _skip(f"calls {name} with a template")
        data: dict[str, Any] = {key: value for part in parts for key, value in part.items()}
        if "entity_id" in config:
            data["entity_id"] = config["entity_id"]
        entity_ids = self._targets(name, {key: value for key, value in data.items() if key in _TARGET})
        parameters = {key: value for key, value in data.items() if key not in _TARGET}
        calls = _GENERIC.get(name, (name,))
        domains = {call.partition(".")[0] for call in calls}
        if others := [entity_id for entity_id in entity_ids if entity_id.partition(".")[0] not in domains]:
            if name in _GENERIC:
                self._leave(f"calls {name} for {', '.join(others)}")
            entity_ids = [entity_id for entity_id in entity_ids if entity_id not in others]
        return [told for call in calls for told in self._tell_all(call, entity_ids, parameters)]

    def _targets(self, name: str, selection: dict[str, Any]) -> list[str]:
        """Return the ids of the entities that an action is for."""
        if not selection:
            refuse(f"calls {name} without a target")
        if "entity_id" in selection:
            try:
                selection["entity_id"] = cv.comp_entity_ids_or_uuids(selection["entity_id"])
            except probatio.Invalid:
                refuse(f"calls {name} for something that doesn't exist")
            if selection["entity_id"] == ENTITY_MATCH_ALL:
                _skip(f"calls {name} for all entities")
            if any(entity_id.startswith("group.") for entity_id in selection["entity_id"]):
                _skip(f"calls {name} for a group")
        if (targets := self._questions.targets(selection, expand_groups=True)) is None:
            refuse(f"calls {name} for something that doesn't exist")
        return sorted(targets)

    def _tell_all(self, call: str, entity_ids: list[str], parameters: Mapping[str, Any]) -> list[Action]:
        """Return what one call tells those entities that are of its domain."""
        domain = call.partition(".")[0]
        mine = [entity_id for entity_id in entity_ids if entity_id.startswith(f"{domain}.")]
        if not mine:
            return []
        try:
            validated = _SCHEMAS[call]({**parameters, "entity_id": mine})
        except probatio.Invalid:
            refuse(f"calls {call} with what it doesn't take")
        del validated["entity_id"]
        if more := sorted(validated.keys() - PORTABLE_PARAMETERS - IGNORED_PARAMETERS - {"value"}):
            _skip(f"calls {call} with {', '.join(more)}")
        preprocess_turn_on_alternatives(self._hass, validated)
        told: list[Action] = []
        others: list[str] = []
        for entity_id in mine:
            if (known := self._questions.entity(entity_id)) is None:
                others.append(entity_id)
            elif known.blocked:
                self._leave(f"calls {call} for {entity_id}, and {known.node_name} is blocked")
            elif not known.disabled:
                told += self._tell(call, entity_id, known, validated)
        if others:
            self._leave(f"calls {call} for {name_all(others)}")
        return told

    def _tell(self, call: str, entity_id: str, known: Known, parameters: Mapping[str, Any]) -> Iterator[Action]:
        """Yield what an entity is told."""
        target: State = call.endswith(".turn_on")
        if isinstance(known.info, LightInfo):
            off = not target or parameters.get(ATTR_BRIGHTNESS) == 0
            if not off and self._questions.has_profile(entity_id):
                self._leave(f"calls {call} for {entity_id}, which has a light profile")
                return
            target = LightState(False) if off else light_on(known.info, parameters)
        elif call == "number.set_value":
            if known.converted:
                self._leave(f"calls {call} for {entity_id}, which is shown in another unit than its node's")
                return
            target = parameters["value"]
        try:
            known.info.check_target(target)
            yield Set(known.path, known.info.to_json(target))
        except ContractError:
            refuse(f"calls {call} for {entity_id} with a value that it can't have")
