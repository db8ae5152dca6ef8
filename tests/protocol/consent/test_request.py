"""Requests: they come back as they were signed; changed, cut, expired or foreign ones don't count."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
import json

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.consent.address import Address
from steward_house.protocol.consent.document import write_document
from steward_house.protocol.consent.errors import ConsentError, Refusal
from steward_house.protocol.consent.request import (
    MAX_LIFE,
    MAX_PARAMETER,
    MAX_REQUEST_BYTES,
    Reference,
    fits_qr,
    open_request,
    read_parameter,
    write_parameter,
)
from steward_house.protocol.log.note import Signer
from steward_house.protocol.seal.errors import SealError

from .made import AT, PROVIDER, REQUEST, SIGNED, SIGNING, TEXTS, requests

LABEL = "github.com/steward-house/meter/consent-request/v1"
MEMBERS = json.loads(SIGNED.decode().split("\n")[1])
ELSEWHERE = Address.parse("https://insights.example:8443/requests/1", "request")


def refused(data: bytes, at=AT) -> Refusal:
    with pytest.raises(ConsentError) as error:
        open_request(data, at)
    return error.value.fault


@given(requests())
def test_requests_come_back(request):
    data = request.sign(SIGNING)
    signed = open_request(data, request.expires - timedelta(milliseconds=1))
    assert signed.request == request
    assert signed.digest == sha256(data).digest()
    assert read_parameter(write_parameter(data)) == data


def test_no_changed_byte_passes():
    for at in range(len(SIGNED)):
        changed = bytearray(SIGNED)
        changed[at] ^= 1
        refused(bytes(changed))


@given(st.integers(0, len(SIGNED) - 1), st.binary(max_size=60))
def test_no_cut_and_nothing_else_passes(at, data):
    refused(SIGNED[:at])
    refused(SIGNED + data[:1] + b"\n")
    refused(data)
    refused(SIGNED[:at] + data + b"x")


def test_time():
    assert open_request(SIGNED, REQUEST.expires - timedelta(milliseconds=1))
    assert refused(SIGNED, REQUEST.expires) is Refusal.EXPIRED
    assert open_request(SIGNED, REQUEST.expires - MAX_LIFE)
    assert refused(SIGNED, REQUEST.expires - MAX_LIFE - timedelta(milliseconds=1)) is Refusal.EXPIRES_TOO_LATE


def test_a_strangers_signature():
    other = Signer(SIGNING.name, bytes(32))
    same_name = write_document(LABEL, MEMBERS, other, MAX_REQUEST_BYTES)
    assert refused(same_name) is Refusal.NOT_AUTHENTIC
    renamed = write_document(LABEL, MEMBERS, Signer("insights.example", bytes(range(3, 35))), MAX_REQUEST_BYTES)
    assert refused(renamed) is Refusal.NOT_AUTHENTIC
    with pytest.raises(ConsentError):
        REQUEST.sign(other)


def test_one_signature_only():
    line = SIGNED.decode().rpartition("\n\n")[2]
    other = Signer("b.example", bytes(32)).sign("text\n").line
    assert refused(SIGNED + other.encode()) is Refusal.MALFORMED
    assert refused(SIGNED + line.encode()) is Refusal.MALFORMED


CHANGES = [
    {"name": ""},
    {"name": "x" * 65},
    {"name": " x"},
    {"name": "Good\u202eliveE"},
    {"name": "two\nlines"},
    {"name": None},
    {"purpose": "x" * 501},
    {"purpose": "x "},
    {"nonce": "AAAA"},
    {"nonce": "?"},
    {"nonce": MEMBERS["nonce"] + "="},
    {"expires": "tomorrow"},
    {"expires": "2026-03-01T13:00:00.000+00:00"},
    {"signing_key": "AAAA"},
    {"signing_key": "A" * 43 + "="},
    {"wrapping_key": "AAAA"},
    {"wrapping_key": 7},
    {"site": "https://other.example"},
    {"return_address": "https://other.example/answer"},
    {"return_address": "http://insights.example:8443/answer"},
    {"scope": None},
    {"more": 1},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_signed_nonsense(change):
    members = {name: value for name, value in (MEMBERS | change).items() if value is not None}
    assert refused(write_document(LABEL, members, SIGNING, MAX_REQUEST_BYTES)) is Refusal.MALFORMED


@given(st.sampled_from(sorted(MEMBERS)))
def test_every_member_has_to_be_there(name):
    members = {other: value for other, value in MEMBERS.items() if other != name}
    assert refused(write_document(LABEL, members, SIGNING, MAX_REQUEST_BYTES)) is Refusal.MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        f"{LABEL}\n{json.dumps(MEMBERS)}\n",
        f"{LABEL}\n[]\n",
        f"{LABEL}\n\n",
        f"{LABEL}\n",
        f"{LABEL}\nno json\n",
        f"{LABEL.replace('v1', 'v2')}\n{{}}\n",
        f"{LABEL}\n{{}}\n{{}}\n",
    ],
)
def test_other_documents(text):
    data = f"{text}\n{SIGNING.sign(text).line}".encode()
    assert refused(data) is Refusal.MALFORMED


def test_sizes():
    assert refused(SIGNED + bytes(MAX_REQUEST_BYTES)) is Refusal.TOO_LONG
    widest = replace(PROVIDER, name="\U0001f50c" * 64)
    data = replace(REQUEST, provider=widest, purpose="\U0001f50c" * 500).sign(SIGNING)
    assert open_request(data, AT)
    with pytest.raises(ConsentError) as error:
        read_parameter("A" * (MAX_PARAMETER + 1))
    assert error.value.fault is Refusal.TOO_LONG
    with pytest.raises(ConsentError):
        write_document(LABEL, {"a": "a" * MAX_REQUEST_BYTES}, SIGNING, MAX_REQUEST_BYTES)


def test_references():
    reference = Reference(ELSEWHERE, sha256(SIGNED).digest())
    read = read_parameter(reference.parameter)
    assert read == reference
    assert fits_qr(f"https://home.example/api/steward/consent?request={reference.parameter}")
    assert not fits_qr(write_parameter(SIGNED))
    assert reference.open_(SIGNED, AT).request == REQUEST
    with pytest.raises(ConsentError, match="not the one that was referred to"):
        reference.open_(SIGNED + b"\n", AT)
    elsewhere = Reference(Address.parse("https://other.example/r", "request"), reference.digest)
    with pytest.raises(ConsentError, match="another site"):
        elsewhere.open_(SIGNED, AT)
    with pytest.raises(ConsentError, match="expired"):
        reference.open_(SIGNED, REQUEST.expires)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "AB",
        "A B",
        "AA==",
        "ä",
        "https://insights.example/r#",
        "https://insights.example/r#AAAA",
        "https://insights.example/r#" + "A" * 42 + "B",
        "https://insights.example/r#" + "A" * 43 + "#",
        "http://insights.example/r#" + "A" * 43,
        "#" + "A" * 43,
    ],
)
def test_parameters_that_are_none(text):
    with pytest.raises(ConsentError) as error:
        read_parameter(text)
    assert error.value.fault is Refusal.MALFORMED


@given(st.binary(min_size=1, max_size=200))
def test_parameters_have_one_form(data):
    assert read_parameter(write_parameter(data)) == data
    assert write_parameter(data) == urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example",
        "https://a.example/",
        "https://a-b.c.example:1/x/%20?y=1&z=a:b",
        "http://localhost:8080/x",
        "http://127.0.0.1:1",
        "http://[::1]:5/",
    ],
)
def test_addresses(text):
    address = Address.parse(text, "site")
    assert address.text == text
    assert text.startswith(address.origin)
    assert address.origin.count("/") == 2
    assert address.is_loopback == ("example" not in text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "ftp://a.example",
        "https://a.example?x",
        "http://a.example",
        "http://192.168.1.5/",
        "https://192.168.1.5/",
        "https://[fe80::1]/",
        "https://2130706433",
        "https://A.example",
        "https://a.example:443/",
        "http://localhost:80/",
        "https://a.example:0/",
        "https://a.example:65536",
        "https://a.example:00443",
        "https://user@a.example/",
        "https://a.example@evil.example/",
        "https://a.example\\@evil.example/",
        "https://a.example/#x",
        "https://a.example/a b",
        "https://a.example/%2f",
        "https://a.example/ä",
        "https://-a.example",
        "https://a..example",
        "https://a.example/\n",
        "javascript:alert(1)//https://a.example",
        f"https://a.example/{'x' * 512}",
        f"https://{'.'.join(['a' * 60] * 5)}",
    ],
)
def test_addresses_that_are_none(text):
    with pytest.raises(ConsentError) as error:
        Address.parse(text, "site")
    assert error.value.fault is Refusal.MALFORMED


@given(TEXTS)
def test_any_text_is_an_address_or_refused(text):
    for candidate in (text, f"https://{text}", f"https://a.example/{text}"):
        try:
            address = Address.parse(candidate, "site")
        except SealError:
            continue
        assert address.text == candidate
