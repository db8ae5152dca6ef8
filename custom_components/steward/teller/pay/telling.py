"""What parties are told of one teller, in words: of bills, of payments, and of times that weren't metered."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeassistant.core import CALLBACK_TYPE
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ...const import DOMAIN
from ...protocol.books.entries import Cause, Head, Notice, NoticeStep, Outage
from ..anchors.durable import DurableFile
from .bills import Bill
from .levels import Level
from .notices import Message, Notices, Step

if TYPE_CHECKING:
    from ..teller import Teller

_LOGGER = logging.getLogger(__name__)

RECENT: Final = timedelta(days=2)
"""For so long after its end a gap is told, if it wasn't."""
STAYS_AWAY: Final = timedelta(minutes=5)
LAST_WORDS: Final = 10
"""Seconds that notices have when Home Assistant ends."""
UNLOADED: Final = "unloaded"
"""The cause of a shutdown when the config entry was unloaded."""
AWAY: HassKey[dict[str, CALLBACK_TYPE]] = HassKey(f"{DOMAIN}_tellers_away")
"""What cancels telling of tellers that are unloaded at the moment."""
LONGEST_ID: Final = 255


class Telling:
    """Tells the parties of one teller."""

    def __init__(self, teller: Teller, how: Callable[[Bill], tuple[str, str]]) -> None:
        """Take the teller, and what says how a bill is paid: a key of the texts, and the link."""
        self._teller = teller
        self._how = how
        settings = teller.settings
        kept = DurableFile(teller.hass, file(teller.hass.config.path(), settings.entry_id))
        self.notices = Notices(teller.hass, teller.entry, settings.parties, kept, self._record)

    async def async_start(self) -> None:
        """Take up what wasn't delivered."""
        if come_back := self._teller.hass.data.get(AWAY, {}).pop(self._teller.entry.entry_id, None):
            come_back()
        await self.notices.async_load()
        await self.notices.async_withdraw(f"{UNLOADED}/")
        self.notices.start()

    def money(self, amount: Decimal) -> str:
        """Write an amount."""
        return f"{amount:f} {self._teller.settings.currency}"

    async def async_bill(self, level: Level, occasion: str, bill: Bill, **more: str) -> None:
        """Tell something of a bill."""
        hass = self._teller.hass
        texts = await async_get_translations(hass, hass.config.language, "issues", {DOMAIN})
        how, link = self._how(bill)
        values = {
            **self._device,
            "period": bill.span,
            "amount": self.money(bill.amount),
            "due": bill.due_day,
            "pay": texts[f"component.{DOMAIN}.issues.notice_pay_{how}.description"].format(link=link),
            **more,
        }
        await self.notices.async_tell(occasion, level, values)

    async def async_paid(self, bill: Bill, amount: Decimal, occasion: str) -> None:
        """Tell that a payment has arrived, and no more that it failed."""
        await self.async_bill(Level.PAID, occasion, bill, amount=self.money(amount))
        await self.notices.async_withdraw("failed/")

    async def async_late(self, level: Level | None, occasion: str, bill: Bill | None, late: int) -> None:
        """Tell that a payment is late, and no more that it was less late before."""
        await self.notices.async_withdraw("late/", keep=occasion)
        if level and bill:
            await self.async_bill(level, occasion, bill, late=str(late))

    async def async_gaps(self) -> None:
        """Tell of what wasn't metered lately, once a day for each source; outages are told when they are found."""
        now = dt_util.utcnow()
        names = {each.id: each.name for each in self._teller.settings.sources}
        for period in self._teller.account.periods(now)[-2:]:
            for gap in period.gaps:
                if gap.open or gap.cause is Cause.OUTAGE or gap.end < now - RECENT:
                    continue
                values = self._device | {"since": _time(gap.begin), "until": _time(gap.end)}
                values["source"] = names.get(gap.source, gap.source)
                day = dt_util.as_local(gap.begin).date()
                await self.notices.async_tell(f"gap/{gap.source}/{day}", Level.GAP, values)

    async def async_outage(self, entry: Outage) -> None:
        """Tell that the teller was off."""
        values = self._device | {"since": _time(entry.begin), "until": _time(entry.end)}
        await self.notices.async_tell(f"outage/{entry.begin.isoformat()}", Level.OUTAGE, values)

    async def async_shut_down(self, cause: str, heads: Iterable[Head]) -> None:
        """Tell that the teller is being shut down.

        An entry that is unloaded is mostly loaded again at once: that is told only if it isn't, a few minutes later.
        """
        now = dt_util.utcnow()
        unloaded = cause == UNLOADED
        details = "\n".join(f"{head.size} {head.root}" for head in heads)
        values = self._device | {"at": _time(now), "details": details}
        occasion = f"{UNLOADED if unloaded else 'shutdown'}/{now.isoformat()}"
        await self.notices.async_tell(occasion, Level.SHUTDOWN, values, deliver=False)
        if unloaded:
            timers = self._teller.hass.data.setdefault(AWAY, {})
            timers[self._teller.entry.entry_id] = async_call_later(self._teller.hass, STAYS_AWAY, self._away)
            return
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self.notices.async_deliver()
        except TimeoutError:
            _LOGGER.debug("The rest of the notices waits for the next start")

    async def _away(self, _: datetime) -> None:
        """Tell of an unloaded teller that hasn't come back."""
        self._teller.hass.data[AWAY].pop(self._teller.entry.entry_id, None)
        await self.notices.async_deliver()

    @property
    def _device(self) -> dict[str, str]:
        settings = self._teller.settings
        return {"project": settings.project, "device": settings.device_id}

    async def _record(self, message: Message, step: Step) -> None:
        entry = Notice(
            at=dt_util.utcnow(),
            level=message.level,
            party=message.party,
            platform=message.target,
            step=NoticeStep(step.value),
            id=message.occasion[:LONGEST_ID],
        )
        try:
            await self._teller.async_append(entry)
        except HomeAssistantError as error:  # the log is closed: what is told then is that
            _LOGGER.debug("A notice isn't in the log: %s", error)


def _time(at: datetime) -> str:
    """Write a point in time, where the project is."""
    return f"{dt_util.as_local(at):%Y-%m-%d %H:%M}"


def file(config: str, entry_id: str) -> Path:
    """Return where messages are kept until they are delivered."""
    return Path(config, ".storage", f"{DOMAIN}.notices_{entry_id}")
