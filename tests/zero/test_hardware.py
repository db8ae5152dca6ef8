"""The hardware of `baby_stitch`: the real one on fakes of its libraries, and the simulated one."""

from collections.abc import Iterator
import sys

from gpiozero import RGBLED, Device
from gpiozero.pins.mock import MockFactory, MockPWMPin
import pytest

from steward_house.zero.modules.baby_stitch.gesture import Change, Gesture
from steward_house.zero.modules.baby_stitch.hardware import Temperatures
from steward_house.zero.modules.baby_stitch.real import RealHardware
from steward_house.zero.modules.baby_stitch.simulated import SimulatedHardware


class FakeBus:
    """An I²C bus with a thermometer and a range finder."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.registers = {(0x40, 0x03): b"\x0c\x84", (0x40, 0x01): b"\x0d\x00"}
        self.result = bytes(12)
        self.asked = 0
        self.closed = False

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        data = self.result if (i2c_addr, register) == (0x29, 0x14) else self.registers[i2c_addr, register]
        if i2c_addr == 0x29 and self.asked:
            self.asked -= 1
            data = bytes(12)  # not ready yet
        assert len(data) == length
        return list(data)

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        assert (i2c_addr, register, value) == (0x29, 0x00, 1)
        self.asked = 2

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    monkeypatch.setattr(Device, "pin_factory", factory)
    yield factory
    factory.reset()


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def board(pins: MockFactory, bus: FakeBus) -> Iterator[RealHardware]:
    board = RealHardware(RGBLED(22, 27, 17, active_high=False), bus)
    yield board
    board.close()


def test_led(board: RealHardware, pins: MockFactory) -> None:
    board.set_light(255, (255, 0, 51))
    # Common anode: a low pin shines.
    assert [pins.pin(number).state for number in (22, 27, 17)] == pytest.approx([0, 1, 0.8])
    board.set_light(51, (255, 255, 255))
    assert [pins.pin(number).state for number in (22, 27, 17)] == pytest.approx([0.8] * 3)
    board.set_light(0, (255, 255, 255))
    assert [pins.pin(number).state for number in (22, 27, 17)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("register", "celsius"),
    [(b"\x0c\x80", 25), (b"\x0c\x84", 25.03125), (b"\x0c\x87", 25.03125), (b"\xff\xfc", -0.03125), (b"\xec\x00", -40)],
)
def test_thermometer(board: RealHardware, bus: FakeBus, register: bytes, celsius: float) -> None:
    bus.registers[0x40, 0x03] = register
    temperatures = board.temperatures()
    assert (temperatures.object, temperatures.die) == (celsius, 26)


@pytest.mark.parametrize(
    ("first", "distance"),
    [(11 << 3 | 1, 300), (0x80 | 11 << 3 | 1, 300), (4 << 3 | 1, None), (0 << 3 | 1, None), (11 << 3, None)],
)
def test_range_finder(board: RealHardware, bus: FakeBus, first: int, distance: float | None) -> None:
    bus.result = bytes([first, *[0xAA] * 9, 0x01, 0x2C])
    assert board.distance() == distance


def test_opening(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    buses: list[FakeBus] = []

    class Library:
        @staticmethod
        def SMBus(number: int) -> FakeBus:  # noqa: N802
            buses.append(FakeBus(number))
            return buses[-1]

    monkeypatch.setitem(sys.modules, "smbus2", Library)
    board = RealHardware.open()
    board.set_light(255, (255, 255, 255))
    assert [pins.pin(number).state for number in (22, 27, 17)] == [0, 0, 0]
    with pytest.raises(Exception, match="already in use"):
        RealHardware.open()
    assert [bus.number for bus in buses] == [1, 1]
    assert [bus.closed for bus in buses] == [False, True]
    board.close()
    assert buses[0].closed


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def live(
    seed: int, day: float, seconds: float, step: float = 0.2, *, sleeper: bool = False, hands: int = 12
) -> Iterator[tuple[float, SimulatedHardware]]:
    clock = Clock()
    hardware = SimulatedHardware(day, seed, sleeper=sleeper, hands=hands, clock=clock)
    for number in range(round(seconds / step)):
        clock.now = 1000.0 + number * step
        yield number * step, hardware


def temperatures(seed: int, *, sleeper: bool) -> dict[int, Temperatures]:
    """The temperatures at each hour of a day."""
    return {
        round(seconds + 7) % 24: hardware.temperatures()
        for seconds, hardware in live(seed, day=24, seconds=24, step=1, sleeper=sleeper)
    }


@pytest.mark.parametrize("seed", range(5))
def test_temperatures_of_somebody_who_sleeps(seed: int) -> None:
    hours = temperatures(seed, sleeper=True)
    assert all(18 < hours[hour].object < 24 for hour in (8, 10, 12, 16, 18))
    assert all(32 < hours[hour].object < 35 for hour in (14, 21, 0, 3, 6))
    assert all(20 < now.die < 27 for now in hours.values())


@pytest.mark.parametrize("seed", range(5))
def test_temperatures_where_nobody_sleeps(seed: int) -> None:
    hours = temperatures(seed, sleeper=False)
    assert all(18 < now.object < 24 for now in hours.values())
    assert all(abs(now.die - now.object - 2.4) < 0.2 for now in hours.values())


def test_rooms_differ() -> None:
    one, other = temperatures(1, sleeper=False), temperatures(2, sleeper=False)
    assert max(abs(one[hour].object - other[hour].object) for hour in one) > 0.5


def test_same_seed_same_day() -> None:
    days = [[hardware.distance() for _, hardware in live(seed, 60, 60)] for seed in (1, 1, 2)]
    assert days[0] == days[1] != days[2]


def gestures(days: Iterator[tuple[float, SimulatedHardware]]) -> list[Change]:
    gesture = Gesture()
    brightness = 128
    changes = []
    for _, hardware in days:
        finding = gesture.measure(hardware.distance(), brightness)
        brightness = brightness if finding.brightness is None else finding.brightness
        if finding.change:
            changes.append(finding.change)
    return changes


@pytest.mark.parametrize("seed", range(5))
def test_somebody_waves(seed: int) -> None:
    changes = gestures(live(seed, day=1200, seconds=1200))
    assert changes == [Change.STARTED, Change.ENDED] * (len(changes) // 2)
    assert 8 <= len(changes) // 2 <= 12  # two waves of a short day may be one


def test_nobody_waves() -> None:
    assert gestures(live(seed=1, day=1200, seconds=1200, hands=0)) == []


@pytest.mark.parametrize(("before", "darker"), [(255, True), (128, True), (127, False), (0, False)])
def test_a_wave_shows(before: int, darker: bool) -> None:
    """Down over a bright light, up over a dark one: it is never at its end already."""
    day = live(seed=1, day=86400, seconds=4)
    _, hardware = next(day)
    hardware.set_light(before, (255, 255, 255))
    hardware.wave()
    gesture = Gesture()
    for _, hardware in day:
        finding = gesture.measure(hardware.distance(), hardware.brightness)
        if finding.brightness is not None:
            hardware.set_light(finding.brightness, (255, 255, 255))
    assert abs(hardware.brightness - before) > 60
    assert (hardware.brightness < before) is darker


@pytest.mark.parametrize("seed", range(20))
def test_wave_now(seed: int) -> None:
    """At any time of day, and whatever the phase of the measurements."""
    day = live(seed, day=86400, seconds=4 + seed / 7, step=0.2)
    _, hardware = next(day)
    hardware.wave()
    assert gestures(day) == [Change.STARTED, Change.ENDED]
