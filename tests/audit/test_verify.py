"""What an audit says of books: right ones, and every way in which they can be wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
import json

import pytest

from steward_house.audit.heads import Keys
from steward_house.audit.options import Agreed, Options
from steward_house.audit.result import Report
from steward_house.audit.sources import Generation, MemoryFiles, Source, SourceError
from steward_house.audit.text import to_json, write_text
from steward_house.audit.verify import verify
from steward_house.protocol.books.entries import Reading, Tariff, decode, encode
from steward_house.protocol.books.tariff import Fixed
from steward_house.protocol.books.terms import sign_terms
from steward_house.protocol.log.note import sign_note

from .world import (
    BEGIN,
    CREDITOR,
    KEY,
    KEYS,
    MINUTE,
    ORIGIN,
    OTHER_WITNESS,
    SIGNER,
    SOURCE,
    STRANGER,
    WITNESS,
    House,
    Log,
    source,
    terms,
)

NOW = BEGIN + timedelta(days=10)


def audit(*logs: Log | dict[str, bytes], keys: Keys = KEYS, options: Options | None = None) -> Report:
    return verify(source(*logs), keys, options or Options(agreed=Agreed(None, CREDITOR.vkey)), NOW)


def codes(report: Report) -> list[str]:
    return [item.code for item in report.findings if item.severity == "problem"]


def wrong(report: Report) -> set[str]:
    return {check.name for check in report.checks if check.outcome == "wrong"}


def test_right_books(log: Log) -> None:
    report = audit(log)
    assert report.ok, report.findings
    assert report.kinds["reading"] > 900
    assert (report.opened.project, report.terms.number) == ("Roof 7", 1)
    first = report.periods[0]
    assert first.balance.id == "2026-03-02"
    assert first.balance.owed == round(Decimal(first.balance.energy) / 1_000_000 * Decimal("0.2"), 2)
    assert first.balance.paid == Decimal("1.5")
    assert [run.how for run in report.runs] == ["outage", "shutdown", "open"]
    assert [gap.entry.cause.value for gap in first.gaps] == ["outage", "outage"]
    assert sum(day.measured for day in first.days.values()) == first.balance.measured
    assert sum(day.register for day in first.days.values()) == first.balance.from_register
    assert [each.signed for each in report.inspections] == [True, True]
    assert all(abs(each.difference) < 0.5 for each in report.inspections)
    assert [each.checked for each in report.anchors] == [("checkpoint", "cid", "chain")]


def test_json_and_text_have_it_all(log: Log) -> None:
    report = audit(log)
    data = json.loads(json.dumps(to_json(report)))
    assert data["ok"] is True
    assert data["periods"][0]["owed"] == str(report.periods[0].balance.owed)
    assert len(data["gaps"]) == 2
    text = write_text(report)
    assert "Nothing is wrong. 1000 entries" in text
    assert "2026-03-02" in text


def test_empty_log() -> None:
    report = audit(Log())
    assert report.ok
    assert report.periods == ()
    assert "generation 1: 0 entries" in write_text(report)


def test_entries_that_are_none() -> None:
    house = House()
    house.log.entries += [
        b"",
        b"{}",
        b'{"kind":"reading"}',
        b"\xff",
        b'{"at":"2026-03-02T00:00:00.000Z","kind":"dance"}',
    ]
    house.measure(3)
    report = audit(house.log)
    assert codes(report)[:4] == ["entry_malformed"] * 4
    assert [item.entry for item in report.findings if item.code == "entry_malformed"] == [4, 5, 6, 7]
    assert [item.entry for item in report.findings if item.code == "entry_unknown"] == [8]
    assert report.energy > 0 or report.kinds["reading"] == 3


def test_account_findings_are_placed_behind_malformed_entries() -> None:
    house = House()
    house.log.entries.append(b"{}")
    house.measure(3)
    del house.log.entries[-2]
    report = audit(house.log)
    (item,) = [item for item in report.findings if item.code == "account_sequence"]
    assert item.entry == len(house.log.entries) - 1


def test_dropped_reading_in_a_new_log() -> None:
    """A house that writes other books from the start can leave a reading out, but not the number."""
    house = House()
    house.measure(30)
    del house.log.entries[20]
    report = audit(house.log)
    assert "account_sequence" in codes(report)
    assert "recheck" in wrong(report)


def test_lower_energy_in_a_new_log() -> None:
    house = House()
    house.at = BEGIN + timedelta(hours=10)
    house.measure(30)
    entry = decode(house.log.entries[20])
    assert isinstance(entry, Reading)
    assert entry.energy
    house.log.entries[20] = house.log.entries[20].replace(
        b'"energy":%d' % entry.energy, b'"energy":%d' % (entry.energy - 1)
    )
    report = audit(house.log)
    assert codes(report) == ["recheck_differs"]
    assert [item.entry for item in report.findings if item.code == "recheck_differs"] == [20]
    assert audit(house.log, options=Options(recheck=False)).ok


def test_unsigned_and_changed_terms() -> None:
    house = House(signed=False)
    assert codes(audit(house.log)) == ["account_unsigned_terms"]
    house = House()
    house.measure(5)
    house.agree(terms(number=2, gaps=terms().gaps, due_days=99), signed=False)
    report = audit(house.log)
    assert codes(report) == ["account_unsigned_terms"]
    assert report.findings[-1].entry == 9
    house = House()
    house.agree(terms(number=2, due_days=99))
    assert audit(house.log).ok


DRAFT = terms(creditor=None)


def test_drafts_are_signed_in_the_end() -> None:
    """As every teller is set up: terms without sources, then with one, then with a creditor, who signs."""
    house = House(the_terms=replace(DRAFT, sources=()), signed=False)
    house.agree(replace(DRAFT, number=2), signed=False)
    house.at += timedelta(hours=12)
    house.measure(5)
    house.agree(terms(number=3), signed=True)
    report = audit(house.log, options=Options(agreed=Agreed(None, CREDITOR.vkey)))
    assert report.ok, report.findings
    assert [item.entry for item in report.findings if item.code == "terms_draft"] == [1, 4]
    assert {item.values["number"] for item in report.findings if item.code == "terms_draft"} == {3}


def test_drafts_that_something_is_owed_by() -> None:
    house = House(the_terms=replace(DRAFT, tariff=Fixed(Decimal("0.1"))), signed=False)
    house.at += timedelta(hours=12)
    house.measure(5)
    house.agree(terms(number=2))
    options = Options(agreed=Agreed(None, CREDITOR.vkey))
    assert codes(audit(house.log, options=options)) == ["account_unsigned_terms"]


def test_changes_wait_for_the_signature() -> None:
    house = House()
    house.measure(5)
    house.agree(terms(number=2, due_days=99), signed=False)
    house.measure(5)
    assert codes(audit(house.log)) == ["account_unsigned_terms"]
    house.agree(terms(number=1), signed=True)
    assert codes(audit(house.log)) == ["account_unsigned_terms"]
    house.agree(terms(number=3, due_days=98))
    assert audit(house.log).ok


def test_terms_by_another_creditor() -> None:
    report = audit(House().log, options=Options(agreed=Agreed(None, STRANGER.vkey)))
    assert codes(report) == ["account_unsigned_terms"]
    report = audit(House().log, options=Options())
    assert report.ok
    assert [(check.outcome.value, check.why) for check in report.checks if check.name == "terms"] == [
        ("skipped", "no_creditor")
    ]


def test_agreed_terms() -> None:
    house = House()
    agreed = Agreed.read(sign_terms(terms(), CREDITOR).encode())
    assert agreed == Agreed(terms(), CREDITOR.vkey)
    assert Agreed.read(terms().text.encode()) == agreed
    assert audit(house.log, options=Options(agreed=agreed)).ok
    other = Agreed.read(sign_terms(terms(due_days=3), CREDITOR).encode())
    assert codes(audit(house.log, options=Options(agreed=other))) == ["account_other_terms"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[1]", b"\xff", b"a\n\nb", sign_terms(terms(), STRANGER).encode(), sign_note("{}\n", CREDITOR)],
)
def test_agreed_terms_that_are_none(data: bytes) -> None:
    with pytest.raises(SourceError):
        Agreed.read(data)


def test_creditor_key_that_is_none() -> None:
    with pytest.raises(SourceError):
        Agreed.read(None, "key")


def test_inspections() -> None:
    house = House()
    house.at = BEGIN + timedelta(hours=9)
    house.measure(60)
    house.inspect()
    house.measure(60)
    house.inspect(STRANGER, off=200_000)
    report = audit(house.log)
    assert codes(report) == ["inspection_off"]
    assert [each.signed for each in report.inspections] == [True, False]
    assert report.inspections[1].difference == pytest.approx(-6, abs=2)
    assert "inspection_unsigned" in {item.code for item in report.findings}
    assert audit(house.log, options=Options(agreed=Agreed(None, CREDITOR.vkey), tolerance=20)).ok


def test_inspection_of_an_unknown_source() -> None:
    house = House()
    house.inspect()
    report = audit(house.log)
    assert "inspection_alone" in {item.code for item in report.findings}
    assert report.ok


def test_runs() -> None:
    house = House()
    house.measure(3)
    house.start()
    house.stop()
    house.stop()
    report = audit(house.log)
    assert {"outage_untold", "shutdown_alone"} == set(codes(report))
    assert wrong(report) == {"runs"}


def test_clock_that_goes_back() -> None:
    house = House()
    house.measure(10)
    house.at -= timedelta(hours=1)
    house.beat()
    assert codes(audit(house.log)) == ["account_time"]


def test_price_without_an_entity() -> None:
    house = House()
    house.write(Tariff(at=house.at, price=Decimal("0.01")))
    assert codes(audit(house.log)) == ["account_price"]


def test_misplaced_opening() -> None:
    house = House()
    house.log.entries.append(house.log.entries[0])
    assert codes(audit(house.log)) == ["entry_misplaced"]
    assert {"entry_misplaced", "opening_missing"} <= set(codes(audit(Log(ORIGIN, house.log.entries[1:-1]))))
    moved = Log("elsewhere.example/solar-9", house.log.entries[:-1])
    keys = Keys.parse(moved.signer.vkey)
    assert "opening_other" in codes(audit(moved, keys=keys))


def test_witnesses(log: Log) -> None:
    keys = Keys.parse(SIGNER.vkey, [WITNESS.vkey, OTHER_WITNESS.vkey])
    assert keys.quorum == 2
    assert codes(audit(log.files(None, WITNESS), keys=keys)) == ["quorum_missed"]
    one = Keys.parse(SIGNER.vkey, [WITNESS.vkey, OTHER_WITNESS.vkey], 1)
    report = audit(log.files(None, WITNESS), keys=one)
    assert report.ok
    assert [*report.generations[0].cosignatures] == [WITNESS.name]
    assert audit(log.files(None, WITNESS, OTHER_WITNESS), keys=keys).ok
    forged = log.files(None, WITNESS)["checkpoint"].replace(
        "— witness.example/w1 ".encode(), "— witness.example/w1 ".encode()
    )
    signed = bytearray(forged)
    signed[-10] ^= 1
    assert {"checkpoint_wrong", "cosignature_wrong"} & set(
        codes(audit({**log.files(), "checkpoint": bytes(signed)}, keys=one))
    )


def test_witnesses_by_the_terms() -> None:
    house = House(the_terms=terms(witnesses=(WITNESS.vkey,), quorum=1))
    assert codes(audit(house.log)) == ["quorum_missed"]
    assert audit(house.log.files(None, WITNESS)).ok


def test_clock_that_was_ahead_of_a_witness() -> None:
    house = House()
    house.measure(60)
    keys = Keys.parse(SIGNER.vkey, [WITNESS.vkey])
    note = house.log.note(None, WITNESS, at=int(BEGIN.timestamp()))
    assert codes(audit(house.log.files(note=note), keys=keys)) == ["clock_ahead"]
    note = house.log.note(None, WITNESS, at=2**62)
    assert codes(audit(house.log.files(note=note), keys=keys)) == ["cosignature_time"]


def test_generations() -> None:
    first = House()
    first.at = BEGIN + timedelta(hours=9)
    first.measure(40)
    second = first.next_generation()
    second.measure(300)
    report = audit(first.log, second.log)
    assert report.ok, report.findings
    assert [each.number for each in report.generations] == [1, 2]
    assert [item.values["cause"] for item in report.findings if item.code == "generation_begun"] == ["restored"]
    both = audit(first.log)
    assert report.energy > both.energy
    text = write_text(report)
    assert "generation 2: " in text
    # The later generation's key has another name; any of them will do.
    assert audit(first.log, second.log, keys=Keys.parse(second.log.signer.vkey)).ok


def test_entries_that_a_new_generation_drops() -> None:
    first = House()
    first.measure(40)
    second = first.next_generation(keep=30)
    report = audit(first.log, second.log)
    assert codes(report)[0] == "entries_dropped"
    assert "generations" in wrong(report)
    assert report.kinds["reading"] == 26


def test_generation_whose_end_was_not_signed() -> None:
    first = House()
    first.measure(300)
    second = first.next_generation()
    second.log.entries[0] = second.log.entries[0]
    files = {**first.log.files(), "checkpoint": first.log.note(200)}
    report = audit(files, second.log)
    assert report.ok, report.findings
    assert (report.generations[0].size, report.generations[0].signed) == (304, 200)
    other = House()
    other.at += MINUTE
    other.measure(300)
    report = audit({**files, "checkpoint": other.log.note(200)}, second.log)
    assert "checkpoint_not_inside" in codes(report)


def test_generation_that_was_never_signed() -> None:
    first = House()
    first.measure(300)
    second = first.next_generation()
    files = {path: data for path, data in first.log.files().items() if path != "checkpoint"}
    second.log.entries[0] = encode(replace(decode(second.log.entries[0]), checkpoint=None))
    report = audit(files, second.log)
    assert report.ok, report.findings
    assert "generation_unsigned" in {item.code for item in report.findings}
    assert codes(audit(files)) == ["checkpoint_missing"]
    del files["tile/entries/001.p/48"]
    assert "bundle_missing" in codes(audit(files, second.log))


def test_log_that_grows_while_it_is_read() -> None:
    house = House()
    house.measure(300)
    files = house.log.files()
    house.measure(300)
    later = house.log.files()

    class Growing(MemoryFiles):
        """Grows after its checkpoint was read, and drops the tiles of its earlier size."""

        def read(self, path: str) -> bytes | None:
            if path.startswith("tile"):
                self.files = later
            return super().read(path)

    assert verify(Source("x", (Generation(1, Growing(files)),)), KEYS, None, NOW).ok


def test_forked_generations() -> None:
    first = House()
    first.measure(40)
    second = first.next_generation()
    other = House()
    other.at += MINUTE
    other.measure(40)
    assert "generation_root" in codes(audit(other.log, second.log))
    assert codes(audit(first.log, Log(f"{ORIGIN}/2-abcdefgh", [first.log.entries[0]])))[0] == "generation_silent"
    third = second.next_generation(number=3)
    assert "generation_other" in codes(
        audit(first.log, second.log, _renamed(third.log, f"{ORIGIN}/3-abcdefgh", first.log))
    )


def _renamed(log: Log, origin: str, previous: Log) -> Log:
    entry = decode(log.entries[0])
    return Log(origin, [encode(replace(entry, previous=previous.origin)), *log.entries[1:]])


def test_missing_generation() -> None:
    first = House()
    second = first.next_generation()
    third = second.next_generation(number=3)
    gap = Source("x", (Generation(1, MemoryFiles(first.log.files())), Generation(3, MemoryFiles(third.log.files()))))
    assert "generation_missing" in codes(verify(gap, KEYS, None, NOW))
    alone = Source("x", (Generation(None, MemoryFiles(second.log.files())),))
    report = verify(alone, KEYS, Options(recheck=False), NOW)
    assert [each.number for each in report.generations] == [2]
    assert "generations_before" in {item.code for item in report.findings}


@pytest.mark.parametrize(
    ("log", "witnesses", "quorum"),
    [
        ("", [], None),
        (WITNESS.vkey, [], None),
        (SIGNER.vkey, [SIGNER.vkey], None),
        (SIGNER.vkey, ["x"], None),
        (SIGNER.vkey, [WITNESS.vkey], 2),
    ],
)
def test_keys_that_are_none(log: str, witnesses: list[str], quorum: int | None) -> None:
    with pytest.raises(SourceError):
        Keys.parse(log, witnesses, quorum)


def test_another_logs_key(log: Log) -> None:
    from steward_house.protocol.log.note import Signer

    report = audit(log, keys=Keys.parse(Signer("books.example/other", KEY).vkey))
    assert "checkpoint_other" in codes(report)
    assert datetime.now(UTC) > report.audited
    assert SOURCE in report.terms.sources[0].id
