"""Steps of payments, written into the log: each once, and by the books' own word."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util

from ...protocol.books.entries import Payment, PaymentStep
from .bills import Bill

if TYPE_CHECKING:
    from ..teller import Teller

LONGEST_DETAIL = 255
"""Characters that an entry's detail may have."""


class Steps:
    """The steps of one teller's payments.

    What the log has is known from the bills. What was appended while the disk had no room is remembered here until it gets there.
    """

    def __init__(self, teller: Teller) -> None:
        """Begin with what the log has."""
        self._teller = teller
        self._written: set[tuple[str, PaymentStep, str | None, str | None]] = set()
        self.all_on_disk = True
        """Whether everything has got to the disk since this was last set."""

    def has(self, bill: Bill, step: PaymentStep, tx: str | None = None) -> bool:
        """Tell whether a step of a bill is in the books, or will be as soon as the disk has room; of a transaction if one is named."""
        return bill.has(step, tx) or any(
            (period, written) == (bill.id, step) and (tx is None or tx == of)
            for period, written, of, _ in self._written
        )

    def waits(self, bills: Iterable[Bill]) -> bool:
        """Tell whether a payment has arrived that the books don't count yet, because the disk has no room."""
        counted = {each.tx for bill in bills for each in bill.payments if each.step is PaymentStep.CONFIRMED}
        return any(step is PaymentStep.CONFIRMED and tx and tx not in counted for _, step, tx, _ in self._written)

    async def record(
        self,
        bill: Bill,
        step: PaymentStep,
        amount: Decimal,
        *,
        tx: str | None = None,
        memo: str | None = None,
        detail: str | None = None,
        ceiling: Decimal | None = None,
    ) -> None:
        """Write a step, unless that was done; `memo` is the bill's own unless it is another."""
        key = (bill.id, step, tx, memo or detail)
        if key in self._written or (tx and bill.has(step, tx)):
            return
        await self.append(
            Payment(
                at=dt_util.utcnow(),
                project=self._teller.settings.project,
                period=bill.id,
                step=step,
                amount=amount,
                tx=tx,
                memo=memo or bill.memo.hex(),
                detail=detail[:LONGEST_DETAIL] if detail else None,
                ceiling=ceiling,
            )
        )
        self._written.add(key)

    async def append(self, entry: Payment) -> None:
        """Write an entry as it is."""
        if await self._teller.async_append(entry) is None:
            self.all_on_disk = False
