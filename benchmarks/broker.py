"""A real Mosquitto on a loopback port, for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shutil
import socket
import subprocess
from tempfile import TemporaryDirectory
import time
from typing import Final

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 10
CONFIGURATION: Final = """\
listener {port} {host}
{access}
persistence false
set_tcp_nodelay true
max_queued_messages 0
log_type error
"""
"""Small packets leave at once, and no message is dropped because a client is behind."""
ANYBODY: Final = "allow_anonymous true"


class BrokerError(RuntimeError):
    """There is no broker to measure with."""


@contextmanager
def broker(access: str = ANYBODY) -> Iterator[int]:
    """Run Mosquitto; give its port. `access` is the part of its configuration that says who may connect, and how.

    Raises:
        BrokerError: it isn't installed, or doesn't start.
    """
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        message = "the benchmark needs Mosquitto; run: sudo apt-get install mosquitto"
        raise BrokerError(message)
    with TemporaryDirectory() as folder:
        port = free_port()
        configuration = Path(folder, "mosquitto.conf")
        configuration.write_text(CONFIGURATION.format(port=port, host=HOST, access=access))
        Path(folder).chmod(0o755)  # Mosquitto gives up root's rights before it reads
        process = subprocess.Popen([program, "-c", str(configuration)])
        try:
            _wait(process, port)
            yield port
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    """Return a port that the system has just given away and got back."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when the broker takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    message = "Mosquitto doesn't start"
    raise BrokerError(message)
