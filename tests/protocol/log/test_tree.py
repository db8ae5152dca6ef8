"""The tree: the known vectors, every small size, proofs that were tampered with."""

import json
from pathlib import Path

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.log import tree
from steward_house.protocol.log.errors import LogError, ProofError

from .logs import MemoryLog, log_of

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
"""Roots and proofs with which Certificate Transparency's implementations are tested."""
ENTRIES = [bytes.fromhex(entry) for entry in VECTORS["entries"]]
LEAVES = [tree.leaf_hash(entry) for entry in ENTRIES]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
SMALL = log_of(300)
ALL_ROOTS = [SMALL.defined_root(0, size) for size in range(301)]
KNOWN = MemoryLog(ENTRIES)


def unhex(path):
    return [bytes.fromhex(item) for item in path]


@pytest.mark.parametrize("size", range(9))
def test_known_root(size):
    assert tree.root_of(LEAVES[:size]) == ROOTS[size] == KNOWN.defined_root(0, size)


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=str)
def test_known_inclusion(vector):
    index, size, path = vector["index"], vector["size"], unhex(vector["path"])
    assert tree.inclusion_path(index, size, KNOWN.node) == path
    tree.verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=str)
def test_known_consistency(vector):
    old, size, path = vector["old"], vector["size"], unhex(vector["path"])
    assert tree.consistency_path(old, size, KNOWN.node) == path
    tree.verify_consistency(old, ROOTS[old], size, ROOTS[size], path)


def test_every_root_by_appending():
    frontier = tree.Frontier()
    for size in range(301):
        assert frontier.size == size
        assert frontier.root() == ALL_ROOTS[size]
        assert tree.Frontier.of(size, SMALL.node).subtrees == frontier.subtrees
        if size < 300:
            frontier.append(SMALL.leaves[size])


@given(st.lists(st.integers(0, 8), max_size=20))
def test_appends_subtrees_where_they_fit(levels):
    frontier, leaves = tree.Frontier(), 0
    for level in levels:
        if leaves + (1 << level) > 300:
            continue
        if leaves % (1 << level):
            with pytest.raises(ValueError, match="can't follow"):
                frontier.append_subtree(level, bytes(32))
            continue
        frontier.append_subtree(level, SMALL.levels[level][leaves >> level])
        leaves += 1 << level
        assert (frontier.size, frontier.root()) == (leaves, ALL_ROOTS[leaves])


def test_a_copy_grows_apart():
    frontier = tree.Frontier.of(5, SMALL.node)
    other = frontier.copy()
    other.append(SMALL.leaves[5])
    assert (frontier.root(), other.root()) == (ALL_ROOTS[5], ALL_ROOTS[6])


@pytest.mark.parametrize(("size", "subtrees"), [(1, []), (3, [bytes(32)]), (1, [bytes(31)]), (-1, [bytes(32)])])
def test_no_frontier(size, subtrees):
    with pytest.raises(ValueError, match="are not the subtrees"):
        tree.Frontier(size, subtrees)


@pytest.mark.parametrize("level", range(9))
def test_bundle_root(level):
    assert tree.bundle_root(SMALL.entries[: 1 << level]) == ALL_ROOTS[1 << level]


@pytest.mark.parametrize("size", [0, 3, 255])
def test_no_bundle_root_of_other_sizes(size):
    with pytest.raises(ValueError, match="no complete subtree"):
        tree.bundle_root(SMALL.entries[:size])


def test_no_complete_root_of_pieces_of_hashes():
    with pytest.raises(ValueError, match="no complete subtree"):
        tree.complete_root(bytes(33))


def test_every_inclusion_up_to_64():
    for size in range(1, 65):
        for index in range(size):
            path = tree.inclusion_path(index, size, SMALL.node)
            tree.verify_inclusion(SMALL.leaves[index], index, size, path, ALL_ROOTS[size])


@pytest.mark.parametrize("size", range(1, 301))
def test_inclusion_in_every_size(size):
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & {*range(size)}:
        path = tree.inclusion_path(index, size, SMALL.node)
        tree.verify_inclusion(SMALL.leaves[index], index, size, path, ALL_ROOTS[size])


@given(st.data())
def test_inclusion_of_one_entry_is_not_that_of_another(data):
    size = data.draw(st.integers(2, 300))
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    path = tree.inclusion_path(index, size, SMALL.node)
    tree.verify_inclusion(SMALL.leaves[index], index, size, path, ALL_ROOTS[size])
    with pytest.raises(ProofError):
        tree.verify_inclusion(SMALL.leaves[index], other, size, path, ALL_ROOTS[size])
    with pytest.raises(ProofError):
        tree.verify_inclusion(SMALL.leaves[other], index, size, path, ALL_ROOTS[size])


def test_consistency_between_all_pairs_up_to_64():
    for size in range(65):
        for old in range(size + 1):
            path = tree.consistency_path(old, size, SMALL.node)
            tree.verify_consistency(old, ALL_ROOTS[old], size, ALL_ROOTS[size], path)
            if path:
                for wrong in (ALL_ROOTS[old], bytes(32)):
                    with pytest.raises(ProofError):
                        tree.verify_consistency(old, ALL_ROOTS[old], size, wrong, path)
                with pytest.raises(ProofError):
                    tree.verify_consistency(old, bytes(32), size, ALL_ROOTS[size], path)


@given(st.data())
def test_consistency(data):
    size = data.draw(st.integers(0, 300))
    old = data.draw(st.integers(0, size))
    path = tree.consistency_path(old, size, SMALL.node)
    tree.verify_consistency(old, ALL_ROOTS[old], size, ALL_ROOTS[size], path)


def tampered(path, data):
    """Return a path that is not the one given."""
    path = list(path)
    kinds = ["add"] + (["flip", "drop", "double", "short"] if path else [])
    kinds += ["swap"] if len(path) > 1 else []
    kind = data.draw(st.sampled_from(kinds))
    at = data.draw(st.integers(0, max(len(path) - 1, 0)))
    match kind:
        case "add":
            path.insert(at, data.draw(st.binary(min_size=32, max_size=32)))
        case "flip":
            bit = data.draw(st.integers(0, 255))
            path[at] = (int.from_bytes(path[at]) ^ 1 << bit).to_bytes(32)
        case "drop":
            del path[at]
        case "double":
            path.insert(at, path[at])
        case "short":
            path[at] = path[at][:-1]
        case "swap":
            other = (at + 1) % len(path)
            path[at], path[other] = path[other], path[at]
    return path


@given(st.data())
def test_a_tampered_inclusion_proof_shows_nothing(data):
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    path = tampered(tree.inclusion_path(index, size, SMALL.node), data)
    with pytest.raises(ProofError):
        tree.verify_inclusion(SMALL.leaves[index], index, size, path, ALL_ROOTS[size])


@given(st.data())
def test_a_tampered_consistency_proof_shows_nothing(data):
    size = data.draw(st.integers(0, 300))
    old = data.draw(st.integers(0, size))
    path = tampered(tree.consistency_path(old, size, SMALL.node), data)
    with pytest.raises(ProofError):
        tree.verify_consistency(old, ALL_ROOTS[old], size, ALL_ROOTS[size], path)


@given(st.data())
def test_a_proof_is_of_one_size_and_one_root(data):
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion_path(index, size, SMALL.node)
    for root in (ALL_ROOTS[size - 1], bytes(32)):
        with pytest.raises(ProofError):
            tree.verify_inclusion(SMALL.leaves[index], index, size, path, root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (9, 3)])
def test_no_such_entry(index, size):
    with pytest.raises(ProofError, match="has no entry") as caught:
        tree.inclusion_path(index, size, SMALL.node)
    assert caught.value.where == "index"
    with pytest.raises(ProofError, match="has no entry"):
        tree.root_from_path(bytes(32), index, size, [])


@pytest.mark.parametrize(("old", "size"), [(-1, 3), (4, 3), (1, 0)])
def test_no_such_older_tree(old, size):
    with pytest.raises(LogError, match="does not begin with"):
        tree.consistency_path(old, size, SMALL.node)
    with pytest.raises(LogError, match="does not begin with"):
        tree.verify_consistency(old, bytes(32), size, bytes(32), [])


def test_two_roots_of_one_size():
    with pytest.raises(ProofError, match="two roots"):
        tree.verify_consistency(5, ALL_ROOTS[5], 5, ALL_ROOTS[6], [])
    with pytest.raises(ProofError, match="two roots"):
        tree.verify_consistency(0, ALL_ROOTS[1], 5, ALL_ROOTS[5], [])


def test_endless_proofs_are_not_hashed():
    with pytest.raises(ProofError, match="up to 63 hashes"):
        tree.verify_inclusion(bytes(32), 0, 2**63 - 1, [bytes(32)] * 64, bytes(32))
