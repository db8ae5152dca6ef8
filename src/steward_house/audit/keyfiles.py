"""Private keys in files, as Go's note package writes them: `PRIVATE+KEY+<name>+<id>+<base64>`; readable for their owner only."""

import os
from pathlib import Path
import re
from typing import Final

from ..protocol.log.errors import NoteError
from ..protocol.log.note import KEY_BYTES, Algorithm, Signer
from ..protocol.log.text import read_base64, write_base64
from .sources import SourceError

_KEY: Final = re.compile(r"PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+(\S+)\s*", re.ASCII)
_MAX_BYTES: Final = 4096
_OTHERS: Final = 0o077


def new_key(name: str, path: Path) -> str:
    """Make a key in a new file; return the verifier key.

    Raises:
        SourceError: the name is none, or the file exists or can't be written.
    """
    private = os.urandom(KEY_BYTES)
    try:
        signer = Signer(name, private)
    except NoteError as error:
        raise SourceError(f"{name!r} can't be a key's name: {error}") from error
    encoded = write_base64(bytes([Algorithm.ED25519]) + private)
    line = f"PRIVATE+KEY+{name}+{signer.verifier.key_id.hex()}+{encoded}\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise SourceError(f"{path} exists: a key is never overwritten") from error
    except OSError as error:
        raise SourceError(f"{path} can't be written: {error.strerror}") from error
    return signer.vkey


def read_key(path: Path) -> Signer:
    """Read a key.

    Raises:
        SourceError: the file can't be read, holds none, or others may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MAX_BYTES).decode(errors="replace")
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror}") from error
    if mode & _OTHERS:
        raise SourceError(f"others may read {path}: chmod 600 {path}")
    found = _KEY.fullmatch(text)
    if found is None:
        raise SourceError(f"{path} holds no private key (PRIVATE+KEY+…)")
    name, key_id, encoded = found.groups()
    try:
        data = read_base64(encoded, "key", NoteError)
        signer = Signer(name, data[1:])
    except NoteError as error:
        raise SourceError(f"{path} holds no private key: {error}") from error
    if data[0] != Algorithm.ED25519 or signer.verifier.key_id.hex() != key_id:
        raise SourceError(f"{path} holds a key of another sort, or a damaged one")
    return signer
