"""Opens encrypted telegrams with a meter's keys."""

from ..protocol.telegrams.encrypted import NotAuthenticError, open_telegram
from ..protocol.telegrams.splitter import Frame, Splitter
from .data import Keys


def opened(frame: Frame, keys: Keys | None) -> Frame | None:
    """Return the readable telegram in an encrypted one; None if the keys don't open it, or there is none in it."""
    if keys is None:
        return None
    try:
        inside = open_telegram(frame.data, keys.encryption, keys.authentication)
    except NotAuthenticError:
        return None
    frames = Splitter().feed(inside if inside.endswith(b"\r\n") else inside + b"\r\n")
    return frames[0] if len(frames) == 1 and not frames[0].encrypted else None
