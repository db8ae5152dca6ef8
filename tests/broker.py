"""A real Mosquitto for tests: on the loopback interface, on a port that the system chose, with a configuration of its own."""

from collections import deque
import contextlib
from pathlib import Path
import shutil
import socket
import subprocess
import threading
from typing import Final

_HOST: Final = "127.0.0.1"
_ATTEMPTS: Final = 5
_PATIENCE: Final = 20


class Broker:
    """A Mosquitto that starts, stops and restarts on one port.

    `settings` are further lines of mosquitto.conf; without them anybody may connect. With `persistent`, retained messages survive
    a restart. `log` holds its last lines.
    """

    host = _HOST

    def __init__(
        self, directory: Path, settings: str = "allow_anonymous true", *, persistent: bool = False, port: int = 0
    ) -> None:
        """Keep everything that Mosquitto needs in `directory`; a `port` of 0 leaves the choice to the system."""
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin")
        if program is None:
            message = "Mosquitto is not installed"
            raise FileNotFoundError(message)
        self.port = port
        self.log: deque[str] = deque(maxlen=1000)
        self._program = program
        self._directory = directory
        self._settings = settings
        self._persistent = persistent
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections.

        Raises:
            RuntimeError: it doesn't; the text has its log.
        """
        for _ in range(_ATTEMPTS):
            port = self.port or _free_port()
            if self._start(port):
                self.port = port
                return
            # Somebody else took the port in between: another one, unless it has to be this one.
        message = "Mosquitto doesn't start: " + " / ".join(self.log)
        raise RuntimeError(message)

    def stop(self) -> None:
        """Stop it, as a shutdown of its machine would."""
        if self._process is None:
            return
        for _ in range(_ATTEMPTS):
            # Mosquitto forgets a signal that comes in the moment between its saying 'running' and its main loop.
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
                break
        else:
            self._process.kill()
        self._end()

    def kill(self) -> None:
        """End it without any farewell."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def restart(self) -> None:
        """Stop it and start it again on the same port."""
        self.stop()
        self.start()

    def _start(self, port: int) -> bool:
        self._directory.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "mosquitto.conf"
        lines = [f"listener {port} {_HOST}", "log_dest stderr", "log_type all", self._settings, "user root"]
        if self._persistent:
            lines += ["persistence true", f"persistence_location {self._directory}/"]
        configuration.write_text("\n".join([*lines, ""]))
        process = subprocess.Popen([self._program, "-c", configuration], stderr=subprocess.PIPE, text=True)
        running = threading.Event()
        self._process = process
        self._reader = threading.Thread(target=self._read, args=(process, running), daemon=True)
        self._reader.start()
        if running.wait(_PATIENCE) and process.poll() is None:
            return True
        self.kill()
        return False

    def _read(self, process: subprocess.Popen[str], running: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.strip())
            if line.rstrip().endswith(" running"):
                running.set()
        running.set()  # it ended

    def _end(self) -> None:
        if self._process is not None and self._reader is not None:
            self._process.wait(_PATIENCE)
            self._reader.join(_PATIENCE)
            if self._process.stderr is not None:
                self._process.stderr.close()
        self._process = self._reader = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
