"""What the parties are told: of a payment that is late, period after period, and of times that weren't metered."""

from datetime import timedelta

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState
import pytest

from custom_components.steward.protocol.books.entries import Gap, Outage

from ..conftest import entries_of
from .conftest import Project
from .post import MAIL, PHONE

ROSA, SUNRISE, GUS, INES = PHONE, MAIL, "notify.gus", "notify.ines"
EVERYBODY = [GUS, INES, MAIL, PHONE]


async def told(project: Project, days: int) -> list[tuple[str, list[str]]]:
    """Let days pass, and return what was told to whom, by its title."""
    while days:
        step = min(days, 7)
        days -= step
        await project.wait(days=step)
        await project.wait(minutes=6)
    titles: dict[str, list[str]] = {}
    for target, title, _ in project.post.take():
        titles.setdefault(title.partition(":")[0], []).append(target)
    return [(title, sorted(targets)) for title, targets in titles.items()]


async def test_the_ladder(project: Project) -> None:
    """A period of four weeks isn't paid for seven periods: from its due date on, each step is told, once in each period."""
    await project.add(pay={})
    await project.first_period()
    project.post.take()
    assert await told(project, 13) == []
    assert await told(project, 2) == [("A friendly reminder", [ROSA])]
    assert await told(project, 25) == []
    for late in (2, 3):
        assert await told(project, 28) == [("Reminder", [SUNRISE, ROSA])], late
    for late in (4, 5):
        assert await told(project, 28) == [("Payment overdue", EVERYBODY)], late
    assert project.issue
    assert project.issue.severity == "error"
    for late in (6, 7):
        assert await told(project, 28) == [("Notice of disconnection", EVERYBODY)], late
    levels = [level for level, party, step in await project.notices() if (party, step) == ("Rosa", "delivered")]
    assert levels == [
        "due",
        "friendly",
        *["reminder"] * 2,
        *["stern"] * 2,
        *["disconnection"] * 2,
    ]
    project.horizon.pay(project.friend, project.creditor.public_key, "10.00", memo=project.memo())
    assert await told(project, 1) == [("Payment received", [SUNRISE, ROSA])]
    assert await told(project, 60) == []


async def test_a_claim_holds_the_ladder_for_a_while(project: Project) -> None:
    """Whoever says that they paid isn't reminded for two weeks; then they are, if nothing confirms it."""
    await project.add(pay={})
    await project.first_period()
    await project.repair("elsewhere", {"reference": "Bank"})
    project.post.take()
    assert await told(project, 13) == []
    assert await told(project, 3) == [("A friendly reminder", [ROSA])]


async def test_what_is_paid_is_not_late(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """A reminder that couldn't be delivered isn't when the payment has arrived."""
    await project.add(pay={})
    await project.first_period()
    project.post.take()
    project.hass.services.async_remove("notify", "mail")
    assert await told(project, 14 + 29) == [("A friendly reminder", [ROSA]), ("Reminder", [ROSA])]
    project.horizon.pay(project.friend, project.creditor.public_key, "10.00", memo=project.memo())
    await told(project, 1)
    assert ("reminder", "Sunrise", "failed") in await project.notices()
    waiting = project.teller.payback.telling.notices
    assert {each.level for each in waiting._waiting.values()} == {"paid"}
    assert caplog.text.count("notify.mail doesn't deliver notices") == 1
    caplog.clear()


async def test_a_gap_is_told_once_a_day(project: Project) -> None:
    """Recipient and platform hear of a source that was silent."""
    await project.add(pay={})
    for _ in range(2):
        await project.produce(1, (project.freezer() + timedelta(hours=3)).isoformat()[:19])
    gaps = [each for each in await entries_of(project.hass, project.entry) if isinstance(each, Gap)]
    assert len(gaps) == 2
    assert sorted((to, title) for to, title, _ in project.post) == [
        (MAIL, "Gap in the books: Sunny roof"),
        (PHONE, "Gap in the books: Sunny roof"),
    ]
    assert "Inverter wasn't metered from" in project.post.take()[0][2]


async def test_an_outage_is_told(project: Project) -> None:
    """A teller that was killed tells at its next start that it was off."""
    await project.add(pay={})
    entry = project.entry
    await project.teller.books.writer.async_flush()
    project.teller._ending = True  # no shutdown is written any more
    project.teller._sources.stop()
    await project.teller.payback.stop()
    await project.reload()
    await project.settle()
    assert [each for each in await entries_of(project.hass, entry) if isinstance(each, Outage)]
    assert sorted((to, title) for to, title, _ in project.post) == [
        (MAIL, "Teller was off: Sunny roof"),
        (PHONE, "Teller was off: Sunny roof"),
    ]


async def test_a_shutdown_is_told_while_it_happens(project: Project) -> None:
    """Home Assistant stops: that is delivered and in the log before the log is closed."""
    await project.add(pay={})
    project.hass.set_state(CoreState.stopping)
    project.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await project.settle()
    assert sorted((to, title) for to, title, _ in project.post) == [
        (MAIL, "Teller shut down: Sunny roof"),
        (PHONE, "Teller shut down: Sunny roof"),
    ]
    log = await project.hass.async_add_executor_job(lambda: list(project.teller.storage.entries()))
    kinds = [data.split(b'"kind":"')[1].split(b'"')[0].decode() for data in log]
    assert kinds[-5:] == ["notice"] * 4 + ["shutdown"]


async def test_a_reload_is_no_shutdown(project: Project) -> None:
    """Nobody hears of an entry that was loaded again; of one that stays away, everybody whom it concerns."""
    await project.add(pay={})
    await project.reload()
    await project.wait(minutes=10)
    assert project.post.take() == []
    assert await project.hass.config_entries.async_unload(project.entry.entry_id)
    await project.wait(minutes=4)
    assert project.post.take() == []
    await project.wait(minutes=4)
    assert {title for _, title, _ in project.post} == {"Teller shut down: Sunny roof"}
