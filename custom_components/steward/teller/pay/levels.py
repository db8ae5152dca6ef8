"""Who is told what, and when: the ladder of a payment that is late, and what else the parties are told."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ..data import Role


class Level(StrEnum):
    """Kinds of notices."""

    DUE = "due"
    """A period has ended: what is due for it."""
    FRIENDLY = "friendly"
    REMINDER = "reminder"
    STERN = "stern"
    DISCONNECTION = "disconnection"
    PAYMENT_FAILED = "payment_failed"
    """An automatic payment doesn't work; it is tried again."""
    OVER_CEILING = "over_ceiling"
    """An automatic payment would be more than the owner allowed."""
    CLAIMED = "claimed"
    """Somebody says that they paid, and nothing proves it yet."""
    PAID = "paid"
    """A payment has arrived."""
    SHUTDOWN = "shutdown"
    """The teller was shut down."""
    OUTAGE = "outage"
    """The teller was off, and nobody had shut it down."""
    GAP = "gap"
    """A source wasn't metered for a while."""


LADDER: Final = ((6, Level.DISCONNECTION), (4, Level.STERN), (2, Level.REMINDER), (1, Level.FRIENDLY))
"""From how many periods late on. The seed's original told nobody between 2 and 4."""

_HOUSE: Final = frozenset({Role.RECIPIENT})
_HOUSE_AND_PLATFORM: Final = _HOUSE | {Role.PLATFORM}
AUDIENCE: Final[Mapping[Level, frozenset[Role]]] = {
    Level.DUE: _HOUSE,
    Level.FRIENDLY: _HOUSE,
    Level.REMINDER: _HOUSE_AND_PLATFORM,
    Level.STERN: frozenset(Role),
    Level.DISCONNECTION: frozenset(Role),
    Level.PAYMENT_FAILED: _HOUSE_AND_PLATFORM,
    Level.OVER_CEILING: _HOUSE,
    Level.CLAIMED: frozenset({Role.PLATFORM}),
    Level.PAID: _HOUSE_AND_PLATFORM,
    Level.SHUTDOWN: _HOUSE_AND_PLATFORM,
    Level.OUTAGE: _HOUSE_AND_PLATFORM,
    Level.GAP: _HOUSE_AND_PLATFORM,
}
"""Who is told. The original left the recipient out of the last step; whoever is to be cut off is told here, too."""


def level_of(periods_late: float) -> Level | None:
    """Return the ladder's step for so many periods late; None for less than one."""
    return next((level for least, level in LADDER if periods_late >= least), None)
