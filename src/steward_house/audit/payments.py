"""Checks the payments that the books say were made, in the ledger where a Horizon is given."""

from base64 import b64encode

from ..protocol.books.entries import PaymentStep
from ..protocol.books.memo import payment_memo, text_memo
from .anchors import read_transaction
from .books import Books
from .findings import Findings
from .options import Ask


def check_payments(books: Books, origin: str, horizon: Ask | None, findings: Findings) -> None:
    """Look up every confirmed payment, which counts as paid; one without a transaction is the house's word only."""
    for each in books.payments:
        entry = each.entry
        if entry.step is not PaymentStep.CONFIRMED:
            continue
        findings.generation = each.place.generation
        if entry.tx is None:
            findings.note("payment_claimed", entry=each.place.entry, period=entry.period)
        elif horizon is not None:
            found = read_transaction(horizon, entry.tx) if entry.tx.isalnum() else None
            if found is None:
                findings.problem("payment_unknown", entry=each.place.entry, tx=entry.tx[:64])
            elif found.get("successful") is not True:
                findings.problem("payment_failed", entry=each.place.entry, tx=entry.tx[:64])
            else:
                memo = payment_memo(origin, entry.project, entry.period)
                if found.get("memo") not in {b64encode(memo).decode(), text_memo(memo)}:
                    findings.problem("payment_memo", entry=each.place.entry, tx=entry.tx[:64], period=entry.period)
    findings.generation = None
