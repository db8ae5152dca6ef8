"""Finds the modules that are installed and loads those that are wanted."""

from importlib.metadata import EntryPoint, entry_points
import logging
from typing import Final

from .module import Module
from .words import described

_LOG: Final = logging.getLogger(__name__)
GROUP: Final = "steward.zero_modules"


def installed() -> dict[str, EntryPoint]:
    """Return all modules that are installed, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load(point: EntryPoint) -> type[Module] | str:
    """Return an installed module's class, or what keeps it from being loaded."""
    try:
        loaded = point.load()
    # Somebody else's code: whatever it does, even leaving, is the module's problem and not the node's.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        _LOG.error("The module %s can't be loaded", point.name, exc_info=error)
        return f"can't be loaded: {described(error)}"
    if not (isinstance(loaded, type) and issubclass(loaded, Module)):
        return f"can't be loaded: {point.value} is no module"
    return loaded
