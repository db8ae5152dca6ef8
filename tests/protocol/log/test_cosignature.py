"""Cosignatures, and what is said between a log and a witness."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.log import checkpoint, cosignature, note
from steward_house.protocol.log.errors import LogError, NoteError, ProofError

from .logs import LOG, log_of

WITNESS = cosignature.Cosigner("witness.example/w1", b"\1" * 32)
OTHER = cosignature.Cosigner("witness.example/w2", b"\2" * 32)
DATA = log_of(3).note()
TEXT = note.Note.parse(DATA).text
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=63)
# The specification's examples, whose keys it does not tell.
REQUEST = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()
ANSWER = """\
— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
""".encode()


def test_the_specifications_request():
    request = cosignature.CosignatureRequest.parse(REQUEST)
    assert (request.old, len(request.proof)) == (20852014, 4)
    assert checkpoint.Checkpoint.parse(note.Note.parse(request.note).text).size == 20852163
    assert cosignature.add_checkpoint_request(request.old, request.proof, request.note) == REQUEST


def test_the_specifications_answer():
    assert cosignature.read_cosignatures(ANSWER) == ANSWER.decode().splitlines()


@given(st.integers(0, 2**63 - 1), HASHES)
def test_requests_are_read_as_they_are_written(old, proof):
    body = cosignature.add_checkpoint_request(old, proof, DATA)
    assert cosignature.CosignatureRequest.parse(body) == cosignature.CosignatureRequest(old, (*proof,), DATA)


@given(st.binary(max_size=100) | st.binary(max_size=60).map(b"old 5\n".__add__))
def test_what_is_read_is_written_the_same(body):
    try:
        request = cosignature.CosignatureRequest.parse(body)
    except LogError:
        return
    assert request.encode() == body


HASH = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw="


@pytest.mark.parametrize(
    "head",
    ["", "old", "old ", "old 01", "old +1", "old -1", "Old 1", f"{HASH}", f"old 1\n{HASH}\nx", f"old 1\n {HASH}", "old 1\r", "old \u0661",
     "\n".join(["old 1", *[HASH] * 64])],
)  # fmt: skip
def test_no_request(head):
    with pytest.raises(ProofError):
        cosignature.CosignatureRequest.parse(f"{head}\n\n".encode() + DATA)


def test_a_request_without_a_blank_line():
    with pytest.raises(ProofError):
        cosignature.CosignatureRequest.parse(b"old 1\n")


@pytest.mark.parametrize(("old", "proof"), [(-1, []), (2**63, []), (1, [bytes(31)]), (1, [bytes(32)] * 64)])
def test_what_no_request_says(old, proof):
    with pytest.raises(ProofError):
        cosignature.add_checkpoint_request(old, proof, DATA)


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"x\n", ANSWER[:-1], ANSWER + b"\n", b"\xff\n", ANSWER * 200, b"- a b\n", "— a\n".encode()]
)
def test_no_answer(body):
    with pytest.raises(NoteError):
        cosignature.read_cosignatures(body)


def test_the_size_that_a_witness_knows():
    assert cosignature.read_size(b"20852014\n") == 20852014
    for body in (b"", b"\n", b"5", b"05\n", b"5\n\n", b"5\r\n", b"+5\n", b"\xff\n", b"a\n"):
        with pytest.raises(NoteError):
            cosignature.read_size(body)


def test_cosignatures_are_added_and_replaced():
    first = cosignature.cosigned(DATA, [WITNESS.sign(TEXT, 5).line], [WITNESS.verifier, OTHER.verifier])
    second = cosignature.cosigned(
        first, [WITNESS.sign(TEXT, 6).line[:-1], OTHER.sign(TEXT, 7).line], [WITNESS.verifier, OTHER.verifier]
    )
    witnesses = [WITNESS.verifier, OTHER.verifier]
    assert checkpoint.open_checkpoint(first, LOG, witnesses).cosignatures == {WITNESS.name: 5}
    assert checkpoint.open_checkpoint(second, LOG, witnesses).cosignatures == {WITNESS.name: 6, OTHER.name: 7}
    assert len(note.Note.parse(second).signatures) == 3


def test_cosignatures_of_unknown_witnesses_are_left_out():
    data = cosignature.cosigned(DATA, [OTHER.sign(TEXT, 7).line, WITNESS.sign(TEXT, 5).line], [WITNESS.verifier])
    assert [signature.name for signature in note.Note.parse(data).signatures] == [LOG.name, WITNESS.name]
    with pytest.raises(NoteError, match="none of the keys"):
        cosignature.cosigned(DATA, [OTHER.sign(TEXT, 7).line], [WITNESS.verifier])


def test_a_false_cosignature_is_not_added():
    false = WITNESS.sign(note.Note.parse(log_of(4).note()).text, 5)
    with pytest.raises(NoteError, match="it is false"):
        cosignature.cosigned(DATA, [false.line], [WITNESS.verifier])


@pytest.mark.parametrize("length", [0, 1, 8, 71, 73])
def test_a_cosignature_of_another_length(length):
    signature = note.Signature(WITNESS.name, WITNESS.verifier.key_id, bytes(length))
    with pytest.raises(NoteError, match="it is not a cosignature"):
        WITNESS.verifier.verify(TEXT, signature)


def test_a_cosignature_after_the_end_of_time():
    good = WITNESS.sign(TEXT, 2**63 - 1)
    WITNESS.verifier.verify(TEXT, good)
    late = note.Signature(good.name, good.key_id, (2**63).to_bytes(8) + good.data[8:])
    with pytest.raises(NoteError, match="it is not a cosignature"):
        WITNESS.verifier.verify(TEXT, late)


@pytest.mark.parametrize(("text", "at"), [("Good morning\n", 5), (TEXT, -1), (TEXT, 2**63)])
def test_what_a_witness_does_not_sign(text, at):
    with pytest.raises(NoteError):
        WITNESS.sign(text, at)
