"""The hub's benchmark: Steward's area entries beside Home Assistant's own MQTT discovery, on one broker, in turns."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Final

from .broker import HOST, broker, free_port
from .house import Subject
from .process import REPOSITORY
from .report import Comparison, progress

CONFIGURATION: Final = f"""\
homeassistant:
  unit_system: metric
  time_zone: UTC
http:
  server_host: {HOST}
  server_port: {{port}}
"""
PEER: Final = "the peer"
BARE_PEER: Final = "the bare peer"

type Sample = dict[str, float]
"""What one run of a subject measured (see `subject.Measured`)."""


class SubjectFailedError(RuntimeError):
    """A subject didn't do what was to be measured; says why."""


@contextmanager
def configuration(more: str = "") -> Iterator[str]:
    """Give a folder with a fresh configuration, and `more` lines of YAML, that has Steward among its custom integrations."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("configuration.yaml").write_text(CONFIGURATION.format(port=free_port()) + more)
        components = folder / "custom_components"
        components.mkdir()
        components.joinpath("__init__.py").touch()
        components.joinpath("steward").symlink_to(REPOSITORY / "custom_components" / "steward")
        yield name


def publish(port: int, action: str, subject: Subject) -> None:
    """Let the rooms retain or clear what a subject reads."""
    subprocess.run([sys.executable, "-m", "benchmarks.publisher", str(port), action, subject], check=True)


def measure(port: int, subject: Subject) -> Sample:
    """Run one subject in a fresh Home Assistant.

    Raises:
        SubjectFailedError: it didn't do what was to be measured.
    """
    publish(port, "retain", subject)
    with configuration() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.subject", str(port), subject, folder],
            capture_output=True,
            text=True,
            check=False,
        )
    publish(port, "clear", subject)
    if done.returncode:
        raise SubjectFailedError("\n".join([f"{subject}:", *done.stderr.splitlines()[-20:]]))
    sample: Sample = json.loads(done.stdout)
    return sample


def run(rounds: int) -> list[Comparison]:
    """Measure all subjects in turns, every second round backwards; compare the medians."""
    samples: dict[Subject, list[Sample]] = {subject: [] for subject in Subject}
    with broker() as port:
        for number in range(rounds):
            for subject in list(Subject)[:: -1 if number % 2 else 1]:
                progress(f"hub, round {number + 1} of {rounds}: {subject}")
                samples[subject].append(measure(port, subject))

    def compare(name: str, unit: str, figure: str, ours: Subject, target: float | None) -> Comparison:
        mine, peer, bare = (
            tuple(sample[figure] for sample in samples[subject])
            for subject in (ours, Subject.DISCOVERY, Subject.DISCOVERY_BARE)
        )
        return Comparison(
            name=name,
            unit=unit,
            ours=mine,
            peers={PEER: peer, BARE_PEER: bare},
            ratio_target=None if target is None else (PEER, target),
        )

    topics, batches = Subject.TOPICS, Subject.BATCHES
    return [
        compare("5,000 entities have states, one topic each", "s", "ready_seconds", topics, 0.6),
        compare("5,000 entities have states, batches of 50", "s", "ready_seconds", batches, None),
        compare("CPU time for that, one topic each", "s", "ready_cpu_seconds", topics, None),
        compare("CPU time for that, batches of 50", "s", "ready_cpu_seconds", batches, None),
        compare("Memory added, one topic each", "MiB", "memory_mib", topics, 0.6),
        compare("Memory added, batches of 50", "MiB", "memory_mib", batches, None),
        compare("Memory added at its peak, one topic each", "MiB", "peak_mib", topics, None),
        compare("CPU time per value, one topic each", "µs", "update_us", topics, 1.0),
        compare("CPU time per value, batches of 50", "µs", "update_us", batches, 0.3),
    ]
