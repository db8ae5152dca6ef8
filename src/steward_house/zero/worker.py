"""One thread for one module's blocking calls."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
import threading


class HangingError(Exception):
    """A call takes too long. It goes on all the same: nothing can end it."""


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[], object]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[object]

    def run(self) -> None:
        error: BaseException | None = None
        result: object = None
        try:
            result = self.function()
        except StopIteration as stop:  # a future can't carry it
            error = RuntimeError(f"{stop!r} was raised")
        except BaseException as raised:  # noqa: BLE001 (raised again where the call was made)
            error = raised
        try:
            self.loop.call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            return  # the loop has ended; nobody waits any more

    def _settle(self, result: object, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class Worker:
    """Runs calls one after the other, so that a bus has one user at a time.

    A daemon thread: the standard library's executors wait for theirs when the program ends, and a call that hangs never ends.
    """

    def __init__(self, name: str) -> None:
        """Start the thread with the first call."""
        self._name = name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def call[T](self, function: Callable[[], T], limit: float) -> T:
        """Run a function in the thread and return what it returns.

        Raises:
            HangingError: it isn't done after `limit` seconds.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[object] = loop.create_future()
        self._calls.put(_Call(function, loop, future))
        try:
            await asyncio.wait({future}, timeout=limit)
            if future.done():
                return future.result()  # type: ignore[return-value]  # what `function` returned
        finally:
            future.cancel()  # nobody waits for it any more
        name = getattr(getattr(function, "func", function), "__qualname__", "a call")
        message = f"{name} takes longer than {limit:g} s"
        raise HangingError(message)

    def close(self) -> None:
        """End the thread after the calls that it has."""
        self._calls.put(None)

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
