"""The dispatcher's benchmark: paho, the MQTT library under the area node, doing the mapping and nothing else.

It is what the library itself takes: no rule, no check, no journal; each event is answered in the library's own callback and loop.

python -m benchmarks.paho_alone PORT CERTIFICATES
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
import socket
import ssl
import sys
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from .broker import HOST
from .certificates import AUTHORITY, Certificates
from .load import COMMAND, COMMAND_TOPIC, EVENT_TOPIC
from .process import LOG, running

NAME: Final = "paho"


@asynccontextmanager
async def paho_alone(port: int, certificates: Certificates, folder: Path) -> AsyncIterator[None]:
    """Run the program."""
    certificates.issue(NAME)
    command = (sys.executable, "-m", "benchmarks.paho_alone", str(port), str(certificates.folder))
    async with running(*command, log=folder / LOG):
        yield


def main(port: str, certificates: str) -> None:
    """Answer events until the process is ended."""

    def connected(client: Client, *_: Any) -> None:
        client.subscribe(EVENT_TOPIC, qos=0)  # as the others; see bench_dispatch

    def hear(client: Client, _: Any, _message: MQTTMessage) -> None:
        client.publish(COMMAND_TOPIC, COMMAND, qos=1)

    def opened(_: Client, __: Any, connection: Any) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    pem = Path(certificates)
    context = ssl.create_default_context(cafile=pem / AUTHORITY)
    context.load_cert_chain(pem / f"{NAME}.pem", pem / f"{NAME}.key")
    client = Client(CallbackAPIVersion.VERSION2, NAME)
    client.tls_set_context(context)
    client.max_inflight_messages_set(65535)
    client.on_connect, client.on_message, client.on_socket_open = connected, hear, opened
    client.connect(HOST, int(port))
    client.loop_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
