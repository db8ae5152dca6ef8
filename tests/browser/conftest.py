"""An option of the browser test: where its screenshots go."""

from pathlib import Path

import pytest

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-screenshots", action="store_true", help="renew the screenshots in docs/images")


@pytest.fixture
def images(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder for screenshots; that of the documentation when asked for (the option is unknown to a run of all tests)."""
    return IMAGES if request.config.getoption("--write-screenshots", default=False) else tmp_path
