"""Tiles: the specification's paths and its example of a log, bundles, reading from tiles alone."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.log import tiles, tree
from steward_house.protocol.log.errors import ProofError, TileError

from .logs import log_of

LOG = log_of(70_000)
FILES = LOG.files()
BIG = log_of(131_072)
BIG_FILES = BIG.files()
INDICES = st.integers(0, 2**55 - 1)
WIDTHS = st.integers(1, 256)


def grown(path):
    """Read a file of a log that grew to 131,072 entries and has dropped the partial tiles that became full ones."""
    kept = {"tile/2/000.p/1": BIG_FILES["tile/2/000.p/2"][:32]}
    return (BIG_FILES | kept).get(path)


@pytest.mark.parametrize(
    ("path", "parsed"),
    [
        ("tile/0/000", tiles.TilePath(0, 0)),
        ("tile/0/x001/x234/067", tiles.TilePath(0, 1234067)),
        ("tile/0/x001/234.p/5", tiles.TilePath(0, 1234, 5)),
        ("tile/63/999", tiles.TilePath(63, 999)),
        ("tile/entries/x001/000.p/255", tiles.TilePath(None, 1000, 255)),
    ],
)
def test_known_path(path, parsed):
    assert tiles.parse_path(path) == parsed
    assert str(parsed) == path


@given(st.integers(0, 63), INDICES, WIDTHS)
def test_paths_are_read_as_they_are_written(level, index, width):
    assert tiles.parse_path(tiles.tile_path(level, index, width)) == tiles.TilePath(level, index, width)
    assert tiles.parse_path(tiles.entries_path(index, width)) == tiles.TilePath(None, index, width)


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile/00/000", "tile/01/000", "tile/64/000", "tile/-1/000",
        "tile/+1/000", "tile/0/0", "tile/0/0000", "tile/0/x000/001", "tile/0/x000", "tile/0/001/001", "tile/0/X001/001",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/300", "tile/0/000.p/05", "tile/0/000.p/", "tile/0/000.p/1000",
        "tile/0/000.p", "tile/entries/../000", "tile/0/..", "tile/0/000\n", "tile/0/\u0660\u0660\u0660", "checkpoint",
        "tile/0/" + "x999/" * 6 + "999", "tile/data/000",
    ],
)  # fmt: skip
def test_no_path(path):
    with pytest.raises(TileError, match="not the path of a tile"):
        tiles.parse_path(path)


@given(st.text(alphabet="tile/0123456789x.pentris", max_size=40).map("tile/{}".format))
def test_what_is_read_is_written_the_same(path):
    try:
        parsed = tiles.parse_path(path)
    except TileError:
        return
    assert str(parsed) == path


def test_the_specifications_example():
    needed = list(tiles.needed_tiles(70_000))
    assert sum(path.level == 0 and path.width == 256 for path in needed) == 273
    assert [str(path) for path in needed[273:]] == [
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert tiles.partial_tiles(70_000) == [path for path in needed if path.width < 256]


@given(st.integers(0, 300_000))
def test_partial_tiles_are_the_needed_ones_that_are_not_full(size):
    needed = list(tiles.needed_tiles(size))
    assert tiles.partial_tiles(size) == [path for path in needed if path.width < 256]
    assert sum(path.width for path in needed if path.level == 0) == size
    assert sum(path.width for path in tiles.needed_bundles(size)) == size


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_are_read_as_they_are_written(entries):
    assert tiles.decode_bundle(tiles.encode_bundle(entries)) == entries


@given(st.binary(max_size=100))
def test_a_bundle_is_whole_or_refused(data):
    try:
        entries = tiles.decode_bundle(data)
    except TileError:
        return
    assert tiles.encode_bundle(entries) == data


def test_the_longest_entry():
    longest = b"x" * 65_535
    assert tiles.decode_bundle(tiles.encode_bundle([longest, b""])) == [longest, b""]
    with pytest.raises(TileError, match="entry 1 of the bundle"):
        tiles.encode_bundle([b"", longest + b"x"])


def test_too_many_entries():
    with pytest.raises(TileError, match="257 entries"):
        tiles.encode_bundle([b""] * 257)
    with pytest.raises(TileError, match="257 entries"):
        tiles.decode_bundle(bytes(2 * 257))


@pytest.mark.parametrize(("data", "number"), [(b"\0", 0), (b"\0\1", 0), (b"\0\1a\0", 1), (b"\0\1a\0\2b", 1)])
def test_a_cut_bundle_says_where(data, number):
    with pytest.raises(TileError, match=f"entry {number} of the bundle: the bundle ends within it"):
        tiles.decode_bundle(data)


@given(st.integers(0, 70_000))
def test_root_from_tiles_of_any_size(size):
    for read in (grown, LOG.files(size).get if size % 16 == 0 else grown):
        assert tiles.TileReader(read, size).root() == LOG.root(size)


@given(st.data())
def test_proofs_from_tiles(data):
    size = data.draw(st.integers(1, 70_000))
    index = data.draw(st.integers(0, size - 1))
    reader = tiles.TileReader(grown, size)
    assert tree.inclusion_path(index, size, reader.node) == tree.inclusion_path(index, size, BIG.node)
    assert tree.consistency_path(index, size, reader.node) == tree.consistency_path(index, size, BIG.node)
    assert reader.entry(index) == BIG.entries[index]


@given(st.data())
def test_entries_from_bundles(data):
    start = data.draw(st.integers(0, 70_000))
    stop = data.draw(st.integers(start, min(70_000, start + 1000)))
    reader = tiles.TileReader(FILES.get, 70_000)
    assert list(reader.entries(start, stop)) == LOG.entries[start:stop]


def test_what_a_full_file_has_beyond_the_tree_is_left_out():
    reader = tiles.TileReader(grown, 300)
    assert reader.bundle(1) == BIG.entries[256:300]
    assert reader.hashes(1) == b"".join(BIG.leaves[256:300])


def test_all_entries_and_all_tiles():
    reader = tiles.TileReader(FILES.get, 70_000)
    assert list(reader.entries()) == LOG.entries
    for index in range(274):
        assert reader.hashes(index) == tree.leaf_hashes(reader.bundle(index))
    assert len(reader._tiles) <= 64  # memory stays flat


@pytest.mark.parametrize(
    ("read", "where"),
    [
        (lambda reader: reader.node(0, 70_000), "node 70000 of level 0"),
        (lambda reader: reader.node(17, 0), "node 0 of level 17"),
        (lambda reader: reader.node(-1, 0), "node 0 of level -1"),
        (lambda reader: reader.node(0, -1), "node -1 of level 0"),
        (lambda reader: reader.entry(70_000), "entry 70000"),
        (lambda reader: reader.entry(-1), "entry -1"),
        (lambda reader: next(reader.entries(5, 70_001)), "entries 5 to 70001"),
        (lambda reader: reader.bundle(274), "tile 274 of level 0"),
        (lambda reader: reader.hashes(-1), "tile -1 of level 0"),
    ],
)
def test_what_the_tree_has_not(read, where):
    with pytest.raises(TileError) as caught:
        read(tiles.TileReader(FILES.get, 70_000))
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("path", "damaged", "where", "what"),
    [
        ("tile/0/000", None, "tile/0/000", "missing"),
        ("tile/0/273.p/112", None, "tile/0/273", "missing"),
        ("tile/0/000", bytes(8191), "tile/0/000", "8191 bytes instead of 8192"),
        ("tile/0/273.p/112", bytes(8192), "tile/0/273.p/112", "8192 bytes instead of 3584"),
        ("tile/entries/000", tiles.encode_bundle([b""] * 255), "tile/entries/000", "255 entries instead of 256"),
        ("tile/entries/000", b"\0\5", "tile/entries/000, entry 0 of the bundle", "ends within"),
        ("tile/entries/273.p/112", None, "tile/entries/273", "missing"),
        ("tile/1/001.p/17", bytes(17 * 32 - 1), "tile/1/001.p/17", "543 bytes instead of 544"),
    ],
)
def test_damage_is_named(path, damaged, where, what):
    files = {**FILES, path: damaged}
    reader = tiles.TileReader(files.get, 70_000)

    def read_everything():
        for index in range(274):
            reader.hashes(index)
            reader.bundle(index)
        return reader.root()

    with pytest.raises(TileError, match=what) as caught:
        read_everything()
    assert caught.value.where == where


@given(st.data())
def test_a_changed_bit_of_a_tile_leads_to_another_root(data):
    size = data.draw(st.integers(1, 70_000))
    path = data.draw(st.sampled_from([str(path) for path in tiles.partial_tiles(size)] or ["tile/0/000"]))
    files = LOG.files(size)
    at = data.draw(st.integers(0, len(files[path]) * 8 - 1))
    files[path] = (int.from_bytes(files[path]) ^ 1 << at).to_bytes(len(files[path]))
    assert tiles.TileReader(files.get, size).root() != LOG.root(size) or not path.startswith("tile/0")


def test_a_proof_from_a_false_tile_shows_nothing():
    files = {**FILES, "tile/0/005": bytes(8192)}
    reader = tiles.TileReader(files.get, 70_000)
    index = 5 * 256 + 7
    path = tree.inclusion_path(index, 70_000, reader.node)
    with pytest.raises(ProofError):
        tree.verify_inclusion(LOG.leaves[index], index, 70_000, path, LOG.root())


@pytest.mark.parametrize("size", [-1, 2**63])
def test_no_tree_has_such_a_size(size):
    with pytest.raises(ValueError, match="no tree has"):
        tiles.TileReader(FILES.get, size)
