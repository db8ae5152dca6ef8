"""A teller: the books of one project, kept while Home Assistant runs.

Readings come from `sources.py`, are filtered by the protocol's meters, appended to the log in batches, and committed (signed) now and
then; witnesses, anchors and payback look at what was committed, each in its own time.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .data import TellerSettings, parse_settings

if TYPE_CHECKING:
    from ..log.storage import LogStorage
    from ..protocol.books.account import Account
    from ..protocol.log.checkpoint import SignedCheckpoint

type TellerConfigEntry = ConfigEntry[Teller]


class Teller:
    """One teller. Everything here is called in the event loop; what touches files runs in the executor."""

    account: Account
    """What is owed, fed with every entry that is on disk."""
    storage: LogStorage
    """The current generation's log: its methods block, and have one caller at a time (see `async_run`)."""
    checkpoint: SignedCheckpoint | None = None
    """What was signed last."""

    def __init__(self, hass: HomeAssistant, entry: TellerConfigEntry) -> None:
        """Take what the config entry says; nothing is opened yet."""
        self.hass = hass
        self.entry = entry
        self.settings: TellerSettings = parse_settings(entry)
        self.watched: dict[str, Any] = {}
        self._listeners: set[Callable[[], None]] = set()

    async def async_append(self, *entries: Any) -> int | None:
        """Append entries (of protocol/books/entries.py) in their order, and return the index of the first, once all are on disk.

        None where the disk is full: they are kept in memory and appended later, in the same order.
        """
        raise NotImplementedError

    async def async_commit(self) -> None:
        """Sign what is in the log, and have it witnessed and anchored in their own time."""
        raise NotImplementedError

    async def async_run[**P, T](self, target: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what blocks on the log, in the executor, while nothing else does."""
        raise NotImplementedError

    @callback
    def listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back in the loop whenever something has changed that is shown; returns what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @callback
    def changed(self) -> None:
        """Tell the listeners."""
        for listener in tuple(self._listeners):
            listener()
