"""HPKE's opening side by its specifications, from primitives: RFC 9180's key schedule above MLKEM768-X25519.

Sources: RFC 9180, sections 4, 5.1 and 5.2; draft-irtf-cfrg-concrete-hybrid-kems for the KEM.
"""

from hashlib import sha3_256, shake_256
import hmac

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM, HKDF_SHA256, AES_256_GCM, CHACHA20_POLY1305 = 0x647A, 1, 2, 3
ENCAPSULATED = 1120


def shared_secret(seed: bytes, encapsulated: bytes) -> bytes:
    """Return what sender and recipient share."""
    stretched = shake_256(seed).digest(96)
    x25519 = X25519PrivateKey.from_private_bytes(stretched[64:])
    ml_kem_secret = MLKEM768PrivateKey.from_seed_bytes(stretched[:64]).decapsulate(encapsulated[:1088])
    x25519_secret = x25519.exchange(X25519PublicKey.from_public_bytes(encapsulated[1088:]))
    public = x25519.public_key().public_bytes_raw()
    return sha3_256(ml_kem_secret + x25519_secret + encapsulated[1088:] + public + rb"\.//^\ ".strip()).digest()


def schedule(secret: bytes, info: bytes, aead: int) -> tuple[bytes, bytes]:
    """Return key and nonce of the first message, in base mode."""
    suite = b"HPKE" + KEM.to_bytes(2) + HKDF_SHA256.to_bytes(2) + aead.to_bytes(2)

    def extract(salt: bytes, name: bytes, keying: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + suite + name + keying, "sha256")

    def expand(key: bytes, name: bytes, context: bytes, size: int) -> bytes:
        return hmac.digest(key, size.to_bytes(2) + b"HPKE-v1" + suite + name + context + b"\1", "sha256")[:size]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    key = extract(secret, b"secret", b"")
    return expand(key, b"key", context, 32), expand(key, b"base_nonce", context, 12)


def unwrap(seed: bytes, wrapped: bytes, info: bytes) -> bytes:
    """Return what was wrapped with AES-256-GCM."""
    key, nonce = schedule(shared_secret(seed, wrapped[:ENCAPSULATED]), info, AES_256_GCM)
    return AESGCM(key).decrypt(nonce, wrapped[ENCAPSULATED:], b"")
