"""Checks who witnessed a log's generations and when, and what that says about the teller's clock."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ..protocol.books.account import is_untimed
from ..protocol.books.entries import Generation as GenerationEntry, decode
from ..protocol.books.terms import Terms
from ..protocol.fields import ContractError
from ..protocol.log.checkpoint import SignedCheckpoint, open_checkpoint
from ..protocol.log.errors import LogError, NoteError
from ..protocol.log.note import Verifier
from ..protocol.log.tiles import CHECKPOINT, TileReader
from .findings import Findings
from .generations import Known
from .heads import Keys

TOLERANCE: Final = timedelta(minutes=10)
"""How far clocks may be apart."""
BEHIND: Final = timedelta(hours=2)
"""So much later than the last entry no witness sees a checkpoint of a teller that runs: it writes every ten minutes."""
UNSEEN: Final = timedelta(days=1)
"""So long a generation that has ended may have gone on unseen: as if its witnesses had been away."""


class WitnessCheck:
    """Checks cosignatures, by the keys that the auditor has, or else by those that the terms name."""

    def __init__(self, keys: Keys, terms: Terms | None, findings: Findings, now: datetime) -> None:
        """Take the keys, the terms, and the auditor's time."""
        self._keys = keys
        self._findings = findings
        self._now = now
        self.witnesses, self.quorum = keys.witnesses, keys.quorum
        if not self.witnesses and terms is not None:
            self.quorum = terms.quorum
            try:
                self.witnesses = tuple(Verifier.parse(vkey) for vkey in terms.witnesses)
            except NoteError as error:
                findings.problem("witness_key", what=str(error))

    @property
    def skipped(self) -> str:
        """Why nobody has to have signed; empty where somebody has to."""
        return "no_witnesses" if not self.witnesses else "" if self.quorum else "no_quorum"

    def check(self, known: Sequence[Known]) -> dict[int, dict[str, int]]:
        """Check all generations; return by their numbers who signed when (Unix seconds)."""
        cosignatures: dict[int, dict[str, int]] = {}
        if not self.witnesses:
            return cosignatures
        for place, each in enumerate(known):
            self._findings.generation = each.number
            head = self._open(each, each.head.note.encode()) if each.head else None
            seen = dict(head.cosignatures) if head else {}
            cosignatures[each.number] = seen
            if seen:
                self._check_times(each, seen.values())
            if each is not known[-1]:
                self._check_former(each, known[place + 1], head)
            elif head is not None and len(seen) < self.quorum:
                self._findings.problem("quorum_missed", path=CHECKPOINT, count=len(seen), quorum=self.quorum)
        self._findings.generation = None
        return cosignatures

    def _open(self, known: Known, note: bytes) -> SignedCheckpoint | None:
        try:
            return open_checkpoint(note, self._keys.of(known.origin), self.witnesses)
        except NoteError as error:
            self._findings.problem("cosignature_wrong", path=CHECKPOINT, what=str(error))
            return None

    def _check_times(self, known: Known, times: Iterable[int]) -> None:
        """Compare the witnesses' times with that of the last entry which they saw, and with the auditor's."""
        seen = []
        for time in times:
            try:
                seen.append(datetime.fromtimestamp(time, UTC))
            except (ValueError, OverflowError, OSError):
                self._findings.problem("cosignature_time", path=CHECKPOINT, time=time)
        if seen and max(seen) > self._now + TOLERANCE:
            self._findings.problem("cosignature_time", path=CHECKPOINT, time=f"{max(seen):%Y-%m-%d %H:%M}Z")
        last = last_time(known, known.signed)
        if last is None or not seen:
            return
        if last > min(seen) + TOLERANCE:
            seconds = int((last - min(seen)).total_seconds())
            self._findings.problem("clock_ahead", entry=known.signed - 1, seconds=seconds)
        elif min(seen) > last + BEHIND:
            hours = int((min(seen) - last).total_seconds() / 3600)
            self._findings.problem("clock_behind", entry=known.signed - 1, hours=hours)

    def _check_former(self, known: Known, following: Known, head: SignedCheckpoint | None) -> None:
        """Check that witnesses saw a generation that has ended, nearly up to its end.

        Else it might have been written anew when it ended: the witnesses of the next one wouldn't know.
        """
        size = known.size if known.kept is None else known.kept
        seen = 0
        for each in (head, self._brought(known, following)):
            if each is not None and len(each.cosignatures) >= self.quorum:
                seen = max(seen, each.checkpoint.size)
        if not self.quorum or seen >= size:
            return
        last, last_seen = last_time(known, size), last_time(known, seen)
        if last is None or last_seen is None or last - last_seen > UNSEEN:
            self._findings.problem("generation_unwitnessed", entry=seen, count=size - seen, quorum=self.quorum)

    def _brought(self, known: Known, following: Known) -> SignedCheckpoint | None:
        """Return the checkpoint of a generation that the next one brings along."""
        try:
            entry = decode(TileReader(following.files.read, following.size).entry(0))
            if isinstance(entry, GenerationEntry) and entry.checkpoint:
                return open_checkpoint(entry.checkpoint.encode(), self._keys.of(known.origin), self.witnesses)
        except (LogError, ContractError):
            pass  # reported with the generations
        return None


def last_time(known: Known, size: int) -> datetime | None:
    """Return when the last of a generation's first entries was written: not all have the time of that."""
    try:
        reader = TileReader(known.files.read, known.size)
        for index in range(size - 1, -1, -1):
            entry = decode(reader.entry(index))
            if not is_untimed(entry):
                return entry.at
    except (LogError, ContractError, ValueError):
        pass
    return None
