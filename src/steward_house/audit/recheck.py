"""Runs the filter again over the raw values, and compares what comes out with what the log has."""

from collections.abc import Sequence

from .findings import Findings
from .generations import Known


def recheck(known: Sequence[Known], findings: Findings) -> None:
    """Filter every raw value again."""
