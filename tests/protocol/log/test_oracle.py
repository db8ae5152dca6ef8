"""Another implementation in Python, `aics-tlog`, makes the same, accepts what is made here, and refuses what is refused here."""

from hypothesis import given, settings, strategies as st
import pytest

from steward_house.protocol.log import checkpoint, cosignature, note, tiles, tree
from steward_house.protocol.log.errors import LogError

from .conftest import Oracle, RefusedError
from .logs import LOG, ORIGIN, SIGNER, log_of

SMALL = log_of(300)
ENTRIES = [entry.hex() for entry in SMALL.entries]
NAMES = st.text("abcé./-_09", min_size=1, max_size=30)
SEEDS = st.binary(min_size=32, max_size=32)
HASHES = st.binary(min_size=32, max_size=32)
FEW = settings(max_examples=30)


def unhex(items):
    return [bytes.fromhex(item) for item in items]


def test_roots(oracle: Oracle):
    assert unhex(oracle.ask("roots", entries=ENTRIES)) == [SMALL.root(size) for size in range(301)]


@FEW
@given(st.data())
def test_proofs(oracle: Oracle, data):
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion_path(index, size, SMALL.node)
    assert unhex(oracle.ask("inclusion", entries=ENTRIES[:size], index=index, size=size)) == path
    path = tree.consistency_path(index, size, SMALL.node)
    assert unhex(oracle.ask("consistency", entries=ENTRIES[:size], old=index, size=size)) == path


def shows(verify, *arguments):
    """Say whether a proof shows something here."""
    try:
        verify(*arguments)
    except LogError:
        return False
    return True


def asks(oracle, question, **asked):
    """Say whether a proof shows something there."""
    try:
        return oracle.ask(question, **asked)
    except RefusedError:
        return False


@given(st.data())
def test_the_same_proofs_show_something(oracle: Oracle, data):
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    claimed, other = data.draw(st.integers(0, 41)), data.draw(st.integers(0, 41))
    inclusion = tree.inclusion_path(index, size, SMALL.node)
    consistency = tree.consistency_path(index, size, SMALL.node)
    leaf, root, old_root = SMALL.leaves[index], SMALL.root(size), SMALL.root(index)
    if data.draw(st.booleans()):
        inclusion, consistency = inclusion[1:], consistency[1:]
    there = asks(oracle, "includes", leaf=leaf.hex(), index=claimed, size=other, path=[item.hex() for item in inclusion], root=root.hex())  # fmt: skip
    assert there == shows(tree.verify_inclusion, leaf, claimed, other, inclusion, root)
    if claimed:  # what is shown from nothing is said differently
        there = asks(oracle, "continues", old=claimed, size=other, path=[item.hex() for item in consistency], old_root=old_root.hex(), root=root.hex())  # fmt: skip
        assert there == shows(tree.verify_consistency, claimed, old_root, other, root, consistency)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 300])
def test_files(oracle: Oracle, size):
    files = {path: data.hex() for path, data in SMALL.files(size).items()}
    assert oracle.ask("files", entries=ENTRIES[:size]) == files
    found = oracle.ask("audit", files=files, size=size, root=SMALL.root(size).hex(), index=size // 2)
    assert bytes.fromhex(found["root"]) == SMALL.root(size)
    assert unhex(found["path"]) == tree.inclusion_path(size // 2, size, SMALL.node)
    assert bytes.fromhex(found["entry"]) == SMALL.entries[size // 2]


def test_files_of_a_larger_log(oracle: Oracle):
    large = log_of(70_000)
    made = {path: bytes.fromhex(data) for path, data in oracle.ask("files", entries=[entry.hex() for entry in large.entries]).items()}  # fmt: skip
    assert made == large.files()
    reader = tiles.TileReader(made.get, 70_000)
    assert reader.root() == large.root()


@given(NAMES, SEEDS)
def test_keys(oracle: Oracle, name, seed):
    assert oracle.ask("keys", name=name, seed=seed.hex()) == {
        "log": note.Signer(name, seed).vkey,
        "witness": cosignature.Cosigner(name, seed).vkey,
    }


@given(NAMES, SEEDS, st.integers(1, 2**63 - 1), HASHES)
def test_checkpoints(oracle: Oracle, name, seed, size, root):
    signer = note.Signer(name, seed)
    made = note.sign_note(checkpoint.Checkpoint(name, size, root).encode(), signer)
    asked = {"origin": name, "name": name, "seed": seed.hex(), "size": size, "root": root.hex()}
    assert oracle.ask("sign", **asked).encode() == made
    assert oracle.ask("check", note=made.hex(), log=signer.vkey, witnesses=[], quorum=0) == {
        "ok": True,
        "says": [name, size, root.hex()],
    }


WITNESS = cosignature.Cosigner("witness.example/w1", b"\1" * 32)


@given(st.integers(0, 2**63 - 1), st.integers(1, 300))
def test_cosignatures(oracle: Oracle, at, size):
    data = SMALL.note(size)
    line = WITNESS.sign(note.Note.parse(data).text, at).line
    asked = {
        "origin": ORIGIN,
        "name": WITNESS.name,
        "seed": (b"\1" * 32).hex(),
        "size": size,
        "root": SMALL.root(size).hex(),
    }
    assert oracle.ask("sign", **asked, at=at) == line
    both = cosignature.cosigned(data, [line], [WITNESS.verifier])
    for quorum in (0, 1, 2):
        found = oracle.ask("check", note=both.hex(), log=LOG.vkey, witnesses=[WITNESS.vkey], quorum=quorum)
        assert found["ok"] is (quorum < 2)


def here(data):
    """Say what a note says here, or None."""
    try:
        parsed = note.Note.parse(data)
    except LogError:
        return None
    lines = [[item.name, item.key_id.hex(), item.data.hex()] for item in parsed.signatures]
    return {"text": parsed.text, "signatures": lines}


@given(st.integers(0, 8 * 250), st.sampled_from([b"\n", b" ", b"=", b"A", b"", b"\r", b"\t"]), st.booleans())
def test_what_is_accepted_here_is_accepted_there(oracle: Oracle, bit, inserted, flip):
    data = bytearray(SMALL.note(7))
    at = bit // 8 % len(data)
    if flip:
        data[at] ^= 1 << bit % 8
    else:
        data[at:at] = inserted
    ours = here(bytes(data))
    if ours is not None:
        assert oracle.ask("parse", note=data.hex()) == ours
        assert shows(checkpoint.open_checkpoint, bytes(data), LOG) == (bytes(data) == SMALL.note(7))


@pytest.mark.parametrize("size", [1, 300])
def test_what_is_false_is_refused_by_both(oracle: Oracle, size):
    data = SMALL.note(size)
    false = data.replace(f"\n{size}\n".encode(), f"\n{size + 1}\n".encode())
    assert not shows(checkpoint.open_checkpoint, false, LOG)
    assert oracle.ask("check", note=false.hex(), log=SIGNER.vkey, witnesses=[], quorum=0)["ok"] is False
