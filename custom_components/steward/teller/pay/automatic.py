"""Automatic payments: from a dedicated account, one per period at most, and never more than the owner allowed.

That none happens twice is up to `anchors/stellar_tx.py`: the signed transaction is on disk before it is submitted, and the ledger is
searched for the period's memo before another one is signed.
"""

from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..anchors.ledger import Applied, Attempt, HorizonError, Memo, Order, Payment, RejectedError, UnclearError
from ..anchors.wallet import Wallet, async_wallet
from ..data import Pay, Stellar
from .bills import Bill

HORIZON: Final = "Horizon"
SETTLED: Final = 60
"""Seconds after a transaction's last moment until it is taken for lost: several Horizons behind one address aren't equally far."""


class FailedError(Exception):
    """A payment doesn't work for now. `passing` is what ends by itself, such as an unreachable Horizon; `tx` was taken, and failed."""

    def __init__(self, reason: str, *, passing: bool = False, tx: str | None = None) -> None:
        """Say why."""
        super().__init__(reason)
        self.reason = reason
        self.passing = passing
        self.tx = tx


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a payment is: the transaction that was signed last, what the network said, and where it is in the ledger."""

    attempt: Attempt | None
    applied: Applied | None


class AutomaticPayments:
    """Pays a project's bills."""

    def __init__(self, hass: HomeAssistant, stellar: Stellar, pay: Pay, account: str, origin: str) -> None:
        """Take the network, whom to pay, and the account that pays."""
        self._pay = pay
        self._origin = origin
        self._wallet: Wallet = async_wallet(hass, stellar.horizon, stellar.passphrase, account)

    async def async_advance(self, bill: Bill) -> Progress:
        """Go one step on with a bill; to be called again until it is in the ledger.

        Raises:
            FailedError: it doesn't work for now.
        """
        order = Order(
            key=self._key(bill),
            payment=Payment(self._pay.destination, bill.amount, self._pay.asset),
            memo=Memo.hash(bill.memo),
            not_before=int(bill.begin.timestamp()),
        )
        try:
            outcome = await self._wallet.once.advance(order)
        except RejectedError as error:
            raise FailedError(", ".join(error.codes), tx=error.hash) from error
        except UnclearError as error:
            raise FailedError(error.reason) from error
        except HorizonError as error:
            raise FailedError(str(error) or HORIZON, passing=True) from error
        except OSError as error:
            raise FailedError(str(error), passing=True) from error
        except HomeAssistantError as error:
            raise FailedError(str(error)) from error
        if isinstance(outcome, Applied):
            return Progress(None, outcome)
        return Progress(await self._wallet.once.attempt(order.key), None)

    async def async_attempt(self, bill: Bill) -> Attempt | None:
        """Return a bill's signed transaction whose end isn't known."""
        return await self._wallet.once.attempt(self._key(bill))

    async def async_is_over(self, bill: Bill) -> bool:
        """Tell whether nothing that was signed for a bill can be applied any more, so that somebody else may pay it.

        Raises:
            FailedError: that can't be told.
        """
        if (attempt := await self.async_attempt(bill)) is None:
            return True
        try:
            if (await self._wallet.horizon.head()).closed_at <= attempt.max_time + SETTLED:
                return False
            # What was applied in time is in the history now: it goes on to well after that time.
            return await self._wallet.horizon.transaction(attempt.hash) is None
        except (HorizonError, RejectedError) as error:
            raise FailedError(str(error) or HORIZON, passing=True) from error

    def _key(self, bill: Bill) -> str:
        return f"payback/{self._origin}/{bill.id}"
