"""What can go wrong with a log on disk."""

from ..protocol.log.errors import LogError


class LogDamaged(LogError):  # noqa: N818 -- what it is
    """A log is not what was signed, or what it was when it was written; `where` names the file or the entry.

    Nothing may be appended to it or signed any more: a new generation begins.
    """


class LogFull(OSError):  # noqa: N818 -- likewise
    """The disk took no more, or failed: nothing of what was asked for is kept, and it may be tried again later."""


class LogLocked(OSError):  # noqa: N818 -- likewise
    """Another process has the log open."""
