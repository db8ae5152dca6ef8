"""Texts from others, made fit to be shown to whoever owns the house."""


def printable(text: str, max_length: int = 255) -> str:
    """Return a text that the contract takes as a name or a reason: one line, nothing that can't be shown, not too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= max_length else line[: max_length - 1] + "…"


def words(error: BaseException) -> str:
    """Return what an exception says; its author may have made even that fail."""
    try:
        return str(error)
    except BaseException as another:  # noqa: BLE001
        return f"what it says can't be read because of {type(another).__name__}"


def described(error: BaseException) -> str:
    """Return an exception's kind and what it says."""
    return f"{type(error).__name__}: {words(error)}"
