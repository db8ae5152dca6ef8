"""Large logs are hashed in another process, and the same is found."""

from pathlib import Path
import threading

import pytest

from steward_house.audit import hashing
from steward_house.audit.sources import open_folder
from steward_house.audit.verify import verify

from .world import KEYS, House, lay_out


@pytest.mark.parametrize("threads", [False, True])
def test_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, threads: bool) -> None:
    house = House()
    house.measure(1500)
    folder = lay_out(house.log.files(), tmp_path / "1")
    here = verify(open_folder(folder), KEYS)
    assert here.ok
    monkeypatch.setattr(hashing, "WORTH_IT", 1)
    monkeypatch.setattr(hashing.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    if threads:
        monkeypatch.setattr(threading, "active_count", lambda: 2)
    there = verify(open_folder(folder), KEYS)
    assert there.ok
    assert there.generations == here.generations

    (folder / "tile/entries/002").write_bytes((folder / "tile/entries/002").read_bytes().replace(b"ok", b"no", 1))
    (folder / "tile/0/003").unlink()
    broken = verify(open_folder(folder), KEYS)
    monkeypatch.setattr(hashing, "WORTH_IT", 10**6)
    assert broken.findings == verify(open_folder(folder), KEYS).findings
    assert {"entry_wrong", "tile_missing"} & {item.code for item in broken.findings}
