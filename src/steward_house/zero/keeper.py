"""Keeps documents on the disk while the node runs: beside the event loop, whole or not at all, at most once a second."""

import asyncio
from collections.abc import Callable
from functools import partial
import logging
from typing import Final

from .storage import Storage, StorageError
from .worker import HangingError, Worker

_LOG: Final = logging.getLogger(__name__)
_LIMIT: Final = 20.0
"""Seconds that the disk may take."""
_PAUSE: Final = 1.0
"""Seconds between two saves, so that the SD card isn't worn out."""


class Keeper:
    """Saves the documents of others whenever they say so."""

    def __init__(self, storage: Storage) -> None:
        """Keep them in `storage`."""
        self._storage = storage
        self._disk = Worker("keeper")
        self._writers: dict[str, Callable[[], bytes]] = {}
        self._wanted: set[str] = set()
        self._unsaved = asyncio.Event()
        self._saving = asyncio.Lock()
        self._failed = False

    def load(self, name: str) -> bytes | None:
        """Return a document; None where there is none that can be read."""
        return self._storage.load_bytes(name)

    def add(self, name: str, write: Callable[[], bytes]) -> None:
        """Know of a document: `write` returns what it is to hold."""
        self._writers[name] = write

    def keep(self, name: str, *, soon: bool = True) -> None:
        """Have a document saved; not `soon` means with the next one that is."""
        self._wanted.add(name)
        if soon:
            self._unsaved.set()

    async def run(self) -> None:
        """Save what is to be saved, for ever."""
        while True:
            await self._unsaved.wait()
            await self.save()
            await asyncio.sleep(_PAUSE)

    async def save(self) -> None:
        """Save what is to be saved, now."""
        async with self._saving:
            self._unsaved.clear()
            wanted, self._wanted = self._wanted, set()
            for name in sorted(wanted):
                try:
                    await self._disk.call(partial(self._storage.save_bytes, name, self._writers[name]()), _LIMIT)
                except (StorageError, HangingError) as error:
                    if not self._failed:
                        _LOG.warning("Can't keep %s for the next run: %s", name, error)
                    self._failed = True
                    self._wanted.add(name)  # with the next save
                else:
                    self._failed = False
