"""From the bytes of a source to a meter's telegrams: split, opened, of the right version, read, plausible. Nothing raises."""

from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from ..protocol.telegrams.plausibility import Plausibility
from ..protocol.telegrams.splitter import Frame, Splitter
from ..protocol.telegrams.values import Telegram
from ..protocol.telegrams.versions import Version, detect
from .data import Keys
from .opening import opened
from .parsing import Parser

CERTAIN: Final = 3
"""How many telegrams in a row must be of another version before that is said."""


class Dropped(StrEnum):
    """Why a telegram isn't used."""

    NO_CRC = "no_crc"
    WRONG_KEY = "wrong_key"
    OTHER_VERSION = "other_version"
    EMPTY = "empty"
    IMPLAUSIBLE = "implausible"


@dataclass(frozen=True, slots=True)
class Heard:
    """A telegram that is used, as it was sent (decrypted); its registers that were held back; whether another meter speaks from now on."""

    telegram: Telegram
    data: bytes
    held: frozenset[str] = frozenset()
    changed: bool = False


class Reader:
    """Reads what one meter sends."""

    def __init__(self, parser: Parser, keys: Keys | None, plausibility: Plausibility) -> None:
        """Begin with nothing."""
        self.parser = parser
        self.plausibility = plausibility
        self.splitter = Splitter()
        self.dropped: Counter[Dropped] = Counter()
        self.held: Counter[str] = Counter()
        """How often which register was held back."""
        self.last: bytes | None = None
        """The last telegram, used or not."""
        self.other_version: Version | None = None
        """What the meter speaks, if that isn't what it was taken for."""
        self.wrong_keys = 0
        """How many telegrams in a row could not be opened."""
        self._keys = keys
        self._others = 0

    def feed(self, data: bytes, at: float) -> list[Heard]:
        """Take bytes that came at a time (monotonic seconds), and return the telegrams that are whole with them."""
        return [heard for frame in self.splitter.feed(data) if (heard := self._take(frame, at))]

    def _take(self, frame: Frame, at: float) -> Heard | None:
        found = self._opened(frame)
        if isinstance(found, Dropped):
            self.dropped[found] += 1
            return None
        self.last = found.data
        reason = self._checked(found, encrypted=frame.encrypted)
        if reason is not None:
            self.dropped[reason] += 1
            return None
        telegram = self.parser.parse(found.data.decode("latin-1"))
        if not telegram.values:
            self.dropped[Dropped.EMPTY] += 1
            return None
        judged = self.plausibility.judge(telegram, found.data, at)
        self.held.update(judged.held)
        if judged.telegram is None:
            self.dropped[Dropped.IMPLAUSIBLE] += 1
            return None
        return Heard(judged.telegram, found.data, judged.held, judged.changed)

    def _opened(self, frame: Frame) -> Frame | Dropped:
        """Return a readable telegram: the one inside, if it is encrypted."""
        if not frame.encrypted:
            return frame
        self.last = frame.data
        inside = opened(frame, self._keys)
        self.wrong_keys = 0 if inside else self.wrong_keys + 1
        return inside or Dropped.WRONG_KEY

    def _checked(self, frame: Frame, *, encrypted: bool) -> Dropped | None:
        """Tell why a telegram isn't used: it is of another version, or lacks the check sum that this one has."""
        found = detect(frame.data, encrypted=encrypted)
        if found is not None and found is not self.parser.version:
            self._others += 1
            if self._others >= CERTAIN:
                self.other_version = found
            return Dropped.OTHER_VERSION
        if not frame.checked and self.parser.version.has_crc:
            return Dropped.NO_CRC
        self._others, self.other_version = 0, None
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return what was counted."""
        return {
            **asdict(self.splitter.counts),
            "dropped": {reason.value: count for reason, count in self.dropped.items()},
            "held_registers": dict(self.held),
            "unreadable_lines": self.parser.unreadable,
        }
