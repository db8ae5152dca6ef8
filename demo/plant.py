"""A solar plant whose days last minutes: an inverter that tells its register and its power over MQTT, as many do.

It needs nothing of Steward: Home Assistant finds it by its MQTT discovery, and a teller meters it like any other entity.
"""

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
import json
from math import pi, sin
from pathlib import Path
import signal
import sys
from typing import Any, Final, override

import aiomqtt

from .process import LOOPBACK, Process

NAME: Final = "Solar plant"
ENERGY: Final = "sensor.solar_plant_energy"
POWER: Final = "sensor.solar_plant_power"
PEAK: Final = 500.0
"""Kilowatts at noon without clouds: so much that a few seconds show in the books."""
DAY: Final = 600.0
"""Seconds of a day."""
LIGHT: Final = 0.7
"""The part of it with the sun up, with which it begins."""
EVERY: Final = 2.0
"""Seconds between two messages; at night it is quieter."""
NIGHT: Final = 20.0
AGAIN: Final = 1.0
"""Seconds until a broker that is away is tried again."""
_TOPIC: Final = "demo/solar"
_DEVICE: Final = {"identifiers": ["demo_solar_plant"], "name": NAME, "manufacturer": "Demo", "model": "500 kWp"}


@dataclass(slots=True)
class Register:
    """What the plant remembers: what it has produced in kWh, and how long it has been running in seconds."""

    energy: float = 12_480.0
    age: float = 0.0

    @property
    def power(self) -> float:
        """The power in kW now: the sun's arc, and clouds that come and go."""
        noon = sin(pi * (self.age % DAY) / (LIGHT * DAY)) if self.age % DAY < LIGHT * DAY else 0
        return PEAK * noon * (0.8 + 0.2 * sin(self.age / 7) * sin(self.age / 17))

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.energy += self.power * seconds / 3600
        self.age += seconds


def discovery() -> dict[str, dict[str, Any]]:
    """Return what Home Assistant is told about the plant's entities, by topic."""
    both = {"availability_topic": f"{_TOPIC}/status", "device": _DEVICE, "state_topic": f"{_TOPIC}/state"}
    return {
        "homeassistant/sensor/demo_solar_energy/config": {
            **both,
            "name": "Energy",
            "unique_id": "demo_solar_energy",
            "device_class": "energy",
            "state_class": "total_increasing",
            "unit_of_measurement": "kWh",
            "value_template": "{{ value_json.energy }}",
        },
        "homeassistant/sensor/demo_solar_power/config": {
            **both,
            "name": "Power",
            "unique_id": "demo_solar_power",
            "device_class": "power",
            "state_class": "measurement",
            "unit_of_measurement": "kW",
            "value_template": "{{ value_json.power }}",
        },
    }


async def produce(port: int, file: Path) -> None:
    """Produce for ever, and tell the broker whenever it is there."""
    register = _kept(file)
    while True:
        try:
            async with aiomqtt.Client(
                LOOPBACK, port, will=aiomqtt.Will(f"{_TOPIC}/status", "offline", retain=True)
            ) as broker:
                await _tell(broker, register, file)
        except aiomqtt.MqttError:
            await _pass(register, file, AGAIN)


def _kept(file: Path) -> Register:
    return Register(**json.loads(file.read_text())) if file.exists() else Register()


async def _tell(broker: aiomqtt.Client, register: Register, file: Path) -> None:
    for topic, config in discovery().items():
        await broker.publish(topic, json.dumps(config), qos=1, retain=True)
    await broker.publish(f"{_TOPIC}/status", "online", qos=1, retain=True)
    while True:
        state = {"energy": f"{register.energy:.3f}", "power": f"{register.power:.1f}"}
        await broker.publish(f"{_TOPIC}/state", json.dumps(state), qos=1, retain=True)
        await _pass(register, file, EVERY if register.power else NIGHT)


async def _pass(register: Register, file: Path, seconds: float) -> None:
    """Let time pass, and keep the register: it never goes back, also when the demo is killed."""
    await asyncio.sleep(seconds)
    register.pass_by(seconds)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(asdict(register)))
    new.replace(file)


class Plant(Process):
    """The plant as a program of its own."""

    def __init__(self, folder: Path, logs: Path, broker_port: int) -> None:
        """Take the folder for its register, the one for its log, and where the broker is."""
        self._folder = folder
        super().__init__(
            "the solar plant",
            *(sys.executable, "-m", "demo.plant", str(broker_port), str(folder / "register.json")),
            log=logs / "plant.log",
        )

    @override
    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        await super().start()


async def main(port: int, file: Path) -> None:
    """Run the plant until SIGTERM."""
    work = asyncio.ensure_future(produce(port, file))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
