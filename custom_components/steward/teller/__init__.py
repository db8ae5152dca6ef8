"""Tellers: config entries of the kind `teller`, one per project."""

from functools import partial
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from .anchors.keys import async_keys
from .anchors.scheduler import Memory
from .books import mark_of
from .data import CONF_ACCOUNT, CONF_PAY, CONF_STELLAR, parse_settings
from .entity import device_id, register_device
from .issues import async_clear_all
from .pay.payback import remove as remove_payback
from .signing import SigningKey
from .snapshot import snapshot_of
from .teller import Teller, TellerConfigEntry
from .views import async_serve_teller

PLATFORMS = [Platform.BINARY_SENSOR, Platform.BUTTON, Platform.SENSOR]


async def async_setup(hass: HomeAssistant, entry: TellerConfigEntry) -> None:
    """Open a project's books, make its entities, then begin to meter.

    Raises:
        ConfigEntryNotReady: the books can't be opened.
    """
    teller = Teller(hass, entry)
    await teller.async_open()
    entry.runtime_data = teller
    register_device(teller)
    try:
        await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
        await teller.async_start()
    except BaseException:
        await teller.async_abandon()
        raise
    entry.async_on_unload(async_serve_teller(hass, teller))
    entry.async_on_unload(entry.add_update_listener(_async_reload))


async def async_unload(hass: HomeAssistant, entry: TellerConfigEntry) -> bool:
    """Shut down, and close the books."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await entry.runtime_data.async_close()
    return True


async def async_remove(hass: HomeAssistant, entry: TellerConfigEntry) -> None:
    """Clean up after a teller that the user removed.

    The books stay: they are evidence, and belong to those who are owed as much as to who removes them. The key goes, so that nobody
    can write on under its name.
    """
    async_clear_all(hass, entry)
    await SigningKey(hass, entry.entry_id).async_remove()
    await Memory(hass, entry.entry_id).remove()
    for beside in (mark_of(hass, entry.entry_id), snapshot_of(hass, entry.entry_id)):
        await hass.async_add_executor_job(partial(beside.unlink, missing_ok=True))
    await hass.async_add_executor_job(remove_payback, hass.config.path(), entry.entry_id)
    kept = {account for other in hass.config_entries.async_entries(DOMAIN) for account in _accounts(other)}
    for account in _accounts(entry) - kept:
        await async_keys(hass).async_forget(account)


def _accounts(entry: ConfigEntry[Any]) -> set[str]:
    """Return the Stellar accounts that an entry signs for."""
    sections = (entry.data.get(name) or {} for name in (CONF_STELLAR, CONF_PAY))
    return {account for section in sections if (account := section.get(CONF_ACCOUNT))}


def devices(entry: TellerConfigEntry) -> set[tuple[str, str]]:
    """Return what the devices that a teller has are registered under."""
    sources = parse_settings(entry).sources
    return {device_id(entry.entry_id), *(device_id(entry.entry_id, source) for source in sources)}


async def _async_reload(hass: HomeAssistant, entry: TellerConfigEntry) -> None:
    """Begin again with what was changed."""
    await hass.config_entries.async_reload(entry.entry_id)
