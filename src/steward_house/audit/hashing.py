"""Hashes the bundles of a large log in another process, while this one reads what the entries mean."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
import multiprocessing
import os
import sys
import threading
from typing import Final

from ..protocol.log.tiles import HEIGHT, TilePath, needed_bundles
from .sources import Files, FolderFiles
from .tree import Bundle, Wrong, check_bundle

WORTH_IT: Final = 400
"""With so many bundles a second process begins to save more than its start takes."""
_AT_ONCE: Final = 64

type Hashed = tuple[list[Wrong], Bundle]


def hash_bundles(files: Files, size: int) -> Iterator[Hashed] | None:
    """Give what `check_bundle` says of each bundle, from another process; None where that isn't worth it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2 or size >> HEIGHT < WORTH_IT or not isinstance(files, FolderFiles):  # noqa: PLR2004
        return None
    return _hash_elsewhere(files, size, min(cores - 1, 4))


def _hash_elsewhere(files: FolderFiles, size: int, workers: int) -> Iterator[Hashed]:
    # A fork has everything imported already; it must not be made while there are threads.
    method = "fork" if sys.platform == "linux" and threading.active_count() == 1 else None
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(method)) as pool:
        paths = needed_bundles(size)
        parts = iter(lambda: list(islice(paths, _AT_ONCE)), [])
        for found in pool.map(_hash, ((files, part) for part in parts)):
            yield from found


def _hash(work: tuple[FolderFiles, list[TilePath]]) -> list[Hashed]:
    files, paths = work
    return [check_bundle(files, path)[:2] for path in paths]
