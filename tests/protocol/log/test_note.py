"""Signed notes: known ones, what is refused, and that no changed bit passes."""

import base64

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.log import cosignature, note
from steward_house.protocol.log.errors import LogError, NoteError

from .logs import LOG, SIGNER, log_of

# The example of Go's package golang.org/x/mod/sumdb/note, whose format the specification describes.
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
PETER = f"{PETER_TEXT}\n{PETER_LINE}".encode()
# The specification's example of keys.
FOO_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# Its example of a note, whose key it does not tell.
QUASIMODO = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
).encode()

TEXTS = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]) | st.just("\n"), max_size=60).map(
    "{}\n".format
)
NAMES = st.text("abcäß./-_0é", min_size=1, max_size=30)
SEEDS = st.binary(min_size=32, max_size=32)


def test_known_note():
    verifier = note.Verifier.parse(PETER_KEY)
    signer = note.Signer("PeterNeumann", PETER_SEED)
    assert signer.vkey == verifier.vkey == PETER_KEY
    assert note.sign_note(PETER_TEXT, signer) == PETER
    assert note.Note.parse(PETER).verified_by([verifier]) == {verifier: signer.sign(PETER_TEXT)}


def test_the_specifications_key():
    verifier = note.Verifier.parse(FOO_KEY)
    assert verifier.vkey == FOO_KEY
    assert [*note.Note.parse(FOO).verified_by([verifier])] == [verifier]
    with pytest.raises(NoteError, match="it is false"):
        note.Note.parse(FOO.replace(b"This", b"That")).verified_by([verifier])


def test_the_specifications_note():
    parsed = note.Note.parse(QUASIMODO)
    assert parsed.text.endswith("sole:\n\ned è subito sera.\n")
    (signature,) = parsed.signatures
    assert (signature.name, len(signature.data)) == ("quasimodo.example/salvatore", 64)
    assert parsed.encode() == QUASIMODO
    with pytest.raises(NoteError, match="none of the keys"):
        parsed.verified_by([LOG])


@given(TEXTS, st.lists(st.tuples(NAMES, SEEDS), min_size=1, max_size=5, unique_by=lambda pair: pair[0]))
def test_notes_are_read_as_they_are_signed(text, keys):
    signers = [note.Signer(*key) for key in keys]
    parsed = note.Note.parse(note.sign_note(text, *signers))
    assert parsed.text == text
    assert [*parsed.verified_by(signer.verifier for signer in signers)] == [signer.verifier for signer in signers]


@given(NAMES, SEEDS)
def test_keys_are_read_as_they_are_written(name, seed):
    for key in (note.Signer(name, seed), cosignature.Cosigner(name, seed)):
        assert note.Verifier.parse(key.vkey) == key.verifier


@given(st.binary(max_size=200) | TEXTS.map(str.encode) | st.just(PETER).map(lambda data: data[1:]))
def test_what_is_read_is_written_the_same(data):
    try:
        parsed = note.Note.parse(data)
    except LogError:
        return
    assert parsed.encode() == data


def test_no_changed_bit_passes():
    data = log_of(3).note()
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NoteError):
            note.Note.parse(bytes(changed)).verified_by([LOG])


def test_signatures_of_other_keys_are_ignored():
    text = "text\n"
    others = [
        note.Signer(SIGNER.name, bytes(31) + b"\1").sign(text),  # the same name
        note.Signature("other.example", LOG.key_id, b"not even a signature"),  # the same id
    ]
    own = SIGNER.sign(text)
    assert note.Note(text, (*others, own, *others)).verified_by([LOG]) == {LOG: own}
    with pytest.raises(NoteError, match="none of the keys"):
        note.Note(text, (*others,)).verified_by([LOG])
    with pytest.raises(NoteError, match="none of the keys"):
        note.Note(text, (own,)).verified_by([])


def test_a_false_signature_of_a_known_key_spoils_the_note():
    text = "text\n"
    other = note.Signer("other.example", bytes(32))
    false = note.Signature(other.name, other.verifier.key_id, SIGNER.sign(text).data)
    with pytest.raises(NoteError, match=r"signature of other\.example: it is false"):
        note.Note(text, (SIGNER.sign(text), false)).verified_by([LOG, other.verifier])
    for length in (1, 63, 65):
        cut = note.Signature(LOG.name, LOG.key_id, bytes(length))
        with pytest.raises(NoteError, match="it is false"):
            note.Note(text, (cut,)).verified_by([LOG])


def test_a_key_signs_once():
    text = "text\n"
    with pytest.raises(NoteError, match="it is there twice"):
        note.Note(text, (SIGNER.sign(text), SIGNER.sign(text))).verified_by([LOG])


def line(encoded, name="a.example"):
    return f"text\n\n— {name} {encoded}\n".encode()


GOOD = base64.b64encode(bytes(5)).decode()  # AAAAAAA=


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "note"),
        (b"text\n", "note"),
        (b"text\n\n", "note"),
        (b"text\n\n\n", "note"),
        (f"text\n— a.example {GOOD}\n".encode(), "note"),  # no blank line
        (line(GOOD)[:-1], "note"),  # no end of line
        (line(GOOD) + b"\n", "note"),
        (line(GOOD) + b"tail\n", "line 4 of the note"),
        (line(GOOD).replace(b"\n", b"\r\n"), "note"),
        (b"te\rxt" + line(GOOD), "line 1 of the note"),
        (b"te\0xt" + line(GOOD), "line 1 of the note"),
        (b"a\nb\tc" + line(GOOD), "line 2 of the note"),
        (b"\xff" + line(GOOD), "byte 0 of the note"),
        (line(GOOD).replace("—".encode(), b"-"), "line 3 of the note"),
        (line(GOOD).replace("— ".encode(), "—".encode()), "line 3 of the note"),
        (line(GOOD, ""), "line 3 of the note"),
        (line(GOOD, "a+b"), "line 3 of the note"),
        (line(GOOD, "a b"), "line 3 of the note"),
        (line(GOOD, "a\u00a0b"), "line 3 of the note"),
        (line(GOOD, "a\u2003b"), "line 3 of the note"),
        (line(GOOD, "x" * 256), "line 3 of the note"),
        (line(""), "line 3 of the note"),
        (line("AAAAAA=="), "line 3 of the note"),  # an id and nothing else
        (line("AAAAAAB="), "line 3 of the note"),  # unused bits that are not zero
        (line("AAAAAAA"), "line 3 of the note"),  # no padding
        (line("AAAAAAA=="), "line 3 of the note"),
        (line("AAAAAAA= "), "line 3 of the note"),
        (line("AAAA AAA="), "line 3 of the note"),
        (line("AAAAAAA=AAAA"), "line 3 of the note"),
        (line("AAAA-_A="), "line 3 of the note"),
        (line("AAAAé==="), "line 3 of the note"),
        (b"text\n\n" + f"— a.example {GOOD}\n".encode() * 65, "note"),
        (b"x" * (1 << 20) + line(GOOD), "note"),
    ],
)  # fmt: skip
def test_no_note(data, where):
    assert note.Note.parse(line(GOOD)).text == "text\n"
    with pytest.raises(NoteError) as caught:
        note.Note.parse(data)
    assert caught.value.where == where


def test_64_signatures():
    assert len(note.Note.parse(b"text\n\n" + f"— a.example {GOOD}\n".encode() * 64).signatures) == 64


@pytest.mark.parametrize("text", ["", "text", "a\0\n", "a\r\n", "a\tb\n"])
def test_no_text_of_a_note(text):
    with pytest.raises(NoteError):
        note.sign_note(text, SIGNER)


def test_nobody_signs():
    with pytest.raises(NoteError):
        note.sign_note("text\n")


def test_a_note_that_would_be_read_as_another():
    with pytest.raises(NoteError):
        note.Note("text\n", (note.Signature("a b", bytes(4), bytes(64)),)).encode()
    with pytest.raises(NoteError, match="as another"):
        note.Note("text\n", (note.Signature("a", bytes(3), bytes(64)),)).encode()


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        PETER_KEY.replace("Peter", "Paul"),
        PETER_KEY.replace("c74f20a3", "C74F20A3"),
        PETER_KEY.replace("c74f20a3", "c74f20a4"),
        PETER_KEY.replace("c74f20a3", "c74f20a"),
        PETER_KEY + "=",
        PETER_KEY + "\n",
        PETER_KEY[:-4],
        PETER_KEY[:-1] + "\u00e9",
        "a b" + PETER_KEY,
        "+" + PETER_KEY,
        "a+00000000+",
        "a\ud800" + PETER_KEY,
        "a+00000000+" + base64.b64encode(b"\2" + bytes(32)).decode(),
        "a+00000000+" + base64.b64encode(b"\6" + bytes(1312)).decode(),
    ],
)
def test_no_key(vkey):
    with pytest.raises(NoteError):
        note.Verifier.parse(vkey)


@pytest.mark.parametrize("y", [*note._SMALL_ORDER, note._PRIME, note._PRIME + 1, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_for_which_anybody_can_sign(y, sign):
    with pytest.raises(NoteError, match="anybody could sign"):
        note.Verifier("a.example", note.Algorithm.ED25519, (y | sign << 255).to_bytes(32, "little"))


@pytest.mark.parametrize(("name", "seed"), [("", bytes(32)), ("a b", bytes(32)), ("a", bytes(31)), ("a", bytes(33))])
def test_no_signer(name, seed):
    with pytest.raises(NoteError):
        note.Signer(name, seed)
    with pytest.raises(NoteError):
        cosignature.Cosigner(name, seed)
