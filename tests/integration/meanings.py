"""A rule as the automation that it stands for, and random rules: what the meanings of both are compared with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, Final

from custom_components.steward.protocol.entity import (
    BinarySensorInfo,
    EntityInfo,
    EventInfo,
    LightInfo,
    NumberInfo,
    SensorInfo,
    SwitchInfo,
)
from custom_components.steward.protocol.fields import Json
from custom_components.steward.protocol.rule_actions import Action, Choose, Delay, Option, Set, Stop
from custom_components.steward.protocol.rule_conditions import (
    Condition,
    Junction,
    JunctionCondition,
    NumericCondition,
    StateCondition,
    TimeCondition,
    TriggerCondition,
)
from custom_components.steward.protocol.rule_fields import Bounds, Match
from custom_components.steward.protocol.rule_triggers import (
    EventTrigger,
    NumericTrigger,
    StateTrigger,
    TimeTrigger,
    Trigger,
)
from custom_components.steward.protocol.rules import Mode, Rule, entity_path, split_path

TARGETS: Final = "attic"
"""The node that all rules tell something: it is always there, as Home Assistant tells nothing to what is unavailable."""
MOST_RULES: Final = 24

NODES: Final[Mapping[str, tuple[EntityInfo, ...]]] = {
    "kitchen": (
        BinarySensorInfo(key="door", name="Door"),
        SensorInfo(key="temperature", name="Temperature", state_class="measurement"),
        SensorInfo(key="program", name="Program"),
        SwitchInfo(key="fan", name="Fan"),
        LightInfo(key="lamp", name="Lamp", brightness=True, color=True),
        NumberInfo(key="gain", name="Gain", minimum=-100, maximum=100, step=0.5),
        EventInfo(key="gesture", name="Gesture", event_types=("started", "ended")),
    ),
    "hall": (
        BinarySensorInfo(key="motion", name="Motion"),
        SensorInfo(key="brightness", name="Brightness", state_class="measurement"),
        SwitchInfo(key="alarm", name="Alarm"),
        EventInfo(key="bell", name="Bell", event_types=("pressed", "held")),
    ),
    TARGETS: (
        *(SwitchInfo(key=f"run_{number}", name=f"Run {number}") for number in range(MOST_RULES)),
        *(SwitchInfo(key=f"heater_{number}", name=f"Heater {number}") for number in range(MOST_RULES)),
        *(
            LightInfo(key=f"spot_{number}", name=f"Spot {number}", brightness=True, color=True)
            for number in range(MOST_RULES)
        ),
        *(
            NumberInfo(key=f"level_{number}", name=f"Level {number}", minimum=0, maximum=100)
            for number in range(MOST_RULES)
        ),
    ),
}
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

ENTITIES: Final = {entity_path(node, info.platform, info.key): info for node, infos in NODES.items() for info in infos}


# --- a rule as an automation -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Automations:
    """Writes rules as Home Assistant's automations; `entity_id` names an entity there."""

    entity_id: Callable[[str], str]

    def write(self, rule: Rule) -> dict[str, Any]:
        """Return the automation that a rule is the portable form of."""
        config: dict[str, Any] = {
            "id": rule.id.partition(".")[2],
            "alias": rule.name,
            "mode": rule.mode.value,
            "triggers": [self.trigger(trigger) for trigger in rule.triggers],
            "conditions": [self.condition(condition) for condition in rule.conditions],
            "actions": self.actions(rule.actions),
            "max_exceeded": "silent",
            "variables": {"steward_keep_running": True},
        }
        if rule.mode in (Mode.QUEUED, Mode.PARALLEL):
            config["max"] = rule.max_runs
        return config

    def ids(self, paths: tuple[str, ...]) -> list[str]:
        """Return the entity ids of entities."""
        return [self.entity_id(path) for path in paths]

    def trigger(self, trigger: Trigger) -> dict[str, Any]:
        """Return a trigger's configuration."""
        match trigger:
            case EventTrigger():
                config: dict[str, Any] = {
                    "trigger": "event.received",
                    "target": {"entity_id": self.ids(trigger.entities)},
                    "options": {"event_type": [*trigger.types]},
                }
            case StateTrigger():
                config = {"trigger": "state", "entity_id": self.ids(trigger.entities)}
                for name, match in (("from", trigger.origin), ("to", trigger.target)):
                    if match == Match((), inverted=True):
                        config[name] = None
                    elif match is not None:
                        config[f"not_{name}" if match.inverted else name] = [*match.values]
            case NumericTrigger():
                config = {"trigger": "numeric_state", "entity_id": self.ids(trigger.entities), **bounds(trigger.bounds)}
            case TimeTrigger():
                config = {"trigger": "time", "at": trigger.at.isoformat()}
                if trigger.weekdays:
                    config["weekday"] = [WEEKDAYS[day] for day in trigger.weekdays]
        if isinstance(trigger, StateTrigger | NumericTrigger):
            if trigger.attribute is not None:
                config["attribute"] = trigger.attribute
            if trigger.seconds:
                config["for"] = {"seconds": trigger.seconds}
        return {"id": trigger.id, **config}

    def condition(self, condition: Condition) -> dict[str, Any]:
        """Return a condition's configuration."""
        match condition:
            case StateCondition():
                config: dict[str, Any] = {
                    "condition": "state",
                    "entity_id": self.ids(condition.entities),
                    "state": [*condition.values],
                    "match": "any" if condition.any_entity else "all",
                }
                if condition.seconds:
                    config["for"] = {"seconds": condition.seconds}
            case NumericCondition():
                entities = self.ids(condition.entities)
                config = {"condition": "numeric_state", "entity_id": entities, **bounds(condition.bounds)}
            case TimeCondition():
                config = {"condition": "time"}
                for name, at in (("after", condition.after), ("before", condition.before)):
                    if at is not None:
                        config[name] = at.isoformat()
                if condition.weekdays:
                    config["weekday"] = [WEEKDAYS[day] for day in condition.weekdays]
            case TriggerCondition():
                config = {"condition": "trigger", "id": [*condition.ids]}
            case JunctionCondition():
                inner = [self.condition(inner) for inner in condition.conditions]
                config = {"condition": condition.junction.value, "conditions": inner}
        if isinstance(condition, StateCondition | NumericCondition) and condition.attribute is not None:
            config["attribute"] = condition.attribute
        return config

    def actions(self, actions: tuple[Action, ...]) -> list[dict[str, Any]]:
        """Return the configuration of actions."""
        steps: list[dict[str, Any]] = []
        for action in actions:
            match action:
                case Set():
                    steps.append(self.set(action))
                case Delay():
                    steps.append({"delay": {"seconds": action.seconds}})
                case Choose():
                    options = [
                        {
                            "conditions": [self.condition(condition) for condition in option.conditions],
                            "sequence": self.actions(option.actions),
                        }
                        for option in action.options
                    ]
                    steps.append({"choose": options, "default": self.actions(action.default)})
                case Stop(unless=()):
                    steps.append({"stop": "That's all."})
                case Stop():  # within others it would only end those; the compiler makes no such rule
                    steps += [self.condition(condition) for condition in action.unless]
        return steps

    def set(self, action: Set) -> dict[str, Any]:
        """Return the call of a service that sets something."""
        config: dict[str, Any] = {"target": {"entity_id": self.entity_id(action.entity)}}
        match action.value:
            case "ON" | "OFF" as state:
                return {"action": f"switch.turn_{state.lower()}", **config}
            case {"state": "ON", **more}:
                data: dict[str, Any] = {}
                if "brightness" in more:
                    data["brightness"] = more["brightness"]
                if isinstance(color := more.get("color"), dict):
                    data["rgb_color"] = [color[part] for part in "rgb"]
                return {"action": "light.turn_on", **config, "data": data}
            case {"state": "OFF"}:
                return {"action": "light.turn_off", **config}
            case value:
                return {"action": "number.set_value", **config, "data": {"value": value}}


def bounds(bounds: Bounds) -> dict[str, Any]:
    """Return the configuration of bounds."""
    return {name: bound for name, bound in (("above", bounds.above), ("below", bounds.below)) if bound is not None}


# --- what happens ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """An entity's state comes, as the payload of its own topic."""

    entity: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Happen:
    """An event happens, of a type and with attributes."""

    entity: str
    event_type: str
    attributes: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Leave:
    """A node goes."""

    node: str


@dataclass(frozen=True, slots=True)
class Return:
    """A node comes back."""

    node: str


type Happening = Say | Happen | Leave | Return


@dataclass(frozen=True, slots=True)
class Story:
    """Automations, and what happens in the house.

    `automations` returns their configurations, given what tells an entity's id there. `states` are the payloads of the states at the beginning. Each happening comes so many seconds after the one before; after the
    last one there is some rest.
    """

    automations: Callable[[Callable[[str], str]], list[dict[str, Any]]]
    happenings: tuple[tuple[float, Happening], ...]
    states: Mapping[str, bytes] = field(default_factory=dict)
    begin: datetime = datetime(2026, 10, 12, 7, 5, 30)  # noqa: DTZ001 -- in the zone
    zone: str = "Europe/Berlin"
    rest: float = 30


# --- random ones -----------------------------------------------------------------------------------------------------

_STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "kitchen/binary_sensor/door": ("ON", "OFF"),
    "kitchen/sensor/temperature": ("17", "18.5", "20", "20.5", "21", "23", "-4", "nan", "20"),
    "kitchen/sensor/program": ("wash", "rinse", "spin", "20", "off", "None", "Trocknen & Lüften"),
    "kitchen/switch/fan": ("ON", "OFF"),
    "kitchen/light/lamp": (
        '{"state":"OFF"}',
        '{"state":"ON"}',
        '{"state":"ON","brightness":20}',
        '{"state":"ON","brightness":200,"color":{"r":1,"g":2,"b":3}}',
        '{"state":"ON","brightness":200,"color":{"r":9,"g":2,"b":3}}',
    ),
    "kitchen/number/gain": ("17", "20.0", "21.5", "-1"),
    "hall/binary_sensor/motion": ("ON", "OFF", "ON", "OFF", "None"),
    "hall/sensor/brightness": ("5", "20", "300", "19.99"),
    "hall/switch/alarm": ("ON", "OFF"),
}
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "kitchen/sensor/temperature": ("unknown", "unavailable"),
    "kitchen/sensor/program": ("wash", "rinse", "spin", "20", "off", "unknown"),
    "kitchen/number/gain": ("unknown", "unavailable"),
    "hall/sensor/brightness": ("unknown", "unavailable"),
}
_ON_OFF: Final = ("on", "off", "on", "off", "unavailable", "unknown")
_NUMBERS: Final[tuple[tuple[str, str | None], ...]] = (
    ("kitchen/sensor/temperature", None),
    ("kitchen/sensor/temperature", None),
    ("kitchen/number/gain", None),
    ("hall/sensor/brightness", None),
    ("kitchen/sensor/program", None),
    ("kitchen/light/lamp", "brightness"),
)
_EVENTS: Final = ("kitchen/event/gesture", "hall/event/bell")
_LAMP: Final = "kitchen/light/lamp"


class Author:
    """Thinks up stories, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        """Begin."""
        self.random = Random(seed)
        self.durations = 0
        self.number = 0
        self.away: set[str] = set()
        self.times: list[time] = []

    def story(self, rules: int, happenings: int) -> Story:
        """Return a story of so many rules and happenings."""
        random = self.random
        begin = datetime(2026, 10, 12, random.randrange(24), random.randrange(60), 30)  # noqa: DTZ001 -- in the zone
        seconds = random.sample(range(1, happenings * 2), 6)
        self.times = [(begin + timedelta(seconds=second)).time() for second in seconds]
        some = [self.rule(number) for number in range(rules)]
        return Story(
            lambda entity_id: [Automations(entity_id).write(rule) for rule in some],
            tuple((float(random.choice((0, 0, 1, 1, 2, 3, 5))), self.happening()) for _ in range(happenings)),
            {entity: random.choice(states[:2]).encode() for entity, states in _STATES.items()},
            begin,
        )

    def happening(self) -> Happening:
        """Return something that happens; a node that is away says nothing."""
        random = self.random
        here = [node for node in NODES if node not in (*self.away, TARGETS)]
        chance = random.random()
        if chance > 0.92 or not here:
            node = random.choice([node for node in NODES if node != TARGETS])
            self.away ^= {node}
            return Leave(node) if node in self.away else Return(node)
        if chance > 0.3:
            entity = random.choice([path for path in _STATES if split_path(path)[0] in here])
            return Say(entity, random.choice(_STATES[entity]).encode())
        entity = random.choice([path for path in _EVENTS if split_path(path)[0] in here])
        info = ENTITIES[entity]
        assert isinstance(info, EventInfo)
        return Happen(
            entity, random.choice(info.event_types), {"strength": random.choice((1, 20, 21.5, "x", None, True))}
        )

    def rule(self, number: int) -> Rule:
        """Return a rule; the first thing that it does tells that it runs."""
        random = self.random
        triggers = tuple(self.trigger(str(index)) for index in range(random.choice((1, 1, 2, 3))))
        self.number = number
        return Rule(
            f"automation.rule_{number}",
            f"Rule {number}",
            triggers,
            (Set(f"{TARGETS}/switch/run_{number}", "ON"), *self.actions(2), *self.stop(), *self.actions(2)),
            self.conditions(2, (0, 0, 1, 2)),
            random.choice([*Mode]),
            random.choice((2, 3)),
        )

    def seconds(self, *, whole: bool = False) -> float:
        """Return a time that ends at no moment at which another one ends."""
        self.durations += 1
        return self.random.choice((1, 2, 3, 5)) + (0 if whole else self.durations % 61 / 64 + 1 / 64)

    def path(self) -> str:
        """Return an entity that has states."""
        return self.random.choice([*_STATES])

    def words(self, entity: str) -> tuple[Json, ...]:
        """Return states that an entity may be in."""
        words = _WORDS.get(entity, _ON_OFF)
        return tuple(dict.fromkeys(self.random.choices(words, k=self.random.choice((1, 1, 2)))))

    def trigger(self, name: str) -> Trigger:
        """Return a trigger."""
        random = self.random
        seconds = self.seconds() if random.random() < 0.4 else 0
        match random.randrange(10):
            case 0 | 1 | 2:
                entity = random.choice(_EVENTS)
                info = ENTITIES[entity]
                assert isinstance(info, EventInfo)
                return EventTrigger(name, (entity,), tuple(random.sample(info.event_types, random.choice((1, 2)))))
            case 3 | 4 | 5:
                entities = tuple(dict.fromkeys(self.path() for _ in range(random.choice((1, 1, 2)))))
                return StateTrigger(name, entities, None, self.match(entities[0]), self.match(entities[0]), seconds)
            case 6:
                values: Match | None = Match((20, 200), random.random() < 0.3) if random.random() < 0.7 else None
                return StateTrigger(name, (_LAMP,), "brightness", None, values, seconds)
            case 7 | 8:
                entity, attribute = random.choice(_NUMBERS)
                return NumericTrigger(name, (entity,), self.bounds(), attribute, seconds)
            case _:
                return TimeTrigger(name, self.times[int(name)], random.choice(((), (), (0,), (1, 2))))

    def match(self, entity: str) -> Match | None:
        """Return what a state may change from or to."""
        chance = self.random.random()
        if chance < 0.3:
            return None
        if chance < 0.4:
            return Match((), inverted=True)
        return Match(self.words(entity), chance > 0.75)

    def bounds(self) -> Bounds:
        """Return bounds."""
        below = self.random.choice((21, 20, 21.5, 250))
        return self.random.choice((Bounds(above=20), Bounds(below=below), Bounds(above=17, below=below)))

    def conditions(self, levels: int, numbers: tuple[int, ...]) -> tuple[Condition, ...]:
        """Return some conditions."""
        return tuple(self.condition(levels) for _ in range(self.random.choice(numbers)))

    def condition(self, levels: int) -> Condition:
        """Return a condition."""
        random = self.random
        match random.randrange(10 if levels else 7):
            case 0 | 1:
                entities = tuple(dict.fromkeys(self.path() for _ in range(random.choice((1, 1, 2)))))
                seconds = self.seconds() if random.random() < 0.3 else 0
                return StateCondition(entities, self.words(entities[0]), None, random.random() < 0.5, seconds)
            case 2:
                entity, attribute, values = random.choice(
                    (
                        ("kitchen/event/gesture", "event_type", ("started",)),
                        ("kitchen/event/gesture", "strength", ("x", 20)),
                        ("kitchen/event/gesture", "strength", (1, 21.5)),
                        ("hall/event/bell", "event_type", ("held",)),
                        (_LAMP, "brightness", (200, 20)),
                    )
                )
                return StateCondition((entity,), values, attribute)
            case 3 | 4:
                entity, attribute = random.choice((*_NUMBERS, ("kitchen/event/gesture", "strength")))
                return NumericCondition((entity,), self.bounds(), attribute)
            case 5:
                after, before = (random.choice((None, *self.times)) for _ in range(2))
                return TimeCondition(
                    after, before, random.choice(((0,), (0, 3), (1,)) if after is before else ((), (0,), (1,)))
                )
            case 6:
                return TriggerCondition(tuple(random.sample(("0", "1", "2"), random.choice((1, 2)))))
            case _:
                return JunctionCondition(random.choice([*Junction]), self.conditions(levels - 1, (1, 2)))

    def actions(self, levels: int) -> tuple[Action, ...]:
        """Return some actions."""
        return tuple(self.action(levels) for _ in range(self.random.choice((0, 1, 1, 2, 3))))

    def stop(self) -> tuple[Action, ...]:
        """Return conditions that have to be true for a run to go on."""
        return tuple(Stop((condition,)) for condition in self.conditions(1, (0, 0, 1, 2)))

    def action(self, levels: int) -> Action:
        """Return an action."""
        random = self.random
        match random.randrange(10 if levels else 6):
            case 0 | 1 | 2:
                name, value = random.choice(_TOLD)
                return Set(f"{TARGETS}/{name}_{self.number}", value)
            case 3 | 4:
                return Delay(self.seconds())
            case 5:
                return Stop()
            case _:
                options = tuple(
                    Option(self.conditions(1, (0, 1, 1, 2)), self.actions(levels - 1))
                    for _ in range(random.choice((1, 2)))
                )
                return Choose(options, self.actions(levels - 1))


_TOLD: Final[tuple[tuple[str, Json], ...]] = (
    ("switch/heater", "ON"),
    ("switch/heater", "OFF"),
    ("light/spot", {"state": "ON"}),
    ("light/spot", {"state": "OFF"}),
    ("light/spot", {"state": "ON", "brightness": 128}),
    ("light/spot", {"state": "ON", "brightness": 3, "color": {"r": 255, "g": 120, "b": 0}}),
    ("number/level", 42),
    ("number/level", 0.5),
)
