"""Removes partial tiles when nobody needs them any more: all but those of the last two checkpoints."""

from collections.abc import Iterator
from pathlib import Path

from ..protocol.log.tiles import HEIGHT, TilePath, partial_tiles
from .fs import Folder


class Partials:
    """The partial tiles of a log. Readers of the checkpoint before the last one may still be at it."""

    def __init__(self, home: Folder) -> None:
        """Know of none."""
        self._home = home
        self._sizes: list[int] = []
        self._strays: set[str] = set()

    def load(self, size: int) -> None:
        """Find those that earlier runs left, beside those of the last checkpoint's size."""
        self._sizes = [size]
        self._strays = {*self._beside(size)}

    def signed(self, size: int) -> None:
        """Remove those that only checkpoints before the last one needed, now that one of this size is signed.

        Raises:
            OSError: the disk failed; what is left is removed another time.
        """
        *older, before = self._sizes
        if before == size:
            return
        kept = {str(path) for needed in (before, size) for path in _of(needed)}
        self._strays |= {f"{path.full}.p" for known in (*older, before, size) for path in _of(known)}
        self._sizes = [before, size]
        for name in self._strays:
            folder = self._home.path / name
            widths = self._home.fs.names(folder)
            old = [width for width in widths if f"{name}/{width}" not in kept]
            for width in old:
                self._home.fs.remove(folder / width)
            if widths and len(old) == len(widths):
                self._home.fs.remove_folder(folder)
                self._home.forget(folder)
        self._strays.clear()

    def _beside(self, size: int) -> Iterator[str]:
        levels = max(1, -(-size.bit_length() // HEIGHT))
        for level in (None, *range(levels)):
            folder = Path(str(TilePath(level, size >> HEIGHT * ((level or 0) + 1)))).parent
            yield from (
                f"{folder}/{name}" for name in self._home.fs.names(self._home.path / folder) if name.endswith(".p")
            )


def _of(size: int) -> list[TilePath]:
    """Return the partial tiles of a log of some size, its bundle of entries too."""
    tiles = partial_tiles(size)
    return [*tiles, *(TilePath(None, path.index, path.width) for path in tiles if path.level == 0)]
