"""Scopes: what is shared, how fine, from when, until when; what is part of what; which scopes share a channel."""

from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self, cast

from ..books.codec import from_milliseconds, milliseconds, read_moment, stamp
from ..fields import Fields, Json
from ..seal.framing import framed, label
from .errors import ConsentError, Refusal, refusing
from .grain import Grain, Quantity, carried

_CHANNEL: Final = label("channel")
_ID_LENGTH: Final = 26
_MEMBERS: Final = ("from", "grain", "history", "quantities", "until")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is shared. Times are in UTC with whole milliseconds; `until` itself is no longer shared.

    `history` is whether what the channel held before the grant may be read, as far back as `start`; without it, sharing begins with the
    grant, or at `start` where that is later.
    """

    quantities: frozenset[Quantity]
    grain: Grain
    until: datetime
    start: datetime | None = None
    history: bool = False

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ConsentError: nothing is shared, something can't be at that grain, or a time is none.
        """
        for at, name in ((self.until, "until"), (self.start, "from")):
            check_moment(at, name)
        if not self.quantities or (self.start and self.start >= self.until):
            raise ConsentError(Refusal.EMPTY_SCOPE, "scope", "nothing would be shared")
        if unknown := self.quantities - carried(self.grain):
            raise ConsentError(
                Refusal.UNKNOWN_SCOPE, "quantities", f"{', '.join(sorted(unknown))}: not for every {self.grain}"
            )

    def to_json(self) -> dict[str, Json]:
        """Return the scope as a JSON object."""
        return {
            **({"from": stamp(self.start)} if self.start else {}),
            "grain": self.grain.value,
            "history": self.history,
            "quantities": [*sorted(self.quantities)],
            "until": stamp(self.until),
        }

    @classmethod
    def from_json(cls, value: Json, where: str = "scope") -> Self:
        """Read a scope.

        Raises:
            ConsentError: it is none, or asks for what there is not.
        """
        with refusing(where):
            of = Fields(value, where)
            only(of, *_MEMBERS)
            names = of.texts("quantities", len(Quantity) * 4)
            if [*names] != sorted(names):
                raise ConsentError(Refusal.MALFORMED, "quantities", "they are not sorted")
            if not isinstance(of.get("history"), bool):
                raise ConsentError(Refusal.MALFORMED, "history", "it must be true or false")
            return cls(
                frozenset(_known(Quantity, name, "quantities") for name in names),
                _known(Grain, of.text("grain"), "grain"),
                read_moment(of.need("until"), "until"),
                None if "from" not in cast("dict[str, Json]", value) else read_moment(of.get("from"), "from"),
                of.flag("history", default=False),
            )

    def is_within(self, other: Self) -> bool:
        """Whether all that it shares is shared by another scope too."""
        return (
            self.quantities <= other.quantities
            and self.grain.is_within(other.grain)
            and self.until <= other.until
            and (other.start is None or (self.start is not None and self.start >= other.start))
            and self.history <= other.history
        )

    def begins_at(self, granted_at: datetime) -> datetime | None:
        """Return the first time that is shared by a grant; None for all that the channel has."""
        if self.history or self.start is None:
            return self.start if self.history else granted_at
        return max(granted_at, self.start)

    def is_over(self, at: datetime) -> bool:
        """Whether nothing is shared any more at a time."""
        return at >= self.until


def narrow(scope: Scope, by: Scope) -> Scope:
    """Return what two scopes have in common: of what was asked for, what the user wants to share.

    It is the largest scope that is within both. (What both ask for, the coarser grain carries, since one of them has that grain.)

    Raises:
        ConsentError: that is nothing.
    """
    grain = scope.grain if scope.grain.is_within(by.grain) else by.grain
    return Scope(
        scope.quantities & by.quantities,
        grain,
        min(scope.until, by.until),
        max(filter(None, (scope.start, by.start)), default=None),
        scope.history and by.history,
    )


def channel_id(meter: str, scope: Scope) -> str:
    """Return the id of the channel that carries a meter's data in a scope (26 letters and digits).

    Scopes share a channel if its entries are the same for them: the same quantities at the same grain. Who may read which part of it, from
    when and until when, is what epochs are for.
    """
    parts = framed(
        _CHANNEL, meter.encode(), scope.grain.encode(), *(name.encode() for name in sorted(scope.quantities))
    )
    return b32encode(sha256(parts).digest()).decode().lower()[:_ID_LENGTH]


def check_moment(at: datetime | None, where: str) -> None:
    """Check that a time reads as it is written: in UTC, in this century, in whole milliseconds.

    Raises:
        ConsentError: it is none.
    """
    if at is None:
        return
    with refusing(where):
        stamp(at)
    if from_milliseconds(milliseconds(at)) != at:
        raise ConsentError(Refusal.MALFORMED, where, "it has a part of a millisecond")


def only(of: Fields, *names: str) -> None:
    """Refuse members that are not known: who signs them may mean what isn't understood here.

    Raises:
        ConsentError: there is one.
    """
    if unknown := of.rest(*names):
        raise ConsentError(Refusal.MALFORMED, of.place(min(unknown)), "is not a member of this")


def _known[T: StrEnum](kind: type[T], name: str, where: str) -> T:
    try:
        return kind(name)
    except ValueError:
        raise ConsentError(Refusal.UNKNOWN_SCOPE, where, f"there is no {name!r:.40}") from None
