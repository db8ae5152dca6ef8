"""The terms of a project, made of what the owner configured, and the creditor's signature over them."""

from dataclasses import replace
from datetime import date
from typing import Any, Final

from ..protocol.books.periods import Period, Unit
from ..protocol.books.tariff import read_tariff
from ..protocol.books.terms import (
    DEFAULT_MAX_POWER,
    GapPolicy,
    GapWorth,
    SourceKind,
    SourceTerms,
    Terms,
    check_terms,
)
from ..protocol.fields import ContractError, Fields
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Note, Verifier
from .checks import InputError, Wrong, decimal
from .data import (
    CONF_AFTER,
    CONF_COUNT,
    CONF_PRICE,
    CONF_START,
    CONF_TARIFF,
    CONF_UNIT,
    CONF_WORTH,
    LUMENS,
    Source,
    TellerSettings,
)

_MWH_PER_KWH: Final = 1_000_000
_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
    LUMENS: 7,
}
"""Digits behind the point of currencies that don't have two (ISO 4217's list one; of lumens, Stellar's ledger)."""


def terms_of(settings: TellerSettings, creditor: str | None, before: Terms | None) -> Terms:
    """Return the terms that settings come to, with the number that follows the terms `before`, if they are others."""
    pay = settings.pay
    terms = Terms(
        project=settings.project,
        currency=settings.currency,
        zone=settings.zone,
        tariff=read_tariff(Fields({CONF_TARIFF: dict(settings.tariff)}), CONF_TARIFF),
        period=Period(
            settings.period[CONF_COUNT],
            Unit(settings.period[CONF_UNIT]),
            date.fromisoformat(settings.period[CONF_START]),
        ),
        sources=tuple(_source(source) for source in settings.sources),
        creditor=creditor,
        due_days=settings.due_days,
        digits=_DIGITS.get(settings.currency, 2),
        gaps=GapPolicy(GapWorth(settings.gaps[CONF_WORTH]), settings.gaps[CONF_AFTER]),
        witnesses=tuple(witness.verifier for witness in settings.witnesses),
        quorum=settings.quorum,
        ceiling=pay.ceiling if pay and pay.automatic else None,
    )
    if before is None:
        return terms
    same = replace(terms, number=before.number)
    return same if same == before else replace(terms, number=before.number + 1)


def check_signed(note: str, terms: Terms, creditor: str) -> str:
    """Return the creditor's signed note, as the log has it, if it is one over these terms.

    Raises:
        InputError: it is none, is over other terms, or isn't signed with the creditor's key.
    """
    note = note.strip().replace("\r\n", "\n") + "\n"
    try:
        found = Note.parse(note.encode())
    except NoteError:
        raise InputError(Wrong.NOTE) from None
    if found.text != terms.text:
        raise InputError(Wrong.OTHER_TERMS)
    verifier = Verifier.parse(creditor)
    if not is_signed(terms, note, creditor) or not any(verifier.made(signature) for signature in found.signatures):
        raise InputError(Wrong.NOT_SIGNED)
    return note


def is_signed(terms: Terms, note: str | None, creditor: str | None) -> bool:
    """Whether a note is the creditor's over these terms."""
    if note is None or creditor is None:
        return False
    try:
        check_terms(terms, note, creditor)
    except NoteError:
        return False
    return True


def check_tariff(tariff: dict[str, Any]) -> dict[str, Any]:
    """Return a tariff as the terms have it; prices may be numbers.

    Raises:
        InputError: it is none.
    """
    try:
        rows = tariff.get("rows")
        if rows is not None:
            tariff = {**tariff, "rows": [{**row, CONF_PRICE: decimal(row[CONF_PRICE])} for row in rows]}
        read_tariff(Fields({CONF_TARIFF: tariff}), CONF_TARIFF)
    except ContractError, InputError, TypeError, KeyError:
        raise InputError(Wrong.TABLE) from None
    return tariff


def _source(source: Source) -> SourceTerms:
    return SourceTerms(
        id=source.id,
        kind=SourceKind(source.kind),
        max_power=int(source.max_power) if source.max_power else DEFAULT_MAX_POWER,
        rollover=round(source.rollover * _MWH_PER_KWH) if source.rollover else None,
    )
