"""Waits for witnesses: a teller signs a checkpoint, and some seconds pass until they have cosigned it."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic, sleep
from typing import Final

from .findings import Severity
from .result import Report

RECENT: Final = timedelta(minutes=20)
"""Twice the time between two checkpoints: where nothing has been written for so long, nobody is about to cosign."""
_PAUSE: Final = 2.0
"""Seconds between two looks at the checkpoint."""


def look_patiently(
    look: Callable[[], Report],
    note: Callable[[], bytes | None],
    patience: float,
    *,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> Report:
    """Return what a look at a log comes to; look again where all that is wrong is that its newest checkpoint isn't cosigned yet.

    `note` gives the newest checkpoint as it is now, `patience` is in seconds. Nothing is taken for witnessed that isn't: when they are
    over, the last look counts.
    """
    until = clock() + patience
    while True:
        before = note() if patience else None
        report = look()
        if not _may_be_cosigned(report):
            return report
        while clock() < until and note() == before:
            pause(_PAUSE)
        if clock() >= until:
            return report


def _may_be_cosigned(report: Report) -> bool:
    """Tell whether witnesses may be about to sign, and nothing else is wrong."""
    wrong = {item.code for item in report.findings if item.severity is Severity.PROBLEM}
    last = report.generations[-1].last if report.generations else None
    return wrong == {"quorum_missed"} and last is not None and report.audited - last < RECENT
