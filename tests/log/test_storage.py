"""A log on a real disk: what is found again, what is noticed, and what the files are."""
# ruff: noqa: ARG002, ARG005 -- the fixture `log` makes files

from collections.abc import Callable, Iterator
import errno
from pathlib import Path
import shutil
import tracemalloc

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.steward.log.edge import Edge
from custom_components.steward.log.errors import LogDamaged, LogLocked
from custom_components.steward.log.fs import Disk
from custom_components.steward.log.storage import LogStorage
from custom_components.steward.log.tail import decode_tail, encode_records, encode_tail
from custom_components.steward.protocol.log.checkpoint import open_checkpoint
from custom_components.steward.protocol.log.cosignature import Cosigner
from custom_components.steward.protocol.log.errors import NoteError, ProofError
from custom_components.steward.protocol.log.note import Note
from custom_components.steward.protocol.log.tiles import TileReader, needed_bundles, needed_tiles, partial_tiles
from custom_components.steward.protocol.log.tree import (
    Frontier,
    consistency_path,
    leaf_hash,
    root_of,
    verify_consistency,
)

from .diary import KEY, ORIGIN, VERIFIER
from .power import FakeFs

type Open = Callable[..., LogStorage]

ENTRIES = [b'{"kind":"reading","n":%d}' % number for number in range(70_000)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "steward" / "log"


@pytest.fixture
def open_log(folder: Path) -> Iterator[Open]:
    """Open the log, as often as a test likes; the one before is closed."""
    logs: list[LogStorage] = []

    def open_log(at: Path = folder, **how: object) -> LogStorage:
        for log in logs:
            log.close()
        logs.append(LogStorage.open(at, ORIGIN, KEY, **how))
        return logs[-1]

    yield open_log
    for log in logs:
        log.close()


def files(folder: Path) -> dict[str, bytes]:
    """Return what a reader of the static files gets."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {"lock", "tail"}
    }


def flip(path: Path, byte: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def grow(log: LogStorage, size: int) -> bytes:
    log.append(ENTRIES[log.size : size])
    return log.sign()


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 66_000])
@pytest.mark.parametrize("quick", [False, True])
def test_found_again(open_log: Open, size: int, quick: bool) -> None:
    log = open_log()
    note = grow(log, size)
    assert open_checkpoint(note, VERIFIER).checkpoint.root == root_of(map(leaf_hash, ENTRIES[:size])) == log.root()
    again = open_log(quick=quick)
    assert (again.size, again.root(), again.checkpoint(), again.sign()) == (size, log._edge.root(), note, note)
    assert (again.repaired, again.cut) == (0, 0)
    assert list(again.entries()) == ENTRIES[:size]
    for index in {0, size // 2, size - 1} if size else ():
        assert again.entry(index) == ENTRIES[index]
        again.proof(index).verify(ENTRIES[index], VERIFIER)


def test_the_files_are_those_of_the_format(open_log: Open, folder: Path) -> None:
    log = open_log()
    grow(log, 70_000)
    expected = {str(path) for path in (*needed_tiles(70_000), *needed_bundles(70_000))} | {"checkpoint"}
    assert files(folder).keys() == expected
    reader = TileReader(lambda name: (folder / name).read_bytes(), 70_000)
    assert reader.root() == log.root() == TileReader(log._read_tile, 70_000).root()
    assert list(reader.entries()) == ENTRIES


def test_partial_tiles_of_the_last_two_checkpoints(open_log: Open, folder: Path) -> None:
    sizes = [3, 100, 255, 256, 300, 301, 700, 1100, 1101, 1102]
    log = open_log()
    for before, size in zip([0, *sizes], sizes, strict=False):
        grow(log, size)
        for readable in (before, size):
            reader = TileReader(lambda name: files(folder).get(name), readable)
            assert reader.root() == root_of(map(leaf_hash, ENTRIES[:readable]))
            assert list(reader.entries()) == ENTRIES[:readable]
        kept = {path.width for size in (before, size) for path in partial_tiles(size)}
        assert {int(path.name) for path in folder.rglob("*.p/*")} == kept
        if size in {300, 1100}:
            log = open_log()
    grow(open_log(), 1103)
    assert {int(path.name) for path in (folder / "tile/entries").glob("*.p/*")} == {1102 % 256, 1103 % 256}


def test_partial_tiles_that_an_earlier_run_left(open_log: Open, folder: Path) -> None:
    grow(open_log(), 10)
    grow(open_log(), 300)
    stray = folder / "tile/entries/000.p/10"
    assert not stray.exists() or stray.read_bytes()
    log = open_log()
    grow(log, 301)
    grow(log, 302)
    assert {path.name for path in folder.rglob("*.p/*")} <= {"45", "46", "1"}


@given(sizes=st.lists(st.integers(0, 700), min_size=1, max_size=6))
@settings(max_examples=40)
def test_the_tree_in_batches(sizes: list[int]) -> None:
    """Whatever comes at once: the edge has the root, and the tiles come out once and right."""
    edge, full, size = Edge(), {}, 0
    for number in sizes:
        tiles = edge.append(ENTRIES[size : size + number])
        size += number
        assert not full.keys() & {str(path) for path, _ in tiles}
        full |= {str(path): tile for path, tile in tiles}
        stored = full | {str(path): tile for path, tile in edge.partials()}
        assert stored.keys() == {str(path) for path in needed_tiles(size)} | full.keys()
        assert edge.root() == TileReader(stored.get, size).root() == root_of(map(leaf_hash, ENTRIES[:size]))


def test_nodes_and_proofs(open_log: Open) -> None:
    log = open_log()
    grow(log, 1000)
    log.append(ENTRIES[1000:1003])
    tree = Frontier.of(1003, log.node)
    assert tree.root() == log.root()
    for old in (0, 1, 255, 256, 257, 999, 1000):
        path = log.consistency(old)
        assert path == consistency_path(old, 1000, log.node)
        verify_consistency(old, root_of(map(leaf_hash, ENTRIES[:old])), 1000, log.signed.root, path)
    verify_consistency(1000, log.signed.root, 1003, log.root(), log.consistency(1000, 1003))
    with pytest.raises(ProofError):
        log.consistency(1001)
    with pytest.raises(ProofError):
        log.consistency(3, 1004)
    with pytest.raises(ProofError):
        log.proof(1000)
    for level, index in ((0, 1003), (-1, 0), (0, -1), (10, 0), (9, 1)):
        with pytest.raises(IndexError):
            log.node(level, index)
    for index in (-1, 1003):
        with pytest.raises(IndexError):
            log.entry(index)
    with pytest.raises(IndexError):
        list(log.entries(0, 1004))
    assert list(log.entries(250, 1001)) == ENTRIES[250:1001]
    assert list(log.entries(1001)) == ENTRIES[1001:1003]


def test_appending_while_somebody_reads(open_log: Open) -> None:
    log = open_log()
    log.append(ENTRIES[:300])
    reading = log.entries()
    first = [next(reading) for _ in range(10)]
    log.append(ENTRIES[300:600])
    assert first + list(reading) == ENTRIES[:300]


def test_nothing_signed_yet(open_log: Open) -> None:
    log = open_log()
    log.append([b"x"])
    assert (log.checkpoint(), log.signed, log.consistency(0)) == (None, None, [])
    with pytest.raises(ProofError):
        log.proof(0)
    with pytest.raises(NoteError):
        log.cosigned([], [])


def test_entries_of_all_lengths(open_log: Open) -> None:
    entries = [b"", b"\0" * 30, bytes(range(256)), b"x" * 65_535]
    log = open_log()
    assert (log.append([]), log.append(entries)) == (0, 0)
    with pytest.raises(ValueError, match="65535 bytes"):
        log.append([b"x" * 65_536])
    assert list(open_log().entries()) == entries


def test_cosignatures_stay(open_log: Open) -> None:
    witness = Cosigner("witness.example/w", b"w" * 32)
    log = open_log()
    text = Note.parse(grow(log, 3)).text
    note = log.cosigned([witness.sign(text, 1).line], [witness.verifier])
    assert open_checkpoint(note, VERIFIER, [witness.verifier]).cosignatures == {"witness.example/w": 1}
    assert open_log().sign() == note
    log = open_log()
    grow(log, 4)
    with pytest.raises(NoteError, match="false"):
        log.cosigned([witness.sign(text, 2).line], [witness.verifier])


def test_one_process_at_a_time(open_log: Open, folder: Path) -> None:
    log = open_log()
    with pytest.raises(LogLocked):
        LogStorage.open(folder, ORIGIN, KEY)
    log.append([b"x"])
    log.close()
    log.close()
    for use in (log.sign, log.root, lambda: log.append([b"x"])):
        with pytest.raises(ValueError, match="closed"):
            use()
    with LogStorage.open(folder, ORIGIN, KEY) as other:
        assert other.size == 1


class TestDamage:
    """What was changed is noticed, and where."""

    @pytest.fixture
    def log(self, open_log: Open) -> Iterator[LogStorage]:
        log = open_log()
        grow(log, 600)
        grow(log, 700)
        log.append(ENTRIES[700:1300])
        log.close()
        return log

    @pytest.mark.parametrize("index", [0, 255, 256, 699])
    def test_entry(self, log: LogStorage, open_log: Open, folder: Path, index: int) -> None:
        path = folder / f"tile/entries/{index // 256:03}"
        path.write_bytes(path.read_bytes().replace(b'"n":%d}' % index, b'"n":%d}' % (index ^ 1)))
        with pytest.raises(LogDamaged) as raised:
            open_log()
        assert raised.value.where == f"entry {index}"

    def test_entry_that_was_not_signed_yet(self, log: LogStorage, open_log: Open, folder: Path) -> None:
        flip(folder / "tile/entries/003", 1000)
        with pytest.raises(LogDamaged, match=r"entry 8\d\d: tile/entries/003 and tile/0/003 disagree"):
            open_log()

    def test_entry_and_its_tile(self, log: LogStorage, open_log: Open, folder: Path) -> None:
        """Who changes both, and the tiles above, has another root."""
        path = folder / "tile/entries/001"
        path.write_bytes(path.read_bytes().replace(b'"n":300}', b'"n":301}'))
        (folder / "tile/0/001").unlink()
        with pytest.raises(LogDamaged, match="checkpoint: the first 700 entries are not those that were signed"):
            open_log()

    @pytest.mark.parametrize("quick", [False, True])
    @pytest.mark.parametrize("name", ["tile/entries/002", "tail"])
    def test_missing(self, log: LogStorage, open_log: Open, folder: Path, name: str, quick: bool) -> None:
        (folder / name).unlink()
        if quick and name != "tail":
            assert list(open_log(quick=True).entries(0, 256)) == ENTRIES[:256]
            with pytest.raises(LogDamaged, match=name):
                open_log(quick=True).entry(600)
            return
        with pytest.raises(LogDamaged, match=f"{name}: it is missing"):
            open_log(quick=quick)

    @pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0\0", lambda data: b""])
    def test_bundle_of_another_length(
        self, log: LogStorage, open_log: Open, folder: Path, change: Callable[[bytes], bytes]
    ) -> None:
        path = folder / "tile/entries/002"
        path.write_bytes(change(path.read_bytes()))
        with pytest.raises(LogDamaged, match="tile/entries/002"):
            open_log()

    @pytest.mark.parametrize("quick", [False, True])
    @pytest.mark.parametrize("name", ["tile/0/000", "tile/0/002", "tile/0/004"])
    @pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
    def test_tiles_are_made_anew(
        self, log: LogStorage, open_log: Open, folder: Path, name: str, harm: str, quick: bool
    ) -> None:
        before = (folder / name).read_bytes()
        match harm:
            case "flip":
                flip(folder / name, 5000)
            case "cut":
                (folder / name).write_bytes(before[:100])
            case "remove":
                (folder / name).unlink()
        if harm == "flip" and name == "tile/0/004":  # not signed yet: which of the two is false, nobody can say
            with pytest.raises(LogDamaged):
                open_log()
            return
        again = open_log(quick=quick)
        if quick and again.repaired == 0:  # what nothing needed was not read
            assert again.verify() == 1
            assert again.rebuild() == 1
        else:
            assert again.repaired == 1
        assert (folder / name).read_bytes() == before
        assert again.verify() == 0
        assert again.root() == root_of(map(leaf_hash, ENTRIES[:1300]))

    def test_rebuilt_from_entries_alone(self, open_log: Open, folder: Path) -> None:
        log = open_log()
        grow(log, 66_000)
        before = files(folder)
        log.close()
        for path in (folder / "tile").iterdir():
            if path.name != "entries":
                shutil.rmtree(path)
        again = open_log()
        assert again.repaired == 66_000 // 256 + 1
        grow(again, 66_001)
        again.lay_out()
        for name, data in before.items():
            if ".p/" not in name and name != "checkpoint":
                assert (folder / name).read_bytes() == data

    def test_shorter_than_signed(self, open_log: Open, folder: Path) -> None:
        log = open_log()
        grow(log, 5)
        shutil.copy(folder / "tail", folder / "old")
        grow(log, 9)
        log.close()
        shutil.move(folder / "old", folder / "tail")
        with pytest.raises(LogDamaged, match="entry 5: it is missing: 9 entries were signed"):
            open_log()

    def test_put_back_as_a_whole(self, open_log: Open, folder: Path, tmp_path: Path) -> None:
        """The mark, which lies elsewhere, shows it."""
        mark = tmp_path / "mark" / "head"
        log = open_log(mark=mark)
        grow(log, 5)
        log.close()
        shutil.copytree(folder, tmp_path / "old")
        grow(open_log(mark=mark), 300)
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "old", folder)
        with pytest.raises(LogDamaged, match="entry 5: it is missing: 300 entries were signed"):
            open_log(mark=mark)
        with pytest.raises(LogDamaged, match="entry 5"):
            open_log(mark=mark, quick=True)
        log = open_log()  # who does not look there goes on differently, and still can't be signed for
        log.append([b"another"] * 300)
        with pytest.raises(LogDamaged, match="the checkpoint that is kept elsewhere"):
            open_log(mark=mark)
        shutil.rmtree(folder)
        with pytest.raises(LogDamaged, match="tail: it is missing"):
            open_log(mark=mark)
        mark.write_bytes(b"nonsense")
        assert open_log(mark=mark).size == 0

    @pytest.mark.parametrize("byte", [0, 10, 25, 90, 150, -10])
    def test_checkpoint(self, log: LogStorage, open_log: Open, folder: Path, byte: int) -> None:
        flip(folder / "checkpoint", byte)
        with pytest.raises(LogDamaged, match="checkpoint"):
            open_log()

    def test_another_key(self, log: LogStorage, folder: Path) -> None:
        with pytest.raises(LogDamaged, match="none of the keys that are known signed it"):
            LogStorage.open(folder, ORIGIN, b"x" * 32)
        with LogStorage.open(folder.parent / "free", ORIGIN, b"x" * 32) as other:  # the lock was given back
            assert other.size == 0

    def test_a_tree_that_is_no_extension_is_not_signed(self, open_log: Open, folder: Path) -> None:
        log = open_log()
        before = grow(log, 300)
        log.append(ENTRIES[300:700])
        whole = (folder / "tile/0/001").read_bytes()
        flip(folder / "tile/0/001", 77)
        with pytest.raises(LogDamaged, match="does not continue it"):
            log.sign()
        assert (folder / "checkpoint").read_bytes() == before == log.checkpoint()
        (folder / "tile/0/001").write_bytes(b"short")
        log._readers.clear()
        with pytest.raises(LogDamaged, match="tile/0/001"):
            log.sign()
        (folder / "tile/0/001").write_bytes(whole)
        log._readers.clear()
        grow(log, 701)


class TestTail:
    """The unfinished end."""

    MARK = b"mark"

    def file(self, *batches: list[bytes], start: int = 512) -> bytes:
        data, number = encode_tail(self.MARK, start), 0
        for batch in batches:
            data += encode_records(self.MARK, number, batch)
            number += len(batch)
        return data

    @given(
        batches=st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), max_size=4),
        start=st.integers(0, 2**40),
    )
    def test_round_trip(self, batches: list[list[bytes]], start: int) -> None:
        data = self.file(*batches, start=start)
        tail = decode_tail(data)
        assert (tail.mark, tail.start, tail.length, tail.rest) == (self.MARK, start, len(data), 0)
        assert list(tail.entries) == [entry for batch in batches for entry in batch]

    @given(
        batches=st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), min_size=1, max_size=4),
        junk=st.one_of(st.binary(max_size=200), st.integers(0, 200).map(bytes)),
        data=st.data(),
    )
    def test_torn(self, batches: list[list[bytes]], junk: bytes, data: st.DataObject) -> None:
        """Of the last batch whatever came whole is taken; of those before it, all."""
        whole, before = self.file(*batches), self.file(*batches[:-1])
        cut = data.draw(st.integers(len(before), len(whole)))
        tail = decode_tail(whole[:cut] + junk[: max(0, 200 - cut)])
        entries = [entry for batch in batches for entry in batch]
        assert list(tail.entries) == entries[: len(tail.entries)]
        assert len(tail.entries) >= len(entries) - len(batches[-1])
        assert decode_tail(whole[:cut] + junk).rest <= len(whole) - len(before) + len(junk)

    @given(
        batches=st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), min_size=2, max_size=4),
        data=st.data(),
    )
    def test_damaged(self, batches: list[list[bytes]], data: st.DataObject) -> None:
        """What had been acknowledged, because more was written after it, is never cut off silently."""
        whole, before = self.file(*batches), len(self.file(*batches[:-1]))
        at, bit = data.draw(st.integers(0, before - 1)), data.draw(st.integers(0, 7))
        changed = bytearray(whole)
        changed[at] ^= 1 << bit
        with pytest.raises(LogDamaged):
            decode_tail(bytes(changed))

    def test_torn_in_its_beginning(self) -> None:
        """The disk had the later pages of what was written at once, and not yet the earlier ones."""
        before, whole = self.file([b"first"]), bytearray(self.file([b"first"], [b"second", b"third"]))
        at = whole.index(b"second")
        whole[at : at + 6] = bytes(6)
        tail = decode_tail(bytes(whole))
        assert (tail.entries, tail.length) == ((b"first",), len(before))

    def test_says_which_entry(self) -> None:
        whole = bytearray(self.file([b"first", b"second"], [b"third"], [b"fourth"]))
        whole[whole.index(b"second")] ^= 1
        with pytest.raises(LogDamaged, match="entry 513: it is damaged, at byte"):
            decode_tail(bytes(whole))

    def test_of_another_place(self, tmp_path: Path) -> None:
        with LogStorage.open(tmp_path / "log", ORIGIN, KEY):
            pass
        (tmp_path / "log/tail").write_bytes(encode_tail(self.MARK, 100))
        with pytest.raises(LogDamaged, match="can't begin with entry 100"):
            LogStorage.open(tmp_path / "log", ORIGIN, KEY)

    def test_what_was_acknowledged_is_gone_after_a_fault(self) -> None:
        """The disk failed, and when it is asked again it has forgotten."""
        fs = FakeFs()
        log = LogStorage.open(Path("/log"), ORIGIN, KEY, fs=fs)
        log.append([b"a", b"b"])
        log._tail.close()
        fs.open(Path("/log/tail")).truncate(60)
        with pytest.raises(LogDamaged, match="has not the 2 entries"):
            log.append([b"c"])


def test_an_edge_of_another_size() -> None:
    with pytest.raises(ValueError, match="not of 512"):
        Edge.of(512, [bytes(32)])


def test_a_file_that_is_closed(tmp_path: Path) -> None:
    file = Disk().create(tmp_path / "x")
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.fsync()


def test_what_is_not_there(tmp_path: Path) -> None:
    assert Disk().identity(tmp_path / "x") is None
    assert Disk().names(tmp_path / "x") == []
    assert Disk().read(tmp_path / "x") is None


def test_a_lock_that_can_not_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks, as some that are shared over a network."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("custom_components.steward.log.fs.fcntl.flock", refuse)
    with pytest.raises(OSError, match="no locks") as raised:
        LogStorage.open(tmp_path, ORIGIN, KEY)
    assert not isinstance(raised.value, LogLocked)


def test_memory_stays_flat(tmp_path: Path) -> None:
    """A hundred thousand entries here; the benchmark has a million."""
    with LogStorage.open(tmp_path / "log", ORIGIN, KEY) as log:
        batch = [b"x" * 100] * 500
        log.append(batch)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(200):
            log.append(batch)
            if number % 50 == 0:
                log.sign()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert grown < 3_000_000
