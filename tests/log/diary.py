"""Uses a log as a teller does, remembers what it was told, and checks whatever is found afterwards against that."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from custom_components.steward.log.fs import Fs
from custom_components.steward.log.storage import LogStorage
from custom_components.steward.protocol.log.checkpoint import Checkpoint, open_checkpoint
from custom_components.steward.protocol.log.note import Signer
from custom_components.steward.protocol.log.tiles import TileReader
from custom_components.steward.protocol.log.tree import EMPTY_ROOT, Frontier, leaf_hash, root_of

ORIGIN = "example.com/teller/0123456789abcdef"
KEY = bytes(range(32))
FOLDER = Path("/config/steward/log")
MARK = Path("/config/.storage/head")
VERIFIER = Signer(ORIGIN, KEY).verifier


@dataclass
class Diary:
    """What one user of a log was told."""

    acknowledged: list[bytes] = field(default_factory=list)
    offered: list[list[bytes]] = field(default_factory=list)
    """What was refused, or not answered, since something was acknowledged; a cut may leave the beginning of one of these."""
    signed: list[Checkpoint] = field(default_factory=list)
    serial: Iterator[int] = field(default_factory=count)

    def append(self, log: LogStorage, number: int) -> None:
        """Append entries that were never offered before."""
        entries = [b"entry %d" % next(self.serial) for _ in range(number)]
        self.offered.append(entries)
        assert log.append(entries) == len(self.acknowledged)
        self.acknowledged += entries
        self.offered = []

    def sign(self, log: LogStorage) -> None:
        self.signed.append(open_checkpoint(log.sign(), VERIFIER).checkpoint)
        assert self.signed[-1].size == len(self.acknowledged)

    def check_running(self, log: LogStorage) -> None:
        """Check that a log that is open has what was acknowledged and nothing else."""
        assert list(log.entries()) == self.acknowledged
        assert log.root() == root_of(map(leaf_hash, self.acknowledged))

    def check(self, log: LogStorage) -> None:
        """Check a log that was opened again, and take what it has for acknowledged, as its user would."""
        found = list(log.entries())
        assert found[: len(self.acknowledged)] == self.acknowledged, "something acknowledged was lost"
        more = found[len(self.acknowledged) :]
        assert not more or any(more == batch[: len(more)] for batch in self.offered), "something strange is there"
        self.acknowledged, self.offered = found, []
        last = log.signed
        told = {checkpoint.size for checkpoint in (*self.signed, *((last,) if last else ()))} | {len(found)}
        frontier, roots = Frontier(), {0: EMPTY_ROOT}
        for entry in found:
            frontier.append(leaf_hash(entry))
            if frontier.size in told:
                roots[frontier.size] = frontier.root()
        assert log.root() == roots[log.size]
        for checkpoint in self.signed:
            assert checkpoint.root == roots[checkpoint.size], "the log contradicts what was signed"
        if self.signed:
            assert last is not None
            assert last.size >= self.signed[-1].size, "what was signed last is not there"
        if last is not None:
            assert last.root == roots[last.size]

    def check_files(self, log: LogStorage, fs: Fs) -> None:
        """Check that the static files lead to the checkpoint, for somebody who has nothing else."""
        note = fs.read(log.folder / "checkpoint")
        if note is None:
            return
        checkpoint = open_checkpoint(note, VERIFIER).checkpoint
        reader = TileReader(lambda name: fs.read(log.folder / name), checkpoint.size)
        assert reader.root() == checkpoint.root
        assert list(reader.entries()) == self.acknowledged[: checkpoint.size]


def opened(fs: Fs, *, quick: bool = False, seed: int = 0) -> LogStorage:
    """Open the log of a diary."""
    return LogStorage.open(FOLDER, ORIGIN, KEY, mark=MARK, quick=quick, fs=fs, random=Random(seed).randbytes)
