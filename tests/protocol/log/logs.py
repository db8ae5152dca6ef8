"""Small logs for tests, whole in memory."""

from hashlib import sha256

from steward_house.protocol.log import checkpoint, note, tiles, tree

ORIGIN = "books.example/teller-1"
SIGNER = note.Signer(ORIGIN, bytes(range(32)))
LOG = SIGNER.verifier


def entry(index: int) -> bytes:
    """Return an entry that no other one equals; the first is empty."""
    return b"%d," % index * (index % 7 + 1) if index else b""


class MemoryLog:
    """A log that is never changed: its entries and every file that it has."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries
        self.size = len(entries)
        self.leaves = [tree.leaf_hash(item) for item in entries]
        self.levels = [self.leaves]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([tree.node_hash(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)])

    def node(self, level: int, index: int) -> bytes:
        return self.levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root of a size."""
        return tree.Frontier.of(self.size if size is None else size, self.node).root()

    def defined_root(self, start: int, stop: int) -> bytes:
        """Return the root of [start, stop) as RFC 6962 defines it, by recursion."""
        match stop - start:
            case 0:
                return sha256().digest()
            case 1:
                return self.leaves[start]
        half = 1
        while half * 2 < stop - start:
            half *= 2
        return tree.node_hash(self.defined_root(start, start + half), self.defined_root(start + half, stop))

    def files(self, size: int | None = None) -> dict[str, bytes]:
        """Return the tiles and bundles of the log as it was at a size."""
        size = self.size if size is None else size
        files = {}
        for path in tiles.needed_tiles(size):
            first = path.index * 256
            nodes = self.levels[path.level * 8][first : first + path.width]
            files[str(path)] = b"".join(nodes)
        for path in tiles.needed_bundles(size):
            first = path.index * 256
            files[str(path)] = tiles.encode_bundle(self.entries[first : first + path.width])
        return files

    def note(self, size: int | None = None, signer: note.Signer = SIGNER) -> bytes:
        """Return the signed checkpoint of a size."""
        size = self.size if size is None else size
        return note.sign_note(checkpoint.Checkpoint(signer.name, size, self.root(size)).encode(), signer)


def log_of(size: int) -> MemoryLog:
    """Return a log of a size."""
    return MemoryLog([entry(index) for index in range(size)])
