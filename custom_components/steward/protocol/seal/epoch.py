"""Epochs: a channel's entries are sealed under one key from the entry that opens the epoch to the next one that does.

An entry of the log is one of two, told apart by its second byte (the first is the version):

    01 00  epoch id (16)  SHA-256 of the key (32)                       opens an epoch
    01 01  epoch id (16)  counter (8)  AES-256-GCM of the padded content   is sealed under it

The nonce is the counter, which goes up with every call, whatever becomes of the entry; the associated data are label, origin, epoch id and
index in the log. AES-GCM alone doesn't commit to its key: the opening entry does, so that all who read a log read the same.
No `Epoch` outlives its process and none can be copied: what is kept on disk is an `EpochKey`, which only opens.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..log.text import is_key_name
from ..log.tiles import MAX_ENTRY_BYTES
from ..log.tree import HASH_BYTES, MAX_SIZE
from .errors import Fault, SealError
from .framing import INDEX_BYTES, framed, label, number
from .padding import CLASSES, LARGEST, pad, unpad

ID_BYTES: Final = 16
KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
MAX_SEALED: Final = 1 << 32
"""Entries under one key: what NIST SP 800-38D allows for GCM; at one a second it is 136 years."""
_OPENING: Final = b"\x01\x00"
_SEALED: Final = b"\x01\x01"
_HEAD: Final = len(_SEALED) + ID_BYTES + INDEX_BYTES
_NONCE_BYTES: Final = 12
_LENGTHS: Final = frozenset(_HEAD + size + TAG_BYTES for size in CLASSES)
_ENTRY_LABEL: Final = label("entry")
_KEY_LABEL: Final = label("epoch-key")

assert _HEAD + LARGEST + TAG_BYTES <= MAX_ENTRY_BYTES  # noqa: S101 -- states what the largest class was chosen for

type Random = Callable[[int], bytes]
"""Gives that many random bytes, such as `secrets.token_bytes`."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The entry that opens an epoch: its id, and the SHA-256 of its key."""

    id: bytes
    commitment: bytes

    def encode(self) -> bytes:
        """Write the entry."""
        return _OPENING + self.id + self.commitment

    @classmethod
    def parse(cls, entry: bytes) -> Self:
        """Read an entry.

        Raises:
            SealError: it doesn't open an epoch.
        """
        if not is_opening(entry) or len(entry) != len(_OPENING) + ID_BYTES + HASH_BYTES:
            raise SealError(Fault.MALFORMED, "opening entry")
        return cls(entry[len(_OPENING) : -HASH_BYTES], entry[-HASH_BYTES:])


def is_opening(entry: bytes) -> bool:
    """Whether an entry says that it opens an epoch."""
    return entry.startswith(_OPENING)


def epoch_of(entry: bytes) -> bytes:
    """Return the id of the epoch that a sealed entry says it belongs to.

    Raises:
        SealError: it is none.
    """
    if not entry.startswith(_SEALED) or len(entry) not in _LENGTHS:
        raise SealError(Fault.MALFORMED, "sealed entry")
    return entry[len(_SEALED) : len(_SEALED) + ID_BYTES]


@dataclass(frozen=True, slots=True)
class EpochKey:
    """The key of an epoch of a log (`origin`) whose opening entry has the index `opened_at`: opens entries, seals none."""

    ENCODED_BYTES: ClassVar[int] = ID_BYTES + INDEX_BYTES + KEY_BYTES

    origin: str
    id: bytes
    opened_at: int
    secret: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            SealError: they are not an epoch's.
        """
        if not is_key_name(self.origin):
            raise SealError(Fault.MALFORMED, "origin")
        if len(self.id) != ID_BYTES or len(self.secret) != KEY_BYTES or not 0 <= self.opened_at <= MAX_SIZE:
            raise SealError(Fault.MALFORMED, "epoch")
        object.__setattr__(self, "_cipher", AESGCM(self.secret))

    @property
    def commitment(self) -> bytes:
        """The SHA-256 of the key."""
        return sha256(self.secret).digest()

    @property
    def opening(self) -> Opening:
        """What the epoch's opening entry says."""
        return Opening(self.id, self.commitment)

    def encode(self) -> bytes:
        """Write id, index and key (56 bytes), for a place that is as secret as the key."""
        return self.id + number(self.opened_at) + self.secret

    @classmethod
    def decode(cls, origin: str, data: bytes) -> Self:
        """Read what `encode` wrote.

        Raises:
            SealError: it did not.
        """
        if len(data) != cls.ENCODED_BYTES:
            raise SealError(Fault.MALFORMED, "epoch key")
        return cls(origin, data[:ID_BYTES], int.from_bytes(data[ID_BYTES:-KEY_BYTES]), data[-KEY_BYTES:])

    def open_(self, index: int, entry: bytes) -> bytes:
        """Return the content of the log's entry at an index.

        Raises:
            SealError: it is not an entry of this epoch, of this log, at this index, as it was sealed.
        """
        if epoch_of(entry) != self.id:
            raise SealError(Fault.NOT_AUTHENTIC, f"entry {index}", "it belongs to another epoch")
        counted, sealed = entry[_HEAD - INDEX_BYTES : _HEAD], entry[_HEAD:]
        try:
            padded = self._cipher.decrypt(_nonce(counted), sealed, _associated(self, index))
        except InvalidTag:
            raise SealError(Fault.NOT_AUTHENTIC, f"entry {index}", "it is not as it was sealed") from None
        return unpad(padded)


class Epoch:
    """An epoch that entries are sealed under. It begins with a fresh key and ends with its process, at the latest.

    It can't be copied, pickled or made from a key, so no other object counts nonces under the same key.
    """

    __slots__ = ("_cipher", "_closed", "_counter", "_key")

    def __init__(self, origin: str, opened_at: int, at: datetime, draw: Random) -> None:
        """Begin an epoch of a log whose opening entry will have the index `opened_at`.

        The time goes into the key, so that not even a machine that is set back with the state of its random numbers makes a key twice.

        Raises:
            SealError: the origin or the index is none, or the random numbers repeat themselves.
        """
        if not 0 <= opened_at < MAX_SIZE:
            raise SealError(Fault.MALFORMED, "epoch")
        id_, fresh = draw(ID_BYTES), draw(KEY_BYTES)
        if len(id_) != ID_BYTES or len(fresh) != KEY_BYTES or fresh.startswith(id_):
            raise SealError(Fault.MALFORMED, "random numbers", "they are too few, or the same twice")
        context = framed(_KEY_LABEL, origin.encode(), number(opened_at), at.isoformat().encode())
        self._key = EpochKey(origin, id_, opened_at, HKDF(SHA256(), KEY_BYTES, salt=None, info=context).derive(fresh))
        self._cipher = AESGCM(self._key.secret)
        self._counter = iter(range(MAX_SEALED))
        self._closed = False

    @property
    def key(self) -> EpochKey:
        """The key, to be kept and to be wrapped for those who may read."""
        return self._key

    def seal(self, index: int, content: bytes) -> bytes:
        """Return the entry that the log is to have at an index. Each call takes a nonce of its own, for the same index too.

        Raises:
            SealError: the content is too long, the index is not behind the opening entry's, or the epoch is over.
        """
        if self._closed:
            raise SealError(Fault.MUST_TURN, "epoch", "it is over")
        associated, padded = _associated(self._key, index), pad(content)
        counter = next(self._counter, None)
        if counter is None:
            raise SealError(Fault.EXHAUSTED, "epoch", "its key has sealed enough")
        counted = number(counter)
        return _SEALED + self._key.id + counted + self._cipher.encrypt(_nonce(counted), padded, associated)

    def close(self) -> None:
        """End the epoch: nothing is sealed under it any more."""
        self._closed = True

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse to be copied or pickled: two that count from the same number would use a nonce twice."""
        message = "an epoch that seals can't be copied"
        raise TypeError(message)


def _nonce(counted: bytes) -> bytes:
    return counted.rjust(_NONCE_BYTES, b"\0")


def _associated(key: EpochKey, index: int) -> bytes:
    """Return what the entry at an index is bound to.

    Raises:
        SealError: that index is not behind the opening entry's.
    """
    if not key.opened_at < index <= MAX_SIZE:
        raise SealError(Fault.MALFORMED, f"entry {index}", f"its epoch begins at {key.opened_at}")
    return framed(_ENTRY_LABEL, key.origin.encode(), key.id, number(index))
