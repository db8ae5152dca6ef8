"""Runs the modules, each on its own: one that fails or hangs is ended and started again, and none disturbs another."""

import asyncio
from collections.abc import Iterable
import contextvars
from dataclasses import dataclass
import logging
from typing import Final

from .backoff import Backoff
from .module import Context, Module, ModuleProblemError, Received
from .node import Node
from .settings import ModuleSettings
from .watchdog import BlockedError, culprit
from .words import described, words
from .worker import Worker

_LOG: Final = logging.getLogger(__name__)
_MAX_HANGING: Final = 3
"""How many calls of a module may hang in threads, which can't be ended, before it is not started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The supervisor's times, in seconds."""

    first_delay: float = 1
    most_delay: float = 300
    settled: float = 5
    """A module that was restarted counts as working again with its first sign of life after this time."""
    proven: float = 60
    """A module that was well for this time begins with the first delay again when it fails."""
    grace: float = 5
    """How long a module may take to end."""


class Supervisor:
    """All modules of the node."""

    def __init__(self, node: Node, modules: Iterable[ModuleSettings], patience: Patience) -> None:
        """Prepare to run modules; nothing starts yet."""
        self._runners = {module.name: _Runner(node, module, patience) for module in modules}

    async def run(self) -> None:
        """Run all modules until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())  # also when there is none that can run
            for runner in self._runners.values():
                group.create_task(runner.run())

    def tell(self, command: Received) -> bool:
        """Hand a command to the module that its entity belongs to; return whether that runs."""
        runner = self._runners.get(command.entity.module or "")
        if runner is None or runner.context is None:
            _LOG.warning("Dropped a command to %s: its module isn't running", command.entity.key)
            return False
        runner.context.tell(command)
        return True


class _Runner:
    """One module: its runs, one after the other."""

    def __init__(self, node: Node, settings: ModuleSettings, patience: Patience) -> None:
        self.context: Context | None = None
        self._node = node
        self._settings = settings
        self._patience = patience
        self._backoff = Backoff(patience.first_delay, patience.most_delay, patience.first_delay / 2)
        self._workers: list[Worker] = []
        self._blocked = asyncio.Event()
        self._reason: str | None = None

    async def run(self) -> None:
        """Run the module again and again."""
        kind = self._settings.kind
        if isinstance(kind, str):
            self._fail(kind)
            return
        while True:
            self._workers = [worker for worker in self._workers if worker.alive]
            if len(self._workers) < _MAX_HANGING:
                self._fail(await self._run_once(kind))
            else:
                self._fail(f"{len(self._workers)} calls to its hardware hang; the node has to be restarted")
            await asyncio.sleep(self._backoff.next())

    async def _run_once(self, kind: type[Module]) -> str:
        """Run the module until it ends, or has to be ended; return why it did."""
        self._blocked.clear()
        context = self.context = Context(self._node, self._settings.name, kind.stall)
        self._workers.append(context.worker)
        marked = contextvars.copy_context()
        marked.run(culprit.set, self._blocked.set)
        task = asyncio.create_task(self._guard(kind, context), name=self._settings.name, context=marked)
        reason: str | None = None
        try:
            reason = await self._watch(task, context)
        finally:
            if context.lively_after(self._patience.proven):
                self._backoff.reset()
            self.context = None
            task.cancel()
            await asyncio.wait({task}, timeout=self._patience.grace)
            context.close()
        if reason is None:
            reason = task.result()
        elif not task.done():
            # Nothing can end it. It is left alone, and not started a second time beside itself.
            self._fail(f"{reason}, and it doesn't end when it is told to")
            await asyncio.wait({task})
        return reason

    async def _watch(self, task: asyncio.Task[str], context: Context) -> str | None:
        """Wait until the module ends; return what it has to be ended for, if it doesn't."""
        blocked = asyncio.create_task(self._blocked.wait())
        try:
            while True:
                times = [context.patience(), None if self._reason is None else self._patience.settled]
                timeout = min((time for time in times if time is not None), default=None)
                await asyncio.wait({task, blocked}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if self._blocked.is_set():
                    return "it blocked the node"
                if task.done():
                    return None
                if context.patience() == 0:
                    return "it hangs: no sign of life"
                if self._reason is not None and context.lively_after(self._patience.settled):
                    self._recover()
        finally:
            blocked.cancel()

    async def _guard(self, kind: type[Module], context: Context) -> str:
        """Run the module's own code; return how it ended."""
        try:
            await kind(self._settings.values).run(context)
        except asyncio.CancelledError:
            return "it cancelled itself"
        # Even an exit is the module's failure and not the node's.
        except BaseException as error:  # noqa: BLE001
            return self._describe(error)
        return "it ended by itself"

    def _describe(self, error: BaseException) -> str:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, BlockedError):
            return "it blocked the node"
        if isinstance(error, ModuleProblemError):
            return words(error)
        reason = described(error)
        if reason != self._reason:
            _LOG.error("The module %s failed", self._settings.name, exc_info=error)
        return reason

    def _fail(self, reason: str) -> None:
        if reason != self._reason:
            _LOG.warning("The module %s doesn't work: %s", self._settings.name, reason)
        self._reason = reason
        self._node.set_problem(self._settings.name, reason)
        self._node.forget(self._settings.name)

    def _recover(self) -> None:
        _LOG.info("The module %s works again", self._settings.name)
        self._reason = None
        self._node.set_problem(self._settings.name, None)
