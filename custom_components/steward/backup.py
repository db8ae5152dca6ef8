"""Marks logs while Home Assistant makes a backup, so that one that is restored from it does not sign anything twice differently.

The logs of all entries are marked, also of those that are switched off: by their folders, below `steward/` in the configuration.
"""

from collections.abc import Callable
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .log.marker import log_folders, remove_marker, write_marker


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Mark the logs; without their marks no backup is made.

    Raises:
        HomeAssistantError: a mark can't be written.
    """
    await _async_each(hass, write_marker, "backup_mark_not_written")


async def async_post_backup(hass: HomeAssistant) -> None:
    """Take the marks away, also after a backup that failed.

    Raises:
        HomeAssistantError: a mark can't be removed.
    """
    await _async_each(hass, remove_marker, "backup_mark_not_removed")


async def _async_each(hass: HomeAssistant, change: Callable[[Path], None], fault: str) -> None:
    def change_all() -> None:
        faults: list[tuple[Path, OSError]] = []
        for folder in log_folders(Path(hass.config.path(DOMAIN))):
            try:
                change(folder)
            except OSError as error:
                faults.append((folder, error))
        if faults:  # each folder was tried
            folder, cause = faults[0]
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key=fault,
                translation_placeholders={"folder": str(folder), "error": cause.strerror or str(cause)},
            ) from cause

    await hass.async_add_executor_job(change_all)
