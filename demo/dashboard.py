"""The demo's dashboard: a section per room, what happened lately, and a view of the energy books."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .plant import ENERGY, POWER
from .rooms import Room

type Names = Mapping[str, Mapping[str, str]]
"""Entity ids, by room and then by `<platform>/<key>`; what Home Assistant itself adds to a node's device is `hub/<key>`."""
type Card = dict[str, Any]
"""A card's configuration, as Home Assistant's frontend defines it."""

DASHBOARD: Final = "steward-house"
NODE_BADGES: Final = ("sensor/cpu_temperature", "sensor/cpu_usage", "sensor/memory_used")
"""What a node tells of itself; not every machine can tell all of it."""
TEMPERATURES: Final = {"sensor/object_temperature": "Object", "sensor/die_temperature": "Chip"}
HISTORY_DAYS: Final = 1.0
"""How many simulated days the graphs show."""
BOOKS_HOURS: Final = 0.1
LOGBOOK_HOURS: Final = 1
"""How long ago what is told of the lights may be."""


def dashboard(rooms: Sequence[Room], names: Names, day: float, books: Mapping[str, str] | None = None) -> Card:
    """Return the dashboard's configuration for a house whose simulated days last `day` seconds, and for the entities of its books."""
    hours = HISTORY_DAYS * day / 3600
    return {
        "views": [
            {
                "title": "House",
                "path": "house",
                "type": "sections",
                "max_columns": len(rooms),
                "sections": [*(_section(room, names[room.node], hours) for room in rooms), _lately(rooms, names)],
            },
            *([_books(books)] if books else []),
        ],
    }


def _section(room: Room, entity: Mapping[str, str], hours: float) -> Card:
    """Return a room's section, without what its user has disabled."""
    cards: list[Card] = [
        _heading(room.name, room.icon),
        *_tile(
            entity.get("light/light"),
            "Light",
            color="amber",
            features=[{"type": "light-brightness"}],
            grid_options={"columns": 12, "rows": 2},
        ),
        *_tile(
            entity.get("button/wave"),
            "Wave a hand",
            icon="mdi:hand-wave",
            color="primary",
            hide_state=True,
            **_press(entity.get("button/wave")),
        ),
        *_tile(entity.get("event/gesture"), "Last gesture", color="purple", state_content=["event_type", "state"]),
        *_tile(entity.get("switch/gesture_dimming"), "Gestures dim", color="primary", tap_action={"action": "toggle"}),
        *_tile(entity.get("sensor/distance"), "Distance", color="cyan"),
        *(card for key, name in TEMPERATURES.items() for card in _tile(entity.get(key), name, color="deep-orange")),
    ]
    if measured := {entity[key]: name for key, name in TEMPERATURES.items() if key in entity}:
        cards.append(
            {
                "type": "history-graph",
                "hours_to_show": hours,
                "entities": [{"entity": entity_id, "name": name} for entity_id, name in measured.items()],
                "grid_options": {"columns": 12, "rows": 4},
            }
        )
    cards.append(
        _heading("Node", "mdi:raspberry-pi", [entity[key] for key in NODE_BADGES if key in entity], "subtitle")
    )
    for key in sorted(entity):
        if "/problem_" in key:
            cards += _tile(entity[key], _module(key), color="red")
    cards += _tile(entity.get("hub/rules_here"), "Rules here", color="green")
    cards += _tile(entity.get("hub/blocked"), "Blocked", color="red", tap_action={"action": "toggle"})
    return {"type": "grid", "cards": cards}


def _lately(rooms: Sequence[Room], names: Names) -> Card:
    """Return the section that tells what became of the lights, also by what nodes do while Home Assistant is away."""
    lights = [names[room.node]["light/light"] for room in rooms if "light/light" in names[room.node]]
    return {
        "type": "grid",
        "column_span": len(rooms),
        "cards": [
            _heading("What happened to the lights", "mdi:script-text-outline"),
            {
                "type": "logbook",
                "target": {"entity_id": lights},
                "hours_to_show": LOGBOOK_HOURS,
                "grid_options": {"columns": "full", "rows": 6},
            },
        ],
    }


def _books(entity: Mapping[str, str]) -> Card:
    """Return the view of the energy books."""
    owed = [
        _heading("What is owed", "mdi:cash-clock"),
        *_tile(entity.get("owed"), "Owed", color="primary"),
        *_tile(entity.get("due_date"), "Due date", color="primary"),
        *_tile(entity.get("period_energy"), "This period", color="amber"),
        *_tile(entity.get("lifetime_energy"), "In all", color="amber"),
        *_tile(entity.get("last_payback"), "Last payback", color="green"),
        *_tile(entity.get("pay"), "Pay now", hide_state=True, **_press(entity.get("pay"))),
    ]
    kept = [
        _heading("How the books are", "mdi:book-check-outline"),
        *_tile(entity.get("books"), "State of books", color="green"),
        *_tile(entity.get("terms_signed"), "Terms signed", color="green"),
        *_tile(entity.get("log_size"), "Log size"),
        *_tile(entity.get("not_witnessed"), "Not witnessed", color="deep-orange"),
        *_tile(entity.get("last_checkpoint"), "Last checkpoint"),
        *_tile(entity.get("commit"), "Commit now", hide_state=True, **_press(entity.get("commit"))),
    ]
    metered = [
        _heading("What is metered", "mdi:solar-power"),
        *_tile(POWER, "Power", color="amber"),
        *_tile(ENERGY, "Register", color="amber"),
        *_tile(entity.get("source/energy"), "In the books", color="primary"),
        *_tile(entity.get("source/reason"), "Last reading", color="primary"),
        {
            "type": "history-graph",
            "hours_to_show": BOOKS_HOURS,
            "entities": [{"entity": POWER, "name": "Power"}],
            "grid_options": {"columns": 12, "rows": 4},
        },
    ]
    return {
        "title": "Energy books",
        "path": "books",
        "type": "sections",
        "max_columns": 3,
        "sections": [{"type": "grid", "cards": cards} for cards in (owed, kept, metered)],
    }


def _press(entity_id: str | None) -> Card:
    """Return what makes a tile press its button."""
    press = {"action": "perform-action", "perform_action": "button.press", "target": {"entity_id": entity_id}}
    return {"tap_action": press, "icon_tap_action": press}


def _heading(title: str, icon: str, badges: Sequence[str] = (), style: str = "title") -> Card:
    return {
        "type": "heading",
        "heading": title,
        "heading_style": style,
        "icon": icon,
        "badges": [{"type": "entity", "entity": entity_id} for entity_id in badges],
    }


def _tile(entity_id: str | None, name: str, **options: Any) -> list[Card]:
    """Return an entity's tile; none where there is no such entity."""
    return [{"type": "tile", "entity": entity_id, "name": name, **options}] if entity_id else []


def _module(key: str) -> str:
    """Return a module's name from its problem sensor's `binary_sensor/problem_<module>`."""
    return key.rpartition("problem_")[2].replace("_", " ").capitalize()
