"""Runs the benchmarks and prints a table for each part, or with `--json` one object; progress goes to standard error."""

import argparse
import json
import sys

from . import bench_audit, bench_dispatch, bench_hub, bench_log, bench_zero
from .broker import BrokerError
from .report import Comparison, progress, table

PARTS = ("hub", "zero", "dispatch", "log", "audit")


def measure_zero() -> list[Comparison]:
    """Measure the area node's daemon, which has no peer."""
    progress("zero")
    figures = bench_zero.run()
    return [
        Comparison(name="Daemon: start to `online`", unit="ms", ours=(figures["start_to_online_ms"],), target=1000),
        Comparison(name="Daemon: memory with both modules", unit="MB", ours=(figures["rss_mb"],), target=40),
    ]


def main() -> int:
    """Run what was asked for; return the exit status: a missed target is a result, not a failure."""
    parser = argparse.ArgumentParser(prog="script/bench", description="Measures Steward beside its peers.")
    parser.add_argument("parts", nargs="*", choices=PARTS, default=PARTS, help="what to measure (default: all)")
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="how often each subject of the hub, of the dispatcher, of the log and of the auditor is measured (default: 3)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object with every sample")
    arguments = parser.parse_args()
    parts = arguments.parts
    measured: list[list[Comparison]] = []
    try:
        if "hub" in parts:
            measured.append(bench_hub.run(arguments.rounds))
        if "zero" in parts:
            measured.append(measure_zero())
        if "dispatch" in parts:
            measured.extend(bench_dispatch.run(arguments.rounds))
        if "log" in parts:
            measured.append(bench_log.run(arguments.rounds))
        if "audit" in parts:
            measured.append(bench_audit.run(arguments.rounds))
    except (
        BrokerError,
        bench_hub.SubjectFailedError,
        bench_log.LogSubjectFailedError,
        bench_audit.AuditFailedError,
    ) as error:
        progress(str(error))
        return 1
    rows = [row for part in measured for row in part]
    if arguments.json:
        print(json.dumps({"figures": [row.as_dict() for row in rows]}))
        return 0
    print("\n\n".join(table(part) for part in measured))
    missed = [row.name for row in rows if row.met is False]
    print(f"\nMissed: {'; '.join(missed)}." if missed else "\nEvery target is met.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
