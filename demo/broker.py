"""The house's MQTT broker: Mosquitto, or amqtt where Mosquitto isn't installed."""

import asyncio
from enum import StrEnum
import os
from pathlib import Path
import shutil
import sys
from typing import Final

from .process import LOOPBACK, DemoError, Process

START_SECONDS: Final = 30
SYSTEM_FOLDERS: Final = "/usr/local/sbin:/usr/sbin"
"""Where Debian puts Mosquitto, and where an ordinary user's PATH doesn't lead."""


class Kind(StrEnum):
    """The brokers that the demo can run."""

    MOSQUITTO = "mosquitto"
    AMQTT = "amqtt"

    @property
    def protocol(self) -> str:
        """The newest version of MQTT that the broker speaks, as Home Assistant's config flow calls it."""
        return "5" if self is Kind.MOSQUITTO else "3.1.1"

    @classmethod
    def best(cls) -> Kind:
        """Return Mosquitto if it is installed, else amqtt."""
        return cls.MOSQUITTO if _mosquitto() else cls.AMQTT


class Broker(Process):
    """A broker on one port of the loopback interface."""

    def __init__(self, kind: Kind, port: int, folder: Path, logs: Path) -> None:
        """Take which broker, its port, the folder for what it keeps, and the one for its log."""
        self.kind = kind
        self.port = port
        self._folder = folder
        arguments: tuple[str, ...]
        if kind is Kind.MOSQUITTO:
            program = _mosquitto()
            if program is None:
                message = "Mosquitto is not installed; --broker amqtt does without it"
                raise DemoError(message)
            arguments = (program, "-c", str(folder / "mosquitto.conf"))
        else:
            arguments = (sys.executable, "-m", "demo.amqtt_broker", str(port))
        super().__init__("the broker", *arguments, log=logs / f"{kind}.log")

    async def start(self) -> None:
        """Start the broker, and return when it accepts connections.

        Raises:
            DemoError: it doesn't.
        """
        if self.kind is Kind.MOSQUITTO:
            self._configure()
        await super().start()
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._accepts():  # noqa: ASYNC110 - another program can only be asked
                    await asyncio.sleep(0.05)
        except TimeoutError:
            message = f"the broker does not answer on port {self.port}"
            raise DemoError(message) from None

    def _configure(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        user = "user root\n" if os.geteuid() == 0 else ""  # else it changes to a user who may not write here
        (self._folder / "mosquitto.conf").write_text(
            f"listener {self.port} {LOOPBACK}\nallow_anonymous true\nset_tcp_nodelay true\n"
            f"persistence true\npersistence_location {self._folder}/\n{user}",
        )

    async def _accepts(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


def _mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=SYSTEM_FOLDERS)
