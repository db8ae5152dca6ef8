"""What an auditor brings along: the agreed terms, keys, certificates, and how far to go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..protocol.books.terms import Terms
from ..protocol.fields import ContractError, parse
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Note, Verifier
from .books import zone_of
from .sources import SourceError
from .stamps import Stamps

_MAX_TERMS: Final = 65_535

type Ask = Callable[[str], bytes | None]
"""Asks a Horizon for what is below a path; None where there is nothing."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The terms that the auditor holds in their hands, and the creditor's key."""

    terms: Terms | None = None
    creditor: str | None = None

    @classmethod
    def read(cls, data: bytes | None, creditor: str | None = None) -> "Agreed":
        """Read terms, as JSON or as the creditor's signed note.

        Raises:
            SourceError: they are none, or the note isn't signed with the key.
        """
        try:
            if creditor is not None:
                creditor = Verifier.parse(creditor.strip()).vkey
            if data is None:
                return cls(None, creditor)
            if b"\n\n" not in data:
                terms = Terms.from_json(parse(data.strip(), _MAX_TERMS))
                return cls(terms, creditor or terms.creditor)
            note = Note.parse(data if data.endswith(b"\n") else data + b"\n")
            terms = Terms.from_json(parse(note.text.encode().strip(), _MAX_TERMS))
            creditor = creditor or terms.creditor
            if creditor is None:
                raise SourceError("the signed terms name no creditor: give the key with --creditor")
            note.verified_by([Verifier.parse(creditor)])
        except (NoteError, ContractError) as error:
            raise SourceError(f"the terms, or the creditor's key, can't be used: {error}") from error
        return cls(terms, creditor)

    def __post_init__(self) -> None:
        """Check the time zone.

        Raises:
            SourceError: the terms are in none that is known here.
        """
        try:
            zone_of(self.terms.zone if self.terms else "UTC")
        except KeyError as error:
            raise SourceError(f"the terms are in a time zone that is not known here, {error}") from error


@dataclass(frozen=True, slots=True)
class Destination:
    """Where payments have to arrive: the creditor's account (`G…`) and the asset, `native` or `CODE:ISSUER`; of what is None, the log's word counts."""

    account: str | None = None
    asset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What else is to be done, and what it is done with."""

    agreed: Agreed = Agreed()
    recheck: bool = True
    tolerance: float = 1.0
    """Percent."""
    horizon: Ask | None = None
    destination: Destination = Destination()
    stamps: Stamps = field(default_factory=Stamps)
    inspectors: Sequence[Verifier] = ()
