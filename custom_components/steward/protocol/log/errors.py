"""What is wrong with a log, its files or its proofs, and where."""


class LogError(ValueError):
    """Something of a log is not as it has to be; `where` names the file, the line or the field."""

    def __init__(self, where: str, what: str) -> None:
        """Remember what is wrong and where."""
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class ProofError(LogError):
    """A proof does not show what it is said to show."""


class TileError(LogError):
    """A tile or an entry bundle is missing, or is not one."""


class NoteError(LogError):
    """A signed note, a key or a signature is malformed or false."""
