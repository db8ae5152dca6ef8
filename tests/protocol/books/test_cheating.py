"""What an account and the terms make of entries that a dishonest house wrote: hub and auditor count the same, so it counts here."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from steward_house.protocol.books.account import Account
from steward_house.protocol.books.codec import milliseconds
from steward_house.protocol.books.entries import (
    Heartbeat,
    Inspection,
    Payment,
    PaymentStep,
    Reading,
    encode,
    unsigned_text,
)
from steward_house.protocol.books.history import Fault, TermsHistory
from steward_house.protocol.books.periods import Period, Unit
from steward_house.protocol.books.tariff import Fixed
from steward_house.protocol.books.terms import sign_terms, terms_entry
from steward_house.protocol.log.note import sign_note

from .agreed import CREDITOR, START, TERMS, minutes, terms


def account(*entries) -> Account:
    found = Account(ZoneInfo, CREDITOR.vkey)
    for entry in (terms_entry(START, TERMS, sign_terms(TERMS, CREDITOR)), *entries):
        found.feed(encode(entry))
    return found


def faults(found: Account) -> list[Fault]:
    return [problem.fault for problem in found.problems]


@given(st.lists(st.integers(1, 119), min_size=3, max_size=40))
def test_steps_back_add_up(steps):
    """However small the steps: a clock that is more than two minutes behind the latest time is told."""
    at = minutes(600)
    beats = [Heartbeat(at=at)]
    for step in steps:
        at -= timedelta(seconds=step)
        beats.append(Heartbeat(at=at))
    assert (Fault.TIME in faults(account(*beats))) == (sum(steps) > 120)


def test_an_ordinary_reading_from_before_what_was_written():
    def reading(minute, sequence):
        return Reading(at=minutes(minute), source="roof", sequence=sequence, raw="1", unit="kWh", register=10**6)

    right = [reading(0, 0), reading(1, 1), Heartbeat(at=minutes(1)), reading(2, 2)]
    assert faults(account(*right)) == []
    assert faults(account(*right[:2], Heartbeat(at=minutes(30)), right[3])) == [Fault.TIME]


def test_what_was_signed_before_has_its_own_time():
    inspection = Inspection(at=minutes(10), source="roof", register=1, who="Ada")
    waived = Payment(at=minutes(5), project="Roof 7", period="2026-03-02", step=PaymentStep.WAIVED, amount=Decimal(1))
    signed = [replace(each, note=sign_note(unsigned_text(each), CREDITOR).decode()) for each in (inspection, waived)]
    found = account(Heartbeat(at=minutes(60)), *signed, Heartbeat(at=minutes(61)))
    assert faults(found) == []
    # It moves the clock neither back nor forth.
    later = replace(inspection, at=minutes(10_000))
    assert faults(account(Heartbeat(at=minutes(60)), later, Heartbeat(at=minutes(61)))) == []
    assert faults(account(Heartbeat(at=minutes(60)), *signed, Heartbeat(at=minutes(30)))) == [Fault.TIME]


def test_a_waiver_of_another_project():
    waived = Payment(at=START, project="Roof 8", period="2026-03-02", step=PaymentStep.WAIVED, amount=Decimal(9))
    found = account(replace(waived, note=sign_note(unsigned_text(waived), CREDITOR).decode()))
    assert faults(found) == [Fault.WAIVED]
    assert found.balance() == 0


def test_a_draft_whose_day_never_comes():
    history = TermsHistory(ZoneInfo, CREDITOR.vkey)
    never = terms(period=Period(1, Unit.WEEKS, date(2099, 1, 5)))
    history.take(terms_entry(START, never))
    assert history.span(milliseconds(minutes(1))) is None
    history.take(terms_entry(minutes(2), terms(number=2), sign_terms(terms(number=2), CREDITOR)))
    assert [each.terms.number for each in history.agreements] == [2]
    assert history.span(milliseconds(minutes(3))) is not None


def test_a_drafts_digits_and_days():
    history = TermsHistory(ZoneInfo, CREDITOR.vkey)
    history.take(terms_entry(START, terms(digits=0, due_days=366)))
    history.take(terms_entry(minutes(2), terms(number=2), sign_terms(terms(number=2), CREDITOR)))
    span = history.span(milliseconds(minutes(3)))
    assert span is not None
    assert history.of(span).terms.number == 2
    # What was signed keeps the periods that began with it.
    later = terms(number=3, digits=0)
    history.take(terms_entry(minutes(9), later, sign_terms(later, CREDITOR)))
    assert history.of(span).terms.number == 2


def test_terms_of_another_project():
    cheap = terms(project="Roof 8", number=9, tariff=Fixed(Decimal("0.01")))
    found = account(terms_entry(minutes(1), cheap, sign_terms(cheap, CREDITOR)))
    assert faults(found) == [Fault.OTHER_PROJECT]
    assert found.terms == TERMS
    history = TermsHistory(ZoneInfo, CREDITOR.vkey, TERMS)
    _, wrong = history.take(terms_entry(START, cheap, sign_terms(cheap, CREDITOR)))
    assert [fault for fault, _ in wrong] == [Fault.OTHER_PROJECT]
    assert history.agreements == []


def test_two_terms_of_one_number_with_the_creditors_signature():
    history = TermsHistory(ZoneInfo, CREDITOR.vkey, terms(due_days=1))
    _, wrong = history.take(terms_entry(START, TERMS, sign_terms(TERMS, CREDITOR)))
    assert wrong == [(Fault.OTHER_TERMS, "terms 1: due_days, and the creditor signed these too")]
    _, wrong = TermsHistory(ZoneInfo, CREDITOR.vkey, terms(due_days=1)).take(terms_entry(START, TERMS))
    assert wrong == [(Fault.OTHER_TERMS, "terms 1: due_days")]
