"""Splitting: every version in any pieces, garbage, cuts, joins, wrong check sums; never more than a bounded buffer, never an error."""

from dataclasses import replace
from random import Random

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.telegrams.crc import crc16
from steward_house.protocol.telegrams.parity import seven_bits, with_parity
from steward_house.protocol.telegrams.splitter import LIMIT, Splitter

from . import houses
from .houses import VERSIONS, House, sent

TELEGRAM = houses.dsmr_5()
NOISE = st.binary(max_size=40)


def test_the_check_sum_of_the_catalogue():
    assert crc16(b"123456789") == 0xBB3D  # what "CRC-16/ARC" is defined by
    assert crc16(b"") == 0


@given(st.binary(max_size=300))
def test_check_sums_are_those_of_the_bits(data):
    assert crc16(data) == houses._crc(data)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_every_version_in_pieces(version, size):
    stream = sent(version)[50:] + sent(version) + b"\0\xff  25803103\r\n" + sent(version)
    splitter = Splitter()
    frames = [frame for at in range(0, len(stream), size) for frame in splitter.feed(stream[at : at + size])]
    assert [frame.data for frame in frames] == [sent(version)] * 2
    assert splitter.counts.frames == 2


@given(st.lists(st.sampled_from(VERSIONS), max_size=4), st.lists(st.integers(1, 900), max_size=20), NOISE)
def test_any_pieces_give_the_same(versions, sizes, noise):
    noise = noise.replace(b"/", b"").replace(b"\xdb", b"").replace(b"!", b"")
    stream = noise.join([b"", *(sent(version) for version in versions)])
    splitter, frames, at = Splitter(), [], 0
    for size in [*sizes, len(stream)]:
        frames += splitter.feed(stream[at : at + size])
        at += size
    assert [frame.data for frame in frames] == [sent(version) for version in versions]


@given(st.binary())
def test_any_bytes_raise_nothing(data):
    splitter = Splitter()
    for frame in splitter.feed(data):
        assert frame.data in data


def test_a_wrong_check_sum_is_counted():
    splitter = Splitter()
    assert splitter.feed(TELEGRAM.replace(b"412", b"413", 1)) == []
    assert splitter.counts.wrong_crc == 1
    assert [frame.data for frame in splitter.feed(TELEGRAM)] == [TELEGRAM]


def test_check_sums_in_small_letters_and_without_leading_zeros():
    power = next(n for n in range(10**6) if houses.dsmr_5(House(power=n))[-6:-5] == b"0")
    telegram = houses.dsmr_5(House(power=power))
    assert Splitter().feed(telegram[:-6] + telegram[-5:])[0].checked
    assert Splitter().feed(telegram[:-6] + telegram[-6:].lower())[0].checked


def test_a_telegram_that_was_cut_off_does_not_take_the_next_one_along():
    splitter = Splitter()
    assert [frame.data for frame in splitter.feed(TELEGRAM[:400] + TELEGRAM)] == [TELEGRAM]
    assert splitter.counts.cut == 1
    assert splitter.counts.wrong_crc == 0
    old = houses.dsmr_2_2()
    assert [frame.data for frame in splitter.feed(old[:300] + old)] == [old]


def test_a_slash_in_a_meters_name():
    telegram = houses.close(["/XXX5a/WATT1", "", "1-3:0.2.8(50)"])
    assert [frame.data for frame in Splitter().feed(telegram)] == [telegram]


def test_nothing_that_makes_sense_keeps_nothing():
    splitter = Splitter()
    for chunk in (b"x", b"/ABC5", b"\xdb\x08abcdefgh\x82\x1f\xff", b"/ABC5\r\n!zz"):
        for _ in range(3):
            assert splitter.feed(chunk * LIMIT) == []
            assert len(splitter._buffer) <= 2 * LIMIT
    splitter.feed(b"\r\n")
    assert splitter.feed(TELEGRAM * 12)[-1].data == TELEGRAM


def test_joining_in_the_middle_of_an_encrypted_telegram():
    telegram = sent("MSn")
    false = telegram[:11] + b"\x0f\x00" + telegram[13:300]
    splitter = Splitter()
    assert [frame.data for frame in splitter.feed(false + telegram)] == [telegram]
    assert splitter.counts.cut == 1
    too_long = telegram[:11] + b"\xff\xff"
    assert [frame.data for frame in splitter.feed(too_long + b"x" * 100 + telegram)] == [telegram]


def test_a_new_connection_begins_anew():
    splitter = Splitter()
    splitter.feed(TELEGRAM[:500])
    splitter.clear()
    assert splitter.feed(TELEGRAM[500:]) == []


@pytest.mark.parametrize("version", [version for version in VERSIONS if version in houses.READABLE])
def test_mutations_that_are_accepted_have_a_right_check_sum_or_none(version):
    random = Random(version)
    whole = sent(version)
    for _ in range(300):
        data = mutate(random, whole)
        for frame in Splitter().feed(data + whole):
            if frame.checked:
                body, _, digits = frame.data.rstrip(b"\r\n\0").rpartition(b"!")
                assert houses._crc(body + b"!") == int(digits, 16)


def mutate(random: Random, data: bytes) -> bytes:
    """Flip bits, cut a part out, or put parts together."""
    match random.randrange(4):
        case 0:
            return data[: random.randrange(len(data))]
        case 1:
            at, length = random.randrange(len(data)), random.randrange(40)
            return data[:at] + data[at + length :]
        case 2:
            at = random.randrange(len(data))
            return data[:at] + data[random.randrange(len(data)) :]
        case _:
            changed = bytearray(data)
            for _ in range(random.randint(1, 4)):
                changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
            return bytes(changed)


def test_houses_are_told_apart():
    assert houses.dsmr_5(replace(House(), power=5)) != TELEGRAM


@given(st.sampled_from(sorted(houses.READABLE)), st.integers(0, 250), st.integers(0, 7))
def test_parity_is_taken_off_and_checked(version, at, bit):
    whole = sent(version)
    assert seven_bits(with_parity(whole)) == whole
    changed = bytearray(with_parity(whole))
    changed[at] ^= 1 << bit
    assert seven_bits(bytes(changed)) == whole[:at] + b"\0" + whole[at + 1 :]
