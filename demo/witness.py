"""A neighbour's witness: Debian's litewitness where `script/setup peers` has fetched it, else a small one in Python.

`python -m demo.witness PORT FOLDER` serves until SIGTERM. The folder has the witness's key, what it has seen, and, once it answers, its
verifier key. Like a real one it signs for logs that it was told about, and for what continues the tree that it has signed last.
"""

import asyncio
from contextlib import suppress
from http import HTTPStatus
import json
import os
from pathlib import Path
import re
import shutil
import signal
import sys
from tempfile import TemporaryDirectory
from time import time
from typing import Final, override

from aiohttp import web

from steward_house.protocol.log.checkpoint import open_checkpoint
from steward_house.protocol.log.cosignature import SIZE_TYPE, CosignatureRequest, Cosigner
from steward_house.protocol.log.errors import NoteError, ProofError
from steward_house.protocol.log.note import Note, Verifier
from steward_house.protocol.log.tree import verify_consistency

from .process import LOOPBACK, ROOT, DemoError, Process

NAME: Final = "neighbour.example/witness"
PROGRAMS: Final = ROOT / ".tools" / "torchwood" / "usr" / "bin"
VERIFIER: Final = "verifier"
"""The file with the verifier key."""
SECONDS: Final = 20
_LOGS: Final = "logs.json"
_DATABASE: Final = "litewitness.db"


def real() -> bool:
    """Tell whether there is a real witness, and what it needs."""
    return (PROGRAMS / "litewitness").exists() and shutil.which("ssh-agent") is not None


class WitnessProcess(Process):
    """The witness as a program of its own."""

    def __init__(self, folder: Path, port: int, logs: Path) -> None:
        """Take the folder for what it keeps, its port, and the folder for its log."""
        self._folder = folder
        self.url = f"http://{LOOPBACK}:{port}"
        super().__init__(
            "the neighbour's witness",
            *(sys.executable, "-m", "demo.witness", str(port), str(folder)),
            log=logs / "witness.log",
        )

    @override
    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / VERIFIER).unlink(missing_ok=True)
        await super().start()

    async def verifier(self) -> str:
        """Return its verifier key, once it answers.

        Raises:
            DemoError: it doesn't.
        """
        file = self._folder / VERIFIER
        try:
            async with asyncio.timeout(SECONDS):
                while not file.exists():  # noqa: ASYNC110 - another program can only be asked
                    await asyncio.sleep(0.05)
        except TimeoutError:
            message = f"{self.name} does not start"
            raise DemoError(message) from None
        return file.read_text().strip()

    async def add(self, log: str) -> None:
        """Have it know a log, by its verifier key, as the neighbour would do."""
        if not real():
            file = self._folder / _LOGS
            file.write_text(json.dumps([*json.loads(file.read_text()), log] if file.exists() else [log]))
            return
        about = ("-db", str(self._folder / _DATABASE), "-origin", Verifier.parse(log).name)
        for command in (("add-log", *about), ("add-key", *about, "-key", log)):
            await _run(str(PROGRAMS / "witnessctl"), *command)


class Witness:
    """The one in Python: a key, and the size and root that it has signed last of each log."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; a key is made if there is none."""
        self._folder = folder
        key = folder / "key"
        if not key.exists():
            key.touch(0o600)
            key.write_bytes(os.urandom(32))
        self._cosigner = Cosigner(NAME, key.read_bytes())
        self.verifier = self._cosigner.vkey

    async def add_checkpoint(self, request: web.Request) -> web.Response:
        """Cosign what continues what was cosigned before (c2sp.org/tlog-witness)."""
        try:
            asked = CosignatureRequest.parse(await request.read())
            origin = Note.parse(asked.note).text.partition("\n")[0]
        except NoteError, ProofError:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        logs = {verifier.name: verifier for verifier in map(Verifier.parse, self._read(_LOGS, list[str]()))}
        if origin not in logs:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            signed = open_checkpoint(asked.note, logs[origin])
        except NoteError:
            return web.Response(status=HTTPStatus.FORBIDDEN)
        seen: dict[str, tuple[int, str]] = self._read("seen.json", {})
        size, root = seen.get(origin, (0, ""))
        if asked.old != size:
            return web.Response(status=HTTPStatus.CONFLICT, text=f"{size}\n", content_type=SIZE_TYPE)
        new = signed.checkpoint
        try:
            if size:
                verify_consistency(size, bytes.fromhex(root), new.size, new.root, asked.proof)
        except ProofError:
            return web.Response(status=HTTPStatus.UNPROCESSABLE_ENTITY)
        (self._folder / "seen.json").write_text(json.dumps(seen | {origin: (new.size, new.root.hex())}))
        return web.Response(text=self._cosigner.sign(signed.note.text, int(time())).line)

    def _read[T](self, name: str, missing: T) -> T:
        file = self._folder / name
        found: T = json.loads(file.read_text()) if file.exists() else missing
        return found


async def _serve(port: int, folder: Path) -> None:
    """Be the witness in Python."""
    witness = Witness(folder)
    app = web.Application()
    app.router.add_post("/add-checkpoint", witness.add_checkpoint)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    (folder / VERIFIER).write_text(witness.verifier)
    await asyncio.Event().wait()


async def _run_real(port: int, folder: Path) -> None:
    """Run litewitness, and the SSH agent that has its key, as its manual says."""
    key = folder / "ssh_key"
    if not key.exists():
        await _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    with TemporaryDirectory(prefix="steward-demo-") as short:  # a socket's path can't be long
        await _with_agent(port, folder, key, Path(short, "agent"))


async def _with_agent(port: int, folder: Path, key: Path, socket: Path) -> None:
    agent = await asyncio.create_subprocess_exec(
        "ssh-agent", "-D", "-a", str(socket), stdout=asyncio.subprocess.DEVNULL
    )
    programs = [agent]
    try:
        async with asyncio.timeout(SECONDS):
            while not socket.exists():  # noqa: ASYNC110, ASYNC240 - another program can only be asked
                await asyncio.sleep(0.02)
        await _run("ssh-add", "-q", str(key), SSH_AUTH_SOCK=str(socket))
        fingerprint = (await _run("ssh-keygen", "-l", "-f", str(key))).split()[1]
        witness = await asyncio.create_subprocess_exec(
            PROGRAMS / "litewitness",
            *("-db", str(folder / _DATABASE), "-name", NAME, "-key", fingerprint),
            *("-ssh-agent", str(socket), "-listen", f"{LOOPBACK}:{port}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        programs.append(witness)
        verifier = b""
        while witness.stdout and (line := await witness.stdout.readline()):
            print(line.decode(errors="replace"), end="", flush=True)
            verifier = found[1] if (found := re.search(rb'vkey="?([^"\s]+)', line)) else verifier
            if b"msg=listening" in line:
                (folder / VERIFIER).write_bytes(verifier)
        message = "litewitness ended by itself"
        raise DemoError(message)
    finally:
        for program in reversed(programs):
            with suppress(ProcessLookupError):
                program.terminate()
            await program.wait()


async def _run(*command: str, **environment: str) -> str:
    """Run a command, and return what it prints.

    Raises:
        DemoError: it fails.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
    )
    output, _ = await process.communicate()
    if process.returncode:
        message = f"{command[0]} fails: {output.decode(errors='replace')}"
        raise DemoError(message)
    return output.decode()


async def main(port: int, folder: Path) -> None:
    """Run the witness until SIGTERM."""
    work = asyncio.ensure_future(_run_real(port, folder) if real() else _serve(port, folder))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
