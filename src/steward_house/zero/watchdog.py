"""Frees the event loop from code that blocks it.

One thread runs the node and all its modules, so a module that sleeps or computes without `await` would stop them all. A timer of the
kernel interrupts the thread wherever it is; when the loop has stood still for too long and a module's code is what runs, an exception
is raised inside that code. A blocking system call, such as `time.sleep`, ends with it too.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
import logging
import signal
from types import FrameType
from typing import Final, Self

_LOG: Final = logging.getLogger(__name__)
_ALARMS: Final = 4

culprit: ContextVar[Callable[[], None]] = ContextVar("culprit")
"""Set while a module's code runs, in its tasks and callbacks: what to call when that code blocks the loop."""


class BlockedError(BaseException):
    """Raised inside code that blocks the event loop; no `Exception`, so that a broad handler doesn't swallow it."""


class Watchdog:
    """Watches over the running loop, from the main thread, between `with` and its end."""

    def __init__(self, limit: float) -> None:
        """Let the loop stand still for `limit` seconds at most."""
        self._limit = limit
        self._missed = 0
        self._overdue = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._tick()
        signal.signal(signal.SIGALRM, self._alarm)
        signal.setitimer(signal.ITIMER_REAL, self._limit / _ALARMS, self._limit / _ALARMS)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._missed = 0
        if self._overdue:
            self._overdue = False
            _LOG.warning("The event loop stood still for more than %s s", self._limit)
        self._timer = self._loop.call_later(self._limit / _ALARMS / 2, self._tick)

    def _alarm(self, _signal: int, _frame: FrameType | None) -> None:
        # Alarms are counted, not seconds: they don't come either while the whole machine stands still.
        self._missed += 1
        if self._missed < _ALARMS:
            return
        self._missed = 0
        blame = culprit.get(None)
        if blame is None:
            self._overdue = True
            return
        self._loop.call_soon_threadsafe(blame)
        raise BlockedError
