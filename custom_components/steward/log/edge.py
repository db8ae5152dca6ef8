"""The right edge of a log's tree: the hashes that fill no tile yet, on each level; all that appending has to keep."""

from collections.abc import Iterable

from ..protocol.log.tiles import TILE_BYTES, WIDTH, TilePath, partial_tiles
from ..protocol.log.tree import HASH_BYTES, Frontier, complete_root, leaf_hashes


class Edge:
    """A tree that grows: its size, its root, its partial tiles, and the full tiles that come about."""

    def __init__(self) -> None:
        """Begin with an empty tree."""
        self.frontier = Frontier()
        self._levels: list[bytearray] = []

    @classmethod
    def of(cls, size: int, levels: Iterable[bytes]) -> Edge:
        """Return the edge of a tree that fills its bundles, from what its partial tiles have, from level 1 up."""
        edge = cls()
        edge._levels = [bytearray(), *map(bytearray, levels)]
        for level in range(len(edge._levels) - 1, 0, -1):
            hashes = edge._levels[level]
            for at in range(0, len(hashes), HASH_BYTES):
                edge.frontier.append_subtree(level * 8, bytes(hashes[at : at + HASH_BYTES]))
        if edge.size != size:
            message = f"these are the tiles of {edge.size} entries, not of {size}"
            raise ValueError(message)
        return edge

    @property
    def size(self) -> int:
        """How many entries the tree has."""
        return self.frontier.size

    def root(self) -> bytes:
        """Return the tree's root."""
        return self.frontier.root()

    def append(self, entries: Iterable[bytes]) -> list[tuple[TilePath, bytes]]:
        """Append entries; return the tiles that are full now."""
        full: list[tuple[TilePath, bytes]] = []
        leaves = leaf_hashes(entries)
        at = 0
        while at < len(leaves):
            room = TILE_BYTES - len(self._level(0))
            part = leaves[at : at + room]
            at += room
            self._level(0).extend(part)
            if len(part) < TILE_BYTES:
                for index in range(0, len(part), HASH_BYTES):
                    self.frontier.append(part[index : index + HASH_BYTES])
            if len(self._level(0)) == TILE_BYTES:
                self._complete(full, new=len(part) == TILE_BYTES)
        return full

    def partial(self, path: TilePath) -> bytes | None:
        """Return a partial tile, which may have fewer hashes than there are by now; None if this is not where the edge is."""
        level = path.level or 0
        if self.size >> 8 * (level + 1) != path.index or level >= len(self._levels):
            return None
        hashes = bytes(self._levels[level][: path.width * HASH_BYTES])
        return hashes if len(hashes) == path.width * HASH_BYTES else None

    def partials(self) -> list[tuple[TilePath, bytes]]:
        """Return all partial tiles of the tree."""
        return [(path, bytes(self._levels[path.level])) for path in partial_tiles(self.size) if path.level is not None]

    def _level(self, level: int) -> bytearray:
        while level >= len(self._levels):
            self._levels.append(bytearray())
        return self._levels[level]

    def _complete(self, full: list[tuple[TilePath, bytes]], *, new: bool) -> None:
        """Take the full tile of level 0 out, and those above that it fills."""
        level = 0
        while len(self._level(level)) == TILE_BYTES:
            tile = bytes(self._level(level))
            self._level(level).clear()
            root = complete_root(tile)
            if not level and new:  # the frontier took its leaves at once, by their root
                self.frontier.append_subtree(8, root)
            index = (self.frontier.size >> 8 * (level + 1)) - 1
            full.append((TilePath(level, index, WIDTH), tile))
            self._level(level + 1).extend(root)
            level += 1
