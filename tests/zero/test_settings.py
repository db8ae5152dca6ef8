"""Settings: every fault is named with its key, all of them at once, before anything starts."""

from pathlib import Path
import subprocess
import sys

import pytest

from steward_house.zero import settings as settings_module
from steward_house.zero.plugins import installed
from steward_house.zero.settings import SettingsError, read_settings

from .house import Zero

FAULTS = {
    "name: Kitchen": ["node: is missing"],
    "node: Kitchen!": ["node: must be 1 to 32 of a-z, 0-9, _ and -, and not 'hub'"],
    "node: hub": ["node: must be 1 to 32 of a-z, 0-9, _ and -, and not 'hub'"],
    "node: 12": ["node: must be text; put it in quotes"],
    "node: a\nname: ''": ["name: must be 1 to 255 printable characters"],
    "node: a\nmqtt: {port: 99999}": ["mqtt.port: must be a number from 1 to 65535"],
    "node: a\nmqtt: {port: true}": ["mqtt.port: must be a number from 1 to 65535"],
    "node: a\nmqtt: {password: 1234}": ["mqtt.password: must be text; put it in quotes"],
    "node: a\nmqtt: {batch: 1}": ["mqtt.batch: must be true or false"],
    "node: a\nmqtt: {hots: b}": ["mqtt.hots: unknown key; did you mean host?"],
    "node: a\nmqtt: here": ["mqtt: must have keys of its own"],
    "node: a\nmodules: [system]": ["modules: must have keys of its own"],
    "node: a\nmodul: {}": ["modul: unknown key; did you mean modules?"],
    "node: a\nzzzzz: {}": [
        "zzzzz: unknown key; there are area, log_level, modules, mqtt, name, node, state_dir",
    ],
    "node: a\nstate_dir: ~there_is_no_such_user/x": [
        "state_dir: there is no such user, or they have no home directory"
    ],
    'node: a\nmqtt: {ca: "a\\0b"}': ["mqtt.ca: must be 1 to 255 printable characters"],
    f"node: a\nmqtt: {{ca: {'a' * 256}}}": ["mqtt.ca: must be 1 to 255 printable characters"],
    "node: a\nlog_level: loud": ["log_level: must be one of debug, info, warning, error"],
    "node: a\nmodules: {sistem: {}}": ["modules.sistem: there is no such module; did you mean system?"],
    "node: a\nmodules: {system: {interwal: 5}}": ["modules.system.interwal: unknown key; did you mean interval?"],
    "node: a\nmodules: {system: 5}": ["modules.system: must have keys of its own"],
    "node: a\nmodules: {baby_stitch: {hardware: soft}}": ["modules.baby_stitch.hardware: must be real or simulated"],
    "node: a\nmodules: {baby_stitch: {simulation: {day: 0}}}": [
        "modules.baby_stitch.simulation.day: value must be at least 1"
    ],
    "node: a\nmodules: {baby_stitch: {simulation: {sleeper: 1}}}": [
        "modules.baby_stitch.simulation.sleeper: must be true or false"
    ],
    "node: a\nnode: b": ["node: stands there twice, in lines 1 and 2"],
    "node: a\nmqtt:\n  host: b\n  host: c": ["mqtt.host: stands there twice, in lines 3 and 4"],
    "node: a\nmodules: {1: {}}": ["modules.1: must be text; put it in quotes"],
    "- node": ["must have keys of its own"],
    "node: a\nmqtt: &mqtt {ca: *mqtt}": ["mqtt.ca: must be text; put it in quotes"],
    "node: {a: b": ["line 2: expected ',' or '}', but got '<stream end>'"],
    "node: a\n\tb: c": ["line 2: found character '\\t' that cannot start any token"],
    "node: !!python/name:os.system": [
        "line 1: could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os.system'"
    ],
    "node: a\n---\nnode: b": ["line 2: but found another document"],
    "": ["node: is missing"],
}


def faults(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read_settings(path)
    return raised.value.faults


@pytest.mark.parametrize(("text", "expected"), FAULTS.items())
def test_fault(tmp_path: Path, text: str, expected: list[str]) -> None:
    path = tmp_path / "zero.yaml"
    path.write_text(text + "\n")
    assert faults(path) == expected


def test_module_without_settings(tmp_path: Path, plugins: Path) -> None:
    daemon = Zero(tmp_path, {"node": "a", "modules": {"raising": {"pin": 4}}}, plugins=plugins)
    assert daemon.wait() == 2
    assert daemon.log == [f"{daemon.settings}: modules.raising.pin: unknown key; there are none"]


@pytest.mark.parametrize("module", ["checking", "quitting"])
def test_schema_that_fails(tmp_path: Path, plugins: Path, module: str) -> None:
    daemon = Zero(tmp_path, {"node": "a", "modules": {module: {"pin": 4}}}, plugins=plugins)
    assert daemon.wait() == 2
    error = {"checking": "TypeError: pins are named", "quitting": "SystemExit: 3"}[module]
    assert daemon.log == [f"{daemon.settings}: modules.{module}: can't be checked: {error}"]


def test_too_many_modules(tmp_path: Path) -> None:
    path = tmp_path / "zero.yaml"
    path.write_text("\n".join(["node: a", "modules:", *(f"  m{number}: {{}}" for number in range(65))]))
    assert faults(path)[0] == "modules: are at most 62"


def test_module_with_a_name_of_the_nodes_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "installed", lambda: {"rules": installed()["system"]})
    path = tmp_path / "zero.yaml"
    path.write_text("node: a\nmodules: {rules: }\n")
    assert faults(path) == ["modules.rules: the node itself goes by this name"]


def test_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> None:
        raise RuntimeError

    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    path = tmp_path / "zero.yaml"
    path.write_text("node: a\n")
    assert faults(path) == ["state_dir: is missing, and this user has no home directory"]


def test_all_faults_at_once(tmp_path: Path) -> None:
    path = tmp_path / "zero.yaml"
    path.write_text("""
nod: kitchen
mqtt: {port: 0, ca: nowhere.pem, ca: there.pem}
modules: {system: {interval: soon}, nothing: {}}
""")
    found = faults(path)
    assert {fault.split(":")[0] for fault in found} == {
        "nod",
        "node",
        "mqtt.port",
        "mqtt.ca",
        "modules.system.interval",
        "modules.nothing",
    }
    assert len(found) == 7  # mqtt.ca stands there twice, and can't be read


@pytest.mark.parametrize("content", [b"node: \xff\xfe", b"node: 2026-13-45", b"node: " + b"[" * 100_000])
def test_no_yaml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "zero.yaml"
    path.write_bytes(content)
    [fault] = faults(path)
    assert fault.startswith("is no YAML: ")


def test_certificates(tmp_path: Path) -> None:
    path = tmp_path / "zero.yaml"
    (tmp_path / "empty.pem").write_text("nothing\n")
    path.write_text("node: a\nmqtt: {ca: empty.pem, certificate: empty.pem}")
    ca, certificate = faults(path)
    assert ca.startswith(f"mqtt.ca: {tmp_path / 'empty.pem'} has no certificates: ")
    assert certificate.startswith(f"mqtt.certificate: {tmp_path / 'empty.pem'} and its key can't be used: ")
    path.write_text("node: a\nmqtt: {ca: missing.pem, key: also.pem}")
    assert faults(path) == [
        f"mqtt.ca: [Errno 2] No such file or directory: '{tmp_path / 'missing.pem'}'",
        f"mqtt.key: [Errno 2] No such file or directory: '{tmp_path / 'also.pem'}'",
    ]
    path.write_text("node: a\nmqtt: {key: empty.pem}")
    assert faults(path) == ["mqtt.key: needs mqtt.certificate"]


def test_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    path = tmp_path / "zero.yaml"
    path.write_text("node: living_room\nmqtt:\n")
    settings = read_settings(path)
    assert (settings.name, settings.area, settings.log_level) == ("Living room", None, "info")
    assert settings.state_dir == tmp_path / "xdg" / "steward" / "living_room"
    assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.batch) == ("homeassistant.local", 1883, False)
    assert [(module.name, module.values) for module in settings.modules] == [("system", {"interval": 30})]


def test_state_directory_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'one'}:{tmp_path / 'two'}")
    path = tmp_path / "zero.yaml"
    path.write_text("node: a\nmodules:\n")
    assert read_settings(path).state_dir == tmp_path / "one"
    assert read_settings(path).modules == ()


def test_secrets_stay_out_of_logs(tmp_path: Path) -> None:
    path = tmp_path / "zero.yaml"
    path.write_text("node: a\nmqtt: {username: a, password: secret-word}\n")
    assert "secret-word" not in repr(read_settings(path))


def test_exit_code_2(tmp_path: Path) -> None:
    daemon = Zero(tmp_path, {"nodes": "a", "mqtt": {"port": 0}})
    assert daemon.wait() == 2
    assert daemon.log == [
        f"{daemon.settings}: mqtt.port: must be a number from 1 to 65535",
        f"{daemon.settings}: nodes: unknown key; did you mean node?",
        f"{daemon.settings}: node: is missing",
    ]


def test_missing_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "steward_house.cli", "zero", "--config", tmp_path / "zero.yaml"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == f"{tmp_path / 'zero.yaml'}: can't be read: No such file or directory\n"


def test_state_directory_that_can_not_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    daemon = Zero(tmp_path, {"node": "a", "state_dir": "file/state"})
    assert daemon.wait() == 1
    [line] = daemon.log
    assert f"The state directory {tmp_path / 'file/state'} can't be used" in line


def test_version() -> None:
    command = [sys.executable, "-m", "steward_house.cli", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("steward 0.")
