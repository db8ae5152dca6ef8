"""Terms: both ways through JSON, signed, and which of a log's are in force."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.books.codec import milliseconds
from steward_house.protocol.books.history import Fault, TermsHistory, differences
from steward_house.protocol.books.periods import Period, Span, Unit
from steward_house.protocol.books.tariff import Fixed, FromEntity, Row, Table
from steward_house.protocol.books.terms import (
    Filter,
    GapPolicy,
    GapWorth,
    Integration,
    SourceKind,
    SourceTerms,
    Terms,
    check_terms,
    sign_terms,
    terms_entry,
)
from steward_house.protocol.fields import ContractError
from steward_house.protocol.log.errors import NoteError

from .agreed import CREDITOR, START, STRANGER, TERMS, minutes, terms
from .test_entries import sources, texts

prices = st.decimals(-1, 10, places=4)
rows = st.builds(
    Row,
    prices,
    st.sets(st.integers(0, 6)).map(sorted).map(tuple),
    st.none() | st.tuples(st.integers(0, 23), st.integers(0, 24)).filter(lambda hours: hours[0] != hours[1]),
    st.none() | st.just(((10, 1), (3, 31))) | st.just(((2, 29), (2, 29))),
)
tariffs = (
    st.builds(Fixed, prices)
    | st.builds(FromEntity, texts, prices, st.none() | st.just(Decimal(-2)), st.none() | st.just(Decimal(20)))
    | st.lists(rows, max_size=3).map(lambda found: Table((*found, Row(Decimal("0.1")))))
)
agreements = st.builds(
    Terms,
    project=texts,
    currency=st.sampled_from(["EUR", "XLM", "STABLEUSD"]),
    zone=texts,
    tariff=tariffs,
    period=st.builds(Period, st.integers(1, 12), st.sampled_from(Unit), st.dates(date(2000, 1, 1), date(2099, 12, 31))),
    sources=st.lists(
        st.builds(
            SourceTerms,
            sources,
            st.sampled_from(SourceKind),
            st.integers(1, 10**9),
            st.none() | st.integers(1, 2**53),
            st.sampled_from(Integration),
        ),
        max_size=3,
        unique_by=lambda source: source.id,
    ).map(tuple),
    number=st.integers(1, 100),
    creditor=st.none() | texts,
    due_days=st.integers(0, 100),
    digits=st.integers(0, 7),
    gaps=st.builds(GapPolicy, st.sampled_from(GapWorth), st.integers(1, 86_400)),
    filter=st.builds(Filter, st.integers(2, 100), st.integers(0, 10**9), st.integers(0, 1000)),
    witnesses=st.sets(texts, max_size=3).map(sorted).map(tuple),
    ceiling=st.none() | prices,
)


@given(agreements)
def test_round_trip(agreed):
    assert Terms.from_json(agreed.to_json()) == agreed
    check_terms(agreed, sign_terms(agreed, CREDITOR), CREDITOR.vkey)


def change(**changes):
    found = TERMS.to_json()
    for name, value in changes.items():
        parts = name.split("__")
        of = found
        for part in parts[:-1]:
            of = of[part]
        of[parts[-1]] = value
    return found


TABLE = {"kind": "table", "rows": [{"price": "0.3", "hours": [7, 20]}, {"price": "0.2"}]}


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {},
        change(currency="€"),
        change(extra=1),
        change(period__count=0),
        change(period__unit="days"),
        change(period__start="2026-02-30"),
        change(period__start="1999-01-01"),
        change(gaps__worth="half"),
        change(gaps__after=0),
        change(gaps__more=1),
        change(quorum=1),
        change(tariff={"kind": "free"}),
        change(tariff={"kind": "fixed", "price": 0.2}),
        change(tariff={"kind": "entity", "entity_id": "sensor.x", "low": "2", "high": "1"}),
        change(tariff={"kind": "table", "rows": []}),
        change(tariff={"kind": "table", "rows": [{"price": "1", "hours": [7, 20]}]}),
        *(
            change(tariff={**TABLE, "rows": [{"price": "1", **row}, {"price": "2"}]})
            for row in (
                {"hours": [7]}, {"hours": [7, 7]}, {"hours": [24, 7]}, {"hours": [7, 25]}, {"weekdays": [7]}, {"weekdays": [1, 0]},
                {"weekdays": [1, 1]}, {"dates": ["03-31"]}, {"dates": ["03-32", "04-01"]}, {"dates": ["3-1", "4-1"]},
                {"dates": [1, 2]}, {"more": 1},
            )
        ),
        change(sources=[{"id": "a", "kind": "cumulative", "max_power": 1, "integration": "left"}] * 2),
        change(sources=[{"id": "a", "kind": "gas", "max_power": 1, "integration": "left"}]),
    ],
)  # fmt: skip
def test_refused(wrong):
    with pytest.raises(ContractError):
        Terms.from_json(wrong)
    assert Terms.from_json(change(tariff=TABLE)).tariff.rows[0].hours == (7, 20)


def test_signatures():
    note = sign_terms(TERMS, CREDITOR)
    check_terms(TERMS, note, CREDITOR.vkey)
    for agreed, signed, key in (
        (terms(due_days=15), note, CREDITOR.vkey),
        (TERMS, sign_terms(TERMS, STRANGER), CREDITOR.vkey),
        (TERMS, note, STRANGER.vkey),
        (TERMS, "nothing", CREDITOR.vkey),
        (TERMS, note, "no key"),
    ):
        with pytest.raises(NoteError):
            check_terms(agreed, signed, key)


def history(creditor=CREDITOR.vkey, agreed=None):
    return TermsHistory(ZoneInfo, creditor, agreed)


def take(found, agreed, signer=CREDITOR, at=START):
    accepted, faults = found.take(terms_entry(at, agreed, sign_terms(agreed, signer) if signer else None))
    return accepted is not None, [fault for fault, _ in faults]


DEARER = terms(number=2, tariff=Fixed(Decimal("0.30")))


def test_signed_terms_go_on():
    found = history()
    assert take(found, TERMS) == (True, [])
    assert take(found, TERMS) == (False, [])
    cheaper = terms(number=2, tariff=Fixed(Decimal("0.01")))
    assert take(found, cheaper, None) == (False, [Fault.UNSIGNED_TERMS])
    assert take(found, cheaper, STRANGER) == (False, [Fault.UNSIGNED_TERMS])
    assert take(found, DEARER, at=minutes(5)) == (True, [])
    assert take(found, TERMS) == (False, [Fault.OLD_TERMS])
    assert take(found, terms(number=2, due_days=99)) == (False, [Fault.OLD_TERMS])
    assert take(found, terms(number=3, currency="USD")) == (False, [Fault.CURRENCY])
    assert found.latest.terms == DEARER
    assert found.at(milliseconds(minutes(4))).terms == TERMS
    assert found.at(milliseconds(minutes(5))).terms == DEARER
    assert found.until(milliseconds(minutes(4))) == milliseconds(minutes(5))


def test_unsigned_terms_count_until_there_are_signed_ones():
    found = history()
    assert take(found, TERMS, None) == (True, [Fault.UNSIGNED_TERMS])
    assert take(found, DEARER, None) == (True, [Fault.UNSIGNED_TERMS])
    assert not found.latest.signed
    assert take(found, TERMS) == (True, [])
    assert found.latest.signed
    assert take(found, TERMS, None) == (False, [])


def test_without_a_creditor_the_logs_own_word_counts():
    found = history(creditor=None)
    assert take(found, TERMS) == (True, [])
    assert found.creditor == CREDITOR.vkey
    nobody = history(creditor=None)
    assert take(nobody, terms(creditor=None)) == (True, [Fault.UNSIGNED_TERMS])
    assert take(nobody, terms(creditor=None, due_days=3)) == (True, [Fault.UNSIGNED_TERMS])


def test_terms_that_somebody_holds_count():
    found = history(creditor=None, agreed=DEARER)
    cheaper = replace(DEARER, tariff=Fixed(Decimal("0.01")))
    assert take(found, TERMS) == (True, [])
    assert take(found, cheaper) == (True, [Fault.OTHER_TERMS])
    assert found.latest.terms == DEARER
    assert differences(cheaper, DEARER) == "tariff"


def test_no_terms():
    found = history()
    for wrong in (terms(zone="Atlantis/City"), terms(zone="../etc/passwd")):
        assert take(found, wrong) == (False, [Fault.BAD_TERMS])
    assert found.take(replace(terms_entry(START, TERMS), terms={}))[1][0][0] is Fault.BAD_TERMS
    assert (found.latest, found.at(0), found.span(0)) == (None, None, None)


def span(found, at):
    return found.span(milliseconds(at))


def between(begin, end):
    return Span(milliseconds(begin), milliseconds(end))


def test_other_periods_cut_the_present_one():
    found = history()
    take(found, TERMS)
    months = terms(number=2, period=Period(1, Unit.MONTHS, date(2026, 3, 1)))
    changed = START + timedelta(days=10, hours=5)
    take(found, months, at=changed)
    assert span(found, changed - timedelta(seconds=1)) == between(START, changed)
    assert span(found, changed) == between(changed, START.replace(month=4, day=1))
    assert span(found, changed + timedelta(days=40)) == between(
        START.replace(month=4, day=1), START.replace(month=5, day=1)
    )
    take(found, replace(months, number=3, due_days=1), at=changed + timedelta(days=1))
    assert span(found, changed + timedelta(days=2)) == between(changed, START.replace(month=4, day=1))


def test_terms_come_into_force_on_their_first_day():
    found = history()
    take(found, TERMS)
    later = terms(number=2, period=Period(1, Unit.WEEKS, date(2026, 3, 12)))
    take(found, later, at=minutes(1))
    assert found.at(milliseconds(minutes(2))).terms == TERMS
    assert span(found, minutes(2)) == between(START, START.replace(day=12))
    assert span(found, START.replace(day=13)) == between(START.replace(day=12), START.replace(day=19))
    take(found, replace(later, number=3, due_days=3), at=minutes(2))
    assert found.at(milliseconds(minutes(3))).terms == TERMS
    assert found.at(milliseconds(START.replace(day=12))).terms.number == 3
    take(found, terms(number=4), at=minutes(3))
    assert found.at(milliseconds(minutes(4))).terms == TERMS
    early = history()
    take(early, later)
    assert span(early, START) is None
