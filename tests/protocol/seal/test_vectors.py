"""Golden vectors: vectors.json is what was once written; it is read today, and what has no chance in it is written the same."""

from datetime import datetime
import json

import pytest

from steward_house.protocol.consent.answer import open_answer
from steward_house.protocol.consent.pairing import prove, read_code, write_code
from steward_house.protocol.consent.record import open_record
from steward_house.protocol.consent.request import open_request, read_parameter
from steward_house.protocol.consent.scope import Scope, channel_id
from steward_house.protocol.log.note import Signer, Verifier
from steward_house.protocol.seal.epoch import Epoch, EpochKey
from steward_house.protocol.seal.grant_file import open_grant_file, open_history
from steward_house.protocol.seal.padding import pad
from steward_house.protocol.seal.wrap import PrivateKey

from .vectors import VECTORS

EPOCH = VECTORS["epoch"]
GRANT = VECTORS["grant"]
CONSENT = VECTORS["consent"]
PROVIDER = PrivateKey(bytes.fromhex(GRANT["provider_seed"]))
HOUSE = Verifier.parse(GRANT["house"])


@pytest.mark.parametrize("vector", VECTORS["padding"], ids=lambda vector: vector["content"][:10])
def test_padding(vector):
    assert pad(bytes.fromhex(vector["content"])).hex() == vector["padded"]


def test_an_epoch():
    drawn = iter(bytes.fromhex(part) for part in EPOCH["random"])
    at = datetime.fromisoformat(EPOCH["at"])
    sealing = Epoch(EPOCH["origin"], EPOCH["opened_at"], at, lambda _: next(drawn))
    key = EpochKey.decode(EPOCH["origin"], bytes.fromhex(EPOCH["key"]))
    assert sealing.key == key
    assert key.opening.encode().hex() == EPOCH["opening"]
    for entry in EPOCH["entries"]:
        content, data = bytes.fromhex(entry["content"]), bytes.fromhex(entry["entry"])
        assert sealing.seal(entry["index"], content) == data
        assert key.open_(entry["index"], data) == content


def test_a_grant_file():
    opened = open_grant_file(GRANT["file"].encode(), HOUSE, GRANT["id"], PROVIDER)
    offered = [*open_history(bytes.fromhex(GRANT["history"]), opened, GRANT["id"], PROVIDER), *opened.keys]
    keys = [bytes.fromhex(key) for key in GRANT["keys"]]
    used = [
        offer.confirm_read(EpochKey.decode(EPOCH["origin"], key).opening.encode())
        for offer, key in zip(offered, keys, strict=True)
    ]
    assert [key.encode() for key in used] == keys
    assert opened.log.name == EPOCH["origin"]


def test_a_request_and_its_answer():
    at = datetime.fromisoformat(CONSENT["at"])
    data = CONSENT["request"].encode()
    asked = open_request(data, at)
    assert asked.digest.hex() == CONSENT["request_sha256"]
    assert read_parameter(CONSENT["parameter"]) == data
    signer = Signer(asked.request.provider.key_name, bytes.fromhex(CONSENT["provider_signing_seed"]))
    assert asked.request.sign(signer) == data
    answer = open_answer(bytes.fromhex(CONSENT["answer"]), asked, PROVIDER)
    assert answer.house == HOUSE
    assert answer.access is not None
    assert answer.access.scope.to_json() == CONSENT["granted_scope"]
    assert [answer.access.grant, answer.access.location] == [GRANT["id"], CONSENT["location"]]


def test_a_code_and_its_proof():
    code = read_code(CONSENT["code"])
    assert write_code(code) == CONSENT["code"]
    assert prove(code, bytes.fromhex(CONSENT["request_sha256"])).hex() == CONSENT["proof"]


def test_a_record():
    record = open_record(CONSENT["record"].encode(), HOUSE)
    assert record.grant.id == GRANT["id"]
    assert record.standing is not None
    assert record.standing.scope.to_json() == CONSENT["granted_scope"]
    assert json.loads(CONSENT["record"].split("\n")[1]) == record.to_json()


def test_channels():
    for name, channel in CONSENT["channels"].items():
        scope = CONSENT["request_scope"] if name == "requested" else CONSENT["granted_scope"]
        assert channel_id("meter", Scope.from_json(scope)) == channel
