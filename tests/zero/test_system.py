"""The module `system` on the files of a machine that isn't there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from steward_house.zero.modules.system import (
    CPU_TEMPERATURE,
    CPU_USAGE,
    LAST_BOOT,
    LOAD,
    MEMORY_USED,
    UNDER_VOLTAGE,
    WIFI_SIGNAL,
    Machine,
)

WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  -56.  -256        0      0      0      0      7        0
"""
MEMORY = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 50 kB\nCached: 450 kB\n"
MEMORY += "Active: 100 kB\nInactive: 100 kB\nShmem: 0 kB\n"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("psutil.PROCFS_PATH", "/proc", raising=False)
    proc = tmp_path / "proc"
    write(proc, "stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 100 0 100 700 100 0 0 0 0 0\nbtime 1700000000\n")
    write(proc, "meminfo", MEMORY)
    return proc


def test_pi(tmp_path: Path, proc: Path) -> None:
    sys = tmp_path / "sys"
    write(sys, "class/thermal/thermal_zone0/type", "cpu-thermal\n")
    write(sys, "class/thermal/thermal_zone0/temp", "48312\n")
    write(sys, "class/hwmon/hwmon0/name", "cpu_thermal\n")
    write(sys, "class/hwmon/hwmon1/name", "rpi_volt\n")
    write(sys, "class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    write(proc, "net/wireless", WIRELESS)
    machine = Machine(sys, proc)
    states = machine.read()
    assert states[CPU_TEMPERATURE] == 48.3
    assert states[CPU_USAGE] == 20  # since the start
    assert states[MEMORY_USED] == 40
    assert states[LAST_BOOT] == datetime.fromtimestamp(1_700_000_000, UTC)
    assert states[UNDER_VOLTAGE] is True
    assert states[WIFI_SIGNAL] == -56
    assert states.keys() >= {LOAD}
    for entity, state in states.items():
        entity.encode(state)
    # Half of the time since then.
    write(proc, "stat", "cpu  150 0 100 750 100 0 0 0 0 0\nbtime 1700000001\n")
    states = machine.read()
    assert states[CPU_USAGE] == 50
    assert states[LAST_BOOT] == datetime.fromtimestamp(1_700_000_000, UTC)  # the clock was corrected a little
    write(proc, "stat", "cpu  150 0 100 750 100 0 0 0 0 0\nbtime 1700009000\n")
    states = machine.read()
    assert CPU_USAGE not in states
    assert states[LAST_BOOT] == datetime.fromtimestamp(1_700_009_000, UTC)  # it was wrong until the net came up


@pytest.mark.parametrize(("throttled", "low"), [("50005", True), ("50000", False), ("0", False)])
def test_firmware(tmp_path: Path, proc: Path, throttled: str, *, low: bool) -> None:
    write(tmp_path, "devices/platform/soc/soc:firmware/get_throttled", f"{throttled}\n")
    assert Machine(tmp_path, proc).read()[UNDER_VOLTAGE] is low


def test_poor_machine(tmp_path: Path, proc: Path) -> None:
    sys = tmp_path / "sys"
    write(sys, "class/thermal/thermal_zone0/type", "acpitz\n")
    write(sys, "class/thermal/thermal_zone0/temp", "20000\n")
    write(proc, "net/wireless", "\n".join(WIRELESS.splitlines()[:2]))
    write(proc, "meminfo", "nonsense\n")
    assert Machine(sys, proc).read().keys() == {CPU_USAGE, LOAD, LAST_BOOT}
