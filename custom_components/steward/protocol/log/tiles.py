"""Logs as static files, c2sp.org/tlog-tiles: their paths, entry bundles, and nodes and entries read from tiles."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
import re
from typing import Final, Self

from .errors import TileError
from .tree import HASH_BYTES, MAX_SIZE, Frontier, parents

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
"""Hashes in a full tile, entries in a full bundle."""
TILE_BYTES: Final = WIDTH * HASH_BYTES
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 0xFFFF
CHECKPOINT: Final = "checkpoint"
_CACHED_TILES: Final = 64
_PATH: Final = re.compile(
    r"tile/(entries|[1-9]?[0-9])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)

type Read = Callable[[str], bytes | None]
"""Gives a file of the log by its path; None where there is none."""


@dataclass(frozen=True, slots=True)
class TilePath:
    """What a path names: a tile of a level, or an entry bundle (level None); its index; how many hashes or entries it has."""

    level: int | None
    index: int
    width: int = WIDTH

    def __str__(self) -> str:
        """Return the path."""
        kind = "entries" if self.level is None else self.level
        number = f"{self.index % 1000:03}"
        rest = self.index // 1000
        while rest:
            number = f"x{rest % 1000:03}/{number}"
            rest //= 1000
        return f"tile/{kind}/{number}" if self.width == WIDTH else f"tile/{kind}/{number}.p/{self.width}"

    @property
    def full(self) -> Self:
        """The full tile or bundle that has this one's beginning."""
        return type(self)(self.level, self.index)


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile, such as `tile/0/x001/234.p/5`."""
    return str(TilePath(level, index, width))


def entries_path(index: int, width: int = WIDTH) -> str:
    """Return the path of an entry bundle, such as `tile/entries/000`."""
    return str(TilePath(None, index, width))


def parse_path(path: str) -> TilePath:
    """Read the path of a tile or of an entry bundle; there is one way to write each.

    Raises:
        TileError: it is none.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise TileError(path[:100], "it is not the path of a tile")
    kind, number, width = found.groups()
    parsed = TilePath(
        None if kind == "entries" else int(kind),
        int(re.sub("[x/]", "", number)),
        WIDTH if width is None else int(width),
    )
    if (
        (parsed.level or 0) > MAX_LEVEL
        or parsed.width > WIDTH
        or str(parsed) != path
        or parsed.index > MAX_SIZE >> HEIGHT
    ):
        raise TileError(path, "it is not the path of a tile")
    return parsed


def needed_tiles(size: int) -> Iterator[TilePath]:
    """Give every tile that a log of a size has, the lowest level first, those that are full before the partial one."""
    level = 0
    while size:
        yield from (TilePath(level, index) for index in range(size >> HEIGHT))
        if size % WIDTH:
            yield TilePath(level, size >> HEIGHT, size % WIDTH)
        size >>= HEIGHT
        level += 1


def partial_tiles(size: int) -> list[TilePath]:
    """Return the partial tiles of a log of a size, at most one of each level."""
    return [
        TilePath(level, size >> HEIGHT * (level + 1), (size >> HEIGHT * level) % WIDTH)
        for level in range(-(-size.bit_length() // HEIGHT))
        if (size >> HEIGHT * level) % WIDTH
    ]


def needed_bundles(size: int) -> Iterator[TilePath]:
    """Give every entry bundle that a log of a size has; the last one may be partial."""
    yield from (TilePath(None, index) for index in range(size >> HEIGHT))
    if size % WIDTH:
        yield TilePath(None, size >> HEIGHT, size % WIDTH)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Write up to 256 entries as a bundle.

    Raises:
        TileError: they are too many, or one is too long.
    """
    if len(entries) > WIDTH:
        raise TileError("bundle", f"{len(entries)} entries, where {WIDTH} fit")
    parts: list[bytes] = []
    for number, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY_BYTES:
            raise TileError(f"entry {number} of the bundle", f"{len(entry)} bytes, where {MAX_ENTRY_BYTES} fit")
        parts += (len(entry).to_bytes(2), entry)
    return b"".join(parts)


def decode_bundle(data: bytes) -> list[bytes]:
    """Read the entries of a bundle.

    Raises:
        TileError: it ends within an entry, or has more than 256.
    """
    entries = []
    at, end = 0, len(data)
    while at < end - 1:
        start = at + 2
        at = start + (data[at] << 8 | data[at + 1])
        entries.append(data[start:at])
    if at != end:
        raise TileError(f"entry {max(len(entries) - (at > end), 0)} of the bundle", "the bundle ends within it")
    if len(entries) > WIDTH:
        raise TileError("bundle", f"{len(entries)} entries, where {WIDTH} fit")
    return entries


class TileReader:
    """The nodes and the entries of a log of some size, from its tiles alone.

    Nothing that it reads is checked against a root: who has one verifies what comes out.
    """

    def __init__(self, read: Read, size: int) -> None:
        """Take what reads a file of the log, and the size of the tree that is meant.

        Raises:
            ValueError: no tree has that size.
        """
        if not 0 <= size <= MAX_SIZE:
            message = f"no tree has {size} entries"
            raise ValueError(message)
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[bytes]] = {}
        self._bundle: tuple[int, list[bytes]] = (-1, [])

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree.

        Raises:
            TileError: the tree has no such one, or its tile is missing or damaged.
        """
        if level < 0 or not 0 <= index < self.size >> level:
            raise TileError(f"node {index} of level {level}", f"a tree of {self.size} entries has none")
        height = level % HEIGHT
        tile = self._tile(level // HEIGHT, index << height >> HEIGHT)
        while len(tile) <= height:
            tile.append(parents(tile[-1]))
        at = (index % (WIDTH >> height)) * HASH_BYTES
        return tile[height][at : at + HASH_BYTES]

    def root(self) -> bytes:
        """Return the root that the tiles give.

        Raises:
            TileError: a tile is missing or damaged.
        """
        return Frontier.of(self.size, self.node).root()

    def hashes(self, index: int) -> bytes:
        """Return the leaf hashes of a bundle, one behind the other, from its tile of level 0.

        Raises:
            TileError: the tile is missing or damaged.
        """
        return self._tile(0, index)[0]

    def bundle(self, index: int) -> list[bytes]:
        """Return the entries of a bundle, as many of them as belong to the tree.

        Raises:
            TileError: the bundle is missing or damaged.
        """
        if self._bundle[0] != index:
            path = TilePath(None, index, self._width(0, index))
            found, data = self._load(path)
            try:
                entries = decode_bundle(data)
            except TileError as error:
                raise TileError(f"{found}, {error.where}", error.what) from None
            if len(entries) != found.width:
                raise TileError(str(found), f"{len(entries)} entries instead of {found.width}")
            self._bundle = index, entries[: path.width]
        return self._bundle[1]

    def entry(self, index: int) -> bytes:
        """Return an entry.

        Raises:
            TileError: the tree has no such one, or its bundle is missing or damaged.
        """
        if not 0 <= index < self.size:
            raise TileError(f"entry {index}", f"a tree of {self.size} entries has none")
        return self.bundle(index >> HEIGHT)[index % WIDTH]

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Give the entries [start, stop), bundle by bundle; to the end if nothing else is said.

        Raises:
            TileError: the tree has not all of them, or a bundle is missing or damaged.
        """
        stop = self.size if stop is None else stop
        if not 0 <= start <= stop <= self.size:
            raise TileError(f"entries {start} to {stop}", f"a tree of {self.size} entries has not all of them")
        while start < stop:
            first = start & -WIDTH
            yield from self.bundle(start >> HEIGHT)[start - first : stop - first]
            start = first + WIDTH

    def _width(self, level: int, index: int) -> int:
        width = min((self.size >> HEIGHT * level) - (index << HEIGHT), WIDTH)
        if index < 0 or width < 1:
            raise TileError(f"tile {index} of level {level}", f"a log of {self.size} entries has none")
        return width

    def _tile(self, level: int, index: int) -> list[bytes]:
        """Return the nodes of a tile by their height in it: at first its hashes only."""
        tile = self._tiles.get((level, index))
        if tile is None:
            path = TilePath(level, index, self._width(level, index))
            found, data = self._load(path)
            if len(data) != found.width * HASH_BYTES:
                raise TileError(str(found), f"{len(data)} bytes instead of {found.width * HASH_BYTES}")
            while len(self._tiles) >= _CACHED_TILES:
                del self._tiles[next(iter(self._tiles))]
            tile = self._tiles[level, index] = [data[: path.width * HASH_BYTES]]
        return tile

    def _load(self, path: TilePath) -> tuple[TilePath, bytes]:
        """Read a file; a partial one that is gone has become a full one."""
        data = self._read(str(path))
        if data is None and path.width != WIDTH:
            path = path.full
            data = self._read(str(path))
        if data is None:
            raise TileError(str(path), "it is missing")
        return path, data
