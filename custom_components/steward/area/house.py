"""The one subscription to the states of all nodes, which all entries share.

Home Assistant tries every wildcard subscription for every new topic, and subscribes to them one after the other: one for a hundred
nodes instead of one each halves the time until all states are there.
"""

from collections.abc import Callable
from typing import Final

from homeassistant.components import mqtt
from homeassistant.components.mqtt import ReceiveMessage
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..protocol.node import ROOT

TOPIC: Final = f"{ROOT}/+/+/+/state"

type Receive = Callable[[ReceiveMessage], None]


class House:
    """The nodes that are set up, and the subscription to their states."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin without nodes; nothing is subscribed yet."""
        self._hass = hass
        self._receivers: dict[str, Receive] = {}
        self._unsubscribe: CALLBACK_TYPE | None = None
        self._current: object = None

    async def async_join(self, node: str, receive: Receive) -> CALLBACK_TYPE:
        """Let a node receive its states, the retained ones first; returns what ends that.

        The broker sends what it retained only to a new subscription. So there is a new one for each node that joins: to the broker
        it is the same one, asked for again, and Home Assistant asks once for all nodes that join at about the same time.
        """
        self._receivers[node] = receive
        self._current = token = object()

        @callback
        def dispatch(message: ReceiveMessage) -> None:
            # After the MQTT integration was reloaded, its earlier subscriptions can't be ended any more.
            if token is self._current and (receive := self._receivers.get(message.topic.split("/", 2)[1])):
                receive(message)

        previous = self._unsubscribe
        # QoS 0: at QoS 1 Home Assistant's client answers each event with a small packet first, behind which the command that an
        # automation sends may wait for 40 ms and more (it leaves Nagle's algorithm on). An event without an ack comes again anyway.
        self._unsubscribe = await mqtt.async_subscribe(self._hass, TOPIC, dispatch, 0, encoding=None)
        if previous:
            previous()

        @callback
        def leave() -> None:
            del self._receivers[node]
            if not self._receivers and self._unsubscribe:
                self._unsubscribe()
                self._unsubscribe = None

        return leave


_HOUSE: Final[HassKey[House]] = HassKey(f"{DOMAIN}_house")


@callback
def async_get_house(hass: HomeAssistant) -> House:
    """Return the house of a Home Assistant."""
    return hass.data.setdefault(_HOUSE, House(hass))
