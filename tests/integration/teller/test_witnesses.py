"""Witnesses: servers that cosign, that are away, and that have seen more than there is."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.steward.protocol.log.cosignature import CosignatureRequest, Cosigner
from custom_components.steward.protocol.log.note import Note
from custom_components.steward.teller.teller import Teller

from .conftest import entries_of, later, meter_says, reconfigure

BOOKS = "sensor.sunny_roof_state_of_books"
TAIL = "sensor.sunny_roof_not_witnessed_yet"


class Server:
    """A witness that remembers the size that it has seen of each log."""

    def __init__(self, name: str, key: int, clock: Callable[[], float]) -> None:
        self.cosigner = Cosigner(name, bytes(range(key, key + 32)))
        self.sizes: dict[str, int] = {}
        self.away = False
        self.lies = False
        self.asked = 0
        self.clock = clock

    async def add_checkpoint(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.away:
            return web.Response(status=503)
        if self.lies:
            return web.Response(status=409, text=f"{10**9}\n", content_type="text/x.tlog.size")
        asked = CosignatureRequest.parse(await request.read())
        note = Note.parse(asked.note)
        origin, size, *_ = note.text.splitlines()
        if asked.old != self.sizes.get(origin, 0):
            return web.Response(status=409, text=f"{self.sizes[origin]}\n", content_type="text/x.tlog.size")
        self.sizes[origin] = int(size)
        return web.Response(text=self.cosigner.sign(note.text, int(self.clock())).line)


@pytest.fixture
async def servers(socket_enabled: None, noon) -> AsyncGenerator[list[Server]]:
    """Return two witnesses."""
    found = []
    running = []
    for number in (1, 2):
        witness = Server(f"witness.example/w{number}", number, lambda: noon().timestamp())
        app = web.Application()
        app.router.add_post("/add-checkpoint", witness.add_checkpoint)
        server = TestServer(app)
        await server.start_server(access_log=None)  # it can't tell the time while that stands still
        running.append(server)
        witness.url = str(server.make_url("/"))
        found.append(witness)
    yield found
    for server in running:
        await server.close()


async def use(hass: HomeAssistant, entry: ConfigEntry, servers: list[Server], quorum: int) -> None:
    witnesses: list[dict[str, Any]] = [{"url": each.url, "verifier": each.cosigner.vkey} for each in servers]
    await reconfigure(hass, entry, ("teller_witnesses", {"witnesses": witnesses, "quorum": quorum}))
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_witnessed(hass: HomeAssistant, entry: ConfigEntry, noon, servers: list[Server], find) -> None:
    assert find(TAIL).state == "unknown"
    await use(hass, entry, servers, 2)
    teller: Teller = entry.runtime_data
    assert find(BOOKS).state == "ok"
    assert find(TAIL).state == "0"
    assert {*servers[0].sizes.values()} == {teller.size}
    note = teller.storage.checkpoint().decode()
    assert all(f"— {each.cosigner.name} " in note for each in servers)
    meter_says(hass, 1000.01)
    await later(hass, noon, seconds=2)
    assert find(TAIL).state == "1"
    await later(hass, noon, minutes=10)
    assert find(TAIL).state == "0"
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [each for each in await entries_of(hass, entry) if each.kind == "start"][-1].seen.startswith("witnessed 20")


async def test_one_is_away(
    hass: HomeAssistant, entry: ConfigEntry, noon, servers: list[Server], find, caplog: pytest.LogCaptureFixture
) -> None:
    servers[1].away = True
    await use(hass, entry, servers, 1)
    assert find(BOOKS).state == "ok", "one is enough"
    assert caplog.text.count("A witness doesn't sign") == 1
    asked = servers[1].asked
    await later(hass, noon, minutes=2)
    assert servers[1].asked > asked
    servers[1].away = False
    await later(hass, noon, minutes=10)
    assert servers[1].sizes == servers[0].sizes
    caplog.clear()


async def test_all_are_away(
    hass: HomeAssistant, entry: ConfigEntry, noon, servers: list[Server], find, caplog: pytest.LogCaptureFixture
) -> None:
    await use(hass, entry, servers, 2)
    servers[0].away = servers[1].away = True
    for _ in range(40):
        await later(hass, noon, minutes=1)
        meter_says(hass, 1000)
    assert find(BOOKS).state == "not_witnessed"
    assert int(find(TAIL).state) > 0
    assert entry.runtime_data.size > 10, "appending doesn't wait for them"
    assert servers[0].asked < 20, "they are asked later and later"
    servers[0].away = servers[1].away = False
    for _ in range(31):
        await later(hass, noon, minutes=1)
    assert find(BOOKS).state == "ok"
    assert caplog.text.count("A witness doesn't sign") == 2
    caplog.clear()


async def test_a_witness_has_seen_more(
    hass: HomeAssistant, entry: ConfigEntry, noon, servers: list[Server], find, caplog: pytest.LogCaptureFixture
) -> None:
    await use(hass, entry, servers, 1)
    origin = entry.data["origin"]
    servers[0].sizes[origin] += 1000
    await later(hass, noon, minutes=10, seconds=1)
    assert find(BOOKS).state == "tampered"
    assert find(BOOKS).attributes["generation"] == 2
    first, *_ = await entries_of(hass, entry)
    assert (first.kind, first.cause) == ("generation", "witness")
    assert len(servers[1].sizes) == 2, "the new generation is witnessed at once"
    assert "goes on in a new generation" in caplog.text
    caplog.clear()


async def test_a_witness_that_always_has_seen_more(
    hass: HomeAssistant, entry: ConfigEntry, noon, servers: list[Server], find, caplog: pytest.LogCaptureFixture
) -> None:
    servers[0].lies = True
    await use(hass, entry, servers, 1)
    for _ in range(3):
        await later(hass, noon, minutes=10, seconds=1)
    assert servers[0].asked > 3
    assert find(BOOKS).attributes["generation"] == 2, "it is believed once"
    assert find(BOOKS).attributes["generation"] == len(servers[1].sizes)
    servers[0].lies = False
    await later(hass, noon, minutes=20, seconds=1)
    servers[0].sizes = {origin: size + 1000 for origin, size in servers[0].sizes.items()}
    await later(hass, noon, minutes=10, seconds=1)
    assert find(BOOKS).attributes["generation"] == 3, "it has signed since, so it is believed again"
    caplog.clear()
