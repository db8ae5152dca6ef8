"""The terms of a project, made of what the owner configured, and the creditor's signature over them."""

from typing import Any

from ..protocol.log.errors import NoteError
from ..protocol.log.note import Note, Verifier
from .checks import InputError, Wrong
from .data import TellerSettings


def terms_of(settings: TellerSettings, creditor: str | None = None) -> dict[str, Any]:
    """Return the terms that settings come to, for a creditor's key."""
    return {"creditor": creditor or settings.creditor, "tariff": dict(settings.tariff)}


def terms_text(terms: dict[str, Any]) -> str:
    """Return terms as the text that the creditor signs."""
    return repr(terms)


def check_signed(note: str, terms: dict[str, Any], creditor: str) -> str:
    """Return the creditor's signed note, if it is one over these terms.

    Raises:
        InputError: it is none, is over other terms, or isn't signed with the creditor's key.
    """
    try:
        found = Note.parse((note + "\n").encode())
        if not found.verified_by([Verifier.parse(creditor)]):
            raise InputError(Wrong.NOT_SIGNED)
    except NoteError:
        raise InputError(Wrong.NOTE) from None
    return note


def check_table(rows: Any) -> list[dict[str, Any]]:
    """Return the rows of a tariff table.

    Raises:
        InputError: they are none.
    """
    if not isinstance(rows, list) or not rows:
        raise InputError(Wrong.TABLE)
    return rows
