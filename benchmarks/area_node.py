"""The dispatcher's benchmark: an area node's daemon doing the mapping as a rule, while Home Assistant is away.

`area_node` is a third node that runs the rule for a consumer that can't, between two nodes of the broker. `same_node` is one that is
producer and consumer itself (see `ringer`), so that nothing but the rule lies between the event and the command.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
import json
from pathlib import Path
import sys
from typing import Any, Final

import yaml

from steward_house.protocol.node import Leaf, topic
from steward_house.protocol.rule_actions import Set
from steward_house.protocol.rule_triggers import EventTrigger
from steward_house.protocol.rules import Mode, Rule, Rulebook

from .broker import HOST
from .certificates import Certificates
from .load import COMMAND, EVENT_TYPE, READY_SECONDS, LoadError
from .process import LOG, running
from .ringer import BELL, DONE, LAMP, NODE as RINGER, Settings

DELEGATE: Final = "porch"
"""The node that runs the rule for the hall's."""
PLUGIN: Final = {
    "METADATA": "Metadata-Version: 2.1\nName: ringer\nVersion: 1\n",
    "entry_points.txt": "[steward.zero_modules]\nringer = benchmarks.ringer:RingerModule\n",
}
POLL_SECONDS: Final = 0.25


def retained() -> dict[str, bytes]:
    """Return the rules that the hub has handed out, by topic."""
    between = _mapping("kitchen/event/button", "hall/switch/light")
    within = _mapping(f"{RINGER}/event/{BELL.key}", f"{RINGER}/switch/{LAMP.key}")
    return {topic(DELEGATE, Leaf.RULES): between.encode(), topic(RINGER, Leaf.RULES): within.encode()}


def _mapping(event: str, switch: str) -> Rulebook:
    trigger = EventTrigger("0", (event,), (EVENT_TYPE,))
    command = Set(switch, COMMAND.decode())
    # As the peers' automations: runs keep the order of their events, and none is declined.
    rule = Rule("automation.mapping", "Mapping", (trigger,), (command,), mode=Mode.QUEUED, max_runs=100_000)
    return Rulebook(1, "UTC", (rule,))


@asynccontextmanager
async def area_node(port: int, certificates: Certificates, folder: Path) -> AsyncIterator[None]:
    """Run the delegate; its folder is to be empty."""
    async with _daemon(DELEGATE, port, certificates, folder, {}):
        yield


async def same_node(port: int, certificates: Certificates, folder: Path, rate: float, count: int) -> list[float]:
    """Run the node that maps its own event to its own switch; return the seconds of `count` times, in ascending order.

    Raises:
        LoadError: not every event led to one command.
    """
    results = folder / "results.json"
    settings: Settings = {"results": str(results), "rate": float(rate), "count": count}
    async with _daemon(RINGER, port, certificates, folder, {"ringer": settings}):
        deadline = asyncio.get_running_loop().time() + READY_SECONDS + 2 * count / rate
        while not (results.exists() and results.read_text().endswith(DONE)):
            if asyncio.get_running_loop().time() > deadline:
                message = "the node didn't finish"
                raise LoadError(message)
            await asyncio.sleep(POLL_SECONDS)
    times: list[float] = json.loads(results.read_text())
    if len(times) != count:
        message = f"{count} events led to {len(times)} commands"
        raise LoadError(message)
    return sorted(times)


@asynccontextmanager
async def _daemon(
    node: str, port: int, certificates: Certificates, folder: Path, modules: Mapping[str, Any]
) -> AsyncIterator[None]:
    identity = certificates.issue(node)
    mqtt = {
        "host": HOST,
        "port": port,
        "ca": str(certificates.ca),
        "certificate": str(identity.certificate),
        "key": str(identity.key),
    }
    settings = folder / "zero.yaml"
    settings.write_text(
        yaml.safe_dump(
            {"node": node, "state_dir": str(folder / "state"), "mqtt": mqtt, "modules": {"system": {}, **modules}}
        )
    )
    plugin = folder / "plugins" / "ringer-1.dist-info"
    plugin.mkdir(parents=True)
    for name, text in PLUGIN.items():
        plugin.joinpath(name).write_text(text)
    command = (sys.executable, "-m", "steward_house.cli", "zero", "--config", str(settings))
    async with running(*command, log=folder / LOG, environment={"PYTHONPATH": str(plugin.parent)}):
        yield
