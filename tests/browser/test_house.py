"""The house in a browser: a user adds a room that was discovered, blocks it, and reads what it did without Home Assistant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import ConsoleMessage, Page, async_playwright, expect
import pytest

from demo.broker import Kind
from demo.client import Client
from demo.dashboard import DASHBOARD
from demo.furnish import add_broker, add_rooms, furnish, remove_guests
from demo.homeassistant import PASSWORD, USER
from demo.house import House, Plan, running, visiting
from demo.observer import Observer
from demo.process import free_port
from demo.rooms import KITCHEN, LIVING_ROOM, NURSERY
from steward_house.protocol.entity import LightState

BROWSER = "/usr/bin/chromium"
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = 30_000
DAY = 60
"""Seconds of a simulated day: the graphs have something to show when the screenshots are made."""


class Complaints:
    """What the browser complains about and that has to do with Steward."""

    def __init__(self, page: Page) -> None:
        self.found: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._take(f"{error.message}\n{error.stack}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._take(f"{message.text} {message.location}")

    def _take(self, text: str) -> None:
        if "steward" in text.casefold().replace(DASHBOARD, ""):
            self.found.append(text)


@asynccontextmanager
async def browsing(address: str, folder: Path) -> AsyncIterator[Page]:
    """A page of a browser at an address; what it shows when a test fails is left in a folder."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        page = await browser.new_page(base_url=address, viewport={"width": 1280, "height": 860})
        page.set_default_timeout(MILLISECONDS)
        expect.set_options(timeout=MILLISECONDS)
        try:
            yield page
        except BaseException:
            await page.screenshot(path=folder / "failure.png")
            raise
        finally:
            await browser.close()


async def log_in(page: Page) -> None:
    await page.goto("/")
    await page.get_by_label("Username").fill(USER)
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.locator("ha-sidebar")).to_be_visible()


async def choose_steward(page: Page) -> None:
    """Add integration → Steward, up to the menu of kinds."""
    await page.goto("/config/integrations/dashboard")
    await page.get_by_role("button", name="Add integration").click()
    dialog = page.locator("dialog-add-integration")
    await dialog.get_by_role("textbox").fill("Steward")
    await dialog.locator("ha-integration-list-item").filter(has_text="Steward").click()


async def live_a_day(client: Client, temperature: str) -> None:
    """Wait until the simulated child has slept at noon and at night, so that the graphs are full."""
    for asleep in (False, True, False, True, False):
        await client.states.wait(
            lambda asleep=asleep: (float(client.states.of(temperature)) > 30) is asleep,
            lambda: "the child to fall asleep, or wake up",
            DAY,
        )


async def be_away(house: House, client: Client, observer: Observer, light: str) -> None:
    """Kill Home Assistant, let somebody wave in the nursery, and return when Home Assistant knows that the living room's light is on."""
    await client.action("light.turn_off", {"entity_id": light})
    await client.states.wait(lambda: client.states.of(light) == "off", lambda: f"{light} to be off", 10)
    boards = house.plan.folder / "homeassistant" / ".storage" / "lovelace_dashboards"
    async with asyncio.timeout(30):
        while not boards.exists() or DASHBOARD not in boards.read_text():  # noqa: ASYNC110 - it is written 10 s later
            await asyncio.sleep(0.1)
    acted = observer.next(lambda heard: heard.node == LIVING_ROOM.node and isinstance(heard.said, LightState))
    await house.kill_home_assistant()
    await observer.press(NURSERY.node, "wave")
    await acted
    await house.start_home_assistant()
    async with visiting(house) as (back, _):
        await back.states.wait(lambda: back.states.of(light) == "on", lambda: f"{light} to be on", 60)


async def photograph(page: Page, file: Path) -> None:
    """Make a screenshot when the start screen has faded."""
    await expect(page.locator("#ha-launch-screen")).to_have_count(0)
    await page.screenshot(path=file)


@pytest.mark.timeout(360)
async def test_a_discovered_room_is_added_by_clicking(tmp_path: Path, images: Path) -> None:
    plan = Plan(folder=tmp_path / "house", port=free_port(), broker=Kind.MOSQUITTO, day=DAY, solar=True)
    async with running(plan) as house, visiting(house) as (client, observer):
        await add_broker(client, house.broker)
        await add_rooms(client, [KITCHEN])
        await remove_guests(client)
        async with browsing(house.home_assistant.address, tmp_path) as page:
            complaints = Complaints(page)
            await log_in(page)

            # Discovered, and confirmed.
            await page.goto("/config/integrations/dashboard")
            card = page.locator("ha-config-flow-card").filter(has_text=LIVING_ROOM.name)
            await expect(card).to_be_visible()
            await photograph(page, images / "discovered.png")
            await card.get_by_role("button", name="Add").click()
            dialog = page.locator("dialog-data-entry-flow")
            await expect(dialog).to_contain_text("living_room")
            await dialog.get_by_role("button", name="Submit").click()
            await dialog.get_by_role("button", name="finish").click()
            await expect(card).to_have_count(0)

            # Chosen from the menu of kinds.
            await choose_steward(page)
            await page.get_by_text("Set up another instance of Steward").click()
            await dialog.get_by_text("Area nodes that were found").click()
            await expect(dialog).to_contain_text(NURSERY.name)
            await dialog.get_by_role("button", name="Submit").click()
            await expect(dialog).to_contain_text("Nodes added: 1.")
            await dialog.get_by_role("button", name="Close").last.click()
            await expect(page.locator("ha-config-flow-card")).to_have_count(0)

            # Named by hand: a node that doesn't exist doesn't answer.
            await choose_steward(page)
            await dialog.get_by_text("An area node, by its ID").click()
            await dialog.get_by_role("textbox").fill("attic")
            await dialog.get_by_role("button", name="Submit").click()
            await expect(dialog).to_contain_text("No node with this ID has announced itself")
            await page.keyboard.press("Escape")

            # Its entities on its page.
            names = await furnish(house, client, observer)
            [device] = [
                device for device in await client.devices() if ("steward", LIVING_ROOM.node) in device.identifiers
            ]
            await page.goto(f"/config/devices/device/{device.id}")
            entities = page.locator("ha-device-entities-card")
            for name in ("Light", "Object temperature", "Distance", "Gesture dimming", "Wave a hand"):
                await expect(entities.get_by_text(name, exact=True).first).to_be_visible()
            await expect(entities.filter(has_text="°C").first).to_be_visible()
            await photograph(page, images / "device.png")

            # Blocked on its page, and not any more.
            rules = page.locator("hui-sensor-entity-row").filter(has_text="Rules here")
            light = page.locator("hui-toggle-entity-row").filter(has=page.get_by_text("Light", exact=True))
            blocked = page.locator("hui-toggle-entity-row").filter(has_text="Blocked").locator("ha-entity-toggle")
            await expect(rules).to_contain_text("2 rules")
            await expect(light.get_by_role("switch")).to_be_enabled()
            await blocked.click()
            await expect(rules).to_contain_text("0 rules")
            await expect(light.get_by_role("switch")).to_be_disabled()
            await photograph(page, tmp_path / "blocked.png")
            await blocked.click()
            await expect(rules).to_contain_text("2 rules")
            await expect(light.get_by_role("switch")).to_be_enabled()

            # The dashboard, with values, and with what the living room's node did without Home Assistant.
            if images != tmp_path:
                await live_a_day(client, names[NURSERY.node]["sensor/object_temperature"])
            await page.goto("about:blank")
            await be_away(house, client, observer, names[LIVING_ROOM.node]["light/light"])
            await page.set_viewport_size({"width": 1280, "height": 1280})
            await page.goto(f"/{DASHBOARD}")
            await page.locator("ha-sidebar ha-icon-button").first.click()  # three rooms side by side need the room
            for room in plan.rooms:
                await expect(page.get_by_role("heading", name=room.name).first).to_be_visible()
            tiles = page.locator("hui-tile-card").filter(has_text="Object")
            await expect(tiles).to_have_count(len(plan.rooms))
            for tile in await tiles.all():
                await expect(tile).to_contain_text("°C")
            told = page.locator("hui-logbook-card")
            await expect(told).to_contain_text("because Nursery Gesture started, while Home Assistant was away")
            await photograph(page, images / "dashboard.png")

            # Its second view: the energy books.
            await page.set_viewport_size({"width": 1280, "height": 560})
            await page.goto(f"/{DASHBOARD}/books")
            for text in ("In order", "€", "kWh"):
                await expect(page.locator("hui-tile-card").filter(has_text=text).first).to_be_visible()
            await page.wait_for_timeout(2000)  # the graph is drawn last
            await photograph(page, images / "books.png")
            assert complaints.found == []
