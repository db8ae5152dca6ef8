"""What is wrong with something sealed, and where: the one error of this package, which `consent` refines."""

from enum import StrEnum


class Fault(StrEnum):
    """Why something sealed was not made or not opened: the word that it is counted under."""

    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    NOT_AUTHENTIC = "not_authentic"
    """A tag or a signature is false: changed, cut, swapped, or of another epoch, log, index, grant or key."""
    NOT_COMMITTED = "not_committed"
    """A key is not the one that the log's opening entry names."""
    MUST_TURN = "must_turn"
    """A new epoch has to begin first."""
    EXHAUSTED = "exhausted"


class SealError(ValueError):
    """Something was not sealed or not opened; `fault` says why, `where` names the part that is at fault."""

    def __init__(self, fault: StrEnum, where: str, what: str = "") -> None:
        """Remember what is wrong and where; the text is for logs and diagnostics and holds no secret."""
        super().__init__(f"{where}: {what or fault.value}")
        self.fault = fault
        self.where = where
