"""Grants' ids, and the order of epochs: checks that both sides of sealing share."""

from collections.abc import Iterable
import re
from typing import Final

from .errors import Fault, SealError

_GRANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def check_grant(grant: str) -> bytes:
    """Return a grant's id as bytes.

    Raises:
        SealError: it is none.
    """
    if not _GRANT.fullmatch(grant):
        raise SealError(Fault.MALFORMED, "grant", f"its id must match {_GRANT.pattern}")
    return grant.encode()


def check_order(indices: Iterable[int], where: str) -> None:
    """Check that the indices of epochs go up.

    Raises:
        SealError: they don't.
    """
    before = -1
    for index in indices:
        if index <= before:
            raise SealError(Fault.MALFORMED, where, "its epochs are not in the order of the log")
        before = index
