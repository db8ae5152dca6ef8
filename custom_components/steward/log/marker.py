"""Markers of backups: a log that is restored from one notices it, and begins a new generation.

While a backup is made, each log's folder has the marker `backup`, so the backup has it too, and beside it `backup.own`: what tells
the marker from a copy of it. Who finds a marker that isn't its own was restored; one that is, was left by a backup that did not end.
"""

import json
from pathlib import Path
from typing import Any, Final

from .fs import Disk, Folder, Fs
from .storage import LOCK

MARKER: Final = "backup"
OWN: Final = "backup.own"


def log_folders(above: Path) -> list[Path]:
    """Return the folders of logs that are two levels below a folder: one for each kind of entry, and in it one for each entry."""
    return sorted(path.parent for path in above.glob(f"*/*/{LOCK}"))


def write_marker(root: Path, fs: Fs | None = None) -> None:
    """Mark a log's folder, which has its generations, before a backup begins.

    Raises:
        OSError: the disk has no room or failed: then a backup must not be made.
    """
    folder = Folder(fs or Disk(), root)
    generation = max((int(name) for name in folder.fs.names(root) if name.isdecimal()), default=0)
    folder.put(MARKER, json.dumps({"generation": generation}).encode())
    folder.put(OWN, (folder.fs.identity(root / MARKER) or "").encode())
    folder.settle()


def remove_marker(root: Path, fs: Fs | None = None) -> None:
    """Take the marker of a log's folder away, after the backup or when it has been noticed."""
    fs = fs or Disk()
    if {MARKER, OWN} & {*fs.names(root)}:
        fs.remove(root / MARKER)
        fs.remove(root / OWN)
        fs.fsync_folder(root)


def was_restored(fs: Fs, root: Path, generation: int) -> bool:
    """Whether a log's folder was restored from a backup that was made while this generation was the current one."""
    text = fs.read(root / MARKER)
    if text is None:
        return False
    own = fs.read(root / OWN)
    if own is not None and own.decode(errors="replace") == fs.identity(root / MARKER):
        return False
    try:
        marker: Any = json.loads(text)
        marked = int(marker["generation"])
    except ValueError, KeyError, TypeError:
        return True
    return marked >= generation
