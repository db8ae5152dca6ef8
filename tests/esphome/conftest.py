"""The node contract is imported as programs outside Home Assistant do."""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
