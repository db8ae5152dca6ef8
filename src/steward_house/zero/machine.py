"""What the node's machine is."""

from dataclasses import dataclass, field
from pathlib import Path
import sys
from typing import Final

from .. import __version__
from .words import printable

_PROC: Final = Path("/proc")
_SYS: Final = Path("/sys")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's maker and model, where they are known, and the versions of the programs that matter."""

    manufacturer: str | None = None
    model: str | None = None
    versions: dict[str, str] = field(default_factory=dict)


def read_machine(proc: Path = _PROC, sys_: Path = _SYS) -> Machine:
    """Return what this machine is: by the device tree, which boards like a Raspberry Pi have, or by its firmware, like a PC's."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    versions = {"steward": __version__, "python": python}
    if model := _read(proc / "device-tree" / "model"):
        return Machine("Raspberry Pi" if model.startswith("Raspberry Pi") else None, model, versions)
    firmware = sys_ / "class" / "dmi" / "id"
    return Machine(_read(firmware / "sys_vendor"), _read(firmware / "product_name"), versions)


def _read(path: Path) -> str | None:
    try:
        return printable(path.read_text(errors="replace")) or None
    except OSError:
        return None
