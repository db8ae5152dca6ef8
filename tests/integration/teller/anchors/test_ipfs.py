"""CIDs, computed twice, and blocks that a node has to take as they are."""

from io import BytesIO

from aiohttp import ClientSession
import pytest

from custom_components.steward.protocol.anchor import Link
from custom_components.steward.teller.anchors.ipfs import BUNDLES, IpfsAnchor, Kubo
from custom_components.steward.teller.anchors.job import AnchorError, Job, Trouble
from tests.anchorage.kubo import KuboServer, content_of

from .conftest import ORIGIN


def job(size: int = 3, note: bytes = b"note\n", previous: str | None = None) -> Job:
    return Job(ORIGIN, size, bytes(32), Link(note, previous), 0)


@pytest.fixture
async def session(socket_enabled: None):
    async with ClientSession() as session:
        yield session


async def test_a_checkpoint(kubo: KuboServer, session: ClientSession):
    """Both blocks are added and pinned, under the CIDs that were known before; entries stay at home."""
    anchor = IpfsAnchor(Kubo(session, kubo.url + "/"), None, {})
    first = job()
    members = (await anchor.anchor(first)).members
    assert members == {"cid": first.link.cid, "note_cid": first.link.note_cid, "note": "note\n"}
    second = job(600, b"later\n", first.link.cid)
    members = (await anchor.anchor(second)).members
    assert members["previous"] == first.link.cid
    assert (
        kubo.pinned == set(kubo.blocks) == {first.link.cid, first.link.note_cid, second.link.cid, second.link.note_cid}
    )
    assert content_of(kubo.blocks[second.link.cid]) == f"IPFSHASHCHAIN: {first.link.cid}\nlater\n".encode()
    assert kubo.blocks[second.link.note_cid] == b"later\n"


async def test_the_chain_is_walked_as_the_seed_does(kubo: KuboServer, session: ClientSession):
    """Each block's first line names the one before, until there is none."""
    anchor, previous = IpfsAnchor(Kubo(session, kubo.url), None, {}), None
    for number in range(5):
        one = job(note=b"note %d\n" % number, previous=previous)
        await anchor.anchor(one)
        previous = one.link.cid
    walked = 0
    while previous:
        walked += 1
        lines = [line for line in content_of(kubo.blocks[previous]).splitlines() if b"IPFSHASHCHAIN" in line]
        previous = lines[0].split()[1].decode() if lines else None
    assert walked == 5


async def test_entries_where_the_project_wants_that(kubo: KuboServer, session: ClientSession):
    """Full bundles are added once each, some with each checkpoint; another log's aren't mixed up with them."""
    shared: dict[str, int] = {}

    async def read(origin: str, number: int) -> bytes | None:
        if number == 1:
            return bytes(1 << 21)  # more than one block
        return b"bundle %d" % number if origin == ORIGIN else None

    anchor = IpfsAnchor(Kubo(session, kubo.url), read, shared)
    members = (await anchor.anchor(job(256 * 40 + 1))).members
    assert members["first_bundle"] == 0
    assert len(members["bundles"]) == BUNDLES
    assert members["bundles"][1] is None
    assert kubo.blocks[members["bundles"][2]] == b"bundle 2"
    assert shared == {}  # not before the log says so
    await anchor.written(job(256 * 40 + 1), members)
    members = (await anchor.anchor(job(256 * 40 + 1))).members
    assert (members["first_bundle"], len(members["bundles"])) == (32, 8)
    await anchor.written(job(256 * 40 + 1), members)
    assert shared == {ORIGIN: 40}
    assert "bundles" not in (await anchor.anchor(job(256 * 41 - 1))).members
    other = Job("another", 1000, bytes(32), Link(b"x"), 0)
    members = (await anchor.anchor(other)).members
    assert "bundles" not in members
    await anchor.written(other, members)
    assert shared == {ORIGIN: 40}


async def test_what_may_go_wrong(kubo: KuboServer, session: ClientSession, monkeypatch: pytest.MonkeyPatch):
    """A node that does something else than asked isn't believed."""
    anchor = IpfsAnchor(Kubo(session, kubo.url), None, {})
    kubo.wrong = True
    await fails(anchor, Trouble.MISMATCH)
    kubo.wrong, kubo.down = False, True
    await fails(anchor, Trouble.REFUSED)
    kubo.down = False
    await fails(IpfsAnchor(Kubo(session, "http://127.0.0.1:1"), None, {}), Trouble.UNREACHABLE)
    await fails(IpfsAnchor(Kubo(session, "nonsense"), None, {}), Trouble.UNREACHABLE)
    monkeypatch.setattr("custom_components.steward.teller.anchors.ipfs.MAX_ANSWER", 10)
    await fails(anchor, Trouble.NOT_UNDERSTOOD)


async def fails(anchor: IpfsAnchor, trouble: Trouble) -> None:
    with pytest.raises(AnchorError) as error:
        await anchor.anchor(job())
    assert error.value.trouble is trouble


async def test_the_node_of_these_tests_is_strict(kubo: KuboServer, session: ClientSession):
    """It refuses what Kubo refuses."""
    url = f"{kubo.url}/api/v0/block/put"
    async with session.get(url) as answer:
        assert answer.status == 405
    async with session.post(url, data=b"bare") as answer:
        assert answer.status == 400
    async with session.post(url, params={"made-up": "1"}, data={"file": BytesIO(b"x")}) as answer:
        assert answer.status == 400
