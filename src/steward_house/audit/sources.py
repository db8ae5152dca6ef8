"""Where a log is read from: a folder of one generation, a folder of several, or a teller's address.

A log's files are those of c2sp.org/tlog-tiles. What an address gives is fetched into a folder first, so that what was checked can be kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import re
from stat import S_ISREG
from typing import Final, Protocol

from ..protocol.log.note import MAX_NOTE_BYTES
from ..protocol.log.tiles import CHECKPOINT, MAX_ENTRY_BYTES, WIDTH

MAX_FILE_BYTES: Final = max(MAX_NOTE_BYTES, WIDTH * (MAX_ENTRY_BYTES + 2))
"""No file of a log is longer; more is not read."""
GENERATION: Final = re.compile("[1-9][0-9]{0,8}", re.ASCII)
"""The name of a generation's folder: its number."""
_TILES: Final = "tile"


class SourceError(Exception):
    """The log can't be read, which says nothing about whether it is right; the text says what to do."""


class Files(Protocol):
    """The files of one generation."""

    def read(self, path: str) -> bytes | None:
        """Return a file; None where there is none.

        Raises:
            SourceError: that can't be found out.
        """
        ...

    def listing(self) -> Iterator[str]:
        """Give the paths of all files that belong to the log."""
        ...


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation's number and its files; the number is None where only the checkpoint may say it."""

    number: int | None
    files: Files


@dataclass(frozen=True, slots=True)
class Source:
    """A log: how it is called in reports, and its generations, the first one first."""

    name: str
    generations: tuple[Generation, ...]


class FolderFiles:
    """The files of a generation in a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self.folder = folder

    def read(self, path: str) -> bytes | None:
        """Return a file; None where there is none, or something else in its place.

        Raises:
            SourceError: it can't be read.
        """
        try:
            # Opening a pipe would wait for somebody to write into it.
            handle = os.open(
                self.folder / path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            )
            with os.fdopen(handle, "rb") as file:
                return file.read(MAX_FILE_BYTES + 1) if S_ISREG(os.fstat(handle).st_mode) else None
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise SourceError(f"{self.folder / path} can't be read: {error.strerror}") from error

    def listing(self) -> Iterator[str]:
        """Give the paths of all files that belong to the log."""
        if (self.folder / CHECKPOINT).is_file():
            yield CHECKPOINT
        for folder, _, names in (self.folder / _TILES).walk():
            below = folder.relative_to(self.folder).as_posix()
            yield from (f"{below}/{name}" for name in names)


class MemoryFiles:
    """The files of a generation as they are given, by their paths."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Take the files."""
        self.files = files

    def read(self, path: str) -> bytes | None:
        """Return a file; None where there is none."""
        return self.files.get(path)

    def listing(self) -> Iterator[str]:
        """Give the paths of all files."""
        yield from self.files


def open_folder(folder: Path, name: str | None = None) -> Source:
    """Return the log in a folder: one generation (it has a checkpoint or tiles), or folders of generations by their numbers.

    Raises:
        SourceError: there is neither, or it can't be read.
    """
    name = str(folder) if name is None else name
    try:
        children = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise SourceError(f"{folder} can't be read: {error.strerror}") from error
    numbers = sorted(int(child) for child in children if GENERATION.fullmatch(child) and (folder / child).is_dir())
    if numbers and not children & {CHECKPOINT, _TILES}:
        return Source(name, tuple(Generation(number, FolderFiles(folder / str(number))) for number in numbers))
    if not children & {CHECKPOINT, _TILES}:
        raise SourceError(
            f"{folder} holds no log: neither a file `checkpoint` nor folders of generations (`1`, `2`, …)"
        )
    return Source(name, (Generation(None, FolderFiles(folder)),))
