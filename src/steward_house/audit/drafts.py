"""Tells drafts of terms from terms that the creditor should have signed.

A teller writes its terms down as they are configured, and the creditor signs what comes of it in the end. So there are unsigned terms at the
beginning of every log. They are drafts if the creditor signed the same or later ones afterwards, and nothing is owed by what only drafts said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..protocol.books.terms import Terms


@dataclass(frozen=True, slots=True)
class Proposal:
    """Terms as a log has them: whether the creditor signed them, and the energy that was accounted for before, in milliwatt-hours."""

    terms: Terms
    signed: bool
    energy: int


def drafts(proposals: Sequence[Proposal]) -> dict[int, int]:
    """Return which of all terms, counted from 0, are drafts, with the number of the terms that the creditor signed instead."""
    found = {}
    for at, (draft, following) in enumerate(pairwise(proposals)):
        signed = next(
            (each.terms for each in proposals[at + 1 :] if each.signed and each.terms.number >= draft.terms.number),
            None,
        )
        if draft.signed or signed is None:
            continue
        in_force = not any(each.signed for each in proposals[:at])
        if not in_force or following.energy == draft.energy or _money(draft.terms) == _money(signed):
            found[at] = signed.number
    return found


def _money(terms: Terms) -> Terms:
    """Return terms without what doesn't change what is owed for a reading, or when."""
    return replace(terms, number=1, creditor=None, witnesses=(), quorum=0, ceiling=None)
