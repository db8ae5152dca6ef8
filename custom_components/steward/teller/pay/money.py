"""Amounts that are paid: rounded up to what the currency has, so that a debt that was paid is gone.

What is owed is energy times tariff, with as many decimals as that gives. What is asked for is that, **rounded up to the currency's
smallest unit** (a cent): a bank or a wallet can pay it, nothing of less than a cent stays behind and counts as late, and what is too
much, always less than one unit, is in the next period's balance. Stellar's seven decimals (SEP-7, CAP-67's stroops) hold every
currency's smallest unit; lumens are rounded up to a stroop.
"""

from decimal import ROUND_UP, Decimal, localcontext
from typing import Final

_DECIMALS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
    "XLM": 7,
}
"""Decimals of currencies that don't have two (ISO 4217's list one), and of lumens."""
_LONGEST: Final = 60
"""Digits that sums are computed with."""


def smallest_unit(currency: str) -> Decimal:
    """Return what the smallest amount of a currency is, such as 0.01."""
    return Decimal(1).scaleb(-_DECIMALS.get(currency, 2))


def round_up(amount: Decimal, currency: str) -> Decimal:
    """Return the smallest payable amount that isn't less."""
    with localcontext() as context:
        context.prec = _LONGEST
        return amount.quantize(smallest_unit(currency), rounding=ROUND_UP)
