"""Where `cryptography` has no HPKE, everything but wrapping and answering works all the same."""

import subprocess
import sys

import pytest

ROOT = "import sys; sys.modules['cryptography.hazmat.primitives.hpke'] = None\n"


@pytest.mark.parametrize(
    ("module", "works"),
    [
        ("seal.epoch", True),
        ("seal.rotation", True),
        ("consent.request", True),
        ("consent.record", True),
        ("consent.pairing", True),
        ("log.checkpoint", True),
        ("node", True),
        ("seal.wrap", False),
        ("seal.grant_file", False),
        ("consent.answer", False),
    ],
)
def test_imports(module, works):
    program = f"{ROOT}import steward_house.protocol.{module}"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode == 0) is works, ran.stderr
    assert works or "ImportError" in ran.stderr or "ModuleNotFoundError" in ran.stderr
