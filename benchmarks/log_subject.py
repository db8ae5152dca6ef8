"""One subject of the logs' benchmark in this process; prints what it measured as JSON.

python log_subject.py SUBJECT FIGURES FOLDER

Runs by itself, without the package around it: the peers' environment has nothing of Steward's. The folder is empty, on a real disk.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
import gc
import json
import os
from pathlib import Path
import random
from statistics import median
import sys
import time
from types import ModuleType
from typing import Any, Final, override

BATCH: Final = 100
BATCHES: Final = 200
SINGLES: Final = 1_000
LARGE: Final = 1_000_000
LARGE_BATCH: Final = 1_000
PROOFS: Final = 500
YEAR: Final = 525_600
"""One-minute readings."""
BUNDLE: Final = 256
MIB: Final = 1024 * 1024
ORIGIN: Final = "bench.example/books"
REPOSITORY: Final = Path(__file__).parents[1]


def reading(number: int) -> bytes:
    """Return an entry such as a teller's readings, 168 bytes."""
    return (
        b'{"at":"2026-01-01T%02d:%02d:00.000Z","energy":%07d,"kind":"reading","raw":"%010.3f","reason":"ok",'
        b'"register":null,"sequence":%09d,"source":"sensor.solar_energy","unit":"kWh"}'
    ) % (number // 60 % 24, number % 60, number % 99999, number / 60, number)


def readings(start: int, count: int) -> list[bytes]:
    """Return entries that follow each other."""
    return [reading(number) for number in range(start, start + count)]


class Log(ABC):
    """A log of one implementation, on disk."""

    @abstractmethod
    def append(self, entries: Sequence[bytes]) -> None:
        """Append entries, and return when a power cut does not lose them."""

    @abstractmethod
    def ready(self) -> None:
        """Do what has to be done before proofs are asked for."""

    @abstractmethod
    def prove(self, index: int) -> Callable[[], object]:
        """Return the proof that an entry is in the log, as what raises if it is not right."""

    @abstractmethod
    def verify_year(self, folder: Path) -> Callable[[], object]:
        """Return what reads a year of readings as this implementation keeps them, and computes the root again."""


class Steward(Log):
    """This project's."""

    def __init__(self, folder: Path) -> None:
        # Without the integration itself, which would bring Home Assistant along.
        package = ModuleType("custom_components.steward")
        package.__path__ = [str(REPOSITORY / "custom_components/steward")]
        sys.modules[package.__name__] = package
        sys.path.append(str(REPOSITORY))
        from custom_components.steward.log.storage import LogStorage  # noqa: PLC0415
        from custom_components.steward.protocol.log import checkpoint, note, tiles, tree  # noqa: PLC0415

        self.checkpoint, self.note, self.tiles, self.tree = checkpoint, note, tiles, tree
        self.storage = LogStorage.open(folder, ORIGIN, bytes(32))

    @override
    def append(self, entries: Sequence[bytes]) -> None:
        self.storage.append(entries)

    @override
    def ready(self) -> None:
        self.storage.sign()

    @override
    def prove(self, index: int) -> Callable[[], object]:
        proof = self.storage.proof(index)
        return lambda: proof.verify(reading(index), self.storage.verifier)

    @override
    def verify_year(self, folder: Path) -> Callable[[], object]:
        tiles, tree = self.tiles, self.tree
        signer = self.note.Signer(ORIGIN, bytes(32))
        frontier = tree.Frontier()
        for path in tiles.needed_bundles(YEAR):
            entries = readings(path.index * BUNDLE, path.width)
            folder.joinpath(f"{path.index}").write_bytes(tiles.encode_bundle(entries))
            for entry in entries:
                frontier.append(tree.leaf_hash(entry))
        head = self.checkpoint.Checkpoint(ORIGIN, YEAR, frontier.root())
        signed = self.note.sign_note(head.encode(), signer)

        def verify() -> None:
            found = tree.Frontier()
            for path in tiles.needed_bundles(YEAR):
                entries = tiles.decode_bundle(folder.joinpath(f"{path.index}").read_bytes())
                if path.width == BUNDLE:
                    found.append_subtree(tiles.HEIGHT, tree.bundle_root(entries))
                else:
                    for entry in entries:
                        found.append(tree.leaf_hash(entry))
            opened = self.checkpoint.open_checkpoint(signed, signer.verifier).checkpoint
            must((opened.size, opened.root) == (found.size, found.root()))

        return verify


class AicsTlog(Log):
    """PyPI's aics-tlog: files of the same formats."""

    def __init__(self, folder: Path) -> None:
        import aics_tlog  # type: ignore[import-not-found]  # noqa: PLC0415

        self.library: Any = aics_tlog
        self.store = aics_tlog.DirectoryTileStore(folder)
        self.log = aics_tlog.IncrementalTileWriter(self.store)

    @override
    def append(self, entries: Sequence[bytes]) -> None:
        self.log.append(entries)

    @override
    def ready(self) -> None:
        self.root = self.log.root()

    @override
    def prove(self, index: int) -> Callable[[], object]:
        size = self.log.size
        proof = self.library.inclusion_proof_from_tiles(self.store, index, size)
        leaf = self.library.leaf_hash(reading(index))
        return lambda: must(self.library.verify_inclusion(leaf, index, size, proof, self.root))

    @override
    def verify_year(self, folder: Path) -> Callable[[], object]:
        store = self.library.DirectoryTileStore(folder, fsync=False)
        log = self.library.IncrementalTileWriter(store)
        log.append(readings(0, YEAR))
        root = log.root()
        return lambda: self.library.audit_tiles(store, YEAR, root)  # raises an error at the first that is wrong


class Pymerkle(Log):
    """PyPI's pymerkle: a tree in SQLite, which commits durably."""

    def __init__(self, folder: Path) -> None:
        import pymerkle  # type: ignore[import-not-found]  # noqa: PLC0415

        self.library: Any = pymerkle
        self.tree = pymerkle.SqliteTree(str(folder / "tree.sqlite"))

    @override
    def append(self, entries: Sequence[bytes]) -> None:
        self.tree.append_entries(entries)

    @override
    def ready(self) -> None:
        self.root = self.tree.get_root()

    @override
    def prove(self, index: int) -> Callable[[], object]:
        proof = self.tree.prove_inclusion(index + 1)  # counted from one
        leaf = self.tree.get_leaf(index + 1)
        return lambda: self.library.verify_inclusion(leaf, self.root, proof)

    @override
    def verify_year(self, folder: Path) -> Callable[[], object]:
        tree = self.library.SqliteTree(str(folder / "year.sqlite"))
        tree.append_entries(readings(0, YEAR))
        root = tree.get_root()

        def verify() -> None:
            # It keeps hashes beside the entries and does not check them: hash the entries again.
            again = self.library.InmemoryTree()
            again.append_entries([entry for (entry,) in rows(tree)])
            must(again.get_root() == root)

        return verify


class PlainFile(Log):
    """No log: a file that gets the entries and an fsync, which is what the disk allows."""

    def __init__(self, folder: Path) -> None:
        self.file = os.open(folder / "entries", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    @override
    def append(self, entries: Sequence[bytes]) -> None:
        os.write(self.file, b"".join(entries))
        os.fsync(self.file)

    @override
    def ready(self) -> None:
        raise NotImplementedError

    @override
    def prove(self, index: int) -> Callable[[], object]:
        raise NotImplementedError

    @override
    def verify_year(self, folder: Path) -> Callable[[], object]:
        raise NotImplementedError


SUBJECTS: Final[dict[str, Callable[[Path], Log]]] = {
    "steward": Steward,
    "aics-tlog": AicsTlog,
    "pymerkle": Pymerkle,
    "plain file": PlainFile,
}


def must(right: object) -> None:
    """Raise an error if something is not right.

    Raises:
        RuntimeError: it is not.
    """
    if not right:
        message = "what was measured does not hold"
        raise RuntimeError(message)


def rows(tree: Any) -> Iterator[tuple[bytes]]:
    """Give the entries that pymerkle keeps."""
    cursor = tree.con.cursor()
    cursor.row_factory = None
    return iter(cursor.execute("SELECT entry FROM leaf ORDER BY id"))


def timed(run: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def resident(field: str) -> int:
    """Return resident memory in bytes: VmRSS, or at its highest, VmHWM."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[field].split()[0]) * 1024


def measure_appending(log: Log) -> dict[str, float]:
    """Return entries per second, durably, in batches and one by one."""
    start = 0
    batches = [readings(start + number * BATCH, BATCH) for number in range(BATCHES)]
    seconds = timed(lambda: [log.append(batch) for batch in batches])
    start = BATCH * BATCHES
    singles = [[entry] for entry in readings(start, SINGLES)]
    single = timed(lambda: [log.append(entry) for entry in singles])
    return {"batched": BATCH * BATCHES / seconds, "single": SINGLES / single}


def measure_large(log: Log) -> dict[str, float]:
    """Return MiB of memory while a million entries are appended, and milliseconds per proof then.

    `added_mib` is what the process has at its peak beyond what it had after the first thousand, `peak_mib` all that it has.
    """
    log.append(readings(0, LARGE_BATCH))
    gc.collect()
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest
    for start in range(LARGE_BATCH, LARGE, LARGE_BATCH):
        log.append(readings(start, LARGE_BATCH))
    peak = resident("VmHWM")
    log.ready()
    chance = random.Random(1)  # noqa: S311
    proofs = []
    took = []
    for _ in range(PROOFS):
        index = chance.randrange(LARGE)
        start_time = time.perf_counter()
        proofs.append(log.prove(index))
        took.append(time.perf_counter() - start_time)
    for proof in proofs:
        proof()
    return {"added_mib": (peak - before) / MIB, "peak_mib": peak / MIB, "proof_ms": median(took) * 1000}


def measure_year(log: Log, folder: Path) -> dict[str, float]:
    """Return the seconds in which a year of readings is verified."""
    return {"year_seconds": timed(log.verify_year(folder))}


def main(subject: str, figures: str, folder: str) -> None:
    """Measure one subject."""
    home, more = Path(folder) / "log", Path(folder) / "year"
    home.mkdir()
    more.mkdir()
    log = SUBJECTS[subject](home)
    match figures:
        case "appending":
            measured = measure_appending(log)
        case "large":
            measured = measure_large(log)
        case _:
            measured = measure_year(log, more)
    print(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
