"""Fetches a log from a teller's address, or from any server of static files, into a folder."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain, count
import json
from pathlib import Path
from typing import Final, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, StreamReader
from yarl import URL

from ..protocol.log.checkpoint import Checkpoint
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Note
from ..protocol.log.tiles import CHECKPOINT, WIDTH, TilePath, needed_bundles, needed_tiles, parse_path
from .sources import MAX_FILE_BYTES, FolderFiles, Generation, Source, SourceError

PATIENCE: Final = ClientTimeout(total=60, sock_connect=10)
AT_ONCE: Final = 8
"""Files that are asked for at the same time."""
MAX_SIZE: Final = 1 << 32
"""A log that says it has more entries isn't fetched."""
MAX_GENERATIONS: Final = 1000
MAX_MISSING: Final = 256
"""After so many files that a server doesn't have the others are not asked for."""
_TRIES: Final = 6
_MAX_WAIT: Final = 60.0
_GENERATIONS: Final = "generations"
_OK: Final = 200
_MISSING: Final = {404, 410}
_MOVED: Final = range(300, 400)
_BUSY: Final = {429, 503}


def is_address(text: str) -> bool:
    """Whether a source is an address rather than a folder."""
    return text.startswith(("http://", "https://"))


class Address:
    """A server's files below an address; used from code that isn't asynchronous, as a context manager."""

    def __init__(self, url: str) -> None:
        """Take the address.

        Raises:
            SourceError: it is none.
        """
        try:
            self._url = URL(url.rstrip("/"))
        except ValueError as error:
            raise SourceError(f"{url} is not an address: {error}") from error
        if not self._url.host:
            raise SourceError(f"{url} is not an address")
        self._runner = asyncio.Runner()
        self._session: ClientSession | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        try:
            if self._session is not None:
                self._runner.run(self._session.close())
        finally:
            self._runner.close()

    def below(self, folder: str) -> "AddressFiles":
        """Return the files of a generation, fetched when they are read; the folder is empty for that of the address itself."""
        return AddressFiles(self, folder)

    def read(self, path: str) -> bytes | None:
        """Fetch a file; None where there is none.

        Raises:
            SourceError: the server can't be reached, or doesn't answer as it should.
        """
        return self._runner.run(self._fetch(path))

    def call(self, method: str, path: str) -> bytes | None:
        """Do another request than to read; None where there is nothing.

        Raises:
            SourceError: the server can't be reached, or doesn't answer as it should.
        """
        return self._runner.run(self._fetch(path, method))

    def read_all(self, folder: Path, below: str, paths: Iterable[str]) -> list[str]:
        """Fetch files of a generation into a folder; return the paths that the server doesn't have.

        Raises:
            SourceError: the server can't be reached or doesn't answer as it should, or the files can't be written.
        """
        return self._runner.run(self._fetch_all(folder, below, paths))

    async def _fetch_all(self, folder: Path, below: str, paths: Iterable[str]) -> list[str]:
        waiting = iter(paths)
        missing: list[str] = []

        async def work() -> None:
            for path in waiting:
                if len(missing) > MAX_MISSING:
                    return
                data = await self._fetch(below + path)
                if data is None:
                    missing.append(path)
                else:
                    write(folder / path, data)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(work())
        except* SourceError as errors:
            raise errors.exceptions[0] from None
        return missing

    async def _fetch(self, path: str, method: str = "GET") -> bytes | None:
        if self._session is None:
            # A few compressed bytes can be gigabytes: nothing is asked for in that form, nor unpacked.
            self._session = ClientSession(
                timeout=PATIENCE, auto_decompress=False, headers={"Accept-Encoding": "identity"}
            )
        name, _, query = path.partition("?")
        url = (self._url.joinpath(*name.split("/")) if name else self._url).with_query(query or None)
        wait = 0.5
        for tried in range(1, _TRIES + 1):
            try:
                async with self._session.request(method, url, allow_redirects=False) as answer:
                    if answer.status == _OK:
                        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                            raise SourceError(f"{url} answers with compressed files, which it was not asked for")
                        return await self._body(answer.content, url)
                    if answer.status in _MISSING:
                        return None
                    if answer.status not in _BUSY or tried == _TRIES:
                        where = answer.headers.get("Location", "")
                        moved = f": use the address that it moved to, {where}" if answer.status in _MOVED else ""
                        raise SourceError(f"{url} answers with status {answer.status}{moved}")
                    wait = _seconds(answer.headers.get("Retry-After"), wait)
            except (ClientError, TimeoutError, ValueError, OSError) as error:
                raise SourceError(f"{url} can't be fetched: {str(error) or type(error).__name__}") from error
            await asyncio.sleep(wait)
            wait *= 2
        raise AssertionError  # the last try has returned or raised

    async def _body(self, content: StreamReader, url: URL) -> bytes:
        body = bytearray()
        async for chunk in content.iter_any():
            body += chunk
            if len(body) > MAX_FILE_BYTES:
                raise SourceError(f"{url} is longer than any file of a log")
        return bytes(body)


class AddressFiles:
    """The files of a generation at an address, each fetched when it is read."""

    def __init__(self, address: Address, folder: str) -> None:
        """Take the address, and the generation's folder below it or nothing."""
        self._address = address
        self._below = f"{folder}/" if folder else ""

    def read(self, path: str) -> bytes | None:
        """Fetch a file; None where there is none.

        Raises:
            SourceError: that can't be found out.
        """
        return self._address.read(self._below + path)

    def listing(self) -> Iterator[str]:
        """Give nothing: a server tells no names."""
        yield from ()


def open_address(address: Address, name: str) -> Source:
    """Return the log at an address; each file is fetched when it is read.

    Raises:
        SourceError: there is none, or it can't be fetched.
    """
    return Source(
        name, tuple(Generation(number, address.below(folder)) for number, folder in find_generations(address, name))
    )


def mirror(address: Address, name: str, folder: Path) -> Source:
    """Fetch every file of the log at an address into a folder, and return the log that is there then.

    Raises:
        SourceError: there is none, or it can't be fetched or written.
    """
    generations = []
    for number, below in find_generations(address, name):
        into = folder / str(number) if number else folder
        _mirror_generation(address, f"{below}/" if below else "", into)
        generations.append(Generation(number, FolderFiles(into)))
    return Source(name, tuple(generations))


def find_generations(address: Address, name: str) -> list[tuple[int | None, str]]:
    """Return the generations' numbers, and the folders that they are in below the address.

    Raises:
        SourceError: there is no log.
    """
    listed = address.read(_GENERATIONS)
    if listed is not None:
        numbers = read_generations(listed, name)
        # The current one may be served at the address itself only.
        last = numbers[-1]
        current = str(last) if address.read(f"{last}/{CHECKPOINT}") is not None else ""
        return [*((number, str(number)) for number in numbers[:-1]), (last, current)]
    if address.read(CHECKPOINT) is not None:
        return [(None, "")]
    found: list[tuple[int | None, str]] = []
    for number in count(1):
        if number > MAX_GENERATIONS or address.read(f"{number}/{CHECKPOINT}") is None:
            break
        found.append((number, str(number)))
    if not found:
        raise SourceError(
            f"{name} has no log: there is no checkpoint (is the address whole, with its unguessable part?)"
        )
    return found


def read_generations(data: bytes, name: str) -> list[int]:
    """Return the generations' numbers from the teller's list of them.

    Raises:
        SourceError: it is none.
    """
    try:
        numbers = [item["generation"] if isinstance(item, dict) else item for item in json.loads(data)]
        if numbers and all(type(item) is int and item > 0 for item in numbers) and len(numbers) <= MAX_GENERATIONS:
            return sorted(set(numbers))
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise SourceError(f"{name} answers with something else than its list of generations")


def write(path: Path, data: bytes) -> None:
    """Write a file, in a folder that is made.

    Raises:
        SourceError: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise SourceError(f"{path} can't be written: {error.strerror}") from error


def _mirror_generation(address: Address, below: str, folder: Path) -> None:
    """Fetch one generation; what is missing then is missing on the server, also after it had grown meanwhile."""
    before = None
    while True:
        note = address.read(below + CHECKPOINT)
        if note is None:
            return
        write(folder / CHECKPOINT, note)
        size = _size(note)
        if size is None:
            return
        missing = address.read_all(folder, below, map(str, chain(needed_tiles(size), needed_bundles(size))))
        full = [str(TilePath(path.level, path.index)) for path in _parse(missing)]
        if not full or not address.read_all(folder, below, full) or note == before:
            return
        before = note  # partial tiles go when a log grows: look whether it has


def _parse(paths: Iterable[str]) -> list[TilePath]:
    return [path for path in map(parse_path, paths) if path.width != WIDTH]


def _size(note: bytes) -> int | None:
    """Return the size that a checkpoint names, whoever signed it; None if it can't be read, or asks for too much."""
    try:
        size = Checkpoint.parse(Note.parse(note).text).size
    except NoteError:
        return None
    return size if size <= MAX_SIZE else None


def _seconds(text: str | None, otherwise: float) -> float:
    """Return how long a busy server wants one to wait."""
    return min(float(text), _MAX_WAIT) if text and text.isascii() and text.isdecimal() else otherwise
