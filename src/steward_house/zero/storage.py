"""What a node keeps between its runs: small JSON documents in its state directory."""

import contextlib
import os
from pathlib import Path
import secrets
import tempfile
import time
from typing import Final

from ..protocol.fields import ContractError, Json, dump, parse
from ..protocol.ulid import PATTERN, RANDOM_BYTES, ulid

_INSTANCE: Final = "instance"
_MAX_BYTES: Final = 4 * 1024 * 1024


class StorageError(Exception):
    """The state directory can't be used; the text says why."""


class Storage:
    """The state directory. Every method blocks for as long as the disk does."""

    def __init__(self, directory: Path) -> None:
        """Keep documents in `directory`."""
        self.directory = directory

    def instance(self) -> str:
        """Return the ULID of this installation; make it when there is none yet.

        A directory that can only be read is enough once there is one: a worn-out SD card does not take the room down.

        Raises:
            StorageError: there is none, and none can be kept. A node that changed its identity with every start would be
                taken for another node each time.
        """
        try:
            instance = (self.directory / _INSTANCE).read_text().strip()
        except FileNotFoundError:
            instance = ""
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(str(error)) from None
        if PATTERN.fullmatch(instance):
            return instance
        instance = ulid(time.time_ns() // 1_000_000, secrets.token_bytes(RANDOM_BYTES))
        self._write(_INSTANCE, f"{instance}\n".encode())
        return instance

    def load(self, name: str) -> Json:
        """Return a document; None where there is none that can be read."""
        try:
            return parse(self.load_bytes(name) or b"", _MAX_BYTES)
        except ContractError:
            return None

    def load_bytes(self, name: str) -> bytes | None:
        """Return a document as it was written; None where there is none that can be read."""
        try:
            return (self.directory / f"{name}.json").read_bytes()
        except OSError:
            return None

    def save(self, name: str, document: Json) -> None:
        """Keep a document, whole or not at all, whenever the power goes.

        Raises:
            StorageError: it can't be kept.
        """
        self.save_bytes(name, dump(document))

    def save_bytes(self, name: str, content: bytes) -> None:
        """Keep a document that is written already.

        Raises:
            StorageError: it can't be kept.
        """
        self._write(f"{name}.json", content)

    def _write(self, name: str, content: bytes) -> None:
        path = ""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix=f".{name}.", dir=self.directory)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(path).replace(self.directory / name)
            folder = os.open(self.directory, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            if path:
                with contextlib.suppress(OSError):
                    Path(path).unlink()
            raise StorageError(str(error)) from None
