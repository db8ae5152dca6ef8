"""Amounts that are paid: rounded up to what the currency has, so that a debt that was paid is gone.

The books round what a period owes to the currency's smallest unit (the terms' `digits`); what is open of it need not be so even, when
somebody paid with Stellar's seven decimals. What is asked for is what is open, **rounded up** to that unit: a bank or a wallet can pay it,
nothing of less than a cent stays behind and counts as late, and what is too much, always less than one unit, is in the next balance.
"""

from decimal import ROUND_UP, Decimal, localcontext
from typing import Final

_PRECISION: Final = 60
"""Digits that are computed with."""


def round_up(amount: Decimal, digits: int) -> Decimal:
    """Return the smallest amount with so many digits behind the point that isn't less."""
    with localcontext() as context:
        context.prec = _PRECISION
        return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_UP)
