"""What holds for every blueprint, and the examples of the docs."""

from pathlib import Path
import re
from typing import Any
from urllib.parse import quote

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint import BLUEPRINT_SCHEMA, Blueprint
from homeassistant.core import HomeAssistant
from homeassistant.util import yaml as yaml_util
import pytest

from .conftest import Automate

ROOT = Path(__file__).parents[3]
BLUEPRINTS = ROOT / "blueprints" / "automation" / "steward"
PATHS = sorted(BLUEPRINTS.glob("*.yaml"))
DOCS = (ROOT / "docs" / "blueprints.md").read_text(encoding="utf-8")
EXAMPLES = [yaml_util.parse_yaml(text) for text in re.findall(r"^```yaml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)]
ONLY_THE_HUB = {"movie_night", "scale_low", "teller"}


def triggers(found: Any) -> list[dict[str, Any]]:
    """Return all triggers within a part of an automation, those that it waits for too."""
    if isinstance(found, list):
        return [trigger for each in found for trigger in triggers(each)]
    if not isinstance(found, dict):
        return []
    own = [found] if isinstance(found.get("trigger"), str) else []
    return own + [trigger for each in found.values() for trigger in triggers(each)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_home_assistant_can_import_it(path: Path) -> None:
    data = yaml_util.load_yaml_dict(path)
    source = f"https://github.com/steward-house/steward/blob/main/blueprints/automation/steward/{path.name}"
    about = BLUEPRINT_SCHEMA(data)["blueprint"]
    assert (about["source_url"], about["homeassistant"]) == (source, {"min_version": "2026.10.0"})
    blueprint = Blueprint(
        data, path=f"steward/{path.name}", expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA
    )
    assert blueprint.validate() is None


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_input_is_used_and_explains_itself(path: Path) -> None:
    data = yaml_util.load_yaml_dict(path)
    blueprint = Blueprint(data, expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA)
    assert yaml_util.extract_inputs(data) == set(blueprint.inputs)
    for section in data["blueprint"]["input"].values():
        assert section["name"]
        assert section["icon"].startswith("mdi:")
        assert all(each["name"] and each["selector"] for each in section["input"].values())
        assert not section.get("collapsed") or all("default" in each for each in section["input"].values())


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_a_node_can_do_is_kept_running(path: Path) -> None:
    data = yaml_util.load_yaml_dict(path)
    last = list(data["blueprint"]["input"].values())[-1]["input"]
    variables = data.get("variables", {})
    if path.stem in ONLY_THE_HUB:
        assert "keep_running" not in yaml_util.extract_inputs(data)
        assert "steward_keep_running" not in variables
        assert "Home Assistant" in data["blueprint"]["description"]
    else:
        assert list(last) == ["keep_running"]
        assert (last["keep_running"]["default"], last["keep_running"]["selector"]) == (True, {"boolean": None})
        assert variables["steward_keep_running"] == yaml_util.Input("keep_running")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_state_of_an_event_entity_triggers_it(path: Path) -> None:
    data = yaml_util.load_yaml_dict(path)
    inputs = {
        name: about for section in data["blueprint"]["input"].values() for name, about in section["input"].items()
    }
    for trigger in triggers(data):
        if "entity_id" in trigger:
            chosen = inputs[trigger["entity_id"].name]["selector"]["entity"]["filter"]
            assert "event" not in {each["domain"] for each in chosen}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_docs_link_to_it_and_explain_its_inputs(path: Path) -> None:
    data = yaml_util.load_yaml_dict(path)
    source = quote(data["blueprint"]["source_url"], safe="")
    assert f"(https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={source})" in DOCS
    assert {name for name in yaml_util.extract_inputs(data) if f"`{name}`" not in DOCS} == set()


@pytest.mark.usefixtures("nursery")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["alias"])
async def test_an_example_of_the_docs(
    hass: HomeAssistant, automate: Automate, caplog: pytest.LogCaptureFixture, example: dict[str, Any]
) -> None:
    use = example["use_blueprint"]
    caplog.clear()
    await automate(Path(use["path"]).stem, **use["input"])
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert hass.states.get("automation.under_test").attributes["mode"]
    data = yaml_util.load_yaml_dict(BLUEPRINTS.parent / use["path"])
    assert set(use["input"]) <= yaml_util.extract_inputs(data)


def test_the_docs_have_examples_of_each() -> None:
    assert {example["use_blueprint"]["path"] for example in EXAMPLES} == {f"steward/{path.name}" for path in PATHS}
