"""Home Assistant's backups have a marker in each log, and only they."""
# ruff: noqa: ASYNC240

from io import BytesIO
from pathlib import Path
import tarfile
from typing import Any

from homeassistant.components.backup import DATA_MANAGER
from homeassistant.components.backup.manager import BackupManagerError
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest

from custom_components.steward.backup import async_post_backup, async_pre_backup
from custom_components.steward.log.generations import Cause, Generations
from custom_components.steward.log.marker import write_marker

BASE = "example.com/teller/1"
KEY = bytes(32)


def opened(root: Path) -> Generations:
    return Generations.open(root, BASE, KEY, lambda previous: previous.cause.encode())


@pytest.fixture
def root(hass: HomeAssistant) -> Path:
    root = Path(hass.config.path("steward", "teller", "abc"))
    with opened(root) as generations:
        generations.storage.append([b"x"])
        generations.storage.sign()
    return root


async def test_a_backup_that_is_made_and_restored(
    hass: HomeAssistant, root: Path, mqtt_mock: Any, tmp_path: Path
) -> None:
    """Home Assistant finds the hooks, calls them, and the log that comes out of the archive knows where it comes from."""
    assert await async_setup_component(hass, "backup", {})
    assert await async_setup_component(hass, "steward", {})
    await hass.async_block_till_done()
    manager = hass.data[DATA_MANAGER]
    await manager.async_create_backup(
        agent_ids=["backup.local"],
        include_addons=None,
        include_all_addons=False,
        include_database=False,
        include_folders=None,
        include_homeassistant=True,
        name="test",
        password=None,
    )
    await hass.async_block_till_done()
    assert {path.name for path in root.iterdir()} == {"1", "lock"}
    with opened(root) as generations:
        assert generations.begun is None

    backup = next(Path(hass.config.path("backups")).glob("*.tar"))
    with tarfile.open(backup) as outer:
        inner = outer.extractfile(next(name for name in outer.getnames() if "homeassistant" in name))
        assert inner is not None
        with tarfile.open(fileobj=BytesIO(inner.read())) as archive:
            archive.extractall(tmp_path / "restored", filter="data")
    with opened(tmp_path / "restored/data/steward/teller/abc") as generations:
        assert generations.begun is not None
        assert generations.begun.cause is Cause.RESTORED
        assert generations.number == 2


async def test_no_backup_without_marks(
    hass: HomeAssistant, root: Path, monkeypatch: pytest.MonkeyPatch, mqtt_mock: Any
) -> None:
    assert await async_setup_component(hass, "steward", {})
    other = Path(hass.config.path("steward", "teller", "other"))
    with opened(other):
        pass

    def full(folder: Path) -> None:
        if folder == root:
            raise OSError(28, "No space left on device")
        write_marker(folder)

    monkeypatch.setattr("custom_components.steward.backup.write_marker", full)
    with pytest.raises(HomeAssistantError) as raised:
        await async_pre_backup(hass)
    assert raised.value.translation_placeholders == {"folder": str(root), "error": "No space left on device"}
    assert (other / "backup").exists()
    await async_post_backup(hass)
    assert not (other / "backup").exists()

    assert await async_setup_component(hass, "backup", {})
    await hass.async_block_till_done()
    with pytest.raises(BackupManagerError, match="No backup was made"):
        await hass.data[DATA_MANAGER].async_pre_backup_actions()


async def test_nothing_to_mark(hass: HomeAssistant) -> None:
    await async_pre_backup(hass)
    await async_post_backup(hass)
    assert not Path(hass.config.path("steward")).exists()
