"""Which terms are in force: those that the creditor signed, in the order of their numbers, whatever else a log says.

Terms come into force when they are in the log, or on their first day if that is later.
"""

from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from ..fields import ContractError
from ..log.errors import NoteError
from .codec import milliseconds
from .entries import TermsEntry
from .periods import Span, Zones, midnight
from .terms import Terms, check_terms


class Fault(StrEnum):
    """What is wrong with a log's entries, though each can be read."""

    UNSIGNED_TERMS = "unsigned_terms"
    """Terms that the creditor did not sign. They don't count where there are signed ones."""
    OLD_TERMS = "old_terms"
    """Terms that others had already replaced, or that contradict others of their number. They don't count."""
    OTHER_TERMS = "other_terms"
    """Terms that aren't those that somebody holds in their hands. Those count."""
    OTHER_PROJECT = "other_project"
    """Terms that the creditor signed for another project. They don't count."""
    BAD_TERMS = "bad_terms"
    """No terms, or in a time zone that isn't known. They don't count."""
    SEQUENCE = "sequence"
    """A source's readings aren't numbered in a row."""
    TIME = "time"
    """An entry is from before the one before it."""
    PRICE = "price"
    """A price outside of what was agreed (the nearest that was agreed counts), or without a tariff that leaves it to an entity."""
    WAIVED = "waived"
    """Something was waived, or confirmed without a transaction, and the creditor has not signed that. It doesn't count."""
    TWICE = "twice"
    """A transaction that another period has been paid with already. It doesn't count again."""
    SOURCE = "source"
    """A source that isn't in the terms. It doesn't count."""
    GAP = "gap"
    """A gap that ends before it begins, or that began elsewhere than the one that is still open."""
    UNREADABLE = "unreadable"
    """What stands in an entry's place is none."""
    CURRENCY = "currency"
    """Other terms with another currency. They don't count."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Terms, their time zone, from when on they are in force (Unix milliseconds), and whether the creditor signed them."""

    terms: Terms
    zone: tzinfo
    since: int
    signed: bool


class TermsHistory:
    """The terms of a log, as its entries come."""

    def __init__(self, zones: Zones, creditor: str | None = None, agreed: Terms | None = None) -> None:
        """Begin without terms.

        `creditor` is the verifier key whose signature counts; without it, that which the first terms name: the log's own word. `agreed` are
        terms that somebody holds in their hands, which count whatever the log says.
        """
        self._zones = zones
        self.creditor = creditor or (agreed.creditor if agreed else None)
        self.agreed = agreed
        self.agreements: list[Agreement] = []

    @property
    def latest(self) -> Agreement | None:
        """The last that came into force or will."""
        return self.agreements[-1] if self.agreements else None

    def at(self, at: int) -> Agreement | None:
        """Return what is in force at a time; before all of them, the first."""
        if not self.agreements:
            return None
        return next((each for each in reversed(self.agreements) if each.since <= at), self.agreements[0])

    def until(self, at: int) -> int | None:
        """Return when what is in force at a time is replaced; None if it isn't."""
        return next((each.since for each in self.agreements[1:] if each.since > at), None)

    def of(self, span: Span) -> Agreement | None:
        """Return what a period is rounded and due by: what it began with, or what was signed first in it if that was a draft."""
        found = self.at(span.begin)
        if found is None or found.signed:
            return found
        signed = (each for each in self.agreements if each.signed and span.begin <= each.since < span.end)
        return next(signed, found)

    def span(self, at: int) -> Span | None:
        """Return the period that a time lies in, cut where terms with other periods come into force; None before the first."""
        found = self.at(at)
        whole = found.terms.period.span(at, found.zone) if found else None
        if found is None or whole is None:
            return None
        begin, end = whole.begin, whole.end
        here = self.agreements.index(found)
        for earlier, later in zip(self.agreements, self.agreements[1:], strict=False):
            if _periods(earlier) == _periods(later):
                continue
            if self.agreements.index(later) <= here:
                begin = max(begin, later.since)
            else:
                end = min(end, later.since)
        return Span(begin, end)

    def take(self, entry: TermsEntry) -> tuple[Agreement | None, list[tuple[Fault, str]]]:
        """Take terms from the log; return what comes into force with them, if anything does, and what is wrong."""
        try:
            terms = Terms.from_json(entry.terms)
            zone = self._zones(terms.zone)
        except (ContractError, KeyError, ValueError, OSError) as error:
            return None, [(Fault.BAD_TERMS, f"{error}")]
        faults = []
        if self.creditor is None and not self.agreements:
            self.creditor = terms.creditor
        signed, why = self._check(terms, entry.note)
        latest = self.latest
        if latest is not None and latest.terms == terms and latest.signed >= signed:
            return None, []
        if self.agreed and terms.number == self.agreed.number and terms != self.agreed:
            also = ", and the creditor signed these too" if signed else ""
            faults.append((Fault.OTHER_TERMS, f"terms {terms.number}: {differences(self.agreed, terms)}{also}"))
            terms, zone, signed = self.agreed, self._zones(self.agreed.zone), True
        elif not signed:
            faults.append((Fault.UNSIGNED_TERMS, f"terms {terms.number}: {why}"))
        elif self._project not in {None, terms.project}:
            return None, [*faults, (Fault.OTHER_PROJECT, f"terms {terms.number} of {terms.project}")]
        if latest is not None:
            if latest.terms == terms and latest.signed >= signed:
                return None, faults
            if latest.terms.currency != terms.currency:
                return None, [*faults, (Fault.CURRENCY, f"{terms.currency} after {latest.terms.currency}")]
            if latest.signed and not signed:
                return None, faults
            if latest.signed and terms.number <= latest.terms.number:
                return None, [*faults, (Fault.OLD_TERMS, f"terms {terms.number} after terms {latest.terms.number}")]
        now = milliseconds(entry.at)
        since = max(now, midnight(terms.period.start, zone))
        # A draft whose day has not come keeps nothing out: it might never come.
        while self.agreements and not self.agreements[-1].signed and self.agreements[-1].since > now:
            self.agreements.pop()
        if self.agreements:
            # Time that was accounted for by some terms stays so.
            since = max(since, self.agreements[-1].since)
        found = Agreement(terms, zone, since, signed)
        self.agreements.append(found)
        return found, faults

    @property
    def _project(self) -> str | None:
        """What signed terms have to be of; None where nothing that is signed says it yet."""
        if self.agreed is not None:
            return self.agreed.project
        return self.latest.terms.project if self.latest and self.latest.signed else None

    def _check(self, terms: Terms, note: str | None) -> tuple[bool, str]:
        if self.creditor is None:
            return False, "they name no creditor"
        if note is None:
            return False, "without a signature"
        try:
            check_terms(terms, note, self.creditor)
        except NoteError as error:
            return False, f"{error}"
        return True, ""


def differences(mine: Terms, theirs: Terms) -> str:
    """Return the names of what two terms differ in."""
    ours, others = mine.to_json(), theirs.to_json()
    return ", ".join(sorted(name for name in ours.keys() | others.keys() if ours.get(name) != others.get(name)))


def _periods(agreement: Agreement) -> object:
    return agreement.terms.period, agreement.terms.zone
