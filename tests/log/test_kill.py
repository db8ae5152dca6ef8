"""A process that appends and signs is killed with SIGKILL at random moments; the next one goes on where the disk has it.

`script/campaign kill` does it 1,000 times.
"""

import os
from pathlib import Path
from random import Random
import select
import signal
import struct
import time
from typing import Final

from custom_components.steward.log.storage import LogStorage
from custom_components.steward.protocol.log.checkpoint import Checkpoint, open_checkpoint
from custom_components.steward.protocol.log.tree import EMPTY_ROOT, Frontier, leaf_hash

from .diary import KEY, ORIGIN, VERIFIER

KILLS: Final = int(os.environ.get("STEWARD_KILLS", "30"))
SEED: Final = int(os.environ.get("STEWARD_KILL_SEED", "1"))
ANEW: Final = 20
"""After so many kills a new log begins, so that beginning one is among what is interrupted."""
_TOLD: Final = struct.Struct(">Q32s")
"""A size that was acknowledged; with a root that was signed, else with zeros."""


def entry(run: int, index: int) -> bytes:
    return b"run %d entry %d " % (run, index) + b"." * (index * 7919 % 400)


def append_for_ever(folder: Path, run: int, dice: Random, pipe: int) -> None:
    """Be the process that is killed: tell what was acknowledged and signed, after it was."""
    log = LogStorage.open(folder, ORIGIN, KEY, quick=dice.random() < 0.5)
    while True:
        size = log.size
        number = dice.choice([1, 1, 2, 10, 100, 255, 256, 300, 600])
        log.append([entry(run, index) for index in range(size, size + number)])
        os.write(pipe, _TOLD.pack(log.size, bytes(32)))
        if dice.random() < 0.3:
            checkpoint = open_checkpoint(log.sign(), VERIFIER).checkpoint
            os.write(pipe, _TOLD.pack(checkpoint.size, checkpoint.root))


def run_and_kill(folder: Path, run: int, dice: Random) -> tuple[int, list[Checkpoint]]:
    """Return the size that was acknowledged last, and what was signed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            append_for_ever(folder, run, dice, writing)
        finally:
            os._exit(1)
    os.close(writing)
    told = b""
    enough = dice.choice([0, 1, 3, 10, 30]) * _TOLD.size
    until = time.monotonic() + 20
    while len(told) < enough and time.monotonic() < until and select.select([reading], [], [], 1)[0]:
        told += os.read(reading, 65_536)
    time.sleep(dice.random() * 0.01)  # anywhere in what it does then
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "it ended by itself"
    while more := os.read(reading, 65_536):
        told += more
    os.close(reading)
    size, signed = 0, []
    for at in range(0, len(told) - len(told) % _TOLD.size, _TOLD.size):
        size, root = _TOLD.unpack_from(told, at)
        if any(root):
            signed.append(Checkpoint(ORIGIN, size, root))
    return size, signed


def test_killed(tmp_path: Path) -> None:
    dice = Random(SEED)
    killed_at = set()
    signed: list[Checkpoint] = []
    acknowledged = run = 0
    for kill in range(KILLS):
        if kill % ANEW == 0:
            run, acknowledged, signed = run + 1, 0, []
        folder = tmp_path / str(run)
        size, more = run_and_kill(folder, run, Random(dice.random()))
        acknowledged, signed = max(acknowledged, size), signed + more
        with LogStorage.open(folder, ORIGIN, KEY, quick=bool(kill % 2)) as log:
            assert log.size >= acknowledged
            sizes = {checkpoint.size for checkpoint in signed}
            frontier, roots = Frontier(), {0: EMPTY_ROOT}
            for index, found in enumerate(log.entries()):
                assert found == entry(run, index)
                frontier.append(leaf_hash(found))
                if (
                    frontier.size in sizes
                    or frontier.size == log.size
                    or (log.signed and frontier.size == log.signed.size)
                ):
                    roots[frontier.size] = frontier.root()
            assert log.root() == roots[log.size]
            assert all(checkpoint.root == roots[checkpoint.size] for checkpoint in signed)
            if log.signed is not None:
                assert log.signed.root == roots[log.signed.size]
            if signed:
                assert log.signed is not None
                assert log.signed.size >= signed[-1].size
            assert log.verify() == 0
            acknowledged = log.size
        killed_at.add(acknowledged)
    assert len(killed_at) > KILLS / 2
