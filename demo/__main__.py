"""The demo's command line: `script/demo` until Ctrl-C, or `script/demo --check` without a person."""

import argparse
import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
import json
from pathlib import Path
import shlex
import signal
import sys
import tempfile
from time import monotonic
from typing import Any, Final

from .broker import Kind
from .check import check
from .furnish import furnish
from .homeassistant import AWAY_SECONDS, PASSWORD, USER
from .house import Plan, reset, running, visiting
from .process import ROOT, DemoError, free_port, is_free, say
from .rooms import NURSERY, ROOMS
from .wave import wave

USUAL_PORT: Final = 8123
CALM_DAY: Final = 86_400
"""Seconds of a simulated day while the check measures: as long as a real one, so that nobody else waves a hand."""


WELCOME: Final = """
  The house is at   {address}
  Log in as         {user} / {password}

  Try this:
    - Press 'Wave a hand' in the nursery: its light follows the hand, and the living room's light goes on.
    - Press it in the living room: when the hand leaves, the light goes off again.
    - Settings > Automations: these two automations come from blueprints; make another one from them.
    - Settings > Devices & services > Steward: the rooms' nodes, their modules, their diagnostics.
    - Energy books, the dashboard's second view: what a solar plant owes, witnessed by a neighbour.

  And without Home Assistant, in another terminal:
    - {wave}
      waves in the nursery, and shows how soon the living room's light goes on. Turn it off again by a wave in the living_room.
    - kill -9 {pid}
      kills Home Assistant. Wave again: the light goes on nevertheless. Home Assistant is started again after {away} s, and its
      logbook tells what the living room's node did meanwhile.

  And as an auditor who trusts neither the house nor Steward:
    - {verify}
      checks the energy books from outside, each entry, signature and sum; killing Home Assistant shows there as an outage.

  Ctrl-C stops everything. The house is kept in {folder} until --reset.
"""


def main() -> int:
    """Run the demo as the command line says, and return its exit code."""
    arguments = _arguments()
    task = _wave if arguments.wave else _check if arguments.check else _live
    try:
        return asyncio.run(_until_stopped(task(arguments), 1 if arguments.check else 0))
    except* DemoError as group:
        reason = _reason(group)
    say(reason)
    if arguments.check:
        print(json.dumps({"error": reason}))
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/demo", description="A simulated house around the real programs.")
    parser.add_argument("--check", action="store_true", help="try everything without a person, print JSON, exit")
    parser.add_argument("--reset", action="store_true", help="forget what earlier runs did")
    parser.add_argument("--port", type=int, help="Home Assistant's port (default: 8123 where it is free)")
    parser.add_argument(
        "--data", type=Path, help="the folder that keeps the house (default: .demo; a new one to check)"
    )
    parser.add_argument(
        "--wave", choices=[room.node for room in ROOMS], help="wave in a room of the demo that runs already"
    )
    parser.add_argument("--broker", type=Kind, choices=list(Kind), help="default: mosquitto where it is installed")
    return parser.parse_args()


async def _until_stopped(task: Coroutine[Any, Any, None], stopped: int) -> int:
    """Run the demo until it is done, or until Ctrl-C, SIGTERM or the terminal's end, which let everything be stopped in order.

    Returns:
        The exit code: `stopped` when it was.
    """
    work = asyncio.ensure_future(task)
    stops: list[int] = []

    def stop(number: int) -> None:
        if not stops:  # a second one would interrupt the stopping
            work.cancel()
        stops.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        await work
    except asyncio.CancelledError:
        return stopped
    return 0


async def _live(arguments: argparse.Namespace) -> None:
    """Let a person look at the house."""
    folder = _folder(arguments)
    if arguments.reset:
        reset(folder)
    port = _port(arguments.port or (USUAL_PORT if is_free(USUAL_PORT) else free_port()))
    say("starting a broker, Home Assistant and three area nodes, a solar plant, a witness")
    async with running(Plan(folder=folder, port=port, broker=arguments.broker or Kind.best(), solar=True)) as house:
        async with visiting(house) as (client, observer):
            await furnish(house, client, observer)
        hub = house.home_assistant
        verify = shlex.join(house.books.verify()) if house.books else ""
        wave_there = f"script/demo --wave {NURSERY.node}" + (f" --data {folder}" if arguments.data else "")
        welcome = WELCOME.format(
            address=hub.address,
            user=USER,
            password=PASSWORD,
            folder=folder,
            pid=hub.pid,
            away=AWAY_SECONDS,
            wave=wave_there,
            verify=verify,
        )
        print(welcome, flush=True)
        await asyncio.Event().wait()


async def _wave(arguments: argparse.Namespace) -> None:
    """Wave a hand in a house where somebody looks at it."""
    [room] = [room for room in ROOMS if room.node == arguments.wave]
    await wave(_folder(arguments), room)


def _folder(arguments: argparse.Namespace) -> Path:
    """Return the folder of the house for people."""
    folder: Path = arguments.data or ROOT / ".demo"
    return folder.resolve()


async def _check(arguments: argparse.Namespace) -> None:
    """Try the house, and print what was found."""
    begin = monotonic()
    with tempfile.TemporaryDirectory(prefix="steward-demo-") as temporary:
        folder = (arguments.data or Path(temporary, "house")).resolve()
        if arguments.reset:
            reset(folder)
        port = _port(arguments.port or free_port())
        plan = Plan(folder=folder, port=port, broker=arguments.broker or Kind.best(), day=CALM_DAY, solar=True)
        async with running(plan) as house:
            async with visiting(house) as (client, observer):
                names = await furnish(house, client, observer)
                result = await check(house, client, observer, names, begin)
            if unclean := await house.stop():
                raise DemoError("; ".join(unclean))
    print(json.dumps(asdict(result) | {"total_s": round(monotonic() - begin, 1)}))


def _port(port: int) -> int:
    """Return a port that is free: Home Assistant would go to another one without a word.

    Raises:
        DemoError: it isn't.
    """
    if not is_free(port):
        message = f"port {port} is taken"
        raise DemoError(message)
    return port


def _reason(group: BaseExceptionGroup[DemoError]) -> str:
    """Return what went wrong first."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)


if __name__ == "__main__":
    sys.exit(main())
