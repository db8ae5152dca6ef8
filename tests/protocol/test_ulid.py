"""ULIDs: known ones, their order, their limits."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.ulid import ALPHABET, PATTERN, RANDOM_BYTES, ulid

TIMES = st.integers(0, 2**48 - 1)
RANDOM = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@pytest.mark.parametrize(
    ("milliseconds", "random", "text"),
    [
        (0, bytes(10), "00000000000000000000000000"),
        (2**48 - 1, b"\xff" * 10, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
        (1469918176385, bytes(10), "01ARYZ6S410000000000000000"),  # the time of the specification's example
        (
            1469922850259,
            bytes.fromhex("d6764c61efb99302bd5b"),
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ),  # the specification's example
        (1, b"\x00" * 9 + b"\x01", "00000000010000000000000001"),
    ],
)
def test_known(milliseconds: int, random: bytes, text: str) -> None:
    assert ulid(milliseconds, random) == text


@given(TIMES, RANDOM)
def test_carries_time_and_random_bytes(milliseconds: int, random: bytes) -> None:
    text = ulid(milliseconds, random)
    assert PATTERN.fullmatch(text)
    number = 0
    for letter in text:
        number = number * 32 + ALPHABET.index(letter)
    assert number.to_bytes(16) == milliseconds.to_bytes(6) + random


@given(TIMES, RANDOM, TIMES, RANDOM)
def test_sorts_by_time(one: int, random: bytes, other: int, more: bytes) -> None:
    assert (ulid(one, random) < ulid(other, more)) == ((one, random) < (other, more))


@pytest.mark.parametrize(
    ("milliseconds", "random"), [(-1, bytes(10)), (2**48, bytes(10)), (0, bytes(9)), (0, bytes(11)), (0, b"")]
)
def test_refuses(milliseconds: int, random: bytes) -> None:
    with pytest.raises(ValueError, match="48 bits and ten random bytes"):
        ulid(milliseconds, random)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01ARZ3NDEKTSV4RRFFQ69G5FA",
        "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV",
        "01arz3ndektsv4rrffq69g5fav",
    ]
    + [f"01ARZ3NDEKTSV4RRFFQ69G5FA{letter}" for letter in "ILOU\n"],
)
def test_pattern_refuses(text: str) -> None:
    assert not PATTERN.fullmatch(text)
