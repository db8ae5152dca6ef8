"""Splits a stream of bytes into telegrams: readable ones with or without a check sum, and encrypted ones.

A readable telegram is `/` and a maker's three letters, lines, `!`, a CRC of up to four hexadecimal digits or none, a line end (DSMR P1,
section 6.2). An encrypted one is a DLMS general-global-cipher: 0xDB, a system title of 8 bytes, 0x82, a length of two bytes, that many bytes
(IEC 62056-5-3; Smarty's P1 specification, section 3.2.5). What lies between telegrams is skipped.
"""

from dataclasses import dataclass
import re
from typing import Final

from .crc import crc16

LIMIT: Final = 8192
"""The longest telegram, in bytes: about four times what the longest known one has."""

_START: Final = re.compile(rb"/[A-Za-z]{3}[0-9A-Za-z]|\xdb\x08.{8}\x82..", re.DOTALL)
_READABLE: Final = re.compile(rb"/[A-Za-z]{3}[0-9A-Za-z]")
_END: Final = re.compile(rb"\n!([0-9A-Fa-f]{0,4})\0?\r\n")
_LONGEST_START: Final = 13
_LONGEST_END: Final = 9
_TITLE: Final = slice(0, 11)
"""Where an encrypted telegram has what all of one meter's begin with."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole telegram as it was sent, from its first byte to its line end.

    `checked` is whether it had a CRC, which was right; one with a wrong CRC is no frame. An encrypted one has its own proof inside.
    """

    data: bytes
    encrypted: bool = False
    checked: bool = False


@dataclass(slots=True)
class Counts:
    """What a splitter has seen: telegrams that were whole, that had a wrong CRC, that were cut off; bytes that were part of none."""

    frames: int = 0
    wrong_crc: int = 0
    cut: int = 0
    skipped: int = 0


class Splitter:
    """Collects what arrives, in any pieces; keeps less than twice `limit` bytes however long nothing makes sense."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Begin with nothing."""
        self.counts = Counts()
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes, and return the telegrams that are whole with them."""
        frames: list[Frame] = []
        for at in range(0, len(data), self._limit):
            self._buffer += data[at : at + self._limit]
            while self._take(frames):
                pass
        return frames

    def clear(self) -> None:
        """Forget what has arrived of a telegram: the connection is a new one."""
        self._drop(len(self._buffer))

    def _take(self, frames: list[Frame]) -> bool:
        """Take what the buffer begins with. Return whether there may be more to take."""
        buffer = self._buffer
        if not buffer:
            return False
        start = _START.match(buffer) or _START.search(buffer)
        if start is None:
            self._drop(max(0, len(buffer) - _LONGEST_START + 1))
            return False
        if start.start():
            self._drop(start.start())
        return self._encrypted(frames) if buffer[0] == 0xDB else self._readable(frames)  # noqa: PLR2004

    def _readable(self, frames: list[Frame]) -> bool:
        end = _END.search(self._buffer, max(0, self._searched - _LONGEST_END))
        if end is None:
            self._searched = len(self._buffer)
            return self._too_long()
        whole, digits, mark = bytes(self._buffer[: end.end()]), end[1], end.start() + 2
        self._searched = 0
        del self._buffer[: len(whole)]
        # What was cut off is followed by the next telegram's beginning; but a slash may also be part of a meter's name.
        starts = [each.start() for each in _READABLE.finditer(whole)]
        for start in dict.fromkeys((starts[-1], 0)) if digits else starts[-1:]:
            if not digits or crc16(whole[start:mark]) == int(digits, 16):
                self.counts.frames += 1
                self.counts.cut += bool(start)
                frames.append(Frame(whole[start:], checked=bool(digits)))
                return True
        self.counts.wrong_crc += 1
        return True

    def _encrypted(self, frames: list[Frame]) -> bool:
        buffer = self._buffer
        length = _LONGEST_START + int.from_bytes(buffer[11:13])
        # Joining in the middle of a telegram, something in it may look like a beginning, followed by any length.
        again = buffer.find(buffer[_TITLE], 1, length)
        if again > 0:
            self.counts.cut += 1
            self._drop(again)
            return True
        if length > self._limit:
            return self._skip()
        if len(buffer) < length:
            return False
        self.counts.frames += 1
        frames.append(Frame(bytes(buffer[:length]), encrypted=True))
        del buffer[:length]
        return True

    def _too_long(self) -> bool:
        """Give up a telegram that has no end. Return whether it was one."""
        return len(self._buffer) > self._limit and self._skip()

    def _skip(self) -> bool:
        self.counts.cut += 1
        self._drop(1)
        return True

    def _drop(self, number: int) -> None:
        self.counts.skipped += number
        self._searched = 0
        del self._buffer[:number]
