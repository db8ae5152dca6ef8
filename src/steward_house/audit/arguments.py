"""What `steward audit` is asked on the command line."""

import argparse
from pathlib import Path
from typing import Final, Protocol

LANGUAGES: Final = ("en", "de")
QUESTIONS: Final = {
    "info": "what the books are about, and how they are",
    "hh": "the head of the log: its size and root",
    "ping": "whether the teller is there",
    "owed": "what is owed",
    "commit": "sign what is in the log now, and tell its head",
}
_SOURCE: Final = (
    "a folder of one generation, a folder of several, or the teller's address (http://…, with its unguessable part)"
)


class Commands(Protocol):
    """What `add_subparsers` returns."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser:  # noqa: A002 -- argparse's name
        """Add a command."""
        ...


def add_audit(programs: Commands) -> None:
    """Add the program `audit`."""
    audit = programs.add_parser(
        "audit",
        help="check a teller's books",
        description="Check a teller's books without trusting the house. Exit status: 0 all is right, 1 something is wrong, 2 it can't be checked.",
    )
    audit.set_defaults(program="audit")
    commands = audit.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    _add_verify(commands)
    _add_proofs(commands)
    _add_watch(commands)
    _add_report(commands)
    _add_keys(commands)


def add_teller(programs: Commands) -> None:
    """Add the program `teller`."""
    teller = programs.add_parser(
        "teller",
        help="ask a teller how it is",
        description="Ask a teller at its address; nothing that it answers is checked (see `steward audit`).",
    )
    teller.set_defaults(program="teller")
    commands = teller.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    for name, what in QUESTIONS.items():
        command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        command.add_argument("url", metavar="URL", help="the teller's address, with its unguessable part")
        command.add_argument("--json", action="store_true", help="print the answer as it came")


def _add_verify(commands: Commands) -> None:
    verify = commands.add_parser(
        "verify", help="check a whole log, and what is owed", description="Check a whole log, and what is owed."
    )
    _add_source(verify)
    _add_checks(verify)
    verify.add_argument("--json", action="store_true", help="print one JSON object")


def _add_checks(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--terms",
        type=Path,
        metavar="FILE",
        help="the terms that were agreed: the creditor's signed note, or their JSON",
    )
    command.add_argument(
        "--creditor", metavar="VKEY", help="the creditor's verifier key (default: the one that --terms name)"
    )
    command.add_argument(
        "--recheck",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="run the filter again over the raw values, and the estimates of gaps (default: yes)",
    )
    command.add_argument(
        "--tolerance",
        type=float,
        default=1.0,
        metavar="PERCENT",
        help="how far inspections may be from the books (default: %(default)s)",
    )
    command.add_argument("--horizon", metavar="URL", help="look up anchors and payments on a Stellar network's Horizon")
    command.add_argument(
        "--account",
        metavar="ACCOUNT",
        help="the creditor's Stellar account, which payments have to arrive at (default: the one that the log's settings name)",
    )
    command.add_argument(
        "--asset",
        metavar="CODE:ISSUER",
        help="what payments have to be made in, or `native` for lumens (default: what the log's settings name)",
    )
    command.add_argument(
        "--tsa",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a certificate (PEM) that time stamps are trusted by; without it only their content is checked",
    )
    command.add_argument(
        "--patience",
        type=_wait,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait, at an address, for witnesses that haven't signed the newest checkpoint yet (default: %(default)s)",
    )
    command.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the files that were fetched from an address here"
    )


def _add_proofs(commands: Commands) -> None:
    proof = commands.add_parser(
        "proof",
        help="take an entry and its proof out of a log",
        description="Write an entry as `entry-N.json`, and beside it the proof that it is in the log.",
    )
    _add_source(proof, witnesses=False)
    proof.add_argument("index", type=_index, metavar="N", help="the entry's index, the first one is 0")
    proof.add_argument(
        "--generation", type=_index, metavar="G", help="the generation that the entry is in (default: the last)"
    )
    proof.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to write (default: here)")
    proof.add_argument(
        "--spicy", action="store_true", help="write the proof for torchwood's programs: `entry-N.json.spicy`"
    )
    check = commands.add_parser(
        "check-proof",
        help="check a proof without the log",
        description="Check that a proof shows that an entry is in the log.",
    )
    check.add_argument("proof", type=Path, metavar="FILE", help="the proof, of either form")
    check.add_argument(
        "--entry", type=Path, metavar="FILE", help="the entry (default: the proof's name without its last ending)"
    )
    _add_key(check)


def _add_watch(commands: Commands) -> None:
    watch = commands.add_parser(
        "watch",
        help="alarm when a log is not what it was",
        description="Compare a log with the checkpoint that was kept the last time; on an alarm both are kept as evidence.",
    )
    _add_source(watch)
    watch.add_argument(
        "--state",
        type=Path,
        required=True,
        metavar="FILE",
        help="where the last checkpoint is kept; evidence goes beside it",
    )
    watch.add_argument(
        "--interval", type=_seconds, metavar="SECONDS", help="look again and again, until an alarm (default: look once)"
    )


def _add_report(commands: Commands) -> None:
    report = commands.add_parser(
        "report",
        help="write a page for each period",
        description="Check a whole log and write one HTML page for each period, with plots, and an index.",
    )
    _add_source(report)
    _add_checks(report)
    report.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write the pages")
    report.add_argument("--language", choices=LANGUAGES, default="en", help="of the pages (default: %(default)s)")


def _add_keys(commands: Commands) -> None:
    new_key = commands.add_parser(
        "new-key",
        help="make a creditor's key",
        description="Make a key to sign terms, receipts and inspections with; print its public half, the verifier key.",
    )
    new_key.add_argument("name", metavar="NAME", help="the key's name, such as creditor.example/solar")
    new_key.add_argument(
        "--key-file", type=Path, required=True, metavar="FILE", help="the new file, readable for its owner only"
    )
    terms = commands.add_parser(
        "sign-terms",
        help="sign terms as the creditor",
        description="Print the creditor's signed note over terms, which the teller's settings ask for.",
    )
    terms.add_argument("terms", type=Path, metavar="FILE", help="the terms as the teller's settings show them (JSON)")
    terms.add_argument("--key-file", type=Path, required=True, metavar="FILE", help="the creditor's key")
    receipt = commands.add_parser(
        "sign-receipt",
        help="confirm as the creditor that something was paid elsewhere",
        description="Print the creditor's signed note over somebody's claim to have paid, which the teller takes as the receipt.",
    )
    receipt.add_argument(
        "claim", type=Path, metavar="CLAIM", help="a file with the claim's text, as Home Assistant shows it"
    )
    receipt.add_argument("--key-file", type=Path, required=True, metavar="FILE", help="the creditor's key")
    inspect = commands.add_parser(
        "inspect",
        help="sign an inspection's reading",
        description="Print the signed note of a register that a person read, which the teller takes into its books.",
    )
    inspect.add_argument("source", metavar="SOURCE", help="the source's name in the books")
    inspect.add_argument("register", metavar="KWH", help="what the meter showed, in kWh")
    inspect.add_argument("--who", required=True, metavar="NAME", help="who read it")
    inspect.add_argument("--at", metavar="TIME", help="when, such as 2026-11-21T12:00Z (default: now)")
    inspect.add_argument("--key-file", type=Path, required=True, metavar="FILE", help="the key to sign with")


def _add_source(command: argparse.ArgumentParser, *, witnesses: bool = True) -> None:
    command.add_argument("source", metavar="SOURCE", help=_SOURCE)
    _add_key(command, witnesses=witnesses)


def _add_key(command: argparse.ArgumentParser, *, witnesses: bool = True) -> None:
    command.add_argument(
        "--key", required=True, metavar="VKEY", help="the log's verifier key, as the teller shows it: name+id+base64"
    )
    if witnesses:
        command.add_argument(
            "--witness",
            action="append",
            default=[],
            metavar="VKEY",
            help="a witness's verifier key; for each one again",
        )
        command.add_argument(
            "--quorum", type=_index, metavar="N", help="how many of the witnesses have to have signed (default: all)"
        )


def _index(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:  # noqa: PLR2004
        message = f"{text!r} is not a whole number"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _wait(text: str) -> float:
    return 0.0 if text == "0" else _seconds(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 < seconds <= 86400:  # noqa: PLR2004
        message = f"{text!r} is not a number of seconds, up to a day"
        raise argparse.ArgumentTypeError(message)
    return seconds
