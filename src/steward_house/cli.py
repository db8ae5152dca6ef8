"""The command `steward`: reads the arguments and starts the program that they name."""

import argparse
from pathlib import Path
import sys

from . import __version__
from .audit.arguments import add_audit, add_teller

EXIT_MISSING = 2
"""What a program needs isn't installed."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    # Imported here, so that --version and --help don't wait for what the programs need, which may not be installed.
    match options.program:
        case "zero":
            return _zero(options.config)
        case "audit":
            return _audit(options)
        case _:
            return _teller(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steward", description="The programs of Steward that run outside Home Assistant."
    )
    parser.add_argument("--version", action="version", version=f"steward {__version__}")
    programs = parser.add_subparsers(title="programs", required=True, metavar="PROGRAM")
    zero = programs.add_parser("zero", help="run the area node's daemon", description="Run the area node's daemon.")
    zero.set_defaults(program="zero")
    zero.add_argument(
        "--config",
        type=Path,
        default=Path("/etc/steward/zero.yaml"),
        metavar="FILE",
        help="its settings (default: %(default)s)",
    )
    add_audit(programs)
    add_teller(programs)
    return parser


def _zero(config: Path) -> int:
    from .zero.daemon import start  # noqa: PLC0415

    return start(config)


def _audit(options: argparse.Namespace) -> int:
    try:
        from .audit.commands import run  # noqa: PLC0415
    except ImportError as error:
        return _missing(error)
    return run(options)


def _teller(options: argparse.Namespace) -> int:
    try:
        from .teller import run  # noqa: PLC0415
    except ImportError as error:
        return _missing(error)
    return run(options)


def _missing(error: ImportError) -> int:
    sys.stderr.write(f"steward: {error.name} isn't installed: pip install 'steward-house[audit]'\n")
    return EXIT_MISSING


if __name__ == "__main__":
    sys.exit(main())
