"""Checkpoints are anchored when they are due, again and again, across restarts, and never in the way."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from stellar_sdk import Keypair

from custom_components.steward.protocol.anchor import read_memos
from custom_components.steward.protocol.books.entries import AnchorKind
from custom_components.steward.teller.anchors import Anchors
from custom_components.steward.teller.anchors.job import Trouble
from custom_components.steward.teller.data import Ipfs, Rfc3161, Stellar
from tests.anchorage.authority import TimestampServer
from tests.anchorage.horizon import PASSPHRASE, HorizonServer
from tests.anchorage.kubo import KuboServer, content_of
from tests.integration.conftest import until

from .conftest import Books


class House:
    """A teller's anchors, started as a house does."""

    def __init__(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, **sections: Any) -> None:
        self.hass = hass
        self.freezer = freezer
        self.books = Books(hass, **sections)
        self.anchors = Anchors(self.books)  # type: ignore[arg-type]

    async def restart(self) -> None:
        await self.anchors.stop()
        self.anchors = Anchors(self.books)  # type: ignore[arg-type]
        await self.anchors.start()

    async def rest(self) -> None:
        """Wait until no anchor is at work."""
        await until(lambda: not any(runner._busy for runner in self.anchors._runners))

    async def commit(self, size: int) -> None:
        self.books.commit(size)
        await self.rest()

    async def later(self, seconds: float) -> None:
        self.freezer.tick(timedelta(seconds=seconds))
        async_fire_time_changed(self.hass)
        await self.rest()

    @property
    def sizes(self) -> list[int]:
        return [each.size for each in self.books.log]


@pytest.fixture
async def ipfs_house(hass: HomeAssistant, freezer: FrozenDateTimeFactory, kubo: KuboServer):
    house = House(hass, freezer, ipfs=Ipfs(kubo.url))
    await house.anchors.start()
    yield house
    await house.anchors.stop()


async def test_all_three(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    kubo: KuboServer,
    horizon: HorizonServer,
    authority: TimestampServer,
    key: Keypair,
):
    """One checkpoint goes everywhere, and the log says where; the ledger's memos lead to the block, and that to the note."""
    house = House(
        hass,
        freezer,
        ipfs=Ipfs(kubo.url, share_entries=True),
        stellar=Stellar(horizon.url, PASSPHRASE, key.public_key, anchor=True),
        rfc3161=Rfc3161(f"{authority.url}/tsr"),
    )
    await house.anchors.start()
    await house.commit(300)
    log = {each.anchor: each for each in house.books.log}
    assert set(log) == set(AnchorKind)
    assert {(each.size, each.root) for each in log.values()} == {(300, (300).to_bytes(32).hex())}
    transactions = horizon.of(key.public_key)
    assert [each["hash"] for each in transactions] == log[AnchorKind.STELLAR].reference["transactions"]
    cid = read_memos(*(each["memo"] for each in transactions))
    assert cid
    assert cid == log[AnchorKind.IPFS].reference["cid"] == log[AnchorKind.STELLAR].reference["cid"]
    assert content_of(kubo.blocks[cid]) == house.books.checkpoint.note.encode()
    assert len(log[AnchorKind.IPFS].reference["bundles"]) == 1
    assert horizon.accounts[key.public_key].balances["native"] == Decimal("99.99998")  # two fees, nothing else
    assert house.anchors.last in house.books.log
    assert house.anchors.errors == {}
    shown = house.anchors.as_dict()
    assert set(shown) == {"ipfs", "stellar", "rfc3161"}
    assert shown["ipfs"] == {
        "waiting": 0,
        "last_size": 300,
        "last_at": log[AnchorKind.IPFS].at.isoformat(),
        "trouble": None,
        "detail": None,
    }
    await house.anchors.stop()
    await house.anchors.remove()


async def test_nothing_is_configured(hass: HomeAssistant, freezer: FrozenDateTimeFactory):
    """A project without anchors has none, also where Stellar is only for payments."""
    house = House(hass, freezer, stellar=Stellar("http://127.0.0.1:1", PASSPHRASE, "G"))
    await house.anchors.start()
    await house.commit(3)
    assert (house.anchors.as_dict(), house.anchors.last, house.books.log) == ({}, None, [])
    await house.anchors.stop()


async def test_at_most_every_so_often(ipfs_house: House):
    """The first goes at once, the next when it is due: the newest that there is then."""
    for size in (1, 2, 3):
        await ipfs_house.commit(size)
    assert ipfs_house.sizes == [1]
    await ipfs_house.later(3590)
    await ipfs_house.commit(4)
    assert ipfs_house.sizes == [1]
    await ipfs_house.later(20)
    assert ipfs_house.sizes == [1, 4]
    await ipfs_house.later(100_000)
    assert ipfs_house.sizes == [1, 4]  # nothing new
    await ipfs_house.commit(4)
    assert ipfs_house.sizes == [1, 4]
    await ipfs_house.commit(5)
    assert ipfs_house.sizes == [1, 4, 5]
    chain = [each.reference for each in ipfs_house.books.log]
    assert [each.get("previous") for each in chain] == [None, chain[0]["cid"], chain[1]["cid"]]


async def test_an_empty_log_is_not_anchored(ipfs_house: House):
    await ipfs_house.commit(0)
    assert ipfs_house.sizes == []


async def test_a_node_that_is_down(ipfs_house: House, kubo: KuboServer, caplog: pytest.LogCaptureFixture):
    """Blocks are known and kept; they are added in their order once the node is back, also after a restart."""
    kubo.down = True
    await ipfs_house.commit(1)
    (error,) = ipfs_house.anchors.errors.values()
    assert error.trouble is Trouble.REFUSED
    for size in range(2, 30):
        await ipfs_house.later(4600)
        await ipfs_house.commit(size)
    assert ipfs_house.books.log == []
    assert caplog.text.count("can't be anchored for now") == 1
    await ipfs_house.later(4600)
    waiting = ipfs_house.anchors.as_dict()["ipfs"]["waiting"]
    assert waiting == 29
    await ipfs_house.restart()
    await ipfs_house.rest()
    assert ipfs_house.anchors.as_dict()["ipfs"]["waiting"] == waiting
    kubo.down = False
    await ipfs_house.later(4600)
    assert ipfs_house.sizes == list(range(1, 30))
    assert ipfs_house.anchors.errors == {}
    chain = [each.reference for each in ipfs_house.books.log]
    assert [each["previous"] for each in chain[1:]] == [each["cid"] for each in chain[:-1]]
    assert ipfs_house.anchors.last.size == 29
    caplog.clear()


async def test_the_pause_grows(ipfs_house: House, kubo: KuboServer, caplog: pytest.LogCaptureFixture):
    """A node that stays away is asked less and less often, and not more often because of commits."""
    kubo.down = True
    await ipfs_house.commit(1)
    asked = []
    for _ in range(24):
        before = len(kubo.asked)
        for size in range(60):
            await ipfs_house.later(60)
            await ipfs_house.commit(size + 2)
        asked.append(len(kubo.asked) - before)
    assert asked[0] <= 9
    assert all(each <= 2 for each in asked[3:])
    assert sum(asked[3:]) >= 15
    caplog.clear()


async def test_what_waits_is_bounded(ipfs_house: House, kubo: KuboServer, caplog: pytest.LogCaptureFixture):
    """The oldest go first, but not the one that is being worked on."""
    kubo.down = True
    ipfs_house.anchors._runners[0]._anchor.keep = 3
    for size in range(1, 9):
        await ipfs_house.commit(size)
        await ipfs_house.later(4600)
    kubo.down = False
    await ipfs_house.later(4600)
    assert ipfs_house.sizes == [1, 6, 7, 8]
    caplog.clear()


async def test_a_log_that_is_full(ipfs_house: House, caplog: pytest.LogCaptureFixture):
    """What was anchored but not written is anchored again later; the fault is shown once."""
    ipfs_house.books.full = True
    await ipfs_house.commit(1)
    assert [error.trouble for error in ipfs_house.anchors.errors.values()] == [Trouble.INTERNAL]
    await ipfs_house.later(60)
    ipfs_house.books.full = False
    await ipfs_house.later(120)
    assert ipfs_house.sizes == [1]
    assert caplog.text.count("failed") == 1
    caplog.clear()


async def test_a_clock_that_was_set_back(ipfs_house: House):
    """It doesn't keep checkpoints from being anchored for years."""
    await ipfs_house.commit(1)
    ipfs_house.freezer.tick(timedelta(days=-400))
    await ipfs_house.commit(2)
    assert ipfs_house.sizes == [1, 2]


async def test_stopped_in_the_middle(ipfs_house: House, kubo: KuboServer):
    """What was under way is done after the next start; nothing is planned after the end."""
    kubo.gate = asyncio.Event()
    ipfs_house.books.commit(1)
    await until(lambda: kubo.asked)
    await ipfs_house.anchors.stop()
    ipfs_house.books.full = True
    kubo.gate.set()
    await ipfs_house.rest()
    asked = len(kubo.asked)
    await ipfs_house.later(4600)
    assert len(kubo.asked) == asked
    ipfs_house.books.full = False
    await ipfs_house.restart()
    await ipfs_house.rest()
    assert ipfs_house.sizes == [1]


@pytest.fixture
async def stellar_house(hass: HomeAssistant, freezer: FrozenDateTimeFactory, horizon: HorizonServer, key: Keypair):
    house = House(hass, freezer, stellar=Stellar(horizon.url, PASSPHRASE, key.public_key, anchor=True))
    await house.anchors.start()
    yield house
    await house.anchors.stop()


async def test_a_ledger_that_takes_its_time(stellar_house: House, horizon: HorizonServer, key: Keypair):
    """It is asked again soon; no second payment is made for a memo, and nothing is a trouble before long."""
    horizon.stuck = True
    await stellar_house.commit(1)
    for _ in range(3):
        await stellar_house.later(40)
    assert stellar_house.anchors.errors == {}
    assert stellar_house.books.log == []
    horizon.stuck = False
    await stellar_house.later(80)
    await stellar_house.later(80)
    assert stellar_house.sizes == [1]
    assert len(horizon.of(key.public_key)) == 2
    assert stellar_house.books.log[0].since is not None


async def test_a_ledger_that_takes_too_long(
    stellar_house: House, horizon: HorizonServer, key: Keypair, caplog: pytest.LogCaptureFixture
):
    horizon.stuck = True
    await stellar_house.commit(1)
    for _ in range(10):
        await stellar_house.later(900)
    assert [error.trouble for error in stellar_house.anchors.errors.values()] == [Trouble.UNREACHABLE]
    horizon.stuck = False
    for _ in range(3):
        await stellar_house.later(900)
    assert stellar_house.sizes == [1]
    assert len(horizon.of(key.public_key)) == 2
    caplog.clear()


@pytest.mark.parametrize(
    ("break_it", "trouble"),
    [
        (lambda horizon, _: setattr(horizon, "down", True), Trouble.UNREACHABLE),
        (lambda horizon, key: horizon.accounts.pop(key.public_key), Trouble.REFUSED),
        (lambda horizon, key: setattr(horizon.accounts[key.public_key], "sequence", (1 << 32) + 5), Trouble.UNCLEAR),
    ],
)
async def test_troubles_with_stellar(stellar_house: House, horizon, key, break_it, trouble, caplog):
    """Each is told by its name."""
    horizon.elder = 2
    break_it(horizon, key)
    await stellar_house.commit(1)
    assert [error.trouble for error in stellar_house.anchors.errors.values()] == [trouble]
    caplog.clear()


async def test_a_secret_key_that_is_missing(hass, freezer, horizon: HorizonServer, caplog, monkeypatch):
    """The house is told, and goes on; so it is where signed transactions can't be kept."""
    key = Keypair.random()
    horizon.fund(key)
    house = House(hass, freezer, stellar=Stellar(horizon.url, PASSPHRASE, key.public_key, anchor=True))
    await house.anchors.start()
    await house.commit(1)
    assert [error.trouble for error in house.anchors.errors.values()] == [Trouble.LIBRARY]
    from custom_components.steward.teller.anchors.keys import async_keys

    await async_keys(hass).async_keep(key.secret)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError))
        await house.later(120)
    assert [error.trouble for error in house.anchors.errors.values()] == [Trouble.INTERNAL]
    assert not horizon.transactions
    await house.later(300)
    assert house.sizes == [1]
    await house.anchors.stop()
    caplog.clear()
