"""The Merkle tree of RFC 6962, section 2: hashes, roots, inclusion and consistency proofs.

A node is named by its level (0 = leaves) and its index in that level; only nodes of complete subtrees have names.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, Self

from .errors import ProofError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()
"""The root of a tree without entries."""
MAX_PATH: Final = 63
"""More hashes no proof has: sizes have at most 63 bits."""
MAX_SIZE: Final = 2**63 - 1

type Node = Callable[[int, int], bytes]
"""Gives the hash of a complete subtree by its level and its index in that level."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node from its children's."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(entries: Iterable[bytes]) -> bytes:
    """Return the hashes of entries, one behind the other, as a tile of level 0 has them."""
    return b"".join([sha256(b"\x00" + entry).digest() for entry in entries])


def parents(hashes: bytes) -> bytes:
    """Return the hashes one level higher than these, 32 bytes each; one without a sibling has no parent yet."""
    return b"".join(
        [sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes) - 63, 64)]
    )  # as one expression because an audit spends most of its time here


def complete_root(hashes: bytes) -> bytes:
    """Return the root above a power of two of hashes that lie one behind the other.

    Raises:
        ValueError: their number is no power of two.
    """
    if len(hashes) % HASH_BYTES or (len(hashes) // HASH_BYTES).bit_count() != 1:
        message = f"{len(hashes)} bytes are no complete subtree"
        raise ValueError(message)
    while len(hashes) > HASH_BYTES:
        hashes = parents(hashes)
    return hashes


def bundle_root(entries: Sequence[bytes]) -> bytes:
    """Return the root of a full bundle of entries, or of any other power of two.

    Raises:
        ValueError: their number is no power of two.
    """
    return complete_root(leaf_hashes(entries))


def root_of(hashes: Iterable[bytes]) -> bytes:
    """Return the root of a tree from all its leaf hashes."""
    frontier = Frontier()
    for item in hashes:
        frontier.append(item)
    return frontier.root()


class Frontier:
    """The complete subtrees that a tree of some size consists of: all that appending needs.

    `subtrees` are their roots from the left, which is from the largest; one for each bit that is set in the size.
    """

    __slots__ = ("_subtrees", "size")

    def __init__(self, size: int = 0, subtrees: Iterable[bytes] = ()) -> None:
        """Begin with an empty tree, or go on with one.

        Raises:
            ValueError: the subtrees are not those of that size.
        """
        self.size = size
        self._subtrees = list(subtrees)
        if size < 0 or len(self._subtrees) != size.bit_count() or {*map(len, self._subtrees)} - {HASH_BYTES}:
            message = f"{len(self._subtrees)} hashes are not the subtrees of {size} entries"
            raise ValueError(message)

    @classmethod
    def of(cls, size: int, node: Node) -> Self:
        """Return the frontier of a tree whose nodes are known."""
        return cls(size, [node(level, index) for level, index in subtrees_of(0, size)])

    @property
    def subtrees(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees, the largest first."""
        return tuple(self._subtrees)

    def append(self, leaf: bytes) -> None:
        """Append an entry by its hash."""
        size, subtrees = self.size, self._subtrees
        while size & 1:
            leaf = sha256(b"\x01" + subtrees.pop() + leaf).digest()
            size >>= 1
        subtrees.append(leaf)
        self.size += 1

    def append_subtree(self, level: int, root: bytes) -> None:
        """Append the 2**level entries of a complete subtree by its root.

        Raises:
            ValueError: the tree's size is no multiple of that.
        """
        size = self.size >> level
        if size << level != self.size:
            message = f"a subtree of level {level} can't follow {self.size} entries"
            raise ValueError(message)
        while size & 1:
            root = sha256(b"\x01" + self._subtrees.pop() + root).digest()
            size >>= 1
        self._subtrees.append(root)
        self.size += 1 << level

    def root(self) -> bytes:
        """Return the tree's root."""
        return _fold(self._subtrees)

    def copy(self) -> Self:
        """Return a frontier that grows apart from this one."""
        return type(self)(self.size, self._subtrees)


def subtrees_of(start: int, stop: int) -> list[tuple[int, int]]:
    """Return level and index of the complete subtrees that the entries [start, stop) consist of, the largest first.

    `start` is a multiple of the least power of two that is not below `stop - start`, as in each split of RFC 6962.
    """
    parts = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        parts.append((level, start >> level))
        start += 1 << level
    return parts


def inclusion_path(index: int, size: int, node: Node) -> list[bytes]:
    """Return the audit path of an entry in the tree of a size, from the leaf's sibling up (RFC 6962, 2.1.1).

    Raises:
        ProofError: that tree has no such entry.
    """
    if not 0 <= index < size:
        raise ProofError("index", f"a tree of {size} entries has no entry {index}")
    path = []
    start, stop = 0, size
    while stop - start > 1:
        split = _split(start, stop)
        if index < split:
            path.append(_subroot(split, stop, node))
            stop = split
        else:
            path.append(_subroot(start, split, node))
            start = split
    path.reverse()
    return path


def consistency_path(old: int, size: int, node: Node) -> list[bytes]:
    """Return the proof that the tree of `size` begins with the tree of `old` entries (RFC 6962, 2.1.2); nothing to prove for 0.

    Raises:
        ProofError: the old tree is larger.
    """
    if not 0 <= old <= size:
        raise ProofError("size", f"a tree of {size} entries does not begin with one of {old}")
    path: list[bytes] = []
    if old == 0:
        return path
    start, stop = 0, size
    while old < stop:
        split = _split(start, stop)
        if old <= split:
            path.append(_subroot(split, stop, node))
            stop = split
        else:
            path.append(_subroot(start, split, node))
            start = split
    if start:
        path.append(_subroot(start, stop, node))
    path.reverse()
    return path


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root to which an audit path leads from a leaf's hash.

    Raises:
        ProofError: the path has not the length or the form that it has to have.
    """
    if not 0 <= index < size:
        raise ProofError("index", f"a tree of {size} entries has no entry {index}")
    _check_hashes(path)
    # Below `inner` the sides are those of the index's bits; above, the entry lies at the right edge and siblings are to the left.
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count():
        raise ProofError("path", f"{len(path)} hashes are not the path of entry {index} of {size}")
    for level, sibling in enumerate(path):
        left = level >= inner or index >> level & 1
        leaf = node_hash(sibling, leaf) if left else node_hash(leaf, sibling)
    return leaf


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that an entry (by its hash) is in the tree of that size and root.

    Raises:
        ProofError: the path does not show it.
    """
    if root_from_path(leaf, index, size, path) != root:
        raise ProofError("path", f"entry {index} does not lead to the root of {size} entries")


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of that size and root begins with the old one.

    Raises:
        ProofError: the path does not show it.
    """
    if not 0 <= old <= size:
        raise ProofError("size", f"a tree of {size} entries does not begin with one of {old}")
    _check_hashes(path)
    if old in {0, size}:
        if path:
            raise ProofError("path", f"from {old} to {size} entries there is nothing to prove")
        if old_root != (root if old else EMPTY_ROOT):
            raise ProofError("root", f"two roots of {old} entries")
        return
    # The old tree's last complete subtree is where the path starts; it is left out where it is the whole old tree.
    level = (old & -old).bit_length() - 1
    rest = list(path)
    if old == 1 << level:
        rest.insert(0, old_root)
    index = (old - 1) >> level
    inner = (index ^ ((size - 1) >> level)).bit_length()
    if len(rest) != 1 + inner + (index >> inner).bit_count():
        raise ProofError("path", f"{len(path)} hashes are not the path from {old} to {size} entries")
    before = after = rest[0]
    for height, sibling in enumerate(rest[1:]):
        if height >= inner or index >> height & 1:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
        else:
            after = node_hash(after, sibling)
    if before != old_root:
        raise ProofError("path", f"it does not lead to the root of {old} entries")
    if after != root:
        raise ProofError("path", f"it does not lead to the root of {size} entries")


def _split(start: int, stop: int) -> int:
    """Return where RFC 6962 splits [start, stop): at the largest power of two that is less than their number."""
    return start + (1 << (stop - start - 1).bit_length() - 1)


def _subroot(start: int, stop: int, node: Node) -> bytes:
    return _fold([node(level, index) for level, index in subtrees_of(start, stop)])


def _fold(subtrees: Sequence[bytes]) -> bytes:
    """Return the root above complete subtrees of falling size."""
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees[-1]
    for left in subtrees[-2::-1]:
        root = sha256(b"\x01" + left + root).digest()
    return root


def _check_hashes(path: Sequence[bytes]) -> None:
    if len(path) > MAX_PATH or any(len(item) != HASH_BYTES for item in path):
        raise ProofError("path", f"it is not up to {MAX_PATH} hashes of {HASH_BYTES} bytes")
