"""A file system in memory whose power can be cut, and whose disk can fail, at any step.

What was written but not waited for is on the disk or isn't, in any combination: `Choice` decides. A folder's names likewise; renaming
is one step. After a failed fsync of a file, memory still holds what was written but the disk has lost it, as on Linux.
"""
# ruff: noqa: ARG005

from collections.abc import Callable
from dataclasses import dataclass, field
import errno
from pathlib import Path
from random import Random

from custom_components.steward.log.errors import LogLocked


class PowerCutError(BaseException):
    """The power is gone; nobody catches this."""


type Choice = Callable[[str, int, int], str]
"""What became of a change that was not waited for: `all`, `none`, of a write also `half`, `zeros` or `noise`.

Called with the kind of change (`data` or `name`), its number among those of the same file or folder, and how many those are.
"""

CHOICES: dict[str, Choice] = {
    "nothing": lambda kind, number, count: "none",
    "everything": lambda kind, number, count: "all",
    "only data": lambda kind, number, count: "all" if kind == "data" else "none",
    "only names": lambda kind, number, count: "all" if kind == "name" else "none",
    "torn": lambda kind, number, count: "half" if kind == "data" and number == count - 1 else "all",
    "zeros": lambda kind, number, count: "zeros" if kind == "data" else "all",
    "noise": lambda kind, number, count: "noise" if kind == "data" and number == count - 1 else "all",
    "last only": lambda kind, number, count: "all" if number == count - 1 else "none",
}


def chances(seed: int) -> Choice:
    """Return a choice by the dice."""
    dice = Random(seed)
    return lambda kind, number, count: dice.choice(
        ["all", "none", "half", "zeros", "noise"] if kind == "data" else ["all", "none"]
    )


@dataclass(eq=False)
class Inode:
    """A file: what is on the disk, what memory has, and the changes that the disk may or may not have."""

    disk: bytes = b""
    memory: bytearray = field(default_factory=bytearray)
    changes: list[tuple[int, bytes | None]] = field(default_factory=list)  # at, data; None: cut there

    def change(self, at: int, new: bytes | None) -> None:
        apply(self.memory, at, new)
        self.changes.append((at, new))

    def sync(self) -> None:
        data = bytearray(self.disk)
        for at, new in self.changes:
            apply(data, at, new)
        self.disk = bytes(data)
        self.changes.clear()

    def forget(self) -> None:
        """Read from the disk again, when everything was written back that is not lost."""
        self.sync()
        self.memory = bytearray(self.disk)

    def after_cut(self, choice: Choice) -> bytes:
        data = bytearray(self.disk)
        for number, (at, new) in enumerate(self.changes):
            fate = choice("data", number, len(self.changes))
            if fate != "none":
                apply(data, at, new if new is None or fate == "all" else spoil(new, fate))
        return bytes(data)


def spoil(data: bytes, fate: str) -> bytes:
    """Return what became of a write that was not done whole."""
    half = data[: len(data) // 2]
    match fate:
        case "half":
            return half
        case "zeros":
            return bytes(len(data))
        case _:
            return half + Random(len(data)).randbytes(len(data) - len(half))


def apply(data: bytearray, at: int, new: bytes | None) -> None:
    """Write, or cut; a gap is zeros."""
    if new is None:
        del data[at:]
        return
    data.extend(bytes(max(0, at - len(data))))
    data[at : at + len(new)] = new


@dataclass(eq=False)
class Names:
    """A folder: the names that are on the disk, and those that memory has."""

    disk: "Entries" = field(default_factory=dict)
    now: "Entries" = field(default_factory=dict)
    changes: list["Change"] = field(default_factory=list)

    def change(self, change: "Change") -> None:
        change(self.now)
        self.changes.append(change)


type Entries = dict[str, Inode | Names]
type Change = Callable[[Entries], object]


class Faults:
    """Counts the steps, and says what happens at each."""

    def __init__(self) -> None:
        self.steps = 0
        self.cut_at: int | None = None
        self.fail: dict[int, int] = {}
        """errno by step."""
        self.full = False
        """Whether there is no room for anything new, though what is there may still grow."""
        self.fail_from: tuple[int, int] | None = None
        """A step and an errno: everything that writes fails from there on."""

    def step(self, what: str, *, frees: bool = False) -> OSError | None:
        self.steps += 1
        number = errno.ENOSPC if self.full and what in {"create", "make folder"} else self.fail.get(self.steps)
        if number is None and self.fail_from is not None and self.steps >= self.fail_from[0] and not frees:
            number = self.fail_from[1]
        return None if number is None else OSError(number, f"{what} at step {self.steps}")

    def done(self) -> None:
        """Cut the power after the step that was just taken."""
        if self.cut_at is not None and self.steps >= self.cut_at:
            raise PowerCutError


class FakeFile:
    """A file that is open."""

    def __init__(self, fs: "FakeFs", inode: Inode) -> None:
        self.fs = fs
        self.inode = inode

    def write(self, data: bytes, at: int) -> None:
        error = self.fs.faults.step("write")
        self.inode.change(at, data if error is None else data[: len(data) // 2])
        if error is not None:
            raise error
        self.fs.faults.done()

    def truncate(self, length: int) -> None:
        error = self.fs.faults.step("truncate", frees=True)
        if error is not None:
            raise error
        self.inode.change(length, None)
        self.fs.faults.done()

    def fsync(self) -> None:
        error = self.fs.faults.step("fsync")
        if error is not None:
            self.inode.changes.clear()
            raise error
        self.inode.sync()
        self.fs.faults.done()

    def close(self) -> None:
        pass


class FakeLock:
    """A lock."""

    def __init__(self, held: set[Path], path: Path) -> None:
        if path in held:
            raise LogLocked(errno.EWOULDBLOCK, "held", str(path))
        held.add(path)
        self.held, self.path = held, path

    def close(self) -> None:
        self.held.discard(self.path)


class FakeFs:
    """The file system. `after_cut` gives what is there after the power was cut; `after_kill` what a new process finds."""

    def __init__(self, root: Names | None = None) -> None:
        self.root = root or Names()
        self.faults = Faults()
        self.held: set[Path] = set()

    def after_cut(self, choice: Choice) -> "FakeFs":
        return FakeFs(_settled(self.root, choice))

    def after_kill(self) -> "FakeFs":
        return FakeFs(self.root)

    def _folder(self, path: Path) -> Names:
        folder = self.root
        for name in path.parts[1:]:
            found = folder.now.get(name)
            if found is None:
                raise FileNotFoundError(errno.ENOENT, "no such folder", str(path))
            if isinstance(found, Inode):
                raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(path))
            folder = found
        return folder

    def _inode(self, path: Path) -> Inode:
        found = self._folder(path.parent).now.get(path.name)
        if not isinstance(found, Inode):
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return found

    def _fail(self, what: str, *, frees: bool = False) -> None:
        error = self.faults.step(what, frees=frees)
        if error is not None:
            raise error

    def create(self, path: Path) -> FakeFile:
        self._fail("create")
        folder = self._folder(path.parent)
        found = folder.now.get(path.name)
        if isinstance(found, Inode):
            found.change(0, None)
        else:
            found = Inode()
            folder.change(lambda names, inode=found: names.__setitem__(path.name, inode))
        self.faults.done()
        return FakeFile(self, found)

    def open(self, path: Path) -> FakeFile:
        return FakeFile(self, self._inode(path))

    def read(self, path: Path, *, from_disk: bool = False) -> bytes | None:
        try:
            inode = self._inode(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if from_disk:
            inode.forget()
        return bytes(inode.memory)

    def identity(self, path: Path) -> str | None:
        try:
            return str(id(self._inode(path)))
        except FileNotFoundError:
            return None

    def names(self, path: Path) -> list[str]:
        try:
            return sorted(self._folder(path).now)
        except FileNotFoundError:
            return []

    def rename(self, old: Path, new: Path) -> None:
        self._fail("rename")
        assert old.parent == new.parent
        folder = self._folder(old.parent)
        moved = folder.now[old.name]

        def move(names: Entries) -> None:
            names.pop(old.name, None)
            names[new.name] = moved

        folder.change(move)
        self.faults.done()

    def remove(self, path: Path) -> None:
        self._fail("remove", frees=True)
        folder = self._folder(path.parent)
        if path.name in folder.now:
            folder.change(lambda names: names.pop(path.name, None))
        self.faults.done()

    def make_folder(self, path: Path) -> None:
        folder = self._folder(path.parent)
        if path.name in folder.now:
            return
        self._fail("make folder")
        made = Names()
        folder.change(lambda names: names.__setitem__(path.name, made))
        self.faults.done()

    def remove_folder(self, path: Path) -> None:
        self._fail("remove folder", frees=True)
        folder = self._folder(path.parent)
        if self._folder(path).now:
            raise OSError(errno.ENOTEMPTY, "not empty", str(path))
        folder.change(lambda names: names.pop(path.name, None))
        self.faults.done()

    def fsync_folder(self, path: Path) -> None:
        self._fail("fsync folder")
        folder = self._folder(path)
        folder.disk = dict(folder.now)
        folder.changes.clear()
        self.faults.done()

    def lock(self, path: Path) -> FakeLock:
        return FakeLock(self.held, path)

    def copy(self) -> "FakeFs":
        """Return what a backup of all files holds."""
        return FakeFs(_settled(self.root, CHOICES["everything"]))


def _settled(folder: Names, choice: Choice) -> Names:
    names = dict(folder.disk)
    for number, change in enumerate(folder.changes):
        if choice("name", number, len(folder.changes)) == "all":
            change(names)
    after = {
        name: _after(item.after_cut(choice)) if isinstance(item, Inode) else _settled(item, choice)
        for name, item in names.items()
    }
    return Names(disk=after, now=dict(after))


def _after(data: bytes) -> Inode:
    return Inode(data, bytearray(data))
