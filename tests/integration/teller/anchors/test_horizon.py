"""Answers that Horizon should never give, and the network of these tests, which is as strict as the real one."""

from decimal import Decimal
from typing import Any

from aiohttp import ClientSession, web
import pytest
from stellar_sdk import Account, Asset, Keypair, TransactionBuilder

from custom_components.steward.teller.anchors.horizon import HorizonClient
from custom_components.steward.teller.anchors.ledger import (
    HorizonError,
    Memo,
    MemoKind,
    Refusal,
    Transaction,
    read_memo,
)
from tests.anchorage.horizon import PASSPHRASE, HorizonServer
from tests.anchorage.server import Server


class Nonsense(Server):
    """Answers everything with the same."""

    status = 200
    body = b""

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._say)]

    async def _say(self, _request: web.Request) -> web.Response:
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def session(socket_enabled: None):
    async with ClientSession() as session:
        yield session


async def test_nonsense_is_not_believed(session: ClientSession, monkeypatch: pytest.MonkeyPatch):
    """Whatever comes, it is the same error: nothing is known."""
    async with Nonsense() as server:
        client = HorizonClient(session, server.url, PASSPHRASE)
        questions = (
            client.head,
            lambda: client.ledger_closed_at(1),
            lambda: client.sequence("G"),
            lambda: client.transaction("x"),
            lambda: client.transactions("G", None),
            lambda: client.payments("x"),
            lambda: client.submit("x"),
        )
        page = b'{"_embedded": {"records": [%s]}}'
        for body in (b"", b"[]", b"{}", b"\xff", b'{"sequence": "x"}', page % b"5", page % b"{}", b'{"_embedded": 3}'):
            server.body = body
            for question in questions:
                if body == page % b"{}" and question is questions[2]:
                    continue
                with pytest.raises(HorizonError):
                    await question()
        server.status = 500
        for question in questions:
            with pytest.raises(HorizonError):
                await question()
        server.status, server.body = 400, b'{"type": "https://stellar.org/horizon-errors/transaction_malformed"}'
        assert await client.submit("x") == Refusal(("transaction_malformed",))
        server.status = 404
        assert await client.transaction("x") is None
        assert await client.transactions("G", "1") == []
        with pytest.raises(HorizonError):
            await client.head()
        monkeypatch.setattr("custom_components.steward.teller.anchors.horizon.MAX_ANSWER", 10)
        with pytest.raises(HorizonError):
            await client.submit("x")


@pytest.mark.parametrize(
    ("kind", "value", "raw", "memo"),
    [
        ("none", None, None, None),
        ("id", "5", None, None),
        ("text", "", "", None),
        ("text", "ab", None, Memo.text("ab")),
        ("text", "\ufffd", "/w==", Memo(MemoKind.TEXT, b"\xff")),
        ("hash", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", None, Memo.hash(bytes(32))),
    ],
)
def test_memos(kind: str, value: str | None, raw: str | None, memo: Memo | None):
    assert read_memo(kind, value, raw) == memo


def test_memos_that_are_none():
    with pytest.raises(ValueError, match="5"):
        read_memo("hash", "AAAAAAA=", None)


class Builder:
    """Makes transactions of all kinds, right and wrong."""

    def __init__(self, server: HorizonServer, client: HorizonClient) -> None:
        self.key = Keypair.random()
        server.fund(self.key)
        self.server = server
        self.client = client

    async def submit(
        self, *, step: int = 1, fee: int = 100, network: str = PASSPHRASE, **more: Any
    ) -> Transaction | Refusal:
        account = Account(self.key.public_key, self.server.accounts[self.key.public_key].sequence + step - 1)
        builder = TransactionBuilder(account, network, fee)
        builder.add_time_bounds(more.get("not_before", 0), more.get("not_after", self.server.ledgers[-1] + 60))
        if memo := more.get("memo"):
            builder.add_text_memo(memo)
        builder.append_payment_op(more.get("to", self.key.public_key), Asset.native(), Decimal(more.get("amount", 1)))
        envelope = builder.build()
        envelope.sign(more.get("signer", self.key))
        return await self.client.submit(envelope.to_xdr())


async def test_the_network_of_these_tests_is_strict(horizon: HorizonServer, session: ClientSession):
    """It refuses what Stellar refuses, with its codes."""
    one = Builder(horizon, HorizonClient(session, horizon.url, PASSPHRASE))
    assert isinstance(await one.submit(memo="x" * 28), Transaction)
    now = horizon.ledgers[-1]
    for code, wrong in {
        "tx_bad_seq": {"step": 2},
        "tx_too_late": {"not_after": now - 1},
        "tx_too_early": {"not_before": now + 1, "not_after": 0},
        "tx_insufficient_fee": {"fee": 99},
        "tx_bad_auth": {"signer": Keypair.random()},
    }.items():
        assert await one.submit(**wrong) == Refusal((code,))
    assert await one.submit(step=0) == Refusal(("tx_bad_seq",))
    assert await one.submit(network="Another network") == Refusal(("tx_bad_auth",))
    assert len(horizon.transactions) == 1
    assert await one.submit(amount=101) != Refusal(("tx_failed",))  # to itself it makes no difference
    assert await one.submit(to=Keypair.random().public_key) == Refusal(("tx_failed", "op_no_destination"))
    assert [each["successful"] for each in horizon.transactions] == [True, True, False]
    assert await one.client.submit("AAAA") == Refusal(("transaction_malformed",))


async def test_the_same_again_has_the_same_answer(horizon: HorizonServer, session: ClientSession):
    """A transaction that is in the ledger isn't applied again."""
    one = Builder(horizon, HorizonClient(session, horizon.url, PASSPHRASE))
    first = await one.submit(memo="once")
    assert isinstance(first, Transaction)
    envelope = horizon.transactions[0]["envelope_xdr"]
    assert await one.client.submit(envelope) == first
    horizon.close(1000)
    assert await one.client.submit(envelope) == first
    assert len(horizon.transactions) == 1
    assert await one.client.transaction(first.hash) == first
    assert await one.client.transactions(one.key.public_key, None) == [first]
    assert await one.client.transactions(one.key.public_key, first.cursor) == []
