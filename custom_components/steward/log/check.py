"""Compares a log's entries with its tiles and with what was signed, and says where they part."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..protocol.log.errors import TileError
from ..protocol.log.tiles import (
    HEIGHT,
    TILE_BYTES,
    WIDTH,
    Read,
    TilePath,
    TileReader,
    decode_bundle,
    entries_path,
    parse_path,
    tile_path,
)
from ..protocol.log.tree import HASH_BYTES, Frontier, complete_root, leaf_hash
from .edge import Edge
from .errors import LogDamaged


@dataclass(frozen=True, slots=True)
class Claim:
    """A size and root that were signed, and where that stands."""

    size: int
    root: bytes
    where: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a scan found: the tree of the full bundles, and how many full tiles are missing or false."""

    edge: Edge
    bad_tiles: int


def read_bundle(read: Read, index: int) -> list[bytes]:
    """Return the entries of a full bundle.

    Raises:
        LogDamaged: it is missing, or is no full bundle.
    """
    path = entries_path(index)
    data = read(path)
    if data is None:
        raise LogDamaged(path, "it is missing")
    try:
        entries = decode_bundle(data)
    except TileError as error:
        where = f"{path}, {error.where}"
        raise LogDamaged(where, error.what) from None
    if len(entries) != WIDTH:
        raise LogDamaged(path, f"{len(entries)} entries instead of {WIDTH}")
    return entries


def scan(read: Read, bundles: int, tail: Sequence[bytes], claims: Sequence[Claim]) -> Found:
    """Read all entries of a log, its full bundles and then its tail, and compare them with its tiles and what was signed.

    Raises:
        LogDamaged: a bundle is missing or damaged, or the entries are not those that were signed.
    """
    edge = Edge()
    doubt: tuple[int, LogDamaged] | None = None
    bad = 0
    for index in range(bundles):
        entries = read_bundle(read, index)
        before = edge.frontier.copy()
        for path, tile in edge.append(entries):
            stored = read(str(path))
            if stored == tile:
                continue
            bad += 1
            if path.level == 0 and doubt is None and stored is not None and len(stored) == TILE_BYTES:
                doubt = _disagreement(path, tile, stored)
        _check_claims(claims, before, entries, doubt)
    _check_claims(claims, edge.frontier, tail, doubt)
    size = edge.size + len(tail)
    for claim in claims:
        if claim.size > size:
            where = f"entry {size}"
            raise LogDamaged(where, f"it is missing: {claim.size} entries were signed ({claim.where})")
    if doubt is not None and doubt[0] >= max((claim.size for claim in claims), default=0):
        raise doubt[1]  # nothing says which of the two is true
    return Found(edge, bad)


def quick_edge(read: Read, bundles: int, tail: Sequence[bytes], claims: Sequence[Claim]) -> Edge:
    """Return the tree of the full bundles from the tiles at its right edge; read what leads to what was signed, no more.

    Raises:
        TileError: a tile that is needed is missing or damaged, or they do not lead to what was signed: `scan` says where.
    """
    size = bundles * WIDTH
    levels = []
    level = 1
    while count := size >> HEIGHT * level:
        levels.append(b"".join(_tile_root(read, level - 1, index) for index in range(count - count % WIDTH, count)))
        level += 1
    edge = Edge.of(size, levels)
    for claim in claims:
        if claim.size <= size:
            frontier = Frontier.of(claim.size, TileReader(overlay(read, edge), claim.size).node)
        else:
            frontier = _grown(edge.frontier, tail[: claim.size - size])
        if (frontier.size, frontier.root()) != (claim.size, claim.root):
            raise TileError(claim.where, "the tiles do not lead to what was signed")
    return edge


def overlay(read: Read, edge: Edge) -> Read:
    """Return what reads a log's full files from where they are, and its partial tiles from its edge."""

    def read_tile(name: str) -> bytes | None:
        path = parse_path(name)
        return read(name) if path.width == WIDTH else edge.partial(path)

    return read_tile


def _tile_root(read: Read, level: int, index: int) -> bytes:
    path = tile_path(level, index)
    tile = read(path)
    if tile is None or len(tile) != TILE_BYTES:
        raise TileError(path, "it is missing or cut")
    return complete_root(tile)


def _grown(frontier: Frontier, entries: Sequence[bytes]) -> Frontier:
    frontier = frontier.copy()
    for entry in entries:
        frontier.append(leaf_hash(entry))
    return frontier


def _check_claims(
    claims: Sequence[Claim], before: Frontier, entries: Sequence[bytes], doubt: tuple[int, LogDamaged] | None
) -> None:
    for claim in claims:
        if not before.size < claim.size <= before.size + len(entries):
            continue
        if _grown(before, entries[: claim.size - before.size]).root() == claim.root:
            continue
        if doubt is not None and doubt[0] < claim.size:
            raise doubt[1]
        raise LogDamaged(claim.where, f"the first {claim.size} entries are not those that were signed")


def _disagreement(path: TilePath, tile: bytes, stored: bytes) -> tuple[int, LogDamaged]:
    at = next(
        at for at in range(0, TILE_BYTES, HASH_BYTES) if tile[at : at + HASH_BYTES] != stored[at : at + HASH_BYTES]
    )
    index = path.index * WIDTH + at // HASH_BYTES
    return index, LogDamaged(f"entry {index}", f"{entries_path(path.index)} and {path} disagree about it")
