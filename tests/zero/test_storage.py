"""What is kept between runs, whatever happened to the disk."""

from pathlib import Path

import pytest

from steward_house.protocol.ulid import PATTERN
from steward_house.zero.storage import Storage, StorageError


def test_instance(tmp_path: Path) -> None:
    first = Storage(tmp_path / "new" / "state").instance()
    assert PATTERN.fullmatch(first)
    assert Storage(tmp_path / "new" / "state").instance() == first
    assert Storage(tmp_path / "other").instance() != first


@pytest.mark.parametrize("content", [b"", b"\0" * 26, b"\xff", b"01JD"])
def test_damaged_instance(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "instance").write_bytes(content)
    if content == b"\xff":
        with pytest.raises(StorageError):
            Storage(tmp_path).instance()
    else:
        assert PATTERN.fullmatch(Storage(tmp_path).instance())


def test_documents(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    assert storage.load("node") is None
    storage.save("node", {"a": [1, "ä"]})
    assert storage.load("node") == {"a": [1, "ä"]}
    (tmp_path / "node.json").write_bytes(b'{"a": [1')
    assert storage.load("node") is None
    assert [path.name for path in tmp_path.iterdir()] == ["node.json"]


def test_no_room(tmp_path: Path) -> None:
    (tmp_path / "node.json").mkdir()
    (tmp_path / "node.json" / "something").touch()
    with pytest.raises(StorageError):
        Storage(tmp_path).save("node", {})
    assert [path.name for path in tmp_path.iterdir()] == ["node.json"]
