"""What a dishonest debtor can write, who has the log's key, and whether an auditor with the agreed terms and a witness's key finds it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
import gzip
import os
from pathlib import Path
import re

import pytest

from steward_house.audit.fetching import Address
from steward_house.audit.heads import Keys
from steward_house.audit.options import Agreed, Options
from steward_house.audit.pages.page import write_pages
from steward_house.audit.result import Report
from steward_house.audit.sources import (
    MAX_FILE_BYTES,
    Generation as Folder,
    MemoryFiles,
    Source,
    SourceError,
    open_folder,
)
from steward_house.audit.verify import verify
from steward_house.audit.watch import State, look
from steward_house.audit.words import CHECKS, FINDINGS
from steward_house.protocol.books.entries import (
    Gap,
    Heartbeat,
    Inspection,
    Payment,
    PaymentStep,
    Reading,
    Reason,
    Settings,
    Tariff,
    decode,
    encode,
    unsigned_text,
)
from steward_house.protocol.books.history import Fault
from steward_house.protocol.books.periods import Period, Unit
from steward_house.protocol.books.tariff import Fixed, FromEntity
from steward_house.protocol.books.terms import GapPolicy, GapWorth, SourceTerms, sign_terms, terms_entry
from steward_house.protocol.log.note import sign_note

from .server import serving
from .world import (
    BEGIN,
    CREDITOR,
    MINUTE,
    ORIGIN,
    OTHER_WITNESS,
    SIGNER,
    SOURCE,
    STRANGER,
    WITNESS,
    House,
    Log,
    terms,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WITNESSED = Keys.parse(SIGNER.vkey, [WITNESS.vkey])
AGREED = Agreed(terms(), CREDITOR.vkey)


def audit(
    *logs: Log | dict[str, bytes], agreed: Agreed = AGREED, later: timedelta = HOUR, options: Options | None = None
) -> Report:
    """Audit books as somebody does who holds the terms and a witness's key, some time after the last entry."""
    files = [log if isinstance(log, dict) else log.files(None, WITNESS) for log in logs]
    known = tuple(Folder(number, MemoryFiles(each)) for number, each in enumerate(files, 1))
    last = [log for log in logs if isinstance(log, Log)][-1]
    now = decode(last.entries[-1]).at + later
    return verify(Source("memory", known), WITNESSED, options or Options(agreed=agreed), now)


def problems(report: Report) -> list[str]:
    return [item.code for item in report.findings if item.severity == "problem"]


def notes(report: Report) -> list[str]:
    return [item.code for item in report.findings if item.severity == "note"]


def noon(**options: object) -> House:
    """Return a house at noon, whose source has told its register since it opened."""
    house = House(**options)  # type: ignore[arg-type]
    house.at = BEGIN + 11 * HOUR
    house.measure(60)
    return house


def test_an_honest_house() -> None:
    house = noon()
    report = audit(house.log)
    assert report.ok, report.findings
    assert Decimal(report.owed) > 0
    assert notes(report) == []


# Terms.


def test_books_without_terms() -> None:
    house = noon()
    log = Log(ORIGIN, [house.log.entries[0], encode(Heartbeat(at=BEGIN + MINUTE))])
    report = audit(log)
    assert problems(report) == ["terms_missing"]


def test_newer_terms_are_withheld() -> None:
    """The creditor signed 1, and then 2 with a higher price; the log has 1 only."""
    house = noon()
    newer = terms(number=2, tariff=Fixed(Decimal("0.4")))
    assert problems(audit(house.log, agreed=Agreed(newer, CREDITOR.vkey))) == ["terms_missing"]
    house.agree(newer)
    assert audit(house.log, agreed=Agreed(newer, CREDITOR.vkey)).ok


def test_signed_terms_of_another_project() -> None:
    """Another roof of the same creditor is cheaper; its terms have a higher number."""
    cheap = terms(project="Roof 8", number=9, tariff=Fixed(Decimal("0.01")))
    house = noon()
    right = Decimal(audit(house.log).owed)
    house = House()
    house.agree(cheap)
    house.at = BEGIN + 11 * HOUR
    house.measure(60)
    report = audit(house.log)
    assert "account_other_project" in problems(report)
    assert Decimal(report.owed) == right
    # Without the agreed terms, the project that the log was opened for tells.
    first = House(the_terms=cheap)
    report = audit(first.log, agreed=Agreed(None, CREDITOR.vkey))
    assert "terms_project" in problems(report)


def test_a_draft_that_begins_when_all_are_dead() -> None:
    """A draft without a signature must not keep signed terms from coming into force."""
    draft = terms(period=Period(1, Unit.WEEKS, date(2099, 1, 5)))
    house = House(the_terms=draft, signed=False)
    house.agree(terms(number=2))
    house.at = BEGIN + 11 * HOUR
    house.measure(60)
    report = audit(house.log, agreed=Agreed(terms(number=2), CREDITOR.vkey))
    assert Decimal(report.owed) > 0
    assert [period.balance.id for period in report.periods] == ["2026-03-02"]


def test_a_draft_rounds_to_whole_euros() -> None:
    house = House(the_terms=terms(digits=0, due_days=366), signed=False)
    house.agree(terms(number=2))
    house.at = BEGIN + 11 * HOUR
    house.measure(60)
    report = audit(house.log, agreed=Agreed(terms(number=2), CREDITOR.vkey))
    assert Decimal(report.owed) % 1
    assert report.periods[0].balance.due < BEGIN + 30 * DAY


def test_terms_that_came_late() -> None:
    """The contract begins on the 2nd; the house enters it on the 12th, and nothing is owed before: that has to be told."""
    house = House(the_terms=terms(sources=()), signed=False)
    house.at += 10 * DAY
    house.agree(terms(number=2))
    house.at += 11 * HOUR
    house.measure(60)
    report = audit(house.log, agreed=Agreed(terms(number=2), CREDITOR.vkey))
    (late,) = [item for item in report.findings if item.code == "terms_late"]
    assert (late.values["number"], late.values["days"]) == (2, 10)


def test_signed_terms_that_the_auditor_does_not_hold() -> None:
    house = noon()
    house.agree(terms(number=2, tariff=Fixed(Decimal("0.01"))))
    house.measure(10)
    report = audit(house.log)
    assert [item.values["number"] for item in report.findings if item.code == "terms_signed"] == [2]


def test_a_creditor_who_signed_two_terms_of_one_number() -> None:
    """The creditor shows others than the log has: the log's carry the creditor's signature too."""
    dearer = Agreed(terms(tariff=Fixed(Decimal(9))), CREDITOR.vkey)
    (item,) = [each for each in audit(noon().log, agreed=dearer).findings if each.severity == "problem"]
    assert item.code == "account_other_terms"
    assert "signed" in str(item.values["what"])


@pytest.mark.parametrize("signer", [None, STRANGER])
def test_cheaper_terms_that_nobody_signed(signer: object) -> None:
    house = noon()
    cheap = terms(number=2, tariff=Fixed(Decimal("0.01")))
    note = None if signer is None else sign_terms(cheap, STRANGER)
    house.write(terms_entry(house.at, cheap, note))
    house.measure(10)
    assert problems(audit(house.log)) == ["account_unsigned_terms"]


def test_old_signed_terms_again() -> None:
    house = noon(the_terms=terms(number=2))
    house.agree(terms(number=1, tariff=Fixed(Decimal("0.01"))))
    house.measure(10)
    assert "account_old_terms" in problems(audit(house.log, agreed=Agreed(terms(number=2), CREDITOR.vkey)))


def test_a_price_that_terms_leave_to_nobody() -> None:
    house = noon()
    house.write(Tariff(at=house.at, price=Decimal(0)))
    house.measure(10)
    assert problems(audit(house.log)) == ["account_price"]


def test_a_price_that_terms_leave_to_the_house() -> None:
    """By the terms it is right; whoever reads the audit has to see it."""
    agreed = terms(tariff=FromEntity("sensor.price", Decimal("0.2")))
    house = House(the_terms=agreed)
    house.write(Tariff(at=house.at, price=Decimal(0)))
    house.at = BEGIN + 11 * HOUR
    house.measure(60)
    report = audit(house.log, agreed=Agreed(agreed, CREDITOR.vkey))
    assert report.ok
    (item,) = [each for each in report.findings if each.code == "price_of_the_house"]
    assert (item.values["low"], item.values["high"], item.values["count"]) == ("0", "0", 1)


# Time.


def test_a_clock_that_walks_back() -> None:
    """Each step is small enough for a clock that is set right; together they are an hour."""
    house = noon()
    for _ in range(40):
        house.at -= 100 * timedelta(seconds=1)
        house.beat()
    assert "account_time" in problems(audit(house.log))


def test_readings_from_before_what_was_written() -> None:
    house = noon()
    house.at += 5 * HOUR
    house.beat()
    house.at -= 5 * HOUR
    house.measure(5)
    assert "account_time" in problems(audit(house.log))


def test_a_clock_that_is_half_a_day_behind() -> None:
    """What was produced at noon is written at the price of midnight; the witness saw it at noon."""
    house = noon()
    seen = int((house.at + 12 * HOUR).timestamp())
    files = house.log.files(note=house.log.note(None, WITNESS, at=seen))
    report = verify(
        Source("x", (Folder(1, MemoryFiles(files)),)), WITNESSED, Options(agreed=AGREED), house.at + 13 * HOUR
    )
    assert problems(report) == ["clock_behind"]


def test_a_clock_that_is_ahead() -> None:
    house = noon()
    assert problems(audit(house.log, later=-HOUR))[:1] == ["clock_ahead"]


def test_a_late_reading_hides_a_clock_that_is_ahead() -> None:
    """The last entry is a reading that doesn't count, with any time."""
    house = noon()
    seen = house.at
    house.at += 8 * HOUR
    house.measure(60)
    behind = house.at
    house.at = seen
    house.say("1000", "kWh")
    assert decode(house.log.entries[-1]).reason is Reason.ORDER
    note = house.log.note(None, WITNESS, at=int(seen.timestamp()))
    known = Folder(1, MemoryFiles(house.log.files(note=note)))
    report = verify(Source("x", (known,)), WITNESSED, Options(agreed=AGREED), behind + HOUR)
    assert problems(report) == ["clock_ahead"]


def test_a_witness_from_the_future() -> None:
    house = noon()
    note = house.log.note(None, WITNESS, at=int((house.at + 90 * DAY).timestamp()))
    known = Folder(1, MemoryFiles(house.log.files(note=note)))
    report = verify(Source("x", (known,)), WITNESSED, Options(agreed=AGREED), house.at + HOUR)
    assert "cosignature_time" in problems(report)


# Gaps.


def test_a_source_that_is_never_read() -> None:
    """The teller runs and says nothing of the source: no gap, no energy, nothing owed."""
    house = House()
    for _ in range(16 * 24):
        house.at += HOUR
        house.beat()
    report = audit(house.log)
    assert problems(report) == ["source_unaccounted"]
    assert report.findings[-1].values["source"] == SOURCE


def test_a_second_source_that_is_left_out() -> None:
    two = terms(sources=(SourceTerms(id=SOURCE, max_power=10_000), SourceTerms(id="shed", max_power=10_000)))
    house = House(the_terms=two)
    house.measure(8 * 24 * 4, HOUR / 4)
    report = audit(house.log, agreed=Agreed(two, CREDITOR.vkey))
    assert report.ok, report.findings
    house.log.entries = [data for data in house.log.entries if b'"source":"shed"' not in data]
    report = audit(house.log, agreed=Agreed(two, CREDITOR.vkey))
    assert problems(report) == ["source_unaccounted"]


def test_a_source_that_is_silent_at_present() -> None:
    house = noon()
    for _ in range(6):
        house.at += HOUR
        house.beat()
    report = audit(house.log)
    assert report.ok
    assert "source_silent" in notes(report)


def test_an_estimate_that_rests_on_nothing() -> None:
    """The source is silent from the first minute on: the gap is there, and worth nothing."""
    house = House()
    while house.at < BEGIN + 8 * DAY:
        house.at += HOUR
        house.beat()
        for gap in house.meters.tick(house.at):
            house.log.entries.append(encode(gap))
    report = audit(house.log)
    assert report.ok
    assert "estimate_blind" in notes(report)
    assert len(report.periods[0].gaps) == 1


def _gap(house: House) -> int:
    return max(index for index, data in enumerate(house.log.entries) if isinstance(decode(data), Gap))


FORGED: dict[str, Callable[[Gap], Gap]] = {
    "ends early": lambda gap: replace(gap, end=gap.end - HOUR),
    "ends before it begins": lambda gap: replace(gap, end=gap.begin - HOUR),
    "begins late": lambda gap: replace(gap, begin=gap.begin + HOUR),
    "is moved": lambda gap: replace(gap, begin=gap.begin - 8 * HOUR, end=gap.end - 8 * HOUR),
    "is worth less": lambda gap: replace(gap, energy=gap.energy // 2),
    "is worth nothing": lambda gap: replace(gap, worth="nothing"),
    "stays open": lambda gap: replace(gap, open=True),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_gap_that(how: str) -> None:
    house = noon()
    house.crash(3 * HOUR)
    house.measure(5)
    assert audit(house.log).ok
    at = _gap(house)
    gap = decode(house.log.entries[at])
    assert isinstance(gap, Gap)
    house.log.entries[at] = encode(FORGED[how](gap))
    assert "recheck_differs" in problems(audit(house.log))


def test_a_gap_that_is_left_out_or_doubled() -> None:
    house = noon()
    house.crash(3 * HOUR)
    house.measure(5)
    at = _gap(house)
    entries = house.log.entries
    assert "recheck_differs" in problems(audit(Log(ORIGIN, entries[:at] + entries[at + 1 :])))
    assert "recheck_differs" in problems(audit(Log(ORIGIN, [*entries[:at], entries[at], *entries[at:]])))


def test_a_silent_end_is_shown() -> None:
    """Periods at the end in which there was only a gap are not cut off."""
    agreed = terms(gaps=GapPolicy(GapWorth.NOTHING))
    house = noon(the_terms=agreed)
    while house.at < BEGIN + 15 * DAY:
        house.at += HOUR
        house.beat()
        for gap in house.meters.tick(house.at):
            house.log.entries.append(encode(gap))
    report = audit(house.log, agreed=Agreed(agreed, CREDITOR.vkey))
    assert len(report.periods) >= 2
    assert report.periods[1].gaps


# Readings.


@pytest.mark.parametrize("reason", [Reason.SPIKE, Reason.GLITCH, Reason.JUMP, Reason.STUCK, Reason.DUPLICATE])
def test_a_good_reading_that_is_called(reason: Reason) -> None:
    house = noon()
    entry = decode(house.log.entries[40])
    assert isinstance(entry, Reading)
    house.log.entries[40] = encode(replace(entry, reason=reason, energy=0, register=None))
    assert "recheck_differs" in problems(audit(house.log))


def test_readings_that_are_left_out_and_renumbered() -> None:
    """Of a register, nothing is lost by that: the next reading brings it."""
    house = House()
    house.at = BEGIN + 11 * HOUR
    house.measure(20)
    silent = noon()
    assert Decimal(audit(house.log).owed) < Decimal(audit(silent.log).owed)
    house.at += 40 * MINUTE
    house.register = silent.register
    house.say(f"{house.register / 1_000_000:.6f}")
    assert audit(house.log).ok
    assert audit(house.log).energy == audit(silent.log).energy


def test_energy_in_another_form() -> None:
    """Numbers that a lenient reader takes: floats, exponents, other digits, a second member."""
    house = noon()
    data = house.log.entries[40]
    for old, new in (
        (b'"sequence":', b'"sequence":0'),
        (b'"kind":"reading"', b'"kind": "reading"'),
        (b'"energy":', b'"energy":1,"energy":'),
        (b'"energy":', b'"energy":-'),
        (b'"energy":', b'"energy":1e2,"x":'),
        (b'"reason":"ok"', b'"reason":"\\u006fk"'),
        (b'"unit":"kWh"', b'"unit":"kWh","zz":NaN'),
        (b'"energy":', '"energy":\N{ARABIC-INDIC DIGIT TWO},"e":'.encode()),
        (b'"energy":', b'"energy":' + b"9" * 5000 + b',"e":'),
    ):
        assert data.replace(old, new) != data
        house.log.entries[40] = data.replace(old, new)
        assert "entry_malformed" in problems(audit(house.log)), new


# Payments and inspections.


def waiver(house: House, project: str = "Roof 7", signer: object = CREDITOR) -> Payment:
    entry = Payment(
        at=house.at, project=project, period="2026-03-02", step=PaymentStep.WAIVED, amount=Decimal(5), memo="w"
    )
    return replace(entry, note=sign_note(unsigned_text(entry), signer).decode())  # type: ignore[arg-type]


def test_a_waiver_of_another_project() -> None:
    house = noon()
    house.write(waiver(house))
    assert audit(house.log).ok
    house.write(waiver(house, "Roof 8"))
    report = audit(house.log)
    assert problems(report) == ["account_waived"]
    assert report.periods[0].balance.paid == 5


def test_a_waiver_twice() -> None:
    house = noon()
    entry = waiver(house)
    house.write(entry, entry)
    assert audit(house.log).periods[0].balance.paid == 5


def test_a_waiver_by_nobody() -> None:
    house = noon()
    house.write(waiver(house, signer=STRANGER))
    report = audit(house.log)
    assert problems(report) == ["account_waived"]
    assert report.periods[0].balance.paid == 0


def test_a_payment_that_nobody_looked_up() -> None:
    house = noon()
    house.pay("2026-03-02", "1")
    report = audit(house.log)
    (item,) = [each for each in report.findings if each.code == "payments_unchecked"]
    assert (item.values["count"], item.values["amount"]) == (1, "1")


def test_a_payment_for_a_period_that_there_is_not() -> None:
    """It would lower what is not paid, and be listed nowhere."""
    house = noon()
    house.pay("1999-01-01", "1000")
    assert "payment_period" in problems(audit(house.log))


def test_a_signed_inspection_is_handed_in_later() -> None:
    """The person on site signed at noon; the house enters it in the evening. That is no clock that went back."""
    house = noon()
    entry = Inspection(at=house.at, source=SOURCE, register=house.register, who="Ada")
    note = sign_note(unsigned_text(entry), CREDITOR).decode()
    house.measure(120)
    house.write(replace(entry, note=note))
    house.measure(5)
    report = audit(house.log)
    assert report.ok, report.findings


def test_an_unsigned_inspection_between_signed_ones() -> None:
    """Half of what the meter counted is missing; readings that nobody signed between two inspections don't help."""
    house = noon()
    house.inspect()
    house.measure(30)
    at = house.at
    for register in (house.register, 1, 2 * house.register):
        house.write(Inspection(at=at, source=SOURCE, register=register, who="Mallory"))
    house.at += MINUTE
    house.inspect(off=300_000)
    (first, second) = [each for each in audit(house.log).inspections if each.signed]
    assert first.difference is not None
    assert abs(first.difference) < 1
    assert second.difference is not None
    assert second.difference < -10


# Generations and witnesses.


def test_a_generation_that_was_rewritten_after_witnessing() -> None:
    """The first generation is written anew, and no witness is asked: a witness knows the new generation only."""
    house = noon()
    after = house.next_generation()
    after.measure(10)
    report = audit(house.log, after.log)
    assert report.ok, report.findings
    report = audit(house.log.files(None), after.log)
    assert problems(report) == ["generation_unwitnessed"]


def test_a_generation_that_was_rewritten_behind_an_old_witness() -> None:
    house = noon()
    seen = len(house.log.entries)
    house.measure(2 * 24, HOUR)
    after = house.next_generation()
    after.measure(10)
    files = {**house.log.files(), "checkpoint": house.log.note(seen, WITNESS)}
    assert "generation_unwitnessed" in problems(audit(files, after.log))


def test_a_generation_whose_checkpoint_is_gone() -> None:
    house = noon()
    after = house.next_generation()
    after.log.entries[0] = encode(replace(decode(after.log.entries[0]), checkpoint=None))
    files = {path: data for path, data in house.log.files().items() if path != "checkpoint"}
    assert "generation_unwitnessed" in problems(audit(files, after.log))


def test_a_first_generation_that_is_said_to_be_empty() -> None:
    """All that was owed is gone with a first generation of which nothing is left, not even that it was opened."""
    house = noon()
    begun = house.next_generation(keep=0).log.entries[0]
    after = House(Log(f"{ORIGIN}/2-abcdefgh", [encode(replace(decode(begun), checkpoint=None))]))
    after.at = house.at
    after.measure(10)
    assert "opening_missing" in problems(audit({}, after.log))


def test_only_the_last_generation_is_shown() -> None:
    """What was owed before is dropped by showing the second generation as if it were all."""
    house = noon()
    after = house.next_generation()
    after.agree(terms())
    after.measure(10)
    source = Source("x", (Folder(None, MemoryFiles(after.log.files(None, WITNESS))),))
    report = verify(source, WITNESSED, Options(agreed=AGREED), after.at + HOUR)
    assert "generations_before" in problems(report)


def test_terms_that_ask_for_no_witness() -> None:
    """Witnesses are named, and none has to sign: the check isn't right, it was not made."""
    agreed = terms(witnesses=(WITNESS.vkey,), quorum=0)
    house = noon(the_terms=agreed)
    source = Source("x", (Folder(1, MemoryFiles(house.log.files())),))
    report = verify(source, Keys.parse(SIGNER.vkey), Options(agreed=Agreed(agreed, CREDITOR.vkey)), house.at + HOUR)
    (check,) = [each for each in report.checks if each.name == "witnesses"]
    assert (check.outcome, check.why) == ("skipped", "no_quorum")


@pytest.mark.parametrize("witnesses", [[WITNESS.vkey, WITNESS.vkey]])
def test_a_witness_that_is_named_twice(witnesses: list[str]) -> None:
    with pytest.raises(SourceError):
        Keys.parse(SIGNER.vkey, witnesses)


def test_one_key_under_two_names() -> None:
    from steward_house.protocol.log.cosignature import Cosigner

    twin = Cosigner("elsewhere.example/w9", bytes(range(3, 35)))
    with pytest.raises(SourceError):
        Keys.parse(SIGNER.vkey, [WITNESS.vkey, twin.vkey, OTHER_WITNESS.vkey])


# Files.


def test_a_pipe_in_place_of_a_file(tmp_path: Path) -> None:
    """Reading it would wait for ever."""
    (tmp_path / "tile").mkdir()
    os.mkfifo(tmp_path / "checkpoint")
    (tmp_path / "tile/entries").symlink_to("/dev/zero")
    files = open_folder(tmp_path).generations[0].files
    assert files.read("checkpoint") is None
    assert files.read("tile/entries") is None


def test_agreed_terms_in_no_time_zone() -> None:
    with pytest.raises(SourceError):
        Agreed.read(terms(zone="Mars/Olympus").text.encode())


# Addresses and watching.


def test_a_generation_that_is_never_shown(tmp_path: Path) -> None:
    """The third one continues a second one that nobody may see, and that dropped what the first one had."""
    state = State(tmp_path / "state.json", WITNESSED)
    first = noon()
    shown = [Folder(1, MemoryFiles(first.log.files(None, WITNESS)))]
    assert not look(Source("x", tuple(shown)), WITNESSED, state).alarms
    third = first.next_generation().next_generation(number=3)
    shown.append(Folder(3, MemoryFiles(third.log.files(None, WITNESS))))
    (alarm,) = look(Source("x", tuple(shown)), WITNESSED, state).alarms
    assert (alarm.code, alarm.generation) == ("gone", 3)


def test_a_few_bytes_that_unpack_to_many() -> None:
    with serving() as site, Address(site.url) as address:
        site.files["checkpoint"] = gzip.compress(bytes(64 << 20))
        site.headers["Content-Encoding"] = "gzip"
        with pytest.raises(SourceError, match="compressed"):
            address.read("checkpoint")
        del site.headers["Content-Encoding"]
        assert address.read("checkpoint") == site.files["checkpoint"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_elsewhere(status: int) -> None:
    with serving() as site, serving() as other, Address(site.url) as address:
        other.files["checkpoint"] = b"x"
        site.statuses["checkpoint"] = [status]
        site.headers["Location"] = f"{other.url}/checkpoint"
        with pytest.raises(SourceError, match="moved"):
            address.read("checkpoint")
        assert other.asked == []


def test_an_endless_body() -> None:
    with serving() as site, Address(site.url) as address:
        site.files["checkpoint"] = bytes(MAX_FILE_BYTES + 1)
        with pytest.raises(SourceError, match="longer"):
            address.read("checkpoint")


# What people read.

HOSTILE = "<script>alert(1)</script>\"'&<b>\N{RIGHT-TO-LEFT MARK}"


def test_names_are_no_html() -> None:
    name = HOSTILE.removesuffix("\N{RIGHT-TO-LEFT MARK}")
    hostile = terms(project=name)
    house = House(the_terms=hostile)
    house.at = BEGIN + 11 * HOUR
    house.measure(60)
    house.log.entries[0] = encode(replace(decode(house.log.entries[0]), project=name, asset=name))
    house.write(Inspection(at=house.at, source=SOURCE, register=house.register, who=name))
    house.write(
        Payment(
            at=house.at,
            project=name,
            period="2026-03-02",
            step=PaymentStep.CONFIRMED,
            amount=Decimal(1),
            tx=name,
            memo=name,
            detail=name,
        )
    )
    house.write(Payment(at=house.at, project=name, period=name, step=PaymentStep.CONFIRMED, amount=Decimal(1), tx="a"))
    house.write(Settings(at=house.at, settings={name: name}))
    house.log.entries.append(b'{"at":"2026-03-02T12:00:00.000Z","kind":"<i>"}')
    report = audit(house.log, agreed=Agreed(hostile, CREDITOR.vkey))
    for page in write_pages(report, "en").values():
        assert "<script" not in page
        assert "<b>\"'" not in page
        assert "<i>" not in page
    assert any("&lt;script&gt;" in page for page in write_pages(report, "de").values())


def test_a_name_that_turns_the_line_round() -> None:
    house = noon()
    house.log.entries.append(encode(Inspection(at=house.at, source=SOURCE, register=house.register, who="Ada")))
    house.log.entries[-1] = house.log.entries[-1].replace(b"Ada", HOSTILE[-1].encode())
    house.beat()
    assert "entry_malformed" in problems(audit(house.log))


def test_every_finding_has_words() -> None:
    faults = {f"account_{fault.value}" for fault in Fault}
    sources = Path(verify.__code__.co_filename).parent.glob("*.py")
    text = "".join(path.read_text() for path in sources)
    named = {*re.findall(r'(?:problem|note)\(\s*"(\w+)"', text)}
    assert named - {*FINDINGS} == set()
    wrong = {*re.findall(r'problem\(\s*"(\w+)"', text)}
    assert wrong - {code for check in CHECKS.values() for code in check.codes} == set()
    assert faults - {*FINDINGS} == set()
    assert faults - {code for check in CHECKS.values() for code in check.codes} == set()
