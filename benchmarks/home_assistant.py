"""The dispatcher's benchmark: Home Assistant doing the mapping, with its own MQTT trigger and action or through Steward's entities.

As a program it is that Home Assistant, until it is ended:
python -m benchmarks.home_assistant PORT KIND FOLDER CERTIFICATES
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
import sys
from typing import Any, Final

from homeassistant.bootstrap import async_setup_hass
from homeassistant.core import HomeAssistant
from homeassistant.runner import RuntimeConfig, create_event_loop
import yaml

from steward_house.protocol.entity import EventInfo, SwitchInfo
from steward_house.protocol.node import Leaf, NodeInfo, Status, topic

from .bench_hub import configuration
from .broker import HOST
from .certificates import AUTHORITY, Certificates
from .load import COMMAND, COMMAND_TOPIC, EVENT_TOPIC, EVENT_TYPE
from .process import LOG, running
from .subject import make_entry

PRODUCER: Final = "kitchen"
CONSUMER: Final = "hall"
HUB: Final = "hub"
"""The name in Home Assistant's certificate."""
NODES: Final = {
    PRODUCER: NodeInfo(
        instance=f"{1:026}",
        name="Kitchen",
        manufacturer="Steward",
        model="Benchmark",
        versions={"steward": "1"},
        entities=(EventInfo(key="button", name="Button", event_types=(EVENT_TYPE, "released")),),
    ),
    CONSUMER: NodeInfo(
        instance=f"{2:026}",
        name="Hall",
        manufacturer="ESPHome",
        model="Benchmark",
        versions={"esphome": "1"},
        entities=(SwitchInfo(key="light", name="Light"),),
    ),
}
"""Who tells of the event, and who is told; the latter as ESPHome: it takes plain commands and runs no rules."""


class Kind(StrEnum):
    """How Home Assistant knows of the event and gives the command."""

    OWN = "own"
    """Its own MQTT trigger and `mqtt.publish`; Steward isn't set up."""
    STEWARD = "steward"
    """Steward's event entity, `event.received`, and `switch.turn_on` of Steward's switch."""


MODE: Final = {"mode": "queued", "max": 100_000}
"""Runs keep the order of their events, and none is declined however far behind it is."""
AUTOMATIONS: Final[dict[Kind, dict[str, Any]]] = {
    Kind.OWN: {
        "id": "mapping",
        "alias": "Mapping",
        **MODE,
        "triggers": [
            {
                "trigger": "mqtt",
                "topic": EVENT_TOPIC,
                "value_template": "{{ value_json.event_type }}",
                "payload": EVENT_TYPE,
                "qos": 0,  # the default; see bench_dispatch
            }
        ],
        "actions": [
            {"action": "mqtt.publish", "data": {"topic": COMMAND_TOPIC, "payload": COMMAND.decode(), "qos": 1}},
        ],
    },
    Kind.STEWARD: {
        "id": "mapping",
        "alias": "Mapping",
        **MODE,
        "triggers": [
            {
                "trigger": "event.received",
                "target": {"entity_id": "event.kitchen_button"},
                "options": {"event_type": [EVENT_TYPE]},
            }
        ],
        "actions": [{"action": "switch.turn_on", "target": {"entity_id": "switch.hall_light"}}],
    },
}


def retained() -> dict[str, bytes]:
    """Return what the nodes keep on the broker, by topic."""
    return {
        **{topic(node, Leaf.INFO): info.encode() for node, info in NODES.items()},
        **{topic(node, Leaf.STATUS): Status.ONLINE.encode() for node in NODES},
    }


@asynccontextmanager
async def home_assistant(port: int, certificates: Certificates, folder: Path, kind: Kind) -> AsyncIterator[None]:
    """Run a fresh Home Assistant with the mapping."""
    certificates.issue(HUB)
    with configuration("automation: !include automations.yaml\n") as config:
        _write_automations(config, [])
        command = (sys.executable, "-m", "benchmarks.home_assistant", str(port), kind, config, str(certificates.folder))
        # Home Assistant writes its broker's certificates into a folder that all of one machine would share.
        async with running(*command, log=folder / LOG, environment={"TMPDIR": str(folder)}):
            yield


def broker_entry(port: str, certificates: Path) -> dict[str, Any]:
    """Return the data of the MQTT entry of a Home Assistant that connects as `HUB`."""
    return {
        "broker": HOST,
        "port": int(port),
        "protocol": "5",
        "certificate": (certificates / AUTHORITY).read_text(),
        "client_cert": (certificates / f"{HUB}.pem").read_text(),
        "client_key": (certificates / f"{HUB}.key").read_text(),
    }


def _write_automations(folder: str, automations: list[dict[str, Any]]) -> None:
    Path(folder, "automations.yaml").write_text(yaml.safe_dump(automations))


async def begin(folder: str, broker: dict[str, Any], nodes: Mapping[str, NodeInfo]) -> HomeAssistant:
    """Return a Home Assistant that has started, with a broker and some nodes; this process is it from now on.

    Raises:
        SystemExit: it doesn't start.
    """
    hass = await async_setup_hass(RuntimeConfig(config_dir=folder, skip_pip=True))
    if hass is None or hass.config.recovery_mode:
        message = "Home Assistant doesn't start"
        raise SystemExit(message)
    await hass.async_start()
    await hass.config_entries.async_add(make_entry("mqtt", "Broker", (2, 1), broker))
    for node, info in nodes.items():
        entry = {"kind": "area", "node": node, "instance": info.instance}
        await hass.config_entries.async_add(make_entry("steward", info.name, (1, 1), entry, node))
    return hass


async def _serve(kind: Kind, folder: str, broker: dict[str, Any]) -> None:
    hass = await begin(folder, broker, NODES if kind is Kind.STEWARD else {})
    # An automation with an MQTT trigger has to come after the broker's entry.
    _write_automations(folder, [AUTOMATIONS[kind]])
    await hass.services.async_call("automation", "reload", blocking=True)
    await asyncio.Event().wait()


def main(port: str, kind: str, folder: str, certificates: str) -> None:
    """Be a Home Assistant."""
    broker = broker_entry(port, Path(certificates))
    with asyncio.Runner(loop_factory=create_event_loop) as runner:
        runner.run(_serve(Kind(kind), folder, broker))


if __name__ == "__main__":
    main(*sys.argv[1:])
