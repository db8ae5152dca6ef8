"""Debian's `litewitness`, a witness in Go, on the loopback interface, with an SSH agent of our own that has its key."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
import re
import socketserver
import struct
import subprocess
from threading import Thread
import time
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
import psutil

from custom_components.steward.protocol.log.note import Verifier

PROGRAMS: Final = Path(__file__).parents[2] / ".tools/torchwood/usr/bin"
_KEY: Final = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
_KIND: Final = b"ssh-ed25519"
_IDENTITIES, _IDENTITIES_ARE, _SIGN, _SIGNED, _FAILURE = 11, 12, 13, 14, 5


def _text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


_BLOB: Final = _text(_KIND) + _text(_KEY.public_key().public_bytes_raw())


class _Agent(socketserver.StreamRequestHandler):
    """One connection to the agent (the protocol of OpenSSH's PROTOCOL.agent): it tells its key, and signs with it."""

    def handle(self) -> None:
        while head := self.rfile.read(4):
            message = self.rfile.read(int.from_bytes(head))
            match message[0]:
                case 11:
                    answer = bytes([_IDENTITIES_ARE]) + struct.pack(">I", 1) + _text(_BLOB) + _text(b"witness")
                case 13:
                    key_end = 5 + int.from_bytes(message[1:5])
                    data = message[key_end + 4 : key_end + 4 + int.from_bytes(message[key_end : key_end + 4])]
                    answer = bytes([_SIGNED]) + _text(_text(_KIND) + _text(_KEY.sign(data)))
                case _:
                    answer = bytes([_FAILURE])
            self.wfile.write(_text(answer))


class _AgentServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class Litewitness:
    """The witness while it runs."""

    def __init__(self, folder: Path, url: str, vkey: str) -> None:
        self.folder = folder
        self.url = url
        self.vkey = vkey

    def add(self, log: Verifier) -> None:
        """Have it know a log."""
        for command in (["add-log"], ["add-key", "-key", log.vkey]):
            subprocess.run(
                [PROGRAMS / "witnessctl", command[0], "-db", self.folder / "db", "-origin", log.name, *command[1:]],
                check=True,
                capture_output=True,
                timeout=60,
            )


@contextmanager
def litewitness(folder: Path) -> Iterator[Litewitness]:
    """Run it."""
    fingerprint = "SHA256:" + b64encode(sha256(_BLOB).digest()).decode().rstrip("=")
    socket = folder / "agent"
    with _AgentServer(str(socket), _Agent) as agent:
        Thread(target=agent.serve_forever, daemon=True).start()
        command = [
            PROGRAMS / "litewitness",
            *("-db", folder / "db", "-key", fingerprint, "-name", "witness.example/w1"),
            *("-listen", "127.0.0.1:0", "-ssh-agent", socket),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                yield Litewitness(folder, f"http://127.0.0.1:{_port(process)}", _vkey(process))
            finally:
                process.terminate()
                agent.shutdown()


def _vkey(process: subprocess.Popen[str]) -> str:
    """Wait until it has said which key it has."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if found := re.search(r'vkey="?([^"\s]+)', line):
            return found[1]
    raise AssertionError(said)


def _port(process: subprocess.Popen[str]) -> int:
    """Wait until it listens, and return where."""
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        with suppress(psutil.Error):
            for connection in psutil.Process(process.pid).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    return connection.laddr.port
        time.sleep(0.02)
    raise AssertionError(process.stdout and process.stdout.read())
