"""What the auditor's tests share."""

import pytest

from .world import Log, thousand


@pytest.fixture(scope="session")
def log() -> Log:
    """Return the log of a thousand entries; nobody changes it."""
    return thousand()
