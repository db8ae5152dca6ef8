"""Proofs that stand alone: both forms, what is refused, whose word counts."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.log import cosignature, note, tree
from steward_house.protocol.log.errors import LogError, NoteError, ProofError
from steward_house.protocol.log.proof import HEADER, LogProof

from .logs import LOG, log_of

SMALL = log_of(100)
NOTE = SMALL.note()
TEXT = note.Note.parse(NOTE).text
WITNESSES = [cosignature.Cosigner(f"witness.example/w{number}", bytes([number]) * 32) for number in (1, 2, 3)]
KNOWN = [witness.verifier for witness in WITNESSES]
PROOFS = st.builds(
    LogProof,
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple),
    st.just(NOTE),
    st.none() | st.binary(max_size=50),
)


def proof_of(index, data=NOTE):
    return LogProof(index, tuple(tree.inclusion_path(index, 100, SMALL.node)), data)


@given(PROOFS)
def test_proofs_are_read_as_they_are_written(value):
    assert LogProof.parse(value.encode()) == value
    if value.extra is None:
        spicy = value.encode(spicy=True)
        assert LogProof.parse(spicy) == value
        assert value.encode() == HEADER.encode() + b"\n" + spicy


@given(st.binary(max_size=100) | st.binary(max_size=60).map(b"index 5\n".__add__))
def test_what_is_read_is_written_the_same(data):
    try:
        value = LogProof.parse(data)
    except LogError:
        return
    assert data in {value.encode(), None if value.extra else value.encode(spicy=True)}


@pytest.mark.parametrize("spicy", [False, True])
def test_every_entry_is_proved(spicy):
    for index, entry in enumerate(SMALL.entries):
        signed = LogProof.parse(proof_of(index).encode(spicy=spicy)).verify(entry, LOG)
        assert signed.checkpoint.size == 100
        with pytest.raises(ProofError):
            proof_of(index).verify(entry + b"x", LOG)
        with pytest.raises(ProofError):
            LogProof((index + 1) % 100, proof_of(index).path, NOTE).verify(entry, LOG)


def test_no_changed_bit_passes():
    data = proof_of(5).encode()
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LogError):
            LogProof.parse(bytes(changed)).verify(SMALL.entries[5], LOG)


def test_enough_witnesses():
    lines = [witness.sign(TEXT, 5).line for witness in WITNESSES[:2]]
    proof = proof_of(5, cosignature.cosigned(NOTE, lines, KNOWN))
    for quorum in (0, 1, 2):
        assert len(proof.verify(SMALL.entries[5], LOG, KNOWN, quorum).cosignatures) == 2
    with pytest.raises(ProofError, match="2 known witnesses signed, 3 have to"):
        proof.verify(SMALL.entries[5], LOG, KNOWN, 3)
    with pytest.raises(ProofError, match="1 known witnesses signed, 2 have to"):
        proof.verify(SMALL.entries[5], LOG, KNOWN[1:], 2)


def test_a_proof_of_another_log():
    other = note.Signer("other.example", b"\4" * 32)
    with pytest.raises(NoteError, match="none of the keys"):
        proof_of(5, SMALL.note(signer=other)).verify(SMALL.entries[5], LOG)


def test_a_spicy_signature_has_no_extra_data():
    with pytest.raises(ProofError, match="no room"):
        LogProof(0, (), NOTE, b"").encode(spicy=True)


@pytest.mark.parametrize(
    "value", [LogProof(-1, (), NOTE), LogProof(0, (bytes(31),), NOTE), LogProof(0, (), b""), LogProof(0, (bytes(32),) * 64, NOTE)]
)  # fmt: skip
def test_what_no_proof_says(value):
    with pytest.raises(ProofError):
        value.encode()


HASH = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw="


@pytest.mark.parametrize(
    ("head", "where"),
    [
        ("", "line 1 of the proof"),
        (HEADER, "line 2 of the proof"),
        (f"{HEADER}\nextra AA==", "line 3 of the proof"),
        (f"{HEADER}\nindex 5\nextra AA==", "line 3 of the proof"),
        (f"{HEADER}\nextra AB==\nindex 5", "extra"),
        (f"{HEADER}\nextra A\nindex 5", "extra"),
        ("extra AA==\nindex 5", "line 1 of the proof"),
        (f"{HEADER} \nindex 5", "line 1 of the proof"),
        ("c2sp.org/tlog-proof@v2\nindex 5", "line 1 of the proof"),
        ("index", "line 1 of the proof"),
        ("index 05", "index"),
        ("index +5", "index"),
        ("index -5", "index"),
        ("index  5", "index"),
        ("index 5\r", "index"),
        (f"index {2**63}", "index"),
        (f"index 5\n{HASH} ", "line 2 of the proof"),
        (f"index 5\n{HASH}\n{HASH[:-4]}", "line 3 of the proof"),
        (f"{HEADER}\nindex 5\n{HASH[:-2]}x=", "line 3 of the proof"),
        ("index 5\n\u00e9", "proof"),
        ("\n".join(["index 5", *[HASH] * 64]), "proof"),
    ],
)
def test_no_proof(head, where):
    with pytest.raises(ProofError) as caught:
        LogProof.parse(f"{head}\n\n".encode() + NOTE)
    assert caught.value.where == where


@pytest.mark.parametrize("data", [b"", b"index 5\n", b"index 5\n\n", b"index 5", bytes(5 << 20)])
def test_no_proof_without_a_checkpoint(data):
    with pytest.raises(ProofError):
        LogProof.parse(data)
