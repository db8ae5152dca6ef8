"""Logs as an auditor fetches them: below a capability, and nothing else."""
# ruff: noqa: ARG005, ASYNC240

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from hypothesis import given, strategies as st
import pytest
from yarl import URL

from custom_components.steward.log import serve
from custom_components.steward.log.serve import Buckets, Site, async_serve, new_capability
from custom_components.steward.log.storage import LogStorage
from custom_components.steward.protocol.log.tiles import TileReader

ORIGIN = "example.com/teller/1"
CAPABILITY = new_capability()
ENTRIES = [b'{"kind":"reading","n":%d,"text":"%s"}' % (number, b"much the same " * 3) for number in range(300)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with LogStorage.open(tmp_path / "root/1", ORIGIN, bytes(32)) as log:
        log.append(ENTRIES)
        log.sign()
    (tmp_path / "root/secret").write_text("secret")
    return tmp_path / "root/1"


@pytest.fixture
async def serving(hass: HomeAssistant, log: Path) -> Callable[[], None]:
    assert await async_setup_component(hass, "http", {})

    async def hello(request: web.Request, rest: str) -> web.Response:
        return web.json_response({"method": request.method, "rest": rest})

    def folder(number: int | None) -> Path | None:
        return log if number in (None, 1) else None

    site = Site(CAPABILITY, folder, get={"hello": hello}, post={"commit": hello})
    return async_serve(hass, "teller", site)


@pytest.fixture
async def client(serving: Callable[[], None], hass_client_no_auth: Any) -> TestClient:
    return await hass_client_no_auth()


def url(path: str, capability: str = CAPABILITY) -> str:
    return f"/api/steward/teller/{capability}/{path}"


async def test_the_whole_log(client: TestClient, log: Path) -> None:
    fetched = {}
    for path in log.rglob("*"):
        name = str(path.relative_to(log))
        if path.is_file() and (name.startswith("tile") or name == "checkpoint"):
            for prefix in ("", "1/"):
                response = await client.get(url(prefix + name))
                assert response.status == HTTPStatus.OK
                fetched[name] = await response.read()
                assert fetched[name] == path.read_bytes()
    assert list(TileReader(fetched.get, 300).entries()) == ENTRIES


async def test_checkpoint(client: TestClient, log: Path) -> None:
    response = await client.get(url("checkpoint"))
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    tag = response.headers["ETag"]
    for known in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        again = await client.get(url("checkpoint"), headers={"If-None-Match": known})
        assert (again.status, await again.read()) == (HTTPStatus.NOT_MODIFIED, b"")
        assert again.headers["ETag"] == tag
    with LogStorage.open(log, ORIGIN, bytes(32)) as more:
        more.append([b"x"])
        more.sign()
    changed = await client.get(url("checkpoint"), headers={"If-None-Match": tag})
    assert changed.status == HTTPStatus.OK
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize("name", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"])
async def test_tile(client: TestClient, name: str) -> None:
    response = await client.get(url(name))
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Cache-Control"] == "max-age=31536000, immutable"
    compressed = name == "tile/entries/000"
    assert response.headers.get("Content-Encoding") == ("deflate" if compressed else None)
    assert response.headers.get("Vary") == ("Accept-Encoding" if compressed else None)
    again = await client.get(url(name), headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == HTTPStatus.NOT_MODIFIED


async def test_plain_for_who_does_not_decompress(client: TestClient, log: Path) -> None:
    response = await client.get(url("tile/entries/000"), headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in response.headers
    assert await response.read() == (log / "tile/entries/000").read_bytes()


async def test_head(client: TestClient) -> None:
    response = await client.head(url("checkpoint"))
    assert (response.status, await response.read()) == (HTTPStatus.OK, b"")
    assert int(response.headers["Content-Length"]) > 100


async def test_what_the_kind_answers(client: TestClient) -> None:
    for path, rest in (("hello", ""), ("hello/1/2", "1/2")):
        assert await (await client.get(url(path))).json() == {"method": "GET", "rest": rest}
    assert await (await client.post(url("commit"))).json() == {"method": "POST", "rest": ""}
    for response in (await client.get(url("commit")), await client.post(url("hello"))):
        assert response.status == HTTPStatus.NOT_FOUND


NOTHING = [
    "",
    "/",
    "tail",
    "lock",
    "secret",
    "1",
    "1/",
    "1/tail",
    "2/checkpoint",
    "01/checkpoint",
    "1/1/checkpoint",
    "9999999999/checkpoint",
    "checkpoint/",
    "checkpoint.new",
    "Checkpoint",
    "../secret",
    "..%2Fsecret",
    "%2e%2e/secret",
    "%2e%2e%2fsecret",
    "tile/../../secret",
    "tile/..%2F..%2Fsecret",
    "tile/0/..%2f..%2f..%2fsecret",
    "tile//000",
    "tile/0/000/",
    "tile/0/0",
    "tile/0/001",
    "tile/0/000.p/256",
    "tile/0/000.p/0",
    "tile/00/000",
    "tile/64/000",
    "tile/entries/000%00",
    "tile/entries/%D9%A0%D9%A0%D9%A0",
    "tile/0/x000/000",
    "%2Fetc%2Fpasswd",
    "//etc/passwd",
]


@pytest.mark.parametrize("path", NOTHING)
async def test_nothing_else(client: TestClient, caplog: pytest.LogCaptureFixture, path: str) -> None:
    """What is not there, and what is not to be had, answer alike, and like a capability that is not one."""
    response = await client.get(URL(url(path), encoded=True), allow_redirects=False)
    if ".." in unquote(path) and response.status == HTTPStatus.BAD_REQUEST:
        caplog.clear()  # Home Assistant refuses and reports such a path, whatever the capability
        return
    assert response.status == HTTPStatus.NOT_FOUND
    body = await response.text()
    for other in (url("checkpoint", "x"), url("checkpoint", CAPABILITY[:-1]), url("nothing", "x"), url("ping", "ä")):
        denied = await client.get(other)
        assert (denied.status, await denied.text()) == (HTTPStatus.NOT_FOUND, body)
        assert {*denied.headers} == {*response.headers}
    assert (await client.post(url("commit", "x"))).status == HTTPStatus.NOT_FOUND


@given(path=st.text())
def test_no_path_leads_out(path: str) -> None:
    """Whatever is asked for: what comes out lies in the folder, and has the name of a file of the format."""
    root = Path("/logs/1")
    found = serve._static(Site("", lambda number: root), path)
    if found is not None:
        assert found[1].is_relative_to(root)
        assert ".." not in found[1].parts
        assert found[0] == "checkpoint" or found[0].startswith("tile/")


async def test_until_it_ends(serving: Callable[[], None], client: TestClient, hass: HomeAssistant, log: Path) -> None:
    other = new_capability()
    end = async_serve(hass, "teller", Site(other, lambda number: log))
    serving()
    assert (await client.get(url("checkpoint"))).status == HTTPStatus.NOT_FOUND
    assert (await client.get(url("checkpoint", other))).status == HTTPStatus.OK
    end()
    end()
    assert (await client.get(url("checkpoint", other))).status == HTTPStatus.NOT_FOUND


async def test_another_kind(
    serving: Callable[[], None], hass: HomeAssistant, hass_client_no_auth: Any, log: Path
) -> None:
    async_serve(hass, "meter", Site("m" * 32, lambda number: log))
    client = await hass_client_no_auth()
    assert (await client.get(f"/api/steward/meter/{'m' * 32}/checkpoint")).status == HTTPStatus.OK
    assert (await client.get(f"/api/steward/meter/{CAPABILITY}/checkpoint")).status == HTTPStatus.NOT_FOUND


async def test_too_many_requests(client: TestClient, monkeypatch: pytest.MonkeyPatch, hass: HomeAssistant) -> None:
    view = hass.data[serve.DATA_VIEWS]["teller"]
    monkeypatch.setattr(view, "_buckets", Buckets(0.1, 3, lambda: 0.0))
    statuses = [(await client.get(url(path))).status for path in ("checkpoint", "nothing", "checkpoint")]
    assert statuses == [HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.OK]
    for method, capability in (("get", CAPABILITY), ("get", "x"), ("post", CAPABILITY)):
        response = await getattr(client, method)(url("checkpoint", capability))
        assert response.status == HTTPStatus.TOO_MANY_REQUESTS
        assert response.headers["Retry-After"] == "10"


def test_buckets() -> None:
    now = 0.0
    buckets = Buckets(2, 3, lambda: now)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b") == 0
    now = 0.25
    assert buckets.take("a") == 0.25
    now = 0.5
    assert [buckets.take("a"), buckets.take("a")] == [0, 0.5]
    now = 100
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    for number in range(serve.MAX_REMOTES + 50):
        buckets.take(f"{number}")
    assert len(buckets._buckets) == serve.MAX_REMOTES
    assert buckets.take("a") == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2:ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        (None, "unix", True),
    ],
)
def test_who_asks(one: str | None, other: str, same: bool) -> None:
    class Asking:
        def __init__(self, remote: str | None) -> None:
            self.remote = remote

    assert (serve._remote(Asking(one)) == serve._remote(Asking(other))) is same


def test_capabilities() -> None:
    capabilities = {new_capability() for _ in range(100)}
    assert len(capabilities) == 100
    assert all(len(one) == 32 and one.replace("-", "").replace("_", "").isalnum() for one in capabilities)
