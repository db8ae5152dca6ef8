"""The demo's programs don't outlive it."""

import os
from pathlib import Path
import subprocess
import sys

DEMO = """
import asyncio
from pathlib import Path
import sys
from demo.process import Process

async def main():
    await Process("a program", sys.executable, "-c", sys.argv[1], sys.argv[2], log=Path(sys.argv[2] + ".log")).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""
PROGRAM = """
import signal, sys
pipe = open(sys.argv[1], "w")
print("running", file=pipe, flush=True)
signal.pause()
"""


def test_the_demo_is_killed(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", DEMO, PROGRAM, pipe], cwd=root) as demo, pipe.open() as program:
        assert program.readline() == "running\n"
        demo.kill()
        assert program.read() == ""  # it has ended, and closed its end
