"""The house's time: this machine's, set by the hub's."""

from collections import deque
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from pathlib import Path
import time
from typing import Final

from ..protocol.fields import ContractError, Fields, Json, Reason

_WINDOW: Final = 60.0
"""Seconds for which a heartbeat counts: the one that was least delayed of them tells the time best."""
_MOST: Final = 100
"""Heartbeats that count, should somebody send more than there are in that time."""
_SET: Final = 10.0
"""A heartbeat isn't delayed by more seconds than that: the hub's clock was set back."""
_LEAP: Final = 0.5
"""Seconds by which the house's time changes that are more than a correction."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class Clock:
    """What time it is in the house.

    It goes by the machine's monotonic clock, as nobody sets that, from the moment on that a heartbeat has told. Until then it is the
    machine's own time.
    """

    def __init__(self) -> None:
        """Know only the machine's own time."""
        self._begin: float | None = None
        self._heard: deque[tuple[float, float]] = deque(maxlen=_MOST)

    def now(self) -> datetime:
        """Return the house's time, in UTC."""
        return self.at(time.monotonic())

    def at(self, moment: float) -> datetime:
        """Return the house's time, in UTC, at a moment of the monotonic clock (the event loop's)."""
        begin = self._own() if self._begin is None else self._begin
        return datetime.fromtimestamp(begin + moment, UTC)

    @property
    def behind(self) -> float:
        """How many seconds the machine's clock is behind the house's; negative if it is ahead."""
        return 0.0 if self._begin is None else self._begin - self._own()

    def hear(self, at: datetime) -> bool:
        """Take the time that a heartbeat tells; return whether the house's time leaps by it.

        Raises:
            ContractError: it is at one of the ends of what can be told as a time, which lie there in some zones only.
        """
        if not MINYEAR < at.year < MAXYEAR:
            raise ContractError(Reason.BAD_VALUE, "at", "no year of any house")
        now = time.monotonic()
        begin = at.timestamp() - now
        if self._begin is not None and begin < self._begin - _SET:
            self._heard.clear()
        self._heard.append((now, begin))
        while self._heard[0][0] < now - _WINDOW:
            self._heard.popleft()
        before = self._own() if self._begin is None else self._begin
        self._begin = max(begin for _, begin in self._heard)
        return abs(self._begin - before) > _LEAP

    def document(self) -> Json:
        """Return what the next run has to know; None while nothing is known."""
        return None if self._begin is None else {"boot": _boot(), "begin": self._begin}

    def restore(self, document: Json) -> None:
        """Take what an earlier run knew, if the machine wasn't started anew since: its monotonic clock was."""
        try:
            fields = Fields(document)
            if fields.text("boot") == _boot():
                begin = fields.number("begin")
                datetime.fromtimestamp(begin + time.monotonic(), UTC)
                self._begin = begin
        except (ContractError, ValueError, OverflowError, OSError):
            return  # it's known again with the next heartbeat

    @staticmethod
    def _own() -> float:
        return time.time() - time.monotonic()


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
