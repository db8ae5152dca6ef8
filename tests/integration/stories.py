"""Stories that are picked by hand: automations as people write them, and what has to come of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from custom_components.steward.protocol.entity import LightState, State

from .meanings import TARGETS, Happen, Leave, Return, Say, Story

DOOR: Final = "kitchen/binary_sensor/door"
PROGRAM: Final = "kitchen/sensor/program"
TEMPERATURE: Final = "kitchen/sensor/temperature"
LAMP: Final = "kitchen/light/lamp"
FAN: Final = "kitchen/switch/fan"
GESTURE: Final = "kitchen/event/gesture"

type _Write = Callable[[Callable[[str], str]], list[dict[str, Any]]]
type _Told = list[tuple[float, str, State]]


class _Entities:
    """Names entities, as they are called in Home Assistant."""

    def __init__(self, entity_id: Callable[[str], str]) -> None:
        self.door, self.program, self.temperature, self.lamp, self.fan, self.gesture = (
            entity_id(path) for path in (DOOR, PROGRAM, TEMPERATURE, LAMP, FAN, GESTURE)
        )
        self._entity_id = entity_id

    def told(self, name: str, number: int = 0) -> dict[str, str]:
        return {"entity_id": self._entity_id(f"{TARGETS}/{name}_{number}")}

    def on(self, number: int = 0) -> dict[str, Any]:
        return {"action": "switch.turn_on", "target": self.told("switch/heater", number)}

    def off(self, number: int = 0) -> dict[str, Any]:
        return {"action": "switch.turn_off", "target": self.told("switch/heater", number)}

    def level(self, value: float, number: int = 0) -> dict[str, Any]:
        return {"action": "number.set_value", "target": self.told("number/level", number), "data": {"value": value}}


def _written(*write: Callable[[_Entities], dict[str, Any]]) -> _Write:
    """Return automations, each with what all of them have."""

    def automations(entity_id: Callable[[str], str]) -> list[dict[str, Any]]:
        entities = _Entities(entity_id)
        return [
            {
                "id": f"rule_{number}",
                "alias": f"Rule {number}",
                "max_exceeded": "silent",
                "variables": {"steward_keep_running": True},
                **one(entities),
            }
            for number, one in enumerate(write)
        ]

    return automations


def _gesture(e: _Entities, event_type: str = "started") -> dict[str, Any]:
    return {"trigger": "event.received", "target": {"entity_id": e.gesture}, "options": {"event_type": [event_type]}}


def _started(at: float = 0) -> tuple[float, Happen]:
    return at, Happen(GESTURE, "started", {})


_ON: Final = ("switch/heater_0", True)
_OFF: Final = ("switch/heater_0", False)

PICKED: Final[dict[str, tuple[Story, _Told]]] = {
    "a condition within a choice ends only that": (
        Story(
            _written(
                lambda e: {
                    "triggers": [_gesture(e)],
                    "actions": [
                        {
                            "if": [{"condition": "state", "entity_id": e.door, "state": "on"}],
                            "then": [
                                e.level(1),
                                {"condition": "state", "entity_id": e.fan, "state": "on"},
                                e.level(2),
                            ],
                            "else": [e.level(3)],
                        },
                        {"sequence": [{"condition": "state", "entity_id": e.fan, "state": "on"}, e.level(4)]},
                        e.on(),
                        {"condition": "state", "entity_id": e.fan, "state": "on"},
                        e.off(),
                    ],
                }
            ),
            (_started(1), (1, Say(FAN, b"ON")), _started(1), (1, Say(DOOR, b"OFF")), _started(1)),
            {DOOR: b"ON", FAN: b"OFF"},
        ),
        [
            (1, "number/level_0", 1),
            (1, *_ON),
            (3, "number/level_0", 1),
            (3, "number/level_0", 2),
            (3, "number/level_0", 4),
            (3, *_ON),
            (3, *_OFF),
            (5, "number/level_0", 3),
            (5, "number/level_0", 4),
            (5, *_ON),
            (5, *_OFF),
        ],
    ),
    "a stop within a choice ends all": (
        Story(
            _written(
                lambda e: {
                    "triggers": [_gesture(e)],
                    "actions": [
                        e.on(),
                        {
                            "choose": [
                                {
                                    "conditions": {"condition": "state", "entity_id": e.door, "state": "on"},
                                    "sequence": [{"stop": "The door is open.", "error": False}],
                                }
                            ]
                        },
                        e.off(),
                    ],
                }
            ),
            (_started(1), (1, Say(DOOR, b"OFF")), _started(1)),
            {DOOR: b"ON"},
        ),
        [(1, *_ON), (3, *_ON), (3, *_OFF)],
    ),
    "what is switched off isn't done": (
        Story(
            _written(
                lambda e: {
                    "triggers": [{**_gesture(e, "ended"), "enabled": False}, _gesture(e)],
                    "conditions": [{"condition": "state", "entity_id": e.door, "state": "on", "enabled": False}],
                    "actions": [{**e.on(), "enabled": False}, e.off()],
                }
            ),
            ((1, Happen(GESTURE, "ended", {})), _started(1)),
            {DOOR: b"OFF"},
        ),
        [(2, *_OFF)],
    ),
    "a light in people's words": (
        Story(
            _written(
                lambda e: {
                    "triggers": [{"trigger": "state", "entity_id": [e.door], "to": "on", "for": "00:00:02"}],
                    "actions": [
                        {
                            "action": "light.turn_on",
                            "target": e.told("light/spot"),
                            "data": {"brightness_pct": 40, "color_name": "red"},
                        },
                        {"delay": "00:00:03"},
                        {"action": "light.turn_off", "target": e.told("light/spot")},
                        {"delay": {"milliseconds": 500}},
                        {"action": "homeassistant.turn_on", "target": e.told("light/spot")},
                    ],
                    "mode": "restart",
                }
            ),
            ((1, Say(DOOR, b"ON")), (1, Say(DOOR, b"OFF")), (1, Say(DOOR, b"ON")), (3, Say(DOOR, b"OFF"))),
            {DOOR: b"OFF"},
        ),
        [
            (5, "light/spot_0", LightState(True, 102, (255, 0, 0))),
            (8, "light/spot_0", LightState(False)),
            (8.5, "light/spot_0", LightState(True)),
        ],
    ),
    "a single one is busy, also when nobody sees it": (
        Story(
            _written(lambda e: {"triggers": [_gesture(e)], "actions": [e.on(), {"delay": 5}, e.off()]}),
            (_started(1), _started(2), _started(3)),
        ),
        [(1, *_ON), (6, *_OFF), (6, *_ON), (11, *_OFF)],
    ),
    "queued ones wait": (
        Story(
            _written(
                lambda e: {
                    "triggers": [_gesture(e)],
                    "actions": [e.on(), {"delay": 2}, e.off()],
                    "mode": "queued",
                    "max": 2,
                }
            ),
            (_started(1), _started(0.5), _started(0.25)),
        ),
        [(1, *_ON), (3, *_OFF), (3, *_ON), (5, *_OFF)],
    ),
    "a number arms again when its node goes": (
        Story(
            _written(
                lambda e: {
                    "triggers": [{"trigger": "numeric_state", "entity_id": e.temperature, "above": 20}],
                    "actions": [e.on()],
                }
            ),
            (
                (1, Say(TEMPERATURE, b"20.5")),
                (1, Say(TEMPERATURE, b"22")),
                (1, Leave("kitchen")),
                (1, Return("kitchen")),
                (1, Say(TEMPERATURE, b"nan")),
                (1, Say(TEMPERATURE, b"20")),
                (1, Say(TEMPERATURE, b"21")),
            ),
            {TEMPERATURE: b"20"},
        ),
        [(1, *_ON), (4, *_ON), (7, *_ON)],
    ),
    "both of two that wait for one state to be left come": (
        Story(
            _written(
                lambda e: {
                    "triggers": [
                        {"trigger": "state", "entity_id": e.program, "from": ["wash", "rinse"], "for": {"seconds": 3}}
                    ],
                    "actions": [e.on()],
                }
            ),
            ((1, Say(PROGRAM, b"rinse")), (1, Say(PROGRAM, b"spin"))),
            {PROGRAM: b"wash"},
        ),
        [(4, *_ON), (5, *_ON)],
    ),
    "what has an error isn't true, and its contrary isn't either": (
        Story(
            _written(
                lambda e: {
                    "triggers": [_gesture(e)],
                    "actions": [
                        {
                            "if": [
                                {
                                    "condition": "not",
                                    "conditions": [{"condition": "numeric_state", "entity_id": e.program, "above": 10}],
                                }
                            ],
                            "then": [e.on()],
                            "else": [e.off()],
                        },
                    ],
                }
            ),
            (_started(1), (1, Say(PROGRAM, b"5")), _started(1), (1, Say(PROGRAM, b"50")), _started(1)),
            {PROGRAM: b"wash"},
        ),
        [(1, *_OFF), (3, *_ON), (5, *_OFF)],
    ),
    "the hour that comes twice": (
        Story(
            _written(lambda e: {"triggers": [{"trigger": "time", "at": "02:00:05"}], "actions": [e.on()]}),
            (),
            begin=datetime(2026, 10, 25, 2, 59, 50),  # noqa: DTZ001 -- in the zone: ten seconds later it's two o'clock again
        ),
        [(15, *_ON)],
    ),
    "the hour that comes twice, from its beginning": (
        Story(
            _written(lambda e: {"triggers": [{"trigger": "time", "at": "02:00:05"}], "actions": [e.on()]}),
            (),
            begin=datetime(2026, 10, 25, 1, 59, 50),  # noqa: DTZ001 -- in the zone
            rest=3700,
        ),
        [(15, *_ON), (3615, *_ON)],
    ),
    "the hour that never comes": (
        Story(
            _written(
                lambda e: {"triggers": [{"trigger": "time", "at": ["02:00:05", "03:00:10"]}], "actions": [e.on()]}
            ),
            (),
            begin=datetime(2027, 3, 28, 1, 59, 50),  # noqa: DTZ001 -- in the zone: ten seconds later it's three o'clock
        ),
        [(20, *_ON)],
    ),
}
"""By name: what happens, and what is told to whom, and when."""
