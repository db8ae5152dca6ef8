"""Checks a whole log: every file, every signature, what the entries say, and what follows from them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from ..protocol.books.account import PeriodBalance
from ..protocol.books.history import Fault
from ..protocol.books.terms import Terms
from ..protocol.log.tiles import CHECKPOINT
from .absences import check_absences
from .anchors import AnchorCheck
from .books import Books, zone_of
from .drafts import drafts
from .findings import Findings, Severity
from .generations import Known, check_generations, read_generations
from .heads import Keys
from .inspections import compare_inspections
from .options import Options
from .payments import PaymentCheck
from .recheck import recheck
from .result import Check, GenerationResult, Outcome, Period, Report
from .sources import Source
from .witnessing import TOLERANCE, WitnessCheck, last_time
from .words import CHECKS

TRIES: Final = 3
SILENT: Final = timedelta(days=1)
"""After so long without an entry the log is said to have ended."""


def verify(source: Source, keys: Keys, options: Options | None = None, now: datetime | None = None) -> Report:
    """Check a log; everything that is wrong is in the report.

    A log may grow while it is read, and lose the partial tiles of its earlier size: then it is read again.

    Raises:
        SourceError: the log can't be read, which says nothing about it.
    """
    for _ in range(TRIES):
        notes = _notes(source)
        report = _verify(source, keys, options or Options(), now or datetime.now(UTC))
        if report.ok or _notes(source) == notes:
            break
    return report


def _notes(source: Source) -> list[bytes | None]:
    return [each.files.read(CHECKPOINT) for each in source.generations]


def _verify(source: Source, keys: Keys, options: Options, now: datetime) -> Report:
    """Check a log as it is found."""
    started = monotonic()
    findings = Findings()
    books = Books(findings, options.agreed.creditor, options.agreed.terms)
    skipped: dict[str, str] = {}

    def take(generation: int, index: int, entries: Sequence[bytes] | None, count: int) -> None:
        if not index:
            books.begin(generation)
        if entries is None:
            books.skip(generation, index, count)
        else:
            books.take(generation, index, entries)

    known = check_generations(read_generations(source, keys, findings), keys, findings, take)
    books.finish()
    latest = max((last for each in known if (last := last_time(each, each.size))), default=None)
    if latest is not None and now - latest > SILENT:
        findings.note("log_silent", days=(now - latest).days)
    elif latest is not None and latest > now + TOLERANCE:
        findings.problem("clock_ahead", seconds=int((latest - now).total_seconds()))
    _check_opening(books, known, keys, findings)
    _check_account(books, findings)
    terms = books.account.terms
    if terms is None:
        skipped["terms"] = "no_terms"
    elif options.agreed.creditor is None:
        skipped["terms"] = "no_creditor"
    witnesses = WitnessCheck(keys, terms, findings, now)
    if witnesses.skipped:
        skipped["witnesses"] = witnesses.skipped
    cosignatures = witnesses.check(known)
    anchors = AnchorCheck(known, keys, findings, options.stamps, options.horizon)
    anchored = tuple(anchors.check(each) for each in books.anchors)
    PaymentCheck(books, keys.log.name, options.horizon, options.destination, findings).check()
    inspections = compare_inspections(books, options, findings)
    if not options.recheck:
        skipped["recheck"] = "not_asked"
    elif terms is None:
        skipped["recheck"] = "no_terms"
    else:
        recheck(known, books, options.agreed, findings)
    _skip_anchors(books, options, skipped)
    if not inspections:
        skipped["inspections"] = "none"
    balances = books.account.periods(now) if terms else []
    check_absences(books, options, balances, latest, findings)
    return Report(
        source=source.name,
        log=keys.log.name,
        audited=now,
        seconds=monotonic() - started,
        generations=tuple(_generation(each, cosignatures.get(each.number, {})) for each in known),
        kinds=dict(sorted(books.kinds.items())),
        checks=_checks(findings, skipped),
        findings=tuple(findings.items),
        left_out=findings.left_out,
        problems=findings.problems,
        opened=books.opened,
        terms=terms,
        periods=_periods(books, _until_the_end(balances), terms),
        owed=f"{books.account.owed():f}" if terms else "0",
        balance=f"{books.account.balance():f}" if terms else "0",
        energy=books.account.energy,
        runs=tuple(books.runs),
        inspections=inspections,
        anchors=anchored,
    )


def _check_opening(books: Books, known: Sequence[Known], keys: Keys, findings: Findings) -> None:
    """Compare what the first entry says of the log with what is audited."""
    opened = books.opened
    if opened is None:
        if known and known[0].number == 1 and any(each.size for each in known):
            findings.problem("opening_missing", entry=0)
        return
    findings.generation = 1
    if (opened.origin, opened.public_key) != (keys.log.name, keys.log.vkey):
        findings.problem("opening_other", entry=0, origin=opened.origin)
    findings.generation = None


def _check_account(books: Books, findings: Findings) -> None:
    """Report what the account found."""
    account = books.account
    signed = {books.terms[at].place: number for at, number in drafts([each.entry for each in books.terms]).items()}
    for problem in account.problems:
        place = books.where(problem.index)
        findings.generation = place.generation
        if problem.fault is Fault.UNSIGNED_TERMS and place in signed:
            findings.note("terms_draft", entry=place.entry, number=signed[place])
            continue
        findings.problem(f"account_{problem.fault.value}", entry=place.entry, what=problem.detail)
    findings.generation = None
    if account.problem_count > len(account.problems):
        findings.problem("account_more", count=account.problem_count - len(account.problems))


def _skip_anchors(books: Books, options: Options, skipped: dict[str, str]) -> None:
    kinds = {each.entry.anchor.value for each in books.anchors}
    if not kinds:
        skipped["anchors"] = "none"
    if "rfc3161" not in kinds:
        skipped["stamps"] = skipped["authorities"] = "none"
    elif not options.stamps.installed:
        skipped["stamps"] = skipped["authorities"] = "no_library"
    elif not options.stamps.has_roots:
        skipped["authorities"] = "no_roots"
    if options.horizon is None:
        skipped["ledger"] = "no_horizon"


def _generation(known: Known, cosignatures: dict[str, int]) -> GenerationResult:
    return GenerationResult(
        number=known.number,
        origin=known.origin,
        size=known.size,
        root="" if known.root is None else known.root.hex(),
        signed=known.signed,
        cosignatures=cosignatures,
        last=last_time(known, known.size) if known.size else None,
    )


def _checks(findings: Findings, skipped: dict[str, str]) -> tuple[Check, ...]:
    """Return what came of each check, by the findings that belong to it."""
    wrong = {item.code for item in findings.items if item.severity is Severity.PROBLEM}
    return tuple(
        Check(name, Outcome.WRONG)
        if wrong & check.codes
        else Check(name, Outcome.SKIPPED, skipped[name])
        if name in skipped
        else Check(name, Outcome.RIGHT)
        for name, check in CHECKS.items()
    )


def _until_the_end(balances: Sequence[PeriodBalance]) -> Sequence[PeriodBalance]:
    """Leave out the periods at the end that the books say nothing of: they were read before, or kept no longer."""
    count = len(balances)
    while count > 1 and not _says(balances[count - 1]):
        count -= 1
    return balances[:count]


def _says(of: PeriodBalance) -> bool:
    return bool(of.energy or of.payments or of.reasons or of.gap_count or of.outage_count)


def _periods(books: Books, balances: Sequence[PeriodBalance], terms: Terms | None) -> tuple[Period, ...]:
    """Return the periods with their days, gaps and payments."""
    if terms is None:
        return ()
    zone = zone_of(terms.zone)
    gaps = sorted(books.gaps.values(), key=lambda each: each.entry.begin)
    days = books.energies.days(zone, [each.entry for each in gaps])
    periods = []
    for balance in balances:
        first = balance.begin.astimezone(zone).date()
        last = (balance.end - timedelta(milliseconds=1)).astimezone(zone).date()
        periods.append(
            Period(
                balance,
                {day: days[day] for day in sorted(days) if first <= day <= last},
                tuple(each for each in gaps if each.entry.begin < balance.end and each.entry.end > balance.begin),
                tuple(each for each in books.payments if each.entry.period == balance.id),
            )
        )
    return tuple(periods)
