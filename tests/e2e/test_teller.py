"""A teller in a real Home Assistant: added by its forms, fed over MQTT, killed, and audited from outside."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
import json
from pathlib import Path
import shutil
from typing import Any

import pytest

from demo.auditor import flip_bit
from demo.books import Books, add_source, entities_of_books, link_of, open_books, run, sign_terms, steward
from demo.broker import Kind
from demo.client import UNKNOWN, Client
from demo.furnish import add_broker
from demo.house import House, Plan, running, visiting
from demo.observer import Observer
from demo.plant import ENERGY, discovery
from demo.process import free_port
from steward_house.audit.sources import FolderFiles
from steward_house.protocol.books.entries import Outage, Reading, decode
from steward_house.protocol.log.checkpoint import Checkpoint
from steward_house.protocol.log.note import Note
from steward_house.protocol.log.tiles import TileReader

FIRST = 1000.0
STEP = 0.001
"""Kilowatt-hours between two readings of the register."""
EVERY = 0.03
"""Seconds between them."""
SECONDS = 60


class Register:
    """A meter that never stops counting, and the readings that Home Assistant has shown as written down."""

    def __init__(self, observer: Observer) -> None:
        self.value = FIRST
        self.shown: set[str] = set()
        self._broker = observer.client

    async def announce(self) -> None:
        for topic, config in discovery().items():
            await self._broker.publish(topic, json.dumps(config), qos=1, retain=True)
        await self._broker.publish("demo/solar/status", "online", qos=1, retain=True)
        await self.say()

    async def say(self) -> None:
        state = {"energy": f"{self.value:.3f}", "power": "120.0"}
        await self._broker.publish("demo/solar/state", json.dumps(state), qos=1, retain=True)

    async def count(self) -> None:
        while True:
            self.value += STEP
            await self.say()
            await asyncio.sleep(EVERY)

    async def watch(self, client: Client, last_reading: str) -> None:
        """Note down what is shown of the source from now on: it is on disk then."""

        def changed(event: dict[str, Any]) -> None:
            if event["data"]["entity_id"] == last_reading and (state := event["data"]["new_state"]):
                self.shown.add(state["attributes"].get("raw"))

        await client.subscribe("subscribe_events", changed, event_type="state_changed")


async def open_a_teller(house: House, client: Client) -> Books:
    await client.states.wait(lambda: client.states.of(ENERGY) not in UNKNOWN, lambda: ENERGY, SECONDS)
    entry_id = await open_books(client)
    await add_source(client, entry_id, ENERGY, name="Roof", max_power=1_000_000)
    terms = await sign_terms(client, entry_id, house.plan.folder)
    link = await link_of(client, entry_id)
    info = json.loads(await steward("teller", "info", link, "--json"))
    assert info["terms"]["signed"]
    folder = house.plan.folder / "homeassistant" / "steward" / "teller" / entry_id
    return Books(entry_id, link, info["verifier"], "", "", str(terms), str(folder))


async def verify(books: Books, source: str | Path) -> tuple[int, dict[str, Any]]:
    command = ["steward", "audit", "verify", str(source), "--key", books.key, "--terms", books.terms, "--json"]
    code, output = await run(*books.verify()[:1], *command[1:])
    return code, json.loads(output)


def entries_in(folder: Path) -> Iterator[Any]:
    """Give what a generation has, as its last checkpoint says."""
    size = Checkpoint.parse(Note.parse((folder / "checkpoint").read_bytes()).text).size
    reader = TileReader(FolderFiles(folder).read, size)
    return (decode(data) for data in reader.entries(0, size))


async def energy_is(client: Client, entity_id: str, register: Register) -> None:
    def counted() -> bool:
        with suppress(ValueError):
            return abs(float(client.states.of(entity_id)) - (register.value - FIRST)) < STEP / 2
        return False

    await client.states.wait(counted, lambda: f"{entity_id} to be {register.value - FIRST:.3f}", SECONDS)


@pytest.mark.timeout(240)
async def test_killed_and_audited(tmp_path: Path) -> None:
    plan = Plan(folder=tmp_path / "house", port=free_port(), broker=Kind.MOSQUITTO, rooms=())
    async with running(plan) as house:
        async with visiting(house) as (client, observer):
            await add_broker(client, house.broker)
            register = Register(observer)
            await register.announce()
            books = await open_a_teller(house, client)
            names = await entities_of_books(client, books.entry_id)
            await register.watch(client, names["source/reason"])
            counting = asyncio.create_task(register.count())
            async with asyncio.timeout(SECONDS):
                while len(register.shown) < 20:  # noqa: ASYNC110 - another task fills it
                    await asyncio.sleep(0.1)
            await house.kill_home_assistant()  # in the middle of writing
            counting.cancel()
        shown = register.shown.copy()

        await house.start_home_assistant()
        async with visiting(house) as (client, observer):
            register._broker = observer.client
            await client.states.wait(lambda: client.states.of(names["books"]) == "ok", lambda: "the books", SECONDS)
            register.value += 1
            await register.say()
            await energy_is(client, names["period_energy"], register)
            issues = (await client.call("repairs/list_issues"))["issues"]
            assert [each["translation_key"] for each in issues if each["domain"] == "steward"] == ["teller_outage"]
            head = json.loads(await steward("teller", "commit", books.link, "--json"))

            code, found = await verify(books, books.link)
            assert code == 0, found["findings"]
            assert found["ok"] is True
            assert found["generations"][0]["root"] == head["root"]
            assert found["energy"] == round((register.value - FIRST) * 1_000_000)
            assert [each["how"] for each in found["runs"]][-2:] == ["outage", "open"]

            entries = list(entries_in(Path(books.folder, "1")))
            assert [each for each in entries if isinstance(each, Outage)]
            written = {each.raw for each in entries if isinstance(each, Reading)}
            assert shown - written == set(), "what was shown was on disk"

            copy = Path(shutil.copytree(books.folder, tmp_path / "copy"))
            assert (await verify(books, copy))[0] == 0
            changed = flip_bit(copy)
            code, found = await verify(books, copy)
            assert code == 1
            assert [each["path"] for each in found["findings"] if "path" in each] == [changed]
        assert await house.stop() == []
