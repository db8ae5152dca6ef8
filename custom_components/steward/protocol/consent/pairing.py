"""Pairing: a request counts only with the proof of a code that Home Assistant shows, so that a stranger can't even ask.

The code has 80 bits, as sixteen characters of Crockford's base 32. The proof is HMAC-SHA256 over the request's SHA-256 under the code. Whoever
sees a proof can try codes at home, but not 2**80 of them while one counts.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from ..seal.framing import framed, label
from .errors import ConsentError, Refusal

CODE_BYTES: Final = 10
PROOF_BYTES: Final = 32
MAX_TRIES: Final = 5
_LABEL: Final = label("pairing-proof")
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS: Final = 5
_LENGTH: Final = CODE_BYTES * 8 // _BITS
_GROUP: Final = 4
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})


def write_code(code: bytes) -> str:
    """Return a code (10 bytes) as it is shown: `ABCD-EFGH-JKMN-PQRS`."""
    number = int.from_bytes(code)
    letters = "".join(_ALPHABET[number >> _BITS * at & 31] for at in reversed(range(_LENGTH)))
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def read_code(text: str) -> bytes:
    """Read a code as somebody types it: in any case, with or without hyphens, an O for a zero.

    Raises:
        ConsentError: it is none.
    """
    letters = text[: 4 * _LENGTH].upper().translate(_READ_AS)
    if len(letters) != _LENGTH or not set(letters) <= set(_ALPHABET) or len(text) > 4 * _LENGTH:
        raise ConsentError(Refusal.MALFORMED, "code", "it must be sixteen letters and digits")
    number = 0
    for letter in letters:
        number = number << _BITS | _ALPHABET.index(letter)
    return number.to_bytes(CODE_BYTES)


def prove(code: bytes, digest: bytes) -> bytes:
    """Return the proof (32 bytes) of a code for the request with a SHA-256."""
    proof = HMAC(code, SHA256())
    proof.update(framed(_LABEL, digest))
    return proof.finalize()


class Pairing:
    """A code that is shown, and counts once: for one request, for a time, for a few tries. It is kept in memory only."""

    __slots__ = ("_code", "_shown_at", "_tries", "_until")

    def __init__(self, draw: Callable[[int], bytes], at: datetime, life: timedelta) -> None:
        """Make a code.

        Raises:
            ConsentError: the random numbers are too few.
        """
        self._code: bytes | None = draw(CODE_BYTES)
        if len(self._code) != CODE_BYTES:
            raise ConsentError(Refusal.MALFORMED, "code", "the random numbers are too few")
        self._shown_at, self._until = at, at + life
        self._tries = MAX_TRIES

    def shown(self, at: datetime) -> str | None:
        """Return the code as it is to be shown; None once it counts no more."""
        return write_code(self._code) if self._code and self._shown_at <= at < self._until else None

    def redeem(self, proof: bytes, digest: bytes, at: datetime) -> None:
        """Accept the proof for a request, and spend the code.

        Raises:
            ConsentError: the code is spent, its time is over (or the clock was set back behind it), or the proof is wrong.
        """
        if self._code is None:
            raise ConsentError(Refusal.SPENT_CODE, "code", "it was used, or tried too often")
        if not self._shown_at <= at < self._until:
            self._code = None
            raise ConsentError(Refusal.EXPIRED, "code", "its time is over")
        if not bytes_eq(prove(self._code, digest), proof):
            self._tries -= 1
            if not self._tries:
                self._code = None
            raise ConsentError(Refusal.WRONG_CODE, "code", "it is not the one that is shown")
        self._code = None
