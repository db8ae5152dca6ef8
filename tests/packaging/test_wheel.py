"""The wheel in dist/, which script/wheel built from the source distribution there: what is in it, and what is not."""

from configparser import ConfigParser
from email.parser import BytesParser
from pathlib import Path
import subprocess
import tarfile
from typing import Final
from zipfile import ZipFile

import pytest

from steward_house import __version__

ROOT: Final = Path(__file__).parents[2]


def only(pattern: str) -> Path:
    """Return the one file in dist/ that a pattern fits."""
    (path,) = (ROOT / "dist").glob(pattern)
    return path


@pytest.fixture(scope="module")
def wheel() -> dict[str, bytes]:
    with ZipFile(only("*.whl")) as archive:
        # 0o120000 is a symbolic link's mode: installers would write a file that holds a path.
        assert not any((item.external_attr >> 16) & 0o170000 == 0o120000 for item in archive.infolist())
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist() -> dict[str, tarfile.TarInfo]:
    with tarfile.open(only("*.tar.gz")) as archive:
        return {item.name.partition("/")[2]: item for item in archive.getmembers()}


def metadata(wheel: dict[str, bytes], name: str) -> bytes:
    """Return a file of the wheel's metadata."""
    return wheel[f"steward_house-{__version__}.dist-info/{name}"]


def test_names() -> None:
    assert only("*.whl").name == f"steward_house-{__version__}-py3-none-any.whl"
    assert only("*.tar.gz").name == f"steward_house-{__version__}.tar.gz"


def test_wheel_has_every_module(wheel: dict[str, bytes]) -> None:
    source = ROOT / "src"
    modules = {str(path.relative_to(source)) for path in source.rglob("*.py", recurse_symlinks=True)}
    assert "steward_house/protocol/node.py" in modules
    assert {name for name in wheel if ".dist-info/" not in name} == modules | {"steward_house/py.typed"}
    for name in modules:
        assert wheel[name] == (source / name).read_bytes(), name


def test_sdist_has_the_protocol_as_files(sdist: dict[str, tarfile.TarInfo]) -> None:
    for name in ("fields", "entity", "node", "ulid"):
        assert sdist[f"src/steward_house/protocol/{name}.py"].isfile()
    assert not any(item.issym() or item.islnk() for item in sdist.values())
    assert {"LICENSE", "README.md", "pyproject.toml"} <= sdist.keys()


def test_entry_points(wheel: dict[str, bytes]) -> None:
    points = ConfigParser()
    points.read_string(metadata(wheel, "entry_points.txt").decode())
    assert points["console_scripts"]["steward"] == "steward_house.cli:main"
    assert {*points["steward.zero_modules"]} == {"system", "baby_stitch"}


@pytest.mark.parametrize("environment", sorted(ROOT.glob(".venv-zero-*")), ids=lambda path: path.name)
def test_installed(environment: Path) -> None:
    code = """
from importlib.metadata import entry_points
from pathlib import Path
import steward_house
for point in entry_points(group="steward.zero_modules"):
    assert point.load().__module__.startswith("steward_house.zero.modules.")
    print(point.name)
print(Path(steward_house.__file__).parent.parent.name)
"""
    run = subprocess.run([environment / "bin/python", "-I", "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert sorted(run.stdout.split()) == ["baby_stitch", "site-packages", "system"]
    answer = subprocess.run([environment / "bin/steward", "--help"], capture_output=True, text=True, check=True)
    assert "zero" in answer.stdout


def test_metadata(wheel: dict[str, bytes]) -> None:
    about = BytesParser().parsebytes(metadata(wheel, "METADATA"))
    assert (about["Name"], about["Version"], about["License-Expression"]) == (
        "steward-house",
        __version__,
        "Apache-2.0",
    )
    assert about["Requires-Python"] == ">=3.13"
    needed = {requirement for requirement in about.get_all("Requires-Dist", []) if "extra ==" not in requirement}
    assert not any("homeassistant" in requirement for requirement in needed)
    assert metadata(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
