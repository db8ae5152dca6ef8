"""The files beside the integration's code: what Home Assistant's own checker (hassfest) and HACS ask of them, offline."""

from typing import Any, Final
from urllib.parse import urlsplit

from awesomeversion import AwesomeVersion
from homeassistant import loader
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint import BLUEPRINT_SCHEMA
from homeassistant.helpers import selector
from homeassistant.util.yaml import load_yaml_dict
from PIL import Image
import pytest
import yaml

from steward_house import __version__

from . import tree

MANIFEST: Final = tree.load(tree.INTEGRATION / "manifest.json")
BLUEPRINTS: Final = sorted((tree.ROOT / "blueprints").rglob("*.yaml"))

RULES: Final = [
    "action-setup",
    "appropriate-polling",
    "brands",
    "common-modules",
    "config-flow-test-coverage",
    "config-flow",
    "dependency-transparency",
    "docs-actions",
    "docs-triggers",
    "docs-conditions",
    "docs-high-level-description",
    "docs-installation-instructions",
    "docs-removal-instructions",
    "entity-event-setup",
    "entity-unique-id",
    "has-entity-name",
    "runtime-data",
    "test-before-configure",
    "test-before-setup",
    "unique-config-entry",
    "action-exceptions",
    "config-entry-unloading",
    "docs-configuration-parameters",
    "docs-installation-parameters",
    "entity-unavailable",
    "integration-owner",
    "log-when-unavailable",
    "parallel-updates",
    "reauthentication-flow",
    "test-coverage",
    "devices",
    "diagnostics",
    "discovery-update-info",
    "discovery",
    "docs-data-update",
    "docs-examples",
    "docs-known-limitations",
    "docs-supported-devices",
    "docs-supported-functions",
    "docs-troubleshooting",
    "docs-use-cases",
    "dynamic-devices",
    "entity-category",
    "entity-device-class",
    "entity-disabled-by-default",
    "entity-translations",
    "exception-translations",
    "icon-translations",
    "reconfiguration-flow",
    "repair-issues",
    "stale-devices",
    "async-dependency",
    "inject-websession",
    "strict-typing",
]
"""Home Assistant's Integration Quality Scale: bronze, silver, gold, platinum."""


def is_https(url: object) -> bool:
    """Tell whether something is the address of a page."""
    parts = urlsplit(str(url))
    return parts.scheme == "https" and bool(parts.netloc)


def test_one_manifest() -> None:
    manifests = [path for path in tree.files() if path.name.endswith("manifest.json")]
    assert manifests == [tree.INTEGRATION / "manifest.json"]


def test_one_integration() -> None:
    folders = {
        path.relative_to(tree.ROOT).parts[:2]
        for path in tree.files()
        if path.is_relative_to(tree.ROOT / "custom_components")
    }
    assert folders == {("custom_components", "steward")}
    # HACS takes the first folder whose path merely begins with this name.
    assert [path.name for path in tree.ROOT.iterdir() if path.name.startswith("custom_components")] == [
        "custom_components"
    ]


def test_manifest_names() -> None:
    names = [*MANIFEST]
    assert names == ["domain", "name", *sorted(names[2:])]
    assert {"codeowners", "documentation", "integration_type", "iot_class", "issue_tracker", "version"} <= {*names}
    assert not {*names} - {*loader.Manifest.__annotations__}
    assert "quality_scale" not in names  # earns a custom integration nothing


def test_manifest_values() -> None:
    assert MANIFEST["domain"] == tree.INTEGRATION.name
    assert MANIFEST["version"] == __version__
    assert AwesomeVersion(MANIFEST["version"]).valid
    assert MANIFEST["codeowners"]
    assert all(owner.startswith("@") for owner in MANIFEST["codeowners"])
    assert is_https(MANIFEST["documentation"])
    assert is_https(MANIFEST["issue_tracker"])
    assert MANIFEST["iot_class"] in {
        "assumed_state", "calculated", "cloud_polling", "cloud_push", "local_polling", "local_push",
    }  # fmt: skip
    assert MANIFEST["integration_type"] in {
        "device",
        "hub",
        "service",
        "helper",
        "entity",
        "hardware",
        "system",
        "virtual",
    }
    assert MANIFEST["mqtt"] == ["steward/+/info"]
    assert "mqtt" in MANIFEST["dependencies"]
    assert MANIFEST["config_flow"] is (tree.INTEGRATION / "config_flow.py").is_file()
    assert not {*MANIFEST["dependencies"]} & {*MANIFEST.get("after_dependencies", [])}


def test_imports_of_other_integrations_are_declared() -> None:
    declared = {*MANIFEST["dependencies"], *MANIFEST.get("after_dependencies", []), "diagnostics", "repairs"}
    bases = {f"{path.stem}" for path in tree.INTEGRATION.glob("*.py")}  # platforms, which Home Assistant sets up itself
    for path, code in tree.modules(tree.INTEGRATION).items():
        for item in tree.ast.walk(code):
            match item:
                case tree.ast.ImportFrom(module="homeassistant.components", names=names):
                    used = {name.name for name in names}
                case tree.ast.ImportFrom(module=str(module)) if module.startswith("homeassistant.components."):
                    used = {module.split(".")[2]}
                case _:
                    continue
            assert used <= declared | bases, path


def test_requirements_are_pinned() -> None:
    assert all("==" in requirement for requirement in MANIFEST.get("requirements", []))


def test_hacs() -> None:
    hacs = tree.load(tree.ROOT / "hacs.json")
    known = {
        "name", "content_in_root", "country", "filename", "hacs", "hide_default_branch", "homeassistant",
        "persistent_directory", "render_readme", "zip_release",
    }  # fmt: skip
    assert not {*hacs} - known
    assert hacs["name"] == MANIFEST["name"]
    assert AwesomeVersion(hacs["homeassistant"]).valid
    assert ("filename" in hacs) is bool(hacs.get("zip_release"))
    assert (tree.ROOT / "LICENSE").is_file()
    assert len((tree.ROOT / "README.md").read_text(encoding="utf-8")) > 1000


@pytest.mark.parametrize(("name", "size"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_brand(name: str, size: int) -> None:
    with Image.open(tree.INTEGRATION / "brand" / name) as image:
        assert image.size == (size, size)
        assert image.format == "PNG"


def test_blueprints_travel_with_the_integration() -> None:
    bundled = tree.INTEGRATION / "blueprints"
    assert len(BLUEPRINTS) >= 2
    assert {path.relative_to(bundled): path.read_bytes() for path in bundled.rglob("*.yaml")} == {
        path.relative_to(tree.ROOT / "blueprints"): path.read_bytes() for path in BLUEPRINTS
    }


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.name)
def test_blueprint(path: Any) -> None:
    blueprint = load_yaml_dict(str(path))
    BLUEPRINT_SCHEMA(blueprint)
    AUTOMATION_BLUEPRINT_SCHEMA(blueprint)
    about = blueprint["blueprint"]
    assert about["domain"] == path.relative_to(tree.ROOT / "blueprints").parts[0]
    assert about["source_url"].endswith(str(path.relative_to(tree.ROOT)))
    assert about["homeassistant"]["min_version"] == tree.load(tree.ROOT / "hacs.json")["homeassistant"]
    assert f"{path.name}" in (tree.ROOT / "README.md").read_text(encoding="utf-8")  # its import link


def services() -> dict[str, dict[str, Any]]:
    """Return services.yaml, with what a service without settings has."""
    described = yaml.safe_load((tree.INTEGRATION / "services.yaml").read_text(encoding="utf-8"))
    return {name: about or {} for name, about in described.items()}


def test_services() -> None:
    translated = tree.load(tree.INTEGRATION / "translations/en.json")["services"]
    icons = tree.load(tree.INTEGRATION / "icons.json")["services"]
    registered = {name for name in services() if name in tree.literals(tree.INTEGRATION)}
    assert {*services()} == {*translated} == {*icons} == registered
    for name, about in services().items():
        fields = about.get("fields", {})
        assert {*translated[name].get("fields", {})} == {*fields}
        for field in fields.values():
            selector.validate_selector(field["selector"])
        for words in (translated[name], *translated[name].get("fields", {}).values()):
            assert words["name"]
            assert words["description"]


def test_every_registered_service_is_described() -> None:
    constants = {
        target.id: tree.literal(item.value)
        for item in tree.walk(tree.INTEGRATION)
        if isinstance(item, tree.ast.Assign | tree.ast.AnnAssign)
        for target in (item.targets if isinstance(item, tree.ast.Assign) else [item.target])
        if isinstance(target, tree.ast.Name)
    }
    registered = set()
    for name, call, words in tree.calls(tree.INTEGRATION):
        if name in {"async_register", "async_register_admin_service", "register"}:
            arguments = [*call.args, *words.values()]
            spelled = {tree.literal(argument) or constants.get(getattr(argument, "id", "")) for argument in arguments}
            registered |= spelled & {*services()} or {f"line {call.lineno}"}
    assert registered == {*services()}


def test_quality_scale() -> None:
    rules = yaml.safe_load((tree.INTEGRATION / "quality_scale.yaml").read_text(encoding="utf-8"))["rules"]
    assert {*rules} == {*RULES}
    assert len(RULES) == 54
    for name, rule in rules.items():
        status = rule if isinstance(rule, str) else rule["status"]
        assert status in {"done", "exempt", "todo"}, name
        assert status == "done" or rule["comment"].strip(), f"{name} needs a comment"
