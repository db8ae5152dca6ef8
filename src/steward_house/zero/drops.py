"""Messages that are dropped: counted, and told once in a row."""

from collections import Counter
import logging
from typing import Final

from ..protocol.fields import ContractError, Reason

_LOG: Final = logging.getLogger(__name__)


class Drops:
    """What was dropped of one kind of messages, and why."""

    def __init__(self, what: str) -> None:
        """Call what is dropped `what` in the log."""
        self.count: Counter[Reason] = Counter()
        self._what = what
        self._last: tuple[str, Reason] | None = None

    def add(self, topic: str, error: ContractError) -> None:
        """Take note of a message that is dropped."""
        self.count[error.reason] += 1
        repeated = self._last == (topic, error.reason)
        self._last = topic, error.reason
        _LOG.log(logging.DEBUG if repeated else logging.WARNING, "Dropped %s on %.120s: %s", self._what, topic, error)
