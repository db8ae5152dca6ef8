"""Runs the filter again over the raw values, and compares what comes out with what the log has."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
import re
from typing import Final

from ..protocol.books.entries import Entry, Gap, Reading, Reason, decode
from ..protocol.books.meters import recheck as filter_again
from ..protocol.fields import ContractError
from ..protocol.log.errors import TileError
from ..protocol.log.tiles import TileReader
from .books import Books, zone_of
from .findings import Findings
from .generations import Known
from .options import Agreed

_READING: Final = re.compile(
    r'\{"at":"([0-9T:.-]{23})Z","energy":([0-9]+),"kind":"reading",(?:"raw":"([^"\\]*)",)?"reason":"([a-z]+)",'
    r'(?:"register":([0-9]+),)?"sequence":([0-9]+),"source":"([a-z0-9_]+)"(?:,"unit":"([^"\\]*)")?\}',
    re.ASCII,
)


def recheck(known: Sequence[Known], books: Books, agreed: Agreed, findings: Findings) -> None:
    """Filter every raw value again, by the terms of the log, and report where the log says something else.

    The entries were read strictly before.
    """
    entries = _entries(known)
    try:
        for found in filter_again(entries, zone_of, agreed.creditor, agreed.terms):
            place = books.where(found.index)
            findings.generation = place.generation
            findings.problem(
                "recheck_differs",
                entry=place.entry,
                what=f"{found.source}: {_said(found.found)} instead of {_said(found.expected)}",
            )
    except (TileError, ContractError) as error:
        findings.problem("recheck_failed", what=str(error))
    findings.generation = None


def _entries(known: Sequence[Known]) -> Iterator[Entry]:
    for each in known:
        for data in TileReader(each.files.read, each.size).entries(0, each.kept):
            yield _quick(data) or decode(data)


def _quick(data: bytes) -> Reading | None:
    """Read a reading that was read strictly before; None if it takes more than that."""
    found = _READING.fullmatch(data.decode(errors="replace"))
    if found is None:
        return None
    at, energy, raw, reason, register, sequence, source, unit = found.groups()
    try:
        return Reading(
            at=datetime.fromisoformat(at).replace(tzinfo=UTC),
            source=source,
            sequence=int(sequence),
            raw=raw,
            unit=unit,
            energy=int(energy),
            register=None if register is None else int(register),
            reason=Reason(reason),
        )
    except ValueError:
        return None  # it was found to be none before, and will be again


def _said(entries: Sequence[Gap | Reading]) -> str:
    """Return what entries count for, in short."""
    if not entries:
        return "nothing"
    return ", ".join(
        f"{each.energy} mWh ({each.reason})"
        if isinstance(each, Reading)
        else f"a gap of {each.energy} mWh ({each.cause}, {each.worth})"
        for each in entries[:4]
    )
