"""The journal: what is kept of it, and until when."""

import asyncio
import json
from pathlib import Path

import pytest

from steward_house.protocol.fields import ContractError
from steward_house.protocol.hub import Journal as Part
from steward_house.zero import journal as journal_module
from steward_house.zero.clock import Clock
from steward_house.zero.journal import ROOM, Journal
from steward_house.zero.keeper import Keeper
from steward_house.zero.storage import Storage


class Hub:
    """Takes parts. `news` is set with each."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.news = asyncio.Event()

    def take(self, payload: bytes) -> None:
        self.parts.append(Part.decode(payload))
        self.news.set()

    async def part(self) -> Part:
        async with asyncio.timeout(20):
            await self.news.wait()
        self.news.clear()
        return self.parts[-1]


def make(directory: Path, hub: Hub) -> tuple[Journal, Keeper]:
    keeper = Keeper(Storage(directory))
    return Journal(keeper, Clock(), hub.take), keeper


async def test_in_parts(tmp_path: Path) -> None:
    hub = Hub()
    journal, _ = make(tmp_path, hub)
    for number in range(70):
        journal.add("acted", {"number": number})
    assert not hub.parts
    journal.hub(there=True)
    told = []
    while len(told) < 70:
        part = hub.parts[-1]
        told += [entry.data["number"] for entry in part.entries]
        journal.acked("01JD0000000000000000000000")  # somebody else's
        assert hub.parts[-1] is part
        journal.acked(part.id)
    assert told == [*range(70)]
    assert len(hub.parts) == 3
    journal.add("acted", {"number": 70})
    assert hub.parts[-1].entries[0].data == {"number": 70}


async def test_again_until_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_FIRST", 0.05)
    hub = Hub()
    journal, _ = make(tmp_path, hub)
    journal.hub(there=True)
    journal.add("acted", {})
    for _ in range(3):
        await hub.part()
    assert hub.parts[0] == hub.parts[1] == hub.parts[2]
    journal.acked(hub.parts[0].id)
    count = len(hub.parts)
    await asyncio.sleep(0.5)
    assert len(hub.parts) == count


async def test_hub_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_FIRST", 0.05)
    hub = Hub()
    journal, _ = make(tmp_path, hub)
    journal.hub(there=True)
    journal.add("acted", {})
    journal.hub(there=False)
    await asyncio.sleep(0.3)
    assert len(hub.parts) == 1
    journal.hub(there=True)
    assert hub.parts[1] == hub.parts[0]


async def test_outlives_a_run(tmp_path: Path) -> None:
    hub = Hub()
    journal, keeper = make(tmp_path, hub)
    journal.hub(there=True)
    for number in range(3):
        journal.add("acted", {"number": number})
    journal.lose()
    await keeper.save()
    later, _ = make(tmp_path, hub)
    later.hub(there=True)
    assert hub.parts[1] == hub.parts[0]  # it may have come, or not
    later.acked(hub.parts[0].id)
    [one, two, lost] = hub.parts[2].entries
    assert [one.data, two.data, lost.kind, lost.data] == [{"number": 1}, {"number": 2}, "lost", {"count": 1}]


async def test_room(tmp_path: Path) -> None:
    hub = Hub()
    journal, _ = make(tmp_path, hub)
    for number in range(ROOM + 5):
        journal.add("acted", {"number": number})
    journal.hub(there=True)
    assert hub.parts[0].dropped == 5
    assert hub.parts[0].entries[0].data == {"number": 5}
    journal.acked(hub.parts[0].id)
    assert hub.parts[1].dropped == 0


@pytest.mark.parametrize("content", ["", "[]", '{"part":7}', '{"part":null,"entries":[{}],"dropped":0,"lost":0}'])
async def test_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "journal.json").write_text(content)
    hub = Hub()
    journal, _ = make(tmp_path, hub)
    journal.hub(there=True)
    journal.add("acted", {})
    assert len(hub.parts[0].entries) == 1


async def test_entry_that_can_not_be_told(tmp_path: Path) -> None:
    journal, keeper = make(tmp_path, Hub())
    with pytest.raises(ContractError):
        journal.add("acted", {"value": float("nan")})
    await keeper.save()


async def test_writes_once_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    written = asyncio.Event()
    loop = asyncio.get_running_loop()

    def save(_: Storage, name: str, content: bytes) -> None:
        writes.append((name, json.loads(content)))
        loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(Storage, "save_bytes", save)
    journal, keeper = make(tmp_path, Hub())
    task = asyncio.create_task(keeper.run())
    journal.add("acted", {"number": 0})
    await asyncio.wait_for(written.wait(), 20)
    for number in range(1, 5):
        journal.add("acted", {"number": number})
        await asyncio.sleep(0.05)
    assert len(writes) == 1
    await keeper.save()
    task.cancel()
    assert [len(document["entries"]) for _, document in writes] == [1, 5]


async def test_disk_that_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("in the way")
    journal, keeper = make(tmp_path / "state", Hub())
    for _ in range(2):
        journal.add("acted", {})
        await keeper.save()
    assert len([record for record in caplog.records if "Can't keep journal" in record.message]) == 1
    (tmp_path / "state").unlink()
    journal.add("acted", {})
    await keeper.save()
    assert (tmp_path / "state" / "journal.json").exists()
