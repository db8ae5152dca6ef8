"""Payments with real transactions, against a Horizon that checks them."""

import asyncio
from decimal import Decimal
import hashlib
import json
from pathlib import Path
import stat
import threading

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from stellar_sdk import Keypair

from custom_components.steward.libraries import async_library
from custom_components.steward.teller.anchors import durable
from custom_components.steward.teller.anchors.durable import DurableFile
from custom_components.steward.teller.anchors.keys import InvalidSecretError, async_keys
from custom_components.steward.teller.anchors.ledger import (
    Applied,
    HorizonError,
    Memo,
    Order,
    Payment,
    RejectedError,
    Transaction,
    Unclear,
    UnclearError,
    Waiting,
)
from custom_components.steward.teller.anchors.stellar_tx import MARGIN, VALIDITY, SubmitOnce
from custom_components.steward.teller.anchors.wallet import Wallet, async_wallet
from tests.anchorage.horizon import PASSPHRASE, HorizonServer


def order(to: str, amount: str = "1.5", memo: bytes = b"period", *, asset: str = "native", **more: int) -> Order:
    return Order(memo.decode(), Payment(to, Decimal(amount), asset), Memo.hash(hashlib.sha256(memo).digest()), **more)


def fresh(wallet: Wallet) -> SubmitOnce:
    """Return the same account's machine as after a restart."""
    return SubmitOnce(wallet.account, wallet.horizon, wallet.once._disk, wallet._sign)


@pytest.fixture
def creditor(horizon: HorizonServer) -> str:
    key = Keypair.random()
    horizon.fund(key)
    return key.public_key


async def test_a_payment(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """It arrives once, with its memo, and asking again gives the same answer without asking Horizon."""
    applied = await wallet.once.advance(order(creditor))
    assert isinstance(applied, Applied)
    assert horizon.accounts[creditor].balances["native"] == Decimal("101.5")
    assert await wallet.horizon.payments(applied.hash) == [Payment(creditor, Decimal("1.5"))]
    asked = len(horizon.asked)
    assert await wallet.once.advance(order(creditor)) == await fresh(wallet).advance(order(creditor)) == applied
    assert len(horizon.asked) == asked
    await wallet.once.forget("period")
    assert await wallet.once.advance(order(creditor)) == applied  # found in the ledger
    assert len(horizon.of(creditor)) == 1


async def test_another_asset(wallet: Wallet, horizon: HorizonServer, key: Keypair, creditor: str):
    """Assets are told apart by their issuers."""
    issuer = Keypair.random().public_key
    asset = f"EURX:{issuer}"
    horizon.accounts[key.public_key].balances[asset] = Decimal(10)
    horizon.accounts[creditor].balances[asset] = Decimal(0)
    applied = await wallet.once.advance(order(creditor, "2.0000001", asset=asset))
    assert isinstance(applied, Applied)
    assert await wallet.horizon.payments(applied.hash) == [Payment(creditor, Decimal("2.0000001"), asset)]


async def test_an_answer_that_is_lost(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """The transaction got into the ledger, and is found there."""
    horizon.silent = True
    assert isinstance(await wallet.once.advance(order(creditor)), Applied)
    assert len(horizon.of(creditor)) == 1


async def test_a_transaction_that_gets_stuck(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """The identical one is submitted until it is too late; then another has the same sequence, and only one is ever applied."""
    horizon.stuck = True
    assert await wallet.once.advance(order(creditor)) == Waiting("timeout")
    first = await wallet.once.attempt("period")
    assert await fresh(wallet).advance(order(creditor)) == Waiting("timeout")
    assert first == await wallet.once.attempt("period")
    horizon._queue.clear()
    horizon.close(VALIDITY)
    assert await wallet.once.advance(order(creditor)) == Waiting("timeout")  # its last second
    horizon._queue.clear()
    horizon.close()
    assert await wallet.once.advance(order(creditor)) == Waiting("submitted")
    second = await wallet.once.attempt("period")
    assert first
    assert second
    assert first.sequence == second.sequence
    assert first.hash != second.hash
    horizon.stuck = False
    assert isinstance(await wallet.once.advance(order(creditor)), Applied)
    assert len(horizon.of(creditor)) == 1


async def test_orders_take_turns(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """An account's next order waits for the one that may be applied any time."""
    horizon.stuck = True
    await wallet.once.advance(order(creditor))
    assert await wallet.once.advance(order(creditor, memo=b"another")) == Waiting("busy")
    horizon.stuck = False
    for memo in (b"period", b"another"):
        assert isinstance(await wallet.once.advance(order(creditor, memo=memo)), Applied)
    assert len(horizon.of(creditor)) == 2
    assert await wallet.once.attempt("period") is None
    assert await wallet.once.attempt("unknown") is None


async def test_another_wallet_used_the_sequence(wallet: Wallet, horizon: HorizonServer, key: Keypair, creditor: str):
    """Somebody pays by hand while the transaction is stuck: a new one is built with the next sequence."""
    horizon.stuck = True
    await wallet.once.advance(order(creditor))
    horizon._queue.clear()
    horizon.stuck = False
    other = SubmitOnce(key.public_key, wallet.horizon, Nowhere(), wallet._sign)
    assert isinstance(await other.advance(order(creditor, memo=b"by hand")), Applied)
    assert await wallet.once.advance(order(creditor)) == Waiting("submitted")
    assert isinstance(await wallet.once.advance(order(creditor)), Applied)
    assert len(horizon.of(creditor)) == 2


async def test_a_payment_that_fails(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """It costs its fee and a sequence; once there is money, it is paid once."""
    with pytest.raises(RejectedError) as rejected:
        await wallet.once.advance(order(creditor, "5000"))
    assert rejected.value.codes == ("tx_failed",)
    assert rejected.value.hash
    horizon.accounts[wallet.account].balances["native"] = Decimal(9000)
    assert isinstance(await wallet.once.advance(order(creditor, "5000")), Applied)
    assert [each["successful"] for each in horizon.of(creditor)] == [False, True]


async def test_what_is_refused(hass: HomeAssistant, wallet: Wallet, horizon: HorizonServer, creditor: str):
    """What the network says no to is raised with its codes, and may be tried again."""
    stranger = Keypair.random()
    await async_keys(hass).async_keep(stranger.secret)
    unfunded = async_wallet(hass, horizon.url, PASSPHRASE, stranger.public_key)
    with pytest.raises(RejectedError, match="tx_no_source_account"):
        await unfunded.once.advance(order(creditor))
    other_network = async_wallet(hass, horizon.url, "Another network", wallet.account)
    with pytest.raises(RejectedError, match="wrong_network"):
        await other_network.once.advance(order(creditor))
    horizon.accounts[wallet.account].balances["native"] = Decimal(0)
    with pytest.raises(RejectedError, match="tx_insufficient_balance"):
        await wallet.once.advance(order(creditor))
    with pytest.raises(UnclearError) as unclear:
        await wallet.once.advance(Order("period", Payment(creditor, Decimal(1)), Memo.text("another memo")))
    assert unclear.value.reason is Unclear.MEMO
    horizon.accounts[wallet.account].balances["native"] = Decimal(5)
    assert isinstance(await wallet.once.advance(order(creditor)), Applied)


async def test_after_a_restore(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """All state is gone: the memo is found in the history, over several pages."""
    applied = await wallet.once.advance(order(creditor))
    for number in range(5):
        await wallet.once.advance(order(creditor, memo=b"other %d" % number))
    page = "custom_components.steward.teller.anchors.horizon.PAGE"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, 2)
        restored = SubmitOnce(wallet.account, wallet.horizon, Nowhere(), wallet._sign)
        assert await restored.advance(order(creditor)) == applied
        assert await restored.find(order(creditor, memo=b"never").memo) is None
    assert len(horizon.of(creditor)) == 6


async def test_a_history_that_ends_too_early(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """Where Horizon has forgotten what may have been paid, nothing is signed, unless it can't have been paid that long ago."""
    await wallet.once.advance(order(creditor))
    horizon.close(2 * MARGIN)
    await wallet.once.advance(order(creditor, memo=b"later"))
    horizon.elder = len(horizon.ledgers)
    lost = SubmitOnce(wallet.account, wallet.horizon, Nowhere(), wallet._sign)
    with pytest.raises(UnclearError) as unclear:
        await lost.advance(order(creditor))
    assert unclear.value.reason is Unclear.HISTORY
    with pytest.raises(UnclearError):
        await lost.advance(order(creditor, not_before=horizon.ledgers[-1] + 1))  # a clock that is wrong
    horizon.close(MARGIN)
    horizon.elder = len(horizon.ledgers)  # not even the last transaction is left
    with pytest.raises(UnclearError):
        await lost.advance(order(creditor))
    horizon.elder = len(horizon.ledgers) - 1
    assert isinstance(
        await lost.advance(order(creditor, memo=b"new", not_before=horizon.ledgers[-1])), Waiting | Applied
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custom_components.steward.teller.anchors.stellar_tx.MAX_PAGES", 0)
        with pytest.raises(UnclearError) as unclear:
            await lost.find(Memo.text("any"))
    assert unclear.value.reason is Unclear.LONG


async def test_a_search_goes_back_as_far_as_needed(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """What is older than the order can be isn't searched."""
    first = await wallet.once.advance(order(creditor))
    assert isinstance(first, Applied)
    await wallet.once.advance(order(creditor, memo=b"between"))
    horizon.close(2 * MARGIN)
    await wallet.once.advance(order(creditor, memo=b"later"))
    memo = order(creditor).memo
    assert await wallet.once.find(memo) == first
    assert await wallet.once.find(memo, horizon.ledgers[-1]) is None
    assert await wallet.once.find(memo, first.closed_at) == first


async def test_a_clock_that_is_years_ahead(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """It doesn't hide what was paid: a time that the ledger hasn't reached yet bounds nothing."""
    applied = await wallet.once.advance(order(creditor))
    await wallet.once.advance(order(creditor, memo=b"later"))
    lost = SubmitOnce(wallet.account, wallet.horizon, Nowhere(), wallet._sign)
    assert await lost.advance(order(creditor, not_before=horizon.ledgers[-1] + 50 * MARGIN)) == applied
    assert len(horizon.of(creditor)) == 2


async def test_an_answer_about_another_transaction(
    wallet: Wallet, horizon: HorizonServer, creditor: str, monkeypatch: pytest.MonkeyPatch
):
    """It counts as none."""
    await wallet.once.advance(order(creditor, memo=b"another"))
    (another,) = await wallet.horizon.transactions(creditor, None)

    async def confused(_envelope: str) -> Transaction:
        return another

    with monkeypatch.context() as patch:
        patch.setattr(wallet.horizon, "submit", confused)
        with pytest.raises(HorizonError):
            await wallet.once.advance(order(creditor))
    assert isinstance(await wallet.once.advance(order(creditor)), Applied)
    assert len(horizon.of(creditor)) == 2


async def test_horizon_is_down_or_talks_nonsense(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """Nothing is known then, and nothing is lost."""
    horizon.down = True
    with pytest.raises(HorizonError):
        await wallet.once.advance(order(creditor))
    url, wallet.horizon.url = wallet.horizon.url, "http://127.0.0.1:1"
    with pytest.raises(HorizonError):
        await wallet.once.advance(order(creditor))
    wallet.horizon.url = "nonsense"
    with pytest.raises(HorizonError):
        await wallet.once.advance(order(creditor))
    wallet.horizon.url = url
    horizon.down = False
    assert isinstance(await wallet.once.advance(order(creditor)), Applied)


async def test_a_horizon_that_is_behind(wallet: Wallet, horizon: HorizonServer, creditor: str):
    """The account's own history has to be there before it is searched."""
    await wallet.once.advance(order(creditor))
    horizon.close()
    of_account = horizon.of
    horizon.of = lambda account: of_account(account)[:-1]  # type: ignore[method-assign]
    restored = SubmitOnce(wallet.account, wallet.horizon, Nowhere(), wallet._sign)
    assert await restored.advance(order(creditor)) == Waiting("behind")
    with pytest.raises(HorizonError):
        await restored.find(order(creditor).memo)
    horizon.of = of_account  # type: ignore[method-assign]
    assert isinstance(await restored.advance(order(creditor)), Applied)
    assert len(horizon.of(creditor)) == 1


async def test_what_cannot_be_signed(hass: HomeAssistant, horizon: HorizonServer, wallet: Wallet, creditor: str):
    """Keys that aren't known, and orders that make no sense, are told before anything is submitted."""
    for wrong in (
        order("nobody"),
        order(creditor, "0.00000001"),
        order(creditor, asset="EURX:nobody"),
        order(creditor, asset="X"),
    ):
        with pytest.raises(HomeAssistantError) as error:
            await wallet.once.advance(wrong)
        assert error.value.translation_key == "stellar_order_invalid"
    await async_keys(hass).async_forget(wallet.account)
    await async_keys(hass).async_forget(wallet.account)
    with pytest.raises(HomeAssistantError) as error:
        await wallet.once.advance(order(creditor))
    assert error.value.translation_key == "stellar_secret_missing"
    assert not horizon.transactions


async def test_keys(hass: HomeAssistant, hass_storage: dict[str, object]):
    """Only real secret keys are kept, in a private file."""
    for wrong in ("", "S", Keypair.random().public_key, "SNONSENSE"):
        with pytest.raises(InvalidSecretError):
            await async_keys(hass).async_keep(wrong)
    key = Keypair.random()
    assert await async_keys(hass).async_keep(f" {key.secret}\n") == key.public_key
    assert await async_keys(hass).async_get(key.public_key) == key.secret
    assert await async_keys(hass).async_get("G") is None


async def test_a_wallet_is_shared(hass: HomeAssistant, wallet: Wallet, key: Keypair):
    """Whoever uses an account takes turns with the others; the last one's Horizon counts."""
    assert async_wallet(hass, "http://elsewhere", PASSPHRASE, key.public_key) is wallet
    assert wallet.horizon.url == "http://elsewhere"


@pytest.mark.parametrize("memo", [b"", b"x" * 29])
def test_text_memos_have_their_limits(memo: bytes):
    with pytest.raises(ValueError, match=str(len(memo))):
        Memo.text(memo.decode())
    with pytest.raises(ValueError, match=str(len(memo))):
        Memo.hash(memo)


async def test_a_library_that_is_missing(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch):
    """What can't be installed is told in words, and only where it is needed."""
    requirements = "custom_components.steward.libraries.REQUIREMENTS"
    monkeypatch.setattr(requirements, {"stellar_sdk": "stellar-sdk", "nonsense": "stellar-sdk"})
    assert await async_library(hass, "stellar_sdk")
    with pytest.raises(HomeAssistantError) as error:
        await async_library(hass, "nonsense")
    assert error.value.translation_key == "library_missing"


class Nowhere:
    """A disk that keeps nothing beyond this machine."""

    async def load(self) -> dict[str, object]:
        return {}

    async def save(self, data: dict[str, object]) -> None:
        json.dumps(data)


async def test_a_durable_file(hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Only its owner reads it; what can't be read is set aside; a full disk is told, and the old one stays."""
    path = tmp_path / "folder" / "file"
    file = DurableFile(hass, path)
    assert await file.load() == {}
    await file.save({"a": 1})
    assert await DurableFile(hass, path).load() == {"a": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            await file.save({"a": 2})
    assert await file.load() == {"a": 1}
    assert [each.name for each in path.parent.iterdir()] == ["file"]
    for broken in ("{", "[]"):
        path.write_text(broken)
        assert await file.load() == {}
        assert (path.parent / "file.broken").read_text() == broken


async def test_a_cancelled_write_comes_first(hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is being written when it is cancelled can't overwrite what is written after it."""
    file, gate = DurableFile(hass, tmp_path / "file"), threading.Event()
    write = durable._write

    def slow(path: Path, data: bytes) -> None:
        gate.wait(10)
        write(path, data)

    monkeypatch.setattr(durable, "_write", slow)
    first = hass.async_create_task(file.save({"a": 1}))
    await asyncio.sleep(0)
    first.cancel()
    monkeypatch.setattr(durable, "_write", write)
    second = hass.async_create_task(file.save({"a": 2}))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not second.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert await file.load() == {"a": 2}


async def test_a_state_that_makes_no_sense(hass: HomeAssistant, wallet: Wallet, horizon: HorizonServer, creditor: str):
    """What can't be read of it counts as forgotten."""
    await wallet.once._disk.save({"orders": {"period": {"memo": ["text"]}, "x": 5, "y": {"memo": ["odd", "00"]}}})
    assert isinstance(await fresh(wallet).advance(order(creditor)), Applied)
