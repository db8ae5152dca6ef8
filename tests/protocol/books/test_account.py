"""The account: what is owed for which period, and what is reported."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
import pytest

from steward_house.protocol.books.account import Account, Fault
from steward_house.protocol.books.balance import MAX_GAPS
from steward_house.protocol.books.entries import (
    Cause,
    Gap,
    Generation,
    Heartbeat,
    Inspection,
    Outage,
    Payment,
    PaymentStep,
    Reading,
    Reason,
    Tariff,
    Unknown,
    Worth,
    encode,
    unsigned_text,
)
from steward_house.protocol.books.periods import Period, Unit
from steward_house.protocol.books.tariff import Fixed, FromEntity, Row, Table
from steward_house.protocol.books.terms import SourceTerms, Terms, sign_terms, terms_entry
from steward_house.protocol.fields import ContractError
from steward_house.protocol.log.note import Signer, sign_note

from .agreed import CREDITOR, START, STRANGER, Books, minutes, terms
from .test_meter_properties import agreements, stories, tell

KWH = 10**6
WEEK = 7 * 24 * 60
WEEKLY = terms(period=Period(1, Unit.WEEKS, date(2026, 3, 2)))


class Ledger:
    """An account that is given entries by hand."""

    def __init__(self, agreed: Terms = WEEKLY, signer: Signer | None = CREDITOR) -> None:
        self.account = Account(ZoneInfo, CREDITOR.vkey)
        self.sequence = 0
        self.agree(agreed, signer=signer)

    def agree(self, agreed: Terms, at: float = 0, signer: Signer | None = CREDITOR) -> None:
        self.account.add(terms_entry(minutes(at), agreed, sign_terms(agreed, signer) if signer else None))

    def read(self, at: float, energy: float = 0, reason: Reason = Reason.OK, **more) -> None:
        reading = Reading(
            at=minutes(at),
            source="roof",
            sequence=self.sequence,
            raw="1",
            unit="kWh",
            energy=round(energy * KWH),
            reason=reason,
        )
        self.sequence = more.get("sequence", self.sequence) + 1
        self.account.add(replace(reading, **more))

    def miss(self, begin: float, end: float, energy: float, worth: Worth = Worth.REGISTER, **more) -> None:
        at = minutes(more.pop("at", end))
        gap = Gap(at=at, source="roof", begin=minutes(begin), end=minutes(end), cause=Cause.SILENT, worth=worth)
        self.account.add(replace(gap, energy=round(energy * KWH), **more))

    def period(self, at: float):
        return self.account.period(minutes(at))

    @property
    def faults(self) -> list[Fault]:
        return [problem.fault for problem in self.account.problems]


def test_energy_times_price():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 1)
    ledger.miss(10, 60, 2)
    ledger.miss(60, 120, 3, Worth.ESTIMATE)
    ledger.miss(120, 180, 4, Worth.NOTHING)
    ledger.read(180)
    found = ledger.period(200)
    assert (found.measured, found.from_register, found.estimated, found.not_counted) == (KWH, 2 * KWH, 3 * KWH, 4 * KWH)
    assert (found.energy, found.owed, found.balance) == (6 * KWH, Decimal("1.20"), Decimal("1.20"))
    assert (found.gap_count, found.gap_seconds, len(found.gaps)) == (3, 170 * 60, 3)
    assert found.reasons == {"ok": 3}
    assert (found.id, found.begin, found.end) == ("2026-03-02", START, START + timedelta(days=7))
    assert (found.due, found.closed) == (START + timedelta(days=21), False)
    assert (ledger.account.owed(), ledger.account.energy, ledger.faults) == (Decimal("1.20"), 6 * KWH, [])


def test_rounding_is_once_for_a_period():
    ledger = Ledger(replace(WEEKLY, tariff=Fixed(Decimal("0.123456789")), digits=7))
    for minute in range(1000):
        ledger.read(minute, 0.000001)
    assert ledger.period(1).owed == Decimal("0.0001235")


def test_energy_costs_what_it_cost_when_it_was_produced():
    table = Table((Row(Decimal("0.40"), hours=(8, 20)), Row(Decimal("0.10"))))
    ledger = Ledger(replace(WEEKLY, tariff=table))
    ledger.read(7 * 60)
    ledger.miss(7 * 60, 9 * 60, 2)
    assert ledger.period(1).owed == Decimal("0.50")
    ledger.read(19 * 60 + 50)
    ledger.read(20 * 60 + 10, 1)
    assert ledger.period(1).owed == Decimal("0.75")


def test_prices_from_an_entity():
    tariff = FromEntity("sensor.price", Decimal("0.10"), Decimal("0.05"), Decimal("0.50"))
    ledger = Ledger(replace(WEEKLY, tariff=tariff))
    ledger.read(0)
    ledger.read(10, 1)
    ledger.account.add(Tariff(at=minutes(15), price=Decimal("0.30")))
    ledger.read(20, 1)
    assert ledger.period(1).owed == Decimal("0.10") + Decimal("0.20")
    ledger.account.add(Tariff(at=minutes(30), price=Decimal("0.01")))
    ledger.miss(20, 40, 1)
    assert ledger.period(1).owed == Decimal("0.30") + Decimal("0.175").quantize(Decimal("0.01"))
    assert ledger.faults == [Fault.PRICE]
    for hour in range(1000, 1400):
        ledger.read(hour * 60)
        ledger.account.add(Tariff(at=minutes(hour * 60), price=Decimal("0.20")))
    assert len(ledger.account._timeline._prices) < 60


def test_a_price_that_nobody_agreed_to():
    ledger = Ledger()
    ledger.account.add(Tariff(at=minutes(1), price=Decimal(0)))
    ledger.read(2)
    ledger.read(3, 1)
    assert (ledger.faults, ledger.period(1).owed) == ([Fault.PRICE], Decimal("0.20"))


def test_a_periods_end_splits_what_lies_across():
    ledger = Ledger()
    ledger.read(WEEK - 10)
    ledger.read(WEEK + 30, 4)
    first, second = ledger.account.periods(minutes(WEEK + 30))
    assert (first.measured, second.measured) == (KWH, 3 * KWH)
    assert (first.closed, second.closed) == (True, False)
    assert (first.end, first.id, second.id) == (second.begin, "2026-03-02", "2026-03-09")


def test_a_gap_is_listed_in_each_period_that_it_reaches_into():
    ledger = Ledger()
    ledger.read(WEEK - 60)
    ledger.miss(WEEK - 60, 2 * WEEK + 60, 3)
    lasted = [period.gap_seconds for period in ledger.account.periods(minutes(2 * WEEK + 60))]
    assert lasted == [3600, WEEK * 60, 3600]


def test_an_estimate_is_replaced_by_the_register_in_the_first_open_period():
    ledger = Ledger()
    ledger.read(WEEK - 100)
    ledger.miss(WEEK - 100, WEEK, 5, Worth.ESTIMATE, open=True, at=WEEK + 1)
    first, second = ledger.account.periods(minutes(WEEK + 1))
    assert (first.closed, first.estimated, first.owed, second.owed) == (True, 5 * KWH, Decimal("1.00"), 0)
    ledger.miss(WEEK - 100, WEEK + 100, 4, Worth.REGISTER)
    ledger.read(WEEK + 100)
    first, second = ledger.account.periods(minutes(WEEK + 100))
    assert (first.estimated, first.owed, first.gap_count) == (5 * KWH, Decimal("1.00"), 1)
    assert (second.from_register, second.corrected, second.energy) == (2 * KWH, -3 * KWH, -KWH)
    assert (second.owed, ledger.account.owed()) == (Decimal("-0.20"), Decimal("0.80"))
    assert ledger.account.energy == 4 * KWH


def test_a_closed_period_stays_closed():
    ledger = Ledger()
    ledger.read(WEEK + 10)
    ledger.miss(WEEK - 100, WEEK - 50, 1, at=WEEK + 11)
    first, second = ledger.account.periods(minutes(WEEK + 11))
    assert (first.closed, first.energy, second.corrected) == (True, 0, KWH)


def test_an_open_gap_in_an_open_period_is_replaced_in_place():
    agreed = replace(WEEKLY, sources=(SourceTerms("roof"), SourceTerms("shed")))
    ledger = Ledger(agreed)
    ledger.read(WEEK - 100)
    ledger.miss(WEEK - 100, WEEK, 5, Worth.ESTIMATE, open=True, at=WEEK + 1)
    ledger.miss(WEEK - 100, WEEK + 100, 4, Worth.NOTHING)
    first, second = ledger.account.periods(minutes(WEEK + 100))
    assert not first.closed
    assert (first.energy, first.not_counted, first.gap_count) == (0, 2 * KWH, 1)
    assert (second.energy, second.not_counted, second.gap_count) == (0, 2 * KWH, 1)
    assert ledger.account.owed() == 0


def test_what_is_worth_nothing_may_turn_out_to_be_known():
    ledger = Ledger()
    ledger.read(WEEK - 100)
    ledger.miss(WEEK - 100, WEEK, 0, Worth.NOTHING, open=True, at=WEEK + 1)
    ledger.miss(WEEK - 100, WEEK + 100, 4, Worth.REGISTER)
    assert [period.energy for period in ledger.account.periods(minutes(WEEK + 100))] == [0, 4 * KWH]


def test_only_the_longest_gaps_are_kept():
    ledger = Ledger()
    ledger.read(0)
    for number in range(3 * MAX_GAPS):
        ledger.miss(number * 10, number * 10 + 1 + number % 9, 0)
    found = ledger.period(1)
    assert (found.gap_count, len(found.gaps)) == (3 * MAX_GAPS, MAX_GAPS)
    assert min(gap.end - gap.begin for gap in found.gaps) >= timedelta(minutes=6)
    assert list(found.gaps) == sorted(found.gaps, key=lambda gap: gap.begin)


def test_a_gap_of_years_is_spread_over_its_last_400_days():
    ledger = Ledger()
    ledger.read(0)
    ledger.miss(0, 500 * 24 * 60, 400)
    periods = ledger.account.periods(minutes(500 * 24 * 60))
    assert sum(period.energy for period in periods) == 400 * KWH
    assert periods[0].energy == 0
    assert periods[20].energy == 7 * KWH


def pay(
    ledger: Ledger, step: PaymentStep, amount: str, tx: str | None = "aa", at: float = WEEK, signer=None, **more
) -> None:
    payment = Payment(
        at=minutes(at), project="Roof 7", period="2026-03-02", step=step, amount=Decimal(amount), tx=tx, **more
    )
    if signer:
        payment = replace(payment, note=sign_note(unsigned_text(payment), signer).decode())
    ledger.account.add(payment)


def test_payments():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 10)
    pay(ledger, PaymentStep.DUE, "2", None)
    pay(ledger, PaymentStep.SUBMITTED, "1.5")
    found = ledger.period(1)
    assert (found.paid, found.pending, found.balance) == (0, Decimal("1.5"), 2)
    for _ in range(2):
        pay(ledger, PaymentStep.CONFIRMED, "1.5")
    pay(ledger, PaymentStep.SUBMITTED, "1.5")
    pay(ledger, PaymentStep.SUBMITTED, "0.5", "bb")
    pay(ledger, PaymentStep.FAILED, "0.5", "bb")
    found = ledger.period(1)
    assert (found.paid, found.pending, found.balance) == (Decimal("1.5"), 0, Decimal("0.5"))
    assert len(found.payments) == 7
    assert ledger.account.balance() == Decimal("0.5")


def test_a_transaction_pays_one_period():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 10)
    pay(ledger, PaymentStep.CONFIRMED, "0.5")
    again = Payment(
        at=minutes(WEEK),
        project="Roof 7",
        period="2026-03-09",
        step=PaymentStep.CONFIRMED,
        amount=Decimal("0.5"),
        tx="aa",
    )
    ledger.account.add(again)
    assert ledger.faults == [Fault.TWICE]
    assert ledger.account.balance() == Decimal("1.5")
    ledger.account.add(replace(again, tx="bb"))
    assert ledger.faults == [Fault.TWICE]
    assert ledger.account.balance() == 1


def test_waiving_takes_the_creditors_signature():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 10)
    for signer in (None, STRANGER):
        pay(ledger, PaymentStep.WAIVED, "2", None, signer=signer)
    note = sign_note("Everything is paid.\n", CREDITOR).decode()
    pay(ledger, PaymentStep.WAIVED, "2", None, note=note)
    pay(ledger, PaymentStep.WAIVED, "2", None, note="nothing")
    assert ledger.faults == [Fault.WAIVED] * 4
    assert ledger.account.balance() == 2
    pay(ledger, PaymentStep.WAIVED, "2", None, signer=CREDITOR)
    assert ledger.account.balance() == 0


def test_a_claim_takes_the_creditors_receipt():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 10)
    pay(ledger, PaymentStep.SUBMITTED, "2", None, memo="Bank, 3 March")
    (claim,) = ledger.period(1).payments
    receipt = sign_note(unsigned_text(claim), CREDITOR).decode()
    strange = sign_note(unsigned_text(claim), STRANGER).decode()
    for amount, memo, note in (
        ("2", "Bank, 3 March", None),
        ("2", "Bank, 3 March", strange),
        ("2", "Bank, 4 March", receipt),
        ("3", "Bank, 3 March", receipt),
    ):
        pay(ledger, PaymentStep.CONFIRMED, amount, None, memo=memo, note=note)
    assert ledger.faults == [Fault.WAIVED] * 4
    assert (ledger.period(1).paid, ledger.period(1).pending) == (0, 2)
    for _ in range(2):
        pay(ledger, PaymentStep.CONFIRMED, "2", None, memo="Bank, 3 March", note=receipt)
    assert (ledger.period(1).paid, ledger.period(1).pending) == (2, 0)


def late(ledger: Ledger, days: float) -> tuple[int, list[int]]:
    now = START + timedelta(days=days)
    return ledger.account.late(now), [period.late for period in ledger.account.periods(now)]


def test_periods_late():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 10)
    assert late(ledger, 20.9) == (0, [0, 0, 0])
    assert late(ledger, 21) == (1, [1, 0, 0, 0])
    assert late(ledger, 28)[0] == 2
    assert late(ledger, 35.5)[0] == 3
    pay(ledger, PaymentStep.CONFIRMED, "2")
    assert late(ledger, 35.5)[0] == 0


def test_payments_pay_the_oldest_debt():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 10)
    ledger.miss(10, WEEK + 10, 0)
    ledger.read(WEEK + 20, 10)
    pay(ledger, PaymentStep.CONFIRMED, "3")
    assert late(ledger, 28) == (1, [0, 1, 0, 0, 0])
    pay(ledger, PaymentStep.CONFIRMED, "1", "bb")
    assert late(ledger, 50)[0] == 0


def test_outages():
    ledger = Ledger()
    ledger.account.add(Outage(at=minutes(WEEK + 5), begin=minutes(WEEK - 10), end=minutes(WEEK + 5)))
    found = ledger.account.periods(minutes(WEEK + 5))
    assert [(period.outage_count, period.outage_seconds) for period in found] == [(1, 600), (1, 300)]


def test_inspections():
    ledger = Ledger()
    ledger.read(0, register=100 * KWH)
    ledger.read(10, 1, register=101 * KWH)
    entry = Inspection(at=minutes(11), source="roof", register=102 * KWH, who="Ada")
    for signer in (None, STRANGER, CREDITOR):
        note = sign_note(unsigned_text(entry), signer).decode() if signer else None
        ledger.account.add(replace(entry, note=note))
    assert [found.signed for found in ledger.account.inspections] == [False, False, True]
    found = ledger.account.inspections[0]
    assert (found.register, found.books_register, found.books_energy) == (102 * KWH, 101 * KWH, KWH)
    ledger.account.add(replace(entry, source="barn"))
    assert ledger.account.inspections[-1].books_register is None
    assert (ledger.account.energy_of("barn"), ledger.account.settled("barn")) == (0, None)
    assert ledger.account.settled("roof") == minutes(10)


def test_a_source_that_is_not_agreed():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 5, source="barn", sequence=0)
    ledger.sequence = 1
    ledger.read(20, 5, source="barn", sequence=1)
    ledger.account.add(
        Gap(at=minutes(20), source="barn", begin=START, end=START, cause=Cause.FIRST, worth=Worth.REGISTER, energy=5)
    )
    assert (ledger.account.energy, ledger.faults, ledger.period(1).energy) == (0, [Fault.SOURCE], 0)


def test_readings_that_are_missing():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(1, sequence=5)
    assert ledger.faults == [Fault.SEQUENCE]
    ledger.account.add(Generation(at=minutes(2), previous="books.example/1", size=2, root="00", cause="restored"))
    ledger.read(3, sequence=4)
    ledger.read(4)
    assert ledger.faults == [Fault.SEQUENCE]


def test_entries_that_go_back_in_time():
    ledger = Ledger()
    ledger.read(10)
    ledger.account.add(Heartbeat(at=minutes(9)))
    assert ledger.faults == []
    ledger.read(8, reason=Reason.ORDER)
    ledger.account.add(Heartbeat(at=minutes(5)))
    ledger.read(6, 1, reason=Reason.CLOCK)
    ledger.read(7, 1)
    assert ledger.faults == [Fault.TIME]
    assert ledger.period(1).measured == 2 * KWH


def test_gaps_that_can_not_be():
    ledger = Ledger()
    ledger.read(0)
    ledger.miss(20, 10, 1, at=20)
    ledger.miss(20, 40, 1, open=True)
    ledger.miss(30, 50, 1)
    assert ledger.faults == [Fault.GAP, Fault.GAP]
    assert ledger.account.energy == 3 * KWH


def test_before_the_terms_nothing_is_owed():
    account = Account(ZoneInfo, CREDITOR.vkey)
    account.add(Reading(at=START, source="roof", sequence=0, raw="1", unit="kWh", energy=5))
    account.add(Gap(at=START, source="roof", begin=START, end=START, cause=Cause.FIRST, worth=Worth.REGISTER, energy=5))
    account.add(Outage(at=START, begin=START - timedelta(days=1), end=START))
    assert (account.periods(START), account.period(START), account.owed(), account.balance()) == ([], None, 0, 0)
    assert (account.terms, account.signed, account.energy, account.late(START)) == (None, False, 0, 0)
    early = Ledger(replace(WEEKLY, period=Period(1, Unit.WEEKS, date(2026, 3, 9))))
    early.read(0)
    early.read(10, 1)
    early.miss(10, WEEK + 10, WEEK / KWH)
    early.read(WEEK + 20, 1)
    assert early.account.period(START) is None
    found = early.period(WEEK + 20)
    assert (found.measured, found.from_register, found.gap_count) == (KWH, 10, 1)


def test_terms_that_change_the_price():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(10, 1)
    ledger.agree(replace(WEEKLY, number=2, tariff=Fixed(Decimal("0.01"))), at=15, signer=None)
    ledger.read(20, 1)
    assert (ledger.faults, ledger.period(1).owed, ledger.account.signed) == (
        [Fault.UNSIGNED_TERMS],
        Decimal("0.40"),
        True,
    )
    ledger.agree(replace(WEEKLY, number=2, tariff=Fixed(Decimal("0.30"))), at=25)
    ledger.read(30, 1)
    assert ledger.period(1).owed == Decimal("0.40") + Decimal("0.25")
    assert ledger.account.terms.number == 2


def test_terms_that_change_the_periods():
    ledger = Ledger()
    ledger.read(0)
    ledger.read(WEEK / 2, 1)
    ledger.agree(replace(WEEKLY, number=2, period=Period(1, Unit.MONTHS, date(2026, 3, 1))), at=WEEK / 2 + 10)
    ledger.read(WEEK / 2 + 20, 1)
    first, second = ledger.account.periods(minutes(WEEK / 2 + 20))
    assert (first.end, first.closed, first.measured) == (minutes(WEEK / 2 + 10), True, 1_500_000)
    assert (second.id, second.end) == ("2026-03-05T12:10:00", START.replace(month=4, day=1))


def test_terms_that_somebody_holds():
    cheaper = replace(WEEKLY, tariff=Fixed(Decimal("0.01")))
    account = Account(ZoneInfo, agreed=WEEKLY)
    account.add(terms_entry(START, cheaper, sign_terms(cheaper, CREDITOR)))
    assert [problem.fault for problem in account.problems] == [Fault.OTHER_TERMS]
    assert account.terms == WEEKLY


def test_a_day_that_is_none_is_no_entry_the_quick_way_either():
    agreed = replace(WEEKLY, period=Period(1, Unit.MONTHS, date(2026, 3, 1)))
    ledger = Ledger(agreed)
    ledger.read(58 * 24 * 60)
    good = Reading(at=minutes(58 * 24 * 60 + 1), source="roof", sequence=1, raw="1", unit="kWh")
    with pytest.raises(ContractError):
        ledger.account.feed(encode(good).replace(b"2026-04-29", b"2026-04-31"))
    ledger.account.feed(encode(good))
    assert ledger.account.settled("roof") == good.at


def test_problems_are_bounded():
    ledger = Ledger()
    for number in range(300):
        ledger.read(number, sequence=number * 2)
    assert (len(ledger.account.problems), ledger.account.problem_count) == (100, 299)
    assert ledger.account.problems[0].index == 2


def test_not_an_entry():
    account = Account(ZoneInfo)
    with pytest.raises(ContractError):
        account.feed(b"{}")
    account.skip("garbage")
    account.add(Heartbeat(at=START))
    account.add(Unknown("odd", datetime(1970, 1, 1, tzinfo=UTC), {}))
    assert [(problem.index, problem.fault) for problem in account.problems] == [
        (0, Fault.UNREADABLE),
        (2, Fault.UNREADABLE),
    ]
    assert account.size == 3


@given(agreements, stories())
def test_the_quick_way_comes_to_the_same(agreed, story):
    agreed = replace(
        agreed,
        tariff=Table((Row(Decimal("0.4"), hours=(8, 20)), Row(Decimal("0.1")))),
        period=Period(1, Unit.WEEKS, date(2026, 3, 2)),
    )
    books = Books(agreed)
    tell(books, story)
    end = books.entries[-1].at
    slow, quick = Account(ZoneInfo, CREDITOR.vkey), Account(ZoneInfo, CREDITOR.vkey)
    for entry in books.entries:
        slow._add(entry)
    quick.extend(map(encode, books.entries))
    assert slow.periods(end) == quick.periods(end) == books.account.periods(end)
    assert slow.problems == quick.problems
    assert slow.energy == quick.energy
    assert slow.size == quick.size == len(books.entries)


@given(agreements, stories(forward=True))
def test_nothing_is_lost_between_entries_and_periods(agreed, story):
    books = Books(agreed)
    tell(books, story)
    latest: dict[datetime, int] = {}
    for gap in books.gaps:
        latest[gap.begin] = 0 if gap.worth is Worth.NOTHING else gap.energy
    measured = sum(entry.energy for entry in books.entries if isinstance(entry, Reading))
    end = datetime(2090, 1, 1, tzinfo=UTC)
    assert books.account.energy == measured + sum(latest.values())
    assert sum(period.energy for period in books.account.periods(end)) == books.account.energy
