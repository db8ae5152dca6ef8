"""Messages that are dropped: all of them counted, each fault told once."""

from collections import Counter
import logging
from typing import Final

from ..protocol.fields import ContractError, Reason

_LOG: Final = logging.getLogger(__name__)
_MOST: Final = 100
"""Faults that are told; anybody may send any number of messages on any number of topics."""


class Drops:
    """What was dropped of one kind of messages, and why."""

    def __init__(self, what: str) -> None:
        """Call what is dropped `what` in the log."""
        self.count: Counter[Reason] = Counter()
        self._what = what
        self._told: set[tuple[str, Reason]] = set()

    def add(self, topic: str, error: ContractError) -> None:
        """Take note of a message that is dropped."""
        self.count[error.reason] += 1
        fault = topic, error.reason
        # That something comes again is nobody's fault.
        tell = error.reason is not Reason.REPEATED and len(self._told) < _MOST and fault not in self._told
        if tell:
            self._told.add(fault)
        _LOG.log(logging.WARNING if tell else logging.DEBUG, "Dropped %s on %.120s: %s", self._what, topic, error)
