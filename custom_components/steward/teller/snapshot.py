"""What the entries of a log come to, kept in a file, so that a start needn't read years of them again.

It is a cache. It is used where the same program, with the same settings and the same rules of time zones, would come to the same from the
same entries, which the log's own hashes tell; else all entries are read. It is made from entries on disk alone, never from what runs,
so that it can have nothing that reading them all wouldn't give.
"""

from dataclasses import astuple
from functools import cache
from hashlib import sha256
from importlib.resources import files
import json
import logging
from pathlib import Path
import sys
from typing import Final
from zoneinfo import TZPATH, ZoneInfo

from homeassistant.core import HomeAssistant
from homeassistant.util.file import WriteError, write_utf8_file_atomic

from ..const import DOMAIN
from ..log.generations import Generations
from ..protocol.fields import Json
from ..protocol.log.errors import LogError
from .chapters import Chapter, Chapters
from .data import TellerSettings
from .history import History

_LOGGER = logging.getLogger(__name__)

MANY: Final = 1000
"""After how many entries that had to be read a snapshot is made at once."""
MOST: Final = 32 * 2**20
"""Bytes that a snapshot has at most."""


def snapshot_of(hass: HomeAssistant, entry_id: str) -> Path:
    """Return the file of a teller's snapshot, beside its key."""
    return Path(hass.config.path(".storage", f"{DOMAIN}.teller_{entry_id}.snapshot"))


class Snapshot:
    """One teller's snapshot. Everything here blocks."""

    def __init__(self, path: Path, code: str, settings: TellerSettings) -> None:
        """Take where it is, the measurement of the program that runs, and what the history depends on."""
        self._path = path
        self._settings = settings
        self._made_by: dict[str, Json] = {
            "code": code,
            "python": sys.version,
            "zone": settings.zone,
            "creditor": settings.creditor,
            "sources": [source.id for source in settings.sources],
        }

    def load(self, history: History, generations: Generations) -> int:
        """Bring a new history up to the log; return how many entries had to be read for that."""
        chapters = self._restore(history, generations)
        kept = history.entries
        everything = chapters is None
        chapters = chapters or Chapters(generations)
        history.load(chapters)
        read = history.entries - kept
        _LOGGER.debug("Read %d entries after those of the snapshot, which had %d", read, kept)
        if everything or read >= MANY:
            self._keep(history, chapters)
        return read

    def advance(self, generations: Generations) -> None:
        """Bring the snapshot up to the log; only if it fits, for nobody is to wait at an end until years of entries have been read."""
        history = History(self._settings, ZoneInfo(self._settings.zone))
        if (chapters := self._restore(history, generations)) is None:
            return
        try:
            history.load(chapters)
        except (LogError, OSError, ValueError) as error:
            _LOGGER.debug("The snapshot stays as it is: %r", error)
            return
        self._keep(history, chapters)

    def _restore(self, history: History, generations: Generations) -> Chapters | None:
        """Bring a new history to what the snapshot has, and return how to read on; None, and nothing done, where it doesn't fit."""
        try:
            if self._path.stat().st_size > MOST:
                return None
            digest, _, body = self._path.read_bytes().partition(b"\n")
            if sha256(body).hexdigest().encode() != digest:
                _LOGGER.debug("The snapshot is damaged")
                return None
            kept = json.loads(body)
            read = [Chapter(number, size, root, tuple(unread)) for number, size, root, unread in kept["chapters"]]
            zones = {name: _rules(name) for name in kept["zones"]}
            same = kept["made_by"] == self._made_by and kept["zones"] == zones
            chapters = Chapters.after(generations, read) if same else None
            if chapters is None:
                _LOGGER.debug("The snapshot doesn't fit: all entries are read")
                return None
            history.restore(kept["state"])
        except FileNotFoundError:
            return None
        except (OSError, LookupError, TypeError, ValueError, ArithmeticError) as error:
            _LOGGER.debug("The snapshot can't be read: %r", error)
            return None
        return chapters

    def _keep(self, history: History, chapters: Chapters) -> None:
        """Write a snapshot of what was read."""
        try:
            kept: dict[str, Json] = {
                "made_by": self._made_by,
                "zones": {name: _rules(name) for name in history.zones},
                "chapters": [list(astuple(chapter)) for chapter in chapters.read()],
                "state": history.dump(),
            }
            body = json.dumps(kept, separators=(",", ":")).encode()
            if len(body) <= MOST:
                digest = sha256(body).hexdigest().encode()
                write_utf8_file_atomic(str(self._path), b"%b\n%b" % (digest, body), private=True, mode="wb")
        except (LogError, IndexError, TypeError, OSError, WriteError) as error:
            _LOGGER.debug("No snapshot was written: %r", error)


@cache
def _rules(zone: str) -> str:
    """Return the measurement of a time zone's rules, which change now and then; as they were when this was first asked, as in `ZoneInfo`."""
    found = (path for folder in TZPATH if (path := Path(folder, zone)).is_file())
    file = next(found, None) or files("tzdata").joinpath("zoneinfo", zone)
    return sha256(file.read_bytes()).hexdigest()
