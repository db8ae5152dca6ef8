"""The entries of all generations of a log in their order, and how far they have been read, so that reading can go on from there.

Everything here blocks, and is over before the log changes.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..log.generations import Generations
from ..protocol.books.entries import Generation, decode
from ..protocol.fields import ContractError
from ..protocol.log.errors import LogError, TileError
from ..protocol.log.tiles import WIDTH, TileReader, parse_path
from ..protocol.log.tree import Frontier


@dataclass(frozen=True, slots=True)
class Chapter:
    """How far a generation has been read: its first `size` entries, whose tree has that root (in hex), but not the bundles `unread`."""

    number: int
    size: int
    root: str
    unread: tuple[int, ...] = ()


class Chapters:
    """Reads all entries, or those behind the ones that were read before."""

    def __init__(self, generations: Generations) -> None:
        """Begin with the first entry."""
        self._generations = generations
        self._read: list[Chapter] = []
        self._size = 0

    @classmethod
    def after(cls, generations: Generations, read: Sequence[Chapter]) -> Self | None:
        """Return what goes on behind what was read; None where the log isn't what it was, or goes on in a new generation.

        Where a generation ends it may turn out that less of it counts, and bundles of it that can't be read may come back.
        """
        chapters = cls(generations)
        ended = [each.chapter(again) for each, again in zip(chapters._ended(), read, strict=False)]
        last = read[-1]
        try:
            if [*ended, Chapter(generations.number, last.size, chapters._root(last.size))] != list(read):
                return None
        except LogError, IndexError:
            return None
        chapters._read, chapters._size = ended, last.size
        return chapters

    def __iter__(self) -> Iterator[bytes]:
        """Give the entries; of earlier generations those that the next one continues, as far as they can be read."""
        if not (self._read or self._size):
            for each in self._ended():
                yield from each
                self._read.append(each.chapter())
        start, stop = self._size, self._generations.storage.size
        yield from self._generations.storage.entries(start, stop)
        self._size = stop

    def read(self) -> list[Chapter]:
        """Return how far each generation has been read.

        Raises:
            LogError: the tiles of the current one are missing or damaged.
        """
        return [*self._read, Chapter(self._generations.number, self._size, self._root(self._size))]

    def _root(self, size: int) -> str:
        return Frontier.of(size, self._generations.storage.node).root().hex()

    def _ended(self) -> Iterator[_Ended]:
        """Give the generations before the current one."""
        *earlier, current = self._generations.numbers()
        for number in earlier:
            following = number + 1
            first = self._generations.storage.entries(0, 1)
            if following != current:
                first = iter(_Ended(following, self._generations.folder(following), None))
            yield _Ended(number, self._generations.folder(number), _continued(next(first, b"")))


class _Ended:
    """A generation that has ended, of which `count` entries count; it may have ended for a fault."""

    def __init__(self, number: int, folder: Path, count: int | None) -> None:
        self._number = number
        laid_out = _laid_out(folder)
        self._size = laid_out if count is None else min(count, laid_out)
        self._unread: list[int] = []

        def load(path: str) -> bytes | None:
            try:
                return (folder / path).read_bytes()
            except FileNotFoundError:
                return None

        self._tiles = TileReader(load, self._size)

    def __iter__(self) -> Iterator[bytes]:
        """Give the entries, as far as they can be read."""
        for index in range(-(-self._size // WIDTH)):
            if self._reads(index):
                yield from self._tiles.bundle(index)
            else:
                self._unread.append(index)

    def chapter(self, again: Chapter | None = None) -> Chapter:
        """Return how far it has been read; with what was read before, how far it would be if nothing else were read again."""
        unread = self._unread if again is None else [index for index in again.unread if not self._reads(index)]
        root = ""
        with suppress(TileError):
            root = self._tiles.root().hex()
        return Chapter(self._number, self._size, root, tuple(unread))

    def _reads(self, index: int) -> bool:
        with suppress(TileError):
            return bool(self._tiles.bundle(index))
        return False


def _continued(first: bytes) -> int | None:
    """Return how many entries of a generation the next one continues, by the first entry of that; None if it doesn't say it.

    More may lie there: of the time after a backup, which the next generation has metered again.
    """
    try:
        entry = decode(first)
    except ContractError:
        return None
    return entry.size if isinstance(entry, Generation) else None


def _laid_out(folder: Path) -> int:
    """Return how many entries a generation's bundles have, by their names."""
    found = [0]
    for path in (folder / "tile" / "entries").rglob("*"):
        if path.is_file():
            with suppress(TileError):
                tile = parse_path(path.relative_to(folder).as_posix())
                found.append(tile.index * WIDTH + tile.width)
    return max(found)
