"""Anchors that don't show what they are said to show, and time stamps."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from steward_house.audit.options import Options
from steward_house.audit.result import Report
from steward_house.audit.sources import SourceError
from steward_house.audit.stamps import StampError, Stamps, in_order
from steward_house.audit.verify import verify
from steward_house.protocol.anchor import Link, memos, raw_cid
from steward_house.protocol.books.entries import Anchored, AnchorKind, decode, encode

from .world import BEGIN, KEYS, MINUTE, STRANGER, House, source

NOW = BEGIN + timedelta(days=10)


def house_with(change: Callable[[Anchored, Link], Anchored], count: int = 300) -> House:
    """Return a house whose books have an anchor of the first entries that was changed."""
    house = House()
    house.measure(count)
    link = Link(house.log.note())
    reference = {"cid": link.cid, "note_cid": link.note_cid, "note": link.note.decode()}
    entry = Anchored(
        at=house.at,
        anchor=AnchorKind.IPFS,
        size=len(house.log.entries),
        root=house.log.root().hex(),
        reference=reference,
    )
    house.write(change(entry, link))
    return house


def audit(house: House, **options: object) -> Report:
    return verify(source(house.log), KEYS, Options(recheck=False, **options), NOW)


def codes(report: Report) -> list[str]:
    return [item.code for item in report.findings if item.severity == "problem"]


def test_right() -> None:
    report = audit(house_with(lambda entry, _: entry))
    assert report.ok
    assert report.anchors[0].checked == ("checkpoint", "cid", "chain")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda entry, _: replace(entry, reference={}), "anchor_note"),
        (lambda entry, _: replace(entry, reference={**entry.reference, "note": "x"}), "anchor_note"),
        (lambda entry, _: replace(entry, size=3), "anchor_note"),
        (lambda entry, _: replace(entry, root="0" * 64), "anchor_note"),
        (lambda entry, _: replace(entry, reference={**entry.reference, "cid": "Qm"}), "anchor_cid"),
        (lambda entry, _: replace(entry, reference={**entry.reference, "previous": "Qm"}), "anchor_cid"),
        (lambda entry, _: replace(entry, reference={**entry.reference, "note_cid": "bafk"}), "anchor_cid"),
        (
            lambda entry, _: replace(entry, reference={**entry.reference, "first_bundle": 0, "bundles": ["x"]}),
            "anchor_bundle",
        ),
        (lambda entry, _: replace(entry, anchor=AnchorKind.STELLAR), "anchor_transaction"),
        (
            lambda entry, _: replace(entry, anchor=AnchorKind.RFC3161, reference={**entry.reference, "token": "!"}),
            "anchor_stamp",
        ),
        (lambda entry, _: replace(entry, since=BEGIN), "clock_ahead"),
    ],
)
def test_wrong(change: Callable[[Anchored, Link], Anchored], code: str) -> None:
    assert codes(audit(house_with(change))) == [code]


def test_of_another_log() -> None:
    other = House()
    other.at += MINUTE
    other.measure(300)

    def change(entry: Anchored, _: Link) -> Anchored:
        link = Link(other.log.note())
        reference = {"cid": link.cid, "note": link.note.decode()}
        return replace(entry, size=len(other.log.entries), root=other.log.root().hex(), reference=reference)

    # The same key signed two versions of the same size: the anchor is the proof.
    assert codes(audit(house_with(change))) == ["anchor_not_inside"]

    def longer(entry: Anchored, _: Link) -> Anchored:
        other.measure(300)
        return change(entry, _)

    assert codes(audit(house_with(longer))) == ["anchor_not_inside"]

    def strange(entry: Anchored, link: Link) -> Anchored:
        note = link.note.replace(b"books.example/solar-1", STRANGER.name.encode())
        return replace(entry, reference={**entry.reference, "note": note.decode()})

    assert codes(audit(house_with(strange))) == ["anchor_note"]


def test_bundles_and_chain() -> None:
    house = House()
    house.measure(300)
    bundle = house.log.files()["tile/entries/000"]
    first = Link(house.log.note())

    def write(link: Link, **more: object) -> None:
        reference = {"cid": link.cid, "note": link.note.decode(), **more}
        size = len(house.log.entries)
        house.write(
            Anchored(at=house.at, anchor=AnchorKind.IPFS, size=size, root=house.log.root().hex(), reference=reference)
        )

    write(first, first_bundle=0, bundles=[raw_cid(bundle)])
    second = Link(house.log.note(), first.cid)
    write(second, previous=first.cid)
    third = Link(house.log.note(), "QmUnknown")
    write(third, previous="QmUnknown")
    report = audit(house)
    assert report.ok
    assert [each.checked for each in report.anchors] == [
        ("checkpoint", "cid", "chain", "bundles"),
        ("checkpoint", "cid", "chain"),
        ("checkpoint", "cid"),
    ]


def stellar_house() -> tuple[House, Link]:
    found: list[Link] = []

    def change(entry: Anchored, link: Link) -> Anchored:
        found.append(link)
        reference = {**entry.reference, "transactions": ["a" * 64, "b" * 64], "account": "G", "network": "Test"}
        return replace(entry, anchor=AnchorKind.STELLAR, reference=reference)

    return house_with(change), found[0]


def test_a_time_that_the_ledger_does_not_say() -> None:
    """The books say when it was published; the ledger's time counts, for the clock too."""
    house, link = stellar_house()
    times = zip("ab", memos(link.cid), strict=True)

    def audited(at: str) -> Report:
        ledger = {tx: {"successful": True, "memo": memo, "source_account": "G", "created_at": at} for tx, memo in found}
        return audit(house, horizon=lambda path: json.dumps(ledger[path[-1]]).encode())

    found = list(times)
    assert audited("2026-03-02T23:00:00Z").anchors[0].since == BEGIN + timedelta(hours=23)
    assert "clock_ahead" in codes(audited("2026-03-01T00:00:00Z"))
    index = next(at for at, data in enumerate(house.log.entries) if b'"kind":"anchored"' in data)
    entry = decode(house.log.entries[index])
    assert isinstance(entry, Anchored)
    house.log.entries[index] = encode(replace(entry, since=BEGIN + timedelta(days=9)))
    assert codes(audited("2026-03-02T23:00:00Z")) == ["anchor_transaction"]


def test_stellar() -> None:
    house, link = stellar_house()
    first, second = memos(link.cid)
    right = {"successful": True, "memo": first, "source_account": "G"}
    ledger = {"a": right, "b": {**right, "memo": second}}

    def horizon(path: str) -> bytes | None:
        found = ledger.get(path[-1])
        return None if found is None else json.dumps(found).encode()

    report = audit(house, horizon=horizon)
    assert report.ok
    assert report.anchors[0].checked[-1] == "ledger"
    assert "ledger" not in audit(house).anchors[0].checked
    for name, value in (("successful", False), ("memo", "x"), ("memo", None), ("source_account", "H")):
        ledger["b"] = {**right, "memo": second, name: value}
        assert codes(audit(house, horizon=horizon)) == ["anchor_transaction"]
    del ledger["b"]
    assert codes(audit(house, horizon=horizon)) == ["anchor_transaction"]
    assert codes(audit(house, horizon=lambda _: b"[" * 100_000)) == ["anchor_transaction"]


class VerificationError(Exception):
    """What the library raises."""


class Client(SimpleNamespace):
    """Time stamps' library, as far as it is used here: an answer is JSON after a first byte that isn't DER."""


def client(stamped: bytes, *, status: int = 0, true: bool = True) -> Client:
    def verify_message(_response: object, _data: bytes) -> None:
        if not true:
            raise VerificationError(*["false"])

    def decode(_answer: bytes) -> SimpleNamespace:
        info = SimpleNamespace(
            message_imprint=SimpleNamespace(message=sha256(stamped).digest()),
            nonce=1,
            gen_time=datetime(2026, 3, 2, 5, tzinfo=UTC),
        )
        return SimpleNamespace(status=status, tst_info=info, signed_data=SimpleNamespace(certificates=set()))

    return Client(
        decode_timestamp_response=decode,
        VerificationError=VerificationError,
        VerifierBuilder=lambda **_: SimpleNamespace(build=lambda: SimpleNamespace(verify_message=verify_message)),
    )


DER = bytes([0x30, 2, 0x05, 0])
"""A sequence with one element: an answer without a token."""


def test_time_stamps() -> None:
    stamps = Stamps()
    stamps._client = client(b"data")
    assert stamps.check(DER, b"data").time.hour == 5
    assert not stamps.check(DER, b"data").trusted
    with pytest.raises(StampError, match="something else"):
        stamps.check(DER, b"other")
    stamps._roots = [object()]
    assert stamps.check(DER, b"data").trusted
    stamps._client = client(b"data", true=False)
    with pytest.raises(StampError, match="false"):
        stamps.check(DER, b"data")
    stamps._client = client(b"data", status=2)
    with pytest.raises(StampError, match="refused"):
        stamps.check(DER, b"data")
    with pytest.raises(StampError, match="too long"):
        stamps.check(bytes(70_000), b"data")
    stamps._client = None
    assert stamps.check(DER, b"data") is None
    assert not stamps.installed


def test_time_stamp_in_a_log() -> None:
    def change(entry: Anchored, _: Link) -> Anchored:
        import base64

        reference = {**entry.reference, "token": base64.b64encode(DER).decode()}
        return replace(entry, anchor=AnchorKind.RFC3161, reference=reference)

    house = house_with(change)
    stamps = Stamps()
    note = house.log.note(len(house.log.entries) - 1)
    stamps._client = client(note)
    report = audit(house, stamps=stamps)
    assert report.ok
    assert (report.anchors[0].checked, report.anchors[0].since.hour) == (("checkpoint", "stamp"), 5)
    assert {check.name: check.why for check in report.checks}["authorities"] == "no_roots"
    stamps._roots = [object()]
    assert audit(house, stamps=stamps).anchors[0].checked == ("checkpoint", "stamp", "authority")
    stamps._client = None
    report = audit(house, stamps=stamps)
    assert report.ok
    assert {check.name: check.why for check in report.checks}["stamps"] == "no_library"


def test_time_stamp_of_a_real_authority(tmp_path: Path) -> None:
    import rfc3161_client as library

    from tests.anchorage.authority import TimestampServer

    authority = TimestampServer(tmp_path / "authority")
    query = library.TimestampRequestBuilder().data(b"data").hash_algorithm(library.HashAlgorithm.SHA256).build()
    token = authority._reply(query.as_bytes())
    assert not Stamps().check(token, b"data").trusted
    stamps = Stamps([authority.folder / "ca.pem"])
    assert stamps.has_roots
    assert stamps.check(token, b"data").trusted
    with pytest.raises(StampError):
        stamps.check(token, b"other")
    stranger = TimestampServer(tmp_path / "stranger")
    with pytest.raises(StampError):
        Stamps([stranger.folder / "ca.pem"]).check(token, b"data")
    for at in range(0, len(token), 41):
        changed = token[:at] + bytes([token[at] ^ 4]) + token[at + 1 :]
        try:
            found = stamps.check(changed, b"data")
        except StampError:
            continue
        assert found.time == stamps.check(token, b"data").time


def test_certificates_that_are_none(tmp_path) -> None:
    with pytest.raises(SourceError):
        Stamps([tmp_path / "none"])
    (tmp_path / "pem").write_text("x")
    with pytest.raises(SourceError):
        Stamps([tmp_path / "pem"])


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = bytes([len(content)]) if len(content) < 128 else b"\x82" + len(content).to_bytes(2)
    return bytes([tag]) + size + content


def test_certificates_in_order() -> None:
    """Certificates are sorted, nothing else changes."""
    one, two = element(0x30, b"\x02\x01\x07" + bytes(200)), element(0x30, b"\x02\x01\x05" + bytes(200))
    status = element(0x30, b"\x02\x01\x00")

    def answer(*certificates: bytes) -> bytes:
        signed = element(0x30, b"\x02\x01\x03", element(0xA0, *certificates), element(0x31, b"\x05\x00"))
        return element(0x30, status, element(0x30, b"\x06\x01\x2a", element(0xA0, signed)))

    assert in_order(answer(one, two)) == answer(two, one) == in_order(answer(two, one))
    without = element(0x30, status, element(0x30, b"\x06\x01\x2a", element(0xA0, element(0x30, b"\x02\x01\x03"))))
    assert in_order(without) == without
    assert in_order(element(0x30, status)) == element(0x30, status)
    for cut in range(1, len(answer(one)), 37):
        with pytest.raises((ValueError, IndexError)):
            in_order(answer(one)[:cut])
