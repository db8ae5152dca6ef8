"""The logs' benchmark: Steward's beside two others in Python, each run in a fresh process, on a disk that this repository is on."""

import json
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Final

from .process import REPOSITORY
from .report import Comparison, Samples, progress

PEERS: Final = ("aics-tlog", "pymerkle")
PLAIN: Final = "plain file"
PEERS_PYTHON: Final = REPOSITORY / ".venv-peers/bin/python"
FIGURES: Final = {
    "appending": ("steward", *PEERS, PLAIN),
    "large": ("steward", *PEERS),
    "year": ("steward", *PEERS),
}
"""What is measured in one process, and of whom."""

type Sample = dict[str, float]


class LogSubjectFailedError(RuntimeError):
    """A subject didn't do what was to be measured; says why."""


def measure(subject: str, figures: str) -> Sample:
    """Run one subject in a fresh process, on a fresh folder.

    Raises:
        LogSubjectFailedError: it didn't do what was to be measured.
    """
    python = sys.executable if subject == "steward" else PEERS_PYTHON
    # Not the system's temporary folder, which may be in memory, where durability costs nothing.
    build = REPOSITORY / "build"
    build.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=build) as folder:
        done = subprocess.run(
            [python, Path(__file__).with_name("log_subject.py"), subject, figures, folder],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise LogSubjectFailedError("\n".join([f"{subject}:", *done.stderr.splitlines()[-20:]]))
    sample: Sample = json.loads(done.stdout)
    return sample


def run(rounds: int) -> list[Comparison]:
    """Measure all subjects in turns, every second round backwards; compare the medians.

    Raises:
        LogSubjectFailedError: one didn't do what was to be measured.
    """
    samples: dict[str, list[Sample]] = {subject: [] for subject in FIGURES["appending"]}
    for number in range(rounds):
        for figures, subjects in FIGURES.items():
            for subject in subjects[:: -1 if number % 2 else 1]:
                progress(f"log, round {number + 1} of {rounds}: {figures} of {subject}")
                samples[subject].append(measure(subject, figures))

    def compare(name: str, unit: str, figure: str, target: float | None, *, more_is_better: bool = False) -> Comparison:
        found: dict[str, Samples] = {
            subject: tuple(sample[figure] for sample in of if figure in sample) for subject, of in samples.items()
        }
        return Comparison(
            name=name,
            unit=unit,
            ours=found.pop("steward"),
            peers={subject: of for subject, of in found.items() if of},
            target=target,
            more_is_better=more_is_better,
        )

    return [
        compare("Entries appended durably, 100 at a time", "/s", "batched", 5_000, more_is_better=True),
        compare("Entries appended durably, one by one", "/s", "single", 500, more_is_better=True),
        compare("Inclusion proof in 1,000,000 entries", "ms", "proof_ms", 1),
        compare("A year of one-minute readings verified", "s", "year_seconds", 3),
        compare("Memory that appending 1,000,000 entries adds", "MiB", "added_mib", 20),
        compare("Memory of the process at its peak meanwhile", "MiB", "peak_mib", None),
    ]
