"""Checks the files of one generation against each other and against a checkpoint, and says which file or entry is wrong.

Whatever leads to the checkpoint's root is right: no other bytes do. So if the entries do, each tile is compared with what it has to
be; if only the tiles do, the entries that don't fit them are the wrong ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from ..protocol.log.errors import TileError
from ..protocol.log.tiles import (
    CHECKPOINT,
    HEIGHT,
    WIDTH,
    TilePath,
    decode_bundle,
    needed_bundles,
    needed_tiles,
    parse_path,
)
from ..protocol.log.tree import HASH_BYTES, Frontier, complete_root, leaf_hashes
from .findings import Findings
from .sources import Files

_MISSING: Final = b"\xff" * HASH_BYTES
"""In place of a hash that nothing gives: it leads to no root."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one bundle came to: the root above a full one, its leaf hashes otherwise, by the entries and by the tile of level 0."""

    by_entries: bytes
    by_tile: bytes


@dataclass(frozen=True, slots=True)
class Wrong:
    """One difference between files, before it is known which of them is right; `entry` is an index in the generation."""

    code: str
    path: str
    entry: int | None = None
    what: str = ""


class TreeCheck:
    """The check of the tree of one generation of `size` entries, which takes its bundles in order."""

    def __init__(self, files: Files, size: int) -> None:
        """Begin."""
        self._files = files
        self.size = size
        self.bundles: list[Bundle] = []
        self.wrong: list[Wrong] = []

    def take(self, path: TilePath) -> list[bytes] | None:
        """Check a bundle against its tile; return its entries, None if they can't be read."""
        wrong, bundle, entries = check_bundle(self._files, path)
        self.wrong += wrong
        self.bundles.append(bundle)
        return entries

    def take_hashed(self, path: TilePath, wrong: list[Wrong], bundle: Bundle) -> list[bytes] | None:
        """Take what `check_bundle` said of a bundle; return its entries, None if they can't be read."""
        self.wrong += wrong
        self.bundles.append(bundle)
        return _entries(self._files, path)[0]

    def finish(self, root: bytes | None, findings: Findings) -> bytes:
        """Check what is above the bundles and report all differences; return the root that the entries make.

        Where no root is known, that of the entries is taken.
        """
        computed = self._root([bundle.by_entries for bundle in self.bundles])
        root = computed if root is None else root
        entries_right = computed == root
        tiles_right = entries_right or self._root([bundle.by_tile for bundle in self.bundles]) == root
        for wrong in self.wrong:
            if wrong.code != "differs":
                findings.problem(wrong.code, entry=wrong.entry, path=wrong.path, what=wrong.what)
            elif entries_right:
                findings.problem("tile_wrong", path=wrong.path, what=wrong.what)
            elif tiles_right:
                bundle = str(TilePath(None, parse_path(wrong.path).index, parse_path(wrong.path).width))
                findings.problem("entry_wrong", entry=wrong.entry, path=bundle)
            else:
                findings.problem("entry_or_tile_wrong", entry=wrong.entry, path=wrong.path)
        if not tiles_right:
            findings.problem("root_wrong", path=CHECKPOINT, size=self.size)
        level = b"".join(
            [bundle.by_entries if entries_right else bundle.by_tile for bundle in self.bundles[: self.size >> HEIGHT]]
        )
        self._check_levels(level, "tile_wrong" if tiles_right else "tile_or_below_wrong", findings)
        return computed

    def _root(self, parts: Sequence[bytes]) -> bytes:
        frontier = Frontier()
        full = self.size >> HEIGHT
        for part in parts[:full]:
            frontier.append_subtree(HEIGHT, part)
        for part in parts[full:]:
            for at in range(0, len(part), HASH_BYTES):
                frontier.append(part[at : at + HASH_BYTES])
        return frontier.root()

    def _check_levels(self, hashes: bytes, code: str, findings: Findings) -> None:
        """Compare the tiles from level 1 on with what is below them; `code` is what a difference means."""
        for level in range(1, 1 + (self.size.bit_length() - 1) // HEIGHT):
            count = self.size >> HEIGHT * level
            above = []
            for index in range(-(-count // WIDTH)):
                path = TilePath(level, index, min(WIDTH, count - (index << HEIGHT)))
                computed = hashes[index * WIDTH * HASH_BYTES :][: path.width * HASH_BYTES]
                for wrong in _compare(self._files, path, computed)[0]:
                    findings.problem(code if wrong.code == "differs" else wrong.code, path=wrong.path, what=wrong.what)
                if path.width == WIDTH:
                    above.append(complete_root(computed))
            hashes = b"".join(above)


def check_bundle(files: Files, path: TilePath) -> tuple[list[Wrong], Bundle, list[bytes] | None]:
    """Compare a bundle with its tile of level 0; return the differences, what both come to, and the entries if they can be read."""
    entries, wrong = _entries(files, path)
    hashes = leaf_hashes(entries) if entries is not None else b""
    differences, tile = _compare(files, TilePath(0, path.index, path.width), hashes)
    if wrong:
        # A bundle of another number of entries isn't the tile's fault; the tile tells from which entry on.
        begin = next((each.entry for each in differences if each.code == "differs"), wrong[0].entry)
        wrong = [replace(wrong[0], entry=begin), *(each for each in differences if each.code != "differs")]
    else:
        wrong = differences
    if len(hashes) != path.width * HASH_BYTES:
        hashes = tile or _MISSING * path.width
        if entries is None and tile is None:
            wrong.append(Wrong("entries_lost", str(path), path.index << HEIGHT))
    by_entries = complete_root(hashes) if path.width == WIDTH else hashes
    if tile is None or tile == hashes:
        return wrong, Bundle(by_entries, by_entries), entries
    return wrong, Bundle(by_entries, complete_root(tile) if path.width == WIDTH else tile), entries


def other_files(files: Files, size: int, findings: Findings) -> None:
    """Check the files that the log of a size doesn't need: partial tiles of earlier sizes have to be the beginning of later ones."""
    needed = {str(path) for path in chain(needed_tiles(size), needed_bundles(size))}
    for name in sorted(files.listing()):
        if name in needed or name == CHECKPOINT:
            continue
        try:
            path = parse_path(name)
        except TileError:
            findings.note("file_unknown", path=name)
            continue
        _check_other(files, path, size, findings)


def _check_other(files: Files, path: TilePath, size: int, findings: Findings) -> None:
    """Compare a tile that isn't needed with the one that is."""
    unit = HEIGHT * (path.level or 0)
    known = min((size >> unit) - (path.index << HEIGHT), WIDTH)
    if known <= 0:
        findings.note("file_beyond", path=str(path), size=size)
        return
    right = _read(files, TilePath(path.level, path.index, known))
    data = files.read(str(path))
    if right is None or data is None:
        return  # said already, or just gone
    if path.level is None:
        try:
            same = _begins(decode_bundle(data), decode_bundle(right))
        except TileError:
            same = False
    else:
        same = _begins(data, right)
    if not same or (path.level is not None and len(data) != path.width * HASH_BYTES):
        findings.problem("file_differs", path=str(path))


def _begins(one: Sequence[object], other: Sequence[object]) -> bool:
    count = min(len(one), len(other))
    return one[:count] == other[:count]


def _read(files: Files, path: TilePath) -> bytes | None:
    """Read a tile; a partial one that is gone has become a full one."""
    data = files.read(str(path))
    return files.read(str(path.full)) if data is None and path.width != WIDTH else data


def _entries(files: Files, path: TilePath) -> tuple[list[bytes] | None, list[Wrong]]:
    """Read a bundle's entries, as many as belong to the tree."""
    data = _read(files, path)
    if data is None:
        return None, [Wrong("bundle_missing", str(path), path.index << HEIGHT)]
    try:
        entries = decode_bundle(data)
    except TileError as error:
        return None, [Wrong("bundle_malformed", str(path), path.index << HEIGHT, f"{error.where}: {error.what}")]
    if len(entries) == path.width:
        return entries, []
    if len(entries) > path.width and files.read(str(path)) is None:
        return entries[: path.width], []
    what = f"{len(entries)} entries instead of {path.width}"
    return entries[: path.width], [
        Wrong("bundle_malformed", str(path), (path.index << HEIGHT) + min(len(entries), path.width), what)
    ]


def _compare(files: Files, path: TilePath, hashes: bytes) -> tuple[list[Wrong], bytes | None]:
    """Compare a tile with the hashes that it has to have (b"": not known); return the differences and the tile if it has its length."""
    data = _read(files, path)
    length = path.width * HASH_BYTES
    if data is None:
        return [Wrong("tile_missing", str(path))], None
    if len(data) != length and not (path.width < WIDTH and len(data) == WIDTH * HASH_BYTES):
        return [Wrong("tile_malformed", str(path), None, f"{len(data)} bytes instead of {length}")], None
    tile = data[:length]
    if tile == hashes or not hashes:
        return [], tile
    first = path.index << HEIGHT
    return [
        Wrong("differs", str(path), first + at, f"hash {at}")
        for at in range(min(path.width, len(hashes) // HASH_BYTES))
        if tile[at * HASH_BYTES :][:HASH_BYTES] != hashes[at * HASH_BYTES :][:HASH_BYTES]
    ], tile
