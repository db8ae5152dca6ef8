"""Compares what a person read from a meter with what the books say was produced between two such readings."""

from collections.abc import Sequence
from contextlib import suppress

from ..protocol.books.entries import Inspection, unsigned_text
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Note, Verifier
from .books import At, Books
from .findings import Findings
from .options import Options
from .result import InspectionResult


def compare_inspections(books: Books, options: Options, findings: Findings) -> tuple[InspectionResult, ...]:
    """Return every inspection beside the books; one that is off by more than the tolerance is a problem.

    One that is signed is compared with the signed one before it: what the house says itself must not come between them.
    """
    creditor = options.agreed.creditor or (books.account.terms.creditor if books.account.terms else None)
    keys = list(options.inspectors)
    with suppress(NoteError):  # reported with the terms
        keys += [Verifier.parse(creditor)] if creditor else []
    before: dict[tuple[str, bool], At[Inspection]] = {}
    results = []
    for each in sorted(books.inspections, key=lambda item: item.entry.at):
        source, signed = each.entry.source, _is_signed(each.entry, keys)
        result = _compare(books, each, before.get((source, signed)), signed)
        before[source, False] = each
        if signed:
            before[source, True] = each
        results.append(result)
        findings.generation = each.place.generation
        if not result.signed:
            findings.note("inspection_unsigned", entry=each.place.entry, who=each.entry.who)
        off = result.difference
        if off is None:
            findings.note("inspection_alone", entry=each.place.entry, source=each.entry.source)
        elif abs(off) > options.tolerance:
            findings.problem("inspection_off", entry=each.place.entry, source=each.entry.source, percent=f"{off:+.2f}")
    findings.generation = None
    return tuple(results)


def _compare(books: Books, each: At[Inspection], before: At[Inspection] | None, signed: bool) -> InspectionResult:  # noqa: FBT001
    entry = each.entry
    gaps = [gap.entry for gap in books.gaps.values() if gap.entry.source == entry.source]
    curve = books.energies.curve(entry.source, gaps)
    read: int | None
    if before is None:
        read, booked = entry.register, curve.register(entry.at)
    else:
        read = entry.register - before.entry.register
        terms = books.account.terms.source(entry.source) if books.account.terms else None
        if read < 0 and terms is not None and terms.rollover is not None:
            read += terms.rollover
        booked = curve.until(entry.at) - curve.until(before.entry.at)
        if read < 0:
            read = None
    return InspectionResult(each.place, entry.at, entry.source, entry.who, signed, entry.register, read, booked)


def _is_signed(entry: Inspection, keys: Sequence[Verifier]) -> bool:
    if entry.note is None:
        return False
    try:
        note = Note.parse(entry.note.encode())
        return note.text == unsigned_text(entry) and bool(note.verified_by(keys))
    except NoteError:
        return False
