"""A year of a household with every fault there is: owed is what was produced, and every gap is listed.

`script/campaign year` runs all minutes of a year, and other seeds.
"""

from datetime import timedelta
from decimal import Decimal
import os
from zoneinfo import ZoneInfo

import pytest

from steward_house.protocol.books.account import Account
from steward_house.protocol.books.entries import Gap, Outage, Reading, Start, Worth, encode
from steward_house.protocol.books.terms import SourceKind, SourceTerms

from .agreed import CREDITOR, START, Books, terms
from .household import KWH, MODULUS, NO_GAPS, SURE_GAPS, Household

YEARS = int(os.environ.get("STEWARD_YEARS", "0"))
FIRST = int(os.environ.get("STEWARD_FIRST_YEAR", "2"))
PRICE = Decimal("0.20")
AFTER = timedelta(minutes=15)
HOUSES = [
    ("365", "5", "1", "register"),
    ("42", "1", "1", "register"),
    ("120", "5", "1", "power"),
    *(("365", "1", f"{seed}", kind) for seed in range(FIRST, FIRST + YEARS) for kind in ("register", "power")),
]
"""Days, minutes between readings, seed, kind of source."""


def keep(house: Household) -> Books:
    """Keep a household's books."""
    source = SourceTerms("roof", max_power=5000, rollover=MODULUS)
    if house.power:
        source = SourceTerms("roof", SourceKind.POWER, max_power=5000)
    books = Books(terms(zone="Europe/Berlin", sources=(source,)), START)
    for given in house.given():
        if given.off_since is not None:
            books.hear(Outage(at=given.at, begin=given.off_since, end=given.at))
            books.hear(Start(at=given.at, device="TELLER", code="c0de"))
        else:
            books.take(given.at, given.raw, given.unit)
        if given.at.hour == 23:
            books.tick(given.at)
    return books


@pytest.fixture(scope="module", params=HOUSES, ids="-".join)
def kept(request) -> tuple[Household, Books]:
    days, step, seed, kind = request.param
    house = Household(int(days), int(step), int(seed), START, power=kind == "power")
    return house, keep(house)


def final_gaps(books: Books) -> list[Gap]:
    """Return gaps as they stand in the end: the last entry of each."""
    return list({gap.begin: gap for gap in books.gaps}.values())


def test_owed_is_what_was_produced(kept):
    house, books = kept
    end = books.entries[-1].at
    estimated = [gap for gap in final_gaps(books) if gap.worth is Worth.ESTIMATE]
    guessed = sum(gap.energy for gap in estimated)
    hidden = sum(house.true(gap.end) - house.true(gap.begin) for gap in estimated)
    truth = house.true(end) - hidden
    counted = books.account.energy - guessed
    assert counted == pytest.approx(truth, rel=1e-3)
    owed = books.account.owed() - guessed * PRICE / KWH
    assert float(owed) == pytest.approx(float(truth * PRICE / KWH), rel=1e-3)
    periods = books.account.periods(end)
    assert sum(period.energy for period in periods) == books.account.energy
    print(  # noqa: T201 -- what the campaign is run for
        f"\n{house.days} days, every {house.step} min: {truth / KWH:.3f} kWh, off by {(counted - truth) / truth:+.5%}; "
        f"{len(books.gaps)} gaps, {len(estimated)} of them estimated: {guessed / KWH:.3f} kWh where there were {hidden / KWH:.3f}"
    )
    assert abs(guessed - hidden) < 0.02 * truth
    assert guessed or not house.power


def test_every_gap_is_listed(kept):
    house, books = kept
    gaps = final_gaps(books)
    slack = timedelta(minutes=2 * house.step)
    for fault in house.faults:
        begin, end = (START + timedelta(minutes=minute) for minute in (fault.begin, fault.end))
        if fault.kind in SURE_GAPS and end - begin > AFTER:
            (gap,) = [gap for gap in gaps if abs(gap.begin - begin) <= slack and abs(gap.end - end) <= slack]
            assert gap.cause == SURE_GAPS[fault.kind]
    listed = [gap for period in books.account.periods(books.entries[-1].at) for gap in period.gaps]
    assert {(gap.begin, gap.end) for gap in gaps} == {(gap.begin, gap.end) for gap in listed}


def test_no_gap_without_a_fault(kept):
    house, books = kept
    slack = timedelta(minutes=30)
    # Between readings that are far apart, a long glitch is too long.
    none = NO_GAPS if house.step == 1 else NO_GAPS - {"glitch"}
    for gap in final_gaps(books):
        causes = {
            fault.kind
            for fault in house.faults
            if START + timedelta(minutes=fault.begin) - slack <= gap.end
            and gap.begin <= START + timedelta(minutes=fault.end) + slack
        }
        assert causes - none, gap


def test_the_filter_comes_to_the_same_again(kept):
    _, books = kept
    assert books.recheck() == []


def test_the_account_comes_to_the_same_either_way(kept):
    _, books = kept
    end = books.entries[-1].at
    slow, quick = Account(ZoneInfo, CREDITOR.vkey), Account(ZoneInfo, CREDITOR.vkey)
    for entry in books.entries:
        slow._add(entry)
    quick.extend(map(encode, books.entries))
    assert slow.periods(end) == quick.periods(end) == books.account.periods(end)
    assert slow.problems == quick.problems
    assert not {problem.fault for problem in quick.problems} - {"time"}


def test_every_raw_value_is_kept(kept):
    house, books = kept
    readings = [(entry.at, entry.raw, entry.unit) for entry in books.entries if isinstance(entry, Reading)]
    assert readings == [(given.at, given.raw, given.unit) for given in house.given() if given.off_since is None]
