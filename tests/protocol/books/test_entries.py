"""Entries: written in one way only, read back the same, and refused where they aren't written so."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import product

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.books import codec, entries
from steward_house.protocol.books.entries import (
    AnchorKind,
    Cause,
    Entry,
    Gap,
    Head,
    Heartbeat,
    NoticeStep,
    Party,
    PaymentStep,
    Reading,
    Reason,
    Unknown,
    Worth,
    decode,
    encode,
    unsigned_text,
)
from steward_house.protocol.fields import ContractError

from .. import strategies
from .agreed import START

moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
lines = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100)
counts = st.integers(0, 2**53)
sources = st.from_regex(r"[a-z0-9_]{1,32}", fullmatch=True)
amounts = st.decimals(-(10**14), 10**14, places=7, allow_nan=False, allow_infinity=False)
raws = (
    st.none()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(["12.5", "-0.3", "nan"])
)
heads = st.none() | st.builds(Head, counts, st.just("ab" * 32))
objects = st.dictionaries(texts, strategies.values, max_size=3)
maybe = st.none() | texts
notes = st.none() | lines

everything = st.one_of(
    st.builds(
        entries.Opened,
        at=moments,
        project=texts,
        asset=texts,
        currency=texts,
        origin=texts,
        public_key=texts,
        generation=counts,
        parties=st.lists(st.builds(Party, texts, texts), max_size=3).map(tuple),
    ),
    st.builds(entries.Generation, at=moments, previous=texts, size=counts, root=texts, cause=texts, checkpoint=notes),
    st.builds(entries.TermsEntry, at=moments, terms=objects, note=notes),
    st.builds(entries.Settings, at=moments, settings=objects),
    st.builds(entries.Start, at=moments, device=texts, code=texts, location=maybe, seen=maybe, head=heads),
    st.builds(Heartbeat, at=moments),
    st.builds(entries.Outage, at=moments, begin=moments, end=moments),
    st.builds(entries.Shutdown, at=moments, device=texts, code=texts, start=heads, head=heads, cause=maybe),
    st.builds(
        Reading,
        at=moments,
        source=sources,
        sequence=counts,
        raw=raws,
        unit=st.sampled_from(["kWh", "W", None]) | texts,
        energy=counts,
        register=st.none() | counts,
        reason=st.sampled_from(Reason),
    ),
    st.builds(
        Gap,
        at=moments,
        source=sources,
        begin=moments,
        end=moments,
        cause=st.sampled_from(Cause),
        worth=st.sampled_from(Worth),
        energy=counts,
        days=st.none() | counts,
        open=st.booleans(),
    ),
    st.builds(entries.Tariff, at=moments, price=amounts),
    st.builds(entries.Inspection, at=moments, source=sources, register=counts, who=texts, note=notes),
    st.builds(
        entries.Payment,
        at=moments,
        project=texts,
        period=texts,
        step=st.sampled_from(PaymentStep),
        amount=amounts,
        tx=maybe,
        memo=maybe,
        note=notes,
    ),
    st.builds(
        entries.Notice,
        at=moments,
        level=texts,
        party=texts,
        platform=texts,
        step=st.sampled_from(NoticeStep),
        detail=maybe,
    ),
    st.builds(
        entries.Anchored, at=moments, anchor=st.sampled_from(AnchorKind), size=counts, root=texts, reference=objects
    ),
)


@given(everything)
def test_round_trip(entry: Entry):
    data = encode(entry)
    assert decode(data) == entry
    assert encode(decode(data)) == data


@given(everything, st.data())
def test_any_bytes(entry: Entry, data):
    """What is read is written the same: nothing has two texts. Whatever else is refused, in the one way."""
    payload = data.draw(strategies.payloads(st.just(encode(entry))))
    try:
        found = decode(payload)
    except ContractError:
        return
    assert encode(found) == payload


def test_known_bytes():
    reading = Reading(
        at=START, source="roof", sequence=3, raw="1.50", unit="kWh", energy=20, register=1_500_000, reason=Reason.OK
    )
    assert encode(reading) == (
        b'{"at":"2026-03-02T00:00:00.000Z","energy":20,"kind":"reading","raw":"1.50","reason":"ok","register":1500000,'
        b'"sequence":3,"source":"roof","unit":"kWh"}'
    )
    gap = Gap(at=START, source="roof", begin=START, end=START, cause=Cause.OUTAGE, worth=Worth.REGISTER, energy=7)
    assert encode(gap) == (
        b'{"at":"2026-03-02T00:00:00.000Z","begin":"2026-03-02T00:00:00.000Z","cause":"outage","end":"2026-03-02T00:00:00.000Z",'
        b'"energy":7,"kind":"gap","source":"roof","worth":"register"}'
    )
    payment = entries.Payment(
        at=START, project="Röf", period="2026-03-02", step=PaymentStep.DUE, amount=Decimal("1.50")
    )
    assert (
        encode(payment)
        == (
            '{"amount":"1.5","at":"2026-03-02T00:00:00.000Z","kind":"payment","period":"2026-03-02","project":"Röf","step":"due"}'
        ).encode()
    )


HEARTBEAT = b'{"at":"2026-03-02T00:00:00.000Z","kind":"heartbeat"}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        HEARTBEAT + b"\n",
        b'{"kind":"heartbeat","at":"2026-03-02T00:00:00.000Z"}',
        b'{"at": "2026-03-02T00:00:00.000Z","kind":"heartbeat"}',
        b'{"at":"2026-03-02T00:00:00.000Z","extra":1,"kind":"heartbeat"}',
        b'{"at":"2026-03-02T00:00:00.000Z","head":null,"kind":"start","device":"d","code":"c"}',
        b'{"at":"2026-03-02T00:00:00Z","kind":"heartbeat"}',
        b'{"at":"2026-03-02T00:00:00.000+00:00","kind":"heartbeat"}',
        b'{"at":"2026-02-30T00:00:00.000Z","kind":"heartbeat"}',
        b'{"at":"2026-03-02T24:00:00.000Z","kind":"heartbeat"}',
        b'{"at":"1999-03-02T00:00:00.000Z","kind":"heartbeat"}',
        b'{"at":"2026-03-02T00:00:00.000Z","kind":"tariff","price":"0.20"}',
        b'{"at":"2026-03-02T00:00:00.000Z","kind":"tariff","price":0.2}',
        b'{"at":"2026-03-02T00:00:00.000Z","kind":"tariff","price":"-0"}',
        b'{"at":"2026-03-02T00:00:00.000Z","kind":"tariff","price":"1e2"}',
        b'{"at":"2026-03-02T00:00:00.000Z","kind":"tariff","price":"cheap"}',
        b'{"at":"2026-03-02T00:00:00.000Z","kind":"settings","settings":[]}',
        b'{"at":"2026-03-02T00:00:00.000Z","energy":-1,"kind":"reading","reason":"ok","sequence":0,"source":"roof"}',
        b'{"at":"2026-03-02T00:00:00.000Z","energy":0,"kind":"reading","reason":"fine","sequence":0,"source":"roof"}',
        b'{"at":"2026-03-02T00:00:00.000Z","energy":0,"kind":"reading","reason":"ok","sequence":0,"source":"Roof"}',
        b'{"at":"2026-02-30T00:00:00.000Z","energy":0,"kind":"reading","raw":"1","reason":"ok","sequence":0,"source":"r","unit":"W"}',
        b'{"at":"2026-03-02T00:00:00.000Z","energy":0,"kind":"reading","raw":"1","reason":"odd","sequence":0,"source":"r","unit":"W"}',
        b'{"at":"2026-03-02T00:00:00.000Z","energy":0,"kind":"reading","reason":"ok","sequence":0,"source":"r","unit":"","raw":"1"}',
        b'{"at":"2026-03-02T00:00:00.000Z","kind":"start","code":"c"}',
        b'{"at":"2026-03-02T00:00:00.000Z"}',
        b'{"at":"yesterday","kind":"strange"}',
    ],
)
def test_refused(data):
    with pytest.raises(ContractError):
        decode(data)
    assert decode(HEARTBEAT) == Heartbeat(at=START)


def test_unknown_kinds_are_kept():
    data = b'{"at":"2026-03-02T00:00:00.000Z","kind":"weather","sky":{"blue":true}}'
    entry = decode(data)
    assert isinstance(entry, Unknown)
    assert (entry.kind, entry.at, entry.members["sky"]) == ("weather", START, {"blue": True})
    assert encode(entry) == data


@pytest.mark.parametrize(
    "entry",
    [
        Heartbeat(at=datetime(2026, 3, 2)),  # noqa: DTZ001
        Heartbeat(at=datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=1)))),
        Heartbeat(at=datetime(2100, 1, 1, tzinfo=UTC)),
        entries.Tariff(at=START, price=Decimal("NaN")),
        entries.Tariff(at=START, price=Decimal("1e20")),
        entries.Tariff(at=START, price=Decimal("1e-10")),
        entries.Settings(at=START, settings={"x": "y" * 70_000}),
    ],
)
def test_what_can_not_be_written(entry):
    with pytest.raises(ContractError):
        encode(entry)


def test_times_are_cut_to_milliseconds():
    assert decode(encode(Heartbeat(at=START + timedelta(microseconds=1999)))).at == START + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0.20", "0.2"),
        ("1E+3", "1000"),
        ("0E-5", "0"),
        ("-0.0", "0"),
        ("-0.5", "-0.5"),
        ("12.000000001", "12.000000001"),
    ],
)
def test_decimals(number, text):
    assert codec.write_decimal(Decimal(number)) == text
    assert codec.read_decimal(text, "x") == Decimal(number)


@given(everything, st.data())
def test_the_quick_way_reads_the_same_as_the_slow_one(entry, data):
    found = encode(entry)
    quick = entries._read_quickly(found)
    assert quick is None or quick == entry
    if isinstance(entry, Reading):
        written = entries._write_quickly(entry)
        members = codec.write_members(entry, entries._MEMBERS["reading"])
        assert written in {None, codec.canonical({**members, "kind": "reading"})}


def test_the_quick_way_is_taken():
    for raw, register in product(["12.5", "-3.1", "1e-05", "unavailable"], [None, 0, 7]):
        reading = Reading(at=START, source="roof", sequence=0, raw=raw, unit="kWh", register=register)
        assert entries._read_quickly(encode(reading)) == reading


def test_the_text_that_a_note_signs():
    payment = entries.Payment(at=START, project="p", period="x", step=PaymentStep.WAIVED, note="anything")
    assert unsigned_text(payment) == encode(decode(encode(payment).replace(b'"note":"anything",', b""))).decode() + "\n"
