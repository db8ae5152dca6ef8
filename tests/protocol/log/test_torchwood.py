"""Debian's torchwood, an implementation in Go that knows nothing of this one, accepts proofs from here.

`spicy-torchwood -verify VKEY FILE` reads the entry from FILE and the proof from FILE.spicy. In its version 0.9 that is a tlog-proof without its
first line and without extra data: `index N`, the path's hashes in base64, one in each line, a blank line, the checkpoint with its
signatures. It exits with 0, or says what is wrong and exits with 1.
"""

from pathlib import Path
import subprocess

import pytest

from steward_house.protocol.log import note, tree
from steward_house.protocol.log.proof import LogProof

from .logs import LOG, MemoryLog

READINGS = [b'{"at":"2026-07-01T12:%02d:00.000Z","energy":%d,"kind":"reading"}' % (at % 60, at) for at in range(1000)]
BOOKS = MemoryLog(READINGS)
OTHER = note.Signer("other.example", b"\4" * 32).verifier


def verify(torchwood: Path, folder: Path, entry: bytes, proof: bytes, log: note.Verifier = LOG):
    """Let torchwood judge; return its exit status and what it says."""
    file = folder / "reading.json"
    file.write_bytes(entry)
    file.with_name("reading.json.spicy").write_bytes(proof)
    judged = subprocess.run(
        [torchwood / "spicy-torchwood", "-verify", log.vkey, file],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return judged.returncode, judged.stderr


def proof_of(index: int, size: int = 1000) -> bytes:
    return LogProof(index, tuple(tree.inclusion_path(index, size, BOOKS.node)), BOOKS.note(size)).encode(spicy=True)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 1000), (255, 256), (256, 257), (731, 1000), (999, 1000)])
def test_accepts_our_proofs(torchwood: Path, tmp_path: Path, index, size):
    code, said = verify(torchwood, tmp_path, READINGS[index], proof_of(index, size))
    assert code == 0, said
    assert "verified" in said


def test_refuses_a_changed_digit(torchwood: Path, tmp_path: Path):
    changed = READINGS[731].replace(b'"energy":731', b'"energy":732')
    assert changed != READINGS[731]
    code, said = verify(torchwood, tmp_path, changed, proof_of(731))
    assert (code, "could not verify inclusion" in said) == (1, True), said


def test_refuses_another_place(torchwood: Path, tmp_path: Path):
    code, said = verify(torchwood, tmp_path, READINGS[731], proof_of(730))
    assert (code, "could not verify inclusion" in said) == (1, True), said


def test_refuses_another_log(torchwood: Path, tmp_path: Path):
    code, said = verify(torchwood, tmp_path, READINGS[731], proof_of(731), OTHER)
    assert (code, "could not verify checkpoint" in said) == (1, True), said


def test_does_not_know_the_first_line(torchwood: Path, tmp_path: Path):
    # When this fails, torchwood has learnt the specification's form, and one form is enough.
    code, said = verify(torchwood, tmp_path, READINGS[731], LogProof.parse(proof_of(731)).encode())
    assert (code, "malformed spicy signature" in said) == (1, True), said
