"""Receipts: a payment that no ledger tells of counts when the creditor has signed for it.

Whoever paid says so in the books, with the reference that the payment is found by: a claim. The creditor signs the text of that very
entry, as the log has it, and the signed note is the receipt: anybody who has the log can check which claim it confirms.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ...protocol.books.entries import Payment, PaymentStep, unsigned_text
from ...protocol.log.errors import NoteError
from ...protocol.log.note import Note, Verifier
from .bills import Bill


class Wrong(StrEnum):
    """What is wrong with a receipt; keys of translated errors."""

    NO_KEY = "no_creditor"
    NO_NOTE = "invalid_receipt"
    OTHER = "other_receipt"
    NOT_SIGNED = "receipt_not_signed"


class ReceiptError(Exception):
    """A receipt that confirms nothing."""

    def __init__(self, reason: Wrong) -> None:
        """Say why."""
        super().__init__(reason.value)
        self.reason = reason


def check_receipt(note: str, creditor: str | None, bill: Bill, now: datetime) -> Payment:
    """Return the entry that a creditor's signed note confirms one of a bill's claims with.

    Raises:
        ReceiptError: it confirms none.
    """
    if creditor is None:
        raise ReceiptError(Wrong.NO_KEY)
    text = note.replace("\r\n", "\n").strip() + "\n"  # forms and mails change line ends
    try:
        found = Note.parse(text.encode())
    except NoteError as error:
        raise ReceiptError(Wrong.NO_NOTE) from error
    claim = next((each for each in bill.claims if unsigned_text(each) == found.text), None)
    if claim is None:
        raise ReceiptError(Wrong.OTHER)
    try:
        found.verified_by([Verifier.parse(creditor)])
    except NoteError as error:
        raise ReceiptError(Wrong.NOT_SIGNED) from error
    return replace(claim, at=now, step=PaymentStep.CONFIRMED, note=text)
