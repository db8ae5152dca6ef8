"""What can be shared and how fine; what entries of each grain may carry.

A register tells everything that was used since it was last seen: two readings of it at the ends of a day give the energy of whatever
lies between any two entries that hold it. So only entries of every telegram carry registers; coarser ones carry what belongs to their
interval alone. A month's peak demand is a quarter hour's value that any later entry would still tell: it needs every telegram too.
"""

from enum import StrEnum
from typing import Final, Self


class Grain(StrEnum):
    """How fine a channel is, from the finest; each interval consists of whole ones of the grains before it."""

    TELEGRAM = "telegram"
    MINUTE = "1min"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"
    """Of the house's calendar."""

    @property
    def seconds(self) -> int | None:
        """The interval's length; None for a telegram's, which is the meter's, and for a day's, which the calendar says."""
        return _SECONDS.get(self)

    def is_within(self, other: Self) -> bool:
        """Whether it is as coarse as another grain, or coarser."""
        return _RANK[self] >= _RANK[other]


class Quantity(StrEnum):
    """What a meter tells that can be shared."""

    ENERGY_IMPORT = "energy_import"
    ENERGY_EXPORT = "energy_export"
    POWER = "power"
    """Drawn and fed in."""
    PHASE_POWER = "phase_power"
    VOLTAGE = "voltage"
    CURRENT = "current"
    TARIFF = "tariff"
    PEAK_DEMAND = "peak_demand"
    FAILURES = "failures"
    """How often the power failed or its voltage was off."""
    GAS = "gas"
    WATER = "water"
    HEAT = "heat"
    """Warmth and cold."""


class Form(StrEnum):
    """How an entry carries a quantity."""

    REGISTER = "register"
    """As the meter counts it, since it was made."""
    VALUE = "value"
    """As it was at the entry's time."""
    AMOUNT = "amount"
    """How much of it there was in the entry's interval."""
    MEAN = "mean"
    """Its average in the entry's interval."""


_RANK: Final = {grain: rank for rank, grain in enumerate(Grain)}
_SECONDS: Final = {Grain.MINUTE: 60, Grain.QUARTER: 900, Grain.HOUR: 3600}
_COUNTED: Final = frozenset(
    {
        Quantity.ENERGY_IMPORT,
        Quantity.ENERGY_EXPORT,
        Quantity.FAILURES,
        Quantity.GAS,
        Quantity.WATER,
        Quantity.HEAT,
    }
)
_AVERAGED: Final = frozenset({Quantity.POWER, Quantity.PHASE_POWER, Quantity.VOLTAGE, Quantity.CURRENT})


def form(quantity: Quantity, grain: Grain) -> Form | None:
    """Return how entries of a grain carry a quantity; None if they can't."""
    if grain is Grain.TELEGRAM:
        return Form.REGISTER if quantity in _COUNTED else Form.VALUE
    if quantity in _COUNTED:
        return Form.AMOUNT
    return Form.MEAN if quantity in _AVERAGED else None


def carried(grain: Grain) -> frozenset[Quantity]:
    """Return the quantities that entries of a grain can carry."""
    return frozenset(quantity for quantity in Quantity if form(quantity, grain))
