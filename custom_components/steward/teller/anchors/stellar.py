"""Stellar: two payments of an account to itself, whose text memos carry a CIDv0 into the ledger, as the seed's teller did."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from homeassistant.exceptions import HomeAssistantError

from ...protocol.anchor import memos
from ...protocol.books.entries import AnchorKind
from ...protocol.fields import Json
from .job import AnchorError, Job, NotYetError, Reference, Trouble
from .ledger import Applied, HorizonError, Memo, Order, Payment, RejectedError, UnclearError, Waiting
from .wallet import Wallet

AMOUNT: Final = Decimal("0.0000001")
"""Lumens that go from the account to itself: the least there is."""


class StellarAnchor:
    """Writes with one account; both payments happen once per checkpoint, whatever happens in between."""

    kind = AnchorKind.STELLAR
    every = 24 * 3600
    keep = 1

    def __init__(self, wallet: Wallet) -> None:
        """Take the account's wallet."""
        self._wallet = wallet

    async def anchor(self, job: Job) -> Reference:
        """Have both payments in the ledger."""
        applied = [await self._pay(order) for order in self._orders(job)]
        members: dict[str, Json] = {
            "account": self._wallet.account,
            "network": self._wallet.horizon.passphrase,
            "transactions": [each.hash for each in applied],
            "ledgers": [each.ledger for each in applied],
            "cid": job.link.cid,
            "note": job.link.note.decode(),
        }
        if job.link.previous:
            members["previous"] = job.link.previous
        return Reference(members, datetime.fromtimestamp(applied[-1].closed_at, UTC))

    async def written(self, job: Job, members: Mapping[str, Json]) -> None:
        """Forget the orders: their transactions are in the log."""
        for order in self._orders(job):
            await self._wallet.once.forget(order.key)

    async def _pay(self, order: Order) -> Applied:
        try:
            outcome = await self._wallet.once.advance(order)
        except HorizonError as error:
            raise AnchorError(Trouble.UNREACHABLE, str(error)) from error
        except RejectedError as error:
            raise AnchorError(Trouble.REFUSED, str(error)) from error
        except UnclearError as error:
            raise AnchorError(Trouble.UNCLEAR, str(error)) from error
        except HomeAssistantError as error:
            raise AnchorError(Trouble.LIBRARY, str(error)) from error
        except OSError as error:
            raise AnchorError(Trouble.INTERNAL, str(error)) from error
        if isinstance(outcome, Waiting):
            raise NotYetError(outcome.reason)
        return outcome

    def _orders(self, job: Job) -> Sequence[Order]:
        cid = job.link.cid
        payment = Payment(self._wallet.account, AMOUNT)
        return [
            Order(f"anchor/{cid}/{number}", payment, Memo.text(memo), job.at)
            for number, memo in enumerate(memos(cid), 1)
        ]
