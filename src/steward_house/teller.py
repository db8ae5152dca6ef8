"""Asks a teller at its address how it is, for debugging from afar: `steward teller info|hh|ping|owed|commit URL`."""

import argparse
from collections.abc import Iterator
import json
from typing import Final

from .audit.commands import RIGHT, UNCHECKED, WRONG, complain, say
from .audit.fetching import Address, is_address
from .audit.sources import SourceError

HEALTHY: Final = 200


def run(arguments: argparse.Namespace) -> int:
    """Ask a question and print the answer; return 0, 1 if a ping finds it ill, or 2 if it doesn't answer."""
    try:
        answer = ask(arguments.url, arguments.command)
    except SourceError as error:
        complain(str(error))
        return UNCHECKED
    say(json.dumps(answer) if arguments.json else "\n".join(_lines(answer)))
    return WRONG if arguments.command == "ping" and answer.get("Code") != HEALTHY else RIGHT


def ask(url: str, question: str) -> dict[str, object]:
    """Return what a teller answers.

    Raises:
        SourceError: it doesn't, or not as a teller would.
    """
    if not is_address(url):
        raise SourceError(f"{url} is not an address (http://… or https://…)")
    with Address(url) as address:
        body = address.call("POST", question) if question == "commit" else address.read(question)
    if body is None:
        raise SourceError(f"there is no teller at {url}: is the address whole, with its unguessable part?")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise SourceError(f"{url} answers, and not as a teller does")
    return answer


def _lines(answer: dict[str, object], indent: str = "") -> Iterator[str]:
    for name, value in answer.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        match value:
            case dict():
                yield label
                yield from _lines(value, indent + "  ")
            case list():
                yield f"{label} {', '.join(map(str, value)) or '-'}"
            case None:
                yield f"{label} -"
            case bool():
                yield f"{label} {'yes' if value else 'no'}"
            case _:
                yield f"{label} {value}"
