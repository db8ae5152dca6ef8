"""What the tests of sealing have in common: keys, times, random numbers that are the same each time."""

from datetime import UTC, datetime
from random import Random

from steward_house.protocol.log.note import Signer
from steward_house.protocol.seal.epoch import Epoch

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = AT.date()
ORIGIN = "github.com/steward-house/meter/test-1"
LOG = Signer(ORIGIN, bytes(range(1, 33)))
HOUSE = Signer("github.com/steward-house/house/test", bytes(range(2, 34)))


def epoch(seed: int = 1, opened_at: int = 5, origin: str = ORIGIN) -> Epoch:
    """Return an epoch that its seed tells from others."""
    return Epoch(origin, opened_at, AT, Random(seed).randbytes)
