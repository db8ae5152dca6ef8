"""Opens encrypted telegrams, as meters in Luxembourg and Austria send them: AES-128-GCM with a tag of 12 bytes, always verified.

After the header (see splitter.py) follow the security control byte (0x30: suite 0, authenticated and encrypted), the invocation counter of four
bytes, the cipher text, the tag. The nonce is the system title and the counter; the security control byte and the authentication key are
authenticated with the text (DLMS Green Book, section 9.2.7.2).
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY_LENGTH: Final = 16
LUXEMBOURG_AUTHENTICATION_KEY: Final = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
"""The same for all meters there (Smarty's P1 specification, section 3.2.5): who has the encryption key could forge a telegram."""

_CONTROL: Final = 0x30
_TITLE: Final = slice(2, 10)
_HEADER: Final = 13
_TAG: Final = 12
_SHORTEST: Final = _HEADER + 1 + 4 + _TAG


class NotAuthenticError(ValueError):
    """The tag is wrong: another key, another authentication key, or not what the meter sent."""


def open_telegram(frame: bytes, key: bytes, authentication_key: bytes) -> bytes:
    """Return the readable telegram in an encrypted one; keys have 16 bytes.

    Raises:
        NotAuthenticError: the meter has not sent this, or the keys are not its own.
    """
    if len(frame) < _SHORTEST or frame[_HEADER] != _CONTROL:
        raise NotAuthenticError
    nonce = frame[_TITLE] + frame[_HEADER + 1 : _HEADER + 5]
    tag, text = frame[-_TAG:], frame[_HEADER + 5 : -_TAG]
    opener = Cipher(algorithms.AES(key), modes.GCM(nonce, tag, min_tag_length=_TAG)).decryptor()
    opener.authenticate_additional_data(bytes([_CONTROL]) + authentication_key)
    try:
        return opener.update(text) + opener.finalize()
    except InvalidTag as error:
        raise NotAuthenticError from error
