"""The demo's dashboard: a section per room."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .rooms import Room

type Names = Mapping[str, Mapping[str, str]]
"""Entity ids, by room and then by `<platform>_<key>`."""
type Card = dict[str, Any]
"""A card's configuration, as Home Assistant's frontend defines it."""

DASHBOARD: Final = "steward-house"
HISTORY_DAYS: Final = 1.5
"""How many simulated days the graphs show."""


def dashboard(rooms: Sequence[Room], names: Names, day: float) -> Card:
    """Return the dashboard's configuration for a house whose simulated days last `day` seconds."""
    hours = HISTORY_DAYS * day / 3600
    return {
        "views": [
            {
                "title": "House",
                "path": "house",
                "type": "sections",
                "max_columns": len(rooms),
                "sections": [_section(room, names[room.node], hours) for room in rooms],
            },
        ],
    }


def _section(room: Room, entity: Mapping[str, str], hours: float) -> Card:
    problems = [{"entity": entity[key], "name": _module(key)} for key in sorted(entity) if "_problem_" in key]
    cards: list[Card] = [
        {
            "type": "heading",
            "heading": room.name,
            "icon": room.icon,
            "badges": [{"type": "entity", "entity": entity["sensor_object_temperature"], "show_state": True}],
        },
        _tile(
            entity["light_light"],
            "Light",
            features=[{"type": "light-brightness"}],
            grid_options={"columns": 12, "rows": 2},
        ),
        _tile(entity["sensor_object_temperature"], "Object", color="deep-orange"),
        _tile(entity["sensor_die_temperature"], "Chip", color="amber"),
        _tile(entity["sensor_distance"], "Distance", color="cyan"),
        _tile(entity["switch_gesture_dimming"], "Gestures dim", tap_action={"action": "toggle"}),
        _tile(entity["event_gesture"], "Last gesture", color="purple", state_content=["event_type", "last_changed"]),
        {
            "type": "button",
            "entity": entity["button_wave"],
            "name": "Wave a hand",
            "icon": "mdi:hand-wave",
            "show_state": False,
            "tap_action": {
                "action": "perform-action",
                "perform_action": "button.press",
                "target": {"entity_id": entity["button_wave"]},
            },
            "grid_options": {"columns": 6, "rows": 1},
        },
        _graph("Temperature", [entity["sensor_object_temperature"], entity["sensor_die_temperature"]], hours),
        _graph("Hand's distance", [entity["sensor_distance"]], hours),
        {"type": "glance", "title": "Modules", "columns": len(problems), "entities": problems},
    ]
    return {"type": "grid", "cards": cards}


def _tile(entity_id: str, name: str, **options: Any) -> Card:
    return {"type": "tile", "entity": entity_id, "name": name, **options}


def _graph(title: str, entity_ids: Sequence[str], hours: float) -> Card:
    return {
        "type": "history-graph",
        "title": title,
        "hours_to_show": hours,
        "entities": [{"entity": entity_id} for entity_id in entity_ids],
        "grid_options": {"columns": 12, "rows": 3},
    }


def _module(key: str) -> str:
    """Return a module's name from its problem sensor's `binary_sensor_problem_<module>`."""
    return key.rpartition("problem_")[2].replace("_", " ").capitalize()
