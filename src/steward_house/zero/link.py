"""The node's connection to the broker: kept up, told everything anew after it was lost, left with a farewell."""

import asyncio
from collections.abc import Callable
import contextlib
from functools import partial
import logging
import socket
import threading
from typing import Any, Final, cast, override

import aiomqtt
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from ..protocol.fields import ContractError
from ..protocol.node import Leaf, Status, topic
from .backoff import Backoff
from .dispatcher import Dispatcher
from .node import Node
from .outbox import Confirmed, unconfirmed
from .settings import Settings

_LOG: Final = logging.getLogger(__name__)
_KEEPALIVE: Final = 15
"""Seconds; the broker says `offline` for a node that was silent for one and a half times as long."""
_WINDOW: Final = 0.02
"""Seconds in which changes are gathered before they are sent."""
_HELD: Final = 10
"""A connection that was kept for so many seconds was a good one."""
_TIMEOUT: Final = 5
"""Seconds that the broker may take to answer."""
_IN_FLIGHT: Final = 100
"""Messages that the broker hasn't confirmed yet; paho looks at all of them with each confirmation."""
_QUEUED: Final = 10_000
"""Messages that wait for those before them; more are dropped."""


class _Errors(logging.Handler):
    """Takes what the MQTT library logs: often only that tells why a connection failed, and it does so every time."""

    last: str | None = None

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """Hands messages over as they come, instead of keeping them: while the node is busy, they wait with the broker."""

    def __init__(self, hear: Callable[[aiomqtt.Message], None], maxsize: int) -> None:
        super().__init__(maxsize)
        self._hear = hear

    @override
    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._hear(item)


class _Client(aiomqtt.Client):
    """A client that sends in the next turn of the loop, instead of asking first, by a pipe and a selector, whether it may."""

    @override
    def _on_socket_register_write(self, client: Client, userdata: Any, sock: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            self._loop.call_soon(self._send, client, userdata, sock)
        else:  # while it connects
            super()._on_socket_register_write(client, userdata, sock)

    def _send(self, client: Client, userdata: Any, sock: Any) -> None:
        try:
            client.loop_write()
        except Exception as error:  # noqa: BLE001 - as aiomqtt takes it
            if not self._disconnected.done():
                self._disconnected.set_exception(error)
            return
        if client.want_write():
            super()._on_socket_register_write(client, userdata, sock)


class Link:
    """The connection, over and over."""

    def __init__(self, settings: Settings, instance: str, node: Node, dispatcher: Dispatcher) -> None:
        """Prepare to send what `node` has, and to be there for `dispatcher`."""
        self._settings = settings
        self._node = node
        self._dispatcher = dispatcher
        self._outbox = dispatcher.outbox
        self._subscribed: set[str] = set()
        self._bug: Exception | None = None
        self._tls = settings.mqtt.tls()
        self._status = topic(settings.node, Leaf.STATUS)
        # Two nodes that claim one id must both stay connected: they would throw each other out and nobody would see why.
        self._identifier = f"steward-{settings.node}-{instance[-8:]}"
        self._backoff = Backoff(0.5, 30)
        self._leaving = asyncio.Event()
        self._contradicted = False
        self._fault: str | None = None
        self._unsendable: str | None = None
        self._errors = _Errors()
        self._library = logging.getLogger(f"{__name__}.paho")
        self._library.setLevel(logging.ERROR)
        self._library.propagate = False
        self._library.handlers = [self._errors]

    async def run(self) -> None:
        """Be connected until `leave`."""
        loop = asyncio.get_running_loop()
        leaving = asyncio.create_task(self._leaving.wait())
        while not self._leaving.is_set():
            start = loop.time()
            self._errors.last = None
            try:
                async with self._client() as client:
                    await self._stay(client)
            except (aiomqtt.MqttError, OSError, UnicodeError) as error:
                self._lost(": ".join(text for text in (str(error), self._errors.last) if text))
            if loop.time() - start >= _HELD:
                self._backoff.reset()
            await asyncio.wait({leaving}, timeout=self._backoff.next())

    def leave(self) -> None:
        """Have the connection ended; `run` returns when that is done."""
        self._leaving.set()
        self._node.changed.set()

    def _client(self) -> aiomqtt.Client:
        mqtt = self._settings.mqtt
        return _Client(
            mqtt.host,
            mqtt.port,
            username=mqtt.username,
            password=mqtt.password,
            identifier=self._identifier,
            clean_session=True,
            will=aiomqtt.Will(self._status, Status.OFFLINE.value, qos=1, retain=True),
            timeout=_TIMEOUT,
            keepalive=_KEEPALIVE,
            logger=self._library,
            tls_context=self._tls,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", partial(_Inbox, self._hear)),
            max_inflight_messages=_IN_FLIGHT,
            max_queued_outgoing_messages=_QUEUED,
        )

    async def _stay(self, client: aiomqtt.Client) -> None:
        """Converse, and say goodbye at the end, whatever it is: leaving the client in order discards the last will.

        Raises:
            MqttError: the connection was lost; it has ended without a goodbye.
        """
        lost = False
        try:
            await self._converse(client)
        except aiomqtt.MqttError:
            lost = True
            raise
        finally:
            if not lost:
                with contextlib.suppress(aiomqtt.MqttError):
                    await client.publish(self._status, Status.OFFLINE.value, qos=1, retain=True)

    async def _converse(self, client: aiomqtt.Client) -> None:
        """Listen and talk until the node leaves.

        Raises:
            MqttError: the connection was lost.
        """
        # What waits for the broker's answer would go on waiting after the connection is lost; the listener notices at once.
        tasks = [asyncio.create_task(self._listen(client)), asyncio.create_task(self._talk(client))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._dispatcher.disconnect()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Wait for the end of the connection."""
        try:
            async for _ in client.messages:
                pass
        finally:
            if self._bug is not None:
                raise self._bug

    def _hear(self, message: aiomqtt.Message) -> None:
        where = message.topic.value
        try:
            if where == self._status:
                self._contradict(message)
            else:
                self._dispatcher.hear(where, message.payload, retained=message.retain)
        except Exception as error:
            self._bug = error
            raise

    @staticmethod
    def _post(client: aiomqtt.Client, where: str, payload: bytes) -> Confirmed:
        """Send a message without waiting for the broker to confirm it.

        aiomqtt only publishes where somebody waits, with a time-out for each message, which takes as long as all the rest.
        """
        sent = client._client.publish(where, payload, qos=1)  # noqa: SLF001
        return sent.is_published if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else unconfirmed

    async def _talk(self, client: aiomqtt.Client) -> None:
        """Say everything, then what changes."""
        self._subscribed.clear()
        self._dispatcher.connect(partial(self._post, client))
        await self._subscribe(client)
        await self._say_everything(client)
        _LOG.info("Connected to %s:%s", self._settings.mqtt.host, self._settings.mqtt.port)
        self._fault = None
        while not self._leaving.is_set():
            await self._node.changed.wait()
            self._node.changed.clear()
            await self._subscribe(client)
            if self._contradicted:
                await self._say_everything(client)
            await self._send_events(client)
            await self._gather()
            await self._send_events(client)
            await self._send_info(client)
            await self._send_states(client)
        await self._send_events(client)  # of the last moment

    async def _gather(self) -> None:
        """Let changes come together for a moment, unless there is an event: that doesn't wait."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WINDOW):
                await self._outbox.arrived.wait()

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        if not self._dispatcher.resubscribe:
            return
        self._dispatcher.resubscribe = False
        topics = {**self._dispatcher.topics(), self._status: 1}
        await client.subscribe([*topics.items()])
        if gone := sorted(self._subscribed - topics.keys()):
            await client.unsubscribe(gone)
        self._subscribed = set(topics)

    async def _say_everything(self, client: aiomqtt.Client) -> None:
        self._contradicted = False
        self._node.touch_everything()
        await self._send_info(client)
        await self._send_states(client)
        await client.publish(self._status, Status.ONLINE.value, qos=1, retain=True)

    def _contradict(self, message: aiomqtt.Message) -> None:
        """Take note that this node is said to be offline: by another one with its id, which has left, or an earlier connection's will."""
        if message.payload == Status.OFFLINE.encode() and not message.retain and not self._leaving.is_set():
            self._contradicted = True
            self._node.changed.set()

    async def _send_events(self, client: aiomqtt.Client) -> None:
        while (event := self._outbox.next()) is not None:
            # The hub drops an event of an entity that it doesn't know yet; an automation may ask for a state that came before it.
            await self._send_info(client)
            await self._send_states(client)
            self._outbox.sent(event, self._post(client, event.topic, event.payload))

    async def _send_info(self, client: aiomqtt.Client) -> None:
        info = self._valid(self._node.take_info)
        if info is None:
            return
        # What may be left on the broker is known to the next run before it is there.
        await self._node.save()
        await client.publish(topic(self._settings.node, Leaf.INFO), info, qos=1, retain=True)
        for stale in sorted(self._node.stale_topics):
            await client.publish(stale, b"", qos=1, retain=True)
            self._node.cleared(stale)

    async def _send_states(self, client: aiomqtt.Client) -> None:
        for state_topic, payload in self._valid(self._node.take_states) or ():
            await client.publish(state_topic, payload, retain=True)

    def _valid[T](self, take: Callable[[], T]) -> T | None:
        """Return a message; None for one that breaks the contract: the rest of the node is worth more than it."""
        try:
            return take()
        except ContractError as error:
            if str(error) != self._unsendable:
                _LOG.error("Something can't be sent: %s", error)
            self._unsendable = str(error)
            return None

    def _lost(self, fault: str) -> None:
        if fault != self._fault:
            _LOG.warning("No connection to %s:%s: %s", self._settings.mqtt.host, self._settings.mqtt.port, fault)
        self._fault = fault
