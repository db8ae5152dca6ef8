"""The files of this repository, and what their code says."""

import ast
from collections.abc import Iterator
from functools import cache
import json
from pathlib import Path
import subprocess
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
INTEGRATION: Final = ROOT / "custom_components/steward"
PROTOCOL: Final = INTEGRATION / "protocol"
DAEMON: Final = ROOT / "src/steward_house/zero"


@cache
def files() -> tuple[Path, ...]:
    """Return the files that belong to the repository: tracked, or new and not ignored. Symbolic links are none."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    paths = [ROOT / name for name in listed.split("\0") if name]
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


def text(path: Path) -> str:
    """Return a file's text; an image has none."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode()


def load(path: Path) -> Any:
    """Return a JSON file's value; a member that is named twice is a mistake."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        assert len(members) == len(pairs), f"{path.name} names a member twice: {[name for name, _ in pairs]}"
        return members

    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)


@cache
def module(path: Path) -> ast.Module:
    """Return a Python file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules(folder: Path) -> dict[str, ast.Module]:
    """Return the syntax trees of all Python files below a folder, by their path in it."""
    paths = [path for path in files() if path.suffix == ".py" and path.is_relative_to(folder)]
    assert paths, f"there is no Python below {folder}"
    return {str(path.relative_to(folder)): module(path) for path in paths}


def walk(folder: Path) -> Iterator[ast.AST]:
    """Return every node of all syntax trees below a folder."""
    for tree in modules(folder).values():
        yield from ast.walk(tree)


def calls(folder: Path) -> Iterator[tuple[str, ast.Call, dict[str, ast.expr]]]:
    """Return every call below a folder: the last part of the name that is called, the call, its keyword arguments."""
    for item in walk(folder):
        if isinstance(item, ast.Call):
            function = item.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            yield name, item, {word.arg: word.value for word in item.keywords if word.arg}


def literal(expression: ast.expr | None) -> str | None:
    """Return the text that an expression literally is; None where it is none."""
    return expression.value if isinstance(expression, ast.Constant) and isinstance(expression.value, str) else None


def literals(folder: Path) -> set[str]:
    """Return every text that stands in the code below a folder."""
    return {item.value for item in walk(folder) if isinstance(item, ast.Constant) and isinstance(item.value, str)}
