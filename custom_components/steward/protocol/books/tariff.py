"""What a kilowatt-hour costs: always the same, what an entity says, or by a table of hours, weekdays and seasons."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import ClassVar, Final

from ..fields import ContractError, Fields, Json, Reason
from .codec import read_decimal, write_decimal
from .periods import WEEK_DAYS, hour_end, local

DAY_HOURS: Final = 24
MAX_ROWS: Final = 128
FOREVER: Final = 2**53
_LEAP_YEAR: Final = 2024


@dataclass(frozen=True, slots=True)
class Fixed:
    """One price."""

    kind: ClassVar = "fixed"
    price: Decimal

    def at(self, _at: int, _zone: tzinfo) -> tuple[Decimal, int]:
        """Return the price at a point in time, and until when it is the price."""
        return self.price, FOREVER


@dataclass(frozen=True, slots=True)
class FromEntity:
    """The price that an entity says: each change is an entry of the log.

    The entity is in the debtor's house too: `low` and `high` are the least and most that were agreed, `price` is that before the first entry.
    """

    kind: ClassVar = "entity"
    entity_id: str
    price: Decimal = Decimal(0)
    low: Decimal | None = None
    high: Decimal | None = None

    def at(self, _at: int, _zone: tzinfo) -> tuple[Decimal, int]:
        """Return the price before the first entry."""
        return self.bounded(self.price), FOREVER

    def bounded(self, price: Decimal) -> Decimal:
        """Return a price within what was agreed."""
        if self.low is not None:
            price = max(price, self.low)
        return price if self.high is None else min(price, self.high)


@dataclass(frozen=True, slots=True)
class Row:
    """A price, and when it holds: on which weekdays (Monday is 0), from which hour to before which, from which day of the year to which.

    Hours and days of the year may go round midnight and New Year: 22 to 6, (10, 1) to (3, 31). What is empty or None holds always.
    """

    price: Decimal
    weekdays: tuple[int, ...] = ()
    hours: tuple[int, int] | None = None
    dates: tuple[tuple[int, int], tuple[int, int]] | None = None

    @property
    def always(self) -> bool:
        """Whether it holds at any time."""
        return not self.weekdays and self.hours is None and self.dates is None

    def holds(self, wall: datetime) -> bool:
        """Whether it holds at a local time."""
        if self.weekdays and wall.weekday() not in self.weekdays:
            return False
        if self.hours is not None:
            first, end = self.hours
            if not (first <= wall.hour < end if first < end else wall.hour >= first or wall.hour < end):
                return False
        if self.dates is not None:
            first_day, last_day = self.dates
            today = (wall.month, wall.day)
            if first_day <= last_day:
                return first_day <= today <= last_day
            return today >= first_day or today <= last_day
        return True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, the first one that holds counts; the last one holds always."""

    kind: ClassVar = "table"
    rows: tuple[Row, ...]

    def at(self, at: int, zone: tzinfo) -> tuple[Decimal, int]:
        """Return the price at a point in time, and until when it is the price at least."""
        wall = local(at, zone)
        return next(row.price for row in self.rows if row.holds(wall)), hour_end(at, zone)


type TariffTerms = Fixed | FromEntity | Table


def write_tariff(tariff: TariffTerms) -> Json:
    """Return a tariff as JSON."""
    match tariff:
        case Fixed():
            return {"kind": tariff.kind, "price": write_decimal(tariff.price)}
        case FromEntity():
            members: dict[str, Json] = {
                "kind": tariff.kind,
                "entity_id": tariff.entity_id,
                "price": write_decimal(tariff.price),
            }
            for name, bound in (("low", tariff.low), ("high", tariff.high)):
                if bound is not None:
                    members[name] = write_decimal(bound)
            return members
        case Table():
            return {"kind": tariff.kind, "rows": [_write_row(row) for row in tariff.rows]}


def read_tariff(of: Fields, name: str) -> TariffTerms:
    """Read a tariff.

    Raises:
        ContractError: it is none.
    """
    where = of.place(name)
    value = of.need(name)
    members = Fields(value, where)
    match members.text("kind"):
        case Fixed.kind:
            return Fixed(read_decimal(members.need("price"), members.place("price")))
        case FromEntity.kind:
            bounds = {
                bound: read_decimal(members.need(bound), members.place(bound))
                for bound in ("price", "low", "high")
                if members.get(bound) is not None
            }
            tariff = FromEntity(members.text("entity_id"), **bounds)
            if tariff.low is not None and tariff.high is not None and tariff.low > tariff.high:
                raise ContractError(Reason.BAD_VALUE, where, "its lowest price is above its highest")
            return tariff
        case Table.kind:
            table = Table(members.items("rows", MAX_ROWS, _read_row))
            if not table.rows or not table.rows[-1].always:
                raise ContractError(
                    Reason.BAD_VALUE, where, "the last row must hold always: no weekdays, hours or dates"
                )
            return table
        case kind:
            raise ContractError(Reason.BAD_VALUE, where, f"{kind} is no kind of tariff")


def read_row(value: Json, where: str = "row") -> Row:
    """Read a row of a table.

    Raises:
        ContractError: it is none.
    """
    return _read_row(value, where)


def _write_row(row: Row) -> Json:
    members: dict[str, Json] = {"price": write_decimal(row.price)}
    if row.weekdays:
        members["weekdays"] = list(row.weekdays)
    if row.hours is not None:
        members["hours"] = list(row.hours)
    if row.dates is not None:
        members["dates"] = [f"{month:02}-{day:02}" for month, day in row.dates]
    return members


def _read_row(value: Json, where: str) -> Row:
    of = Fields(value, where)
    if unknown := of.rest("price", "weekdays", "hours", "dates"):
        raise ContractError(Reason.BAD_KEY, of.place(min(unknown)), "is not a member of a row")
    weekdays = of.items("weekdays", WEEK_DAYS, lambda item, place: _whole(item, place, WEEK_DAYS - 1))
    hours = of.items("hours", 2, lambda item, place: _whole(item, place, DAY_HOURS))
    dates = of.items("dates", 2, _read_date)
    if sorted(set(weekdays)) != list(weekdays):
        raise ContractError(Reason.BAD_VALUE, of.place("weekdays"), "must be in order, none twice")
    if hours and (len(hours) != 2 or hours[0] == hours[1] or hours[0] == DAY_HOURS):  # noqa: PLR2004
        raise ContractError(Reason.BAD_VALUE, of.place("hours"), "must be a first hour and one to stop before")
    if dates and len(dates) != 2:  # noqa: PLR2004
        raise ContractError(Reason.BAD_VALUE, of.place("dates"), "must be a first and a last day of the year")
    return Row(
        read_decimal(of.need("price"), of.place("price")),
        weekdays,
        (hours[0], hours[1]) if hours else None,
        (dates[0], dates[1]) if dates else None,
    )


def _whole(value: Json, where: str, high: int) -> int:
    return Fields({where: value}).integer(where, 0, high)


def _read_date(value: Json, where: str) -> tuple[int, int]:
    if isinstance(value, str):
        month, dash, day = value.partition("-")
        if dash and value == f"{month:0>2}-{day:0>2}" and month.isdecimal() and day.isdecimal():
            try:
                found = date(_LEAP_YEAR, int(month), int(day))
            except ValueError:
                pass
            else:
                return found.month, found.day
    raise ContractError(Reason.BAD_VALUE, where, "must be a day of the year like 03-31")
