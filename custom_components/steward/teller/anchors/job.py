"""What the anchors have in common: a checkpoint that is to be anchored, what comes of it, and why it may not have worked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ...protocol.anchor import Link
from ...protocol.books.entries import AnchorKind
from ...protocol.fields import Json


class Trouble(StrEnum):
    """Why an anchor didn't work."""

    UNREACHABLE = "unreachable"
    """Nobody answers, or not in time."""
    REFUSED = "refused"
    """The other side says no."""
    MISMATCH = "mismatch"
    """The other side did something else than it was asked to."""
    NOT_UNDERSTOOD = "not_understood"
    """The answer isn't what the protocol says."""
    LIBRARY = "library"
    """A library can't be installed, or a secret key is missing."""
    UNCLEAR = "unclear"
    """It can't be told whether it was done already."""
    TOO_LONG = "too_long"
    """It doesn't fit."""
    INTERNAL = "internal"
    """A fault of Steward's own."""


class AnchorError(Exception):
    """It didn't work; it is tried again later. `detail` is what the other side said, for diagnostics."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        """Say why."""
        super().__init__(f"{trouble.value}: {detail}" if detail else trouble.value)
        self.trouble = trouble
        self.detail = detail


class NotYetError(Exception):
    """It goes well but isn't finished: ask again soon."""


@dataclass(frozen=True, slots=True)
class Job:
    """A checkpoint that is to be anchored: its origin, size and root, its place in the chain, and when it was taken (Unix seconds)."""

    origin: str
    size: int
    root: bytes
    link: Link
    at: int


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a checkpoint is found now, in the terms of its place; `since` when, in the time of that place, where it has one."""

    members: dict[str, Json]
    since: datetime | None = None


class Anchor(Protocol):
    """One place."""

    kind: AnchorKind
    every: int
    """Seconds between checkpoints that are anchored, at least."""
    keep: int
    """Checkpoints that wait behind the one that it works on, at most; of more, the oldest go."""

    async def anchor(self, job: Job) -> Reference:
        """Anchor a checkpoint and return the reference; doing it again does no harm.

        Raises:
            AnchorError: it didn't work.
            NotYetError: it isn't finished.
        """
        ...

    async def written(self, job: Job, members: Mapping[str, Json]) -> None:
        """Take notice that the log has the reference, with these members."""
        ...
