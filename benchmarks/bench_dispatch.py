"""The dispatcher's benchmark: one mapping, 'event of one node, absolute command to another', done by each subject in turn.

The load generator (`load`) publishes the event on `steward/kitchen/event/button/state` and observes the command `ON` on
`steward/hall/switch/light/command`, both with QoS 1, over a fresh Mosquitto with mutual TLS for each subject. What both nodes retain
(`home_assistant.retained`) is on the broker before the subject starts.

The peers subscribe to the event with QoS 0, although it is published with QoS 1. Neither Home Assistant's client nor Node-RED's sets
TCP_NODELAY: with QoS 1 the command that follows the event's PUBACK waits for the broker's delayed ACK of that, in some runs for the
whole run (p50 22 ms instead of 2 ms), in others not at all. With QoS 0 they are at their best. Commands have QoS 1, everybody's.

A subject is an asynchronous context manager that takes the broker's port, the house's certificates and an empty folder, and runs
whatever does the mapping; see `SUBJECTS`. It needn't be ready when it is entered: the load generator tries until a command comes.
What is beside the peers: the rule within one node, which needs no load generator (`area_node.same_node`), and how long 1,000 automations
take to become rules (`automations`), beside the same ones that stay Home Assistant's alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from . import area_node, automations
from .bench_hub import SubjectFailedError
from .broker import broker
from .certificates import Certificates
from .home_assistant import Kind, home_assistant, retained
from .load import COMMAND, COMMAND_TOPIC, EVENT_TOPIC, Load, LoadError, load
from .node_red import node_red
from .paho_alone import paho_alone
from .process import LOG
from .report import Comparison, progress

RATE: Final = 50
"""Events per second at which the latency is measured."""
COUNT: Final = 1200
"""Events of one measurement."""
RATES: Final = (250, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000)
"""Among these rates the highest that is held is searched for, in three or four steps."""
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
LEFT: Final = "not opted in"
TAIL: Final = 15
"""Lines of a failed subject's output that are told."""

type Start = Callable[[int, Certificates, Path], AbstractAsyncContextManager[None]]
type Sample = dict[str, float]
"""Latencies by quantile in milliseconds, and `rate`, the highest that was held, in events per second."""


class Subject(StrEnum):
    """Who does the mapping."""

    BROKER = "broker alone"
    """Nobody: the load generator observes its own events, which is what the measurement itself takes."""
    NODE_RED = "Node-RED"
    HOME_ASSISTANT = "Home Assistant"
    THROUGH = "Home Assistant through Steward"
    PAHO = "paho alone"
    """The area node's MQTT library without the node."""
    NODE = "area node"
    """The rule on a third node, which is the consumer's delegate."""


@asynccontextmanager
async def _nobody(_port: int, _certificates: Certificates, _folder: Path) -> AsyncIterator[None]:
    yield


SUBJECTS: Final[dict[Subject, Start]] = {
    Subject.BROKER: _nobody,
    Subject.NODE_RED: node_red,
    Subject.HOME_ASSISTANT: partial(home_assistant, kind=Kind.OWN),
    Subject.THROUGH: partial(home_assistant, kind=Kind.STEWARD),
    Subject.PAHO: paho_alone,
    Subject.NODE: area_node.area_node,
}


@dataclass(frozen=True, slots=True)
class House:
    """What a subject is given."""

    port: int
    """The broker's."""
    certificates: Certificates
    folder: Path
    """An empty one, for its files; its output goes to `LOG` there."""


@contextmanager
def _house() -> Iterator[House]:
    """Give a broker with mutual TLS."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Mosquitto reads its key as a user of its own
        certificates = Certificates(folder)
        own = folder / "subject"
        own.mkdir()
        with broker(certificates.access) as port:
            yield House(port, certificates, own)


def _measure(subject: str, run: Callable[[House], Coroutine[None, None, Sample]]) -> Sample:
    """Run one subject in a house of its own.

    Raises:
        SubjectFailedError: it didn't do what was to be measured.
    """
    with _house() as house:
        try:
            return asyncio.run(run(house))
        except LoadError as error:
            log = house.folder / LOG
            lines = log.read_text(errors="replace").splitlines()[-TAIL:] if log.exists() else []
            raise SubjectFailedError("\n".join([f"{subject}: {error}", *lines])) from None


async def _run(subject: Subject, house: House) -> Sample:
    alone = subject is Subject.BROKER
    observed, expected = (EVENT_TOPIC, None) if alone else (COMMAND_TOPIC, COMMAND)
    async with load(house.port, house.certificates, observed, expected) as generator:
        await generator.retain({**retained(), **area_node.retained()})
        async with SUBJECTS[subject](house.port, house.certificates, house.folder):
            return await _figures(generator)


async def _figures(generator: Load) -> Sample:
    await generator.ready()
    sample = _quantiles(await generator.latencies(RATE, COUNT))
    return {**sample, "rate": await _highest(generator)}


async def _run_within(house: House) -> Sample:
    async with load(house.port, house.certificates) as generator:
        await generator.retain(area_node.retained())
        return _quantiles(await area_node.same_node(house.port, house.certificates, house.folder, RATE, COUNT))


async def _run_automations(opted_in: bool, house: House) -> Sample:  # noqa: FBT001
    return await automations.measure(house.port, house.certificates, house.folder, opted_in=opted_in)


def _quantiles(times: list[float]) -> Sample:
    """Return milliseconds by quantile, of seconds in ascending order."""
    return {name: times[int(len(times) * quantile)] * 1000 for name, quantile in QUANTILES.items()}


async def _highest(generator: Load) -> float:
    """Return the highest of `RATES` that is held; 0 if none is."""
    held, failed = -1, len(RATES)
    while failed - held > 1:
        middle = (held + failed) // 2
        if await generator.holds(RATES[middle]):
            held = middle
        else:
            failed = middle
    return RATES[held] if held >= 0 else 0


def run(rounds: int) -> tuple[list[Comparison], list[Comparison]]:
    """Measure all subjects in turns, every second round backwards; compare the medians: of the mapping, and of many automations."""
    samples: dict[Subject, list[Sample]] = {subject: [] for subject in Subject}
    within: list[Sample] = []
    compiled: list[Sample] = []
    left: list[Sample] = []
    for number in range(rounds):
        for subject in list(Subject)[:: -1 if number % 2 else 1]:
            progress(f"dispatch, round {number + 1} of {rounds}: {subject}")
            samples[subject].append(_measure(subject, partial(_run, subject)))
        progress(f"dispatch, round {number + 1} of {rounds}: within one node")
        within.append(_measure("within one node", _run_within))
        for results, opted_in in ((compiled, True), (left, False)):
            progress(
                f"dispatch, round {number + 1} of {rounds}: 1,000 automations, {'compiled' if opted_in else 'left alone'}"
            )
            results.append(_measure("automations", partial(_run_automations, opted_in)))

    def compare(
        name: str,
        figure: str,
        ours: Subject,
        target: float | None = None,
        ratio_target: tuple[str, float] | None = None,
    ) -> Comparison:
        taken = {subject: tuple(sample[figure] for sample in samples[subject]) for subject in Subject}
        return Comparison(
            name=name,
            unit="/s" if figure == "rate" else "ms",
            ours=taken[ours],
            peers={peer: taken[peer] for peer in (Subject.NODE_RED, Subject.HOME_ASSISTANT, Subject.PAHO)},
            floor=taken[Subject.BROKER],
            target=target,
            ratio_target=ratio_target,
            more_is_better=figure == "rate",
        )

    def of_all(name: str, figure: str, target: float | None = None, peer: str = "") -> Comparison:
        return Comparison(
            name=name,
            unit="ms",
            ours=tuple(sample[figure] for sample in compiled),
            peers={LEFT: tuple(sample[peer] for sample in left)} if peer else {},
            target=target,
        )

    node, through = Subject.NODE, Subject.THROUGH
    return [
        compare("Rule on a node, p50 at 50/s", "p50", node, target=1),
        compare("Rule on a node, p95 at 50/s", "p95", node),
        compare("Rule on a node, p99 at 50/s", "p99", node, target=4),
        compare("Rule on a node, sustained", "rate", node, target=8000),
        *(
            Comparison(
                name=f"Rule within one node, {quantile} at 50/s",
                unit="ms",
                ours=tuple(sample[quantile] for sample in within),
            )
            for quantile in QUANTILES
        ),
        compare("Through Home Assistant, p50 at 50/s", "p50", through),
        compare("Through Home Assistant, p95 at 50/s", "p95", through),
        compare("Through Home Assistant, p99 at 50/s", "p99", through, ratio_target=(Subject.HOME_ASSISTANT, 1.0)),
        compare("Through Home Assistant, sustained", "rate", through),
    ], [
        of_all("1,000 automations: Home Assistant's own reload", "reload", peer="reload"),
        of_all("Then, until all nodes have their rules", "compile", 2000),
        of_all("Steward's work in the event loop for that", "work"),
        of_all("It blocks the loop at most", "block_all_ours", 10),
        of_all("Whatever blocks the loop, at most", "block_all", peer="block_all"),
        of_all("Edit of one: from the reload to its node", "edit", 200),
        of_all("The slowest of 5 edits", "edit_worst", 200),
        of_all("Edit of one: from saving it to its node", "save"),
        of_all("It blocks the loop at most, at an edit", "block_edit_ours", 10),
        of_all("Whatever blocks the loop, at most, at an edit", "block_edit", peer="block_edit"),
    ]
