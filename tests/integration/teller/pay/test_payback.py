"""Payback as the people of a project see it: bills, links, payments that arrive, and what is told as long as none does."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.steward.protocol.books.entries import unsigned_text
from custom_components.steward.protocol.books.memo import payment_memo
from custom_components.steward.protocol.log.note import Signer, sign_note
from custom_components.steward.teller.pay import receipts, search, telling
from custom_components.steward.teller.pay.issue import PaymentDueFlow
from custom_components.steward.teller.pay.receipt import check_receipt
from steward_house.cli import main

from ..conftest import reconfigure
from .conftest import CREDITOR, EURC, FIRST, Project


async def test_a_bill_is_paid_with_a_wallet(project: Project) -> None:
    """The period ends: the log has the bill, the recipient a link. Whoever pays with its memo is found."""
    await project.add(pay={})
    assert project.teller.payback.link is None
    await project.first_period()
    assert await project.steps() == ["due", "link"]
    due, _ = await project.payments()
    assert (str(due.amount), due.memo) == ("10", project.memo().hex())
    assert project.issue
    assert project.issue.translation_placeholders == {"title": "Sunny roof", "amount": "10.00 EUR", "due": "2026-07-13"}
    link = project.teller.payback.link
    assert link
    assert [(to, title) for to, title, _ in project.post] == [("notify.phone", "Payment due: Sunny roof")]
    assert link in project.post.take()[0][2]
    owed = project.hass.states.get("sensor.sunny_roof_owed")
    assert owed
    assert (owed.state, owed.attributes["payment_link"]) == ("10.0", link)

    tx = project.horizon.pay(project.friend, project.creditor.public_key, "10.00", memo=project.memo())
    await project.wait(minutes=6)
    assert await project.steps() == ["due", "link", "confirmed"]
    paid = (await project.payments())[-1]
    assert (str(paid.amount), paid.tx, paid.detail) == ("10", tx, project.friend.public_key)
    assert project.issue is None
    assert project.teller.payback.link is None
    assert {title for _, title, _ in project.post} == {"Payment received: Sunny roof"}
    await project.wait(days=20)
    assert await project.steps() == ["due", "link", "confirmed"]


async def test_payments_that_are_found_and_others(project: Project) -> None:
    """Parts, several in one transaction, and a memo that was typed are found; other memos, assets and directions aren't."""
    await project.add(pay={})
    await project.first_period()
    pay, to, memo = project.horizon.pay, project.creditor.public_key, project.memo()
    project.horizon.fund(project.friend, **{EURC.replace(":", "__"): "1000"}, FAKE__X="1")
    pay(project.friend, to, "1.00", memo=payment_memo("other", "Sunny roof", FIRST))
    pay(project.friend, to, "1.00", memo="thanks")
    pay(project.friend, to, "1.00")
    pay(project.friend, to, "1.00", memo=memo, asset="native")
    pay(project.creditor, project.friend.public_key, "1.00", memo=memo)
    await project.wait(minutes=6)
    assert await project.steps() == ["due", "link"]

    pay(project.friend, to, "1.5", "0.25", memo=memo)
    await project.wait(minutes=6)
    assert (await project.payments())[-1].amount == Decimal("1.75")
    assert "amount=8.25" in (project.teller.payback.link or "")
    pay(project.house, to, "8.2400001", memo=memo.hex()[:28])
    await project.wait(minutes=6)
    assert project.issue
    assert "amount=0.01&" in (project.teller.payback.link or "")
    assert await project.steps() == ["due", "link", "confirmed", "confirmed"]
    pay(project.house, to, "0.01", memo=memo)
    await project.wait(minutes=6)
    assert project.issue is None
    assert project.teller.account.balance() == Decimal("-0.0000001")

    pay(project.house, to, "3.00", memo=memo)  # by mistake, twice: found within the hour, and kept for the next period
    await project.wait(minutes=70)
    await project.produce(50, "2026-07-27T07:00:00")
    bill = (await project.payments("2026-06-29"))[0]
    assert (bill.step.value, bill.amount) == ("due", Decimal("7.00"))


async def test_what_was_found_is_not_found_again(project: Project) -> None:
    """After a restart the search goes on; where its place was lost, what it finds is known."""
    await project.add(pay={})
    await project.first_period()
    project.horizon.pay(project.friend, project.creditor.public_key, "4.00", memo=project.memo())
    await project.wait(minutes=6)
    await project.reload()
    search.file(project.hass.config.path(), project.entry.entry_id).unlink()
    await project.reload()
    project.horizon.pay(project.friend, project.creditor.public_key, "1.00", memo=project.memo())
    for _ in range(3):
        await project.wait(minutes=6)
    assert await project.steps() == ["due", "link", "confirmed", "confirmed"]
    assert "amount=5.00" in (project.teller.payback.link or "")


async def test_pages(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that receives more than a page, and more than one search reads, is read to its end."""
    monkeypatch.setattr(receipts, "PAGE", 3)
    monkeypatch.setattr(receipts, "MAX_PAGES", 2)
    await project.add(pay={})
    await project.first_period()
    pay, to = project.horizon.pay, project.creditor.public_key
    for number in range(5):
        pay(project.friend, to, "1.00", memo=f"somebody {number}")
    pay(project.friend, to, "1.00", "1.00", "1.00", "2.00", memo=project.memo())
    pay(project.friend, to, "1.00", memo="somebody")
    for _ in range(4):
        await project.wait(minutes=6)
    assert [each.amount for each in await project.payments() if each.tx] == [Decimal(5)]


async def test_paid_before_the_period_ends(project: Project) -> None:
    """The button asks for what the running period has come to; what was paid is off the bill."""
    await project.add(pay={})
    with pytest.raises(ServiceValidationError, match="Nothing is owed"):
        await project.press()
    await project.produce(20, "2026-06-10T07:00:00")
    await project.press()
    assert project.issue
    assert await project.steps() == ["link"]
    assert "amount=4.00" in (project.teller.payback.link or "")
    project.horizon.pay(project.house, project.creditor.public_key, "4.00", memo=project.memo())
    await project.wait(seconds=31)  # it is looked for often now
    await project.wait(seconds=31)
    assert await project.steps() == ["link", "confirmed"]
    assert project.issue is None
    await project.produce(30, "2026-06-29T07:00:00")
    due = next(each for each in await project.payments() if each.step == "due")
    assert due.amount == Decimal(6)


async def test_the_repair_shows_a_code(project: Project) -> None:
    """What is scanned is the link; submitting looks for the payment."""
    await project.add(pay={})
    await project.first_period()
    form = await project.repair("wallet")
    assert form["step_id"] == "wallet"
    assert form["data_schema"].schema["qr_code"].config["data"] == project.teller.payback.link
    assert form["description_placeholders"]["memo"] == project.memo().hex()[:28]
    assert (await project.repair("wallet", {}))["reason"] == "not_arrived"
    project.horizon.pay(project.house, project.creditor.public_key, "10.00", memo=project.memo())
    assert (await project.repair("wallet", {}))["type"] == "create_entry"
    assert project.issue is None


async def test_paid_elsewhere(project: Project) -> None:
    """A claim stays a claim until the creditor has signed for it; then it counts, once."""
    await project.add(pay={})
    terms = project.teller.settings
    assert terms.creditor is None
    await project.first_period()
    assert (await project.repair("elsewhere", {"reference": "Bank, 30 June, ROOF-1"}))["reason"] == "claimed"
    claim = (await project.payments())[-1]
    assert (claim.step.value, claim.tx, claim.memo) == ("submitted", None, "Bank, 30 June, ROOF-1")
    assert project.issue
    assert ("notify.mail", "Please confirm a payment: Sunny roof") in [(to, title) for to, title, _ in project.post]

    receipt = sign_note(unsigned_text(claim), CREDITOR).decode()
    form = await project.repair("receipt", {"receipt": receipt})
    assert form["errors"] == {"receipt": "no_creditor"}
    await reconfigure(
        project.hass, project.entry, ("teller_creditor", {"creditor": CREDITOR.vkey}), ("teller_terms", {})
    )
    await project.wait(seconds=10)
    form = await project.repair("receipt")
    assert form["description_placeholders"]["text"] + "\n" == unsigned_text(claim)
    for wrong, error in (
        ("It was paid, honestly", "invalid_receipt"),
        (sign_note(unsigned_text(claim), Signer("creditor.example", bytes(32))).decode(), "receipt_not_signed"),
        (sign_note(unsigned_text(replace(claim, amount=Decimal(99))), CREDITOR).decode(), "other_receipt"),
    ):
        assert (await project.repair("receipt", {"receipt": wrong}))["errors"] == {"receipt": error}
    assert (await project.repair("receipt", {"receipt": receipt.strip().replace("\n", "\r\n")}))[
        "type"
    ] == "create_entry"
    confirmed = (await project.payments())[-1]
    assert (confirmed.step.value, confirmed.amount, confirmed.note) == ("confirmed", Decimal(10), receipt)
    assert project.teller.account.balance() == 0
    assert project.issue is None


async def test_a_receipt_of_the_creditors_program(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the repair shows goes into `steward audit sign-receipt`, and what that prints is taken."""

    def sign(shown: str) -> str:
        (tmp_path / "claim").write_text(shown)
        assert main(["audit", "sign-receipt", str(tmp_path / "claim"), "--key-file", str(tmp_path / "key")]) == 0
        return capsys.readouterr().out

    def new_key() -> str:
        assert main(["audit", "new-key", "creditor.example/mine", "--key-file", str(tmp_path / "key")]) == 0
        return capsys.readouterr().out.strip()

    run = project.hass.async_add_executor_job
    creditor = await run(new_key)
    await project.add(pay={})
    await reconfigure(project.hass, project.entry, ("teller_creditor", {"creditor": creditor}), ("teller_terms", {}))
    await project.settle()
    await project.first_period()
    await project.repair("elsewhere", {"reference": "Überweisung, 3. März"})
    form = await project.repair("receipt")
    receipt = await run(sign, form["description_placeholders"]["text"])
    assert (await project.repair("receipt", {"receipt": receipt}))["type"] == "create_entry"
    assert (await project.payments())[-1].step.value == "confirmed"
    assert project.teller.account.balance() == 0


async def test_without_a_wallet(project: Project) -> None:
    """A project that isn't paid with Stellar has bills as well, and lumens aren't euros."""
    await project.add(pay={})
    entry = project.entry  # the forms refuse this
    project.hass.config_entries.async_update_entry(
        entry, data={**entry.data, "pay": {**entry.data["pay"], "pay_asset": "native"}}
    )
    await project.settle()
    await project.first_period()
    assert await project.steps() == ["due"]
    assert project.teller.payback.link is None
    assert "in the way that you agreed on" in project.post.take()[0][2]
    menu = await project.repair()
    assert menu["menu_options"] == ["elsewhere"]


async def test_horizon_is_away(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, and what was paid in the meantime is found afterwards."""
    await project.add(pay={})
    await project.first_period()
    project.horizon.down = True
    for _ in range(3):
        await project.wait(minutes=6)
    project.horizon.pay(project.house, project.creditor.public_key, "10.00", memo=project.memo())
    assert caplog.text.count("can't be looked for") == 1
    caplog.clear()
    project.horizon.down = False
    await project.wait(minutes=6)
    assert project.issue is None


async def test_the_issue_outlives_nothing(project: Project) -> None:
    """A flow that was left open while the bill was paid says so."""
    await project.add(pay={})
    await project.first_period()
    flow = await project.repair("elsewhere")
    project.horizon.pay(project.house, project.creditor.public_key, "10.00", memo=project.memo())
    await project.wait(minutes=6)
    flows = project.hass.data["repairs"]["flow_manager"]
    for step in ("init", "wallet", "receipt"):
        late = PaymentDueFlow(project.entry.entry_id, FIRST)
        late.hass = project.hass
        assert (await getattr(late, f"async_step_{step}")())["reason"] == "not_due"
    assert (await flows.async_configure(flow["flow_id"], {"reference": "?"}))["reason"] == "not_due"
    assert await project.steps() == ["due", "link", "confirmed"]


async def test_a_part_was_paid_elsewhere(project: Project) -> None:
    """A receipt for less than is open by then leaves the rest open; the same one counts once."""
    await project.add(pay={})
    await reconfigure(
        project.hass, project.entry, ("teller_creditor", {"creditor": CREDITOR.vkey}), ("teller_terms", {})
    )
    await project.first_period()
    project.horizon.pay(project.house, project.creditor.public_key, "8.00", memo=project.memo())
    await project.wait(minutes=6)
    await project.repair("elsewhere", {"reference": "cash"})
    claim = (await project.payments())[-1]
    assert claim.amount == 2
    project.teller.payback.bill(FIRST)
    receipt = sign_note(unsigned_text(claim), CREDITOR).decode()
    entry = check_receipt(receipt, CREDITOR.vkey, project.teller.payback.bill(FIRST), claim.at)
    assert await project.teller.payback.async_confirm(entry)
    await project.settle()
    assert project.issue is None


async def test_removed(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """A project that is removed leaves no issue and nothing that is waiting to be told."""
    await project.add(pay={})
    project.post.out_of_order = {"notify.phone"}
    await project.first_period()
    files = [module.file(project.hass.config.path(), project.entry.entry_id) for module in (search, telling)]
    assert all(file.exists() for file in files)
    assert await project.hass.config_entries.async_remove(project.entry.entry_id)
    await project.settle()
    assert project.issue is None
    assert not any(file.exists() for file in files)
    caplog.clear()
