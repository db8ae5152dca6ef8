"""A small JSON file that is on disk for good, or not at all, once writing it has returned.

Home Assistant's `Store` isn't used: while Home Assistant stops it puts writing off, and it logs a full disk instead of raising. What is
submitted to a ledger must not depend on either.
"""

import asyncio
import json
import os
from pathlib import Path
import tempfile
from typing import Any, Final

from homeassistant.core import HomeAssistant

BROKEN: Final = ".broken"
"""What the name of a file that can't be read ends in afterwards."""


class DurableFile:
    """One file, written as a whole, readable for its owner only."""

    def __init__(self, hass: HomeAssistant, path: Path) -> None:
        """Take the path; its folder is made when needed."""
        self._hass = hass
        self._path = path
        self._lock = asyncio.Lock()

    async def load(self) -> dict[str, Any]:
        """Return what was saved last; nothing if there is no file, or if it can't be read, which sets it aside."""
        return await self._hass.async_add_executor_job(_read, self._path)

    async def save(self, data: dict[str, Any]) -> None:
        """Write it, and return when it is on disk; the last call wins, also where an earlier one was cancelled.

        Raises:
            OSError: it couldn't be written; the file is as it was.
        """
        async with self._lock:
            # Cancelling doesn't stop a thread: it is waited for, so that it can't overwrite what comes after it.
            job = self._hass.async_add_executor_job(
                _write, self._path, json.dumps(data, separators=(",", ":")).encode()
            )
            try:
                await asyncio.shield(job)
            except asyncio.CancelledError:
                await asyncio.wait([job])
                raise


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        data = None
    if not isinstance(data, dict):
        path.replace(path.with_name(path.name + BROKEN))
        return {}
    return data


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
