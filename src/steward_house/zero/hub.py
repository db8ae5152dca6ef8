"""Whether the hub is there: its status, its heartbeat, and the last will of its MQTT client."""

import asyncio
from collections.abc import Callable
from typing import Final

from ..protocol.hub import Heartbeat, HubStatus

LIFE: Final = 2.5
"""Seconds after which a heartbeat doesn't say any more that the hub lives."""


class Hub:
    """The hub, as this node sees it. What is heard of it is valid; what is retained is only its status."""

    def __init__(self, changed: Callable[[str | None], None]) -> None:
        """Begin without it; `changed` is called with its session whenever it comes, with None whenever it goes."""
        self.session: str | None = None
        self._changed = changed
        self._status: HubStatus | None = None
        self._beat: Heartbeat | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def will_topic(self) -> str | None:
        """The topic on which its last will comes."""
        return self._status.will_topic if self._status else None

    def may_be(self, beat: Heartbeat) -> bool:
        """Return whether a heartbeat may be its own: before its status is known, any may."""
        return self._status is None or beat.session == self._status.session

    def told(self, status: HubStatus | None) -> None:
        """Take its status; None where it was cleared."""
        self._status = status
        self._look()

    def beat(self, beat: Heartbeat) -> None:
        """Take a heartbeat; while one run of the hub lives, those of others don't count."""
        if self.session not in (None, beat.session):
            return
        self._stop_timer()
        self._beat = beat
        self._timer = asyncio.get_running_loop().call_later(LIFE, self.lost)
        self._look()

    def will(self, payload: bytes) -> None:
        """Take a message on the topic of its last will."""
        if self._status and self._status.will_payload is not None and payload == self._status.will_payload.encode():
            self.lost()

    def lost(self) -> None:
        """Hold it for away until its next heartbeat."""
        self._stop_timer()
        self._beat = None
        self._look()

    def _look(self) -> None:
        alive = self._status and self._status.online and self._beat and self._beat.session == self._status.session
        session = self._status.session if self._status and alive else None
        if session != self.session:
            self.session = session
            self._changed(session)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
