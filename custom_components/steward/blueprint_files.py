"""Installs the blueprints that travel with the integration, and never touches one that the user changed.

Home Assistant loads blueprints only from its configuration folder. Ours are copied there as they are, byte for byte, since its own
`async_add_blueprint` writes the YAML anew and loses the comments. The SHA-256 of everything that was ever installed is kept: a file
with one of these is ours to update, any other is the user's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from homeassistant.components.automation.const import DOMAIN as AUTOMATION_DOMAIN
from homeassistant.const import SERVICE_RELOAD
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError, write_utf8_file_atomic
from homeassistant.util.json import JsonObjectType

from .const import DOMAIN

BUNDLE: Final = Path(__file__).parent / "blueprints" / AUTOMATION_DOMAIN / DOMAIN
STORAGE_KEY: Final = f"{DOMAIN}.blueprints"
STORAGE_VERSION: Final = 1


class Result(StrEnum):
    """What became of a blueprint."""

    INSTALLED = "installed"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class Reason(StrEnum):
    """Why a file was kept as it is."""

    CHANGED = "changed"
    """Its content is none that was ever installed: it is the user's."""
    NOT_A_FILE = "not_a_file"
    """A folder, a link or something else has the blueprint's name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a blueprint, and why, where it was kept."""

    result: Result
    reason: Reason | None = None

    @property
    def written(self) -> bool:
        """Whether there is a new file now."""
        return self.result in {Result.INSTALLED, Result.UPDATED}

    def as_dict(self) -> JsonObjectType:
        """Return what an action answers."""
        if self.reason is None:
            return {"result": self.result.value}
        return {"result": self.result.value, "reason": self.reason.value}


async def async_install_blueprints(hass: HomeAssistant, context: Context) -> dict[str, Outcome]:
    """Install or update the bundled blueprints, and let automations use them at once.

    Returns:
        What became of each, by its path as automations name it, such as `steward/lights_off.yaml`.

    Raises:
        HomeAssistantError: the folder leads elsewhere, or a file can't be read or written; those before it are installed.
    """
    bundle = await hass.async_add_executor_job(_read_bundle)
    hashes = await _async_remember(hass, bundle)
    blueprints = Path(hass.config.path("blueprints"))
    folder = blueprints / AUTOMATION_DOMAIN / DOMAIN
    await hass.async_add_executor_job(_check_inside, folder, blueprints)
    outcomes: dict[str, Outcome] = {}
    try:
        for name, content in bundle.items():
            outcomes[f"{DOMAIN}/{name}"] = await hass.async_add_executor_job(
                _install, folder / name, content, hashes[name]
            )
    finally:
        written = any(outcome.written for outcome in outcomes.values())
        if written and hass.services.has_service(AUTOMATION_DOMAIN, SERVICE_RELOAD):
            # This resets the cache of blueprints, and begins only those automations anew that a blueprint made otherwise, or
            # that lacked one.
            await hass.services.async_call(AUTOMATION_DOMAIN, SERVICE_RELOAD, blocking=True, context=context)
    return outcomes


async def _async_remember(hass: HomeAssistant, bundle: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Return the hashes of all that was ever installed, by file name, with those of the bundle.

    They are on disk before a file is written: after a power cut no file of ours looks like the user's.
    """
    store = Store[dict[str, list[str]]](hass, STORAGE_VERSION, STORAGE_KEY)
    known = await store.async_load() or {}
    hashes = {**known, **{name: sorted({*known.get(name, ()), _hash(content)}) for name, content in bundle.items()}}
    if hashes != known:
        await store.async_save(hashes)
    return hashes


def _read_bundle() -> dict[str, bytes]:
    """Return the bundled blueprints by file name."""
    return {path.name: path.read_bytes() for path in sorted(BUNDLE.glob("*.yaml"))}


def _check_inside(folder: Path, blueprints: Path) -> None:
    """Refuse a folder that a link leads out of the user's blueprints.

    Raises:
        HomeAssistantError: it lies outside.
    """
    if not folder.resolve().is_relative_to(blueprints.resolve()):
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="blueprint_folder_outside",
            translation_placeholders={"folder": str(folder)},
        )


def _install(path: Path, content: bytes, ours: list[str]) -> Outcome:
    """Write one blueprint, unless the file there is the user's; `ours` are the hashes of all that we ever wrote there.

    Raises:
        HomeAssistantError: it can't be read or written.
    """
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            return Outcome(Result.KEPT, Reason.NOT_A_FILE)
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            result = Result.INSTALLED
        else:
            if found == content:
                return Outcome(Result.UNCHANGED)
            if _hash(found) not in ours:
                return Outcome(Result.KEPT, Reason.CHANGED)
            result = Result.UPDATED
        write_utf8_file_atomic(str(path), content, mode="wb")
    except (OSError, WriteError) as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="blueprint_not_installed",
            translation_placeholders={"blueprint": path.name, "folder": str(path.parent), "error": str(error)},
        ) from error
    return Outcome(result)


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()
