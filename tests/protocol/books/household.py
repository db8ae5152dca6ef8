"""A real household's year, made up: the sun over a roof of 5 kWp, a register on its inverter, and everything that goes wrong with it.

The same seed makes the same year. Truth is known at every minute, so that books can be held against it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
import math
import random

LATITUDE = math.radians(52.2)
PEAK = 5_000_000
"""Milliwatts."""
KWH = 10**6
MODULUS = 100_000 * KWH
MINUTES = 60


def clear_sky(day: int, minute: int) -> float:
    """Return which part of its peak power a roof gives without clouds (minutes of the solar day)."""
    declination = math.radians(-23.44) * math.cos(2 * math.pi * (day + 10) / 365)
    hour_angle = math.radians((minute / MINUTES - 12) * 15)
    height = math.sin(LATITUDE) * math.sin(declination) + math.cos(LATITUDE) * math.cos(declination) * math.cos(
        hour_angle
    )
    return 0.93 * max(0.0, height) ** 1.15


def production(days: int, seed: int, first_day: int) -> list[int]:
    """Return the energy of each minute, in milliwatt-hours: days that go together, clouds that come and go."""
    dice = random.Random(seed)
    energies = []
    clearness = 0.6
    cloud = 0.0
    for day in range(days):
        clearness = min(1.0, max(0.08, 0.6 * clearness + 0.4 * dice.betavariate(1.6, 1.1)))
        for minute in range(24 * MINUTES):
            cloud = 0.93 * cloud + dice.gauss(0, 0.05)
            power = PEAK * clear_sky(first_day + day, minute) * min(1.0, max(0.03, clearness + cloud))
            energies.append(int(power / MINUTES))
    return energies


@dataclass(frozen=True)
class Fault:
    """What goes wrong, from which to before which minute."""

    kind: str
    begin: int
    end: int


HOUR = MINUTES
DAY = 24 * HOUR
KINDS = {
    # kind: (how often in a year, shortest, longest in minutes)
    "outage": (6, 30, 9 * HOUR),
    "reboot": (12, 2, 9),
    "glitch at restart": (4, 30, 90),
    "silent": (8, 20, 5 * HOUR),
    "unavailable": (8, 20, 4 * HOUR),
    "unreadable": (3, 20, 2 * HOUR),
    "short silence": (20, 2, 12),
    "glitch": (10, 1, 12),
    "long glitch": (3, 40, 3 * HOUR),
    "sign": (6, 1, 5 * HOUR),
    "spike": (8, 1, 4),
    "small spike": (8, 1, 4),
    "stuck": (5, HOUR, 5 * HOUR),
    "stuck for days": (2, 40 * HOUR, 70 * HOUR),
    "jitter": (8, 10, 3 * HOUR),
    "duplicate": (10, 5, 60),
    "order": (10, 5, 60),
    "wh": (3, 30, 5 * HOUR),
    "mwh": (3, 30, 5 * HOUR),
    "clock ahead": (3, 10, 40),
    "clock behind": (3, 10, 40),
    "reset": (3, 1, 1),
    "replaced": (2, 1, 1),
}
NO_GAPS = {"sign", "spike", "small spike", "jitter", "duplicate", "order", "wh", "mwh", "glitch"}
"""What may not lead to a gap."""
POWER_KINDS = {
    kind: KINDS[kind]
    for kind in (
        "outage",
        "reboot",
        "silent",
        "unavailable",
        "unreadable",
        "short silence",
        "spike",
        "duplicate",
        "order",
    )
}
SURE_GAPS = {"outage": "outage", "glitch at restart": "outage", "silent": "silent", "unavailable": "unavailable"}
"""What must, where it lasts long enough, and by which cause."""


def faults(days: int, seed: int, kinds: dict[str, tuple[int, int, int]] = KINDS) -> list[Fault]:
    """Return faults at random times, one after another, each with quiet hours between."""
    dice = random.Random(seed)
    wanted = []
    for kind, (often, shortest, longest) in kinds.items():
        wanted += [(kind, dice.randint(shortest, longest)) for _ in range(max(1, often * days // 365))]
    dice.shuffle(wanted)
    # By day as by night, but never so near to another that nobody could say which was which.
    room = days * DAY - 3 * DAY
    busy = sum(length for _, length in wanted)
    quiet = (room - busy) // len(wanted)
    assert quiet > 4 * HOUR, "too many faults for so few days"
    made, at = [], 2 * DAY
    for kind, length in wanted:
        begin = at + dice.randint(2 * HOUR, quiet)
        made.append(Fault(kind, begin, begin + length))
        at = begin + length + 2 * HOUR
    return made


@dataclass(frozen=True)
class Given:
    """What the teller sees: a source's text at a time by the teller's clock, or that it was off (`began` after `ended`)."""

    at: datetime
    raw: str | None = None
    unit: str | None = None
    off_since: datetime | None = None


class Household:
    """A year (or less) of minutes."""

    def __init__(self, days: int, step: int, seed: int, start: datetime, *, power: bool = False) -> None:
        self.days, self.step, self.seed, self.start, self.power = days, step, seed, start, power
        self.energy = production(days, seed, start.timetuple().tm_yday - 1)
        self.truth = [0, *accumulate(self.energy)]
        """All energy up to a minute's begin."""
        self.faults = faults(days, seed + 1, POWER_KINDS if power else KINDS)

    def true(self, at: datetime) -> int:
        """Return the true energy up to a time."""
        minutes = (at - self.start) / timedelta(minutes=1)
        whole = max(0, min(int(minutes), len(self.energy) - 1))
        return self.truth[whole] + round(self.energy[whole] * min(1.0, max(0.0, minutes - whole)))

    def given(self):
        """Give what the teller sees, in the order of arrival."""
        dice = random.Random(self.seed + 2)
        pending = list(self.faults)
        fault: Fault | None = None
        base = 99_400 * KWH
        frozen = 0
        for minute in range(0, self.days * DAY, self.step):
            if fault is not None and minute >= fault.end:
                if fault.kind in {"outage", "reboot", "glitch at restart"}:
                    yield Given(self._clock(minute), off_since=self._clock(fault.begin))
                if fault.kind == "glitch at restart":
                    for second in (1, 2, 3):
                        yield Given(self._clock(minute) - timedelta(seconds=4 - second), "0.0", "kWh")
                fault = None
            if fault is None and pending and pending[0].begin <= minute:
                fault = pending.pop(0)
                register = (base + self.truth[minute]) % MODULUS
                frozen = register
                if fault.kind == "reset":
                    base -= register
                if fault.kind == "replaced":
                    base += 31_234 * KWH + 567_000 - register
            register = (base + self.truth[minute]) % MODULUS
            now = self._clock(minute) + timedelta(milliseconds=dice.randrange(2000))
            kind = fault.kind if fault else ""
            seen = self._power(kind, now, minute, dice) if self.power else self._seen(kind, now, register, frozen, dice)
            yield from seen
            if kind == "order":
                minute_ago = (base + self.truth[max(0, minute - 1)]) % MODULUS
                yield from self._seen("", now - timedelta(minutes=1), minute_ago, 0, dice)

    def _clock(self, minute: int) -> datetime:
        return self.start + timedelta(minutes=minute)

    def _power(self, kind: str, now: datetime, minute: int, dice: random.Random) -> list[Given]:
        if kind in {"outage", "reboot", "silent", "short silence"}:
            return []
        if kind in {"unavailable", "unreadable"}:
            return [Given(now, "unavailable" if kind == "unavailable" else "---", "W")]
        after = min(minute + self.step, len(self.energy))
        watts = (self.truth[after] - self.truth[minute]) * MINUTES / max(1, after - minute) / 1000
        text = f"{watts if watts > 0 else -dice.randrange(2, 15):.1f}"
        if kind == "spike":
            text = "6553.5e3"
        return [Given(now, text, "W")] * (2 if kind == "duplicate" else 1)

    def _seen(  # noqa: PLR0911 -- one for each kind
        self, kind: str, now: datetime, register: int, frozen: int, dice: random.Random
    ) -> list[Given]:
        text = f"{register // 1000 / 1000:.3f}"
        match kind:
            case "outage" | "reboot" | "glitch at restart" | "silent" | "short silence":
                return []
            case "unavailable":
                return [Given(now, dice.choice(["unavailable", "unknown"]))]
            case "unreadable":
                return [Given(now, dice.choice(["ERR 5", "nan", "inf", "1,5"]), "kWh")]
            case "glitch" | "long glitch":
                text = "0.0"
            case "sign":
                text = f"-{text}"
            case "spike":
                text = f"{register / KWH + 20_183:.3f}"
            case "small spike":
                text = f"{frozen / KWH + 9.7:.3f}"
            case "stuck" | "stuck for days":
                text = f"{frozen // 1000 / 1000:.3f}"
            case "jitter":
                text = f"{max(0, register // 1000 - dice.randrange(80)) / 1000:.3f}"
            case "duplicate":
                return [Given(now, text, "kWh"), Given(now, text, "kWh")]
            case "wh":
                return [Given(now, str(register // 1000), "Wh")]
            case "mwh":
                return [Given(now, f"{register // 1000 / KWH:.6f}", "MWh")]
            case "clock ahead":
                return [Given(now + timedelta(minutes=25), text, "kWh")]
            case "clock behind":
                return [Given(now - timedelta(minutes=25), text, "kWh")]
            case _:
                pass
        return [Given(now, text, "kWh")]
