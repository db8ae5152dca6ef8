"""A small client of Home Assistant: its REST and WebSocket APIs, and its states as they are now."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Any, Final, Self

import aiohttp

from .process import DemoError

MISSING: Final = frozenset({"unavailable"})
UNKNOWN: Final = frozenset({"unavailable", "unknown"})


@dataclass(frozen=True, slots=True)
class State:
    """An entity's state, with its attributes."""

    value: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity of the registry."""

    entity_id: str
    unique_id: str
    integration: str
    device_id: str | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the registry; its identifiers are (integration, identifier)."""

    id: str
    identifiers: frozenset[tuple[str, str]]
    area_id: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A config entry."""

    entry_id: str
    domain: str
    title: str
    source: str
    state: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A step of a config flow, or its result: a form, a menu, a new entry, or the reason why there is none.

    `suggested` has what a form's questions suggest as their answers.
    """

    flow_id: str
    kind: str
    step: str | None
    errors: Mapping[str, str]
    reason: str | None
    suggested: Mapping[str, Any]
    entry_id: str | None
    """Of the entry that was made."""

    @classmethod
    def read(cls, reply: dict[str, Any]) -> Self:
        """Read Home Assistant's reply."""
        return cls(
            reply["flow_id"],
            reply["type"],
            reply.get("step_id"),
            reply.get("errors") or {},
            reply.get("reason"),
            {
                question["name"]: (question.get("description") or {}).get("suggested_value")
                for question in reply.get("data_schema") or []
            },
            result["entry_id"] if isinstance(result := reply.get("result"), dict) else None,
        )


@dataclass(slots=True)
class States:
    """Home Assistant's states as they are now."""

    now: dict[str, State] = field(default_factory=dict)
    _waiters: list[asyncio.Future[None]] = field(default_factory=list)

    def set(self, entity_id: str, state: dict[str, Any] | None) -> None:
        """Take an entity's new state, None where it was removed, and wake who waits."""
        if state is None:
            self.now.pop(entity_id, None)
        else:
            self.now[entity_id] = State(state["state"], state["attributes"])
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def of(self, entity_id: str) -> str:
        """Return an entity's state; of one that isn't there, 'unavailable'."""
        state = self.now.get(entity_id)
        return state.value if state else "unavailable"

    async def wait(self, holds: Callable[[], bool], what: Callable[[], str], seconds: float) -> None:
        """Return when something holds for the states.

        Raises:
            DemoError: it didn't in time; `what` says what was waited for.
        """
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            message = f"waited {seconds:.0f} s in vain for {what()}"
            raise DemoError(message) from None


class Client:
    """A session with Home Assistant, as an administrator."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take two connections that are authorised already."""
        self.states = States()
        self._http = http
        self._socket = socket
        self._ids = count(1)
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[int, Callable[[Any], None]] = {}

    async def get(self, path: str) -> Any:
        """Return the reply of a GET request."""
        async with self._http.get(path) as response:
            return await _reply(response)

    async def exists(self, path: str) -> bool:
        """Tell whether something is found at a path."""
        async with self._http.get(path) as response:
            return response.status != HTTPStatus.NOT_FOUND

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the reply of a POST request."""
        async with self._http.post(path, json=body) as response:
            return await _reply(response)

    async def delete(self, path: str) -> Any:
        """Return the reply of a DELETE request."""
        async with self._http.delete(path) as response:
            return await _reply(response)

    async def call(self, command: str, **fields: Any) -> Any:
        """Return the result of a WebSocket command.

        Raises:
            DemoError: Home Assistant refuses it.
        """
        return await self._send(next(self._ids), command, fields)

    async def subscribe(self, command: str, listener: Callable[[Any], None], **fields: Any) -> None:
        """Subscribe with a WebSocket command; `listener` gets every event from now on."""
        number = next(self._ids)
        self._listeners[number] = listener
        await self._send(number, command, fields)

    async def action(self, action: str, data: Mapping[str, Any], *, response: bool = False) -> Any:
        """Perform an action such as `light.turn_off`; return its response where one is wanted."""
        domain, service = action.split(".")
        result = await self.call(
            "call_service", domain=domain, service=service, service_data=data, return_response=response
        )
        return result.get("response")

    async def start_flow(self, handler: str, **context: str) -> Flow:
        """Start a config flow, as 'Add integration' does."""
        return Flow.read(await self.post("/api/config/config_entries/flow", {"handler": handler, **context}))

    async def continue_flow(self, flow_id: str, answers: Mapping[str, Any]) -> Flow:
        """Answer a step of a config flow."""
        return Flow.read(await self.post(f"/api/config/config_entries/flow/{flow_id}", answers))

    async def start_part(self, entry_id: str, kind: str) -> Flow:
        """Start the flow that adds a part (a subentry) of some kind to an entry."""
        return Flow.read(await self.post("/api/config/config_entries/subentries/flow", {"handler": [entry_id, kind]}))

    async def continue_part(self, flow_id: str, answers: Mapping[str, Any]) -> Flow:
        """Answer a step of such a flow."""
        return Flow.read(await self.post(f"/api/config/config_entries/subentries/flow/{flow_id}", answers))

    async def entries(self) -> list[Entry]:
        """Return all config entries."""
        return [
            Entry(entry["entry_id"], entry["domain"], entry["title"], entry["source"], entry["state"])
            for entry in await self.call("config_entries/get")
        ]

    async def entities(self) -> list[Entity]:
        """Return all entities of the registry."""
        return [
            Entity(
                entity["entity_id"],
                entity["unique_id"],
                entity["platform"],
                entity["device_id"],
                entity["disabled_by"] is None,
            )
            for entity in await self.call("config/entity_registry/list")
        ]

    async def devices(self) -> list[Device]:
        """Return all devices of the registry."""
        return [
            Device(device["id"], frozenset((key, value) for key, value in device["identifiers"]), device["area_id"])
            for device in await self.call("config/device_registry/list")
        ]

    async def watch_states(self) -> None:
        """Keep `states` up to date from now on."""
        await self.subscribe("subscribe_events", self._state_changed, event_type="state_changed")
        for state in await self.call("get_states"):
            self.states.set(state["entity_id"], state)

    async def listen(self) -> None:
        """Hand out what comes over the WebSocket, until it closes."""
        async for message in self._socket:
            data = message.json()
            number = data["id"]
            match data["type"]:
                case "event":
                    self._listeners[number](data["event"])
                case "result" if (reply := self._replies.pop(number, None)) and not reply.done():
                    if data["success"]:
                        reply.set_result(data["result"])
                    else:
                        reply.set_exception(DemoError(f"Home Assistant: {data['error']['message']}"))
                case _:
                    pass
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(DemoError("Home Assistant closed the connection"))

    def _state_changed(self, event: dict[str, Any]) -> None:
        self.states.set(event["data"]["entity_id"], event["data"]["new_state"])

    async def _send(self, number: int, command: str, fields: Mapping[str, Any]) -> Any:
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "type": command, **fields})
        return await reply


@asynccontextmanager
async def connect(address: str, token: str) -> AsyncIterator[Client]:
    """Open a session with Home Assistant at an address such as `http://127.0.0.1:8123`."""
    async with (
        aiohttp.ClientSession(address, headers={"Authorization": f"Bearer {token}"}) as http,
        http.ws_connect("/api/websocket", max_msg_size=0) as socket,
    ):
        await socket.receive_json()  # auth_required
        await socket.send_json({"type": "auth", "access_token": token})
        if (await socket.receive_json())["type"] != "auth_ok":
            message = "Home Assistant does not take the token that it gave"
            raise DemoError(message)
        client = Client(http, socket)
        listening = asyncio.create_task(client.listen())
        try:
            yield client
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening


async def _reply(response: aiohttp.ClientResponse) -> Any:
    if response.status >= HTTPStatus.BAD_REQUEST:
        message = f"Home Assistant: {response.method} {response.url.path}: {response.status} {await response.text()}"
        raise DemoError(message)
    return await response.json()
