"""Keys wrapped for those who may read: HPKE (RFC 9180) in base mode with MLKEM768-X25519, HKDF-SHA256 and AES-256-GCM.

That KEM is a hybrid: who wants to read what was wrapped has to break ML-KEM-768 and X25519. Public keys are 1,216 bytes (ML-KEM's, then
X25519's), private keys the 32-byte seed that SHAKE256 stretches to both (draft-irtf-cfrg-concrete-hybrid-kems, MLKEM768-X25519, which is
X-Wing). Encapsulation draws its own random numbers, inside the library. Needs `cryptography` 50.
"""

from collections.abc import Sequence
from hashlib import sha256, shake_256
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from .epoch import EpochKey, Opening, Random
from .errors import Fault, SealError
from .framing import framed, label, number
from .ids import check_grant, check_order

SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 1216
OVERHEAD_BYTES: Final = 1120 + 16
"""What wrapping adds: the encapsulated secret and the tag."""
MAX_HISTORY: Final = 8192
"""Epochs in one message: those of a year with more than twenty starts a day; the file stays below a note's 1 MiB."""
_ML_KEM_PUBLIC: Final = 1184
_ML_KEM_SEED: Final = 64
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_EPOCH: Final = label("wrapped-epoch")
_HISTORY: Final = label("wrapped-history")
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(SEED_BYTES))
"""Any private key: with it, a point of small order gives the secret zero, which the library refuses."""


class PublicKey:
    """A key that others wrap for."""

    __slots__ = ("_key", "digest", "raw")

    def __init__(self, raw: bytes) -> None:
        """Read a key (1,216 bytes).

        Raises:
            SealError: it is none, or its X25519 half would give a secret that everybody knows.
        """
        self.raw: Final = bytes(raw)
        self.digest: Final = sha256(self.raw).digest()
        """The key's SHA-256, by which it is named."""
        if len(raw) != PUBLIC_BYTES:
            raise SealError(Fault.MALFORMED, "recipient's key", f"{len(raw)} bytes, where {PUBLIC_BYTES} are due")
        x25519 = X25519PublicKey.from_public_bytes(self.raw[_ML_KEM_PUBLIC:])
        try:
            _PROBE.exchange(x25519)
            self._key = MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(self.raw[:_ML_KEM_PUBLIC]), x25519)
        except ValueError:
            raise SealError(Fault.MALFORMED, "recipient's key", "it is no MLKEM768-X25519 key") from None

    def __eq__(self, other: object) -> bool:
        """Whether it is the same key."""
        return isinstance(other, PublicKey) and other.raw == self.raw

    def __hash__(self) -> int:
        """Return what equal keys have in common."""
        return hash(self.raw)

    def wrap(self, content: bytes, info: bytes) -> bytes:
        """Return content that only the holder of the private key opens, with the same `info`; 1,136 bytes longer."""
        return _SUITE.encrypt(content, self._key, info=info)


class PrivateKey:
    """The key of somebody who reads; its seed is all of it."""

    __slots__ = ("_key", "public", "seed")

    def __init__(self, seed: bytes) -> None:
        """Stretch a seed (32 bytes).

        Raises:
            SealError: it has another length.
        """
        if len(seed) != SEED_BYTES:
            raise SealError(Fault.MALFORMED, "private key", f"{len(seed)} bytes, where {SEED_BYTES} are due")
        self.seed: Final = bytes(seed)
        stretched = shake_256(self.seed).digest(_ML_KEM_SEED + SEED_BYTES)
        ml_kem = MLKEM768PrivateKey.from_seed_bytes(stretched[:_ML_KEM_SEED])
        x25519 = X25519PrivateKey.from_private_bytes(stretched[_ML_KEM_SEED:])
        self._key = MLKEM768X25519PrivateKey(ml_kem, x25519)
        self.public: Final = PublicKey(ml_kem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, draw: Random) -> Self:
        """Return a fresh key."""
        return cls(draw(SEED_BYTES))

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """Return what was wrapped for this key.

        Raises:
            SealError: it was wrapped for another key or with another `info`, or it was changed.
        """
        try:
            return _SUITE.decrypt(wrapped, self._key, info=info)
        except (InvalidTag, ValueError):
            raise SealError(
                Fault.NOT_AUTHENTIC, "wrapped key", "it is another's, of another grant, or was changed"
            ) from None


def wrap_epoch(key: EpochKey, grant: str, to: PublicKey) -> bytes:
    """Return an epoch's key for a grant (1,168 bytes).

    Raises:
        SealError: the grant's id is none.
    """
    return to.wrap(key.secret, _epoch_info(key.origin, key.opening, key.opened_at, grant, to))


def unwrap_epoch(
    wrapped: bytes, origin: str, opening: Opening, opened_at: int, *, grant: str, private: PrivateKey
) -> EpochKey:
    """Return the key of an epoch that is said to be opened so.

    Raises:
        SealError: it is not that epoch's, not for this grant or this key, or it was changed.
    """
    secret = private.unwrap(wrapped, _epoch_info(origin, opening, opened_at, grant, private.public))
    key = EpochKey(origin, opening.id, opened_at, secret)
    if key.opening != opening:
        raise SealError(Fault.NOT_COMMITTED, f"epoch at {opened_at}", "its key is not the one that was committed to")
    return key


def wrap_history(keys: Sequence[EpochKey], grant: str, to: PublicKey) -> tuple[bytes, bytes]:
    """Return a digest of old epochs' keys, and those keys in one message for a grant.

    Raises:
        SealError: they are none, too many, of more than one log, or not in the order of the log, or the grant's id is none.
    """
    if len(keys) > MAX_HISTORY:
        raise SealError(Fault.TOO_LONG, "history", f"{len(keys)} epochs, where {MAX_HISTORY} are allowed")
    if len({key.origin for key in keys}) != 1:
        raise SealError(Fault.MALFORMED, "history", "its keys are not those of one log")
    check_order((key.opened_at for key in keys), "history")
    content = b"".join([key.encode() for key in keys])
    digest = sha256(content).digest()
    return digest, to.wrap(content, _history_info(keys[0].origin, digest, grant, to))


def unwrap_history(wrapped: bytes, origin: str, digest: bytes, grant: str, private: PrivateKey) -> tuple[EpochKey, ...]:
    """Return the keys of such a message.

    Raises:
        SealError: it is not that message, not for this grant or this key, or it was changed.
    """
    content = private.unwrap(wrapped, _history_info(origin, digest, grant, private.public))
    size = EpochKey.ENCODED_BYTES
    if sha256(content).digest() != digest or len(content) % size or not 0 < len(content) <= MAX_HISTORY * size:
        raise SealError(Fault.MALFORMED, "history")
    keys = tuple(EpochKey.decode(origin, content[at : at + size]) for at in range(0, len(content), size))
    check_order((key.opened_at for key in keys), "history")
    return keys


def _epoch_info(origin: str, opening: Opening, opened_at: int, grant: str, to: PublicKey) -> bytes:
    return framed(
        _EPOCH,
        origin.encode(),
        opening.id,
        number(opened_at),
        check_grant(grant),
        to.digest,
        opening.commitment,
    )


def _history_info(origin: str, digest: bytes, grant: str, to: PublicKey) -> bytes:
    return framed(_HISTORY, origin.encode(), check_grant(grant), to.digest, digest)
