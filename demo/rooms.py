"""The rooms of the demo's house, and the area node in each."""

from dataclasses import dataclass
from pathlib import Path
import sys
from typing import Any, Final, override

import yaml

from .process import LOOPBACK, Process


@dataclass(frozen=True, slots=True)
class Room:
    """A room: its node's id, its name, its icon, and what its simulated day is like.

    `hands` is how many times a day somebody waves there without being asked: where that starts an automation, nobody does.
    """

    node: str
    name: str
    icon: str
    seed: int
    sleeper: bool = False
    hands: int = 0


KITCHEN: Final = Room("kitchen", "Kitchen", "mdi:silverware-fork-knife", 1, hands=3)
NURSERY: Final = Room("nursery", "Nursery", "mdi:baby-carriage", 2, sleeper=True)
LIVING_ROOM: Final = Room("living_room", "Living room", "mdi:sofa", 3)
ROOMS: Final = (KITCHEN, NURSERY, LIVING_ROOM)


class Node(Process):
    """The real area node's daemon with simulated hardware."""

    def __init__(self, room: Room, folder: Path, logs: Path, broker_port: int, day: float) -> None:
        """Take the room, the folder for its settings and state, the one for its log, and how long a day lasts in seconds."""
        self._file = folder / f"{room.node}.yaml"
        self._settings: dict[str, Any] = {
            "node": room.node,
            "name": room.name,
            "area": room.name,
            "state_dir": str(folder / room.node),
            "mqtt": {"host": LOOPBACK, "port": broker_port},
            "modules": {
                "system": {},
                "baby_stitch": {
                    "hardware": "simulated",
                    "simulation": {"day": day, "seed": room.seed, "sleeper": room.sleeper, "hands": room.hands},
                },
            },
        }
        super().__init__(
            f"the {room.name.lower()}'s node",
            *(str(Path(sys.executable).with_name("steward")), "zero", "--config", str(self._file)),
            log=logs / f"{room.node}.log",
        )

    @override
    async def start(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(yaml.safe_dump(self._settings, sort_keys=False))
        await super().start()
