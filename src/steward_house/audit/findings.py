"""What an audit finds: what is wrong (or worth knowing), and where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

SHOWN: Final = 50
"""Findings of one kind that are kept; the others are counted, so that a log that is damaged throughout still fits on a page."""


class Severity(StrEnum):
    """Whether a finding makes the books doubtful."""

    PROBLEM = "problem"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    `code` is stable and has its sentences in `words.py`, which `values` are put into; `generation`, `entry` (its index in that generation) and
    `path` (of the file, as below the generation) say where, as far as that can be said.
    """

    code: str
    severity: Severity = Severity.PROBLEM
    generation: int | None = None
    entry: int | None = None
    path: str | None = None
    values: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))

    def as_dict(self) -> dict[str, object]:
        """Return the finding for JSON; fields that say nothing are left out."""
        fields: dict[str, object] = {
            "code": self.code,
            "severity": self.severity.value,
            "generation": self.generation,
            "entry": self.entry,
            "path": self.path,
            "values": dict(self.values) or None,
        }
        return {key: value for key, value in fields.items() if value is not None}


class Findings:
    """Collects findings in the order in which they are made; `generation` is that of the findings to come."""

    def __init__(self) -> None:
        """Begin with none."""
        self.items: list[Finding] = []
        self.counts: dict[str, int] = {}
        self.problems = 0
        self.generation: int | None = None

    def problem(self, code: str, *, entry: int | None = None, path: str | None = None, **values: str | int) -> None:
        """Add something that is wrong."""
        self.problems += 1
        self._add(code, Severity.PROBLEM, entry, path, values)

    def note(self, code: str, *, entry: int | None = None, path: str | None = None, **values: str | int) -> None:
        """Add something that is worth knowing."""
        self._add(code, Severity.NOTE, entry, path, values)

    @property
    def left_out(self) -> dict[str, int]:
        """How many findings of which code were counted only."""
        return {code: count - SHOWN for code, count in self.counts.items() if count > SHOWN}

    def _add(
        self, code: str, severity: Severity, entry: int | None, path: str | None, values: Mapping[str, str | int]
    ) -> None:
        count = self.counts[code] = self.counts.get(code, 0) + 1
        if count <= SHOWN:
            self.items.append(Finding(code, severity, self.generation, entry, path, MappingProxyType(dict(values))))
