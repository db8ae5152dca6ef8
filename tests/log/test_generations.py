"""Generations: what can't be continued is left as it is, and a new log names its head."""

from collections.abc import Callable, Iterator
import errno
import json
from pathlib import Path
from random import Random
import shutil

import pytest

from custom_components.steward.log.errors import LogDamaged, LogLocked
from custom_components.steward.log.fs import Disk, Folder, remove_tree
from custom_components.steward.log.generations import Cause, Generations, Previous
from custom_components.steward.log.marker import log_folders, remove_marker, write_marker
from custom_components.steward.protocol.log.checkpoint import open_checkpoint
from custom_components.steward.protocol.log.note import Signer
from custom_components.steward.protocol.log.tiles import TileReader
from custom_components.steward.protocol.log.tree import EMPTY_ROOT, leaf_hash, root_of

from .power import CHOICES, FakeFs, PowerCutError

BASE = "example.com/teller/0123456789abcdef"
KEY = bytes(range(32))
ROOT = Path("/config/steward/teller/abc")
MARK = Path("/config/.storage/head")
ENTRIES = [b"entry %d" % number for number in range(600)]


def first(previous: Previous) -> bytes:
    said = {
        "number": previous.number,
        "origin": previous.origin,
        "size": previous.size,
        "root": previous.root.hex(),
        "cause": previous.cause,
    }
    return json.dumps(said).encode()


class House:
    """Home Assistant's configuration on a real disk: it can be copied, and put back."""

    def __init__(self, tmp_path: Path) -> None:
        self.config = tmp_path / "config"
        self.root = self.config / "steward/teller/abc"
        self.mark = self.config / ".storage/head"
        self.running: Generations | None = None

    def start(self, **how: object) -> Generations:
        self.stop()
        self.running = Generations.open(self.root, BASE, KEY, first, **{"mark": self.mark, **how})
        return self.running

    def stop(self) -> None:
        if self.running is not None:
            self.running.close()
            self.running = None

    def copy(self, to: Path) -> Path:
        return Path(shutil.copytree(self.config, to))

    def restore(self, backup: Path) -> None:
        self.stop()
        shutil.rmtree(self.config)
        shutil.copytree(backup, self.config)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.stop()


def fill(generations: Generations, number: int) -> bytes:
    generations.storage.append(ENTRIES[:number])
    return generations.storage.sign()


def named(generations: Generations) -> dict[str, object]:
    return json.loads(generations.storage.entry(0))


def test_the_first_one(house: House) -> None:
    generations = house.start()
    assert (generations.number, generations.storage.origin, generations.begun) == (1, BASE, None)
    assert (generations.storage.size, generations.root) == (0, house.root)
    note = fill(generations, 300)
    again = house.start()
    assert (again.number, again.storage.checkpoint(), again.begun) == (1, note, None)
    assert again.numbers() == [1]
    assert house.mark.read_bytes() == note


def test_one_process_at_a_time(house: House) -> None:
    house.start()
    with pytest.raises(LogLocked):
        Generations.open(house.root, BASE, KEY, first)


def test_a_restored_backup_begins_a_new_one(house: House, tmp_path: Path) -> None:
    note = fill(house.start(), 300)
    house.running.storage.append([b"not signed"])
    write_marker(house.root)
    house.copy(tmp_path / "backup")
    remove_marker(house.root)
    fill(house.running, 10)
    assert house.start().number == 1
    house.restore(tmp_path / "backup")

    generations = house.start()
    begun = generations.begun
    assert (generations.number, generations.numbers()) == (2, [1, 2])
    assert begun is not None
    assert (begun.number, begun.origin, begun.size, begun.checkpoint) == (1, BASE, 301, note)
    assert begun.cause is Cause.RESTORED
    assert begun.root == root_of(map(leaf_hash, [*ENTRIES[:300], b"not signed"]))
    assert named(generations)["root"] == begun.root.hex()
    assert generations.storage.origin.startswith(f"{BASE}/2-")
    # What nobody had signed can be read as files, too, and checked against what the new generation says.
    reader = TileReader(lambda name: Disk().read(generations.folder(1) / name), 301)
    assert reader.root() == begun.root
    assert reader.entry(300) == b"not signed"

    signed = open_checkpoint(fill(generations, 5), generations.storage.verifier).checkpoint
    assert (signed.origin, signed.size) == (generations.storage.origin, 6)
    again = house.start()
    assert (again.number, again.begun, again.storage.size) == (2, None, 6)
    assert {path.name for path in house.root.iterdir()} == {"1", "2", "lock"}


def test_restored_twice_makes_two_logs(house: House, tmp_path: Path) -> None:
    """Each tells its own story after the same head, so they must not have one name."""
    fill(house.start(), 3)
    write_marker(house.root)
    house.copy(tmp_path / "backup")
    origins = set()
    for _ in range(2):
        house.restore(tmp_path / "backup")
        origins.add(house.start().storage.origin)
    assert len(origins) == 2


def test_interrupted_in_a_backup_goes_on(house: House) -> None:
    """The marker is the one that was written here: the power went in the middle of the backup."""
    fill(house.start(), 3)
    write_marker(house.root)
    assert house.start().number == 1
    assert {path.name for path in house.root.iterdir()} == {"1", "lock"}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"generation": "x"}', b"\xff"])
def test_a_marker_that_can_not_be_read_counts(house: House, content: bytes) -> None:
    fill(house.start(), 3)
    (house.root / "backup").write_bytes(content)
    assert house.start().number == 2
    assert house.start().number == 2


def test_a_marker_of_an_earlier_generation_does_not_count(house: House) -> None:
    """It was noticed, and then the power went."""
    fill(house.start(), 3)
    house.running.begin_new(Cause.WITNESS)
    house.stop()
    (house.root / "backup").write_text('{"generation": 1}')
    assert house.start().number == 2
    assert not (house.root / "backup").exists()


def test_removing_what_is_not_there(tmp_path: Path) -> None:
    remove_marker(tmp_path)
    assert log_folders(tmp_path) == []


def test_finds_the_folders(house: House) -> None:
    house.start()
    assert log_folders(house.config / "steward") == [house.root]


def test_shorter_than_signed(house: House, tmp_path: Path) -> None:
    """Somebody put a copy of the folder back, without a marker, and with what is kept elsewhere left as it is."""
    fill(house.start(), 3)
    house.stop()
    shutil.copytree(house.root, tmp_path / "copy")
    note = fill(house.start(), 300)
    house.stop()
    shutil.rmtree(house.root)
    shutil.copytree(tmp_path / "copy", house.root)
    begun = house.start().begun
    assert begun is not None
    assert (begun.cause, begun.size, begun.checkpoint) == (Cause.DAMAGED, 303, note)
    assert "entry 3: it is missing: 303 entries were signed" in begun.detail
    assert named(house.running)["size"] == 303


def test_damaged(house: House) -> None:
    fill(house.start(), 300)
    house.stop()
    path = house.root / "1/tile/entries/000"
    path.write_bytes(path.read_bytes().replace(b"entry 77", b"entry 88"))
    before = {path: path.read_bytes() for path in (house.root / "1").rglob("*") if path.is_file()}
    begun = house.start().begun
    assert begun is not None
    assert (begun.cause, begun.size, begun.detail[:9]) == (Cause.DAMAGED, 300, "entry 77:")
    assert before == {path: path.read_bytes() for path in (house.root / "1").rglob("*") if path.is_file()}


@pytest.mark.parametrize("content", [None, b"", b"example.com/other\n", f"{BASE}/2-aaaaaaaa\n".encode()])
def test_without_its_name(house: House, tmp_path: Path, content: bytes | None) -> None:
    fill(house.start(), 3)
    house.stop()
    if content is None:
        (house.root / "1/origin").unlink()
    else:
        (house.root / "1/origin").write_bytes(content)
    house.copy(tmp_path / "copy")
    begun = house.start().begun
    assert begun is not None
    assert (begun.number, begun.cause, begun.origin, begun.size) == (1, Cause.DAMAGED, BASE, 3)
    house.restore(tmp_path / "copy")
    begun = house.start(mark=None).begun
    assert begun is not None
    assert (begun.number, begun.cause, begun.origin, begun.size, begun.root) == (1, Cause.DAMAGED, BASE, 0, EMPTY_ROOT)


@pytest.mark.parametrize("which", ["all", "the last"])
def test_gone(house: House, which: str) -> None:
    fill(house.start(), 3)
    house.running.begin_new(Cause.WITNESS, "it has seen 5")
    note = fill(house.running, 3)
    origin = house.running.storage.origin
    house.stop()
    shutil.rmtree(house.root if which == "all" else house.root / "2")
    begun = house.start().begun
    assert begun is not None
    assert (begun.number, begun.origin, begun.size, begun.checkpoint) == (2, origin, 4, note)
    assert begun.cause is Cause.MISSING
    assert house.running.number == 3


def test_another_second_generation(house: House, tmp_path: Path) -> None:
    """The folder was put back to where another second generation had begun than the one that was signed last."""
    fill(house.start(), 3)
    write_marker(house.root)
    house.copy(tmp_path / "backup")
    house.restore(tmp_path / "backup")
    fill(house.start(random=Random(1).randbytes), 1)
    house.stop()
    shutil.copytree(house.root, tmp_path / "one")
    house.restore(tmp_path / "backup")
    note = fill(house.start(random=Random(2).randbytes), 2)
    house.stop()
    shutil.rmtree(house.root)
    shutil.copytree(tmp_path / "one", house.root)
    begun = house.start().begun
    assert begun is not None
    assert (begun.number, begun.cause, begun.checkpoint) == (2, Cause.MISSING, note)
    assert house.running.number == 3


@pytest.mark.parametrize("content", [b"", b"nonsense", b"foreign"])
def test_a_mark_that_says_nothing(house: House, content: bytes) -> None:
    note = fill(house.start(), 3)
    house.stop()
    house.mark.write_bytes(note.replace(BASE.encode(), b"example.com/other") if content == b"foreign" else content)
    assert (house.start().number, house.running.begun) == (1, None)


def test_another_logs_mark(house: House) -> None:
    with Generations.open(house.root.parent / "other", "example.com/other", KEY, first, mark=house.mark) as other:
        fill(other, 9)
    fill(house.start(), 3)
    assert house.running.begun is None


def test_a_witness_has_seen_more(house: House) -> None:
    fill(house.start(), 3)
    house.running.storage.append([b"more"])
    old = house.running.storage
    begun = house.running.begin_new(Cause.WITNESS, "it has seen 9")
    assert (begun.size, begun.detail, house.running.begun) == (4, "it has seen 9", begun)
    with pytest.raises(ValueError, match="closed"):
        old.sign()
    assert house.running.storage.size == 1


def test_without_a_mark(house: House) -> None:
    fill(house.start(mark=None), 3)
    house.running.begin_new(Cause.WITNESS)
    fill(house.running, 3)
    assert (house.start(mark=None).number, house.running.storage.size) == (2, 4)


def test_another_key(house: House) -> None:
    """The key was lost: what was signed can't be continued."""
    fill(house.start(), 3)
    house.stop()
    with Generations.open(house.root, BASE, b"n" * 32, first, mark=house.mark) as generations:
        assert generations.number == 2
        assert generations.storage.verifier == Signer(generations.storage.origin, b"n" * 32).verifier


def test_a_first_entry_that_fails(house: House) -> None:
    fill(house.start(), 3)

    def fail(previous: Previous) -> bytes:
        raise RuntimeError

    house.running._first = fail
    with pytest.raises(RuntimeError):
        house.running.begin_new(Cause.WITNESS)
    assert house.start().numbers() == [1]
    assert not (house.root / "2.new").exists()


def opened(fs: FakeFs, seed: int = 0) -> Generations:
    return Generations.open(ROOT, BASE, KEY, first, mark=MARK, fs=fs, random=Random(seed).randbytes)


def restored() -> FakeFs:
    """Return what a backup holds that was made while the log was in use."""
    fs = FakeFs()
    generations = opened(fs)
    generations.storage.append(ENTRIES[:300])
    generations.storage.sign()
    write_marker(ROOT, fs)
    generations.storage.append([b"later"])
    return fs.copy()


def live(fs: FakeFs, seed: int) -> Generations:
    generations = opened(fs, seed)
    generations.storage.append([b"x"])
    generations.storage.sign()
    return generations


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("make", [FakeFs, restored])
def test_power_cut_at_every_step(make: Callable[[], FakeFs], choice: str) -> None:
    """However often it is interrupted, there is one new generation after a restored backup, and it is not begun twice."""
    counting = make()
    live(counting, 1)
    for cut_at in range(1, counting.faults.steps + 1):
        fs = make()
        fs.faults.cut_at = cut_at
        with pytest.raises(PowerCutError):
            live(fs, 1)
        after = fs.after_cut(CHOICES[choice])
        generations = opened(after, 2)
        assert generations.numbers() == ([1] if make is FakeFs else [1, 2])
        if make is restored:
            assert named(generations)["size"] == 301
            assert generations.storage.size in (1, 2)
        generations.storage.append([b"y"])
        note = generations.storage.sign()
        again = opened(after.after_cut(CHOICES["nothing"]), 3)
        assert (again.begun, again.storage.checkpoint()) == (None, note)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_fault_at_every_step(number: int) -> None:
    counting = restored()
    live(counting, 1)
    for at in range(1, counting.faults.steps + 1):
        fs = restored()
        fs.faults.fail = {at: number}
        for attempt in range(3):
            try:
                generations = live(fs, attempt)
            except OSError:
                fs.held.clear()
            else:
                break
        assert generations.numbers() == [1, 2]
        assert named(generations)["size"] == 301


def test_the_end_can_not_be_laid_out(house: House) -> None:
    fs = FakeFs()
    generations = opened(fs)
    generations.storage.append([b"x"])
    fs.faults.full = True
    with pytest.raises(OSError, match="make folder"):
        generations.begin_new(Cause.WITNESS)
    fs.faults.full = False
    generations.close()
    assert opened(fs).number == 1


def test_removing_a_tree(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_bytes(b"")
    (tmp_path / "a/d").write_bytes(b"")
    remove_tree(Disk(), tmp_path / "a")
    remove_tree(Disk(), tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_folder_of_the_systems_that_can_not_be_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = Disk.fsync_folder
    fault = errno.EACCES

    def refuse(disk: Disk, path: Path) -> None:
        if path == tmp_path:
            raise OSError(fault, "no")
        sync(disk, path)

    monkeypatch.setattr(Disk, "fsync_folder", refuse)
    Folder(Disk(), tmp_path / "a/b").put("x/y", b"z")
    assert (tmp_path / "a/b/x/y").read_bytes() == b"z"
    fault = errno.EIO
    with pytest.raises(OSError, match="no"):
        Folder(Disk(), tmp_path / "a/b")


def test_a_file_system_that_can_not_wait_for_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = errno.EINVAL

    def refuse(handle: int) -> None:
        raise OSError(fault, "no")

    monkeypatch.setattr("custom_components.steward.log.fs.os.fsync", refuse)
    Disk().fsync_folder(tmp_path)
    fault = errno.EIO
    with pytest.raises(OSError, match="no"):
        Disk().fsync_folder(tmp_path)


def test_origin_of_what_is_not_there(house: House) -> None:
    with pytest.raises(LogDamaged, match="generation 9"):
        house.start().origin(9)
