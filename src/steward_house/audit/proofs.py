"""Takes a proof of one entry out of a log, and checks one without the log."""

from dataclasses import dataclass

from ..protocol.log.checkpoint import SignedCheckpoint
from ..protocol.log.errors import LogError
from ..protocol.log.proof import LogProof
from ..protocol.log.tiles import CHECKPOINT, TileReader
from ..protocol.log.tree import inclusion_path
from .findings import Findings
from .heads import Keys, origin_of, read_head
from .sources import Files, Generation, Source, SourceError


class ProofFailedError(Exception):
    """The log doesn't prove the entry, or the proof doesn't; the text says why."""


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry, and the proof that it is in the log."""

    entry: bytes
    proof: LogProof


def make_proof(source: Source, keys: Keys, index: int, generation: int | None = None) -> Proven:
    """Return an entry of a generation (the last one if nothing is said) and the proof that it is in the log.

    Raises:
        SourceError: there is no such generation, or the log can't be read.
        ProofFailedError: the log has no such entry, or doesn't prove it.
    """
    number, files = choose(source, keys, generation)
    findings = Findings()
    head = read_head(files, keys, number, findings)
    note = files.read(CHECKPOINT)
    if head is None or note is None:
        raise ProofFailedError("its checkpoint is not one that this log's key signed")
    try:
        reader = TileReader(files.read, head.checkpoint.size)
        entry = reader.entry(index)
        proof = LogProof(index, tuple(inclusion_path(index, head.checkpoint.size, reader.node)), note)
        proof.verify(entry, keys.of(origin_of(note)))
    except LogError as error:
        raise ProofFailedError(str(error)) from error
    return Proven(entry, proof)


def check_proof(data: bytes, entry: bytes, keys: Keys) -> SignedCheckpoint:
    """Check that a proof (either form) shows the entry in the log, seen by the quorum of the witnesses; return the checkpoint.

    Raises:
        ProofFailedError: it doesn't.
    """
    try:
        proof = LogProof.parse(data)
        origin = origin_of(proof.note)
        if keys.generation_of(origin) is None:
            raise ProofFailedError(f"the checkpoint in it is not of the log {keys.log.name}")
        return proof.verify(entry, keys.of(origin), keys.witnesses, keys.quorum)
    except LogError as error:
        raise ProofFailedError(str(error)) from error


def choose(source: Source, keys: Keys, generation: int | None) -> tuple[int, Files]:
    """Return a generation's number and files; the last one if nothing is said.

    Raises:
        SourceError: there is no such generation.
    """
    numbered = {number_of(each, keys): each.files for each in source.generations}
    number = max(numbered) if generation is None else generation
    if number not in numbered:
        raise SourceError(f"{source.name} has no generation {number}")
    return number, numbered[number]


def number_of(generation: Generation, keys: Keys) -> int:
    """Return a generation's number, by its folder or else by its checkpoint; 1 where neither says it."""
    if generation.number is not None:
        return generation.number
    return keys.generation_of(origin_of(generation.files.read(CHECKPOINT))) or 1
