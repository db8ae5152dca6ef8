"""Checks the generations of a log one after the other, each against its checkpoint and against what the next one says of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..protocol.books.entries import Generation as GenerationEntry, decode
from ..protocol.fields import ContractError
from ..protocol.log.checkpoint import SignedCheckpoint, open_checkpoint
from ..protocol.log.errors import LogError, NoteError
from ..protocol.log.tiles import CHECKPOINT, WIDTH, TileReader, needed_bundles
from ..protocol.log.tree import Frontier
from .findings import Findings
from .hashing import hash_bundles
from .heads import Keys, origin_of, read_head, unsigned_size
from .proofs import number_of
from .sources import Files, Source
from .tree import TreeCheck, other_files

MAX_ENTRIES: Final = 1 << 32
"""A log that says it has more isn't read: nobody has filled one yet, and a checkpoint costs nothing."""
MAX_LOST: Final = 256
"""After so many bundles in a row that can't be read the others aren't looked for."""


@dataclass(frozen=True, slots=True)
class Known:
    """A generation as it is checked: its files, its signed head, and the tree that its entries have to make."""

    number: int
    origin: str
    files: Files
    head: SignedCheckpoint | None
    size: int
    root: bytes | None
    """None where nothing that is signed says it."""
    kept: int | None = None
    """How many of its entries the next generation continues: no others count."""

    @property
    def signed(self) -> int:
        """How many entries its checkpoint covers."""
        return self.head.checkpoint.size if self.head else 0


type Take = Callable[[int, int, Sequence[bytes] | None, int], None]
"""Takes entries of a generation: its number, the first one's index, the entries (None if they can't be read), and how many."""


def read_generations(source: Source, keys: Keys, findings: Findings) -> list[Known]:
    """Read the heads of all generations; the first one comes first."""
    known: list[Known] = []
    for each in source.generations:
        number = number_of(each, keys)
        findings.generation = number
        head = read_head(each.files, keys, number, findings)
        note = each.files.read(CHECKPOINT)
        size = head.checkpoint.size if head else unsigned_size(note) or 0
        if size > MAX_ENTRIES:
            findings.problem("size_too_large", path=CHECKPOINT, size=size)
            head, size = None, 0
        known.append(Known(number, origin_of(note), each.files, head, size, head.checkpoint.root if head else None))
    known.sort(key=lambda each: each.number)
    findings.generation = None
    for number in _absent([each.number for each in known], alone=source.generations[0].number is None):
        findings.problem("generation_missing", number=number)
    if known and known[0].number > 1 and source.generations[0].number is None:
        findings.problem("generations_before", number=known[0].number)
    return known


def check_generations(known: list[Known], keys: Keys, findings: Findings, take: Take) -> list[Known]:
    """Check every generation and hand out its entries; return them with the size and root that were checked."""
    checked = []
    for place, each in enumerate(known):
        findings.generation = each.number
        target = each
        if place + 1 < len(known) and known[place + 1].number == each.number + 1:
            target = _continued(each, known[place + 1], keys, findings)
        if each.files.read(CHECKPOINT) is None:
            if target.root is None:
                findings.problem("checkpoint_missing", path=CHECKPOINT)
            else:
                findings.note("generation_unsigned", path=CHECKPOINT)
        checked.append(_check(target, findings, take))
    findings.generation = None
    return checked


def _absent(numbers: Sequence[int], *, alone: bool) -> Iterator[int]:
    """Give the numbers that are missing up to the last one."""
    if not alone:
        yield from sorted({*range(1, numbers[-1])} - {*numbers})[:100]


def _check(target: Known, findings: Findings, take: Take) -> Known:
    """Check one generation, and hand out its entries."""
    check = TreeCheck(target.files, target.size)
    hashed = hash_bundles(target.files, target.size)
    lost = 0
    for path in needed_bundles(target.size):
        entries = check.take(path) if hashed is None else check.take_hashed(path, *next(hashed))
        lost = 0 if entries is not None else lost + 1
        if lost > MAX_LOST:
            findings.problem("log_cut", entry=(path.index - lost + 1) * WIDTH, size=target.size)
            return replace(target, size=0, root=None)
        first = path.index * WIDTH
        count = path.width if target.kept is None else max(min(path.width, target.kept - first), 0)
        take(target.number, first, entries and entries[:count], count)
    root = check.finish(target.root, findings)
    other_files(target.files, target.size, findings)
    if target.head is not None and target.signed < target.size:
        _check_inside(target, target.head, findings)
    return replace(target, root=root)


def _check_inside(target: Known, head: SignedCheckpoint, findings: Findings) -> None:
    """Check that the tree that the next generation names begins with the one that was signed."""
    try:
        reader = TileReader(target.files.read, target.size)
        root = Frontier.of(head.checkpoint.size, reader.node).root()
    except LogError:
        return  # the missing tile is reported already
    if root != head.checkpoint.root:
        findings.problem("checkpoint_not_inside", path=CHECKPOINT, size=head.checkpoint.size)


def _continued(each: Known, following: Known, keys: Keys, findings: Findings) -> Known:
    """Compare a generation's head with what the first entry of the next one says of it; return what is to be checked."""
    entry = _first_entry(following)
    findings.generation = following.number
    if entry is None:
        findings.problem("generation_silent", entry=0)
        findings.generation = each.number
        return each
    findings.note("generation_begun", entry=0, cause=entry.cause, size=entry.size)
    if not each.origin and keys.generation_of(entry.previous) == each.number:
        each = replace(each, origin=entry.previous)
    elif entry.previous != each.origin:
        findings.problem("generation_other", entry=0, named=entry.previous, origin=each.origin)
    signed = _signed_by(entry, each, keys, findings)
    findings.generation = each.number
    if entry.size < max(signed, each.signed):
        findings.problem("entries_dropped", entry=entry.size, size=max(signed, each.signed), kept=entry.size)
    root = bytes.fromhex(entry.root)
    if entry.size == each.signed and each.root is not None and root != each.root:
        findings.problem("generation_root", path=CHECKPOINT, size=entry.size)
        return each
    if entry.size < each.signed or entry.size > MAX_ENTRIES:
        return replace(each, kept=entry.size)
    return replace(each, size=entry.size, root=root)


def _signed_by(entry: GenerationEntry, each: Known, keys: Keys, findings: Findings) -> int:
    """Return the size of the checkpoint that a new generation brings along from the old one, 0 without one."""
    if entry.checkpoint is None:
        return 0
    try:
        return open_checkpoint(entry.checkpoint.encode(), keys.of(each.origin)).checkpoint.size
    except NoteError as error:
        findings.problem("generation_checkpoint", entry=0, what=str(error))
        return 0


def _first_entry(of: Known) -> GenerationEntry | None:
    """Return the entry that a generation begins with; whether it is in the tree is checked with that generation."""
    try:
        data = TileReader(of.files.read, min(of.size, 1 << 62)).entry(0)
        entry = decode(data)
    except (LogError, ContractError):
        return None
    return entry if isinstance(entry, GenerationEntry) else None
