"""Writes the pages: an index of all periods, and one page for each, whole in themselves."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from html import escape

from ...protocol.books.entries import PaymentStep
from ..books import zone_of
from ..findings import Finding, Severity
from ..result import Outcome, Period, Report
from ..words import CHECKS, OUTCOMES, SKIPPED, say, sentence, where
from .labels import Labels
from .plots import Bar, Span, bars, pairs, spans
from .style import MARKS, PATTERNS, STYLE

KWH = 1_000_000
_ROWS = 500
"""Rows of a table at most; the JSON has all."""


def write_pages(report: Report, language: str) -> dict[str, str]:
    """Return the pages by their file names."""
    writer = _Writer(report, language)
    pages = {"index.html": writer.index()}
    for place, period in enumerate(report.periods):
        pages[page_name(period)] = writer.period(place, period)
    return pages


def page_name(period: Period) -> str:
    """Return the name of a period's page."""
    return f"period-{period.balance.id.replace(':', '')}.html"


class _Writer:
    """Writes the pages of one report in one language."""

    def __init__(self, report: Report, language: str) -> None:
        self._report = report
        self._language = language
        self._words = Labels(language)
        self._zone: tzinfo = zone_of(report.terms.zone) if report.terms else UTC
        self._currency = report.terms.currency if report.terms else ""

    def index(self) -> str:
        """Return the page that leads to the others."""
        report, words = self._report, self._words
        groups = [
            (
                of.id,
                f"{of.id}: {words.owed} {self._money(of.owed)}, {words.paid} {self._money(of.paid)}",
                [("owed", float(of.owed)), ("paid", float(of.paid))],
            )
            for of in (period.balance for period in report.periods)
        ]
        rows = [
            [
                f'<a href="{escape(page_name(period))}">{escape(self._name(period))}</a>',
                self._energy(period.balance.energy),
                self._money(period.balance.owed),
                self._money(period.balance.paid),
                self._money(period.balance.balance),
                words.closed if period.balance.closed else words.open,
            ]
            for period in report.periods
        ]
        plot = self._figure(
            pairs("owed", words.plot_periods, groups, self._currency), [("owed", words.owed), ("paid", words.paid)]
        )
        heads = [words.period, words.energy, words.owed, words.paid, words.balance, words.state]
        parts = [
            self._cards(
                [
                    (words.energy, self._energy(report.energy)),
                    (words.owed, self._money(Decimal(report.owed))),
                    (words.balance, self._money(Decimal(report.balance))),
                ]
            ),
            self._section(
                words.periods, plot + self._table(words.periods, heads, rows, html=(0,)) if rows else words.none
            ),
            self._checks(),
            self._findings(),
            self._log(),
        ]
        return self._page(words.title, parts, home=False)

    def period(self, place: int, period: Period) -> str:
        """Return a period's page."""
        words, of = self._words, period.balance
        near = [
            f'<a href="{escape(page_name(other))}">{escape(label)}</a>'
            for label, other in (
                (words.before, self._report.periods[place - 1] if place else None),
                (words.after, self._report.periods[place + 1] if place + 1 < len(self._report.periods) else None),
            )
            if other is not None
        ]
        cards = [
            (words.energy, self._energy(of.energy)),
            (words.owed, self._money(of.owed)),
            (words.paid, self._money(of.paid)),
            (words.balance, self._money(of.balance)),
            (words.due, self._day(of.due)),
        ]
        parts = [
            f'<p class="near">{" · ".join(near)}</p>' if near else "",
            self._cards(cards),
            self._section(words.production, self._production(period)),
            self._section(words.gaps, self._gaps(period)),
            self._section(words.owed_and_paid, self._payments(period)),
            self._inspections(of.begin, of.end),
            self._runs(of.begin, of.end),
            self._checks(),
            self._findings(),
            self._log(),
        ]
        return self._page(self._name(period), parts, home=True)

    def _production(self, period: Period) -> str:
        words = self._words
        columns, rows = [], []
        for day, of in period.days.items():
            values = [("measured", of.measured), ("register", of.register), ("estimated", of.estimated)]
            said = ", ".join(f"{words.bucket(css)} {self._energy(value)}" for css, value in values if value)
            columns.append(
                Bar(
                    self._short(day.day, day.month),
                    f"{day}: {said or words.nothing}",
                    [(css, value / KWH) for css, value in values],
                )
            )
            rows.append([day.isoformat(), *(self._energy(value) for _, value in values), self._hours(of.gap_seconds)])
        plot = self._figure(
            bars("production", words.plot_production, columns, "kWh"),
            [(css, words.bucket(css)) for css in ("measured", "register", "estimated")],
        )
        heads = [words.day, *(words.bucket(css) for css in ("measured", "register", "estimated")), words.gaps]
        sums = period.balance
        text = words.sums.format(
            measured=self._energy(sums.measured),
            register=self._energy(sums.from_register),
            estimated=self._energy(sums.estimated),
            corrected=self._energy(sums.corrected),
        )
        return f"<p>{escape(text)}</p>{plot}{self._details(words.as_table, self._table(words.production, heads, rows))}"

    def _gaps(self, period: Period) -> str:
        words, of = self._words, period.balance
        if not period.gaps:
            return f"<p>{escape(words.no_gaps)}</p>"
        length = (of.end - of.begin).total_seconds()
        stretches, rows = [], []
        for gap in period.gaps[:_ROWS]:
            entry = gap.entry
            said = f"{entry.source}, {self._time(entry.begin)} \N{EN DASH} {self._time(entry.end)}: {words.cause(entry.cause)}"
            stretches.append(
                Span(
                    (entry.begin - of.begin).total_seconds() / length,
                    (entry.end - of.begin).total_seconds() / length,
                    "gap",
                    said,
                )
            )
            rows.append(
                [
                    entry.source,
                    self._time(entry.begin),
                    self._time(entry.end),
                    words.cause(entry.cause),
                    self._energy(entry.energy),
                    words.worth(entry.worth),
                    f"{gap.place.generation}/{gap.place.entry}",
                ]
            )
        days = [of.begin + timedelta(days=number) for number in range(max(int(length // 86400), 1))]
        labels = [
            ((day - of.begin).total_seconds() / length, self._short(*self._local(day, lambda at: (at.day, at.month))))
            for day in days
        ]
        plot = self._figure(spans("gaps", words.plot_gaps, stretches, labels), [("gap", words.gaps)])
        heads = [words.source, words.begin, words.end, words.why, words.energy, words.worth_by, words.entry]
        note = words.gap_sums.format(count=of.gap_count, hours=self._hours(of.gap_seconds))
        return f"<p>{escape(note)}</p>{plot}{self._table(words.gaps, heads, rows)}"

    def _payments(self, period: Period) -> str:
        words, of = self._words, period.balance
        owed, paid = self._money(of.owed), self._money(of.paid)
        group = (
            self._name(period),
            f"{words.owed} {owed}, {words.paid} {paid}",
            [("owed", float(of.owed)), ("paid", float(of.paid))],
        )
        plot = self._figure(
            pairs("payments", words.plot_owed, [group], self._currency), [("owed", words.owed), ("paid", words.paid)]
        )
        rows = [
            [
                self._time(payment.entry.at),
                words.step(payment.entry.step),
                "" if payment.entry.step is PaymentStep.FAILED else self._money(payment.entry.amount),
                (payment.entry.tx or "")[:16],
                f"{payment.place.generation}/{payment.place.entry}",
            ]
            for payment in period.payments[:_ROWS]
        ]
        heads = [words.time, words.what, words.amount, words.transaction, words.entry]
        return plot + (self._table(words.payments, heads, rows) if rows else f"<p>{escape(words.no_payments)}</p>")

    def _inspections(self, begin: datetime, end: datetime) -> str:
        words = self._words
        rows = [
            [
                self._time(each.at),
                each.source,
                each.who,
                words.yes if each.signed else words.no,
                self._energy(each.register),
                "\N{EN DASH}" if each.difference is None else f"{self._number(each.difference, 2)} %",
            ]
            for each in self._report.inspections
            if begin <= each.at < end
        ]
        heads = [words.time, words.source, words.who, words.signed, words.register_read, words.books_off]
        return self._section(words.inspections, self._table(words.inspections, heads, rows)) if rows else ""

    def _runs(self, begin: datetime, end: datetime) -> str:
        words = self._words
        rows = [
            [
                self._time(run.begin),
                self._time(run.end) if run.end else "\N{EN DASH}",
                words.run(run.how),
                run.device,
                run.code[:12],
            ]
            for run in self._report.runs
            if run.begin < end and (run.end is None or run.end >= begin)
        ][:_ROWS]
        heads = [words.begin, words.end, words.how, words.device, words.program]
        return self._section(words.runs, self._table(words.runs, heads, rows)) if rows else ""

    def _checks(self) -> str:
        rows = []
        for check in self._report.checks:
            why = f" <small>({escape(say(SKIPPED[check.why], self._language))})</small>" if check.why else ""
            rows.append(
                f'<li class="{check.outcome.value}"><span class="mark" aria-hidden="true">{MARKS[check.outcome]}</span>'
                f"<span>{escape(say(CHECKS[check.name].name, self._language))}"
                f'{why}<span class="outcome"> \N{EN DASH} {escape(say(OUTCOMES[check.outcome.value], self._language))}</span></span></li>'
            )
        return self._section(self._words.checked, f'<ul class="checks">{"".join(rows)}</ul>')

    def _findings(self) -> str:
        parts = []
        for severity, title in ((Severity.PROBLEM, self._words.problems), (Severity.NOTE, self._words.notes)):
            found = [item for item in self._report.findings if item.severity is severity]
            if found:
                more = sum(self._report.left_out.get(code, 0) for code in {item.code for item in found})
                listed = "".join(self._finding(item) for item in found)
                rest = f"<p>{escape(self._words.more.format(count=more))}</p>" if more else ""
                parts.append(self._section(title, f'<ul class="{severity.value}">{listed}</ul>{rest}'))
        return "".join(parts)

    def _finding(self, item: Finding) -> str:
        place = where(item, self._language)
        head = f"<b>{escape(place)}</b>: " if place else ""
        return f"<li>{head}{escape(sentence(item, self._language))}</li>"

    def _log(self) -> str:
        report, words = self._report, self._words
        rows = []
        for each in report.generations:
            seen = ", ".join(f"{name} ({self._unix(at)})" for name, at in each.cosignatures.items())
            rows.append([str(each.number), str(each.size), each.root[:16], str(each.signed), seen or "\N{EN DASH}"])
        heads = [words.generation, words.entries, words.root, words.covered, words.witnesses]
        about = words.audited.format(
            log=report.log, source=report.source, at=f"{report.audited.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        )
        limits = f"<p>{escape(words.limits)}</p>"
        return self._section(words.log, f"<p>{escape(about)}</p>{self._table(words.log, heads, rows)}{limits}")

    def _page(self, heading: str, parts: Sequence[str], *, home: bool) -> str:
        report, words = self._report, self._words
        project = f"{report.opened.project}, {report.opened.asset}" if report.opened else report.log
        verdict = words.all_right if report.ok else words.wrong.format(count=report.problems)
        mark = MARKS[Outcome.RIGHT if report.ok else Outcome.WRONG]
        back = f'<nav><a href="index.html">{escape(words.all_periods)}</a></nav>' if home else ""
        return (
            f'<!doctype html>\n<html lang="{self._language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<title>{escape(heading)} \N{EN DASH} {escape(project)}</title><style>{STYLE}</style></head><body>{PATTERNS}"
            f"<header>{back}<p>{escape(project)}</p><h1>{escape(heading)}</h1>"
            f'<p class="verdict {"right" if report.ok else "wrong"}"><span class="mark" aria-hidden="true">{mark}</span>'
            f"<span>{escape(verdict)}</span></p></header><main>{''.join(parts)}</main></body></html>\n"
        )

    def _section(self, title: str, body: str) -> str:
        return f"<section><h2>{escape(title)}</h2>{body}</section>"

    def _cards(self, cards: Sequence[tuple[str, str]]) -> str:
        items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in cards)
        return f'<dl class="cards">{items}</dl>'

    def _figure(self, svg: str, legend: Sequence[tuple[str, str]]) -> str:
        keys = "".join(
            f'<li><svg viewBox="0 0 14 14" aria-hidden="true"><rect class="{css}" width="14" height="14"/></svg>{escape(label)}</li>'
            for css, label in legend
        )
        return f'<figure>{svg}<figcaption><ul class="legend">{keys}</ul></figcaption></figure>'

    def _details(self, summary: str, body: str) -> str:
        return f"<details><summary>{escape(summary)}</summary>{body}</details>"

    def _table(
        self, caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], html: Sequence[int] = ()
    ) -> str:
        head = "".join(f'<th scope="col">{escape(title)}</th>' for title in heads)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{cell if at in html else escape(cell)}</td>" for at, cell in enumerate(row))
            + "</tr>"
            for row in rows
        )
        return (
            f'<div class="table" role="region" aria-label="{escape(caption)}" tabindex="0"><table><caption>{escape(caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _name(self, period: Period) -> str:
        of = period.balance
        return f"{self._day(of.begin)} \N{EN DASH} {self._day(of.end - timedelta(milliseconds=1))}"

    def _local[T](self, at: datetime, of: Callable[[datetime], T]) -> T:
        return of(at.astimezone(self._zone))

    def _day(self, at: datetime) -> str:
        return self._local(at, lambda wall: self._words.date(wall.date()))

    def _time(self, at: datetime) -> str:
        return self._local(at, lambda wall: f"{self._words.date(wall.date())} {wall:%H:%M}")

    def _unix(self, at: int) -> str:
        try:
            return self._time(datetime.fromtimestamp(at, UTC))
        except (ValueError, OverflowError, OSError):
            return str(at)

    def _short(self, day: int, month: int) -> str:
        return self._words.short(day, month)

    def _hours(self, seconds: int) -> str:
        return f"{self._number(seconds / 3600, 1)} h"

    def _energy(self, energy: int) -> str:
        return f"{self._number(energy / KWH, 3)} kWh"

    def _money(self, amount: Decimal) -> str:
        digits = self._report.terms.digits if self._report.terms else 2
        return f"{self._number(amount, digits)} {self._currency}"

    def _number(self, number: float | Decimal, digits: int) -> str:
        text = f"{number:,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self._language == "de" else text
