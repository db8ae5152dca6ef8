"""Anchors: places outside the house that a checkpoint is published to, so that what was committed has a date that the house can't choose."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ...protocol.books.entries import Anchored, AnchorKind
from ...protocol.log.tiles import encode_bundle
from .ipfs import BUNDLE, IpfsAnchor, Kubo
from .job import Anchor, AnchorError
from .scheduler import Memory, Runner
from .stellar import StellarAnchor
from .timestamp import TimestampAnchor
from .wallet import async_wallet

if TYPE_CHECKING:
    from ..teller import Teller


class Anchors:
    """The anchors of one teller, each at work by itself."""

    def __init__(self, teller: Teller) -> None:
        """Take the teller; nothing is read or sent yet."""
        self._teller = teller
        self._memory = Memory(teller.hass, teller.settings.entry_id)
        self._runners: list[Runner] = []
        self._unlisten: CALLBACK_TYPE | None = None

    @property
    def last(self) -> Anchored | None:
        """What was anchored last since the start, wherever."""
        return max(
            (runner.last for runner in self._runners if runner.last), key=lambda anchored: anchored.at, default=None
        )

    @property
    def errors(self) -> dict[AnchorKind, AnchorError]:
        """What keeps anchors from working, now."""
        return {runner.kind: runner.trouble for runner in self._runners if runner.trouble}

    async def start(self) -> None:
        """Begin with what was left to do, and look for new checkpoints from now on."""
        await self._memory.load()
        self._runners = [
            Runner(
                self._teller.hass,
                anchor,
                self._memory,
                write=self._teller.async_append,
                changed=self._teller.changed,
                spawn=self._spawn,
            )
            for anchor in self._anchors()
        ]
        self._unlisten = self._teller.listen(self._look)
        self._look()

    async def stop(self) -> None:
        """End; what is under way is begun again after the next start."""
        if self._unlisten:
            self._unlisten()
        for runner in self._runners:
            runner.stop()

    async def remove(self) -> None:
        """Remove what is kept, when the teller is removed."""
        await self._memory.remove()

    def as_dict(self) -> dict[str, Any]:
        """Return what diagnostics show."""
        return {runner.kind.value: runner.as_dict() for runner in self._runners}

    def _anchors(self) -> list[Anchor]:
        """Return what the settings ask for."""
        hass, settings = self._teller.hass, self._teller.settings
        session = async_get_clientsession(hass)
        anchors: list[Anchor] = []
        if ipfs := settings.ipfs:
            read_bundle = self._read_bundle if ipfs.share_entries else None
            anchors.append(IpfsAnchor(Kubo(session, ipfs.url), read_bundle, self._memory.shared))
        if (stellar := settings.stellar) and stellar.anchor and stellar.account:
            anchors.append(StellarAnchor(async_wallet(hass, stellar.horizon, stellar.passphrase, stellar.account)))
        if rfc3161 := settings.rfc3161:
            anchors.append(TimestampAnchor(hass, session, rfc3161.url))
        return anchors

    @callback
    def _look(self) -> None:
        """Tell the runners of the checkpoint that was signed last."""
        if checkpoint := self._teller.checkpoint:
            for runner in self._runners:
                runner.committed(checkpoint)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._teller.entry.async_create_background_task(self._teller.hass, work, "Anchoring a checkpoint")

    async def _read_bundle(self, origin: str, number: int) -> bytes | None:
        """Read a full bundle of the current generation's log; None for another's."""
        storage = self._teller.storage
        if storage.origin != origin:
            return None
        entries: Callable[[], list[bytes]] = partial(_bundle, storage.entries, number * BUNDLE)
        return encode_bundle(await self._teller.async_run(entries))


def _bundle(entries: Callable[[int, int], Any], start: int) -> list[bytes]:
    return list(entries(start, start + BUNDLE))
