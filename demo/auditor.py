"""The auditor: checks the energy books from outside, and a copy of them that somebody has changed."""

from dataclasses import dataclass
import json
from pathlib import Path
import shutil
from tempfile import TemporaryDirectory
from typing import Any, Final

from .books import Books, entities_of_books, run
from .client import Client
from .process import DemoError, say

_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit of the books found.

    `energy_kwh` and `owed` are the sums that the auditor computed again; `tampering` is what it says of one bit that was changed in a copy.
    """

    entries: int
    energy_kwh: float
    owed: str
    outages: int
    tampering: str


async def audit(client: Client, books: Books) -> Audited:
    """Commit, verify the books at their address, then change a copy and see that this is found.

    Raises:
        DemoError: the books are not right, or the change isn't found.
    """
    names = await entities_of_books(client, books.entry_id)
    await client.states.wait(
        lambda: client.states.of(names["books"]) == "ok",
        lambda: f"the books, which are {client.states.of(names['books'])}, to be in order",
        _SECONDS,
    )
    await client.action("button.press", {"entity_id": names["commit"]})
    say("auditing the energy books")
    code, found = await _verify(books)
    if code:
        message = f"the books are not in order: {json.dumps(found.get('findings', found))}"
        raise DemoError(message)
    say("changing one bit in a copy of them")
    return Audited(
        entries=sum(found["entries"].values()),
        energy_kwh=found["energy"] / 1_000_000,
        owed=found["owed"],
        outages=sum(run["how"] == "outage" for run in found["runs"]),
        tampering=await _tamper(books),
    )


async def _verify(books: Books, source: str | None = None) -> tuple[int, dict[str, Any]]:
    code, output = await run(*books.verify(source), "--json")
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError:
        message = f"steward audit verify: {output}"
        raise DemoError(message) from None
    return code, found


async def _tamper(books: Books) -> str:
    """Change one bit of the first entries in a copy, and return what the auditor says of it.

    Raises:
        DemoError: it doesn't say where.
    """
    with TemporaryDirectory(prefix="steward-demo-") as folder:
        copy = Path(folder, "copy")
        shutil.copytree(books.folder, copy)
        changed = flip_bit(copy)
        code, found = await _verify(books, str(copy))
    told = [each for each in found.get("findings", []) if each.get("path") == changed]
    if code != 1 or not told:
        message = f"the auditor doesn't find a bit that was changed in {changed}: {json.dumps(found)}"
        raise DemoError(message)
    text: str = told[0]["text"]
    return f"{changed}: {text}"


def flip_bit(folder: Path) -> str:
    """Change a bit in the middle of the largest file of entries below a folder of generations; return its path within its generation."""
    files = [path for path in folder.glob("*/tile/entries/**/*") if path.is_file()]
    file = max(files, key=lambda path: path.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    return str(Path(*file.relative_to(folder).parts[1:]))
