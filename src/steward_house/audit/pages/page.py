"""The pages."""

from ..result import Report


def write_pages(report: Report, language: str) -> dict[str, str]:
    """Return pages."""
    return {}
