"""The dispatcher's benchmark: Node-RED doing the mapping, as its editor would have it drawn: mqtt in, switch, change, mqtt out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
from pathlib import Path
from typing import Any, Final

from .broker import HOST
from .certificates import Certificates
from .load import COMMAND, COMMAND_TOPIC, EVENT_TOPIC, EVENT_TYPE
from .process import LOG, REPOSITORY, running

PROGRAM: Final = REPOSITORY / ".tools/node-red/node_modules/node-red/red.js"
"""Where script/bench installs it."""
SETTINGS: Final = """\
module.exports = {
    flowFile: "flows.json",
    httpAdminRoot: false,
    httpNodeRoot: false,
    logging: { console: { level: "warn" } },
};
"""
"""Nothing listens: no editor, no dashboard."""


@asynccontextmanager
async def node_red(port: int, certificates: Certificates, folder: Path) -> AsyncIterator[None]:
    """Run Node-RED with the mapping; its folder is to be empty."""
    folder.joinpath("settings.js").write_text(SETTINGS)
    folder.joinpath("flows.json").write_text(json.dumps(_flow(port, certificates)))
    async with running("node", str(PROGRAM), "--userDir", str(folder), log=folder / LOG):
        yield


def _flow(port: int, certificates: Certificates) -> list[dict[str, Any]]:
    identity = certificates.issue("node-red")
    tab = {"z": "tab"}
    return [
        {"id": "tab", "type": "tab", "label": "Mapping"},
        {
            "id": "tls",
            "type": "tls-config",
            "cert": str(identity.certificate),
            "key": str(identity.key),
            "ca": str(certificates.ca),
            "verifyservercert": True,
        },
        {
            "id": "broker",
            "type": "mqtt-broker",
            "broker": HOST,
            "port": str(port),
            "clientid": "node-red",
            "autoConnect": True,
            "usetls": True,
            "tls": "tls",
            "protocolVersion": "4",
            "keepalive": "60",
            "cleansession": True,
        },
        {
            **tab,
            "id": "in",
            "type": "mqtt in",
            "topic": EVENT_TOPIC,
            "qos": "0",  # see bench_dispatch
            "datatype": "json",
            "broker": "broker",
            "wires": [["which"]],
        },
        {
            **tab,
            "id": "which",
            "type": "switch",
            "property": "payload.event_type",
            "propertyType": "msg",
            "rules": [{"t": "eq", "v": EVENT_TYPE, "vt": "str"}],
            "checkall": "true",
            "outputs": 1,
            "wires": [["command"]],
        },
        {
            **tab,
            "id": "command",
            "type": "change",
            "rules": [{"t": "set", "p": "payload", "pt": "msg", "to": COMMAND.decode(), "tot": "str"}],
            "wires": [["out"]],
        },
        {
            **tab,
            "id": "out",
            "type": "mqtt out",
            "topic": COMMAND_TOPIC,
            "qos": "1",
            "retain": "false",
            "broker": "broker",
            "wires": [],
        },
    ]
