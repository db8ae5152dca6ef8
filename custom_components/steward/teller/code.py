r"""The measurement of the code: which files of the integration run here.

Self-reported: a machine that runs other code can report these numbers too. What it gives is a name for each release, so that an
honest machine's updates show in the books, and a dishonest one has to lie in writing.

Anybody can measure a release with common tools, in its folder `custom_components/steward`:

    find . -type f -not -name '*.pyc' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum
"""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

INTEGRATION: Final = Path(__file__).parents[1]


def measure(folder: Path = INTEGRATION) -> str:
    """Return the SHA-256 of all files below a folder, in hex; reads them all."""
    whole = sha256()
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    for name in sorted(path.relative_to(folder).as_posix().encode() for path in files):
        digest = sha256((folder / name.decode()).read_bytes()).hexdigest()
        whole.update(b"%b  %b\n" % (digest.encode(), name))
    return whole.hexdigest()


@cache
def running() -> str:
    """Return the measurement of the code that runs: as it was when this was first asked, for an update counts after a restart only."""
    return measure()
