"""A meter for diagnostics: what it is, what was counted, the last telegram without what identifies the meter or tells of its household."""

import re
from typing import Any, Final

from homeassistant.const import CONF_HOST

from .data import CONF_AUTHENTICATION_KEY, CONF_DEVICE, CONF_KEY, CONF_SERIAL, CONF_TOPIC
from .meter import Meter

TO_REDACT: Final = {
    CONF_AUTHENTICATION_KEY,
    CONF_DEVICE,
    CONF_HOST,
    CONF_KEY,
    CONF_SERIAL,
    CONF_TOPIC,
    "title",
    "unique_id",
}

_SECRETS: Final = re.compile(rb"(\d-\d:(?:96\.1\.\d+|42\.0\.0|0\.0\.0|96\.13\.\d)(?:\*\d+)?)\([^)\r\n]*\)")
_NAME: Final = re.compile(rb"\A(/[A-Za-z]{3}[0-9A-Za-z])[^\r\n]*")


def as_dict(meter: Meter) -> dict[str, Any]:
    """Return what a meter is and does."""
    return {
        "available": meter.available,
        "reason": meter.reason,
        "counted": meter.reader.as_dict(),
        "other_version": meter.reader.other_version,
        "values": sorted(meter.values),
        "meters": [{"channel": each.channel, "medium": each.medium} for each in meter.meters.values()],
        "last_telegram": redacted(meter.reader.last),
    }


def redacted(telegram: bytes | None) -> list[str] | None:
    """Return a telegram's lines with all values as zeros, and without names and numbers of meters.

    Of an encrypted one that could not be opened, only its length.
    """
    if telegram is None:
        return None
    if not telegram.startswith(b"/"):
        return [f"encrypted, {len(telegram)} bytes"]
    text = _SECRETS.sub(rb"\1(**)", _NAME.sub(rb"\1", telegram))
    lines = text.decode("latin-1").splitlines()
    return [_zeroed(line) for line in lines]


def _zeroed(line: str) -> str:
    """Return a line with what is in brackets as zeros: how it is written stays, what it says doesn't."""
    code, bracket, rest = line.partition("(")
    return code + bracket + re.sub(r"\d", "0", rest)
