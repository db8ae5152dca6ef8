"""The filter run again: it finds whatever a log says that its raw readings don't."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from steward_house.protocol.books.entries import Gap, Generation, Reading, Reason, Start, Worth
from steward_house.protocol.books.metering import Meter
from steward_house.protocol.books.meters import Meters, NoTermsError, recheck
from steward_house.protocol.books.terms import Filter, SourceTerms, sign_terms, terms_entry

from .agreed import CREDITOR, START, TERMS, Books, minutes, terms

FORGED = {
    "energy": lambda entry: replace(entry, energy=entry.energy + 1),
    "raw": lambda entry: replace(entry, raw="100.01"),
    "unit": lambda entry: replace(entry, unit="Wh"),
    "reason": lambda entry: replace(entry, reason=Reason.DOWN),
    "register": lambda entry: replace(entry, register=1),
    "sequence": lambda entry: replace(entry, sequence=99),
}


def books() -> Books:
    kept = Books()
    kept.play([100, 100.05, 100.1, 100.15, "0", 100.25])
    kept.play([103], begin=60)
    kept.play([103.05], begin=61)
    return kept


def found(entries):
    return [(deviation.index, deviation.source) for deviation in recheck(entries, ZoneInfo, CREDITOR.vkey)]


def test_books_that_are_right():
    assert found(books().entries) == []


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_reading(name):
    entries = books().entries
    entries[3] = FORGED[name](entries[3])
    assert found(entries)[0] == (3, "roof")


def test_a_forged_gap():
    entries = books().entries
    (index,) = [index for index, entry in enumerate(entries) if isinstance(entry, Gap)]
    entries[index] = replace(entries[index], energy=0)
    (deviation,) = recheck(entries, ZoneInfo, CREDITOR.vkey)
    assert (deviation.index, deviation.found[0].energy, deviation.expected[0].energy) == (index + 1, 0, 2_750_000)


def test_a_gap_that_is_left_out():
    entries = [entry for entry in books().entries if not isinstance(entry, Gap)]
    assert found(entries) == [(7, "roof")]


def test_a_gap_that_is_made_up():
    entries = books().entries
    gap = next(entry for entry in entries if isinstance(entry, Gap))
    assert found([*entries, replace(gap, worth=Worth.NOTHING)]) == [(len(entries), "roof")]
    made_up = replace(gap, open=True)
    assert found([*entries, made_up]) == [(len(entries), "roof")]
    generation = Generation(at=minutes(70), previous="books.example/1", size=9, root="00", cause="restored")
    assert found([*entries, gap, generation]) == [(len(entries), "roof")]


def test_a_reading_that_is_left_out():
    entries = books().entries
    assert found([*entries[:4], *entries[5:]])[0] == (4, "roof")


def test_other_settings_than_were_agreed():
    """Whoever ran the filter by other settings than the signed ones wrote other reasons or energies."""
    lax = Books(terms(filter=Filter(jitter=0), sources=(SourceTerms("roof", max_power=10**7),)))
    lax.play([100, 150, 100.05, 100.04])
    signed = terms_entry(START, TERMS, sign_terms(TERMS, CREDITOR))
    assert found([signed, *lax.entries[1:]])[0] == (2, "roof")


def test_readings_before_terms():
    reading = Reading(at=START, source="roof", sequence=0, raw="1", unit="kWh")
    assert found([reading]) == [(0, "roof")]
    with pytest.raises(NoTermsError):
        Meters(ZoneInfo).take("roof", START, "1", "kWh")
    assert Meters(ZoneInfo).tick(START) == []


def test_terms_that_come_into_force_later():
    agreed = Books()
    agreed.play([100, 100.05])
    other = replace(TERMS, number=2, sources=(SourceTerms("roof", max_power=6000), SourceTerms("shed", max_power=6000)))
    agreed.agree(other, minutes(2))
    agreed.play([100.15, 100.2], begin=3)
    agreed.take(minutes(30), "5", "kWh", "shed")
    gap = agreed.gaps[-1]
    assert (gap.source, gap.begin, gap.end) == ("shed", minutes(2), minutes(30))
    assert agreed.recheck() == []
    assert set(agreed.meters.gaps(minutes(60))) == {"roof", "shed"}
    future = replace(
        other, number=3, sources=TERMS.sources[:0], period=replace(TERMS.period, start=minutes(2 * 1440).date())
    )
    agreed.agree(future, minutes(40))
    assert set(agreed.meters.gaps(minutes(60))) == {"roof", "shed"}
    assert agreed.tick(minutes(3 * 1440)) == []
    assert agreed.meters.gaps(minutes(3 * 1440)) == {}


def test_a_clock_that_goes_back_across_new_terms():
    """That the hub asked at times that no entry tells of makes no difference: a reading is judged by the terms of its own time."""
    kept = Books()
    kept.play([100, 100.05])
    start = minutes(2 * 1440)
    kept.agree(
        replace(
            TERMS,
            number=2,
            sources=(SourceTerms("roof", max_power=10**6),),
            period=replace(TERMS.period, start=start.date()),
        ),
        minutes(2),
    )
    kept.tick(minutes(3 * 1440))
    kept.play([100.1, 103, 100.15], begin=3)
    assert [reading.reason for reading in kept.entries if isinstance(reading, Reading)][-3:] == ["ok", "spike", "ok"]
    kept.tick(minutes(3 * 1440))
    kept.play([100.2, 100.25], begin=6)
    assert kept.recheck() == []


def test_a_source_that_was_read_before_the_terms_named_it():
    kept = Books()
    kept.take(minutes(1), None, None, "shed")
    kept.agree(replace(TERMS, number=2, sources=(*TERMS.sources, SourceTerms("shed"))), minutes(2))
    assert kept.meters.gaps(minutes(60))["shed"][0] == minutes(2), "it has given nothing since"
    assert kept.recheck() == []


def test_one_meter_restores_itself_too():
    kept = Books(replace(TERMS, period=replace(TERMS.period, count=1)))
    kept.hear(Start(at=START, device="d", code="c"))
    kept.play([100, 100.05, 100.1])
    kept.tick(minutes(8 * 1440))
    meter = Meter("roof", kept.account.terms, ZoneInfo("UTC"), START)
    meter.restore(kept.entries)
    at = minutes(9 * 1440)
    assert meter.gap(at) == kept.meters.gaps(at)["roof"]
    assert meter.take(at, "120", "kWh") == kept.meters.take("roof", at, "120", "kWh")
