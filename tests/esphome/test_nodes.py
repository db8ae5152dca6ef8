"""Each node's file is valid as a user would have it: with the example's secrets, and generated up to the compiler's door."""

from collections.abc import Iterator
from pathlib import Path
import shutil
from typing import Any, Final

import pytest
import yaml

from .firmware import ROOT, esphome

FOLDER: Final = ROOT / "esphome_yaml"
NODES: Final = sorted(path.name for path in FOLDER.glob("*.yaml"))
REBOOTS: Final = {"api", "mqtt"}


class Loader(yaml.SafeLoader):
    """Reads what ESPHome prints: its tags are of no interest."""


Loader.add_multi_constructor("!", lambda _loader, _tag, node: node.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("user") / "esphome"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets.yaml", ".*"))
    shutil.copy(copy / "secrets.yaml.example", copy / "secrets.yaml")
    return copy


@pytest.fixture(scope="module", params=NODES)
def node(request: pytest.FixtureRequest, folder: Path) -> Any:
    return folder / request.param


@pytest.fixture(scope="module")
def config(node: Path) -> Any:
    return yaml.load(esphome("config", str(node)), Loader)


def entities(config: dict[str, Any], platform: str) -> Iterator[dict[str, Any]]:
    yield from config.get(platform, [])


def test_there_are_nodes() -> None:
    assert {"light_switch.yaml", "light_switch_api.yaml"} <= {*NODES}


def test_code_is_generated(node: Path) -> None:
    esphome("compile", "--only-generate", str(node))


def test_node_does_not_restart_while_its_hub_is_away(config: dict[str, Any]) -> None:
    present = REBOOTS & config.keys()
    assert present
    assert {config[name]["reboot_timeout"] for name in present} == {"0s"}


def test_mqtt_is_the_node_contract(config: dict[str, Any]) -> None:
    if "mqtt" not in config:
        return
    mqtt = config["mqtt"]
    prefix = mqtt["topic_prefix"]
    assert prefix == f"steward/{config['esphome']['name']}"
    gone = {"topic": f"{prefix}/status", "payload": "offline", "qos": 1, "retain": True}
    assert mqtt["birth_message"] == {**gone, "payload": "online"}
    assert mqtt["will_message"] == gone
    assert mqtt["shutdown_message"] == gone
    assert mqtt["discovery"] is False
    assert mqtt["discover_ip"] is False
    assert mqtt["clean_session"] is True, "a command that waited at the broker would be done late"
    assert not any(event.get("retain", True) for event in entities(config, "event"))
    (info,) = [step["mqtt.publish"] for automation in mqtt["on_connect"] for step in automation["then"]]
    assert (info["topic"], info["qos"], info["retain"]) == (f"{prefix}/info", 1, True)


def test_press_is_a_word_that_is_known(folder: Path) -> None:
    text = (folder / "light_switch.yaml").read_text(encoding="utf-8")
    wrong = folder / "wrong.yaml"
    wrong.write_text(text.replace("press: turn_on", "press: turn_up"), encoding="utf-8")
    with pytest.raises(AssertionError, match="night_light_turn_up"):
        esphome("config", str(wrong))
    wrong.unlink()
