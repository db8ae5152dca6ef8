"""Numbers of meters as they stand on them: telegrams have them as the hexadecimal digits of their letters."""


def readable(serial: str | None) -> str | None:
    """Return a meter's number, decoded where it is encoded."""
    if not serial:
        return None
    try:
        text = bytes.fromhex(serial).decode("ascii")
    except ValueError:
        return serial
    return text if text.isprintable() and text.strip() else serial
