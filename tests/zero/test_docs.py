"""What the documentation shows is true."""

from pathlib import Path
import re
from typing import Any

import pytest
import voluptuous as vol

from steward_house.zero.module import Module
from steward_house.zero.settings import read_settings

TEXT = (Path(__file__).parents[2] / "docs" / "zero.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "zero.yaml"
    path.write_text(example("yaml"))
    settings = read_settings(path)
    assert [module.name for module in settings.modules] == ["system", "baby_stitch"]


def test_module() -> None:
    names: dict[str, Any] = {}
    exec(compile(example("python"), "zero.md", "exec"), names)
    module = names["DoorbellModule"]
    assert issubclass(module, Module)
    assert vol.Schema(module.schema)({"pin": 4}) == {"pin": 4}
    with pytest.raises(vol.Invalid):
        vol.Schema(module.schema)({})
