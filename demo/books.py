"""The house's energy books: a teller for the solar plant, witnessed by a neighbour, on terms that the creditor signed.

All of it is done as people would do it: through the forms of Home Assistant, and with the commands of `steward audit`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
import json
from pathlib import Path
import sys
from typing import Any, Final

from .client import UNKNOWN, Client, Flow
from .plant import ENERGY, PEAK
from .process import DemoError, say
from .witness import WitnessProcess

DOMAIN: Final = "steward"
PROJECT: Final = "Village solar"
SOURCE: Final = "Plant"
PRICE: Final = 0.2
KEPT: Final = "teller.json"
"""What is known of the teller, in the folder of the creditor."""
_SECONDS: Final = 30
_STEPS: Final = (
    ("teller", {"project": PROJECT, "asset": "Solar plant, 500 kWp", "currency": "EUR", "record_location": True}),
    ("teller_tariff_fixed", {"price": PRICE}),
    (
        "teller_period",
        {"count": 4, "unit": "weeks", "due_days": 14, "worth": "register_estimate", "after": 1},
    ),
)


@dataclass(frozen=True, slots=True)
class Books:
    """Where an auditor finds the books, and what they are checked against.

    `link` is the address with its unguessable part, `key` the log's verifier key, `witness` the neighbour's and `witness_url` where it is
    asked, `terms` the file with the note that the creditor signed, `folder` where Home Assistant keeps the books' files.
    """

    entry_id: str
    link: str
    key: str
    witness: str
    witness_url: str
    terms: str
    folder: str

    def verify(self, source: str | None = None) -> list[str]:
        """Return the command that checks the books, or a copy of them."""
        return [
            *(str(Path(sys.executable).with_name("steward")), "audit", "verify", source or self.link),
            *("--key", self.key, "--witness", self.witness, "--terms", self.terms),
        ]


async def add_books(client: Client, witness: WitnessProcess, folder: Path, home: Path) -> Books:
    """Return the house's books, after having had them opened if there are none.

    `folder` is the creditor's, `home` that of Home Assistant's configuration.
    """
    books = _known(folder / KEPT)
    if books is None or books.entry_id not in {entry.entry_id for entry in await client.entries()}:
        books = await _new_books(client, witness, folder, home)
    else:  # ports may be others than the last time
        if books.witness_url != witness.url:
            await _ask_witness(client, books.entry_id, books.witness, witness.url)
        books = replace(books, link=await link_of(client, books.entry_id), witness_url=witness.url)
    (folder / KEPT).write_text(json.dumps(asdict(books)))
    return books


def _known(file: Path) -> Books | None:
    """Return what an earlier run kept."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return Books(**json.loads(file.read_text())) if file.exists() else None


async def _new_books(client: Client, witness: WitnessProcess, folder: Path, home: Path) -> Books:
    say("opening the energy books")
    await client.states.wait(lambda: client.states.of(ENERGY) not in UNKNOWN, lambda: "the solar plant", _SECONDS)
    entry_id = await open_books(client)
    await add_source(client, entry_id, ENERGY, name=SOURCE, max_power=PEAK * 1200)
    link = await link_of(client, entry_id)
    key: str = json.loads(await steward("teller", "info", link, "--json"))["verifier"]
    verifier = await witness.verifier()
    await witness.add(key)  # before it is asked: it signs for logs that it knows
    await _ask_witness(client, entry_id, verifier, witness.url)
    terms = await sign_terms(client, entry_id, folder)
    return Books(entry_id, link, key, verifier, witness.url, str(terms), str(home / "steward" / "teller" / entry_id))


async def _ask_witness(client: Client, entry_id: str, verifier: str, url: str) -> None:
    witnesses = [{"url": url, "verifier": verifier}]
    await change(client, entry_id, ("teller_witnesses", {"witnesses": witnesses, "quorum": 1}))


async def open_books(client: Client) -> str:
    """Add a teller by its forms, with a first period that begins today, as is suggested; return the entry's id."""
    flow = await client.start_flow(DOMAIN)
    for step, answers in _STEPS:
        if flow.kind == "menu":
            flow = await client.continue_flow(flow.flow_id, {"next_step_id": step})
        begin = {"start": flow.suggested["start"]} if step == "teller_period" else {}
        flow = await client.continue_flow(flow.flow_id, {**answers, **begin})
    flow = await client.continue_flow(flow.flow_id, {"next_step_id": "teller_finish"})
    if flow.entry_id is None:
        raise _refused(flow)
    return flow.entry_id


async def add_source(client: Client, entry_id: str, entity_id: str, **answers: Any) -> None:
    """Have the teller meter an entity."""
    flow = await client.start_part(entry_id, "source")
    flow = await client.continue_part(flow.flow_id, {"entity_id": entity_id, **answers})
    if flow.kind != "create_entry":
        raise _refused(flow)


async def link_of(client: Client, entry_id: str) -> str:
    """Return the address at which auditors read the books."""
    flow = await client.start_flow(DOMAIN, entry_id=entry_id)
    flow = await client.continue_flow(flow.flow_id, {"next_step_id": "teller_link"})
    await client.delete(f"/api/config/config_entries/flow/{flow.flow_id}")
    link: str = flow.suggested["link"]
    return link


async def change(client: Client, entry_id: str, *steps: tuple[str, Mapping[str, Any]]) -> None:
    """Change a teller's settings by the forms behind 'Reconfigure', of which the first is chosen from a menu."""
    flow = await client.start_flow(DOMAIN, entry_id=entry_id)
    for step, answers in steps:
        if flow.kind == "menu":
            flow = await client.continue_flow(flow.flow_id, {"next_step_id": step})
        flow = await client.continue_flow(flow.flow_id, answers)
    if flow.reason != "reconfigure_successful":
        raise _refused(flow)


async def sign_terms(client: Client, entry_id: str, folder: Path) -> Path:
    """Have the creditor sign the terms that the settings come to, and give the note to the teller; return the note's file."""
    key, terms, note = folder / "creditor.key", folder / "terms.json", folder / "terms.note"
    key.unlink(missing_ok=True)  # of a teller that was deleted
    creditor = (await steward("audit", "new-key", "bank.example/solar", "--key-file", str(key))).strip()
    flow = await client.start_flow(DOMAIN, entry_id=entry_id)
    flow = await client.continue_flow(flow.flow_id, {"next_step_id": "teller_creditor"})
    flow = await client.continue_flow(flow.flow_id, {"creditor": creditor})
    terms.write_text(flow.suggested["terms"])
    note.write_text(await steward("audit", "sign-terms", str(terms), "--key-file", str(key)))
    flow = await client.continue_flow(flow.flow_id, {"signed_terms": note.read_text()})
    if flow.reason != "reconfigure_successful":
        raise _refused(flow)
    return note


async def steward(*arguments: str) -> str:
    """Run a command of `steward`, and return what it prints.

    Raises:
        DemoError: it fails.
    """
    code, output = await run(str(Path(sys.executable).with_name("steward")), *arguments)
    if code:
        message = f"steward {' '.join(arguments)}: {output}"
        raise DemoError(message)
    return output


async def entities_of_books(client: Client, teller: str) -> dict[str, str]:
    """Return the ids of the enabled entities of a teller's entry, by key; those of the source by `source/<key>`."""
    found: dict[str, str] = {}
    for entity in await client.entities():
        entry_id, _, rest = entity.unique_id.partition("/")
        if entity.integration == DOMAIN and entry_id == teller and entity.enabled:
            part, _, key = rest.rpartition("/")
            found[f"source/{key}" if part else key] = entity.entity_id
    return found


async def run(*command: str) -> tuple[int, str]:
    """Run a program, and return its exit code and what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def _refused(flow: Flow) -> DemoError:
    return DemoError(f"Home Assistant does not take the answers of {flow.step}: {flow.errors or flow.reason}")
