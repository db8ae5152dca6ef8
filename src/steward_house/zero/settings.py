"""The daemon's settings: one YAML file, checked as a whole at start, every fault named with its key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
import difflib
from importlib.metadata import EntryPoint
import os
from pathlib import Path
import ssl
from typing import Any, Final, TypeIs

import voluptuous as vol
import yaml

from ..protocol.entity import KEY
from ..protocol.fields import MAX_TEXT
from ..protocol.node import MAX_MODULES, NODE
from .module import Module
from .plugins import installed, load
from .words import described

_MAX_PORT: Final = 65535
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")
_MAX_MODULE_NAME: Final = 56
CLOCK: Final = "clock"
RULES: Final = "rules"
OWN_MODULES: Final = (CLOCK, RULES)
"""What the node shows problems of as if it were modules."""
_MAX_MODULES: Final = MAX_MODULES - len(OWN_MODULES)
"""So that the key `problem_<module>` fits the contract."""


class SettingsError(Exception):
    """The settings can't be used; `faults` are lines for whoever wrote them."""

    def __init__(self, faults: list[str]) -> None:
        """Take one line for each fault."""
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """How to reach the broker."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    batch: bool = False

    def tls(self) -> ssl.SSLContext | None:
        """Return what checks the broker and identifies the node; None for a connection without TLS.

        Raises:
            OSError: a file can't be read, or is not what it should be (`ssl.SSLError`).
        """
        if self.ca is None and self.certificate is None:
            return None
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key, password="")
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleSettings:
    """A module that is to run: its class, or the reason why it can't be loaded, and its settings."""

    name: str
    kind: type[Module] | str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the daemon is to do."""

    node: str
    name: str
    area: str | None
    state_dir: Path
    log_level: str
    mqtt: MqttSettings
    modules: tuple[ModuleSettings, ...]


def read_settings(path: Path) -> Settings:
    """Read the settings file. Paths in it are relative to its directory.

    Raises:
        SettingsError: it can't be read, or something in it is wrong: all of it is told.
    """
    document, faults = _read_yaml(path)
    values = document if isinstance(document, dict) else {}
    for section in ("mqtt", "modules"):
        if section in values and values[section] is None:
            values[section] = {}  # as a key without a value is meant
    _validate(_SCHEMA, document, faults)
    mqtt = _section(values, "mqtt", {})
    files = {name: path.parent / text for name in ("ca", "certificate", "key") if _is_text(text := mqtt.get(name))}
    faults += _check_files(files)
    modules = []
    plugins = installed()
    for name, given in _section(values, "modules", {"system": None}).items():
        if isinstance(name, str):
            modules.append(_read_module(name, given, plugins, faults))
    if faults:
        raise SettingsError(faults)
    return Settings(
        node=values["node"],
        name=values.get("name")
        or values["node"].replace("_", " ").replace("-", " ").strip().capitalize()
        or values["node"],
        area=values.get("area"),
        state_dir=path.parent / _directory(values["state_dir"])
        if "state_dir" in values
        else _state_dir(values["node"]),
        log_level=values.get("log_level", "info"),
        mqtt=MqttSettings(
            host=mqtt.get("host", "homeassistant.local"),
            port=mqtt.get("port", 8883 if {"ca", "certificate"} & files.keys() else 1883),
            username=mqtt.get("username"),
            password=mqtt.get("password"),
            ca=files.get("ca"),
            certificate=files.get("certificate"),
            key=files.get("key"),
            batch=mqtt.get("batch", False),
        ),
        modules=tuple(modules),
    )


def _validate(schema: dict[Any, Any], value: object, faults: list[str], *path: str) -> Any:
    """Return a value as a schema of voluptuous makes it; add what is wrong with it, one line for each fault, named with its key."""
    try:
        return vol.Schema(schema)(value)
    except vol.MultipleInvalid as error:
        faults += [_describe(fault, schema, path) for fault in error.errors]
    # A module's schema is somebody else's code.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        faults.append(f"{'.'.join(path)}: can't be checked: {described(error)}")
    return None


def _describe(fault: vol.Invalid, schema: object, path: tuple[str, ...]) -> str:
    where = ".".join(str(part) for part in (*path, *fault.path))
    message = fault.error_message
    match message:
        case "extra keys not allowed":
            for part in fault.path[:-1]:
                schema = _members(schema).get(str(part))
            names = sorted(_members(schema))
            likely = difflib.get_close_matches(str(fault.path[-1]), names, 1)
            known = f"did you mean {likely[0]}?" if likely else f"there are {', '.join(names) or 'none'}"
            message = f"unknown key; {known}"
        case "required key not provided":
            message = "is missing"
        case "expected a dictionary":
            message = "must have keys of its own"
        case _:
            pass
    return f"{where}: {message}" if where else message


def _members(schema: object) -> dict[str, object]:
    return {str(name): inner for name, inner in schema.items()} if isinstance(schema, dict) else {}


# --- kinds of values -------------------------------------------------------------------------------------------------


def _is_text(value: object) -> TypeIs[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()


def _text(value: object) -> str:
    if _is_text(value):
        return value
    if isinstance(value, str):
        message = f"must be 1 to {MAX_TEXT} printable characters"
    else:
        message = "must be text; put it in quotes"
    raise vol.Invalid(message)


def _directory(value: object) -> Path:
    try:
        return Path(_text(value)).expanduser()
    except RuntimeError:
        message = "there is no such user, or they have no home directory"
        raise vol.Invalid(message) from None


def _node(value: object) -> str:
    if not NODE.fullmatch(_text(value)):
        message = "must be 1 to 32 of a-z, 0-9, _ and -, and not 'hub'"
        raise vol.Invalid(message)
    return str(value)


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_PORT:
        message = f"must be a number from 1 to {_MAX_PORT}"
        raise vol.Invalid(message)
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        message = "must be true or false"
        raise vol.Invalid(message)
    return value


def _log_level(value: object) -> str:
    if value not in _LOG_LEVELS:
        message = f"must be one of {', '.join(_LOG_LEVELS)}"
        raise vol.Invalid(message)
    return str(value)


_SCHEMA: Final[dict[Any, Any]] = {
    vol.Required("node"): _node,
    "name": _text,
    "area": _text,
    "state_dir": _directory,
    "log_level": _log_level,
    "mqtt": {
        "host": _text,
        "port": _port,
        "username": _text,
        "password": _text,
        "ca": _text,
        "certificate": _text,
        "key": _text,
        "batch": _flag,
    },
    "modules": vol.All({_text: object}, vol.Length(max=_MAX_MODULES, msg=f"are at most {_MAX_MODULES}")),
}


# --- files and modules -----------------------------------------------------------------------------------------------


def _section(values: Mapping[str, Any], name: str, default: dict[str, Any]) -> dict[str, Any]:
    section = values.get(name, default)
    return section if isinstance(section, dict) else {}  # what it is instead was told already


def _check_files(files: Mapping[str, Path]) -> list[str]:
    faults = []
    for name, path in files.items():
        try:
            path.read_bytes()
        except OSError as error:
            faults.append(f"mqtt.{name}: {error}")
    if faults:
        return faults
    if "key" in files and "certificate" not in files:
        return ["mqtt.key: needs mqtt.certificate"]
    if "ca" in files:
        try:
            ssl.create_default_context(cafile=files["ca"])
        except ssl.SSLError as error:
            faults.append(f"mqtt.ca: {files['ca']} has no certificates: {error}")
    if "certificate" in files:
        try:
            ssl.create_default_context().load_cert_chain(files["certificate"], files.get("key"), password="")
        except ssl.SSLError as error:
            faults.append(f"mqtt.certificate: {files['certificate']} and its key can't be used: {error}")
    return faults


def _read_module(name: str, given: object, plugins: Mapping[str, EntryPoint], faults: list[str]) -> ModuleSettings:
    where = f"modules.{name}"
    if name not in plugins:
        likely = difflib.get_close_matches(name, plugins, 1)
        hint = f"did you mean {likely[0]}?" if likely else f"installed are {', '.join(sorted(plugins)) or 'none'}"
        faults.append(f"{where}: there is no such module; {hint}")
        return ModuleSettings(name=name, kind="")
    if not KEY.fullmatch(name) or len(name) > _MAX_MODULE_NAME:
        faults.append(f"{where}: a module's name has 1 to {_MAX_MODULE_NAME} of a-z, 0-9, _ and -")
    if name in OWN_MODULES:
        faults.append(f"{where}: the node itself goes by this name")
    kind = load(plugins[name])
    if isinstance(kind, str):
        return ModuleSettings(name=name, kind=kind)
    values = {} if given is None else given
    return ModuleSettings(name=name, kind=kind, values=_validate(kind.schema, values, faults, where) or {})


def _state_dir(node: str) -> Path:
    """Return the directory that systemd made for the service, else the user's own."""
    if directory := os.environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(directory)
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "steward" / node
    except RuntimeError:
        raise SettingsError(["state_dir: is missing, and this user has no home directory"]) from None


# --- YAML ------------------------------------------------------------------------------------------------------------


def _read_yaml(path: Path) -> tuple[object, list[str]]:
    """Return a file's document and the keys that stand in it twice."""
    try:
        loader = yaml.SafeLoader(path.read_bytes())
    except OSError as error:
        raise SettingsError([f"can't be read: {error.strerror}"]) from None
    except yaml.YAMLError as error:
        raise SettingsError([_describe_yaml(error)]) from None
    try:
        root = loader.get_single_node()
        if root is None:
            return {}, []
        faults = list(_repeated(root, (), set()))
        return loader.construct_document(root), faults
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError([_describe_yaml(error)]) from None
    finally:
        loader.dispose()


def _describe_yaml(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"line {mark.line + 1}: {problem}" if mark is not None else f"is no YAML: {problem}"


def _repeated(node: yaml.Node, path: tuple[str, ...], seen: set[int]) -> Iterator[str]:
    if id(node) in seen:  # an alias, maybe to something around it
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in lines:
                yield f"{'.'.join((*path, name))}: stands there twice, in lines {lines[name]} and {line}"
            lines.setdefault(name, line)
            yield from _repeated(value, (*path, name), seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item, path, seen)
