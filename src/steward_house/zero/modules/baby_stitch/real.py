"""The real board: an RGB LED on three pins, and a TMP007 thermometer and a VL53L0X range finder on the I²C bus."""

import time
from typing import Final, Protocol, Self

from .hardware import Temperatures

_RED_PIN: Final = 22
_GREEN_PIN: Final = 27
_BLUE_PIN: Final = 17
_BUS: Final = 1

_TMP007: Final = 0x40
_TMP007_DIE: Final = 0x01
_TMP007_OBJECT: Final = 0x03
_TMP007_STEP: Final = 0.03125
"""°C per step of the upper 14 bits of a register (Texas Instruments SBOS685, 'Temperature Registers')."""

_VL53L0X: Final = 0x29
_VL53L0X_START: Final = 0x00
_VL53L0X_RESULT: Final = 0x14
_VL53L0X_RESULT_BYTES: Final = 12
_VL53L0X_RANGE: Final = 10
"""Where in the result the distance lies: two bytes, the higher one first."""
_VL53L0X_COMPLETE: Final = 11
"""The only one of the range finder's statuses that stands for a distance to rely on."""
_VL53L0X_PATIENCE: Final = 0.15
"""Seconds; a measurement takes about 33 ms."""


class Bus(Protocol):
    """What is used of `smbus2.SMBus`."""

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        """Read bytes from a register on."""

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """Write a register."""

    def close(self) -> None:
        """Close the bus."""


class Led(Protocol):
    """What is used of `gpiozero.RGBLED`."""

    value: tuple[float, float, float]

    def close(self) -> None:
        """Let go of the pins."""


class RealHardware:
    """The board on a Raspberry Pi."""

    def __init__(self, led: Led, bus: Bus) -> None:
        """Use parts that are open."""
        self._led = led
        self._bus = bus

    @classmethod
    def open(cls) -> Self:
        """Open the pins and the bus.

        Raises:
            ImportError: the libraries for a Raspberry Pi are not installed.
            OSError: there is no such bus, or no permission for it.
            gpiozero.BadPinFactory: there are no pins, or no permission for them.
        """
        # Only here, because machines without pins don't have them installed.
        from gpiozero import RGBLED  # noqa: PLC0415
        from smbus2 import SMBus  # noqa: PLC0415

        bus = SMBus(_BUS)
        try:
            # The common anode is at 3.3 V: a pin that is low lights its colour.
            led = RGBLED(_RED_PIN, _GREEN_PIN, _BLUE_PIN, active_high=False)
        except BaseException:
            bus.close()
            raise
        return cls(led, bus)

    def set_light(self, brightness: int, rgb: tuple[int, int, int]) -> None:
        """Make the LED shine."""
        red, green, blue = (value / 255 * brightness / 255 for value in rgb)
        self._led.value = red, green, blue

    def temperatures(self) -> Temperatures:
        """Read the thermometer."""
        return Temperatures(self._temperature(_TMP007_OBJECT), self._temperature(_TMP007_DIE))

    def distance(self) -> float | None:
        """Have the range finder measure once."""
        self._bus.write_byte_data(_VL53L0X, _VL53L0X_START, 1)
        end = time.monotonic() + _VL53L0X_PATIENCE
        while True:
            result = self._bus.read_i2c_block_data(_VL53L0X, _VL53L0X_RESULT, _VL53L0X_RESULT_BYTES)
            if result[0] & 1:
                break
            if time.monotonic() > end:
                return None
            time.sleep(0.005)
        if result[0] >> 3 & 0xF != _VL53L0X_COMPLETE:
            return None
        return float(result[_VL53L0X_RANGE] << 8 | result[_VL53L0X_RANGE + 1])

    def close(self) -> None:
        """Let go of the pins and the bus."""
        self._led.close()
        self._bus.close()

    def _temperature(self, register: int) -> float:
        word = bytes(self._bus.read_i2c_block_data(_TMP007, register, 2))
        return (int.from_bytes(word, signed=True) >> 2) * _TMP007_STEP
