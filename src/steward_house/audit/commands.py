"""Runs the commands of `steward audit`; nothing of what they are given makes them end with a traceback."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
import json
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
import time
from typing import Final

from ..protocol.books.entries import Inspection, Payment, PaymentStep, decode, unsigned_text
from ..protocol.books.terms import sign_terms
from ..protocol.fields import ContractError
from ..protocol.log.errors import NoteError
from ..protocol.log.note import sign_note
from ..protocol.log.tiles import CHECKPOINT
from .fetching import Address, is_address, mirror, open_address, write
from .heads import Keys
from .keyfiles import new_key, read_key
from .options import Agreed, Destination, Options
from .patience import look_patiently
from .proofs import ProofFailedError, check_proof, make_proof
from .result import Report
from .sources import Source, SourceError, open_folder
from .stamps import Stamps
from .text import to_json, write_text
from .verify import verify
from .watch import State, look

RIGHT: Final = 0
WRONG: Final = 1
UNCHECKED: Final = 2
MAX_INPUT: Final = 8 << 20
"""Bytes of a file that is given on the command line."""
_KWH: Final = 1_000_000


def run(arguments: argparse.Namespace) -> int:
    """Run a command and return its exit status: 0 right, 1 something is wrong, 2 it can't be checked."""
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "verify": _verify,
        "proof": _proof,
        "check-proof": _check_proof,
        "watch": _watch,
        "report": _report,
        "new-key": _new_key,
        "sign-terms": _sign_terms,
        "sign-receipt": _sign_receipt,
        "inspect": _inspect,
    }
    try:
        return commands[arguments.command](arguments)
    except SourceError as error:
        complain(str(error))
        return UNCHECKED


def say(text: str) -> None:
    """Print a text, without what could steer a terminal: parts of it come from the log."""
    sys.stdout.write(_harmless(text) + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print a text beside what is printed for programs, such as an error."""
    sys.stderr.write(f"steward: {_harmless(text)}\n")


def _harmless(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def _verify(arguments: argparse.Namespace) -> int:
    report = _checked(arguments)
    say(json.dumps(to_json(report), indent=1) if arguments.json else write_text(report).rstrip("\n"))
    return RIGHT if report.ok else WRONG


def _report(arguments: argparse.Namespace) -> int:
    from .pages.page import write_pages  # noqa: PLC0415 -- the other commands don't need it

    report = _checked(arguments)
    for path, page in write_pages(report, arguments.language).items():
        write(arguments.out / path, page.encode())
    say(f"{arguments.out / 'index.html'}: {'nothing is wrong' if report.ok else f'{report.problems} findings'}")
    return RIGHT if report.ok else WRONG


def _checked(arguments: argparse.Namespace) -> Report:
    """Check the log that is named, as it is asked for."""
    keys = _keys(arguments)
    agreed = Agreed.read(_read(arguments.terms) if arguments.terms else None, arguments.creditor)
    if arguments.keep and not is_address(arguments.source):
        raise SourceError("--keep is for files that are fetched from an address")
    with ExitStack() as stack:
        horizon = None
        if arguments.horizon:
            horizon = stack.enter_context(Address(arguments.horizon)).read
        options = Options(
            agreed=agreed,
            recheck=arguments.recheck is not False,
            tolerance=arguments.tolerance,
            horizon=horizon,
            destination=Destination(arguments.account, _asset(arguments.asset)),
            stamps=Stamps(arguments.tsa),
        )

        def look() -> Report:
            with _local(arguments.source, arguments.keep) as source:
                return verify(source, keys, options)

        if not is_address(arguments.source):
            return look()
        with _remote(arguments.source) as remote:
            newest = remote.generations[-1].files
            return look_patiently(look, lambda: newest.read(CHECKPOINT), arguments.patience)


def _proof(arguments: argparse.Namespace) -> int:
    keys = _keys(arguments)
    with _remote(arguments.source) as source:
        try:
            proven = make_proof(source, keys, arguments.index, arguments.generation)
            proof = proven.proof.encode(spicy=arguments.spicy)
        except (ProofFailedError, ValueError) as error:
            complain(f"the log doesn't prove entry {arguments.index}: {error}")
            return WRONG
    entry = arguments.out / f"entry-{arguments.index}.json"
    path = entry.with_name(f"{entry.name}.{'spicy' if arguments.spicy else 'tlog-proof'}")
    write(entry, proven.entry)
    write(path, proof)
    say(str(path))
    return RIGHT


def _check_proof(arguments: argparse.Namespace) -> int:
    keys = _keys(arguments)
    entry = arguments.entry or arguments.proof.parent / arguments.proof.stem
    if entry == arguments.proof:
        raise SourceError(f"name the entry that {entry} proves with --entry")
    data = _read(arguments.proof)
    try:
        head = check_proof(data, _read(entry), keys)
    except ProofFailedError as error:
        complain(f"{arguments.proof} doesn't prove {entry}: {error}")
        return WRONG
    seen = ", ".join(
        f"{name} at {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}Z" for name, at in _times(head.cosignatures)
    )
    say(
        f"{entry} is in {head.checkpoint.origin}, one of {head.checkpoint.size} entries{f', seen by {seen}' if seen else ''}"
    )
    return RIGHT


def _watch(arguments: argparse.Namespace) -> int:
    keys = _keys(arguments)
    state = State(arguments.state, keys)
    said = ""
    while True:
        try:
            with _remote(arguments.source) as source:
                found = look(source, keys, state)
            state.save()
        except SourceError as error:
            if arguments.interval is None:
                raise
            if str(error) != said:
                said = str(error)
                complain(said)
        else:
            for alarm in found.alarms:
                folder = state.keep_evidence(alarm)
                complain(f"ALARM, generation {alarm.generation}: {alarm.what}; both checkpoints are in {folder}")
            if found.alarms:
                return WRONG
            news = ", ".join(f"generation {number}: {size} entries" for number, size in found.sizes.items())
            if news != said:
                said = news
                say(news)
        if arguments.interval is None:
            return RIGHT
        time.sleep(arguments.interval)


def _new_key(arguments: argparse.Namespace) -> int:
    say(new_key(arguments.name, arguments.key_file))
    return RIGHT


def _sign_terms(arguments: argparse.Namespace) -> int:
    signer = read_key(arguments.key_file)
    terms = Agreed.read(_read(arguments.terms)).terms
    if terms is None:
        raise SourceError(f"{arguments.terms} holds no terms")
    if terms.creditor is not None and terms.creditor != signer.vkey:
        raise SourceError(f"the terms name another creditor's key, {terms.creditor}; yours is {signer.vkey}")
    sys.stdout.write(sign_terms(terms, signer))
    return RIGHT


def _sign_receipt(arguments: argparse.Namespace) -> int:
    signer = read_key(arguments.key_file)
    text = _read(arguments.claim).replace(b"\r\n", b"\n").strip()
    try:
        claim = decode(text)
        if not isinstance(claim, Payment) or (claim.step, claim.tx, claim.note) != (PaymentStep.SUBMITTED, None, None):
            raise SourceError(
                f"{arguments.claim} is an entry of the books, and no claim that something was paid elsewhere"
            )
        note = sign_note(unsigned_text(claim), signer).decode()
    except (ContractError, NoteError) as error:
        raise SourceError(
            f"{arguments.claim} is not a claim as the teller shows it, whole and unchanged: {error}"
        ) from error
    complain(
        f"you confirm {claim.amount:f} for {claim.period} of {claim.project}, received as: {claim.memo or '(nothing)'}"
    )
    sys.stdout.write(note)
    return RIGHT


def _inspect(arguments: argparse.Namespace) -> int:
    signer = read_key(arguments.key_file)
    try:
        register = Decimal(arguments.register.replace(",", "."))
        if not register.is_finite() or not 0 <= register < Decimal(10**9):
            raise SourceError(f"{arguments.register} is not what a meter shows, in kWh")
        at = datetime.now(UTC) if arguments.at is None else datetime.fromisoformat(arguments.at)
        at = (at if at.tzinfo else at.astimezone()).astimezone(UTC)
        entry = Inspection(at=at, source=arguments.source, register=int(register * _KWH), who=arguments.who)
        text = unsigned_text(entry)
        decode(text.rstrip("\n").encode())
        sys.stdout.write(sign_note(text, signer).decode())
    except InvalidOperation as error:
        raise SourceError(f"{arguments.register} is not a number of kWh") from error
    except (ValueError, OverflowError, ContractError, NoteError) as error:
        raise SourceError(f"this inspection can't be signed: {error}") from error
    return RIGHT


def _asset(text: str | None) -> str | None:
    """Return an asset as the books name it."""
    return "native" if text is not None and text.lower() in {"native", "xlm"} else text


def _keys(arguments: argparse.Namespace) -> Keys:
    return Keys.parse(arguments.key, getattr(arguments, "witness", ()), getattr(arguments, "quorum", None))


@contextmanager
def _local(name: str, keep: Path | None) -> Iterator[Source]:
    """Give a log whose files are in a folder; those of an address are fetched, and kept where that is asked for."""
    if not is_address(name):
        yield open_folder(Path(name))
        return
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(TemporaryDirectory(prefix="steward-audit-")))
        with Address(name) as address:
            source = mirror(address, name, folder)
        yield source


@contextmanager
def _remote(name: str) -> Iterator[Source]:
    """Give a log whose files are fetched when they are read."""
    if not is_address(name):
        yield open_folder(Path(name))
        return
    with Address(name) as address:
        yield open_address(address, name)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_INPUT + 1)
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror}") from error
    if len(data) > MAX_INPUT:
        raise SourceError(f"{path} is too long")
    return data


def _times(cosignatures: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Give the cosignatures whose times are times."""
    for name, at in cosignatures.items():
        try:
            datetime.fromtimestamp(at, UTC)
        except (ValueError, OverflowError, OSError):
            continue
        yield name, at
