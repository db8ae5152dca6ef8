"""Answers: for the provider that asked only, to what it asked, and never more than that."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.consent.answer import Access, Answer, open_answer
from steward_house.protocol.consent.document import write_document
from steward_house.protocol.consent.errors import ConsentError, Refusal
from steward_house.protocol.consent.grain import Grain
from steward_house.protocol.consent.request import open_request
from steward_house.protocol.log.note import Signer
from steward_house.protocol.log.text import write_base64
from steward_house.protocol.seal.errors import Fault, SealError
from steward_house.protocol.seal.framing import framed
from steward_house.protocol.seal.wrap import PrivateKey

from .made import AT, HOUSE, REQUEST, SCOPE, SIGNED, SIGNING, WRAPPING

ASKED = open_request(SIGNED, AT)
ACCESS = Access("grant-1", "https://home.example/api/steward/log/abc/", replace(SCOPE, grain=Grain.DAY))
ANSWER = Answer(ASKED.digest, HOUSE.verifier, AT, ACCESS)
SEALED = ANSWER.seal(HOUSE, WRAPPING.public)
LABEL = "github.com/steward-house/meter/consent-answer/v1"
MEMBERS = {
    "answered_at": "2026-03-01T12:00:00.000Z",
    "grant": "grant-1",
    "granted": True,
    "house": HOUSE.vkey,
    "location": "https://home.example/",
    "scope": SCOPE.to_json(),
}


def refused(data: bytes, asked=ASKED, private=WRAPPING) -> object:
    with pytest.raises(SealError) as error:
        open_answer(data, asked, private)
    return error.value.fault


def sealed(members: dict, signer: Signer = HOUSE) -> bytes:
    """Return an answer as a house that errs would seal it."""
    data = write_document(LABEL, members, signer, 9999)
    info = framed(b"github.com/steward-house/meter/sealed-answer/v1", ASKED.digest, WRAPPING.public.digest)
    return WRAPPING.public.wrap(data, info)


@pytest.mark.parametrize("access", [ACCESS, None])
def test_answers_come_back(access):
    answer = replace(ANSWER, access=access)
    assert open_answer(answer.seal(HOUSE, WRAPPING.public), ASKED, WRAPPING) == answer


def test_only_who_asked_reads_it_as_the_answer_to_that():
    assert refused(SEALED, private=PrivateKey(bytes(32))) is Fault.NOT_AUTHENTIC
    other = open_request(replace(REQUEST, nonce=bytes(16)).sign(SIGNING), AT)
    assert refused(SEALED, other) is Fault.NOT_AUTHENTIC


@given(st.integers(0, len(SEALED) * 8 - 1))
def test_no_change_passes(bit):
    changed = bytearray(SEALED)
    changed[bit // 8] ^= 1 << bit % 8
    assert refused(bytes(changed)) is Fault.NOT_AUTHENTIC
    assert refused(SEALED[: bit // 8]) is Fault.NOT_AUTHENTIC
    assert refused(SEALED + bytes(8192)) is Refusal.TOO_LONG


def test_what_errs_is_refused():
    right = MEMBERS | {"request": write_base64(ASKED.digest)}
    assert open_answer(sealed(right), ASKED, WRAPPING).access is not None
    assert refused(sealed(right | {"request": write_base64(bytes(32))})) is Refusal.NOT_AUTHENTIC
    assert refused(sealed(right, SIGNING)) is Refusal.NOT_AUTHENTIC
    more = replace(SCOPE, grain=Grain.MINUTE)
    assert refused(sealed(right | {"scope": more.to_json()})) is Refusal.CONTRADICTION
    for change in (
        {"granted": False},
        {"granted": 1},
        {"granted": None},
        {"grant": "no grant"},
        {"grant": None},
        {"location": ""},
        {"location": "https://home.example"},
        {"house": "x"},
        {"answered_at": "now"},
        {"request": "AAAA"},
        {"more": 1},
    ):
        assert refused(sealed(right | change)) in {Refusal.MALFORMED, Refusal.NOT_AUTHENTIC, Fault.MALFORMED}, change


def test_answers_that_are_none():
    with pytest.raises(SealError):
        ANSWER.seal(SIGNING, WRAPPING.public)
    for make in (
        lambda: Answer(b"", HOUSE.verifier, AT),
        lambda: Answer(bytes(32), HOUSE.verifier, AT + timedelta(microseconds=1)),
        lambda: Access("no grant", "https://home.example/", SCOPE),
        lambda: Access("grant", "x" * 600 + "/", SCOPE),
    ):
        with pytest.raises(SealError):
            make()
    with pytest.raises(ConsentError):
        replace(ANSWER, access=replace(ACCESS, location="https://h.example/\u200b/"))
