"""The little of a file system that a log needs, so that tests can cut its power at any step."""

from contextlib import suppress
import errno
import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

from .errors import LogLocked

_NOT_OURS: Final = {errno.EACCES, errno.EPERM, errno.EROFS}
_CAN_NOT: Final = {errno.EINVAL, errno.ENOTSUP}
"""What file systems answer that keep names some other way, such as some of those that come over a network."""


class File(Protocol):
    """A file that is written to."""

    def write(self, data: bytes, at: int) -> None:
        """Write all of the bytes at a place."""
        ...

    def truncate(self, length: int) -> None:
        """Drop all that lies beyond a length."""
        ...

    def fsync(self) -> None:
        """Wait until the disk has it; after an error it may have any of what was written since the last time."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class Fs(Protocol):
    """A file system; everything may raise OSError."""

    def create(self, path: Path) -> File:
        """Open a new, empty file in place of one that is there."""
        ...

    def open(self, path: Path) -> File:
        """Take a file that is there."""
        ...

    def read(self, path: Path, *, from_disk: bool = False) -> bytes | None:
        """Return what a file has, None if there is none; as the disk has it rather than what memory still holds of it."""
        ...

    def identity(self, path: Path) -> str | None:
        """Return what tells a file from a copy of it, None if there is none."""
        ...

    def names(self, path: Path) -> list[str]:
        """Return the names in a folder; none if there is no folder."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Give a file or a folder another name in the same folder, in place of a file that has it."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        ...

    def make_folder(self, path: Path) -> None:
        """Make a folder, if it isn't there; the one that it lies in is."""
        ...

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        ...

    def fsync_folder(self, path: Path) -> None:
        """Wait until the disk has the names in a folder."""
        ...

    def lock(self, path: Path) -> Lock:
        """Keep other processes out.

        Raises:
            LogLocked: one is in.
        """
        ...


class Lock(Protocol):
    """What keeps other processes out."""

    def close(self) -> None:
        """Let them in."""
        ...


class DiskFile:
    """A file of the operating system's."""

    def __init__(self, path: Path, flags: int) -> None:
        """Open it."""
        self._handle: int | None = os.open(path, flags | os.O_CLOEXEC, 0o644)

    @property
    def handle(self) -> int:
        """The file's descriptor."""
        if self._handle is None:
            message = "the file is closed"
            raise ValueError(message)
        return self._handle

    def write(self, data: bytes, at: int) -> None:
        """Write all of the bytes at a place."""
        left = memoryview(data)
        while left:
            written = os.pwrite(self.handle, left, at)
            left, at = left[written:], at + written

    def truncate(self, length: int) -> None:
        """Drop all that lies beyond a length."""
        os.ftruncate(self.handle, length)

    def fsync(self) -> None:
        """Wait for the disk."""
        os.fsync(self.handle)

    def close(self) -> None:
        """Give it back. What the system may report now was asked before, or does not matter."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):
                os.close(handle)


class DiskLock(DiskFile):
    """An advisory lock on a file, which ends with its process at the latest."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            LogLocked: another process has it.
        """
        super().__init__(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise LogLocked(error.errno, "another process has it open", str(path)) from None
        except OSError:
            self.close()
            raise


class Disk:
    """The operating system's file system."""

    def create(self, path: Path) -> DiskFile:
        """Open a new, empty file in place of one that is there."""
        return DiskFile(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def open(self, path: Path) -> DiskFile:
        """Take a file that is there."""
        return DiskFile(path, os.O_WRONLY)

    def read(self, path: Path, *, from_disk: bool = False) -> bytes | None:
        """Return what a file has, None if there is none."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError, NotADirectoryError:
            return None
        with os.fdopen(handle, "rb", buffering=0) as file:
            if from_disk:
                # Linux calls pages clean that it failed to write, so they can be dropped, and are read again.
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            return file.read()

    def identity(self, path: Path) -> str | None:
        """Return what tells a file from a copy of it: nothing sets when an inode was changed last but changing it."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        return f"{status.st_ino} {status.st_ctime_ns}"

    def names(self, path: Path) -> list[str]:
        """Return the names in a folder; none if there is no folder."""
        try:
            return [item.name for item in path.iterdir()]
        except FileNotFoundError:
            return []

    def rename(self, old: Path, new: Path) -> None:
        """Give a file or a folder another name in the same folder."""
        old.rename(new)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """Make a folder, if it isn't there."""
        path.mkdir(exist_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()

    def fsync_folder(self, path: Path) -> None:
        """Wait until the disk has the names in a folder."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _CAN_NOT:
                raise
        finally:
            os.close(handle)

    def lock(self, path: Path) -> DiskLock:
        """Keep other processes out."""
        return DiskLock(path)


class Folder:
    """A folder whose files are written whole or not at all, whenever the power goes; it makes its own subfolders."""

    def __init__(self, fs: Fs, path: Path) -> None:
        """Make the folder, with those it lies in, if it isn't there."""
        self.fs = fs
        self.path = path
        self._known: set[Path] = set()
        self._renamed: set[Path] = set()
        self.make(path)

    def make(self, path: Path) -> None:
        """Make a folder. One that was there may have been made just before the power went, so it is never taken as kept."""
        if path in self._known or path == path.parent:
            return
        self.make(path.parent)
        self.fs.make_folder(path)
        try:
            self.fs.fsync_folder(path.parent)
        except OSError as error:
            # Folders of the system's that this one lies in, some of which nobody may read, and which nothing has changed.
            if self.path in path.parents or error.errno not in _NOT_OURS:
                raise
        self._known.add(path)

    def forget(self, path: Path) -> None:
        """Be told that a subfolder was removed."""
        self._known.discard(path)
        self._renamed.discard(path)

    def put(self, name: str, data: bytes) -> None:
        """Write a file beside and give it its name; the disk has the name after `settle`."""
        path = self.path / name
        self.make(path.parent)
        beside = path.with_name(f"{path.name}.new")
        file = None
        try:
            file = self.fs.create(beside)
            file.write(data, 0)
            file.fsync()
            file.close()
            self.fs.rename(beside, path)
        except OSError:
            if file is not None:
                file.close()
            with suppress(OSError):
                self.fs.remove(beside)
            raise
        self._renamed.add(path.parent)

    def settle(self) -> None:
        """Wait until the disk has the names of all files that were put."""
        while self._renamed:
            path = next(iter(self._renamed))
            self.fs.fsync_folder(path)
            self._renamed.discard(path)


def remove_tree(fs: Fs, path: Path) -> None:
    """Remove a file, or a folder with all that it has, if it is there."""
    try:
        names = fs.names(path)
    except NotADirectoryError:
        fs.remove(path)
        return
    for name in names:
        remove_tree(fs, path / name)
    with suppress(FileNotFoundError):
        fs.remove_folder(path)
