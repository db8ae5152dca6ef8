"""The action that installs the blueprints: what it writes, what it leaves alone, and what it answers."""

# ruff: noqa: ASYNC240  # a test's own few files may block

from hashlib import sha256
import json
from pathlib import Path
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events

from custom_components.steward import blueprint_files
from custom_components.steward.const import DOMAIN
from custom_components.steward.services import async_setup_services

EVENT_TO_ACTION = "steward/event_to_action.yaml"
LIGHTS_OFF = "steward/lights_off.yaml"
ALL = [f"steward/{path.name}" for path in blueprint_files.BUNDLE.glob("*.yaml")]
OLD = b"""\
blueprint:
  name: Lights off
  domain: automation
# Comments stay as well.
triggers:
  - trigger: event
    event_type: old_version
actions:
  - event: turned_off
"""


@pytest.fixture(autouse=True)
async def _actions(hass: HomeAssistant) -> None:
    async_setup_services(hass)


@pytest.fixture
def folder(hass_config_dir: str) -> Path:
    return Path(hass_config_dir) / "blueprints" / "automation"


async def install(hass: HomeAssistant, context: Context | None = None) -> dict[str, Any]:
    answer = await hass.services.async_call(
        DOMAIN, "install_blueprints", blocking=True, return_response=True, context=context
    )
    return answer["blueprints"]


def all_are(result: str) -> dict[str, dict[str, str]]:
    return {path: {"result": result} for path in ALL}


async def automate(hass: HomeAssistant, automations: list[dict[str, Any]]) -> None:
    """Set the automations up, and have them where Home Assistant reads them when it reloads."""
    config = {"automation": automations}
    Path(hass.config.path("configuration.yaml")).write_text(json.dumps(config))
    assert await async_setup_component(hass, "automation", config)


def bundled(path: str) -> bytes:
    return (blueprint_files.BUNDLE.parent / path).read_bytes()


async def test_into_a_fresh_home(hass: HomeAssistant, folder: Path) -> None:
    assert await install(hass) == all_are("installed")
    found = {str(path.relative_to(folder)): path.read_bytes() for path in (folder / DOMAIN).iterdir()}
    assert found == {path: bundled(path) for path in ALL}


async def test_all_that_is_bundled(hass: HomeAssistant) -> None:
    root = Path(__file__).parents[2] / "blueprints" / "automation"
    assert set(await install(hass)) == {str(path.relative_to(root)) for path in root.rglob("*.yaml")}


async def test_without_an_answer(hass: HomeAssistant, folder: Path) -> None:
    await hass.services.async_call(DOMAIN, "install_blueprints", blocking=True)
    assert (folder / LIGHTS_OFF).exists()


async def test_again_changes_nothing(hass: HomeAssistant, folder: Path) -> None:
    await install(hass)
    before = (folder / LIGHTS_OFF).stat()
    assert await install(hass) == all_are("unchanged")
    assert (folder / LIGHTS_OFF).stat().st_ino == before.st_ino


async def test_a_file_that_the_user_deleted_is_installed_again(hass: HomeAssistant, folder: Path) -> None:
    await install(hass)
    (folder / LIGHTS_OFF).unlink()
    assert (await install(hass))[LIGHTS_OFF] == {"result": "installed"}
    assert (folder / LIGHTS_OFF).read_bytes() == bundled(LIGHTS_OFF)


async def test_a_file_that_the_user_changed_is_kept(hass: HomeAssistant, folder: Path) -> None:
    await install(hass)
    mine = bundled(LIGHTS_OFF) + b"# mine\n"
    (folder / LIGHTS_OFF).write_bytes(mine)
    unchanged = all_are("unchanged")
    assert await install(hass) == {**unchanged, LIGHTS_OFF: {"result": "kept", "reason": "changed"}}
    assert (folder / LIGHTS_OFF).read_bytes() == mine


async def test_a_file_that_was_there_before_us_is_kept(hass: HomeAssistant, folder: Path) -> None:
    (folder / DOMAIN).mkdir(parents=True)
    (folder / LIGHTS_OFF).write_bytes(OLD)
    assert (await install(hass))[LIGHTS_OFF] == {"result": "kept", "reason": "changed"}
    assert (await install(hass))[LIGHTS_OFF] == {"result": "kept", "reason": "changed"}
    assert (folder / LIGHTS_OFF).read_bytes() == OLD


@pytest.fixture
def old_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of an earlier version of the integration."""
    bundle = tmp_path_factory.mktemp("bundle")
    (bundle / "lights_off.yaml").write_bytes(OLD)
    return bundle


async def test_what_an_earlier_version_installed_is_updated(
    hass: HomeAssistant, folder: Path, old_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(blueprint_files, "BUNDLE", old_bundle)
        assert await install(hass) == {LIGHTS_OFF: {"result": "installed"}}
    assert (await install(hass))[LIGHTS_OFF] == {"result": "updated"}
    assert (folder / LIGHTS_OFF).read_bytes() == bundled(LIGHTS_OFF)
    # A backup brings the old one back: it is still known as ours.
    (folder / LIGHTS_OFF).write_bytes(OLD)
    assert (await install(hass))[LIGHTS_OFF] == {"result": "updated"}


async def test_an_update_takes_effect_at_once(
    hass: HomeAssistant, folder: Path, old_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = OLD.replace(b"old_version", b"new_version")
    turned_off = async_capture_events(hass, "turned_off")
    monkeypatch.setattr(blueprint_files, "BUNDLE", old_bundle)
    await install(hass)
    await automate(hass, [{"id": "off", "alias": "Off", "use_blueprint": {"path": LIGHTS_OFF, "input": {}}}])
    (old_bundle / "lights_off.yaml").write_bytes(new)
    assert await install(hass) == {LIGHTS_OFF: {"result": "updated"}}
    assert (folder / LIGHTS_OFF).read_bytes() == new
    hass.bus.async_fire("old_version")
    await hass.async_block_till_done()
    assert len(turned_off) == 0
    hass.bus.async_fire("new_version")
    await hass.async_block_till_done()
    assert len(turned_off) == 1


async def test_an_automation_that_lacked_its_blueprint_works_at_once(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    await automate(hass, [{"id": "off", "alias": "Off", "use_blueprint": {"path": LIGHTS_OFF, "input": {}}}])
    assert hass.states.get("automation.off").state == "unavailable"
    assert "Unable to find steward/lights_off.yaml" in caplog.text
    caplog.clear()
    await install(hass)
    assert hass.states.get("automation.off").state == "on"
    assert not [issue for issue in ir.async_get(hass).issues.values() if issue.domain == "automation"]


async def test_what_is_no_file_is_kept(hass: HomeAssistant, folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.yaml"
    theirs.write_bytes(OLD)
    (folder / LIGHTS_OFF).parent.mkdir(parents=True)
    (folder / LIGHTS_OFF).symlink_to(theirs)
    (folder / EVENT_TO_ACTION).mkdir()
    kept = {"result": "kept", "reason": "not_a_file"}
    installed = all_are("installed")
    assert await install(hass) == {**installed, EVENT_TO_ACTION: kept, LIGHTS_OFF: kept}
    assert theirs.read_bytes() == OLD
    assert (folder / LIGHTS_OFF).is_symlink()


async def test_a_folder_that_leads_elsewhere_is_refused(
    hass: HomeAssistant, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    folder.mkdir(parents=True)
    (folder / DOMAIN).symlink_to(elsewhere)
    with pytest.raises(HomeAssistantError) as refused:
        await install(hass)
    assert refused.value.translation_key == "blueprint_folder_outside"
    assert refused.value.translation_placeholders == {"folder": str(folder / DOMAIN)}
    assert not list(elsewhere.iterdir())


async def test_blueprints_that_are_kept_elsewhere_as_a_whole(
    hass: HomeAssistant, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    folder.parent.symlink_to(elsewhere)
    assert (await install(hass))[LIGHTS_OFF] == {"result": "installed"}
    assert (elsewhere / "automation" / LIGHTS_OFF).read_bytes() == bundled(LIGHTS_OFF)


async def test_a_folder_that_cannot_be_used(hass: HomeAssistant, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / DOMAIN).write_text("a file where the folder should be")
    with pytest.raises(HomeAssistantError) as failed:
        await install(hass)
    assert failed.value.translation_domain == DOMAIN
    assert failed.value.translation_key == "blueprint_not_installed"
    assert failed.value.translation_placeholders["blueprint"] == "baby_monitor.yaml"
    assert failed.value.translation_placeholders["folder"] == str(folder / DOMAIN)


async def test_what_comes_before_a_failure_is_in_use(
    hass: HomeAssistant, folder: Path, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    await automate(hass, [])
    reloaded = async_capture_events(hass, "automation_reloaded")
    write = blueprint_files.write_utf8_file_atomic

    def no_space_for_lights_off(filename: str, data: bytes, mode: str) -> None:
        if filename.endswith("lights_off.yaml"):
            raise blueprint_files.WriteError(OSError(28, "No space left on device"))
        write(filename, data, mode=mode)

    with monkeypatch.context() as full_disk:
        full_disk.setattr(blueprint_files, "write_utf8_file_atomic", no_space_for_lights_off)
        with pytest.raises(HomeAssistantError) as failed:
            await install(hass)
    assert "No space left on device" in failed.value.translation_placeholders["error"]
    assert (folder / EVENT_TO_ACTION).exists()
    assert not (folder / LIGHTS_OFF).exists()
    assert len(reloaded) == 1
    # Had the power gone after the write and not before it, the file would still be known as ours.
    ours = hass_storage["steward.blueprints"]["data"]["lights_off.yaml"]
    assert ours == [sha256(bundled(LIGHTS_OFF)).hexdigest()]


async def test_only_for_administrators(hass: HomeAssistant, folder: Path, hass_read_only_user: MockUser) -> None:
    with pytest.raises(Unauthorized):
        await install(hass, Context(user_id=hass_read_only_user.id))
    assert not (folder / DOMAIN).exists()
