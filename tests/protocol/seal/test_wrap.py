"""Wrapped keys: as the specifications have them, and only for the grant, the epoch and the provider that they are meant for."""

from hashlib import sha256
from random import Random

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.seal.epoch import EpochKey, Opening
from steward_house.protocol.seal.errors import Fault, SealError
from steward_house.protocol.seal.framing import framed
from steward_house.protocol.seal.wrap import (
    PrivateKey,
    PublicKey,
    unwrap_epoch,
    unwrap_history,
    wrap_epoch,
    wrap_history,
)

from . import hpke_oracle
from .made import ORIGIN, epoch
from .vectors import VECTORS

READER = PrivateKey(bytes(range(32)))
OTHER = PrivateKey(bytes(range(1, 33)))
KEY = epoch().key
KEYS = [epoch(seed, seed * 10).key for seed in range(1, 5)]


def refused(*arguments, **more) -> Fault:
    with pytest.raises(SealError) as error:
        unwrap_epoch(*arguments, **more)
    return error.value.fault


def test_the_working_groups_vector():
    """The vector of draft-ietf-hpke-pq has ChaCha20-Poly1305; KEM and key schedule are the same."""
    vector = {name: bytes.fromhex(value) for name, value in VECTORS["hpke_pq"].items()}
    assert PrivateKey(vector["skRm"]).public.raw == vector["pkRm"]
    secret = hpke_oracle.shared_secret(vector["skRm"], vector["enc"])
    assert secret == vector["shared_secret"]
    key, nonce = hpke_oracle.schedule(secret, vector["info"], hpke_oracle.CHACHA20_POLY1305)
    assert (key, nonce) == (vector["key"], vector["base_nonce"])
    assert ChaCha20Poly1305(key).decrypt(nonce, vector["ct"], vector["aad"]) == vector["pt"]


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.binary(max_size=100))
def test_another_implementation_opens_it(seed, content, info):
    private = PrivateKey(seed)
    wrapped = private.public.wrap(content, info)
    assert len(wrapped) == len(content) + 1136
    assert private.unwrap(wrapped, info) == hpke_oracle.unwrap(seed, wrapped, info) == content


def test_epochs_keys_come_back():
    wrapped = wrap_epoch(KEY, "grant-1", READER.public)
    assert len(wrapped) == 1168
    assert unwrap_epoch(wrapped, ORIGIN, KEY.opening, 5, grant="grant-1", private=READER) == KEY
    assert wrap_epoch(KEY, "grant-1", READER.public) != wrapped
    info = framed(
        b"github.com/steward-house/meter/wrapped-epoch/v1",
        ORIGIN.encode(),
        KEY.id,
        (5).to_bytes(8),
        b"grant-1",
        sha256(READER.public.raw).digest(),
        sha256(KEY.secret).digest(),
    )
    assert hpke_oracle.unwrap(READER.seed, wrapped, info) == KEY.secret


def test_for_nobody_and_nothing_else():
    wrapped = wrap_epoch(KEY, "grant-1", READER.public)
    right = {"grant": "grant-1", "private": READER}
    id_, commitment = KEY.opening.id, KEY.opening.commitment
    assert refused(wrapped, ORIGIN, KEY.opening, 5, grant="grant-2", private=READER) is Fault.NOT_AUTHENTIC
    assert refused(wrapped, ORIGIN, KEY.opening, 5, grant="grant-1", private=OTHER) is Fault.NOT_AUTHENTIC
    assert refused(wrapped, f"{ORIGIN}/2", KEY.opening, 5, **right) is Fault.NOT_AUTHENTIC
    assert refused(wrapped, ORIGIN, KEY.opening, 6, **right) is Fault.NOT_AUTHENTIC
    assert refused(wrapped, ORIGIN, Opening(bytes(16), commitment), 5, **right) is Fault.NOT_AUTHENTIC
    assert refused(wrapped, ORIGIN, Opening(id_, bytes(32)), 5, **right) is Fault.NOT_AUTHENTIC
    for grant in ("", "a b", "a" * 65, "ä"):
        assert refused(wrapped, ORIGIN, KEY.opening, 5, grant=grant, private=READER) is Fault.MALFORMED


def test_a_key_that_is_not_the_one_committed_to():
    info = framed(
        b"github.com/steward-house/meter/wrapped-epoch/v1",
        *(ORIGIN.encode(), KEY.id, (5).to_bytes(8), b"grant-1", READER.public.digest, KEY.commitment),
    )
    lie = READER.public.wrap(KEYS[1].secret, info)
    assert refused(lie, ORIGIN, KEY.opening, 5, grant="grant-1", private=READER) is Fault.NOT_COMMITTED


@given(st.data())
def test_no_change_passes(data):
    wrapped = wrap_epoch(KEY, "g", READER.public)
    bit = data.draw(st.integers(0, len(wrapped) * 8 - 1))
    changed = bytearray(wrapped)
    changed[bit // 8] ^= 1 << bit % 8
    cut = data.draw(st.integers(0, len(wrapped) - 1))
    for broken in (bytes(changed), wrapped[:cut], wrapped + b"\0"):
        assert refused(broken, ORIGIN, KEY.opening, 5, grant="g", private=READER) is Fault.NOT_AUTHENTIC


def test_histories_come_back():
    digest, wrapped = wrap_history(KEYS, "g", READER.public)
    assert unwrap_history(wrapped, ORIGIN, digest, "g", READER) == (*KEYS,)
    for origin, hashed, grant, private in (
        (f"{ORIGIN}/2", digest, "g", READER),
        (ORIGIN, bytes(32), "g", READER),
        (ORIGIN, digest, "h", READER),
        (ORIGIN, digest, "g", OTHER),
    ):
        with pytest.raises(SealError) as error:
            unwrap_history(wrapped, origin, hashed, grant, private)
        assert error.value.fault is Fault.NOT_AUTHENTIC


@pytest.mark.parametrize("keys", [[], KEYS[::-1], [KEY, KEY], [KEY, epoch(2, 9, f"{ORIGIN}/2").key], KEYS * 2049])
def test_histories_that_are_none(keys):
    with pytest.raises(SealError):
        wrap_history(keys, "g", READER.public)


@pytest.mark.parametrize("content", [b"", KEY.encode()[:-1], KEY.encode() * 2, KEYS[1].encode() + KEYS[0].encode()])
def test_histories_that_say_nothing_sound(content):
    """Only the house could wrap such a thing."""
    digest = sha256(content).digest()
    label = b"github.com/steward-house/meter/wrapped-history/v1"
    wrapped = READER.public.wrap(content, framed(label, ORIGIN.encode(), b"g", READER.public.digest, digest))
    with pytest.raises(SealError) as error:
        unwrap_history(wrapped, ORIGIN, digest, "g", READER)
    assert error.value.fault is Fault.MALFORMED


def test_a_history_that_is_not_what_its_digest_says():
    digest = bytes(32)
    label = b"github.com/steward-house/meter/wrapped-history/v1"
    info = framed(label, ORIGIN.encode(), b"g", READER.public.digest, digest)
    with pytest.raises(SealError):
        unwrap_history(READER.public.wrap(KEY.encode(), info), ORIGIN, digest, "g", READER)


def test_keys():
    assert PublicKey(READER.public.raw) == READER.public != OTHER.public
    assert len({PublicKey(READER.public.raw), READER.public, OTHER.public}) == 2
    assert READER.public != READER.public.raw
    assert PrivateKey.generate(Random(1).randbytes).seed == Random(1).randbytes(32)
    assert READER.seed.hex() not in repr(READER)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        READER.public.raw[:-1],
        READER.public.raw + b"\0",
        b"\xff" * 1184 + READER.public.raw[1184:],  # coefficients that are not reduced
        READER.public.raw[:1184] + bytes(32),  # points of small order: everybody knows the secret
        READER.public.raw[:1184] + b"\1" + bytes(31),
    ],
)
def test_keys_that_are_none(raw):
    with pytest.raises(SealError, match="recipient's key"):
        PublicKey(raw)


def test_seeds_that_are_none():
    for seed in (b"", bytes(31), bytes(64)):
        with pytest.raises(SealError, match="private key"):
            PrivateKey(seed)


def test_keys_open_after_they_were_wrapped():
    sealing = epoch()
    wrapped = wrap_epoch(sealing.key, "g", READER.public)
    key: EpochKey = unwrap_epoch(wrapped, ORIGIN, sealing.key.opening, 5, grant="g", private=READER)
    assert key.open_(8, sealing.seal(8, b"content")) == b"content"
