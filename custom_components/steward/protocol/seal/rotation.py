"""When a channel's epoch has to change, and that nothing is sealed before it has: at every start, join, leave, narrowing and midnight."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from .epoch import Epoch, EpochKey, Random
from .errors import Fault, SealError


class Cause(StrEnum):
    """Why an epoch has to begin. It stays in the house: the log doesn't tell one provider of another."""

    START = "start"
    JOIN = "join"
    LEAVE = "leave"
    NARROWING = "narrowing"
    MIDNIGHT = "midnight"


@dataclass(frozen=True, slots=True)
class Turn:
    """An epoch that begins: the entry to append at `key.opened_at` before anything else, and the grants that get its key."""

    cause: Cause
    entry: bytes
    key: EpochKey
    members: frozenset[str]


class Rotation:
    """The epochs of one log, one behind the other, and the grants that get their keys.

    Who joins, leaves or is narrowed is told here first; until `turn` has begun the next epoch, `seal` refuses. An opening entry that
    could not be appended must be followed by `drop`. Another log (a new year, a new generation) has a rotation of its own.
    """

    def __init__(self, origin: str, random: Random, members: Iterable[str] = ()) -> None:
        """Begin without an epoch; `members` are the grants that got keys before the start."""
        self._origin = origin
        self._random = random
        self._members = set(members)
        self._epoch: Epoch | None = None
        self._day: date | None = None
        self._pending: Cause | None = Cause.START

    @property
    def members(self) -> frozenset[str]:
        """The grants that get the next epoch's key."""
        return frozenset(self._members)

    @property
    def key(self) -> EpochKey | None:
        """The key of the epoch that entries are sealed under; None while there is none."""
        return self._epoch.key if self._epoch else None

    def join(self, grant: str) -> None:
        """Let a grant read from the next epoch on."""
        if grant not in self._members:
            self._members.add(grant)
            self._end(Cause.JOIN)

    def leave(self, grant: str) -> None:
        """Let a grant read no more: nothing more is sealed under a key that it has."""
        if grant in self._members:
            self._members.discard(grant)
            self._end(Cause.LEAVE)

    def narrow(self, grant: str) -> None:
        """Begin anew because a grant that goes on reading this log was narrowed."""
        if grant in self._members:
            self._end(Cause.NARROWING)

    def drop(self) -> None:
        """End the epoch, whatever became of its opening entry."""
        self._end(Cause.START)

    def due(self, day: date) -> Cause | None:
        """Return why an epoch has to begin before anything is sealed on that day of the house's calendar; None if none has to."""
        if self._epoch is None:
            return self._pending
        return None if day == self._day else Cause.MIDNIGHT

    def turn(self, index: int, at: datetime, day: date) -> Turn:
        """Begin an epoch, due or not; its opening entry is to be appended at `index`.

        Raises:
            SealError: the index is none, or the random numbers repeat themselves; then there is no epoch.
        """
        cause = self.due(day) or Cause.START
        self._end(cause)
        epoch = Epoch(self._origin, index, at, self._random)
        self._epoch, self._day, self._pending = epoch, day, None
        return Turn(cause, epoch.key.opening.encode(), epoch.key, self.members)

    def seal(self, index: int, content: bytes, day: date) -> bytes:
        """Return the entry for an index.

        Raises:
            SealError: an epoch has to begin first, the content is too long, or the index is not behind the opening entry's.
        """
        if self._epoch is None or self.due(day):
            raise SealError(Fault.MUST_TURN, "channel", f"{self.due(day)}: a new epoch has to begin first")
        return self._epoch.seal(index, content)

    def _end(self, cause: Cause) -> None:
        """End the epoch; of several causes the first is told."""
        if self._epoch is not None:
            self._epoch.close()
        self._epoch = None
        self._pending = self._pending or cause
