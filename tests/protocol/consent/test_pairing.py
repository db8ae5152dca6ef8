"""Pairing codes: typed as people type, proved without being told, and spent once."""

from datetime import timedelta
from random import Random

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.consent.errors import ConsentError, Refusal
from steward_house.protocol.consent.pairing import MAX_TRIES, Pairing, prove, read_code, write_code

from .made import AT

LIFE = timedelta(minutes=10)
DIGEST = bytes(range(32))
CODES = st.binary(min_size=10, max_size=10)


def pairing() -> tuple[Pairing, bytes]:
    made = Pairing(Random(1).randbytes, AT, LIFE)
    text = made.shown(AT)
    assert text is not None
    return made, read_code(text)


def refused(made: Pairing, proof: bytes, at=AT) -> Refusal:
    with pytest.raises(ConsentError) as error:
        made.redeem(proof, DIGEST, at)
    return error.value.fault


@given(CODES)
def test_codes_come_back_as_they_are_typed(code):
    text = write_code(code)
    assert len(text) == 19
    for typed in (text, text.lower(), text.replace("-", ""), text.replace("-", " "), f" {text} "):
        assert read_code(typed) == code
    assert read_code(text.replace("0", "O").replace("1", "l")) == code
    assert read_code(text.replace("0", "o").replace("1", "I")) == code


@pytest.mark.parametrize("text", ["", "A" * 15, "A" * 17, "U" * 16, "ä" * 16, "A" * 16 + " " * 99, "\uff21" * 16])
def test_codes_that_are_none(text):
    with pytest.raises(ConsentError) as error:
        read_code(text)
    assert error.value.fault is Refusal.MALFORMED


@given(CODES, CODES, st.binary(max_size=40), st.binary(max_size=40))
def test_proofs_differ(code, other, digest, another):
    assert len(prove(code, digest)) == 32
    assert (prove(code, digest) == prove(other, another)) is ((code, digest) == (other, another))


def test_a_code_counts_once():
    made, code = pairing()
    made.redeem(prove(code, DIGEST), DIGEST, AT)
    assert made.shown(AT) is None
    assert refused(made, prove(code, DIGEST)) is Refusal.SPENT_CODE


def test_a_code_counts_for_its_request():
    made, code = pairing()
    assert refused(made, prove(code, bytes(32))) is Refusal.WRONG_CODE
    assert refused(made, b"") is Refusal.WRONG_CODE
    made.redeem(prove(code, DIGEST), DIGEST, AT)


def test_a_code_counts_for_a_few_tries():
    made, code = pairing()
    for _ in range(MAX_TRIES):
        assert refused(made, bytes(32)) is Refusal.WRONG_CODE
    assert refused(made, prove(code, DIGEST)) is Refusal.SPENT_CODE


@pytest.mark.parametrize("at", [AT + LIFE, AT - timedelta(seconds=1)])
def test_a_code_counts_for_its_time(at):
    made, code = pairing()
    assert made.shown(at) is None
    assert refused(made, prove(code, DIGEST), at) is Refusal.EXPIRED
    assert refused(made, prove(code, DIGEST)) is Refusal.SPENT_CODE
    made, code = pairing()
    made.redeem(prove(code, DIGEST), DIGEST, AT + LIFE - timedelta(seconds=1))


def test_too_few_random_numbers():
    with pytest.raises(ConsentError):
        Pairing(lambda _: b"", AT, LIFE)
