"""Witnesses: a real one, and one that does all that a witness must not do."""
# ruff: noqa: ARG005

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
import shutil

from aiohttp import ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.steward.log import witness as witness_module
from custom_components.steward.log.errors import LogDamaged, LogFull
from custom_components.steward.log.storage import LogStorage
from custom_components.steward.log.witness import RolledBack, UnknownLog, Witness, WitnessError, async_witness
from custom_components.steward.protocol.log.checkpoint import open_checkpoint
from custom_components.steward.protocol.log.cosignature import CosignatureRequest, Cosigner
from custom_components.steward.protocol.log.errors import NoteError
from custom_components.steward.protocol.log.note import Note, Signer

from .diary import KEY, ORIGIN
from .litewitness import PROGRAMS, Litewitness, litewitness

COSIGNER = Cosigner("witness.example/w1", b"c" * 32)
TIME = 1_800_000_000
ENTRIES = [b"entry %d" % number for number in range(2000)]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogStorage]:
    with LogStorage.open(tmp_path / "log", ORIGIN, KEY) as log:
        yield log


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Litewitness]:
    if not (PROGRAMS / "litewitness").exists():
        pytest.fail(f"{PROGRAMS}/litewitness is missing: run script/setup peers")
    with litewitness(tmp_path_factory.mktemp("w")) as running:
        yield running


def grow(log: LogStorage, size: int) -> bytes:
    log.append(ENTRIES[log.size : size])
    return log.sign()


def renamed(folder: Path, origin: str) -> LogStorage:
    return LogStorage.open(folder, origin, KEY)


class TestReal:
    """litewitness."""

    async def test_cosigns_as_the_log_grows(self, real: Litewitness, tmp_path: Path, session: ClientSession) -> None:
        origin = "example.com/grows"
        real.add(Signer(origin, KEY).verifier)
        witness = Witness.parse(real.url, real.vkey)
        known = 0
        with renamed(tmp_path / "log", origin) as log:
            for size in (1, 2, 255, 256, 300, 1999):
                grow(log, size)
                cosigned = await async_witness(session, witness, log, known)
                assert (cosigned.size, cosigned.kept) == (size, True)
                known = cosigned.size
                signed = open_checkpoint(log.checkpoint(), log.verifier, [witness.verifier])
                assert signed.cosignatures == {"witness.example/w1": cosigned.at}
        with renamed(tmp_path / "log", origin) as log:
            assert open_checkpoint(log.sign(), log.verifier, [witness.verifier]).cosignatures
            again = await async_witness(session, witness, log, known)
            assert again.size == 1999
            assert len(Note.parse(log.checkpoint()).signatures) == 2

    @pytest.mark.parametrize("told", [0, 5, 150, 700])
    async def test_says_what_it_knows(
        self, real: Litewitness, tmp_path: Path, session: ClientSession, told: int
    ) -> None:
        """The caller has forgotten what the witness knows, or has it wrong."""
        origin = f"example.com/forgets{told}"
        real.add(Signer(origin, KEY).verifier)
        witness = Witness.parse(real.url, real.vkey)
        with renamed(tmp_path / "log", origin) as log:
            grow(log, 100)
            await async_witness(session, witness, log)
            grow(log, 600)
            assert (await async_witness(session, witness, log, told)).size == 600

    async def test_does_not_know_the_log(self, real: Litewitness, log: LogStorage, session: ClientSession) -> None:
        grow(log, 1)
        with pytest.raises(UnknownLog, match=ORIGIN):
            await async_witness(session, Witness.parse(real.url, real.vkey), log)

    async def test_knows_another_key(self, real: Litewitness, tmp_path: Path, session: ClientSession) -> None:
        real.add(Signer("example.com/key", b"o" * 32).verifier)
        with renamed(tmp_path / "log", "example.com/key") as log:
            grow(log, 1)
            with pytest.raises(UnknownLog):
                await async_witness(session, Witness.parse(real.url, real.vkey), log)

    async def test_has_seen_more(self, real: Litewitness, tmp_path: Path, session: ClientSession) -> None:
        """The folder was put back to what it was: the witness tells before anything is signed."""
        origin = "example.com/rollback"
        real.add(Signer(origin, KEY).verifier)
        witness = Witness.parse(real.url, real.vkey)
        with renamed(tmp_path / "log", origin) as log:
            grow(log, 100)
            await async_witness(session, witness, log)
        shutil.copytree(tmp_path / "log", tmp_path / "old")
        with renamed(tmp_path / "log", origin) as log:
            grow(log, 300)
            await async_witness(session, witness, log, 100)
        with renamed(tmp_path / "old", origin) as old:
            with pytest.raises(RolledBack, match="300") as raised:
                await async_witness(session, witness, old, 100)
            assert raised.value.known == 300
            # Who does not ask, and goes on differently, is told when it has outgrown what the witness knows.
            old.append([b"another"])
            grow(old, 300)
            with pytest.raises(RolledBack, match="another log of 300 entries"):
                await async_witness(session, witness, old, 100)
            grow(old, 400)
            with pytest.raises(RolledBack, match="another log of 300 entries"):
                await async_witness(session, witness, old, 100)


type Answer = Callable[[CosignatureRequest], web.StreamResponse | Awaitable[web.StreamResponse]]


class Fake:
    """A witness that answers as a test says, one answer after the other, then the last again; and what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = [*answers]
        self.asked: list[CosignatureRequest] = []
        self.requests: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.asked.append(CosignatureRequest.parse(await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        response = answer(self.asked[-1])
        return response if isinstance(response, web.StreamResponse) else await response


@pytest.fixture
async def ask(session: ClientSession, log: LogStorage) -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Return what has the log witnessed by a fake one."""
    servers = []

    async def ask(fake: Fake, old: int = 0, path: str = "/w") -> object:
        app = web.Application()
        app.router.add_post(f"{path}/add-checkpoint", fake.handle)
        server = TestServer(app)
        servers.append(server)
        await server.start_server()
        return await async_witness(session, Witness(str(server.make_url(path)), COSIGNER.verifier), log, old)

    yield ask
    for server in servers:
        await server.close()


def cosign(request: CosignatureRequest, cosigner: Cosigner = COSIGNER, at: int = TIME) -> web.Response:
    return web.Response(text=cosigner.sign(Note.parse(request.note).text, at).line)


def conflict(size: int) -> Answer:
    return lambda request: web.Response(status=409, text=f"{size}\n", content_type="text/x.tlog.size")


async def test_cosigned(log: LogStorage, ask) -> None:
    grow(log, 300)
    fake = Fake(conflict(7), cosign)
    cosigned = await ask(fake)
    assert (cosigned.size, cosigned.at, cosigned.kept) == (300, TIME, True)
    assert [request.old for request in fake.asked] == [0, 7]
    assert fake.asked[0].proof == ()
    assert list(fake.asked[1].proof) == log.consistency(7)
    assert fake.requests[0].headers["Accept-Encoding"] == "identity"


async def test_two_witnesses_and_one_again(log: LogStorage, ask) -> None:
    grow(log, 3)
    await ask(Fake(cosign))
    other = Cosigner("witness.example/w2", b"d" * 32)
    log.cosigned([other.sign(Note.parse(log.checkpoint()).text, TIME).line], [other.verifier])
    await ask(Fake(lambda request: cosign(request, at=TIME + 5)), old=3)
    signed = open_checkpoint(log.checkpoint(), log.verifier, [COSIGNER.verifier, other.verifier])
    assert signed.cosignatures == {"witness.example/w1": TIME + 5, "witness.example/w2": TIME}


async def test_unknown_keys_are_left_out(log: LogStorage, ask) -> None:
    grow(log, 3)
    other = Cosigner("witness.example/w2", b"d" * 32)
    await ask(Fake(lambda request: web.Response(text=cosign(request, other).text + cosign(request).text)))
    assert [line.name for line in Note.parse(log.checkpoint()).signatures] == [ORIGIN, "witness.example/w1"]


async def test_signed_again_meanwhile(log: LogStorage, ask) -> None:
    grow(log, 3)

    def slowly(request: CosignatureRequest) -> web.Response:
        grow(log, 4)
        return cosign(request)

    cosigned = await ask(Fake(slowly))
    assert (cosigned.size, cosigned.kept) == (3, False)
    assert open_checkpoint(log.checkpoint(), log.verifier, [COSIGNER.verifier]).cosignatures == {}


BAD: dict[str, tuple[Answer, str]] = {
    "false signature": (
        lambda request: web.Response(text=COSIGNER.sign("x\n1\n" + "A" * 43 + "=\n", TIME).line),
        "did not cosign: signature of witness.example/w1: it is false",
    ),
    "another's signature": (
        lambda request: cosign(request, Cosigner("witness.example/w2", b"d" * 32)),
        "did not cosign",
    ),
    "same name, another key": (
        lambda request: cosign(request, Cosigner("witness.example/w1", b"d" * 32)),
        "did not cosign",
    ),
    "nothing": (lambda request: web.Response(), "did not cosign"),
    "no text": (lambda request: web.Response(body=b"\xff\n"), "did not cosign"),
    "half a line": (lambda request: web.Response(text=cosign(request).text[:-1]), "did not cosign"),
    "huge": (lambda request: web.Response(body=b"x" * 200_000), "more than 65536 bytes"),
    "compressed": (
        lambda request: web.Response(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
        "can't be reached",
    ),
    "redirect": (
        lambda request: web.Response(status=307, headers={"Location": "/w/elsewhere"}),
        "answers 307",
    ),
    "error": (lambda request: web.Response(status=500, text="a\x1b[31m\nb" * 1000), r"answers 500: a \[31m b"),
    "teapot": (lambda request: web.Response(status=204), "answers 204"),
    "no size": (lambda request: web.Response(status=409, text="seven\n"), "does not say which size"),
    "leading zero": (lambda request: web.Response(status=409, text="07\n"), "does not say which size"),
    "negative": (lambda request: web.Response(status=409, text="-1\n"), "does not say which size"),
    "what it was told": (conflict(0), "knows 0 entries, and says that it doesn't"),
    "bad request": (lambda request: web.Response(status=400, text="proof"), "answers 400: proof"),
    "nothing to prove": (lambda request: web.Response(status=422), "answers 422"),
}


@pytest.mark.parametrize("name", BAD)
async def test_misbehaving(log: LogStorage, ask, name: str) -> None:
    note = grow(log, 300)
    answer, said = BAD[name]
    fake = Fake(answer)
    with pytest.raises(WitnessError, match=said) as raised:
        await ask(fake)
    assert not isinstance(raised.value, RolledBack | UnknownLog)
    assert len(str(raised.value)) < 400
    assert log.checkpoint() == note
    assert len(fake.asked) == 1


async def test_another_size_each_time(log: LogStorage, ask) -> None:
    grow(log, 300)
    fake = Fake(*map(conflict, range(1, 50)))
    with pytest.raises(WitnessError, match="another size each time"):
        await ask(fake)
    assert len(fake.asked) == 3


@pytest.mark.parametrize(
    ("answers", "old", "known"),
    [
        ((conflict(301),), 0, 301),
        ((conflict(300), conflict(300)), 0, 300),
        ((conflict(300),), 300, 300),
        ((conflict(300),), 900, 300),
        ((conflict(9), lambda request: web.Response(status=422, text="wrong proof")), 0, 9),
        ((conflict(2**63 - 1),), 0, 2**63 - 1),
    ],
)
async def test_rolled_back(log: LogStorage, ask, answers: tuple[Answer, ...], old: int, known: int) -> None:
    grow(log, 300)
    with pytest.raises(RolledBack) as raised:
        await ask(Fake(*answers), old)
    assert raised.value.known == known


@pytest.mark.parametrize("status", [403, 404])
async def test_not_known(log: LogStorage, ask, status: int) -> None:
    grow(log, 1)
    with pytest.raises(UnknownLog, match=f"{status}"):
        await ask(Fake(lambda request: web.Response(status=status)))


async def test_slow(log: LogStorage, ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_module, "TIMEOUT", ClientTimeout(total=0.2))
    grow(log, 1)
    answered = asyncio.Event()

    async def never(request: CosignatureRequest) -> web.Response:
        await answered.wait()
        return web.Response()

    with pytest.raises(WitnessError, match="TimeoutError"):
        await ask(Fake(never))
    answered.set()


async def test_away(log: LogStorage, session: ClientSession) -> None:
    grow(log, 1)
    server = TestServer(web.Application())
    await server.start_server()
    url = str(server.make_url("/"))
    await server.close()
    with pytest.raises(WitnessError, match="can't be reached"):
        await async_witness(session, Witness(url, COSIGNER.verifier), log)


async def test_no_address(log: LogStorage, session: ClientSession) -> None:
    grow(log, 1)
    with pytest.raises(WitnessError, match="can't be reached"):
        await async_witness(session, Witness("not an address", COSIGNER.verifier), log)


async def test_nothing_signed(log: LogStorage, session: ClientSession) -> None:
    with pytest.raises(WitnessError, match="nothing was signed"):
        await async_witness(session, Witness("http://127.0.0.1:1", COSIGNER.verifier), log)


async def test_own_tiles_are_damaged(log: LogStorage, ask) -> None:
    """What looks like a fork to the witness is not taken for one where the fault is here."""
    grow(log, 300)
    tile = log.folder / "tile/0/000"
    tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    with pytest.raises(LogDamaged, match="do not lead to it"):
        await ask(Fake(conflict(200), lambda request: web.Response(status=422)))


async def test_disk_full(log: LogStorage, ask, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(log, 300)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log._home, "put", full)
    with pytest.raises(LogFull, match="no cosignature was kept"):
        await ask(Fake(cosign))


def test_configuration() -> None:
    assert Witness.parse("https://w.example/prefix/", COSIGNER.vkey).url == "https://w.example/prefix"
    with pytest.raises(NoteError, match="not a witness's"):
        Witness.parse("https://w.example", Signer("w.example", b"d" * 32).vkey)
