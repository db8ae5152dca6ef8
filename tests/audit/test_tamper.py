"""Every change of a log's files is found, and the report says where: single bits, dropped, swapped, cut, rolled back, forked."""

import os
from random import Random

import pytest

from steward_house.audit.findings import Findings
from steward_house.audit.generations import check_generations, read_generations
from steward_house.audit.verify import verify
from steward_house.protocol.log.note import Note
from steward_house.protocol.log.tiles import decode_bundle, encode_bundle

from .world import KEYS, ORIGIN, Log, source

SAMPLE = int(os.environ.get("STEWARD_TAMPER", "1500"))
"""Bits of the tiles that are changed, 0 for each of them (script/campaign tamper)."""

PARTS = 16


def found(files: dict[str, bytes]) -> Findings:
    """Check the files only, not what the entries mean: a change is to be found by the tree alone."""
    findings = Findings()
    check_generations(read_generations(source(files), KEYS, findings), KEYS, findings, lambda *_: None)
    return findings


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.fixture(scope="module")
def files(log: Log) -> dict[str, bytes]:
    return log.files()


def test_nothing_is_found_where_nothing_was_changed(files: dict[str, bytes]) -> None:
    assert found(files).items == []


@pytest.mark.parametrize("part", range(PARTS))
def test_each_bit_of_the_tiles(files: dict[str, bytes], part: int) -> None:
    bits = [(path, bit) for path, data in files.items() if path != "checkpoint" for bit in range(len(data) * 8)]
    chosen = Random(20260302).sample(bits, SAMPLE) if SAMPLE else bits
    for path, bit in chosen[part::PARTS]:
        findings = found({**files, path: flipped(files[path], bit)})
        assert findings.problems, (path, bit)
        # The file is named: the bundle for an entry, the tile otherwise.
        assert {item.path for item in findings.items} == {path}, (path, bit)


def test_bits_of_lengths(files: dict[str, bytes]) -> None:
    """Where a bundle falls apart otherwise, its tile is right still."""
    path = "tile/entries/003.p/232"
    at = 0
    for number, entry in enumerate(decode_bundle(files[path])):
        bit = at * 8 + number % 16
        findings = found({**files, path: flipped(files[path], bit)})
        assert [item.path for item in findings.items] == [path], (number, bit)
        at += 2 + len(entry)


def test_each_bit_of_the_checkpoint(files: dict[str, bytes]) -> None:
    note = files["checkpoint"]
    for bit in range(len(note) * 8):
        findings = found({**files, "checkpoint": flipped(note, bit)})
        assert findings.problems, bit
        assert any(item.path == "checkpoint" for item in findings.items), bit


def test_which_entry(files: dict[str, bytes]) -> None:
    path = "tile/entries/001"
    entries = decode_bundle(files[path])
    entries[44] = entries[44].replace(b'"energy":', b'"energy":1')
    (item,) = found({**files, path: encode_bundle(entries)}).items
    assert (item.code, item.entry, item.path) == ("entry_wrong", 300, path)


def test_which_hash(files: dict[str, bytes]) -> None:
    (item,) = found({**files, "tile/0/002": flipped(files["tile/0/002"], 8 * 32 * 7)}).items
    assert (item.code, item.path, item.values["what"]) == ("tile_wrong", "tile/0/002", "hash 7")
    (item,) = found({**files, "tile/1/000.p/3": flipped(files["tile/1/000.p/3"], 8 * 32)}).items
    assert (item.code, item.path, item.values["what"]) == ("tile_wrong", "tile/1/000.p/3", "hash 1")


def test_entry_and_its_hash(files: dict[str, bytes]) -> None:
    """Who changes an entry and makes every tile fit can't make the root fit."""
    entries = [entry for index in range(3) for entry in decode_bundle(files[f"tile/entries/00{index}"])]
    entries += decode_bundle(files["tile/entries/003.p/232"])
    entries[300] = entries[300].replace(b'"energy":', b'"energy":1')
    forged = Log(ORIGIN, entries).files()
    (item,) = found({**forged, "checkpoint": files["checkpoint"]}).items
    assert (item.code, item.path) == ("root_wrong", "checkpoint")


@pytest.mark.parametrize(
    "path", ["tile/entries/000", "tile/entries/003.p/232", "tile/0/001", "tile/1/000.p/3", "checkpoint"]
)
def test_missing_file(files: dict[str, bytes], path: str) -> None:
    items = found({name: data for name, data in files.items() if name != path}).items
    assert any(item.path == path and item.code.endswith("missing") for item in items)


def test_missing_bundle_and_tile(files: dict[str, bytes]) -> None:
    gone = {"tile/entries/001", "tile/0/001"}
    codes = {item.code for item in found({name: data for name, data in files.items() if name not in gone}).items}
    assert {"bundle_missing", "tile_missing", "entries_lost", "root_wrong"} <= codes


def test_dropped_and_swapped_entries(files: dict[str, bytes]) -> None:
    path = "tile/entries/001"
    entries = decode_bundle(files[path])
    dropped = found({**files, path: encode_bundle(entries[:100] + entries[101:])}).items
    assert dropped[0].path == path
    swapped = [*entries[:20], entries[21], entries[20], *entries[22:]]
    items = found({**files, path: encode_bundle(swapped)}).items
    assert [(item.code, item.entry) for item in items] == [("entry_wrong", 276), ("entry_wrong", 277)]


@pytest.mark.parametrize("length", [0, 1, 2, 1000, -1])
def test_cut_files(files: dict[str, bytes], length: int) -> None:
    for path, data in files.items():
        if data[:length] == data:
            continue
        findings = found({**files, path: data[:length]})
        assert findings.problems
        assert path in {item.path for item in findings.items}


def test_more_bytes(files: dict[str, bytes]) -> None:
    for path, data in files.items():
        findings = found({**files, path: data + b"\0"})
        assert path in {item.path for item in findings.items}, path


def test_left_over_partial_tiles(log: Log, files: dict[str, bytes]) -> None:
    """Partial tiles of earlier sizes may stay, as long as they are the beginning of later ones; else there was another log."""
    older = {path: data for path, data in log.files(900).items() if path not in files}
    assert found({**files, **older}).items == []
    for path, data in older.items():
        (item,) = found({**files, **older, path: flipped(data, 100)}).items
        assert (item.code, item.path) == ("file_differs", path)


def test_strange_files(files: dict[str, bytes]) -> None:
    findings = found({**files, "tile/notes.txt": b"", "tile/0/004": b"\0" * 8192, "tile/0/04": b""})
    assert [(item.code, item.path) for item in findings.items] == [
        ("file_beyond", "tile/0/004"),
        ("file_unknown", "tile/0/04"),
        ("file_unknown", "tile/notes.txt"),
    ]
    assert not findings.problems


def test_unsigned_rest(log: Log, files: dict[str, bytes]) -> None:
    """What lies behind the checkpoint is not covered, and said to be so."""
    findings = found({**log.files(600), **files, "checkpoint": log.note(600)})
    assert {item.code for item in findings.items} == {"file_beyond"}


@pytest.mark.parametrize("size", [2**32 + 1, 2**40, 2**62])
def test_a_size_that_nobody_has(log: Log, files: dict[str, bytes], size: int) -> None:
    from steward_house.protocol.log.checkpoint import Checkpoint
    from steward_house.protocol.log.note import sign_note

    note = sign_note(Checkpoint(ORIGIN, size, bytes(32)).encode(), log.signer)
    assert found({**files, "checkpoint": note}).problems
    note = sign_note(Checkpoint(ORIGIN, 1 << 30, bytes(32)).encode(), log.signer)
    assert "log_cut" in {item.code for item in found({**files, "checkpoint": note}).items}


def test_stranger_signed(files: dict[str, bytes]) -> None:
    from .world import STRANGER

    text = Note.parse(files["checkpoint"]).text
    forged = Note(text, (STRANGER.sign(text),)).encode()
    assert [item.code for item in found({**files, "checkpoint": forged}).items] == ["checkpoint_wrong"]


def test_whole_verify_says_the_same(files: dict[str, bytes]) -> None:
    report = verify(source({**files, "tile/0/002": flipped(files["tile/0/002"], 5)}), KEYS)
    assert not report.ok
    assert [check.name for check in report.checks if check.outcome == "wrong"] == ["tree"]
