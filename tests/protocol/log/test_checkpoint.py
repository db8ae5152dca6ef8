"""Checkpoints: the specification's example, what is refused, whose signatures count."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.log import checkpoint, cosignature, note
from steward_house.protocol.log.errors import NoteError
from steward_house.protocol.log.tree import EMPTY_ROOT

from .logs import LOG, ORIGIN, SIGNER, log_of

SOFA = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
LINES = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=30)
CHECKPOINTS = st.builds(
    checkpoint.Checkpoint,
    LINES,
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(LINES, max_size=3).map(tuple),
)
WITNESS = cosignature.Cosigner("witness.example/w1", b"\1" * 32)
OTHER = cosignature.Cosigner("witness.example/w2", b"\2" * 32)


def test_the_specifications_checkpoint():
    parsed = checkpoint.Checkpoint.parse(SOFA)
    assert (parsed.origin, parsed.size) == ("example.com/behind-the-sofa", 20852163)
    assert parsed.root.hex().startswith("0ac5186a91863e8e")
    assert parsed.encode() == SOFA


def test_the_specifications_cosignature():
    text = "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
    signature = note.Signature.parse(text)
    assert note.signed_at(signature) == 1679315147
    assert note.cosigned_message(SOFA, 1679315147) == f"cosignature/v1\ntime 1679315147\n{SOFA}"


@given(CHECKPOINTS)
def test_checkpoints_are_read_as_they_are_written(value):
    assert checkpoint.Checkpoint.parse(value.encode()) == value


@given(st.text(max_size=100) | st.lists(st.sampled_from([*SOFA.splitlines(), "0", "", "x"]), max_size=5).map("\n".join))
def test_what_is_read_is_written_the_same(text):
    try:
        parsed = checkpoint.Checkpoint.parse(text)
    except NoteError:
        return
    assert parsed.encode() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\n1\n",
        f"a\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\n\nx\n",
        f"a\n01\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n",
        f"a\n 1\n{ROOT}\n",
        f"a\n1 \n{ROOT}\n",
        f"a\n1_0\n{ROOT}\n",
        f"a\n\u0661\n{ROOT}\n",
        f"a\n0x1\n{ROOT}\n",
        f"a\n1.0\n{ROOT}\n",
        f"a\n{2**63}\n{ROOT}\n",
        f"a\n{10**19}\n{ROOT}\n",
        f"a\n0\n{ROOT}\n",
        f"a\n1\n{ROOT[:-4]}\n",
        f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n {ROOT}\n",
        f"a\n1\n{ROOT[:-2]}J=\n",
        f"a\n1\nAAAA{ROOT}\n",
    ],
)
def test_no_checkpoint(text):
    with pytest.raises(NoteError):
        checkpoint.Checkpoint.parse(text)


@pytest.mark.parametrize(
    "value",
    [
        checkpoint.Checkpoint("", 1, bytes(32)),
        checkpoint.Checkpoint("a\nb", 1, bytes(32)),
        checkpoint.Checkpoint("a", -1, bytes(32)),
        checkpoint.Checkpoint("a", 2**63, bytes(32)),
        checkpoint.Checkpoint("a", 0, bytes(32)),
        checkpoint.Checkpoint("a", 1, bytes(31)),
        checkpoint.Checkpoint("a", 1, bytes(32), ("",)),
        checkpoint.Checkpoint("a", 1, bytes(32), ("x\ny",)),
    ],
)
def test_what_no_checkpoint_says(value):
    with pytest.raises(NoteError):
        value.encode()


def test_an_empty_log_has_a_checkpoint():
    opened = checkpoint.open_checkpoint(log_of(0).note(), LOG)
    assert opened.checkpoint == checkpoint.Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert opened.cosignatures == {}


def cosigned(*signatures):
    return note.Note.parse(log_of(3).note()).with_signatures(signatures).encode()


TEXT = note.Note.parse(log_of(3).note()).text


def test_witnesses_that_are_known_are_told():
    data = cosigned(WITNESS.sign(TEXT, 1_700_000_000), OTHER.sign(TEXT, 0))
    opened = checkpoint.open_checkpoint(data, LOG, [WITNESS.verifier])
    assert opened.cosignatures == {WITNESS.name: 1_700_000_000}
    assert opened.note.encode() == data
    opened = checkpoint.open_checkpoint(data, LOG, (key.verifier for key in (WITNESS, OTHER)))
    assert opened.cosignatures == {WITNESS.name: 1_700_000_000, OTHER.name: 0}
    assert checkpoint.open_checkpoint(data, LOG).cosignatures == {}


def test_a_witness_does_not_stand_in_for_the_log():
    parsed = note.Note(TEXT, (WITNESS.sign(TEXT, 5),))
    with pytest.raises(NoteError, match="did not sign it"):
        checkpoint.open_checkpoint(parsed.encode(), LOG, [WITNESS.verifier])


def test_a_witness_of_another_time_lies():
    early = WITNESS.sign(TEXT, 5)
    late = note.Signature(early.name, early.key_id, (6).to_bytes(8) + early.data[8:])
    with pytest.raises(NoteError, match="it is false"):
        checkpoint.open_checkpoint(cosigned(late), LOG, [WITNESS.verifier])


def test_of_two_cosignatures_the_later_one_counts():
    own, early, late = SIGNER.sign(TEXT), WITNESS.sign(TEXT, 5), WITNESS.sign(TEXT, 6)
    for both in ((early, late), (late, early)):
        data = note.Note(TEXT, (own, *both)).encode()
        assert checkpoint.open_checkpoint(data, LOG, [WITNESS.verifier]).cosignatures == {WITNESS.name: 6}
    with pytest.raises(NoteError, match="there twice"):
        checkpoint.open_checkpoint(note.Note(TEXT, (own, early, early)).encode(), LOG, [WITNESS.verifier])


def test_a_checkpoint_of_another_log():
    text = checkpoint.Checkpoint("other.example", 3, bytes(32)).encode()
    with pytest.raises(NoteError, match=f"it is not {ORIGIN}'s"):
        checkpoint.open_checkpoint(note.sign_note(text, SIGNER), LOG)


def test_a_note_that_is_no_checkpoint():
    with pytest.raises(NoteError, match="three lines"):
        checkpoint.open_checkpoint(note.sign_note("Good morning\n", SIGNER), LOG)


@pytest.mark.parametrize(
    ("log", "witnesses"),
    [
        (WITNESS.verifier, []),
        (LOG, [note.Signer("witness.example/w3", b"\3" * 32).verifier]),
        (LOG, [WITNESS.verifier, WITNESS.verifier]),
        (LOG, [WITNESS.verifier, cosignature.Cosigner("witness.example/w3", b"\1" * 32).verifier]),
        (LOG, [WITNESS.verifier, cosignature.Cosigner(WITNESS.name, b"\3" * 32).verifier]),
        (LOG, [cosignature.Cosigner("witness.example/w3", bytes(range(32))).verifier]),
        (LOG, [cosignature.Cosigner(ORIGIN, b"\3" * 32).verifier]),
    ],
)
def test_keys_that_would_count_for_more_than_they_are_worth(log, witnesses):
    with pytest.raises(NoteError, match="key "):
        checkpoint.open_checkpoint(log_of(3).note(), log, witnesses)
