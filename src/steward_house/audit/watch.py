"""Watches a log from outside: keeps the last checkpoint, and alarms when what is shown now doesn't continue it.

Two checkpoints that the log's key signed and that contradict each other are evidence by themselves, so both are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
import json
import os
from pathlib import Path
from typing import Final

from ..protocol.books.entries import Generation as GenerationEntry, decode
from ..protocol.log.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from ..protocol.log.errors import LogError, NoteError
from ..protocol.log.tiles import CHECKPOINT, TileReader
from ..protocol.log.tree import consistency_path, inclusion_path, leaf_hash, verify_consistency, verify_inclusion
from .heads import Keys, origin_of
from .proofs import number_of
from .sources import Files, Source, SourceError

_VERSION: Final = 1
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why the log isn't what it was: a code, the generation, a sentence, and the notes that show it (b"" where there is none)."""

    code: str
    generation: int
    what: str
    kept: bytes
    shown: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a log gave: the size of each generation that is as it should be, and the alarms."""

    sizes: Mapping[int, int]
    alarms: tuple[Alarm, ...]


class State:
    """The last checkpoint of each generation that was right, in a file."""

    def __init__(self, path: Path, keys: Keys) -> None:
        """Read the file, if there is one.

        Raises:
            SourceError: it can't be read, or is of another log.
        """
        self._path = path
        self._origin = origin = keys.log.name
        self.notes: dict[int, bytes] = {}
        try:
            data = json.loads(path.read_bytes())
            if (data["version"], data["origin"]) != (_VERSION, origin):
                raise SourceError(f"{path} is of another log, {str(data['origin'])[:300]}: use one file for each")
            self.notes = {int(number): str(note).encode() for number, note in data["checkpoints"].items()}
            for number, note in self.notes.items():
                _open_kept(note, keys, number)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise SourceError(f"{path} can't be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SourceError(
                f"{path} is damaged; move it away to begin anew (it holds what the log was compared with)"
            ) from error

    def save(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            SourceError: it can't be written.
        """
        data = {
            "version": _VERSION,
            "origin": self._origin,
            "checkpoints": {str(number): note.decode() for number, note in sorted(self.notes.items())},
        }
        self._write(self._path, (json.dumps(data, indent=1) + "\n").encode())

    def keep_evidence(self, alarm: Alarm) -> Path:
        """Write both notes of an alarm beside the file; return the folder, which is the same for the same alarm.

        Raises:
            SourceError: it can't be written.
        """
        name = sha256(b"%d\n%b\n%b" % (alarm.generation, alarm.kept, alarm.shown)).hexdigest()[:16]
        folder = self._path.with_name(f"{self._path.name}.evidence") / name
        for file, data in {
            "what": f"{alarm.code}, generation {alarm.generation}: {alarm.what}\n".encode(),
            "kept": alarm.kept,
            "shown": alarm.shown,
        }.items():
            if data:
                self._write(folder / file, data)
        return folder

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        scratch = path.with_name(f".{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with scratch.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except OSError as error:
            raise SourceError(f"{path} can't be written: {error.strerror}") from error


class _AlarmError(Exception):
    """Carries an alarm to where alarms are collected."""

    def __init__(self, code: str, what: str, shown: bytes = b"") -> None:
        super().__init__(what)
        self.code = code
        self.shown = shown


def look(source: Source, keys: Keys, state: State) -> Look:
    """Compare every generation with what was kept; what is right is kept in the state, which the caller saves.

    Raises:
        SourceError: the log can't be read, which says nothing about it.
    """
    shown = {number_of(each, keys): each.files for each in source.generations}
    alarms: list[Alarm] = []
    sizes: dict[int, int] = {}
    for number in sorted({*shown, *state.notes}):
        kept = state.notes.get(number, b"")
        try:
            if number not in shown:
                raise _AlarmError("gone", "this generation was there, and isn't any more")  # noqa: TRY301
            head = _continued(shown[number], keys, number, kept)
            if not kept and state.notes and number - 1 not in state.notes and number > min(state.notes):
                raise _AlarmError("gone", "the generation before it is not shown", head.note.encode())  # noqa: TRY301
            if not kept and number > 1:
                _check_beginning(shown[number], head, keys, number, state.notes)
        except _AlarmError as alarm:
            # What a new generation fails to continue is the one before it.
            before = kept or state.notes.get(number - 1, b"")
            alarms.append(Alarm(alarm.code, number, str(alarm), before, alarm.shown))
        else:
            sizes[number] = head.checkpoint.size
            state.notes[number] = head.note.encode()
    return Look(sizes, tuple(alarms))


def _continued(files: Files, keys: Keys, number: int, kept: bytes) -> SignedCheckpoint:
    """Return the head that is shown now, if it continues the one that was kept."""
    before = None
    while True:
        note = files.read(CHECKPOINT)
        if note is None:
            raise _AlarmError(
                "gone", "its checkpoint was there, and isn't any more" if kept else "it has no checkpoint"
            )
        head = _open(note, keys, number)
        if not kept:
            return head
        old = _open_kept(kept, keys, number)
        if old.origin != head.checkpoint.origin:
            what = f"there is another generation of this number: {head.checkpoint.origin} instead of {old.origin}"
            raise _AlarmError("fork", what, note)
        try:
            _check_continues(files, old, head.checkpoint, note)
        except LogError as error:
            # Partial tiles go when a log grows: look whether it has.
            if note == before:
                raise _AlarmError("unproven", f"it doesn't prove that it continues: {error}", note) from error
            before = note
        else:
            return head


def _open_kept(note: bytes, keys: Keys, number: int) -> Checkpoint:
    """Read a checkpoint that was kept.

    Raises:
        NoteError: it isn't one of this generation any more: the file was changed.
    """
    origin = origin_of(note)
    if keys.generation_of(origin) != number:
        raise NoteError("origin of the checkpoint", f"it is not that of generation {number}")
    return open_checkpoint(note, keys.of(origin)).checkpoint


def _open(note: bytes, keys: Keys, number: int) -> SignedCheckpoint:
    origin = origin_of(note)
    if keys.generation_of(origin) != number:
        raise _AlarmError("unsigned", f"its checkpoint is of another log, {origin!r}", note)
    try:
        head = open_checkpoint(note, keys.of(origin), keys.witnesses)
    except NoteError as error:
        raise _AlarmError("unsigned", f"its checkpoint is not right: {error}", note) from error
    if len(head.cosignatures) < keys.quorum:
        what = f"{len(head.cosignatures)} of the witnesses signed its checkpoint, {keys.quorum} have to"
        raise _AlarmError("unwitnessed", what, note)
    return head


def _check_continues(files: Files, old: Checkpoint, new: Checkpoint, note: bytes) -> None:
    if new.size < old.size:
        raise _AlarmError("rollback", f"it has {new.size} entries, and had {old.size}", note)
    if new.size == old.size:
        if new.root != old.root:
            raise _AlarmError("fork", f"it shows another tree of {new.size} entries than before", note)
        return
    reader = TileReader(files.read, new.size)
    # The tiles are only believed as far as they lead to both roots.
    path = consistency_path(old.size, new.size, reader.node)
    if reader.root() != new.root:
        raise _AlarmError("unproven", "its tiles don't lead to its checkpoint", note)
    try:
        verify_consistency(old.size, old.root, new.size, new.root, path)
    except LogError as error:
        what = f"its {new.size} entries don't begin with the {old.size} that were there before"
        raise _AlarmError("fork", what, note) from error


def _check_beginning(files: Files, head: SignedCheckpoint, keys: Keys, number: int, notes: Mapping[int, bytes]) -> None:
    """Check that a generation which is seen for the first time names the head of the one before it, as it was kept."""
    note = head.note.encode()
    if not head.checkpoint.size:
        raise _AlarmError("unproven", "it has no entry that says why it began", note)
    try:
        reader = TileReader(files.read, head.checkpoint.size)
        data = reader.entry(0)
        path = inclusion_path(0, head.checkpoint.size, reader.node)
        verify_inclusion(leaf_hash(data), 0, head.checkpoint.size, path, head.checkpoint.root)
        entry = decode(data)
    except (LogError, ValueError) as error:
        raise _AlarmError("unproven", f"it doesn't prove how it began: {error}", note) from error
    if not isinstance(entry, GenerationEntry):
        raise _AlarmError("unproven", "its first entry doesn't say why it began", note)
    if number - 1 not in notes:
        return
    before = _open_kept(notes[number - 1], keys, number - 1)
    if entry.previous != before.origin:
        what = f"it continues {entry.previous}, and the generation before was {before.origin}"
        raise _AlarmError("fork", what, note)
    if entry.size < before.size:
        what = (
            f"it continues {entry.size} entries of the generation before, which had {before.size}: the others are lost"
        )
        raise _AlarmError("rollback", what, note)
    if entry.size == before.size and entry.root != before.root.hex():
        raise _AlarmError("fork", f"it continues other {entry.size} entries than the generation before had", note)
