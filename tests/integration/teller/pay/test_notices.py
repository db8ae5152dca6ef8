"""Notices: who gets which, once per occasion, and at least once however often the house dies in between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
import errno
from itertools import pairwise
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.steward.const import DOMAIN
from custom_components.steward.teller.anchors.durable import DurableFile
from custom_components.steward.teller.data import Party, Role
from custom_components.steward.teller.pay.levels import Level, level_of
from custom_components.steward.teller.pay.notices import Message, Notices, Step

from .post import MAIL, PHONE, Post, open_post

PARTIES = (
    Party("1", Role.RECIPIENT, "Rosa", (MAIL, PHONE)),
    Party("2", Role.PLATFORM, "Sunrise", (MAIL,)),
    Party("3", Role.GUARANTOR, "Gus", (MAIL,)),
    Party("4", Role.INVESTOR, "Ines", (MAIL,)),
    Party("5", Role.INVESTOR, "Ivo", ()),
)
VALUES = {
    "project": "Roof",
    "amount": "12.34 EUR",
    "due": "2026-12-01",
    "period": "November",
    "late": "2",
    "pay": "",
    "reason": "op_underfunded",
    "ceiling": "10.00 EUR",
    "reference": "bank",
    "device": "ABC",
    "at": "noon",
    "since": "morning",
    "until": "noon",
    "details": "",
    "source": "Inverter",
}


class House:
    """A house that can die and come back: its log and its disk stay."""

    def __init__(self, hass: HomeAssistant, folder: Path) -> None:
        """Begin with nothing on disk."""
        self.hass = hass
        self.path = folder / "notices"
        self.log: list[tuple[str, str, str, str]] = []
        self.dies_at: Step | None = None
        self.entry = MockConfigEntry(domain=DOMAIN)
        self.entry.add_to_hass(hass)
        self.notices = self.boot()

    def boot(self) -> Notices:
        """Start a new process, which isn't running yet."""
        self.notices = Notices(self.hass, self.entry, PARTIES, DurableFile(self.hass, self.path), self.record)
        return self.notices

    async def start(self) -> None:
        """Start, and let it do what it finds."""
        await self.notices.async_load()
        self.notices.start()
        await self.settle()

    async def restart(self) -> None:
        """Die and start again."""
        self.notices.stop()
        self.boot()
        await self.start()

    async def settle(self) -> None:
        """Let what is under way come to its end."""
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def record(self, message: Message, step: Step) -> None:
        """Write into the log, or die doing so."""
        if step is self.dies_at:
            raise asyncio.CancelledError
        self.log.append((step, message.level, message.party, message.target))

    async def tell(self, occasion: str, level: Level) -> None:
        """Tell something, and wait until it was tried."""
        await self.notices.async_tell(occasion, level, VALUES)
        await self.settle()


@pytest.fixture
async def post(hass: HomeAssistant) -> Post:
    """Return the post."""
    return await open_post(hass)


@pytest.fixture
async def house(hass: HomeAssistant, tmp_path: Path, post: Post) -> AsyncIterator[House]:
    """Return a house that runs."""
    house = House(hass, tmp_path)
    await house.start()
    yield house
    house.notices.stop()


@pytest.mark.parametrize(
    ("late", "level"),
    [
        (0, None),
        (0.99, None),
        (1, Level.FRIENDLY),
        (1.99, Level.FRIENDLY),
        (2, Level.REMINDER),
        (3, Level.REMINDER),
        (3.99, Level.REMINDER),
        (4, Level.STERN),
        (5.99, Level.STERN),
        (6, Level.DISCONNECTION),
        (60, Level.DISCONNECTION),
    ],
)
def test_the_ladder_has_no_gap(late: float, level: Level | None) -> None:
    """From one period late on, there is always a step."""
    assert level_of(late) == level


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (Level.DUE, {"Rosa"}),
        (Level.FRIENDLY, {"Rosa"}),
        (Level.REMINDER, {"Rosa", "Sunrise"}),
        (Level.STERN, {"Rosa", "Sunrise", "Gus", "Ines"}),
        (Level.DISCONNECTION, {"Rosa", "Sunrise", "Gus", "Ines"}),
        (Level.PAYMENT_FAILED, {"Rosa", "Sunrise"}),
        (Level.OVER_CEILING, {"Rosa"}),
        (Level.CLAIMED, {"Sunrise"}),
        (Level.PAID, {"Rosa", "Sunrise"}),
        (Level.SHUTDOWN, {"Rosa", "Sunrise"}),
        (Level.OUTAGE, {"Rosa", "Sunrise"}),
        (Level.GAP, {"Rosa", "Sunrise"}),
    ],
)
@pytest.mark.parametrize("language", ["en", "de"])
async def test_each_level_has_its_readers(
    hass: HomeAssistant, house: House, post: Post, level: Level, told: set[str], language: str
) -> None:
    """Each reads a text of their own, in the house's language, by each of their targets, and the log says so."""
    hass.config.language = language
    await house.tell("x", level)
    mailed = [text for target, _, text in post if target == MAIL]
    greetings = [text.partition(",")[0] for text in mailed]
    assert {greeting.rpartition(" ")[2] for greeting in greetings} == told
    assert all(greeting.startswith("Dear ") == (language == "en") for greeting in greetings)
    assert len(mailed) == len(told)
    assert len([text for target, _, text in post if target == PHONE]) == ("Rosa" in told)
    assert all("{" not in title + text and "Roof" in title + text for _, title, text in post)
    expected = {(name, MAIL) for name in told} | ({("Rosa", PHONE)} if "Rosa" in told else set())
    for step in (Step.SENT, Step.DELIVERED):
        assert {(party, target) for each, _, party, target in house.log if each == step} == expected


async def test_once_per_occasion(house: House, post: Post) -> None:
    """The same occasion isn't told twice, also after a restart; another one is."""
    await house.tell("late/1", Level.FRIENDLY)
    await house.tell("late/1", Level.FRIENDLY)
    await house.restart()
    await house.tell("late/1", Level.FRIENDLY)
    assert len(post.titles()) == 1
    await house.tell("late/2", Level.FRIENDLY)
    assert len(post.titles()) == 2


@pytest.mark.parametrize("dies_at", [Step.SENT, Step.DELIVERED])
async def test_whatever_happens_at_least_once(house: House, post: Post, dies_at: Step) -> None:
    """Who dies before or after the delivery sends it again."""
    house.dies_at = dies_at
    await house.tell("late/1", Level.FRIENDLY)
    before = len(post.titles())
    house.dies_at = None
    await house.restart()
    assert len(post.titles()) == before + 1
    assert (Step.DELIVERED, "friendly", "Rosa", MAIL) in house.log
    assert house.notices.waiting == 0
    await house.restart()
    assert len(post.titles()) == before + 1


async def test_what_is_not_delivered_is_tried_again_less_and_less_often(
    hass: HomeAssistant, house: House, post: Post, freezer: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once; the other target isn't bothered; the text stays the one that was meant."""
    post.out_of_order = {MAIL}
    await house.tell("late/1", Level.FRIENDLY)
    assert (len(post.titles(PHONE)), post.tried.count(MAIL)) == (1, 1)
    tries = []
    for minutes in range(1, 24 * 60):
        freezer.tick(timedelta(minutes=1))
        async_fire_time_changed(hass, dt_util.utcnow())
        await house.settle()
        if post.tried.count(MAIL) > len(tries) + 1:
            tries.append(minutes)
    assert tries[:4] == [1, 3, 7, 15]
    assert max(later - earlier for earlier, later in pairwise(tries)) <= 6 * 60 + 1
    assert [record.getMessage() for record in caplog.records if "doesn't deliver" in record.getMessage()] == [
        "notify.mail doesn't deliver notices, they are kept: no network"
    ]
    caplog.clear()
    assert [step for step, *_, target in house.log if target == MAIL] == [Step.SENT, Step.FAILED]
    post.out_of_order = set()
    await house.restart()
    assert post.titles() == ["A friendly reminder: Roof"]
    assert [step for step, *_, target in house.log if target == MAIL] == [Step.SENT, Step.FAILED, Step.DELIVERED]


async def test_a_target_that_comes_back(
    hass: HomeAssistant, house: House, post: Post, freezer: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """A phone that is away or gone, and an action that isn't there, are waited for."""
    state = hass.states.get(PHONE)
    assert state
    hass.states.async_set(PHONE, "unavailable")
    hass.services.async_remove("notify", "mail")
    await house.tell("late/1", Level.FRIENDLY)
    assert (post.delivered, house.notices.waiting) == ([], 2)
    caplog.clear()
    hass.states.async_set(PHONE, state.state)
    freezer.tick(timedelta(minutes=2))
    async_fire_time_changed(hass, dt_util.utcnow())
    await house.settle()
    assert (post.titles(PHONE), house.notices.waiting) == (["A friendly reminder: Roof"], 1)
    assert "notify.phone delivers notices again" in caplog.text


async def test_what_was_paid_is_not_complained_of(house: House, post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """Notices that weren't delivered are withdrawn when there is no reason any more; the log says that they failed."""
    post.out_of_order = {MAIL}
    await house.tell("late/1/1", Level.FRIENDLY)
    await house.tell("gap/1", Level.GAP)
    caplog.clear()
    post.out_of_order = set()
    await house.notices.async_withdraw("late/")
    await house.restart()
    assert post.titles() == ["Gap in the books: Roof", "Gap in the books: Roof"]


async def test_a_full_disk_does_not_silence_anybody(
    house: House, post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What can't be written is sent all the same; it is said once."""

    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DurableFile, "save", full)
    await house.tell("late/1", Level.FRIENDLY)
    assert len(post.titles()) == 1
    assert caplog.text.count("can't be written to disk") == 1
    caplog.clear()
