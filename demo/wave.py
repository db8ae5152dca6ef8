"""A hand that waves in a room of a running demo, whether Home Assistant is there or not, and what follows from it."""

import asyncio
from pathlib import Path
from typing import Final

import aiomqtt

from steward_house.protocol.entity import LightState
from steward_house.protocol.node import Event

from .house import last_broker_port
from .observer import Heard, observing
from .process import DemoError
from .rooms import ROOMS, Room

GESTURE_SECONDS: Final = 10
AFTER_SECONDS: Final = 1
"""How long what follows from the end of the gesture is shown."""


async def wave(folder: Path, room: Room) -> None:
    """Wave in a room of the demo that runs in a folder, and print what gestures and lights say until it is over.

    Raises:
        DemoError: no demo runs there, or the hand isn't seen.
    """
    port = last_broker_port(folder)
    begin: float | None = None

    def show(heard: Heard) -> None:
        nonlocal begin
        if words := _words(heard):
            begin = heard.at if begin is None else begin
            name = observer.infos[heard.node].name
            print(f"{(heard.at - begin) * 1000:7.1f} ms  {name}: {words}", flush=True)

    try:
        async with observing(port) as observer:
            await observer.wait_for_infos([other.node for other in ROOMS])
            over = observer.next(lambda said: said.node == room.node and _event_type(said) == "ended")
            observer.listen(show)
            await observer.press(room.node, "wave")
            async with asyncio.timeout(GESTURE_SECONDS):
                await over
            await asyncio.sleep(AFTER_SECONDS)
    except aiomqtt.MqttError:
        message = f"no demo is running in {folder}; start it with script/demo, in another terminal"
        raise DemoError(message) from None
    except TimeoutError:
        message = f"nobody sees a hand in the {room.name.lower()}"
        raise DemoError(message) from None


def _words(heard: Heard) -> str | None:
    """Return what a gesture or a light says."""
    match heard.said:
        case Event(event_type=event_type):
            return f"{heard.key} {event_type}"
        case LightState(on=True, brightness=brightness):
            return f"light on, brightness {brightness}"
        case LightState():
            return "light off"
        case _:
            return None


def _event_type(heard: Heard) -> str | None:
    return heard.said.event_type if isinstance(heard.said, Event) else None
