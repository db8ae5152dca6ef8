"""The rulebooks that nodes keep: published when they change, with a version that grows over restarts and restored backups."""

from hashlib import sha256
from typing import Final, TypedDict

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..protocol.node import Leaf, topic
from ..protocol.rules import Rulebook
from .say import async_say

VERSION: Final = 1
SAVE_SECONDS: Final = 5


class _Edition(TypedDict):
    """The latest rulebook of a node: its version, and the digest of all but that."""

    version: int
    digest: str


class Shelf:
    """What each node was told last."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin without any; `async_load` brings what was published before."""
        self._hass = hass
        self._store: Store[dict[str, _Edition]] = Store(hass, VERSION, f"{DOMAIN}.rulebooks")
        self._editions: dict[str, _Edition] = {}
        self._published: dict[str, tuple[str, tuple[bytes, ...]]] = {}
        self._payloads: dict[str, bytes] = {}

    async def async_load(self) -> None:
        """Read what was published before the restart."""
        self._editions = await self._store.async_load() or {}

    def version(self, node: str) -> int | None:
        """Return the version of a node's rulebook; None where it never had one."""
        edition = self._editions.get(node)
        return edition["version"] if edition else None

    async def async_put(self, node: str, zone: str, rules: tuple[bytes, ...]) -> None:
        """Give a node its rules, each as its JSON, if it doesn't have them already."""
        if self._published.get(node) == (zone, rules):
            return
        joined = b",".join(rules)
        digest = sha256(zone.encode() + joined).hexdigest()
        edition = self._editions.get(node)
        if edition is None or edition["digest"] != digest:
            # A backup that is restored brings an older version; the clock doesn't.
            version = max(edition["version"] + 1 if edition else 0, int(dt_util.utcnow().timestamp() * 1000))
            edition = self._editions[node] = {"version": version, "digest": digest}
            self._store.async_delay_save(lambda: self._editions, SAVE_SECONDS)
        # The rules were read back one by one when they were compiled: to do it again with all of them would take long.
        envelope = Rulebook(edition["version"], zone).encode()
        self._payloads[node] = envelope.removesuffix(b"]}") + joined + b"]}"
        self._published[node] = zone, rules
        await self._async_say(node)

    def put_again(self, node: str) -> None:
        """Give a node its rulebook once more with the next change: what it has may have been cleared."""
        self._published.pop(node, None)

    async def async_repeat(self) -> None:
        """Give all nodes their rulebooks again: the broker may have been without a connection, or may be another one."""
        for node in [*self._payloads]:
            await self._async_say(node)

    async def async_remove(self, node: str) -> None:
        """Take a node's rulebook off the broker."""
        self._published.pop(node, None)
        self._payloads.pop(node, None)
        if self._editions.pop(node, None):
            self._store.async_delay_save(lambda: self._editions, SAVE_SECONDS)
        await async_say(self._hass, topic(node, Leaf.RULES), b"", retain=True)

    async def _async_say(self, node: str) -> None:
        await async_say(self._hass, topic(node, Leaf.RULES), self._payloads[node], retain=True)
