"""What users enter for a teller, read into what the entry keeps, or refused with the key of a translated error."""

from base64 import b32decode
from binascii import Error as Base32Error, crc_hqx
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from homeassistant.const import CONF_URL
from homeassistant.helpers import config_validation as cv
import probatio
from yarl import URL

from ..log.witness import Witness
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Algorithm, Verifier
from .data import CONF_VERIFIER, LUMENS

_ACCOUNT: Final = 6 << 3
"""The first byte of a Stellar account's id (SEP-23)."""


class Wrong(StrEnum):
    """What is wrong with something, as the key of the translated error."""

    CURRENCY = "invalid_currency"
    NUMBER = "invalid_number"
    URL = "invalid_url"
    VERIFIER = "invalid_verifier"
    VERIFIER_OF_WITNESS = "verifier_of_witness"
    ACCOUNT = "invalid_account"
    PAYMENT_ASSET = "invalid_payment_asset"
    NOT_LUMENS = "not_lumens"
    WITNESS_TWICE = "witness_twice"
    QUORUM = "invalid_quorum"
    TABLE = "invalid_table"
    NOTE = "invalid_note"
    OTHER_TERMS = "other_terms"
    NOT_SIGNED = "terms_not_signed"


class InputError(ValueError):
    """Something that can't be taken."""

    def __init__(self, wrong: Wrong) -> None:
        """Remember what is wrong with it."""
        super().__init__(wrong.value)
        self.wrong = wrong


def currency(text: str) -> str:
    """Read the code of a currency, such as EUR; that of lumens is one too."""
    text = text.strip().upper()
    try:
        return text if text == LUMENS else str(cv.currency(text))
    except probatio.Invalid:
        raise InputError(Wrong.CURRENCY) from None


def decimal(number: float | str) -> str:
    """Read an amount or a price: a decimal number without an exponent, not below zero."""
    try:
        value = Decimal(str(number))
    except InvalidOperation:
        raise InputError(Wrong.NUMBER) from None
    if not value.is_finite() or value < 0:
        raise InputError(Wrong.NUMBER)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def url(text: str) -> str:
    """Read the address of a service."""
    try:
        found = URL(text.strip())
    except ValueError:
        raise InputError(Wrong.URL) from None
    if found.scheme not in {"http", "https"} or not found.host or found.query_string or found.fragment:
        raise InputError(Wrong.URL)
    return str(found).rstrip("/")


def creditor(text: str) -> str:
    """Read the verifier key of who signs terms."""
    try:
        verifier = Verifier.parse(text.strip())
    except NoteError:
        raise InputError(Wrong.VERIFIER) from None
    if verifier.algorithm is not Algorithm.ED25519:
        raise InputError(Wrong.VERIFIER_OF_WITNESS)
    return verifier.vkey


def witnesses(found: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Read addresses and verifier keys of witnesses, who have to differ from each other."""
    read: list[Witness] = []
    for each in found:
        try:
            read.append(Witness.parse(url(each[CONF_URL]), each[CONF_VERIFIER].strip()))
        except NoteError:
            raise InputError(Wrong.VERIFIER) from None
    names, keys = {each.verifier.name for each in read}, {each.verifier.public for each in read}
    if min(len(names), len(keys)) < len(read):
        raise InputError(Wrong.WITNESS_TWICE)
    return [{CONF_URL: witness.url, CONF_VERIFIER: witness.verifier.vkey} for witness in read]


def account(text: str) -> str:
    """Read the id of a Stellar account, `G…`: version, key and checksum in base 32 (SEP-23)."""
    text = text.strip()
    try:
        data = b32decode(text)
    except Base32Error, ValueError:
        raise InputError(Wrong.ACCOUNT) from None
    if len(data) != 35 or data[0] != _ACCOUNT or crc_hqx(data[:-2], 0) != int.from_bytes(data[-2:], "little"):  # noqa: PLR2004
        raise InputError(Wrong.ACCOUNT)
    return text


def payment_asset(text: str) -> str:
    """Read what is paid with: `native`, or `CODE:ISSUER`."""
    text = text.strip()
    if text.lower() in {"native", "xlm"}:
        return "native"
    code, _, issuer = text.partition(":")
    if not (code.isascii() and code.isalnum() and 1 <= len(code) <= 12):  # noqa: PLR2004
        raise InputError(Wrong.PAYMENT_ASSET)
    try:
        return f"{code}:{account(issuer)}"
    except InputError:
        raise InputError(Wrong.PAYMENT_ASSET) from None
