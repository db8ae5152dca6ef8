"""The filter of one source: what it gives becomes readings with a reason, and gaps. Stub of what it will be called with."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

from .entries import Cause, Entry, Gap, Reading
from .terms import Terms


class Meter:
    """One source's filter. It depends on nothing but what it is given, so that whoever gives it the same comes to the same entries.

    `heard` must be given every entry of the log that isn't this source's own (at least starts, outages and terms).
    """

    def __init__(self, source: str, terms: Terms, zone: tzinfo) -> None:
        """Begin with no reading. `zone` is the one that the terms name."""
        raise NotImplementedError

    def take(self, at: datetime, raw: str | None, unit: str | None) -> list[Gap | Reading]:
        """Return what to append for what the source gave at a time: one reading, after a gap if one ended with it."""
        raise NotImplementedError

    def tick(self, at: datetime) -> list[Gap]:
        """Return what to append now though the source gave nothing: what is known of a gap at a period's end. Call it now and then."""
        raise NotImplementedError

    def hear(self, entry: Entry) -> None:
        """Take an entry that isn't this source's own: it may tell the cause of a gap, or other terms."""
        raise NotImplementedError

    def restore(self, entries: Iterable[Entry]) -> None:
        """Come to the state that the meter was in when it had written these entries, by doing it again (all of the log's, from the first)."""
        raise NotImplementedError

    def gap(self, at: datetime) -> tuple[datetime, Cause] | None:
        """Return since when, and why, nothing has been measured, if that is a gap by now."""
        raise NotImplementedError
