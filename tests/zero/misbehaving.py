"""Modules that do what modules must not do, and one that tells that the node still runs. A test installs them as plugins."""

# ruff: noqa: ARG002
import asyncio
import contextlib
import sys
import time
from typing import ClassVar

from steward_house.protocol.entity import NumberInfo, SensorInfo
from steward_house.zero.module import Context, Module, ModuleProblemError

BEATS = SensorInfo(key="beats", name="Beats", state_class="total")
GAP = SensorInfo(key="gap", name="Longest gap between two beats", unit="ms")


class Beating(Module):
    """Counts; that is how a disturbance of the node would show."""

    async def run(self, context: Context) -> None:
        context.declare(BEATS, GAP)
        beats = 0
        gap = 0.0
        last = time.monotonic()
        async for _ in context.every(0.02):
            now = time.monotonic()
            gap, last = max(gap, now - last), now
            beats += 1
            context.publish(BEATS, beats)
            context.publish(GAP, round(gap * 1000))


class Raising(Module):
    async def run(self, context: Context) -> None:
        message = "the bridge\nis out"
        raise ValueError(message)


class Complaining(Module):
    async def run(self, context: Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._complain())

    async def _complain(self) -> None:
        message = "switch the bus on"
        raise ModuleProblemError(message)


def _check(value: object) -> object:
    message = "pins are named"
    raise TypeError(message)


class Checking(Module):
    """Has settings that can't be checked."""

    schema: ClassVar = {"pin": _check}


class Quitting(Module):
    """Leaves when its settings are checked."""

    schema: ClassVar = {"pin": lambda _: sys.exit(3)}


class Speechless(Module):
    async def run(self, context: Context) -> None:
        raise ModuleProblemError


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise self


class Unreadable(Module):
    async def run(self, context: Context) -> None:
        raise UnreadableError


class Returning(Module):
    async def run(self, context: Context) -> None:
        return


class Leaving(Module):
    async def run(self, context: Context) -> None:
        sys.exit(3)


class LeavingTask(Module):
    """Leaves from a task of its own."""

    async def run(self, context: Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._leave())

    async def _leave(self) -> None:
        await asyncio.sleep(0.01)
        sys.exit(3)


class LeavingCall(Module):
    """Leaves from a blocking call of a task of its own."""

    async def run(self, context: Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(context.blocking(lambda: sys.exit(5)))


class LeavingCallback(Module):
    """Leaves from a callback, which is in no task."""

    async def run(self, context: Context) -> None:
        asyncio.get_running_loop().call_later(0.01, self._leave)
        async for _ in context.every(1):
            pass

    def _leave(self) -> None:
        raise KeyboardInterrupt


class Waiting(Module):
    """Waits for ever and says nothing."""

    stall = 0.3

    async def run(self, context: Context) -> None:
        await asyncio.Event().wait()


class Stubborn(Module):
    """Doesn't end when it is told to."""

    stall = 0.3

    async def run(self, context: Context) -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


class Straying(Module):
    """Leaves a task behind that doesn't end when it is told to."""

    async def run(self, context: Context) -> None:
        self.stray = asyncio.create_task(self._stray(), name="stray")
        async for _ in context.every(1):
            pass

    async def _stray(self) -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


class Threading(Module):
    """Leaves a thread behind."""

    async def run(self, context: Context) -> None:
        await asyncio.to_thread(time.sleep, 3600)


class Sleeping(Module):
    """Blocks the node in a system call."""

    async def run(self, context: Context) -> None:
        time.sleep(3600)  # noqa: ASYNC251


class Spinning(Module):
    """Blocks the node in a task of its own, by computing, and swallows what it can."""

    async def run(self, context: Context) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._spin())

    async def _spin(self) -> None:
        while True:
            try:
                while True:
                    pass
            except Exception:  # noqa: BLE001
                continue


class CallingBack(Module):
    """Blocks the node in a callback, outside of any task."""

    async def run(self, context: Context) -> None:
        asyncio.get_running_loop().call_later(0.01, time.sleep, 3600)
        async for _ in context.every(1):
            pass


class Failing(Module):
    """Works until it is told something."""

    stall = None

    async def run(self, context: Context) -> None:
        level = NumberInfo(key="level", name="Level", minimum=0, maximum=10)
        context.declare(level)
        context.publish(level, context.last(level) or 1)
        async for command in context.commands():
            context.publish(level, command.target)
            message = f"can't be {command.target}"
            raise RuntimeError(message)
