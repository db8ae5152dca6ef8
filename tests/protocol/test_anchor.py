"""What is published of checkpoints: CIDs as everybody computes them, and memos that lead back."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.anchor import CHUNK, MAX_BLOCK, Link, file_cid, memos, raw_cid, read_memos
from tests.anchorage.kubo import DAG_PB, RAW, cid, content_of, dag_pb

HASH = "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"", "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"),
        (b"hello world", "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"),
        (b"hello world\n", HASH),
    ],
)
def test_files_that_everybody_knows(content: bytes, known: str):
    """The CIDs that any node gives these contents."""
    assert file_cid(content) == known == cid(0, DAG_PB, dag_pb(content))


def test_a_raw_block_that_everybody_knows():
    assert raw_cid(b"hello world") == "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


@given(st.binary(max_size=300) | st.binary(min_size=1, max_size=1).map(lambda byte: byte * 20_000))
def test_two_implementations_agree(content: bytes):
    """Whatever the content and its length, which is written in one, two or three bytes."""
    assert file_cid(content) == cid(0, DAG_PB, dag_pb(content))
    assert raw_cid(content) == cid(1, RAW, content)
    assert not content or content_of(dag_pb(content)) == content


def test_one_block_only():
    """What a node would cut into pieces has no CID here."""
    assert len(file_cid(bytes(CHUNK))) == 46
    assert raw_cid(bytes(MAX_BLOCK))
    with pytest.raises(ValueError, match=str(CHUNK + 1)):
        file_cid(bytes(CHUNK + 1))
    with pytest.raises(ValueError, match=str(MAX_BLOCK + 1)):
        raw_cid(bytes(MAX_BLOCK + 1))


@given(st.binary(max_size=100))
def test_memos_lead_back(content: bytes):
    """Both halves have 28 bytes, the seed's own split, and give the CID again; other texts give nothing."""
    name = file_cid(content)
    first, second = memos(name)
    assert first + second == f"IPFSHASH: {name}"
    assert len(first) == len(second) == 28
    assert read_memos(first, second) == name
    assert read_memos(second, first) is None


@pytest.mark.parametrize(
    ("first", "second"), [("", ""), (HASH[:28], HASH[28:]), ("IPFSHASH: " + HASH, ""), ("IPFSHASH: ", "0" * 46)]
)
def test_other_memos_are_none(first: str, second: str):
    assert read_memos(first, second) is None


def test_only_cids_are_carried():
    for wrong in (raw_cid(b""), HASH[:-1], HASH[:-1] + "0", "XX" + HASH[2:]):
        with pytest.raises(ValueError, match=wrong):
            memos(wrong)


def test_a_chain():
    """Each link names the one before in its first line."""
    first = Link(b"note\n")
    second = Link(b"later\n", first.cid)
    assert first.content == b"note\n"
    assert second.content == f"IPFSHASHCHAIN: {first.cid}\nlater\n".encode()
    assert (second.cid, second.note_cid) == (file_cid(second.content), raw_cid(b"later\n"))
