"""The rooms' side of the hub's benchmark, a process of its own: retains what rooms are, clears it, sends updates.

python -m benchmarks.publisher PORT retain|clear SUBJECT
python -m benchmarks.publisher PORT update SUBJECT TURNS RATE    (begins when a line comes on its standard input)
"""

from collections.abc import Iterable, Iterator
import json
import socket
import sys
import time
from typing import Final, cast

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from steward_house.protocol.entity import EntityInfo, Platform, SensorInfo, State
from steward_house.protocol.node import Capability, Leaf, NodeInfo, Status, encode_states, state_topic, topic

from .broker import HOST
from .house import ROOMS, STATE_CLASS, Sensor, Subject, all_sensors, instance, room_id, room_name, sensors

TIMEOUT_SECONDS: Final = 60
PEER: Final = "peer"
"""The first level of the peer's topics; below it they are as Steward's."""

type Message = tuple[str, bytes]
"""A topic and its payload."""


def about_rooms(subject: Subject) -> Iterator[Message]:
    """Give what says which rooms and entities there are."""
    for number in range(ROOMS):
        room = room_id(number)
        match subject:
            case Subject.DISCOVERY:
                yield f"homeassistant/device/{room}/config", _discovery(number, available=f"{PEER}/{room}/status")
                yield f"{PEER}/{room}/status", Status.ONLINE.encode()
            case Subject.DISCOVERY_BARE:
                yield f"homeassistant/device/{room}/config", _discovery(number, available=None)
            case Subject.TOPICS | Subject.BATCHES:
                capabilities = (Capability.STATES,) if subject is Subject.BATCHES else ()
                info = NodeInfo(
                    instance=instance(number),
                    name=room_name(number),
                    manufacturer="Steward",
                    model="Benchmark",
                    versions={"steward": "1"},
                    capabilities=capabilities,
                    entities=tuple(_declare(sensor) for sensor in sensors(number)),
                )
                yield topic(room, Leaf.INFO), info.encode()
                yield topic(room, Leaf.STATUS), Status.ONLINE.encode()


def states(subject: Subject, turn: int) -> Iterator[Message]:
    """Give what tells every sensor's value in a turn."""
    match subject:
        case Subject.DISCOVERY | Subject.DISCOVERY_BARE:
            for sensor in all_sensors():
                yield _peer_topic(sensor), str(sensor.value(turn)).encode()
        case Subject.TOPICS:
            for sensor in all_sensors():
                yield (
                    state_topic(sensor.room, Platform.SENSOR, sensor.key),
                    _declare(sensor).encode(sensor.value(turn)),
                )
        case Subject.BATCHES:
            for number in range(ROOMS):
                values: dict[EntityInfo, State] = {_declare(sensor): sensor.value(turn) for sensor in sensors(number)}
                yield topic(room_id(number), Leaf.STATES), encode_states(values)


def _declare(sensor: Sensor) -> SensorInfo:
    """Return a sensor as a node's info declares it."""
    return SensorInfo(
        key=sensor.key,
        name=sensor.name,
        device_class=sensor.device_class,
        unit=sensor.unit,
        state_class=STATE_CLASS,
    )


def _peer_topic(sensor: Sensor) -> str:
    return f"{PEER}/{sensor.room}/sensor/{sensor.key}/state"


def _discovery(number: int, available: str | None) -> bytes:
    """Return the one message that tells Home Assistant's MQTT discovery of a device, in its abbreviated form."""
    components = {
        sensor.key: {
            "p": "sensor",
            "uniq_id": sensor.unique_id,
            "name": sensor.name,
            "dev_cla": sensor.device_class,
            "unit_of_meas": sensor.unit,
            "stat_cla": STATE_CLASS,
            "stat_t": _peer_topic(sensor),
        }
        for sensor in sensors(number)
    }
    device = {"ids": [room_id(number)], "name": room_name(number), "mf": "Steward", "mdl": "Benchmark", "sw": "1"}
    message: dict[str, object] = {"dev": device, "o": {"name": "benchmark"}, "cmps": components}
    if available is not None:
        message["avty_t"] = available
    return json.dumps(message, separators=(",", ":")).encode()


class Publisher:
    """One connection to the broker, on which small packets leave at once."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_socket_open = lambda _client, _data, opened: cast("socket.socket", opened).setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        self._client.connect(HOST, port)
        self._client.loop_start()

    def send(self, messages: Iterable[Message], rate: float | None = None) -> None:
        """Publish retained messages, `rate` of them a second if that is told; return when the broker has all."""
        start = time.monotonic()
        for count, (address, payload) in enumerate(messages):
            if rate is not None and (ahead := start + count / rate - time.monotonic()) > 0:
                time.sleep(ahead)
            self._client.publish(address, payload, retain=True)
        # What comes after them on the same connection is acknowledged after them.
        self._client.publish(f"{PEER}/done", b"", qos=1).wait_for_publish(TIMEOUT_SECONDS)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def main(port: str, action: str, subject_name: str, turns: str = "0", rate: str = "0") -> None:
    """Do one action."""
    subject = Subject(subject_name)
    publisher = Publisher(int(port))
    match action:
        case "retain":
            publisher.send([*states(subject, 0), *about_rooms(subject)])
        case "clear":
            publisher.send((address, b"") for address, _ in [*about_rooms(subject), *states(subject, 0)])
        case "update":
            messages = [message for turn in range(1, int(turns) + 1) for message in states(subject, turn)]
            sys.stdin.readline()
            publisher.send(messages, float(rate))
        case _:
            raise SystemExit(__doc__)
    publisher.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
