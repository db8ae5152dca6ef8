"""Combines the coverage of several runs, and fails for each module of the integration of which too little was run."""
# ruff: noqa: T201

import json
from pathlib import Path
import subprocess
import sys
from typing import Final

ROOT: Final = Path(__file__).parents[1]
INTEGRATION: Final = "custom_components/steward/"
LEAST: Final = 95.0
"""Per cent of the lines and branches of each module of the integration; the Quality Scale's own measure."""


def main(folder: str) -> int:
    """Report on the coverage data in a folder; return the exit code."""
    coverage = [sys.executable, "-m", "coverage"]
    data = f"--data-file={folder}/combined"
    runs = sorted(str(path) for path in Path(folder).glob("data.*"))
    subprocess.run([*coverage, "combine", "--quiet", "--keep", data, *runs], cwd=ROOT, check=True)
    subprocess.run([*coverage, "json", "--quiet", data, "-o", f"{folder}/coverage.json"], cwd=ROOT, check=True)
    subprocess.run([*coverage, "report", data], cwd=ROOT, check=True)

    files = json.loads(Path(folder, "coverage.json").read_text(encoding="utf-8"))["files"]
    shares = {name: file["summary"]["percent_covered"] for name, file in files.items() if name.startswith(INTEGRATION)}
    unseen = {str(path.relative_to(ROOT)) for path in (ROOT / INTEGRATION).rglob("*.py")} - {*shares}
    low = dict.fromkeys(unseen, 0.0) | {name: share for name, share in shares.items() if share < LEAST}
    for name, share in sorted(low.items()):
        print(f"{name}: {share:.1f} %, at least {LEAST:.0f} % are asked of each module")
    return 1 if low or not shares else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
