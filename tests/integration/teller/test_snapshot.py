"""A start that begins with a snapshot comes to what one comes to that reads all entries, and any doubt makes it read them all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from hypothesis import given, settings as effort, strategies as st
import pytest

from custom_components.steward.log.generations import Cause, Generations, Previous
from custom_components.steward.protocol.books.entries import (
    Entry,
    Gap,
    Generation,
    Head,
    Heartbeat,
    Inspection,
    Outage,
    Payment,
    PaymentStep,
    Reading,
    Settings,
    Shutdown,
    Start,
    Tariff,
    decode,
    encode,
)
from custom_components.steward.protocol.books.meters import Meters
from custom_components.steward.protocol.books.periods import Period, Unit
from custom_components.steward.protocol.books.tariff import Fixed, FromEntity, Row, Table
from custom_components.steward.protocol.books.terms import (
    Filter,
    GapPolicy,
    GapWorth,
    SourceKind,
    SourceTerms,
    Terms,
    sign_terms,
    terms_entry,
)
from custom_components.steward.protocol.log.note import Signer
from custom_components.steward.teller import graph, history as history_module
from custom_components.steward.teller.data import Source, TellerSettings
from custom_components.steward.teller.history import History
from custom_components.steward.teller.snapshot import Snapshot, snapshot_of

from .conftest import entries_of, later, meter_says

CREDITOR = Signer("creditor.example", b"c" * 32)
ZONE = "Europe/Berlin"
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
KEY = b"k" * 32
BASE = "steward.example/roof"
TERMS = Terms(
    project="Roof",
    currency="EUR",
    zone=ZONE,
    creditor=CREDITOR.vkey,
    tariff=FromEntity("sensor.price", Decimal("0.2")),
    period=Period(1, Unit.WEEKS, date(2026, 3, 2)),
    sources=(SourceTerms("east", max_power=6000), SourceTerms("west", SourceKind.POWER, max_power=6000)),
)
AGREEMENTS = (
    TERMS,
    replace(TERMS, number=2, period=Period(2, Unit.MONTHS, date(2026, 3, 9)), filter=Filter(confirm=2, jitter=0)),
    replace(TERMS, number=3, tariff=Table((Row(Decimal(1), (5, 6)), Row(Decimal("0.3"))))),
    replace(TERMS, number=4, zone="America/New_York", gaps=GapPolicy(GapWorth.ESTIMATE, 60)),
    replace(TERMS, number=5, sources=(*TERMS.sources, SourceTerms("north")), tariff=Fixed(Decimal("0.5"))),
)
TEXTS = st.sampled_from(["unavailable", "0", "0.0", "1e9", "-3", "ERR", None]) | st.integers(0, 400).map(str)
JUMPS = st.sampled_from([0, 30, 60, 60, 60, 600, 3600, 90_000, 700_000]) | st.integers(-300, 5000)


def settings_of(**changes: Any) -> TellerSettings:
    sources = tuple(
        Source(
            id=each, subentry_id=each, entity_id=f"sensor.{each}", name=each, kind=SourceKind.CUMULATIVE, max_power=6000
        )
        for each in ("east", "west")
    )
    values: dict[str, Any] = dict.fromkeys(TellerSettings.__dataclass_fields__)
    return TellerSettings(**values | {"zone": ZONE, "creditor": CREDITOR.vkey, "sources": sources} | changes)


def new_history() -> History:
    return History(settings_of(), ZoneInfo(ZONE))


def others(at: datetime) -> list[Entry]:
    """Return entries that aren't readings, gaps or terms."""
    claim = Payment(at=at, project="Roof", period="2026-03-02", step=PaymentStep.SUBMITTED, amount=Decimal(2), memo="m")
    return [
        Start(at=at, device="d", code="c", head=Head(3, "0" * 64)),
        Shutdown(at=at, device="d", code="c"),
        Outage(at=at, begin=at - timedelta(hours=1), end=at),
        Heartbeat(at=at),
        Tariff(at=at, price=Decimal("0.31")),
        Settings(at=at, settings={"a": [1, {"b": None}], "c": True}),
        Inspection(at=at, source="east", register=5, who="Ann"),
        Generation(at=at, previous="o", size=3, root="0" * 64, cause="damaged"),
        claim,
        replace(claim, tx="f" * 64),
        replace(claim, step=PaymentStep.CONFIRMED, tx="f" * 64),
        replace(claim, step=PaymentStep.WAIVED, memo=None),
    ]


@st.composite
def logs(draw: Callable[..., Any]) -> list[bytes]:
    """Draw a log that meters have written, with all that can happen to them."""
    meters = Meters(ZoneInfo, CREDITOR.vkey)
    log: list[Entry | bytes] = []
    at, register = BEGIN, draw(st.integers(0, 1000))

    def hear(entry: Entry) -> None:
        meters.hear(entry)
        log.append(entry)

    hear(terms_entry(at, TERMS, sign_terms(TERMS, CREDITOR).strip() + "\n"))
    for _ in range(draw(st.integers(1, 40))):
        at = max(BEGIN, at + timedelta(seconds=draw(JUMPS)))
        match draw(st.sampled_from(["climb", "climb", "climb", "say", "power", "tick", "other", "terms", "broken"])):
            case "climb":
                for _ in range(draw(st.integers(1, 8))):
                    at, register = at + timedelta(minutes=1), register + draw(st.integers(0, 6))
                    log += meters.take("east", at, f"{register / 100}", "kWh")
            case "say":
                log += meters.take("east", at, draw(TEXTS), draw(st.sampled_from(["kWh", "W", None])))
            case "power":
                log += meters.take("west", at, draw(TEXTS), "W")
            case "tick":
                log += meters.tick(at)
            case "other":
                hear(draw(st.sampled_from(others(at))))
            case "terms":
                agreed = draw(st.sampled_from(AGREEMENTS))
                signed = draw(st.booleans())
                hear(terms_entry(at, agreed, sign_terms(agreed, CREDITOR) if signed else None))
            case "broken":
                log.append(b"{}")
    return [each if isinstance(each, bytes) else encode(each) for each in log]


def decisions(history: History, at: datetime) -> list[object]:
    """Return what meters make of what comes next."""
    found: list[object] = [history.meters.gaps(at + timedelta(hours=1))]
    for minute, (east, west) in enumerate([("9.5", "300"), ("9.7", "300"), ("12.5", "0"), ("12.6", "700")] * 2):
        now = at + timedelta(minutes=minute)
        found += history.meters.take("east", now, east, "kWh") + history.meters.take("west", now, west, "W")
    return [*found, *history.meters.tick(at + timedelta(days=40))]


@given(logs(), st.data())
@effort(max_examples=150, deadline=None)
def test_entries_after_a_snapshot_come_to_what_all_come_to(log: list[bytes], data: st.DataObject) -> None:
    whole, begun = new_history(), new_history()
    whole.load(log)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log)), min_size=1, max_size=3)))
    for start, stop in zip([0, *cuts], cuts, strict=False):
        begun.load(log[start:stop])
        text = json.dumps(begun.dump())
        begun = new_history()
        begun.restore(json.loads(text))
    begun.load(log[cuts[-1] :])

    assert begun.dump() == whole.dump()
    assert begun.watched == whole.watched
    last = max(decode(each).at for each in log if each != b"{}")
    for days in (0, 1, 30, 200):
        now = last + timedelta(days=days)
        assert begun.figures(now) == whole.figures(now)
        assert begun.account.periods(now) == whole.account.periods(now)
    assert begun.account.problems == whole.account.problems
    after = last + timedelta(minutes=data.draw(st.sampled_from([1, 20, 3000])))
    assert decisions(begun, after) == decisions(whole, after)


# Files


class Log:
    """The books of a teller on disk, and how they are read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "books"
        self.path = folder / "kept" / "snapshot"
        self.path.parent.mkdir()
        self.at = BEGIN
        self.meters = Meters(ZoneInfo, CREDITOR.vkey)
        self.generations = self.open()
        first = terms_entry(BEGIN, TERMS, sign_terms(TERMS, CREDITOR))
        self.meters.hear(first)
        self.generations.storage.append([encode(first)])

    def open(self, key: bytes = KEY) -> Generations:
        return Generations.open(self.folder, BASE, key, self.first)

    def first(self, previous: Previous) -> bytes:
        entry = Generation(
            at=self.at, previous=previous.origin, size=previous.size, root=previous.root.hex(), cause=previous.cause
        )
        return encode(entry)

    def reopen(self) -> None:
        self.generations.close()
        self.generations = self.open()

    def write(self, count: int) -> None:
        found: list[Gap | Reading] = []
        for _ in range(count):
            self.at += timedelta(minutes=1)
            found += self.meters.take("east", self.at, f"{self.at.timestamp() // 60 % 10**6 / 100}", "kWh")
        self.generations.storage.append([encode(each) for each in found])

    def snapshot(self, code: str = "code", **changes: Any) -> Snapshot:
        return Snapshot(self.path, code, settings_of(**changes))

    def read(self, code: str = "code", **changes: Any) -> int:
        """Start, check what came out, and return how many entries were read for it."""
        history = History(settings_of(**changes), ZoneInfo(ZONE))
        read = self.snapshot(code, **changes).load(history, self.generations)
        whole = History(settings_of(**changes), ZoneInfo(ZONE))
        nowhere = Snapshot(self.folder / "nowhere" / "snapshot", code, settings_of(**changes))
        with patch("custom_components.steward.teller.snapshot.write_utf8_file_atomic"):
            assert nowhere.load(whole, self.generations) == whole.entries
        assert history.dump() == whole.dump()
        return read


@pytest.fixture
def log(tmp_path: Path) -> Any:
    log = Log(tmp_path)
    log.write(600)
    yield log
    log.generations.close()


def test_a_start_reads_what_came_after_the_snapshot(log: Log) -> None:
    assert log.read() == 601
    assert log.read() == 0
    log.write(3)
    assert log.read() == 3
    assert log.read() == 3, "so few make no new snapshot"
    log.snapshot().advance(log.generations)
    assert log.read() == 0
    log.write(1000)
    assert log.read() == 1000
    log.reopen()
    assert log.read() == 0
    assert log.path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in log.path.parent.iterdir()] == ["snapshot"]


def test_a_snapshot_that_does_not_fit_is_not_brought_up_to_the_log(log: Log) -> None:
    log.snapshot().advance(log.generations)
    assert not log.path.exists()
    log.read()
    before = log.path.read_bytes()
    log.write(5)
    log.snapshot("other").advance(log.generations)
    assert log.path.read_bytes() == before


def test_a_snapshot_without_a_file_is_none(log: Log) -> None:
    log.read()
    log.path.unlink()
    assert log.read() == 601


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "other"},
        {"zone": "Europe/Paris"},
        {"creditor": None},
        {"sources": settings_of().sources[:1]},
        {"sources": settings_of().sources[::-1]},
    ],
)
def test_what_others_made_is_not_used(log: Log, changes: dict[str, Any]) -> None:
    log.read()
    assert log.read(**changes) == 601
    assert log.read() == 601


def test_other_python_and_other_time_zones_rules(log: Log) -> None:
    log.read()
    with patch("custom_components.steward.teller.snapshot.sys.version", "3.99"):
        assert log.read() == 601
    assert log.read() == 601
    with patch("custom_components.steward.teller.snapshot._rules", return_value="others"):
        assert log.read() == 601


def test_a_zone_that_the_system_does_not_have_is_the_packages(log: Log) -> None:
    from custom_components.steward.teller.snapshot import _rules

    _rules.cache_clear()
    with patch("custom_components.steward.teller.snapshot.TZPATH", ()):
        assert log.read() == 601
    _rules.cache_clear()


def to_state(*parts: Any) -> Callable[[dict[str, Any]], None]:
    return lambda kept: kept["state"].append(parts)


def renamed(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def rename(kept: dict[str, Any]) -> None:
        text = json.dumps(kept["state"])
        assert old in text
        kept["state"] = json.loads(text.replace(old, new))

    return rename


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda text: text[:-10],
        lambda text: text[:-200] + bytes([text[-200] ^ 1]) + text[-199:],
        lambda text: b"0" * 64 + text[64:],
    ],
)
def test_a_damaged_snapshot_is_ignored(log: Log, change: Callable[[bytes], bytes]) -> None:
    log.read()
    log.path.write_bytes(change(log.path.read_bytes()))
    assert log.read() == 601
    assert log.read() == 0


@pytest.mark.parametrize(
    "change",
    [
        to_state("more", 1),
        to_state("odd", ["pickle", "x"]),
        to_state("odd", ["again", 10**6]),
        to_state("odd", ["enum", "account.Account", 1]),
        renamed('"account.Account"', '"os.system"'),
        renamed('"watched"', '"watching"'),
        renamed('"east"', '"south"'),
        lambda kept: kept.update(state=["list"]),
        lambda kept: kept.update(chapters=[]),
        lambda kept: kept.update(chapters=[[1, 2]]),
        lambda kept: kept.update(zones={"No/Where": ""}),
        lambda kept: kept.pop("zones"),
    ],
)
def test_a_snapshot_that_says_nonsense_is_ignored(log: Log, change: Callable[[dict[str, Any]], None]) -> None:
    log.read()
    kept = json.loads(log.path.read_bytes().partition(b"\n")[2])
    change(kept)
    body = json.dumps(kept).encode()
    log.path.write_bytes(sha256(body).hexdigest().encode() + b"\n" + body)
    assert log.read() == 601
    assert log.read() == 0


def test_a_snapshot_is_not_larger_than_it_may_be(log: Log) -> None:
    log.read()
    with patch("custom_components.steward.teller.snapshot.MOST", 1000):
        assert log.read() == 601
    log.path.unlink()
    with patch("custom_components.steward.teller.snapshot.MOST", 1000):
        assert log.read() == 601
    assert not log.path.exists()


def test_a_disk_that_takes_no_snapshot(log: Log) -> None:
    with patch("custom_components.steward.teller.snapshot.write_utf8_file_atomic", side_effect=OSError):
        assert log.read() == 601
    assert log.read() == 601
    assert log.read() == 0


def test_what_is_not_known_is_not_kept(log: Log) -> None:
    class Strange:
        pass

    with patch.object(history_module.History, "dump", lambda _: graph.write({"a": Strange()}, {})):
        log.snapshot().load(new_history(), log.generations)
    assert not log.path.exists()


def test_a_log_that_was_changed_below_the_snapshot(log: Log, tmp_path: Path) -> None:
    """Another log of the same size, as an owner could write it who has the key."""
    log.read()
    log.generations.close()
    other = tmp_path / "other"
    other.mkdir()
    forged = Log(other)
    forged.at += timedelta(seconds=30)
    forged.write(600)
    forged.path = log.path
    assert forged.read() == 601
    forged.generations.close()


def test_a_log_that_is_shorter_than_the_snapshot(log: Log, tmp_path: Path) -> None:
    log.read()
    shorter = tmp_path / "other"
    shorter.mkdir()
    begun = Log(shorter)
    begun.write(300)
    begun.path = log.path
    assert begun.read() == 301
    begun.generations.close()


def test_tiles_that_are_gone_while_the_log_is_open(log: Log) -> None:
    log.read()
    log.write(300)
    log.reopen()
    (log.folder / "1" / "tile" / "0" / "002").unlink()
    assert log.read() == 901
    assert log.read() == 0


def test_a_bundle_that_is_gone_while_the_log_is_open(log: Log) -> None:
    log.read()
    log.write(300)
    before = log.path.read_bytes()
    (log.folder / "1" / "tile" / "entries" / "002").unlink()
    log.snapshot().advance(log.generations)
    assert log.path.read_bytes() == before


def test_generations(log: Log) -> None:
    log.read()
    log.write(10)
    log.generations.begin_new(Cause.WITNESS)
    log.write(20)
    assert log.read() == 601 + 10 + 21, "where a generation ends it may turn out that less of it counts"
    log.write(7)
    assert log.read() == 7
    log.generations.begin_new(Cause.RESTORED)
    log.write(5)
    log.snapshot().advance(log.generations)
    assert log.read() == 601 + 10 + 21 + 7 + 6
    assert log.read() == 0


def test_former_generations_that_change(log: Log) -> None:
    log.write(100)
    log.generations.begin_new(Cause.WITNESS)
    bundle = log.folder / "1" / "tile" / "entries" / "001"
    data = bundle.read_bytes()
    bundle.unlink()
    assert log.read() == 701 - 256 + 1
    assert log.read() == 0, "what can't be read is known"
    bundle.write_bytes(data)
    assert log.read() == 702
    tile = log.folder / "1" / "tile" / "1" / "000.p" / "2"
    root = tile.read_bytes()
    tile.write_bytes(bytes([root[0] ^ 1]) + root[1:])
    assert log.read() == 702
    tile.unlink()
    assert log.read() == 702
    assert log.read() == 0, "without a root, by what can be read"


# Through Home Assistant


async def test_a_restart_uses_it(hass: HomeAssistant, entry: ConfigEntry, noon: FrozenDateTimeFactory) -> None:
    for kwh in range(1001, 1021):
        meter_says(hass, kwh / 1000 + 1000)
        await later(hass, noon, minutes=1)
    before = len(await entries_of(hass, entry))
    path = snapshot_of(hass, entry.entry_id)
    assert await hass.config_entries.async_unload(entry.entry_id)
    with patch.object(history_module, "decode", wraps=decode) as read:
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
    assert read.call_count == 0, "the snapshot was made after the last entry"
    teller = entry.runtime_data
    zone = await hass.async_add_executor_job(ZoneInfo, teller.settings.zone)
    whole = History(teller.settings, zone)
    found = await entries_of(hass, entry)
    assert len(found) > before
    whole.load(map(encode, found))
    now = datetime.now(UTC)
    assert teller.history.figures(now) == whole.figures(now)
    assert teller.history.entries == whole.entries == len(found)
    assert {key: replace(each, gap_since=None) for key, each in teller.watched.items()} == whole.watched

    await hass.async_add_executor_job(path.unlink)
    with patch.object(history_module, "decode", wraps=decode) as read:
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
    assert read.call_count > before


async def test_it_is_brought_up_once_a_day(
    hass: HomeAssistant, entry: ConfigEntry, noon: FrozenDateTimeFactory
) -> None:
    path = snapshot_of(hass, entry.entry_id)
    begun = await hass.async_add_executor_job(path.read_bytes)
    meter_says(hass, 1001)
    await later(hass, noon, hours=23)
    assert await hass.async_add_executor_job(path.read_bytes) == begun
    await later(hass, noon, hours=2)
    brought = await hass.async_add_executor_job(path.read_bytes)
    assert brought != begun
    meter_says(hass, 1002)
    await later(hass, noon, hours=2)
    assert await hass.async_add_executor_job(path.read_bytes) == brought


async def test_it_goes_with_the_teller(hass: HomeAssistant, entry: ConfigEntry) -> None:
    path = snapshot_of(hass, entry.entry_id)
    assert await hass.async_add_executor_job(path.exists)
    await hass.config_entries.async_remove(entry.entry_id)
    assert not await hass.async_add_executor_job(path.exists)
