"""Padding: everything comes back, only what was padded is accepted, and lengths fall into few classes."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.seal.errors import Fault, SealError
from steward_house.protocol.seal.padding import CLASSES, LARGEST, MAX_BYTES, pad, unpad

CONTENTS = st.binary(max_size=600) | st.integers(0, MAX_BYTES).map(lambda size: b"\x80\0" * (size // 2))


def test_classes():
    assert CLASSES[:6] == (128, 192, 256, 384, 512, 768)
    assert CLASSES[-2:] == (49_152, LARGEST)
    assert [*CLASSES] == sorted(set(CLASSES))


@given(CONTENTS)
def test_contents_come_back(content):
    padded = pad(content)
    assert len(padded) in CLASSES
    assert len(padded) == 128 or len(padded) <= len(content) * 3 // 2 + 2
    assert unpad(padded) == content


@pytest.mark.parametrize("size", [0, 127, 128, 191, 192, 49_151, 49_152, MAX_BYTES])
def test_the_ends_of_classes(size):
    assert len(pad(bytes(size))) == min(length for length in CLASSES if length > size)
    assert unpad(pad(bytes(size))) == bytes(size)


def test_what_is_too_long_is_refused():
    with pytest.raises(SealError, match="65280 bytes") as refused:
        pad(bytes(MAX_BYTES + 1))
    assert refused.value.fault is Fault.TOO_LONG


@given(
    st.binary(max_size=400)
    | CONTENTS.map(pad).flatmap(lambda data: st.sampled_from((data[:-1], data + b"\0", b"\1" + data)))
)
def test_only_what_was_padded_is_accepted(data):
    try:
        content = unpad(data)
    except SealError:
        return
    assert pad(content) == data


@pytest.mark.parametrize("data", [b"", bytes(128), b"\x80", b"\x80" + bytes(190), bytes(LARGEST + 128) + b"\x80"])
def test_no_padding(data):
    with pytest.raises(SealError):
        unpad(data)
