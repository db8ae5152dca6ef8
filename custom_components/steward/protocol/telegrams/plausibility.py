"""Holds back what can't be true: registers that go back, and where there is no CRC, telegrams that don't fit the one before.

A CRC lets about one in 65,536 damaged telegrams through, and some versions have none. What is held back once and then said again
is true after all: another telegram that fits it is not the same accident twice. A register that stays lower is another meter's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .values import REGISTERS, Key, Telegram

RATE: Final = Decimal(100)
"""More than a house's connection can carry, in kW; also more m³ or GJ an hour than any house uses."""
VOLTS: Final = Decimal(500)
AMPERES: Final = Decimal(1000)

RESET_BY: Final = Decimal(1)
"""How much lower another meter's register is, at least: a damaged digit that was small enough to be plausible is caught up with."""
RESET_SECONDS: Final = 600
RESET_TELEGRAMS: Final = 10
"""For how long a register must be lower, and in how many telegrams, before it is another meter's."""
SAME_METER: Final = 3
"""How many telegrams must name another meter before it is."""

_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_SIGN: Final = b"-"
_KILO: Final = Decimal(1)
_SLACK: Final = 5
_HOUR: Final = 3600
_BOUNDS: Final = {
    **dict.fromkeys((key for key in Key if "power_l" in key or key in {Key.POWER_IMPORT, Key.POWER_EXPORT}), RATE),
    **dict.fromkeys((Key.VOLTAGE_L1, Key.VOLTAGE_L2, Key.VOLTAGE_L3), VOLTS),
    **dict.fromkeys((Key.CURRENT_L1, Key.CURRENT_L2, Key.CURRENT_L3), AMPERES),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What is left of a telegram: None if all of it is held back.

    `held` names the registers that were taken out, `changed` is whether it is another meter that speaks from now on.
    """

    telegram: Telegram | None
    held: frozenset[str] = frozenset()
    changed: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """A telegram that others are compared with."""

    shape: bytes
    telegram: Telegram
    at: float


@dataclass(slots=True)
class _Lower:
    """A register that is lower than it was: since when, in how many telegrams, and what it says."""

    since: float
    telegrams: int
    value: Decimal


class Plausibility:
    """Judges one meter's telegrams, one after the other."""

    def __init__(self, registers: Mapping[str, Decimal] | None = None, serial: str | None = None) -> None:
        """Go on from registers that were known before."""
        self.registers = dict(registers or {})
        self.serial = serial
        self._at: dict[str, float] = {}
        self._lower: dict[str, _Lower] = {}
        self._higher: dict[str, Decimal] = {}
        self._last: _Seen | None = None
        self._odd: _Seen | None = None
        self._other: tuple[str, int] = ("", 0)

    def judge(self, telegram: Telegram, data: bytes, at: float) -> Judged:
        """Judge a telegram that came at a time (monotonic seconds); `data` is how it was sent."""
        if not telegram.version.has_crc and not self._fits(telegram, data, at):
            return Judged(None)
        changed = self._another(telegram)
        if changed is None:
            return Judged(None)
        if changed:
            self.registers.clear()
            self._lower.clear()
            self._higher.clear()
        held = frozenset(
            name for name, value in telegram.registers().items() if not self._rises(name, value, at, changed=changed)
        )
        return Judged(telegram.without(held), held, changed)

    def _fits(self, telegram: Telegram, data: bytes, at: float) -> bool:
        """Tell whether a telegram fits the last one, or one that was held back and then is confirmed."""
        seen = _Seen(data.translate(_DIGITS, _SIGN), telegram, at)
        if not _sane(telegram):
            return False
        if _follows(seen, self._last, hourly=Decimal(0)) or _follows(seen, self._odd, hourly=RATE):
            self._last, self._odd = seen, None
            return True
        self._odd = seen
        return False

    def _another(self, telegram: Telegram) -> bool | None:
        """Tell whether another meter speaks from now on; None while that isn't certain."""
        if telegram.serial is None or telegram.serial == self.serial:
            self._other = ("", 0)
            return False
        if self.serial is None:
            self.serial = telegram.serial
            return False
        name, times = self._other
        times = times + 1 if name == telegram.serial else 1
        self._other = (telegram.serial, times)
        if times < SAME_METER:
            return None
        self.serial = telegram.serial
        return True

    def _rises(self, name: str, value: Decimal, at: float, *, changed: bool) -> bool:
        """Tell whether a register may be shown."""
        known = self.registers.get(name)
        if known is not None and not changed:
            if value < known and (value > known - RESET_BY or not self._stays_lower(name, value, at)):
                return False
            if value > known and not self._is_reached(name, value, at, known):
                return False
        self._lower.pop(name, None)
        self._higher.pop(name, None)
        self.registers[name] = value
        self._at[name] = at
        return True

    def _stays_lower(self, name: str, value: Decimal, at: float) -> bool:
        lower = self._lower.get(name)
        if lower is None or value < lower.value:
            lower = self._lower[name] = _Lower(at, 0, value)
        lower.telegrams += 1
        lower.value = value
        return lower.telegrams >= RESET_TELEGRAMS and at - lower.since >= RESET_SECONDS

    def _is_reached(self, name: str, value: Decimal, at: float, known: Decimal) -> bool:
        """Tell whether a register could have risen so far, or is still as high in another telegram."""
        most = _in(RATE, at - self._at.get(name, at))
        before = self._higher.get(name)
        if value - known <= most or (before is not None and 0 <= value - before <= most):
            return True
        self._higher[name] = value
        return False


def _in(rate: Decimal, seconds: float) -> Decimal:
    """Return what a rate an hour comes to, for at least one hour: M-Bus meters report that rarely."""
    return rate * max(Decimal(seconds), Decimal(_HOUR)) / _HOUR


def _sane(telegram: Telegram) -> bool:
    return all(
        not isinstance(value, Decimal) or 0 <= value <= _BOUNDS.get(key, value)
        for key, value in telegram.values.items()
    )


def _follows(seen: _Seen, before: _Seen | None, *, hourly: Decimal) -> bool:
    """Tell whether a telegram can be the one after another: the same lines, the same meters, registers that rose as they could.

    `hourly` is how much those of M-Bus meters may rise in an hour: they tell something new so rarely that it can wait to be confirmed.
    """
    if before is None or seen.shape != before.shape or seen.telegram.serial != before.telegram.serial:
        return False
    now, then = seen.telegram.registers(), before.telegram.registers()
    if now.keys() != then.keys():
        return False
    seconds = Decimal(max(0.0, seen.at - before.at)) + _SLACK
    power = max(_power(seen.telegram), _power(before.telegram)) * 2 + _KILO
    return all(
        0 <= value - then[name] <= (power * seconds / _HOUR if name in REGISTERS else _in(hourly, float(seconds)))
        for name, value in now.items()
    )


def _power(telegram: Telegram) -> Decimal:
    """Return the power that a telegram tells, in kW; the most that there can be if it tells none."""
    powers = [telegram.values[key] for key in (Key.POWER_IMPORT, Key.POWER_EXPORT) if key in telegram.values]
    return max((power for power in powers if isinstance(power, Decimal)), default=RATE)
