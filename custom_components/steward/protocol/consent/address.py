"""Web addresses that a provider names: https, written in one way only; http for programs on the very machine of the browser.

What a name resolves to is not known here: who connects to one refuses private addresses himself.
"""

from dataclasses import dataclass
import re
from typing import Final, Self

from .errors import ConsentError, Refusal

MAX_ADDRESS: Final = 512
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*|\[::1\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<rest>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*)?)?)",
    re.ASCII,
)
_LOOPBACK: Final = {"localhost", "127.0.0.1", "[::1]"}
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_MAX_HOST: Final = 253
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """A web address: its origin (scheme, host, port) and what is behind."""

    text: str
    origin: str
    host: str
    is_loopback: bool

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Read an address.

        Raises:
            ConsentError: it is none, is no https address of a named host, or could be written in another way.
        """
        found = _ADDRESS.fullmatch(text) if len(text) <= MAX_ADDRESS else None
        if found is None:
            raise ConsentError(Refusal.MALFORMED, where, "it is not an address such as https://example.com/path")
        scheme, host, port, rest = found.group("scheme", "host", "port", "rest")
        loopback = host in _LOOPBACK
        if len(host) > _MAX_HOST or (port and (port == _DEFAULT_PORTS[scheme] or int(port) > _MAX_PORT)):
            raise ConsentError(Refusal.MALFORMED, where, "its host is too long, or its port is none or is left out")
        if not loopback and (scheme == "http" or host.rpartition(".")[2].isdigit()):
            raise ConsentError(Refusal.MALFORMED, where, "it must be https, and its host must have a name")
        return cls(text, text.removesuffix(rest) if rest else text, host, loopback)
