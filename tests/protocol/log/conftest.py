"""Other implementations of logs, to be asked for their opinion; what is missing fails a test, since a skipped one shows nothing."""

from collections.abc import Iterator
import json
from pathlib import Path
import subprocess
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PEERS = ROOT / ".venv-peers/bin/python"
TORCHWOOD = ROOT / ".tools/torchwood/usr/bin"


class RefusedError(Exception):
    """The other implementation does not accept something."""


class Oracle:
    """`aics-tlog`, which answers as long as its process runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, question: str, **asked: Any) -> Any:
        """Ask something.

        Raises:
            RefusedError: what was asked about is not accepted.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": question, **asked}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the oracle died: it says why on standard error"
        answer = json.loads(line)
        if "refused" in answer:
            raise RefusedError(answer["refused"])
        return answer["answer"]


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    if not PEERS.exists():
        pytest.fail(f"{PEERS} is missing: run script/setup peers")
    with subprocess.Popen(
        [PEERS, Path(__file__).with_name("oracle.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Oracle(process)
        process.terminate()


@pytest.fixture(scope="session")
def torchwood() -> Path:
    """Return the folder of torchwood's programs."""
    if not (TORCHWOOD / "spicy-torchwood").exists():
        pytest.fail(f"{TORCHWOOD} is missing: run script/setup peers")
    return TORCHWOOD
