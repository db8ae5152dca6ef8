"""Why a request, a proof, an answer or a record is refused: the words that the house translates for its user."""

from enum import StrEnum

from ..fields import ContractError
from ..log.errors import LogError
from ..seal.errors import SealError


class Refusal(StrEnum):
    """Why something about consent is refused."""

    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    NOT_AUTHENTIC = "not_authentic"
    """A signature or a hash is false, or it was made for something else."""
    EXPIRED = "expired"
    EXPIRES_TOO_LATE = "expires_too_late"
    """Further ahead than requests may live: the provider's mistake, or a clock that is wrong."""
    UNKNOWN_SCOPE = "unknown_scope"
    """It asks for what there is not: a quantity, a grain, or a quantity that this grain can't carry."""
    EMPTY_SCOPE = "empty_scope"
    WRONG_CODE = "wrong_code"
    SPENT_CODE = "spent_code"
    CONTRADICTION = "contradiction"
    """A record would say what can't follow on what it says already."""


class ConsentError(SealError):
    """Something about consent is refused; `fault` is a `Refusal`, `where` the part that is at fault."""


class refusing:  # noqa: N801 -- read as a word: `with refusing("request"):`
    """Turn the errors of JSON and notes into the one of this package, with the part that is read at the front of its place.

    Leaving it raises:
        ConsentError: what was read is not as it has to be.
    """

    def __init__(self, where: str) -> None:
        """Name the part that is read."""
        self._where = where

    def __enter__(self) -> None:
        """Do nothing yet."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Turn the error, if it is one of those."""
        if isinstance(error, ContractError):
            where = ", ".join(filter(None, (self._where, error.where)))
            raise ConsentError(Refusal.MALFORMED, where, str(error)) from None
        if isinstance(error, LogError):
            raise ConsentError(Refusal.MALFORMED, f"{self._where}, {error.where}", error.what) from None
