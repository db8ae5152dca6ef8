"""The memo that a period's payment is recognised by in a ledger: anybody who has the books can compute it, and nobody else has the same."""

from hashlib import sha256
from typing import Final

from .codec import canonical

_PURPOSE: Final = "steward payback"
TEXT_LENGTH: Final = 28
"""Characters of a text memo at most."""


def payment_memo(origin: str, project: str, period: str) -> bytes:
    """Return the 32 bytes of a period's hash memo.

    They are the SHA-256 hash of canonical JSON with the origin of the log's first generation, the project's name, and the period's id:
    two houses may give their projects the same name and pay the same account.
    """
    return sha256(canonical({"for": _PURPOSE, "origin": origin, "period": period, "project": project})).digest()


def text_memo(memo: bytes) -> str:
    """Return what a person types where a wallet takes no hash: the first 28 hexadecimal digits of it."""
    return memo.hex()[:TEXT_LENGTH]
