"""A teller in a browser: a user adds it by its forms, lets it meter, has the creditor sign, and looks at the books."""

from pathlib import Path

from playwright.async_api import Page, expect
import pytest

from demo.books import entities_of_books, steward
from demo.broker import Kind
from demo.client import UNKNOWN
from demo.furnish import add_broker, remove_guests
from demo.house import Plan, running, visiting
from demo.plant import ENERGY
from demo.process import free_port

from .test_house import Complaints, browsing, choose_steward, log_in, photograph

PAGE = "/config/integrations/integration/steward"


class Dialog:
    """The dialog of a flow, step by step."""

    def __init__(self, page: Page, images: Path) -> None:
        self.page = page
        self.images = images
        self.here = page.locator("dialog-data-entry-flow")

    async def text(self, label: str, text: str) -> None:
        await self.here.get_by_role("textbox", name=label).fill(text)

    async def number(self, label: str, text: str) -> None:
        await self.here.get_by_role("spinbutton", name=label).fill(text)

    async def choose(self, text: str) -> None:
        await self.here.get_by_text(text, exact=True).click()

    async def submit(self) -> None:
        await self.here.get_by_role("button", name="Submit").click()

    async def finish(self) -> None:
        await self.here.get_by_role("button", name="finish").click()
        await expect(self.here.get_by_role("dialog")).to_have_count(0)

    async def reconfigure(self, item: str) -> None:
        """Open a section of the teller's settings."""
        await self.page.goto(PAGE)
        await self.page.locator("ha-config-entry-row").get_by_role("button", name="Menu").first.click()
        await self.page.get_by_role("menuitem", name="Reconfigure").click()
        await self.choose(item)

    async def photograph(self, name: str) -> None:
        """Make a screenshot of the dialog, without what is around it."""
        await expect(self.page.locator("#ha-launch-screen")).to_have_count(0)
        await self.page.wait_for_timeout(500)  # it grows to its size
        await self.here.locator("dialog").first.screenshot(path=self.images / f"{name}.png")


@pytest.mark.timeout(300)
async def test_a_teller_is_added_by_clicking(tmp_path: Path, images: Path) -> None:
    plan = Plan(folder=tmp_path / "house", port=free_port(), broker=Kind.MOSQUITTO, rooms=(), solar=True)
    async with running(plan) as house, visiting(house) as (client, _):
        await add_broker(client, house.broker)
        await remove_guests(client)
        await client.states.wait(lambda: client.states.of(ENERGY) not in UNKNOWN, lambda: ENERGY, 60)
        async with browsing(house.home_assistant.address, tmp_path) as page:
            complaints = Complaints(page)
            await log_in(page)
            dialog = Dialog(page, images)
            await page.set_viewport_size({"width": 1280, "height": 1120})  # the longest form

            # The forms.
            await choose_steward(page)
            await dialog.choose("A teller: energy books")
            await dialog.text("Project", "Village solar")
            await dialog.text("Installation", "Solar plant, 500 kWp")
            await dialog.photograph("teller_project")
            await dialog.submit()
            await dialog.choose("One price")
            await dialog.number("Price per kWh", "0.2")
            await dialog.submit()
            await expect(dialog.here).to_contain_text("What a gap is worth")
            await dialog.photograph("teller_period")
            await dialog.submit()
            await expect(dialog.here).to_contain_text("Anything else?")
            await dialog.photograph("teller_more")
            await dialog.choose("Finish")
            await dialog.finish()

            # What it meters; not what it has counted itself.
            await page.goto(PAGE)
            await page.get_by_role("button", name="Add a source").click()
            await dialog.text("Name", "Plant")
            await dialog.number("Most power", "600000")
            await dialog.here.get_by_text("Select an entity").click()
            await expect(page.get_by_text("Power", exact=True)).to_be_visible()
            await expect(page.get_by_text("Lifetime energy")).to_have_count(0)
            await page.get_by_text("Energy", exact=True).last.click()
            await expect(dialog.here.get_by_text("Select an entity")).to_have_count(0)
            await expect(dialog.here.get_by_role("textbox", name="Name")).to_have_value("Plant")
            await dialog.photograph("teller_source")
            await dialog.submit()
            await dialog.finish()

            # The link and the log's key, for auditors and for the neighbour who witnesses.
            await dialog.reconfigure("Link for readers")
            await dialog.photograph("teller_link")
            link = await dialog.here.get_by_role("textbox", name="Link").input_value()
            key = await dialog.here.get_by_role("textbox", name="The log's key").input_value()
            await house.witness.add(key)
            await dialog.reconfigure("Witnesses")
            await dialog.here.get_by_role("button", name="Add").click()
            await page.get_by_role("textbox", name="Address").fill(house.witness.url)
            await page.get_by_role("textbox", name="Verifier key").fill(await house.witness.verifier())
            await page.get_by_role("button", name="Add", exact=True).last.click()
            await dialog.photograph("teller_witnesses")
            await dialog.submit()
            await expect(dialog.here).to_contain_text("successful")
            await dialog.here.get_by_role("button", name="Close").last.click()

            # The creditor's signature.
            file = str(tmp_path / "creditor.key")
            creditor = await steward("audit", "new-key", "bank.example/solar", "--key-file", file)
            await dialog.reconfigure("Terms and signature")
            await dialog.text("The creditor's verifier key", creditor.strip())
            await dialog.submit()
            await expect(dialog.here).to_contain_text("Signed note")
            terms = tmp_path / "terms.json"
            terms.write_text(await dialog.here.get_by_role("textbox", name="Terms").input_value())
            note = await steward("audit", "sign-terms", str(terms), "--key-file", file)
            await dialog.text("Signed note", note)
            await dialog.photograph("teller_terms")
            await dialog.text("Signed note", note.partition("\n")[0])
            await dialog.submit()
            await expect(dialog.here).to_contain_text("This is no signed note")
            await dialog.text("Signed note", note)
            await dialog.submit()
            await expect(dialog.here).to_contain_text("successful")
            await dialog.here.get_by_role("button", name="Close").last.click()

            # Its entities.
            entry_id = next(entry.entry_id for entry in await client.entries() if entry.title == "Village solar")
            names = await entities_of_books(client, entry_id)
            await client.states.wait(
                lambda: client.states.of(names["books"]) == "ok" and float(client.states.of(names["owed"])) > 0,
                lambda: "something to be owed",
                60,
            )
            assert client.states.of(names["terms_signed"]) == "on"
            [device] = [each for each in await client.devices() if ("steward", entry_id) in each.identifiers]
            await page.goto(f"/config/devices/device/{device.id}")
            shown = page.locator("ha-device-entities-card")
            for name in ("Commit now", "Due date", "Energy in this period", "Owed", "State of books", "Terms signed"):
                await expect(shown.get_by_text(name, exact=True).first).to_be_visible()
            await expect(shown.filter(has_text="In order").first).to_be_visible()
            await photograph(page, images / "teller_device.png")
            await (
                shown.locator("hui-button-entity-row, hui-input-button-entity-row")
                .filter(has_text="Commit now")
                .get_by_text("Press")
                .click()
            )
            await steward("audit", "verify", link, "--key", key, "--terms", str(terms), "--creditor", creditor.strip())
            assert complaints.found == []
