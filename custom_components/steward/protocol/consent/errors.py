"""Why a request, a proof, an answer or a record is refused: the words that the house translates for its user."""

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def refusing(where: str) -> Iterator[None]:
    """Turn the errors of JSON and notes into the one of this package.

    Raises:
        ConsentError: what is read here is not as it has to be.
    """
    try:
        yield
    except ContractError as error:
        raise ConsentError(Refusal.MALFORMED, ", ".join(filter(None, (where, error.where))), str(error)) from None
    except LogError as error:
        raise ConsentError(Refusal.NOT_AUTHENTIC, f"{where}, {error.where}", error.what) from None
