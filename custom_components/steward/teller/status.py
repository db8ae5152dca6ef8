"""How a teller's books are, in one word."""

from enum import StrEnum


class BooksState(StrEnum):
    """The state of books, the worst that is so first."""

    TAMPERED = "tampered"
    """The log was damaged, shortened or put back: it went on in a new generation, and only the old one's copies tell what is missing."""
    STOPPED = "stopped"
    """Shut down properly; nothing is metered until the teller is started again."""
    GAP = "gap"
    """A source has told nothing for longer than the terms allow, or readings can't be written."""
    NOT_WITNESSED = "not_witnessed"
    """There are witnesses, and fewer than the quorum have signed anything lately."""
    OK = "ok"
