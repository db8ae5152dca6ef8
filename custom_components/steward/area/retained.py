"""A node's retained messages on the broker: read before there is an entry, cleared when there is none any more."""

import asyncio
from typing import Final, cast

from homeassistant.components import mqtt
from homeassistant.components.mqtt import ReceiveMessage
from homeassistant.core import HomeAssistant, callback

from ..protocol.fields import ContractError
from ..protocol.node import ROOT, Leaf, NodeInfo, Status, topic

ANSWER_SECONDS: Final = 5
"""How long a node's retained info may take; the broker has it at once, if it has it."""
QUIET_SECONDS: Final = 1
"""After this long without another retained message, the broker has sent all."""

HUB_LEAVES: Final = (Leaf.RULES, Leaf.MODULES)
"""What the hub itself keeps for a node."""


async def async_read_info(hass: HomeAssistant, node: str) -> NodeInfo | None:
    """Return the info that a node keeps on the broker; None when it keeps none.

    Raises:
        ContractError: what it keeps is not valid.
    """
    answer: asyncio.Future[bytes] = hass.loop.create_future()

    @callback
    def receive(message: ReceiveMessage) -> None:
        if message.payload and not answer.done():
            answer.set_result(cast("bytes", message.payload))

    unsubscribe = await mqtt.async_subscribe(hass, topic(node, Leaf.INFO), receive, 1, encoding=None)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return NodeInfo.decode(await answer)
    except TimeoutError:
        return None
    finally:
        unsubscribe()


async def async_clear(hass: HomeAssistant, node: str) -> None:
    """Clear what the hub keeps for a node; if the node is offline also what it keeps itself, so that it isn't found again."""
    retained: dict[str, bytes] = {}
    came = asyncio.Event()

    @callback
    def receive(message: ReceiveMessage) -> None:
        if message.retain and message.payload:
            retained[message.topic] = cast("bytes", message.payload)
            came.set()

    unsubscribe = await mqtt.async_subscribe(hass, f"{ROOT}/{node}/#", receive, 1, encoding=None)
    try:
        while True:
            came.clear()
            async with asyncio.timeout(QUIET_SECONDS):
                await came.wait()
    except TimeoutError:
        pass
    finally:
        unsubscribe()
    names = {topic(node, leaf) for leaf in HUB_LEAVES}
    if not _online(retained.get(topic(node, Leaf.STATUS), b"")):
        names |= retained.keys()
    for name in sorted(names):
        await mqtt.async_publish(hass, name, b"", qos=1, retain=True)


def _online(status: bytes) -> bool:
    try:
        return Status.decode(status) is Status.ONLINE
    except ContractError:
        return False
