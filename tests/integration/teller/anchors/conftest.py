"""A house with an account, and the servers that its checkpoints are anchored at."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from stellar_sdk import Keypair

from custom_components.steward.const import DOMAIN
from custom_components.steward.protocol.books.entries import Anchored, encode
from custom_components.steward.protocol.log.checkpoint import Checkpoint, SignedCheckpoint
from custom_components.steward.protocol.log.note import Note, Signer, sign_note
from custom_components.steward.protocol.log.tree import EMPTY_ROOT
from custom_components.steward.teller.anchors.keys import async_keys
from custom_components.steward.teller.anchors.wallet import Wallet, async_wallet
from tests.anchorage.authority import TimestampServer
from tests.anchorage.horizon import PASSPHRASE, HorizonServer
from tests.anchorage.kubo import KuboServer

ORIGIN = "example.org/books/1"
SIGNER = Signer(ORIGIN, bytes(32))


def signed(size: int, origin: str = ORIGIN) -> SignedCheckpoint:
    """Sign a checkpoint of some log."""
    checkpoint = Checkpoint(origin, size, size.to_bytes(32) if size else EMPTY_ROOT)
    return SignedCheckpoint(checkpoint, {}, Note.parse(sign_note(checkpoint.encode(), SIGNER)))


@pytest.fixture
async def kubo(socket_enabled: None) -> AsyncIterator[KuboServer]:
    async with KuboServer() as server:
        yield server


@pytest.fixture
async def horizon(socket_enabled: None) -> AsyncIterator[HorizonServer]:
    async with HorizonServer() as server:
        yield server


@pytest.fixture
async def authority(socket_enabled: None, tmp_path: Path) -> AsyncIterator[TimestampServer]:
    async with TimestampServer(tmp_path / "authority") as server:
        yield server


@pytest.fixture
async def key(hass: HomeAssistant, horizon: HorizonServer) -> Keypair:
    """An account whose secret key was entered."""
    key = Keypair.random()
    horizon.fund(key)
    assert await async_keys(hass).async_keep(key.secret) == key.public_key
    return key


@pytest.fixture
async def wallet(hass: HomeAssistant, horizon: HorizonServer, key: Keypair) -> Wallet:
    return async_wallet(hass, horizon.url, PASSPHRASE, key.public_key)


class Books:
    """What the anchors see of a teller: its settings, its last checkpoint, its log."""

    origin = ORIGIN

    def __init__(self, hass: HomeAssistant, **sections: Any) -> None:
        self.hass = hass
        self.entry = MockConfigEntry(domain=DOMAIN)
        self.entry.add_to_hass(hass)
        self.settings = SimpleNamespace(
            **{"entry_id": "entry", "ipfs": None, "stellar": None, "rfc3161": None} | sections
        )
        self.storage = self
        self.checkpoint: SignedCheckpoint | None = None
        self.log: list[Anchored] = []
        self.full = False
        self.listeners: set[Callable[[], None]] = set()

    def commit(self, size: int) -> None:
        self.checkpoint = signed(size)
        self.changed()

    async def async_append(self, *entries: Anchored) -> int | None:
        for entry in entries:
            encode(entry)  # raises what can't be written
        if self.full:
            raise OSError
        self.log += entries
        return len(self.log) - len(entries)

    async def async_run(self, target: Callable[..., Any], *args: Any) -> Any:
        return await self.hass.async_add_executor_job(target, *args)

    def entries(self, start: int, stop: int) -> list[bytes]:
        return [b"entry %d" % number for number in range(start, stop)]

    def listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        self.listeners.add(listener)
        return lambda: self.listeners.discard(listener)

    def changed(self) -> None:
        for listener in tuple(self.listeners):
            listener()
