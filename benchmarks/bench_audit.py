"""The auditor's benchmark: a whole audit of a year of readings, one a minute, as `steward audit verify` runs it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
import json
from math import pi, sin
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Final
from zoneinfo import ZoneInfo

from custom_components.steward.log.storage import LogStorage
from custom_components.steward.protocol.books.entries import Opened, Start, encode
from custom_components.steward.protocol.books.meters import Meters
from custom_components.steward.protocol.books.periods import Period, Unit
from custom_components.steward.protocol.books.tariff import Fixed
from custom_components.steward.protocol.books.terms import SourceTerms, Terms, sign_terms, terms_entry
from custom_components.steward.protocol.log.note import Signer

from .process import REPOSITORY
from .report import Comparison, progress

READINGS: Final = 525_600
BATCH: Final = 1440
TARGET_SECONDS: Final = 3
ORIGIN: Final = "books.example/benchmark"
KEY: Final = bytes(range(32))
CREDITOR: Final = Signer("creditor.example/benchmark", bytes(range(1, 33)))
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)


class AuditFailedError(RuntimeError):
    """The audit didn't find the books right, which they are."""


def books() -> Iterator[bytes]:
    """Give a year's entries: an opening, terms, a start, and the readings of a solar plant's register."""
    terms = Terms(
        project="Benchmark",
        currency="EUR",
        zone="Europe/Berlin",
        tariff=Fixed(Decimal("0.2")),
        period=Period(1, Unit.MONTHS, date(2026, 1, 1)),
        sources=(SourceTerms(id="inverter", max_power=10_000),),
        creditor=CREDITOR.vkey,
    )
    key = Signer(ORIGIN, KEY).vkey
    beginning = (
        Opened(at=BEGIN, project="Benchmark", asset="Plant", currency="EUR", origin=ORIGIN, public_key=key),
        terms_entry(BEGIN, terms, sign_terms(terms, CREDITOR)),
        Start(at=BEGIN, device="BENCH", code="0" * 64),
    )
    meters = Meters(ZoneInfo)
    for entry in beginning:
        meters.hear(entry)
        yield encode(entry)
    register = 0
    for minute in range(1, READINGS + 1):
        at = BEGIN + timedelta(minutes=minute)
        register += round(max(0.0, 4000 * sin((at.hour + at.minute / 60 - 6) / 12 * pi)) / 60 * 1000)
        for made in (*meters.tick(at), *meters.take("inverter", at, f"{register / 1_000_000:.6f}", "kWh")):
            yield encode(made)


def write_year(folder: Path) -> int:
    """Lay out a year's log; return how many entries it has."""
    with LogStorage.open(folder, ORIGIN, KEY) as storage:
        batch = []
        for entry in books():
            batch.append(entry)
            if len(batch) == BATCH:
                storage.append(batch)
                batch = []
        storage.append(batch)
        storage.sign()
        return storage.size


def audit(folder: Path, *options: str) -> float:
    """Audit a log in a fresh process; return how long it took by its own clock, without starting Python.

    Raises:
        AuditFailedError: it says that something is wrong.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "steward_house.cli", "audit", "verify", folder, "--json"),
            *("--key", Signer(ORIGIN, KEY).vkey, "--creditor", CREDITOR.vkey, *options),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AuditFailedError(done.stdout[-2000:] + done.stderr)
    return float(json.loads(done.stdout)["seconds"])


def run(rounds: int) -> list[Comparison]:
    """Measure audits of one log.

    Raises:
        AuditFailedError: the audit says that something is wrong.
    """
    build = REPOSITORY / "build"
    build.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=build) as name:
        folder = Path(name)
        progress("audit: writing a year of readings")
        size = write_year(folder / "1")
        quick, whole = [], []
        for number in range(rounds):
            progress(f"audit, round {number + 1} of {rounds}")
            quick.append(audit(folder, "--no-recheck"))
            whole.append(audit(folder))
    return [
        Comparison(
            name=f"Audit of {size} entries, the filter not run again",
            unit="s",
            ours=tuple(quick),
            target=TARGET_SECONDS,
        ),
        Comparison(name="The same, and the filter run again over every raw value", unit="s", ours=tuple(whole)),
    ]
