"""Runs the tests and checks: all of them in two lanes side by side, or those that are named (see script/test)."""
# ruff: noqa: T201

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
import ctypes
from dataclasses import dataclass, field
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
from threading import Event, Lock
from time import monotonic
from typing import Final
from xml.etree import ElementTree as ET

import psutil

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "build/test"
IN_CI: Final = bool(os.environ.get("CI"))
PATIENCE: Final = 1200
"""Seconds after which a step is stopped and has failed."""
PYTEST: Final = ("-m", "pytest", "--quiet")
NO_HOME_ASSISTANT: Final = ("-p", "no:homeassistant")
"""Home Assistant's pytest plugin forbids sockets; only its own tests want that."""
NEWEST: Final = ("-p", "tests.newest_home_assistant")
PR_SET_CHILD_SUBREAPER: Final = 36


@dataclass(frozen=True)
class Step:
    """One program to run. One that runs pytest has a number of tests; `python` is an environment that may be missing."""

    name: str
    command: tuple[str, ...]
    tests: bool = False
    python: str = ".venv"
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """What became of a step."""

    step: Step
    code: int
    seconds: float
    output: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    missing: bool = False

    @property
    def word(self) -> str:
        """Return what the table says."""
        if self.failed:
            return "failed"
        return "missing" if self.missing else "passed"


def pytest(name: str, python: str, *arguments: str, measure: str | None = None) -> Step:
    """Return a step that runs pytest in an environment and, if asked, measures coverage of a package, or of all (`""`)."""
    command = [f"{python}/bin/python", *PYTEST, f"--junitxml={RESULTS / name}.xml", *arguments]
    if measure is not None:
        command += [f"--cov={measure}" if measure else "--cov", "--cov-report="]
    return Step(
        name, tuple(command), tests=True, python=python, environment={"COVERAGE_FILE": f"{RESULTS}/data.{name}"}
    )


def lanes() -> tuple[list[Step], list[Step]]:
    """Return everything there is to run: whole houses in one lane, since each of them fills a core; the rest in the other."""
    houses = [
        pytest("e2e", ".venv", *NO_HOME_ASSISTANT, "tests/e2e"),
        pytest("browser", ".venv", *NO_HOME_ASSISTANT, "tests/browser"),
        *next_steps(),
    ]
    rest = [
        Step("lint", ("script/lint",)),
        pytest("integration", ".venv", "tests/integration", measure=""),
        pytest("protocol", ".venv", *NO_HOME_ASSISTANT, "tests/protocol", measure=""),
        pytest("log", ".venv", *NO_HOME_ASSISTANT, "tests/log", measure=""),
        Step("wheel", ("script/wheel",)),
        pytest("packaging", ".venv", *NO_HOME_ASSISTANT, "tests/packaging"),
        *(
            pytest(f"zero-{version}", f".venv-zero-{version}", *folders, measure="steward_house")
            for version, folders in (
                ("3.14", ("tests/zero",)),
                # What also runs in Home Assistant's environment, which has 3.14.
                ("3.13", ("tests/zero", "tests/protocol", "tests/audit")),
            )
        ),
        pytest("audit", ".venv", *NO_HOME_ASSISTANT, "tests/audit", measure="steward_house"),
        pytest("repository", ".venv", *NO_HOME_ASSISTANT, "tests/repository"),
        pytest("esphome", ".venv-esphome", "tests/esphome"),
    ]
    return houses, rest


def next_steps() -> list[Step]:
    """Return what is run with the newest Home Assistant."""
    return [
        pytest("integration-next", ".venv-next", *NEWEST, "tests/integration"),
        Step("demo-next", ("script/demo", "--check"), environment={"STEWARD_VENV": ".venv-next"}),
    ]


def named(arguments: Sequence[str]) -> list[Step]:
    """Return the steps for the tests that a command line names, each in the environment that fits."""
    paths = [argument for argument in arguments if argument.startswith("tests")]
    options = [argument for argument in arguments if argument not in paths]
    if not paths:
        sys.exit("name at least one test, such as tests/protocol")
    groups: dict[str, list[str]] = {}
    for path in paths:
        part = path.split("/")[1] if "/" in path else ""
        groups.setdefault(
            part if part in {"integration", "zero", "protocol", "packaging", "esphome"} else "other", []
        ).append(path)
    steps = [Step("wheel", ("script/wheel",))] if groups.keys() & {"zero", "protocol", "packaging"} else []
    for group, chosen in groups.items():
        match group:
            case "integration":
                steps.append(pytest(group, ".venv", *chosen, *options))
            case "zero" | "protocol":
                steps.append(pytest(group, ".venv-zero-3.14", *chosen, *options))
            case "esphome":
                steps.append(pytest(group, ".venv-esphome", *chosen, *options))
            case _:
                steps.append(pytest(group, ".venv", *NO_HOME_ASSISTANT, *chosen, *options))
    return steps


def run(step: Step) -> Result:
    """Run a step to its end."""
    started = monotonic()
    if not (ROOT / step.python / "bin/python").exists():
        output = f"{step.python} is missing: this job did not run (script/setup says why)"
        return Result(step, 0, 0, output, failed=1 if IN_CI else 0, missing=True)
    with (RESULTS / f"{step.name}.log").open("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            step.command,
            cwd=ROOT,
            env={**os.environ, **step.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            log.write(f"\nstopped after {PATIENCE} s\n")
        log.seek(0)
        result = Result(step, process.returncode, monotonic() - started, log.read().rstrip())
    if step.tests:
        count(result)
    elif result.code:
        result.failed = 1
    return result


def count(result: Result) -> None:
    """Read how many tests passed; a run that failed in another way than by its tests counts as one that failed."""
    report = RESULTS / f"{result.step.name}.xml"
    suites = ET.parse(report).getroot().findall("testsuite") if report.exists() else []
    total = sum(int(suite.get("tests", 0)) for suite in suites)
    result.skipped = sum(int(suite.get("skipped", 0)) for suite in suites)
    result.failed = sum(int(suite.get(kind, 0)) for suite in suites for kind in ("failures", "errors"))
    result.passed = max(0, total - result.failed - result.skipped)
    if IN_CI:  # a test that did not run has shown nothing
        result.failed += result.skipped
    if result.code and not result.failed:
        result.failed = 1


def left_behind() -> list[str]:
    """Return the command lines of the processes that steps left running, and stop them."""
    left = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    lines = [" ".join(child.cmdline()) or child.name() for child in left]
    for child in left:
        child.kill()
    psutil.wait_procs(left, timeout=10)
    return lines


def main(arguments: list[str]) -> int:
    """Run what the command line asks for; print each step's output when it ends, then a table; return the exit code."""
    # Whatever a step starts and forgets becomes our child, so that nothing is left behind.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    printing, stopping = Lock(), Event()
    started = monotonic()

    def run_lane(steps: Sequence[Step]) -> list[Result]:
        results = []
        for step in steps:
            if stopping.is_set():
                break
            result = run(step)
            results.append(result)
            with printing:
                print(f"\n=== {step.name}: {result.word} in {result.seconds:.0f} s ===\n{result.output}", flush=True)
        return results

    if "--next" in arguments:
        rest = [argument for argument in arguments if argument != "--next"]
        plan = [[pytest("integration-next", ".venv-next", *NEWEST, *rest)] if rest else next_steps()]
    elif arguments:
        plan = [named(arguments)]
    else:
        plan = [*lanes()]
    try:
        with ThreadPoolExecutor(len(plan)) as lane_runners:
            try:
                results = [result for lane in lane_runners.map(run_lane, plan) for result in lane]
            except BaseException:  # Ctrl-C, or SIGTERM
                stopping.set()
                left_behind()
                raise
        if not arguments:
            gate = Step("coverage", (sys.executable, "-m", "tests.coverage_gate", str(RESULTS)))
            results += run_lane([gate])
    finally:
        left = left_behind()

    print(f"\n{'step':<18} {'result':<8} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    for one in results:
        print(f"{one.step.name:<18} {one.word:<8} {one.passed:>7} {one.failed:>7} {one.skipped:>8} {one.seconds:>8.0f}")
    for line in left:
        print(f"left running, now stopped: {line}")
    failed = sum(one.failed for one in results) + (1 if left else 0)
    print(f"\n{monotonic() - started:.0f} s in all")
    print(f"{sum(one.passed for one in results)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
