"""The daemon as a whole: settings, node, modules and link, from the start to the last farewell."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
import logging
import os
from pathlib import Path
import signal
import sys
import threading
import time
from typing import Final

from .clock import Clock
from .dispatcher import Dispatcher
from .keeper import Keeper
from .link import Link
from .machine import read_machine
from .node import Node
from .settings import CLOCK, Settings, SettingsError, read_settings
from .storage import Storage, StorageError
from .supervisor import Patience, Supervisor
from .watchdog import Watchdog

_LOG: Final = logging.getLogger(__name__)
_FAREWELL: Final = 10
"""Seconds that the link has to leave the broker, which may not answer any more."""
_EXIT_FAILURE: Final = 1
_EXIT_SETTINGS: Final = 2


def start(path: Path, patience: Patience | None = None, block_limit: float = 5) -> int:
    """Run the daemon until a signal ends it; return its exit code: 0 after the signal, 2 for faulty settings, 1 for any other failure.

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
    patience = patience or Patience()
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        executor = ThreadPoolExecutor(thread_name_prefix="asyncio")
        loop.set_default_executor(executor)
        code = 0
        try:
            _finish(loop, _run(settings, storage, instance, patience, block_limit))
        except BaseException:  # noqa: BLE001 (a module may also have cancelled it)
            _LOG.critical("The node failed", exc_info=True)
            code = _EXIT_FAILURE
        left = _finish(loop, _end_tasks(patience.grace, block_limit))
        executor.shutdown(wait=False, cancel_futures=True)
        left += _end_threads(patience.grace)
        if left:
            # asyncio and Python would wait for them for ever.
            _LOG.warning("Left behind, as it doesn't end: %s", ", ".join(left))
            logging.shutdown()
            os._exit(code)
    return code


def _finish[T](loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, T]) -> T:
    """Run the loop until its main work is done, whatever its modules' tasks and callbacks raise to leave the program."""
    task = loop.create_task(work)
    while not task.done():
        try:
            loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            if not task.done():
                # asyncio tells the task that it comes from, where there is one; the node only goes on.
                _LOG.warning("A module tried to end the node", exc_info=error)
    return task.result()


async def _end_tasks(grace: float, block_limit: float) -> list[str]:
    """Cancel all tasks that are left, and return which don't end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if not tasks:
        return []
    with Watchdog(block_limit):
        _, left = await asyncio.wait(tasks, timeout=grace)
    return [f"the task {task.get_name()}" for task in left]


def _end_threads(grace: float) -> list[str]:
    """Wait for all threads that Python would wait for, and return which don't end."""
    deadline = time.monotonic() + grace
    threads = [
        thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()
    ]
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [f"the thread {thread.name}" for thread in threads if thread.is_alive()]


async def _run(settings: Settings, storage: Storage, instance: str, patience: Patience, block_limit: float) -> None:
    """Run the node until a signal ends it."""
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    clock = Clock()
    clock.restore(storage.load(CLOCK))
    keeper = Keeper(storage)
    node = Node(settings, read_machine(), storage, instance, clock)
    supervisor = Supervisor(node, settings.modules, patience)
    # Rules are there before any module tells something.
    dispatcher = Dispatcher(node, keeper, clock, supervisor.tell)
    link = Link(settings, instance, node, dispatcher)
    with Watchdog(block_limit):
        modules = asyncio.create_task(supervisor.run())
        connection = asyncio.create_task(link.run())
        keeping = asyncio.create_task(node.save_changes())
        writing = asyncio.create_task(keeper.run())
        end = asyncio.create_task(ending.wait())
        await asyncio.wait({modules, connection, keeping, writing, end}, return_when=asyncio.FIRST_COMPLETED)
        modules.cancel()
        keeping.cancel()
        writing.cancel()
        await asyncio.wait({modules, keeping, writing})
        link.leave()
        await asyncio.wait({connection}, timeout=_FAREWELL)
        await node.save()
        await keeper.save()
        for task in (connection, keeping, writing, modules):
            if task.done() and not task.cancelled():
                task.result()  # a bug of ours is not passed over in silence


def _set_up_logging(level: str) -> None:
    # The journal of systemd has times of its own.
    stamp = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(level=level.upper(), stream=sys.stderr, format=f"{stamp}%(levelname)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.WARNING)
