"""Automatic payments as the owner sees them: one per period, below the ceiling, and never twice, whatever happens."""

from decimal import Decimal
import errno
from pathlib import Path
import shutil
from unittest.mock import patch

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.steward.log.errors import LogFull
from custom_components.steward.log.storage import LogStorage
from custom_components.steward.teller.anchors.durable import DurableFile

from ..conftest import reconfigure
from .conftest import Project
from .post import MAIL, PHONE

PAID = ["due", "signed", "submitted", "confirmed"]


def kept(project: Project, pattern: str) -> list[Path]:
    """Return files that are kept beside the log."""
    return list(Path(project.hass.config.path(".storage")).glob(pattern))


async def wait(project: Project, rounds: int = 3, minutes: float = 6) -> None:
    """Let some rounds pass."""
    for _ in range(rounds):
        await project.wait(minutes=minutes)


async def test_a_bill_is_paid(project: Project) -> None:
    """It is paid when the period has ended; nobody has to do anything, and nobody is asked to."""
    await project.add(pay=project.automatic)
    await project.first_period()
    await wait(project)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]
    assert sorted(await project.steps(), key=PAID.index) == ["due", "confirmed"]
    (tx,) = project.horizon.of(project.creditor.public_key)
    confirmed = (await project.payments())[-1]
    assert (confirmed.tx, confirmed.detail, confirmed.amount) == (tx["hash"], project.house.public_key, Decimal(10))
    assert project.issue is None
    assert project.teller.account.balance() == 0
    assert "paid automatically" in project.post.delivered[0][2]
    await project.produce(25, "2026-07-27T07:00:00")
    await wait(project)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000", "5.0000000"]


async def test_the_answer_is_lost(project: Project) -> None:
    """Horizon takes it and doesn't say so, and is behind afterwards: the same transaction is followed, and no other made."""
    await project.add(pay=project.automatic)
    project.horizon.silent = True
    await project.first_period()
    project.horizon.lag = 2
    await wait(project, 1)
    assert len(project.horizon.of(project.creditor.public_key)) == 1
    project.horizon.silent, project.horizon.lag = False, 0
    await wait(project)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]
    assert (await project.steps())[-1] == "confirmed"
    assert project.teller.account.balance() == 0


async def test_it_stays_in_the_queue(project: Project) -> None:
    """What isn't taken in time is written down as expired, and another one made in its place, with the same sequence."""
    await project.add(pay=project.automatic)
    project.horizon.stuck = True
    await project.first_period()
    assert await project.steps() == ["due", "signed", "submitted"]
    project.horizon._queue.clear()
    project.horizon.close(400)
    project.horizon.stuck = False
    await wait(project, 4, minutes=1)
    assert await project.steps() == ["due", "signed", "submitted", "failed", "signed", "submitted", "confirmed"]
    first, second = [each for each in await project.payments() if each.step == "signed"]
    assert first.tx != second.tx
    assert project.horizon.accounts[project.house.public_key].sequence & 0xFF == 1
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]
    assert project.teller.account.periods(project.freezer().astimezone())[0].pending == 0


async def test_killed_and_started_again_at_every_round(project: Project) -> None:
    """However often it begins again in between, it is paid once."""
    await project.add(pay=project.automatic)
    project.horizon.stuck = True
    await project.first_period()
    for _ in range(3):
        await project.reload()
        await wait(project, 1, minutes=1)
    project.horizon.stuck = False
    project.horizon.close()
    for _ in range(3):
        await project.reload()
        await wait(project, 2)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]
    assert (await project.steps()).count("confirmed") == 1


@pytest.mark.parametrize("forgets", ["everything", "the log", "what was signed"])
async def test_a_backup_is_restored(project: Project, forgets: str, caplog: pytest.LogCaptureFixture) -> None:
    """The house is set back to before it paid: the ledger is searched before anything is signed, and what it has is written down."""
    hass = project.hass
    await project.add(pay=project.automatic)
    project.horizon.down = True
    await project.first_period()
    books, backup = Path(hass.config.path("steward")), Path(hass.config.path("backup"))
    assert await hass.config_entries.async_unload(project.entry.entry_id)
    await hass.async_add_executor_job(shutil.copytree, books, backup)
    assert await hass.config_entries.async_setup(project.entry.entry_id)
    project.horizon.down = False
    await wait(project)
    assert (await project.steps())[-1] == "confirmed"

    assert await hass.config_entries.async_unload(project.entry.entry_id)
    if forgets != "what was signed":
        await hass.async_add_executor_job(shutil.rmtree, books)
        await hass.async_add_executor_job(shutil.copytree, backup, books)
    if forgets != "the log":
        for file in kept(project, f"steward.stellar_*_{project.house.public_key}"):
            file.unlink()
        hass.data.pop("steward_stellar_wallets")
    for file in kept(project, "steward.teller_*.checkpoint"):
        file.unlink()
    assert await hass.config_entries.async_setup(project.entry.entry_id)
    await wait(project, 4)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]
    assert (await project.steps())[-1] == "confirmed"
    assert project.teller.account.balance() == 0
    caplog.clear()


async def test_more_than_the_ceiling_is_never_paid(project: Project) -> None:
    """It is asked for instead, once; the next bill below it is paid again."""
    await project.add(pay=project.automatic | {"ceiling": 9.99})
    await project.first_period()
    await wait(project)
    assert project.horizon.paid(project.creditor.public_key) == []
    assert await project.steps() == ["due", "link"]
    assert [title for to, title, _ in project.post if to == PHONE] == [
        "Payment due: Sunny roof",
        "Please pay yourself this time: Sunny roof",
    ]
    assert project.issue
    project.horizon.pay(project.friend, project.creditor.public_key, "10.00", memo=project.memo())
    await project.produce(25, "2026-07-27T07:00:00")
    await wait(project)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000", "5.0000000"]


async def test_who_was_given_the_link_pays(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """While an automatic payment may still arrive there is no link; once there is one, nothing is paid automatically."""
    await project.add(pay=project.automatic)
    project.horizon.stuck = True
    await project.first_period()
    with pytest.raises(ServiceValidationError, match="under way"):
        await project.press()
    assert project.teller.payback.link is None
    project.horizon._queue.clear()
    project.horizon.down = True  # so that no other is signed meanwhile
    await wait(project, 2)
    with pytest.raises(ServiceValidationError, match="under way"):
        await project.press()
    project.horizon.down, project.horizon.stuck = False, False
    await project.press()
    assert project.teller.payback.link
    await project.reload()
    await wait(project, 4)
    assert project.horizon.paid(project.creditor.public_key) == []
    assert (await project.steps())[-2:] == ["failed", "link"]
    caplog.clear()


async def test_not_enough_money(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """It is told and written down once, tried again less and less often, and works when there is money."""
    await project.add(pay=project.automatic)
    account = project.horizon.accounts[project.house.public_key]
    asset = next(name for name in account.balances if name != "native")
    account.balances[asset] = Decimal(1)
    await project.first_period()
    await wait(project, 40)
    assert project.horizon.paid(project.creditor.public_key) == []
    failed = [each for each in project.horizon.of(project.house.public_key) if not each["successful"]]
    assert 2 <= len(failed) <= 6
    assert (
        caplog.text.count("doesn't work")
        == len({"tx_failed, op_underfunded", "tx_failed"} & set(caplog.text.split(": ")))
        or 1
    )
    caplog.clear()
    assert [(to, title) for to, title, _ in project.post.take() if "failed" in title] == [
        (PHONE, "Automatic payment failed: Sunny roof"),
        (MAIL, "Automatic payment failed: Sunny roof"),
    ]
    account.balances[asset] = Decimal(100)
    await wait(project, 5, minutes=60)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]
    assert {title for _, title, _ in project.post} == {"Payment received: Sunny roof"}


async def test_horizon_is_away_for_days(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """It is told after a day, not at once."""
    await project.add(pay=project.automatic)
    project.horizon.down = True
    await project.first_period()
    await wait(project, 10)
    assert [title for _, title, _ in project.post.take() if "failed" in title] == []
    await wait(project, 12, minutes=360)
    assert {title for _, title, _ in project.post.take() if "failed" in title} == {
        "Automatic payment failed: Sunny roof"
    }
    caplog.clear()
    project.horizon.down = False
    await wait(project, 5, minutes=360)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]


async def test_the_key_is_gone(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """What only the owner can mend is told in their words."""
    await project.add(pay=project.automatic)
    project.hass.data["steward_stellar_keys"]._keys = {}
    await project.first_period()
    assert (await project.payments())[-1].step == "failed"
    assert "secret key of the Stellar account" in project.post.delivered[-1][2]
    caplog.clear()


async def test_turned_off(project: Project) -> None:
    """Without automatic payments the bill is asked for."""
    await project.add(pay=project.automatic | {"ceiling": 1})
    await reconfigure(
        project.hass,
        project.entry,
        ("teller_pay", {"destination": project.creditor.public_key, "automatic": False}),
    )
    await project.first_period()
    assert project.horizon.paid(project.creditor.public_key) == []
    assert project.issue


async def test_the_disk_is_full(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """What has arrived and can't be written down yet isn't paid again, nor asked for; it is written when there is room."""
    await project.add(pay=project.automatic)
    project.horizon.down = True
    await project.first_period()
    project.horizon.pay(project.friend, project.creditor.public_key, "10.00", memo=project.memo())
    with patch.object(LogStorage, "append", side_effect=LogFull(errno.ENOSPC, "no room")):
        project.horizon.down = False
        await wait(project, 4)
        assert project.teller.account.balance() == 10
        assert project.issue is None
        with pytest.raises(ServiceValidationError, match="under way"):
            await project.teller.payback.async_pay_now()
    await wait(project, 2)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]
    assert (await project.steps()).count("confirmed") == 1
    assert project.teller.account.balance() == 0
    caplog.clear()


async def test_the_disk_is_full_when_it_would_be_signed(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """What can't be kept isn't submitted."""
    await project.add(pay=project.automatic)
    with patch.object(DurableFile, "save", side_effect=OSError(errno.ENOSPC, "no room")):
        await project.first_period()
        assert project.horizon.paid(project.creditor.public_key) == []
    await wait(project, 4)
    assert project.horizon.paid(project.creditor.public_key) == ["10.0000000"]
    assert caplog.text.count("can't be written to disk") == 1
    caplog.clear()


async def test_the_history_does_not_go_back_far_enough(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Where it can't be told whether it was paid, a person has to look: told and written down, and nothing is paid."""
    await project.add(pay=project.automatic)
    project.horizon.accounts[project.house.public_key].sequence += 7
    project.horizon.elder = len(project.horizon.ledgers)
    await project.first_period()
    project.horizon.elder = len(project.horizon.ledgers)
    await wait(project, 4)
    assert project.horizon.paid(project.creditor.public_key) == []
    assert await project.steps() == ["due", "failed"]
    assert (await project.payments())[-1].detail == "history"
    assert caplog.text.count("An automatic payment doesn't work, it is tried again: history") == 1
    caplog.clear()


async def test_more_is_owed_than_was_paid(project: Project) -> None:
    """What is open after the one automatic payment of a period is asked for."""
    await project.add(pay=project.automatic)
    project.horizon.pay(project.house, project.creditor.public_key, "4.00", memo=project.memo())
    await project.first_period()
    await wait(project)
    assert project.horizon.paid(project.creditor.public_key) == ["4.0000000"]
    assert project.issue
    assert "amount=6.00" in (project.teller.payback.link or "")
