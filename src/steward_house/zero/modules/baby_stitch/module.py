"""What `baby_stitch` does with its hardware."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final, override

import voluptuous as vol

from ....protocol.entity import LightState
from ...module import Context, Module, ModuleProblemError, Received
from .entities import (
    DIE_TEMPERATURE,
    DISTANCE,
    GESTURE,
    GESTURE_DIMMING,
    GESTURE_GAIN,
    LIGHT,
    OBJECT_TEMPERATURE,
    WAVE,
)
from .gesture import Finding, Gesture
from .hardware import Hardware, Temperatures
from .light import Light
from .real import RealHardware
from .simulated import SimulatedHardware

_TEMPERATURES_EVERY: Final = 1.0
_DISTANCE_EVERY: Final = 0.2
_TEMPERATURE_STEP: Final = 0.2
"""°C; less is the thermometer's noise."""
_DISTANCE_STEP: Final = 10.0
"""mm; less is the range finder's noise."""
_MISSING: Final = 5
"""How many measurements in a row may find nothing before the distance is unknown."""
_CLOSING: Final = 2
"""Seconds; less than the module may take to end."""
_FAILURES: Final = 5
"""How many times in a row a part may not answer: single failures are usual on the bus."""


class BabyStitchModule(Module):
    """The light, the sensors and the gesture."""

    schema: ClassVar[dict[Any, Any]] = {
        vol.Optional("hardware", default="real"): vol.In(["real", "simulated"], msg="must be real or simulated"),
        vol.Optional("simulation", default=dict): {
            vol.Optional("day", default=86400): vol.All(vol.Coerce(float), vol.Range(min=1)),
            vol.Optional("seed", default=0): int,
            vol.Optional("sleeper", default=False): vol.All(bool, msg="must be true or false"),
            vol.Optional("hands", default=12): vol.All(int, vol.Range(min=0, max=100)),
        },
    }

    def __init__(self, settings: Mapping[str, Any], hardware: Hardware | None = None) -> None:
        """Use the hardware that the settings name, or another one."""
        super().__init__(settings)
        self._hardware = hardware

    @override
    async def run(self, context: Context) -> None:
        simulated = self.settings["hardware"] == "simulated"
        context.declare(
            LIGHT,
            OBJECT_TEMPERATURE,
            DIE_TEMPERATURE,
            DISTANCE,
            GESTURE_DIMMING,
            GESTURE,
            GESTURE_GAIN,
            *((WAVE,) if simulated else ()),
        )
        hardware = self._hardware or await self._open(context, simulated=simulated)
        try:
            await _Room(context, hardware).live()
        finally:
            await context.blocking(hardware.close, _CLOSING)

    async def _open(self, context: Context, *, simulated: bool) -> Hardware:
        if simulated:
            return SimulatedHardware(**self.settings["simulation"])
        try:
            # The libraries take seconds to import on a small machine.
            return await context.blocking(RealHardware.open, 60)
        except ImportError as error:
            message = f"the extra 'pi' of steward-house is not installed: {error}"
            raise ModuleProblemError(message) from error
        except Exception as error:
            message = f"its hardware can't be opened: {type(error).__name__}: {error}"
            raise ModuleProblemError(message) from error


class _Room:
    """One run: the light as it is, and the gesture that may be going on."""

    def __init__(self, context: Context, hardware: Hardware) -> None:
        self._context = context
        self._hardware = hardware
        before = context.last(LIGHT)
        self._light = Light().told(before) if isinstance(before, LightState) else Light()
        self._dimming = context.last(GESTURE_DIMMING) is not False
        gain = context.last(GESTURE_GAIN)
        self._gesture = Gesture(gain) if isinstance(gain, int | float) else Gesture()

    async def live(self) -> None:
        """Do everything at once until cancelled."""
        self._context.publish(GESTURE_DIMMING, self._dimming)
        self._context.publish(GESTURE_GAIN, self._gesture.gain)
        await self._shine(self._light)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._obey())
            group.create_task(self._tell_temperatures())
            group.create_task(self._tell_distance())

    async def _obey(self) -> None:
        async for command in self._context.commands():
            await self._carry_out(command)

    async def _carry_out(self, command: Received) -> None:
        match command.entity.key, command.target:
            case LIGHT.key, LightState() as target:
                await self._shine(self._light.told(target))
            case GESTURE_DIMMING.key, bool() as on:
                self._dimming = on
                self._context.publish(GESTURE_DIMMING, on)
                if not on:
                    await self._follow(self._gesture.stop(), None)
            case GESTURE_GAIN.key, int() | float() as gain:
                self._gesture.gain = gain
                self._context.publish(GESTURE_GAIN, gain)
            case WAVE.key, _ if isinstance(self._hardware, SimulatedHardware):
                self._hardware.wave()
            case _:
                pass

    async def _shine(self, light: Light) -> None:
        self._light = light
        await self._context.blocking(partial(self._hardware.set_light, light.brightness, light.rgb))
        self._context.publish(LIGHT, light.state)

    async def _tell_temperatures(self) -> None:
        part = _Part(self._context, "the thermometer (TMP007 at 0x40)", self._hardware.temperatures)
        told: Temperatures | None = None
        async for _ in self._context.every(_TEMPERATURES_EVERY):
            now = await part.ask()
            if now is None:
                continue
            if told is None or _differ(now, told):
                told = now
                self._context.publish(OBJECT_TEMPERATURE, round(now.object, 1))
                self._context.publish(DIE_TEMPERATURE, round(now.die, 1))

    async def _tell_distance(self) -> None:
        part = _Part(self._context, "the range finder (VL53L0X at 0x29)", self._hardware.distance)
        told: float | None = None
        missing = 0
        async for _ in self._context.every(_DISTANCE_EVERY):
            now = await part.ask()
            missing = missing + 1 if now is None else 0
            if now is not None and (told is None or abs(now - told) >= _DISTANCE_STEP):
                told = now
                self._context.publish(DISTANCE, round(now))
            elif missing == _MISSING:
                told = None
                self._context.publish(DISTANCE, None)
            if self._dimming:
                await self._follow(self._gesture.measure(now, self._light.brightness), now)

    async def _follow(self, finding: Finding, distance: float | None) -> None:
        if finding.brightness is not None:
            await self._shine(Light(finding.brightness, self._light.rgb))
        if finding.change is not None:
            self._context.event(
                GESTURE,
                finding.change.value,
                distance=None if distance is None else round(distance),
                brightness=self._light.brightness,
            )


class _Part[T]:
    """A part on the bus, which may fail to answer now and then."""

    def __init__(self, context: Context, name: str, ask: Callable[[], T]) -> None:
        self._context = context
        self._name = name
        self._ask = ask
        self._failures = 0

    async def ask(self) -> T | None:
        """Return what the part answers; None when it doesn't.

        Raises:
            ModuleProblemError: it hasn't answered several times.
        """
        try:
            answer = await self._context.blocking(self._ask)
        except OSError as error:
            self._failures += 1
            if self._failures < _FAILURES:
                return None
            message = f"{self._name} doesn't answer: {error}"
            raise ModuleProblemError(message) from error
        self._failures = 0
        return answer


def _differ(one: Temperatures, other: Temperatures) -> bool:
    return max(abs(one.object - other.object), abs(one.die - other.die)) >= _TEMPERATURE_STEP
