"""An audit's report as text for a terminal, and as JSON."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from ..protocol.books.account import PeriodBalance
from .findings import Severity
from .result import Outcome, Report
from .words import CHECKS, SKIPPED, say, sentence, where

KWH: Final = 1_000_000
"""Milliwatt-hours."""
_MARKS: Final = {Outcome.RIGHT: "  ok ", Outcome.WRONG: "WRONG", Outcome.SKIPPED: "  -  "}
_LISTED: Final = 20


def write_text(report: Report) -> str:
    """Return the report for people."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.log}, from {report.source}"
    for each in report.generations:
        covered = "" if each.signed >= each.size else f", {each.size - each.signed} of them after its last checkpoint"
        last = f", the last one of {_time(each.last)}" if each.last else ""
        yield f"  generation {each.number}: {each.size} entries{covered}{last}"
        for name, at in each.cosignatures.items():
            yield f"    witnessed by {name} at {_time(datetime.fromtimestamp(at, UTC))}"
    yield ""
    for check in report.checks:
        why = f" ({say(SKIPPED[check.why], 'en')})" if check.why else ""
        yield f"{_MARKS[check.outcome]}  {say(CHECKS[check.name].name, 'en')}{why}"
    yield from _findings(report, Severity.PROBLEM, "Wrong")
    yield from _findings(report, Severity.NOTE, "Worth knowing")
    yield from _books(report)
    yield ""
    entries = sum(each.size for each in report.generations)
    yield (
        f"Nothing is wrong. {entries} entries in {report.seconds:.1f} s.{_left_out(report)}"
        if report.ok
        else f"{report.problems} findings. {entries} entries in {report.seconds:.1f} s."
    )


def _left_out(report: Report) -> str:
    """Return what a quick reader could miss: that something could have been checked, and was not."""
    count = sum(check.outcome is Outcome.SKIPPED and check.why != "none" for check in report.checks)
    return f" Not checked: {count} (marked - above)." if count else ""


def _findings(report: Report, severity: Severity, title: str) -> Iterator[str]:
    found = [item for item in report.findings if item.severity is severity]
    if found:
        yield ""
        yield f"{title}:"
    for item in found:
        place = where(item)
        yield f"  {place}: {sentence(item)}" if place else f"  {sentence(item)}"
    for code, count in report.left_out.items():
        if any(item.code == code for item in found):
            yield f"  … and {count} more of the kind {code}"


def _books(report: Report) -> Iterator[str]:
    if report.opened:
        yield ""
        yield f"{report.opened.project}, {report.opened.asset}: {report.energy / KWH:.3f} kWh in all"
    currency = report.terms.currency if report.terms else ""
    digits = report.terms.digits if report.terms else 2
    if report.periods:
        yield ""
        yield f"  {'period':<12}{'measured':>12}{'register':>12}{'estimated':>12}  kWh{'owed':>12}{'paid':>12}{'balance':>12}  {currency}"
    for period in report.periods:
        of = period.balance
        gaps = f"  {of.gap_count} gaps, {of.gap_seconds / 3600:.1f} h" if of.gap_count else ""
        yield (
            f"  {of.id:<12}{of.measured / KWH:>12.3f}{of.from_register / KWH:>12.3f}{of.estimated / KWH:>12.3f}     "
            f"{of.owed:>12.{digits}f}{of.paid:>12.{digits}f}{of.balance:>12.{digits}f}{'' if of.closed else '  open'}{gaps}"
        )
    if report.periods:
        yield f"  owed in all {report.owed} {currency}, not paid {report.balance} {currency}"
    yield from _history(report)


def _history(report: Report) -> Iterator[str]:
    gaps = [gap for period in report.periods for gap in period.gaps]
    if gaps:
        yield ""
        yield "Gaps:"
    for gap in gaps[:_LISTED]:
        of = gap.entry
        yield f"  {of.source}: {_time(of.begin)} to {_time(of.end)}, {of.cause}, {of.energy / KWH:.3f} kWh by {of.worth}"
    if len(gaps) > _LISTED:
        yield f"  … and {len(gaps) - _LISTED} more (all are in --json)"
    if report.runs:
        yield ""
        yield "Runs of the teller:"
    for run in report.runs[-_LISTED:]:
        end = f"to {_time(run.end)}, {run.how}" if run.end else run.how
        yield f"  {_time(run.begin)} {end} (device {run.device}, program {run.code[:12]})"
    for each in report.inspections:
        off = "nothing to compare with" if each.difference is None else f"books off by {each.difference:+.2f} %"
        yield f"Inspection of {each.source} by {each.who} at {_time(each.at)}: {each.register / KWH:.3f} kWh, {off}"


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}Z"


def to_json(report: Report) -> dict[str, object]:
    """Return the report as JSON. Energies are in milliwatt-hours, money are texts, times are ISO 8601."""
    return {
        "version": 1,
        "ok": report.ok,
        "problems": report.problems,
        "source": report.source,
        "log": report.log,
        "audited": report.audited.isoformat(),
        "seconds": round(report.seconds, 3),
        "generations": [
            {
                "number": each.number,
                "origin": each.origin,
                "size": each.size,
                "signed": each.signed,
                "root": each.root,
                "last": each.last.isoformat() if each.last else None,
                "cosignatures": dict(each.cosignatures),
            }
            for each in report.generations
        ],
        "checks": {check.name: {"outcome": check.outcome.value, "why": check.why or None} for check in report.checks},
        "findings": [{**item.as_dict(), "text": sentence(item)} for item in report.findings],
        "left_out": dict(report.left_out),
        "entries": dict(report.kinds),
        "project": report.opened.project if report.opened else None,
        "asset": report.opened.asset if report.opened else None,
        "currency": report.terms.currency if report.terms else None,
        "terms": report.terms.to_json() if report.terms else None,
        "energy": report.energy,
        "owed": report.owed,
        "balance": report.balance,
        "periods": [_period_json(period.balance) for period in report.periods],
        "gaps": [
            {
                "generation": gap.place.generation,
                "entry": gap.place.entry,
                "source": gap.entry.source,
                "begin": gap.entry.begin.isoformat(),
                "end": gap.entry.end.isoformat(),
                "cause": gap.entry.cause.value,
                "worth": gap.entry.worth.value,
                "energy": gap.entry.energy,
            }
            for gap in dict.fromkeys(gap for period in report.periods for gap in period.gaps)
        ],
        "runs": [
            {
                "generation": run.place.generation,
                "entry": run.place.entry,
                "begin": run.begin.isoformat(),
                "end": run.end.isoformat() if run.end else None,
                "how": run.how,
                "device": run.device,
                "code": run.code,
                "version": run.version,
            }
            for run in report.runs
        ],
        "inspections": [
            {
                "generation": each.place.generation,
                "entry": each.place.entry,
                "at": each.at.isoformat(),
                "source": each.source,
                "who": each.who,
                "signed": each.signed,
                "register": each.register,
                "read": each.read,
                "booked": each.booked,
                "percent": None if each.difference is None else round(each.difference, 3),
            }
            for each in report.inspections
        ],
        "anchors": [
            {
                "generation": each.place.generation,
                "entry": each.place.entry,
                "kind": each.kind,
                "size": each.size,
                "of": each.generation,
                "since": each.since.isoformat() if each.since else None,
                "checked": list(each.checked),
            }
            for each in report.anchors
        ],
    }


def _period_json(of: PeriodBalance) -> dict[str, object]:
    return {
        "id": of.id,
        "begin": of.begin.isoformat(),
        "end": of.end.isoformat(),
        "due": of.due.isoformat(),
        "closed": of.closed,
        "measured": of.measured,
        "from_register": of.from_register,
        "estimated": of.estimated,
        "corrected": of.corrected,
        "not_counted": of.not_counted,
        "owed": f"{of.owed:f}",
        "paid": f"{of.paid:f}",
        "pending": f"{of.pending:f}",
        "balance": f"{of.balance:f}",
        "gap_count": of.gap_count,
        "gap_seconds": of.gap_seconds,
        "outage_count": of.outage_count,
        "outage_seconds": of.outage_seconds,
        "reasons": dict(of.reasons),
        "late": of.late,
    }
