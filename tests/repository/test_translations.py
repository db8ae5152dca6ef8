"""Every text that a user reads exists, is used, and is spelled as Home Assistant wants it."""

import ast
from collections.abc import Iterator
import re
from typing import Any, Final

import pytest

from . import tree

ENGLISH: Final = tree.load(tree.INTEGRATION / "translations/en.json")
GERMAN: Final = tree.load(tree.INTEGRATION / "translations/de.json")
ICONS: Final = tree.load(tree.INTEGRATION / "icons.json")
FLOW: Final = ENGLISH["config"]
SUBFLOWS: Final = ENGLISH["config_subentries"]
CODE: Final = tree.literals(tree.INTEGRATION)
PLATFORMS: Final = {
    "SensorInfo": "sensor",
    "BinarySensorInfo": "binary_sensor",
    "SwitchInfo": "switch",
    "NumberInfo": "number",
    "LightInfo": "light",
    "ButtonInfo": "button",
    "EventInfo": "event",
}


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Return every text of a JSON value with its place."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{place}.{name}" if place else name)
    else:
        yield place, value


def placeholders(text: str) -> set[str]:
    """Return the placeholders of a text."""
    return {*re.findall(r"\{(\w+)\}", text)}


@pytest.mark.parametrize(("place", "text"), [*leaves(ENGLISH), *leaves(GERMAN)], ids=lambda value: value[:60])
def test_spelling(place: str, text: str) -> None:
    assert isinstance(text, str)
    assert text
    assert text == text.strip()
    assert not re.search(r"(\w+://|www\.)", text), "an address belongs in a placeholder"
    assert not re.search(r"</?[a-zA-Z]", text), "no HTML"
    assert not re.search(r"'\{\w+\}'", text), "a placeholder in single quotes is not filled in"
    assert not re.search(r"\[%", text), "references work in Home Assistant's own integrations only"
    assert text.count("{") == text.count("}") == len(re.findall(r"\{\w+\}", text)), place


def test_german() -> None:
    english, german = dict(leaves(ENGLISH)), dict(leaves(GERMAN))
    assert [*german] == [*english], "every text is there in both languages, in the same order"
    for place, text in english.items():
        assert placeholders(german[place]) == placeholders(text), place


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every step of every flow, with its name."""
    for flow in (FLOW, *SUBFLOWS.values()):
        yield from flow["step"].items()


def test_shape() -> None:
    assert not {*ENGLISH} - {
        "title", "config", "options", "config_subentries", "selector", "exceptions", "issues", "entity", "services",
        "triggers", "conditions", "device", "device_automation", "system_health", "common",
    }  # fmt: skip
    assert not {*FLOW} - {"flow_title", "step", "error", "abort", "progress", "create_entry"}
    for flow in SUBFLOWS.values():
        assert not {*flow} - {"entry_type", "initiate_flow", "step", "error", "abort", "progress", "create_entry"}
        assert flow["entry_type"]
        assert flow["initiate_flow"]["user"]
    for name, step in steps():
        assert not {*step} - {
            "title", "description", "data", "data_description", "menu_options", "menu_option_descriptions", "submit",
            "sections",
        }, name  # fmt: skip
        assert {*step.get("data", {})} == {*step.get("data_description", {})}, name
        assert {*step.get("menu_option_descriptions", {})} <= {*step.get("menu_options", {})}, name
    for platform, entities in ENGLISH["entity"].items():
        for key, entity in entities.items():
            assert re.fullmatch(r"[a-z0-9_]+", key), key
            assert not {*entity} - {"name", "state", "state_attributes", "unit_of_measurement"}, f"{platform}.{key}"
            assert entity["name"]
    assert all({*exception} == {"message"} for exception in ENGLISH["exceptions"].values())
    assert all({"description", "fix_flow"} & {*issue} and issue["title"] for issue in ENGLISH["issues"].values())


def test_icons() -> None:
    assert all(re.fullmatch(r"mdi:[a-z0-9-]+", icon) for _, icon in leaves(ICONS))
    assert not {*ICONS} - {"entity", "services", "triggers", "conditions", "config"}
    for platform, entities in ICONS["entity"].items():
        assert not {*entities} - {*ENGLISH["entity"][platform]}


def test_steps() -> None:
    methods = {
        item.name.removeprefix("async_step_")
        for item in tree.walk(tree.INTEGRATION)
        if isinstance(item, ast.AsyncFunctionDef) and item.name.startswith("async_step_")
    }
    shown = {tree.literal(words.get("step_id")) for _, _, words in tree.calls(tree.INTEGRATION)} - {None}
    repairs = {step for issue in ENGLISH["issues"].values() for step in issue.get("fix_flow", {}).get("step", {})}
    assert shown <= {name for name, _ in steps()} | repairs
    assert {name for name, _ in steps()} <= methods
    for _, step in steps():
        assert {*step.get("menu_options", {})} <= methods
        assert {*step.get("data", {})} <= {*CODE, *constants()}


def constants() -> set[str]:
    """Return the values that Home Assistant's own constants, which the integration imports, have."""
    from homeassistant import const

    names = {name for item in tree.walk(tree.INTEGRATION) if isinstance(item, ast.ImportFrom) for name in item.names}
    values = (getattr(const, name.name, None) for name in names)
    return {value for value in values if isinstance(value, str)}


def test_errors_and_aborts() -> None:
    reasons = {
        tree.literal(words.get("reason") or (call.args[0] if call.args else None))
        for name, call, words in tree.calls(tree.INTEGRATION)
        if name in {"async_abort", "AbortFlow"}
    } - {None}
    mended = [issue["fix_flow"] for issue in ENGLISH["issues"].values() if "fix_flow" in issue]
    assert reasons <= {*FLOW["abort"]} | {reason for flow in mended for reason in flow.get("abort", {})}
    for flow in mended:
        assert {*flow.get("abort", {}), *flow.get("error", {})} <= CODE
    for flow in SUBFLOWS.values():
        assert {*flow["error"]} <= CODE
    core = {"already_configured", "already_in_progress", "reconfigure_successful", "reauth_successful"}
    assert {*FLOW["abort"]} - core <= CODE
    assert {*FLOW["error"]} <= CODE
    bases = {
        tree.literal(value)
        for item in tree.walk(tree.INTEGRATION)
        if isinstance(item, ast.Dict)
        for key, value in zip(item.keys, item.values, strict=True)
        if tree.literal(key) == "base"
    } - {None}
    assert bases <= {*FLOW["error"]}


def raised() -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """Return every translated exception that the code raises: its key, its arguments."""
    for name, _, words in tree.calls(tree.INTEGRATION):
        if "translation_domain" in words and "severity" not in words and name != "async_create_issue":
            assert "translation_key" in words, f"{name} has no translation_key"
            if key := tree.literal(words["translation_key"]):
                yield key, words


def test_exceptions() -> None:
    assert {key for key, _ in raised()} <= {*ENGLISH["exceptions"]} <= CODE
    for key, words in raised():
        given = words.get("translation_placeholders")
        if given is None or isinstance(given, ast.Dict):
            names = {tree.literal(name) for name in given.keys} if given else set()
            assert placeholders(ENGLISH["exceptions"][key]["message"]) <= names, key


def test_no_exception_is_untranslated() -> None:
    for name, call, words in tree.calls(tree.INTEGRATION):
        if name in {
            "HomeAssistantError",
            "ServiceValidationError",
            "ConfigEntryNotReady",
            "ConfigEntryError",
            "UpdateFailed",
        }:
            assert "translation_key" in words, f"line {call.lineno}: {name}"


def test_issues() -> None:
    created = {
        tree.literal(words.get("translation_key"))
        for name, _, words in tree.calls(tree.INTEGRATION)
        if name in {"async_create_issue", "create_issue"}
    }
    notices = {name for name in ENGLISH["issues"] if name.startswith("notice_")}
    assert created == {*ENGLISH["issues"]} - notices, "notices are texts that are sent, not issues"


def declared() -> set[tuple[str, str]]:
    """Return the platforms and translation keys of the entities that the daemon declares.

    A key is literal, or the parameter of a function that makes entities: then it is what its callers pass first.
    """
    found = set()
    makers = {}
    for item in tree.walk(tree.DAEMON):
        if isinstance(item, ast.FunctionDef):
            parameters = {argument.arg for argument in item.args.args}
            for call in ast.walk(item):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in PLATFORMS:
                    keys = [word.value for word in call.keywords if word.arg == "translation_key"]
                    if keys and isinstance(keys[0], ast.Name) and keys[0].id in parameters:
                        makers[item.name] = PLATFORMS[call.func.id]
    for name, call, words in tree.calls(tree.DAEMON):
        if name in PLATFORMS and (key := tree.literal(words.get("translation_key"))):
            found.add((PLATFORMS[name], key))
        if name in makers and call.args and (key := tree.literal(call.args[0])):
            found.add((makers[name], key))
    return found


def own() -> set[tuple[str, str]]:
    """Return the platforms and translation keys of the entities that the hub itself adds."""
    descriptions = {
        "OwnSensorDescription": "sensor",
        "SwitchEntityDescription": "switch",
        "MeterSensorDescription": "sensor",
        "SubMeterSensorDescription": "sensor",
        "TellerSensorDescription": "sensor",
        "SourceSensorDescription": "sensor",
        "TellerBinarySensorDescription": "binary_sensor",
        "SourceBinarySensorDescription": "binary_sensor",
        "TellerButtonDescription": "button",
    }
    return {
        (descriptions[name], key)
        for name, _, words in tree.calls(tree.INTEGRATION)
        if name in descriptions and (key := tree.literal(words.get("translation_key")))
    }


def test_entities() -> None:
    translated = {(platform, key) for platform, entities in ENGLISH["entity"].items() for key in entities}
    assert own()
    assert declared() | own() == translated
