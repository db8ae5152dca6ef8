"""The command `steward`: reads the arguments and starts the program that they name."""

import argparse
from pathlib import Path
import sys

from . import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    return _zero(options.config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steward", description="The programs of Steward that run outside Home Assistant."
    )
    parser.add_argument("--version", action="version", version=f"steward {__version__}")
    programs = parser.add_subparsers(title="programs", required=True, metavar="PROGRAM")
    zero = programs.add_parser("zero", help="run the area node's daemon", description="Run the area node's daemon.")
    zero.add_argument(
        "--config",
        type=Path,
        default=Path("/etc/steward/zero.yaml"),
        metavar="FILE",
        help="its settings (default: %(default)s)",
    )
    return parser


def _zero(config: Path) -> int:
    # Imported here, so that --version and --help don't wait for what the daemon needs.
    from .zero.daemon import start  # noqa: PLC0415

    return start(config)


if __name__ == "__main__":
    sys.exit(main())
