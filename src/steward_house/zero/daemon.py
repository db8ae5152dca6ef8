"""The daemon as a whole: settings, node, modules and link, from the start to the last farewell."""

import asyncio
from collections.abc import Coroutine
import logging
import os
from pathlib import Path
import signal
import sys
from typing import Final

from .link import Link
from .machine import read_machine
from .node import Node
from .settings import Settings, SettingsError, read_settings
from .storage import Storage, StorageError
from .supervisor import Patience, Supervisor
from .watchdog import Watchdog

_LOG: Final = logging.getLogger(__name__)
_FAREWELL: Final = 10
"""Seconds that the link has to leave the broker, which may not answer any more."""
_EXIT_FAILURE: Final = 1
_EXIT_SETTINGS: Final = 2


def start(path: Path, patience: Patience | None = None, block_limit: float = 5) -> int:
    """Run the daemon until a signal ends it; return its exit code: 1 without a usable state directory, 2 for faulty settings.

    A module may keep the node from running for `block_limit` seconds.
    """
    try:
        settings = read_settings(path)
    except SettingsError as error:
        for fault in error.faults:
            print(f"{path}: {fault}", file=sys.stderr)  # noqa: T201
        return _EXIT_SETTINGS
    _set_up_logging(settings.log_level)
    storage = Storage(settings.state_dir)
    try:
        instance = storage.instance()
    except StorageError as error:
        _LOG.critical(
            "The state directory %s can't be used (set state_dir to one that can): %s", settings.state_dir, error
        )
        return _EXIT_FAILURE
    with asyncio.Runner() as runner:
        _finish(runner.get_loop(), _run(settings, storage, instance, patience or Patience(), block_limit))
    return 0


def _finish(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, None]) -> None:
    """Run the loop until its main work is done, whatever its modules' tasks and callbacks raise to leave the program."""
    task = loop.create_task(work)
    while not task.done():
        try:
            loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            if not task.done():
                # asyncio tells the task that it comes from, where there is one; the node only goes on.
                _LOG.warning("A module tried to end the node", exc_info=error)
    task.result()


async def _run(settings: Settings, storage: Storage, instance: str, patience: Patience, block_limit: float) -> None:
    """Run the node until a signal ends it."""
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    node = Node(settings, read_machine(), storage, instance)
    supervisor = Supervisor(node, settings.modules, patience)
    link = Link(settings, instance, node, supervisor.tell)
    with Watchdog(block_limit):
        modules = asyncio.create_task(supervisor.run())
        connection = asyncio.create_task(link.run())
        keeping = asyncio.create_task(node.save_changes())
        end = asyncio.create_task(ending.wait())
        await asyncio.wait({modules, connection, keeping, end}, return_when=asyncio.FIRST_COMPLETED)
        modules.cancel()
        keeping.cancel()
        await asyncio.wait({modules, keeping})
        link.leave()
        await asyncio.wait({connection}, timeout=_FAREWELL)
        await node.save()
        for task in (connection, keeping, modules):
            if task.done() and not task.cancelled():
                task.result()  # a bug of ours is not passed over in silence
    if supervisor.stuck:
        # A module goes on regardless, and asyncio would wait for it for ever.
        logging.shutdown()
        os._exit(0)


def _set_up_logging(level: str) -> None:
    # The journal of systemd has times of its own.
    stamp = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(level=level.upper(), stream=sys.stderr, format=f"{stamp}%(levelname)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.WARNING)
