"""The key that a teller signs its checkpoints with: made once, in a private file of Home Assistant's storage."""

from secrets import token_bytes
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from ..const import DOMAIN

VERSION: Final = 1
KEY_BYTES: Final = 32


class SigningKey:
    """One teller's Ed25519 private key."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin; the file is read when it is needed."""
        self._store: Store[dict[str, str]] = Store(
            hass, VERSION, f"{DOMAIN}.teller_{entry_id}", private=True, atomic_writes=True
        )

    async def async_get(self) -> bytes:
        """Return the key, made and on disk if there was none."""
        if kept := await self._store.async_load():
            return bytes.fromhex(kept["key"])
        key = token_bytes(KEY_BYTES)
        await self._store.async_save({"key": key.hex()})
        return key

    async def async_remove(self) -> None:
        """Destroy it: nothing can be signed for this log any more."""
        await self._store.async_remove()
