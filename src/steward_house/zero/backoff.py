"""How long to wait before something that failed is tried again."""

import random


class Backoff:
    """Random delays from `least` to a limit that doubles with every failure, from `first` to `most` seconds.

    All nodes of a house lose their broker at the same moment; random delays keep them from coming back at the same moment.
    """

    def __init__(self, first: float, most: float, least: float = 0) -> None:
        """Begin with a limit of `first` seconds."""
        self._first = self._limit = first
        self._most = most
        self._least = least

    def next(self) -> float:
        """Return the seconds to wait after one more failure."""
        delay = random.uniform(self._least, self._limit)  # noqa: S311
        self._limit = min(self._most, self._limit * 2)
        return delay

    def reset(self) -> None:
        """Begin anew, as after a success."""
        self._limit = self._first
