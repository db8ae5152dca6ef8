"""A small MQTT 3.1.1 client for load: QoS 1 both ways, TCP_NODELAY, as little work per message as Python allows.

paho takes most of a core at 15,000 messages a second; this one a fraction, so that it measures the others and not itself.
It knows only what a load generator needs: CONNECT, SUBSCRIBE, PUBLISH and PUBACK (OASIS MQTT 3.1.1, chapter 3).
"""

import asyncio
from collections.abc import Callable
import socket
import ssl
import struct
from typing import Final, cast, override

from .broker import HOST

CONNECT: Final = 0x10
PUBLISH: Final = 0x30
SUBSCRIBE: Final = 0x82
DISCONNECT: Final = b"\xe0\x00"
QOS_1: Final = 0x02
RETAINED: Final = 0x01
LAST_IDENTIFIER: Final = 0xFFFF
REFUSED: Final = 0x80
"""A subscription's return code; the greatest QoS that is granted is less."""

type Receive = Callable[[bytes, bytes], None]
"""Takes a message's topic and its payload."""


class MqttError(RuntimeError):
    """The broker refused something, or is gone."""


class Connection(asyncio.Protocol):
    """One client of a broker."""

    def __init__(self, receive: Receive) -> None:
        """Prepare to hand over messages with `receive`."""
        self.unacknowledged = 0
        self._receive = receive
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._identifier = 0

    async def connect(self, port: int, identifier: str, tls: ssl.SSLContext) -> None:
        """Connect to the broker and begin a clean session.

        Raises:
            MqttError: the broker doesn't want it.
            OSError: there is none, or its certificate isn't good.
        """
        await asyncio.get_running_loop().create_connection(lambda: self, HOST, port, ssl=tls)
        body = _text(b"MQTT") + b"\x04\x02\x00\x00" + _text(identifier.encode())
        if (code := (await self._ask(CONNECT, body))[1]) != 0:
            message = f"the broker refused {identifier}: {code}"
            raise MqttError(message)

    def publish(self, topic: bytes, payload: bytes, *, retain: bool = False) -> None:
        """Send a message with QoS 1.

        Raises:
            MqttError: the connection is closed.
        """
        self._identifier = self._identifier % LAST_IDENTIFIER + 1
        self.unacknowledged += 1
        head = PUBLISH | QOS_1 | (RETAINED if retain else 0)
        self._write(head, _text(topic) + struct.pack("!H", self._identifier) + payload)

    async def subscribe(self, *topics: str) -> None:
        """Subscribe to topics with QoS 1.

        Raises:
            MqttError: the broker doesn't let this client.
        """
        body = b"".join(_text(topic.encode()) + b"\x01" for topic in topics)
        codes = (await self._ask(SUBSCRIBE, b"\x00\x01" + body))[2:]
        if any(code >= REFUSED for code in codes):
            message = f"the broker refused a subscription to {', '.join(topics)}"
            raise MqttError(message)

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.write(DISCONNECT)
            self._transport.close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(MqttError("the broker closed the connection"))

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        acks = bytearray()
        start = 0
        while (packet := self._packet(start)) is not None:
            head, body, start = packet
            match head & 0xF0:
                case 0x30:  # PUBLISH
                    self._take(head, body, acks)
                case 0x40:  # PUBACK
                    self.unacknowledged -= 1
                case 0x20 | 0x90 if self._answer is not None:  # CONNACK, SUBACK
                    self._answer.set_result(body)
                    self._answer = None
        del self._buffer[:start]
        if acks and self._transport is not None:
            self._transport.write(acks)

    def _packet(self, start: int) -> tuple[int, bytes, int] | None:
        """Return the packet that begins at `start`: its first byte, its body and where the next one begins; None if it isn't all there."""
        buffer = self._buffer
        length = shift = 0
        position = start + 1
        while position < len(buffer):
            byte = buffer[position]
            length |= (byte & 0x7F) << shift
            shift += 7
            position += 1
            if byte < 0x80:
                end = position + length
                return (buffer[start], bytes(buffer[position:end]), end) if end <= len(buffer) else None
        return None

    def _take(self, head: int, body: bytes, acks: bytearray) -> None:
        end = 2 + (body[0] << 8 | body[1])
        payload = end
        if head & QOS_1:
            payload += 2
            acks += b"\x40\x02"
            acks += body[end:payload]
        self._receive(body[2:end], body[payload:])

    async def _ask(self, head: int, body: bytes) -> bytes:
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._write(head, body)
        codes: bytes = await answer
        return codes

    def _write(self, head: int, body: bytes) -> None:
        if self._transport is None:
            message = "the broker closed the connection"
            raise MqttError(message)
        length = len(body)
        size = bytearray()
        while length > 0x7F:
            size.append(length & 0x7F | 0x80)
            length >>= 7
        size.append(length)
        self._transport.write(bytes((head, *size)) + body)


def _text(text: bytes) -> bytes:
    return struct.pack("!H", len(text)) + text
