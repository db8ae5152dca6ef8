"""protocol/ is pure: nothing of Home Assistant, no files, no network, no clock, no randomness of its own."""

import ast
from pathlib import Path
from typing import Final

import pytest

from . import tree

MODULES: Final = {
    "base64", "binascii", "calendar", "collections", "dataclasses", "datetime", "decimal", "enum", "hashlib", "json", "math", "re", "typing", "urllib.parse",
}  # fmt: skip
"""What protocol/ may import. Adding to it is a decision: none of these reads a file, a clock or a die."""
FOREIGN: Final = {"cryptography"}
"""What it may import that is not Python's own, in its packages for logs only: the rest runs where none of it is installed."""
IMPURE: Final = {
    "now", "utcnow", "today", "monotonic", "time_ns", "perf_counter", "sleep", "random", "urandom", "token_bytes",
    "uuid4", "open", "print", "input", "eval", "exec", "__import__", "read_text", "write_text", "read_bytes",
    "write_bytes", "system", "environ", "getenv", "breakpoint",
}  # fmt: skip


def impurities(code: ast.Module, depth: int = 0) -> list[str]:
    """Return what a module does that it should not, as `line: what`; `depth` is that of its package below protocol/."""
    found = []
    allowed = MODULES | FOREIGN if depth else MODULES
    for item in ast.walk(code):
        match item:
            case ast.Import():
                found += [f"{item.lineno}: import {name.name}" for name in item.names if name.name not in allowed]
            case ast.ImportFrom(level=0):
                name = f"{item.module}"
                found += [f"{item.lineno}: from {name}"] if not {name, name.partition(".")[0]} & allowed else []
            case ast.ImportFrom():
                found += [f"{item.lineno}: from {'.' * item.level}{item.module}"] if item.level > depth + 1 else []
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in IMPURE:
                found.append(f"{item.lineno}: {name}()")
            case ast.Attribute(attr="environ"):
                found.append(f"{item.lineno}: environ")
            case _:
                pass
    return found


@pytest.mark.parametrize("path", sorted(tree.modules(tree.PROTOCOL)))
def test_is_pure(path: str) -> None:
    assert impurities(tree.modules(tree.PROTOCOL)[path], path.count("/")) == []


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "import homeassistant.core",
        "from homeassistant import core",
        "from time import time",
        "from urllib.request import urlopen",
        "from .. import const",
        "from ..area import node",
        "from cryptography.exceptions import InvalidSignature",
        "from datetime import datetime\ndatetime.now()",
        "from datetime import date\ndate.today()",
        "open('x')",
        "__import__('os')",
        "x.urandom(10)",
        "x.environ",
    ],
)
def test_finds_what_is_not_pure(code: str) -> None:
    assert len(impurities(ast.parse(code))) == 1


@pytest.mark.parametrize(
    "code", ["import os", "from ... import const", "from ...area import node", "import stellar_sdk", "import time"]
)
def test_finds_what_is_not_pure_in_a_package(code: str) -> None:
    assert len(impurities(ast.parse(code), 1)) == 1


@pytest.mark.parametrize("code", ["from ..fields import dump", "from .tree import Frontier", "import cryptography"])
def test_knows_what_is_pure_in_a_package(code: str) -> None:
    assert impurities(ast.parse(code), 1) == []


def test_one_implementation_two_doors() -> None:
    door = tree.ROOT / "src/steward_house/protocol"
    assert door.is_symlink()
    assert door.readlink() == Path("../../custom_components/steward/protocol")


def test_the_daemon_knows_only_its_own_door() -> None:
    for path, code in tree.modules(tree.ROOT / "src").items():
        imported = {f"{item.module}" for item in ast.walk(code) if isinstance(item, ast.ImportFrom) and not item.level}
        imported |= {name.name for item in ast.walk(code) if isinstance(item, ast.Import) for name in item.names}
        foreign = {name for name in imported if name.partition(".")[0] in {"custom_components", "homeassistant"}}
        assert not foreign, path
