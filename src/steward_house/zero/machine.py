"""What the node's machine is."""

from dataclasses import dataclass, field
from pathlib import Path
import sys
from typing import Final

from .. import __version__
from .words import printable

_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's maker and model, where they are known, and the versions of the programs that matter."""

    manufacturer: str | None = None
    model: str | None = None
    versions: dict[str, str] = field(default_factory=dict)


def read_machine(proc: Path = _PROC) -> Machine:
    """Return what this machine is; the model comes from the device tree, which only boards like a Raspberry Pi have."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    versions = {"steward": __version__, "python": python}
    try:
        model = printable((proc / "device-tree" / "model").read_text(errors="replace"))
    except OSError:
        return Machine(versions=versions)
    return Machine("Raspberry Pi" if model.startswith("Raspberry Pi") else None, model or None, versions)
