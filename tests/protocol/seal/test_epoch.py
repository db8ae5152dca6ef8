"""Epochs: what is sealed opens in its place only, no change passes, and no nonce is used twice."""

import copy
from datetime import timedelta
import pickle
from random import Random

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.seal import epoch as epochs
from steward_house.protocol.seal.epoch import Epoch, EpochKey, Opening, epoch_of, is_opening
from steward_house.protocol.seal.errors import Fault, SealError
from steward_house.protocol.seal.padding import MAX_BYTES

from .made import AT, ORIGIN, epoch

INDICES = st.integers(6, 2**63 - 1)
COUNTER = slice(18, 26)


def refused(key: EpochKey, index: int, entry: bytes) -> Fault:
    """Return why an entry isn't opened."""
    with pytest.raises(SealError) as error:
        key.open_(index, entry)
    return error.value.fault


@given(st.binary(max_size=500), INDICES, st.integers(0, 2**32))
def test_what_is_sealed_opens(content, index, seed):
    sealing = epoch(seed)
    entry = sealing.seal(index, content)
    assert sealing.key.open_(index, entry) == content
    assert epoch_of(entry) == sealing.key.id
    assert not is_opening(entry)


def test_the_longest_content_fits_into_an_entry_of_a_log():
    sealing = epoch()
    entry = sealing.seal(6, bytes(MAX_BYTES))
    assert len(entry) <= 0xFFFF
    assert sealing.key.open_(6, entry) == bytes(MAX_BYTES)


def test_no_changed_bit_passes():
    sealing = epoch()
    entry = sealing.seal(7, b"1.7.0 kW")
    for bit in range(len(entry) * 8):
        changed = bytearray(entry)
        changed[bit // 8] ^= 1 << bit % 8
        refused(sealing.key, 7, bytes(changed))
    assert sealing.key.open_(7, entry) == b"1.7.0 kW"


@given(st.binary(max_size=300), st.integers(0, 10_000))
def test_no_cut_and_no_addition_passes(content, at):
    sealing = epoch()
    entry = sealing.seal(7, content)
    refused(sealing.key, 7, entry[: at % len(entry)])
    refused(sealing.key, 7, entry + entry[: at % len(entry) + 1])


def test_entries_stay_in_their_place():
    sealing = epoch()
    key = sealing.key
    first, second = sealing.seal(6, b"first"), sealing.seal(7, b"second")
    assert refused(key, 6, second) is refused(key, 7, first) is Fault.NOT_AUTHENTIC
    assert refused(key, key.opened_at, first) is Fault.MALFORMED
    elsewhere = EpochKey(f"{ORIGIN}/2", key.id, key.opened_at, key.secret)
    assert refused(elsewhere, 6, first) is Fault.NOT_AUTHENTIC
    other = epoch(2)
    assert refused(other.key, 6, first) is Fault.NOT_AUTHENTIC
    same_id = EpochKey(ORIGIN, key.id, 5, other.key.secret)
    assert refused(same_id, 6, first) is Fault.NOT_AUTHENTIC
    renamed = first[:2] + other.key.id + first[18:]
    assert refused(other.key, 6, renamed) is Fault.NOT_AUTHENTIC
    assert refused(EpochKey(ORIGIN, other.key.id, 5, key.secret), 6, renamed) is Fault.NOT_AUTHENTIC


@given(st.binary(max_size=100))
def test_any_bytes(data):
    key = epoch().key
    refused(key, 6, data)
    refused(key, 6, b"\1\1" + key.id + data)
    with pytest.raises(SealError):
        Opening.parse(data)


def test_openings():
    key = epoch().key
    entry = key.opening.encode()
    assert is_opening(entry)
    assert len(entry) == 50
    assert Opening.parse(entry) == key.opening
    for broken in (entry[:-1], entry + b"\0", b"\2" + entry[1:], b"\1\1" + entry[2:]):
        with pytest.raises(SealError):
            Opening.parse(broken)
    assert key.secret not in entry


def test_no_nonce_is_used_twice_whatever_becomes_of_the_entry():
    sealing = epoch()
    entries = [sealing.seal(6, b"again") for _ in range(3)]
    for index, content in ((5, b""), (2**63, b""), (7, bytes(MAX_BYTES + 1))):
        with pytest.raises(SealError):
            sealing.seal(index, content)
    entries += [sealing.seal(index, b"") for index in (9, 6, 2**63 - 1)]
    assert len({entry[COUNTER] for entry in entries}) == len(entries)
    assert len({entry[26:] for entry in entries}) == len(entries)


@pytest.mark.parametrize("take", [copy.copy, copy.deepcopy, pickle.dumps])
def test_an_epoch_that_seals_cant_be_copied(take):
    with pytest.raises(TypeError, match="can't be copied"):
        take(epoch())


def test_a_key_opens_only():
    assert not [name for name in dir(EpochKey) if "seal" in name.lower()]


def test_what_is_shown_of_keys():
    key = epoch().key
    assert repr(key.secret) not in repr(key)
    assert key.secret.hex() not in repr(epoch())


def test_keys_are_fresh_even_if_random_numbers_come_again():
    """A machine that is set back to a snapshot may have its random numbers set back too; its clock goes on."""
    begun = [
        (ORIGIN, 5, AT),
        (ORIGIN, 5, AT + timedelta(microseconds=1)),
        (ORIGIN, 6, AT),
        (f"{ORIGIN}/2", 5, AT),
    ]
    keys = [Epoch(*item, Random(1).randbytes).key.secret for item in begun]
    assert len({*keys}) == len(keys)


@pytest.mark.parametrize("random", [bytes, lambda _: b"\1" * 32, lambda _: b"", lambda size: b"key" * size])
def test_random_numbers_that_are_none(random):
    with pytest.raises(SealError, match="random numbers"):
        Epoch(ORIGIN, 5, AT, random)


def test_epochs_that_are_none():
    for origin, index in (("with space", 5), ("", 5), (ORIGIN, -1), (ORIGIN, 2**63 - 1)):
        with pytest.raises(SealError):
            Epoch(origin, index, AT, Random(1).randbytes)
    key = epoch().key
    for fields in ((ORIGIN, b"", 5, key.secret), (ORIGIN, key.id, 5, b""), (ORIGIN, key.id, -1, key.secret)):
        with pytest.raises(SealError):
            EpochKey(*fields)


def test_the_end_of_an_epoch():
    sealing = epoch()
    sealing.close()
    with pytest.raises(SealError) as error:
        sealing.seal(6, b"")
    assert error.value.fault is Fault.MUST_TURN


def test_a_key_seals_only_so_much(monkeypatch):
    monkeypatch.setattr(epochs, "MAX_SEALED", 2)
    sealing = epoch()
    sealing.seal(6, b"")
    sealing.seal(7, b"")
    for _ in range(2):
        with pytest.raises(SealError) as error:
            sealing.seal(8, b"")
        assert error.value.fault is Fault.EXHAUSTED


def test_keys_are_kept():
    sealing = epoch()
    key = EpochKey.decode(ORIGIN, sealing.key.encode())
    assert key == sealing.key
    assert key.open_(6, sealing.seal(6, b"content")) == b"content"
    for broken in (b"", sealing.key.encode()[:-1], sealing.key.encode() + b"\0"):
        with pytest.raises(SealError):
            EpochKey.decode(ORIGIN, broken)
