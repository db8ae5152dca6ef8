"""Grant files: the keys that one grant has, wrapped for its provider, in a note that the house signs.

The text below the label's line:

    the log's key (name+id+base64; the name is the log's origin)
    the grant's id
    the SHA-256 of the provider's key
    history <SHA-256 of the keys> <SHA-256 of the message>    old epochs, in one message in a file of its own; or no such line
    epoch <index> <id> <SHA-256 of the key> <wrapped key>     for each later epoch, in the order of the log

Binary values are in base64. Every turn writes this file anew for everybody who stays, so it is kept short: a few epochs, then they are
folded into the history, which is read again only when it changed. A provider knows the house's key since its request was answered;
everything else follows from that: the file names the log's key, that signs checkpoints, those hold the opening entries, and they commit
to the epochs' keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Self

from ..log.checkpoint import Checkpoint
from ..log.errors import LogError
from ..log.note import Note, NoteSigner, Verifier, sign_note
from ..log.text import read_base64, read_decimal, read_hash, write_base64
from ..log.tree import HASH_BYTES, MAX_SIZE, leaf_hash, verify_inclusion
from .epoch import KEY_BYTES, EpochKey, Opening
from .errors import Fault, SealError
from .framing import label
from .ids import check_grant, check_order
from .wrap import (
    OVERHEAD_BYTES,
    PrivateKey,
    PublicKey,
    unwrap_epoch,
    unwrap_history,
    wrap_epoch,
    wrap_history,
)

MAX_EPOCHS: Final = 16
"""Epochs with a message of their own; then they have to be folded into the history."""
_LABEL: Final = label("grant-file").decode()
_HISTORY: Final = "history"
_EPOCH: Final = "epoch"
_HEAD_LINES: Final = 4
_HISTORY_WORDS: Final = 3
_EPOCH_WORDS: Final = 5


@dataclass(frozen=True, slots=True)
class History:
    """Which message holds the keys of old epochs: the SHA-256 of the keys, and of the message."""

    keys: bytes
    message: bytes

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            SealError: they are no hashes.
        """
        if len(self.keys) != HASH_BYTES or len(self.message) != HASH_BYTES:
            raise SealError(Fault.MALFORMED, "history")


@dataclass(frozen=True, slots=True)
class WrappedEpoch:
    """The key of one epoch, which its opening entry at that index commits to."""

    opened_at: int
    opening: Opening
    wrapped: bytes

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            SealError: they are not an epoch's.
        """
        Opening.parse(self.opening.encode())
        if not 0 <= self.opened_at <= MAX_SIZE or len(self.wrapped) != OVERHEAD_BYTES + KEY_BYTES:
            raise SealError(Fault.MALFORMED, "wrapped epoch")


@dataclass(frozen=True, slots=True)
class GrantFile:
    """The keys that a grant has of a log. `provider` is the SHA-256 of the key that they are wrapped for."""

    log: Verifier
    grant: str
    provider: bytes
    history: History | None = None
    epochs: tuple[WrappedEpoch, ...] = ()

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            SealError: they are not those of a grant file.
        """
        check_grant(self.grant)
        if len(self.provider) != HASH_BYTES:
            raise SealError(Fault.MALFORMED, "provider's key", "it is named by its SHA-256")
        if len(self.epochs) > MAX_EPOCHS:
            raise SealError(Fault.TOO_LONG, "grant file", f"more than {MAX_EPOCHS} epochs have to be folded")
        check_order((epoch.opened_at for epoch in self.epochs), "grant file")

    @property
    def is_full(self) -> bool:
        """Whether the epochs have to be folded before one is added."""
        return len(self.epochs) >= MAX_EPOCHS

    def adding(self, key: EpochKey, to: PublicKey) -> Self:
        """Return the file with the key of a later epoch.

        Raises:
            SealError: it is full, the epoch is another log's or not later, or the key is not the provider's.
        """
        self._check(key, to)
        return replace(
            self,
            epochs=(*self.epochs, WrappedEpoch(key.opened_at, key.opening, wrap_epoch(key, self.grant, to))),
        )

    def folded(self, keys: Sequence[EpochKey], to: PublicKey) -> tuple[Self, bytes]:
        """Return the file with exactly these keys, all that the grant has, oldest first; and the message that holds them.

        Raises:
            SealError: they are another log's, none or too many, or the key is not the provider's.
        """
        for key in keys:
            self._check(key, to)
        digest, message = wrap_history(keys, self.grant, to)
        return replace(self, history=History(digest, sha256(message).digest()), epochs=()), message

    def encode(self) -> str:
        """Write the text that the house signs."""
        lines = [_LABEL, self.log.vkey, self.grant, write_base64(self.provider)]
        if self.history:
            lines.append(f"{_HISTORY} {write_base64(self.history.keys)} {write_base64(self.history.message)}")
        lines += [
            f"{_EPOCH} {epoch.opened_at} {write_base64(epoch.opening.id)} {write_base64(epoch.opening.commitment)}"
            f" {write_base64(epoch.wrapped)}"
            for epoch in self.epochs
        ]
        return "".join([f"{line}\n" for line in lines])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text that was signed.

        Raises:
            SealError: it is not a grant file's.
        """
        lines = text.split("\n")
        if lines.pop() or len(lines) < _HEAD_LINES or lines[0] != _LABEL:
            raise SealError(Fault.MALFORMED, "grant file", "it is none, or of a version that is not known here")
        try:
            log, provider = Verifier.parse(lines[1]), read_hash(lines[3], "provider's key", LogError)
            rest = lines[_HEAD_LINES:]
            history = _read_history(rest.pop(0)) if rest and rest[0].startswith(f"{_HISTORY} ") else None
            epochs = tuple(_read_epoch(line) for line in rest[: MAX_EPOCHS + 1])
        except LogError as error:
            raise SealError(Fault.MALFORMED, f"grant file, {error.where}", error.what) from None
        return cls(log, lines[2], provider, history, epochs)

    def sign(self, house: NoteSigner) -> bytes:
        """Return the file."""
        return sign_note(self.encode(), house)

    def _check(self, key: EpochKey, to: PublicKey) -> None:
        if key.origin != self.log.name:
            raise SealError(Fault.MALFORMED, "epoch", f"it is not one of {self.log.name}")
        if to.digest != self.provider:
            raise SealError(Fault.MALFORMED, "recipient's key", "it is not the provider's")


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A key as a grant file offers it, to be used once the log is seen to commit to it."""

    _key: EpochKey

    @property
    def opened_at(self) -> int:
        """The index of the entry that has to commit to the key."""
        return self._key.opened_at

    @property
    def id(self) -> bytes:
        """The epoch's id."""
        return self._key.id

    def confirm(self, entry: bytes, path: Sequence[bytes], checkpoint: Checkpoint) -> EpochKey:
        """Return the key, if `entry` is in the log at `opened_at`, as the inclusion path shows, and commits to it.

        The checkpoint is one whose signature was checked with the log's key.

        Raises:
            SealError: it is not.
        """
        try:
            verify_inclusion(leaf_hash(entry), self.opened_at, checkpoint.size, path, checkpoint.root)
        except LogError as error:
            raise SealError(Fault.NOT_AUTHENTIC, f"entry {self.opened_at}", error.what) from None
        if checkpoint.origin != self._key.origin:
            raise SealError(Fault.NOT_AUTHENTIC, "checkpoint", f"it is not {self._key.origin}'s")
        return self.confirm_read(entry)

    def confirm_read(self, entry: bytes) -> EpochKey:
        """Return the key, if `entry` commits to it: the log's entry at `opened_at`, read from tiles that were checked already.

        Raises:
            SealError: it does not.
        """
        if Opening.parse(entry) != self._key.opening:
            raise SealError(Fault.NOT_COMMITTED, f"entry {self.opened_at}", "it does not commit to the key")
        return self._key


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A grant file that the house signed: the log's key, the keys that it offers, oldest first, and which message has older ones."""

    log: Verifier
    keys: tuple[OfferedKey, ...]
    history: History | None


def open_grant_file(data: bytes, house: Verifier, grant: str, private: PrivateKey) -> OpenedFile:
    """Read the file of a grant.

    Raises:
        SealError: the house did not sign it as it is, it is another grant's or for another key, or a key in it is not what it says.
    """
    try:
        note = Note.parse(data)
        note.verified_by([house])
    except LogError as error:
        raise SealError(Fault.NOT_AUTHENTIC, f"grant file, {error.where}", error.what) from None
    file = GrantFile.parse(note.text)
    if file.grant != grant or file.provider != private.public.digest:
        raise SealError(Fault.NOT_AUTHENTIC, "grant file", "it is another grant's, or for another key")
    keys = [
        unwrap_epoch(epoch.wrapped, file.log.name, epoch.opening, epoch.opened_at, grant=grant, private=private)
        for epoch in file.epochs
    ]
    return OpenedFile(file.log, tuple(map(OfferedKey, keys)), file.history)


def open_history(message: bytes, file: OpenedFile, grant: str, private: PrivateKey) -> tuple[OfferedKey, ...]:
    """Return the keys of the message that a grant file names, oldest first.

    Raises:
        SealError: it is not that message, or it is not for this grant and key.
    """
    if file.history is None or sha256(message).digest() != file.history.message:
        raise SealError(Fault.NOT_AUTHENTIC, "history", "it is not the one that the grant file names")
    keys = unwrap_history(message, file.log.name, file.history.keys, grant, private)
    return tuple(map(OfferedKey, keys))


def _read_history(line: str) -> History:
    words = line.split(" ")
    if len(words) != _HISTORY_WORDS:
        raise SealError(Fault.MALFORMED, "grant file", "a line is no history")
    return History(read_hash(words[1], _HISTORY, LogError), read_hash(words[2], _HISTORY, LogError))


def _read_epoch(line: str) -> WrappedEpoch:
    words = line.split(" ")
    if len(words) != _EPOCH_WORDS or words[0] != _EPOCH:
        raise SealError(Fault.MALFORMED, "grant file", "a line is no epoch")
    opening = Opening(read_base64(words[2], _EPOCH, LogError), read_hash(words[3], _EPOCH, LogError))
    return WrappedEpoch(
        read_decimal(words[1], _EPOCH, LogError), opening, read_base64(words[4], "wrapped key", LogError)
    )
