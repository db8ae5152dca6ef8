"""Secret keys of Stellar accounts: in a private file of their own, never in config entries, diagnostics or logs."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.storage import Store

from ...const import DOMAIN
from ...libraries import async_library

VERSION: Final = 1


class InvalidSecretError(Exception):
    """What was entered is no secret key of a Stellar account."""


class Keys:
    """The secret keys (`S…`) by their accounts (`G…`)."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin; the file is read when it is needed."""
        self._hass = hass
        self._store: Store[dict[str, str]] = Store(
            hass, VERSION, f"{DOMAIN}.stellar_keys", private=True, atomic_writes=True
        )
        self._keys: dict[str, str] | None = None

    async def async_keep(self, secret: str) -> str:
        """Keep a secret key and return its account.

        Raises:
            InvalidSecretError: it is none.
            HomeAssistantError: stellar-sdk can't be installed.
        """
        sdk = await async_library(self._hass, "stellar_sdk")
        secret = secret.strip()
        try:
            account: str = sdk.Keypair.from_secret(secret).public_key
        except (ValueError, sdk.exceptions.SdkError) as error:
            raise InvalidSecretError from error
        keys = await self._load()
        keys[account] = secret
        await self._store.async_save(keys)
        return account

    async def async_get(self, account: str) -> str | None:
        """Return an account's secret key."""
        return (await self._load()).get(account)

    async def async_forget(self, account: str) -> None:
        """Forget an account's secret key, for example when the last entry that uses it is removed."""
        keys = await self._load()
        if keys.pop(account, None):
            await self._store.async_save(keys)

    async def _load(self) -> dict[str, str]:
        if self._keys is None:
            loaded = await self._store.async_load() or {}
            if self._keys is None:  # another call may have been faster
                self._keys = loaded
        return self._keys


@callback
@singleton(f"{DOMAIN}_stellar_keys")
def async_keys(hass: HomeAssistant) -> Keys:
    """Return the keys of this Home Assistant."""
    return Keys(hass)
