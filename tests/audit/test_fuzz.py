"""Whatever a log says, an audit ends with a report: entries are what the other side may write as it likes."""

from contextlib import suppress
from datetime import timedelta
import json

from hypothesis import given, settings, strategies as st

from steward_house.audit.options import Options
from steward_house.audit.pages.page import write_pages
from steward_house.audit.stamps import StampError, Stamps
from steward_house.audit.text import to_json, write_text
from steward_house.audit.verify import verify
from steward_house.audit.words import CHECKS, FINDINGS, SKIPPED
from steward_house.protocol.anchor import Link

from .world import BEGIN, KEYS, ORIGIN, House, Log, source, thousand

NOW = BEGIN + timedelta(days=10)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=8)
    | st.sampled_from(["ipfs", "register", "a" * 64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TIMES = st.datetimes(
    min_value=BEGIN.replace(year=2000, tzinfo=None), max_value=BEGIN.replace(year=2099, tzinfo=None)
).map(lambda at: at.isoformat(timespec="milliseconds") + "Z")
EXAMPLES = [json.loads(entry) for entry in thousand().entries if b'"reading"' not in entry] + [
    json.loads(thousand().entries[20]),
    json.loads(next(entry for entry in thousand().entries if b'"kind":"gap"' in entry)),
]
TERMS = next(example for example in EXAMPLES if example["kind"] == "terms")


@st.composite
def entries(draw: st.DrawFn) -> bytes:
    """Draw an entry like a real one, with members that are changed, missing or more."""
    members = dict(draw(st.sampled_from(EXAMPLES)))
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(members)) | st.text(max_size=8))
        match draw(st.integers(0, 3)):
            case 0:
                members.pop(name, None)
            case 1:
                members[name] = draw(TIMES)
            case 2 if isinstance(members.get(name), dict) and members[name]:
                inner = dict(members[name])
                inner[draw(st.sampled_from(sorted(inner)))] = draw(JSON)
                members[name] = inner
            case _:
                members[name] = draw(JSON)
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "replace")


def look_at_all_of_it(log: Log, *more: Log) -> None:
    report = verify(source(log, *more), KEYS, Options(horizon=lambda _: b'{"memo":[]}'), NOW)
    json.dumps(to_json(report))
    write_text(report)
    for language in ("en", "de"):
        write_pages(report, language)
    assert {item.code for item in report.findings} <= set(FINDINGS)
    assert {check.why for check in report.checks if check.why} <= set(SKIPPED)


@given(st.lists(entries() | st.binary(max_size=60), max_size=8))
@settings(max_examples=200)
def test_any_entries(drawn: list[bytes]) -> None:
    look_at_all_of_it(Log(ORIGIN, drawn))


@given(st.lists(entries(), max_size=6))
@settings(max_examples=100)
def test_any_entries_in_a_house(drawn: list[bytes]) -> None:
    house = House()
    house.measure(2)
    look_at_all_of_it(Log(ORIGIN, [*house.log.entries, *drawn]), Log(f"{ORIGIN}/2-abcdefgh", drawn))


@given(
    st.dictionaries(
        st.sampled_from(["note", "cid", "note_cid", "previous", "bundles", "first_bundle", "transactions", "token"]),
        JSON,
    ),
    st.sampled_from(["ipfs", "stellar", "rfc3161"]),
    st.booleans(),
)
def test_any_anchor(reference: dict[str, object], kind: str, right: bool) -> None:
    house = House()
    link = Link(house.log.note())
    if right:
        reference = {"cid": link.cid, **reference, "note": link.note.decode()}
    house.log.entries.append(
        json.dumps(
            {"anchor": kind, "at": "2026-03-02T00:00:00.000Z", "kind": "anchored", "reference": reference,
             "root": house.log.root().hex(), "size": len(house.log.entries)},
            ensure_ascii=False, separators=(",", ":"), sort_keys=True,
        ).encode("utf-8", "replace")
    )  # fmt: skip
    look_at_all_of_it(house.log)


@given(st.binary(max_size=200))
def test_any_time_stamp(token: bytes) -> None:
    with suppress(StampError):
        Stamps().check(token, b"data")


def test_every_code_has_its_check_and_its_words() -> None:
    problems = {code for check in CHECKS.values() for code in check.codes}
    assert problems <= set(FINDINGS)
    assert all(len(both) == 2 and all(both) for both in FINDINGS.values())
    assert TERMS["kind"] == "terms"
