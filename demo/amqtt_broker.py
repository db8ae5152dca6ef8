"""The broker for machines without Mosquitto: `python -m demo.amqtt_broker PORT`, until SIGTERM."""

import asyncio
import signal
import sys

from amqtt.broker import Broker

from .process import LOOPBACK


async def serve(port: int) -> None:
    """Serve MQTT 3.1.1 to everybody on the loopback interface until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        },
    )
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
