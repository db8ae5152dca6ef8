"""What must not stand in the repository: machines' paths, package registries, conflict marks, stray bytes."""

import re
from typing import Final

import pytest

from . import tree

REGISTRIES: Final = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|crates|rubygems|proxy\.golang|deb\.debian|security\.debian|ghcr|docker)\.(?:org|com|io)\b"
)
FILES: Final = sorted(str(path.relative_to(tree.ROOT)) for path in tree.files())


@pytest.mark.parametrize("name", FILES)
def test_file(name: str) -> None:
    path = tree.ROOT / name
    text = tree.text(path)
    assert not REGISTRIES.search(text)
    assert str(tree.ROOT) not in text, "the path of this checkout"
    assert not re.search(r"/(?:work|root|Users)/", text), "a path of a machine"
    assert not re.search(r"^(?:<{7}|>{7}) ", text, re.MULTILINE), "the mark of a merge conflict"
    assert "\r" not in text or path.suffix == ".bat"
    if text and path.suffix != ".lock":
        assert text.endswith("\n")
        assert not re.search(r"[ \t]+$", text, re.MULTILINE) or path.suffix == ".md"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".lock")])
def test_lock(name: str) -> None:
    text = (tree.ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--hash=sha256:" in text
    packages = re.findall(r"^[a-z0-9].*$", text, re.MULTILINE)
    assert packages
    assert all("==" in package for package in packages)


def test_no_generated_files() -> None:
    for name in FILES:
        assert not re.search(
            r"(?:^|/)(?:__pycache__|\.venv|\.demo|node_modules|build|dist)/|\.pyc$|\.egg-info/", name
        ), name


def test_scripts_are_executable() -> None:
    for path in tree.files():
        if path.parent == tree.ROOT / "script" or path == tree.ROOT / ".ci/run":
            assert path.stat().st_mode & 0o111, path
            assert path.read_text(encoding="utf-8").startswith("#!/"), path


def test_everything_that_the_readme_names_exists() -> None:
    readme = (tree.ROOT / "README.md").read_text(encoding="utf-8")
    for script in re.findall(r"script/\w+", readme):
        assert (tree.ROOT / script).is_file(), script
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", readme):
        assert (tree.ROOT / target).exists(), target
