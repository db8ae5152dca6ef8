"""The module `system`: how the node's own machine is doing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import os
from pathlib import Path
import re
from typing import Any, ClassVar, Final, override

import psutil
import voluptuous as vol

from ...protocol.entity import BinarySensorInfo, Category, EntityInfo, SensorInfo, State
from ..module import Context, Module

_JITTER: Final = timedelta(minutes=1)
"""The kernel states the time of its start as now minus the seconds since: it moves whenever the clock is corrected."""
_UNDER_VOLTAGE: Final = 0x1
"""The bit of the firmware's `get_throttled` that says that the voltage is too low at this moment."""
_PROCESSORS: Final = re.compile(r"cpu|soc|x86_pkg_temp")


def _sensor(key: str, name: str, **more: Any) -> SensorInfo:
    return SensorInfo(key=key, name=name, translation_key=key, category=Category.DIAGNOSTIC, **more)


CPU_TEMPERATURE: Final = _sensor(
    "cpu_temperature",
    "CPU temperature",
    device_class="temperature",
    unit="°C",
    state_class="measurement",
    precision=1,
)
CPU_USAGE: Final = _sensor("cpu_usage", "CPU usage", unit="%", state_class="measurement", precision=0)
LOAD: Final = _sensor("load", "Load", state_class="measurement", precision=2)
MEMORY_USED: Final = _sensor("memory_used", "Memory used", unit="%", state_class="measurement", precision=0)
LAST_BOOT: Final = _sensor("last_boot", "Last boot", device_class="timestamp")
WIFI_SIGNAL: Final = _sensor(
    "wifi_signal", "Wi-Fi signal", device_class="signal_strength", unit="dBm", state_class="measurement", precision=0
)
UNDER_VOLTAGE: Final = BinarySensorInfo(
    key="under_voltage",
    name="Under-voltage",
    translation_key="under_voltage",
    device_class="problem",
    category=Category.DIAGNOSTIC,
)


@dataclass(frozen=True, slots=True)
class _CpuTimes:
    """The CPU's seconds since the start: all of them, and those with nothing to do."""

    total: float = 0
    idle: float = 0


class Machine:
    """Reads the machine's state; `sys` and `proc` are where the kernel shows it. Every reading is None where it has no source."""

    def __init__(self, sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> None:
        """Read from these directories."""
        self._sys = sys
        self._proc = proc
        self._cpu = _CpuTimes()
        self._boot: datetime | None = None

    def read(self) -> dict[EntityInfo, State]:
        """Return all states that have a source on this machine."""
        psutil.PROCFS_PATH = str(self._proc)
        readers: dict[EntityInfo, Callable[[], State]] = {
            CPU_TEMPERATURE: self._cpu_temperature,
            CPU_USAGE: self._cpu_usage,
            LOAD: lambda: round(os.getloadavg()[0], 2),
            MEMORY_USED: lambda: round(psutil.virtual_memory().percent),
            LAST_BOOT: self._last_boot,
            UNDER_VOLTAGE: self._under_voltage,
            WIFI_SIGNAL: self._wifi_signal,
        }
        states = {entity: _reading(read) for entity, read in readers.items()}
        return {entity: state for entity, state in states.items() if state is not None}

    def _cpu_temperature(self) -> float | None:
        for zone in sorted(self._sys.glob("class/thermal/thermal_zone*")):
            if _PROCESSORS.search((zone / "type").read_text()):
                return round(int((zone / "temp").read_text()) / 1000, 1)
        return None

    def _cpu_usage(self) -> int | None:
        """Return the share of the time since the last call, the first time since the start, that the CPU worked, in %."""
        times = psutil.cpu_times()
        # What guests used is in the users' times already.
        total = sum(times) - getattr(times, "guest", 0) - getattr(times, "guest_nice", 0)
        now = _CpuTimes(total, times.idle + getattr(times, "iowait", 0))
        before, self._cpu = self._cpu, now
        if now.total <= before.total:
            return None
        busy = 1 - (now.idle - before.idle) / (now.total - before.total)
        return round(100 * min(1.0, max(0.0, busy)))

    def _last_boot(self) -> datetime | None:
        boot = datetime.fromtimestamp(psutil.boot_time(), UTC).replace(microsecond=0)
        if self._boot is None or abs(boot - self._boot) > _JITTER:
            self._boot = boot
        return self._boot

    def _under_voltage(self) -> bool | None:
        for sensor in self._sys.glob("class/hwmon/hwmon*"):
            if (sensor / "name").read_text().strip() == "rpi_volt":
                return (sensor / "in0_lcrit_alarm").read_text().strip() == "1"
        throttled = self._sys / "devices/platform/soc/soc:firmware/get_throttled"
        return bool(int(throttled.read_text(), 16) & _UNDER_VOLTAGE)

    def _wifi_signal(self) -> int | None:
        """Return the first interface's signal in dBm: the fourth column below the two lines of headings."""
        for line in (self._proc / "net" / "wireless").read_text().splitlines()[2:]:
            return round(float(line.split()[3]))
        return None


def _reading(read: Callable[[], State]) -> State:
    try:
        return read()
    except (OSError, ValueError, LookupError, RuntimeError):
        return None


class SystemModule(Module):
    """Tells every `interval` seconds how the machine is doing."""

    schema: ClassVar[dict[Any, Any]] = {
        vol.Optional("interval", default=30): vol.All(vol.Coerce(float), vol.Range(min=1, max=3600)),
    }

    def __init__(self, settings: Mapping[str, Any], machine: Machine | None = None) -> None:
        """Look at this machine, or at another one."""
        super().__init__(settings)
        self._machine = machine or Machine()

    @override
    async def run(self, context: Context) -> None:
        found: dict[EntityInfo, None] = {}
        async for _ in context.every(self.settings["interval"]):
            states = await context.blocking(self._machine.read)
            # Wi-Fi may come up later than the node; what was there once and is gone is unknown.
            found.update(dict.fromkeys(states))
            context.declare(*found)
            for entity in found:
                context.publish(entity, states.get(entity))
