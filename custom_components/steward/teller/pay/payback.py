"""Payback: bills at the end of periods, ways to pay them, payments that arrive, and what the parties are told as long as none does.

One round after the other looks at the books and the ledger, and does what is missing; each step is an entry in the log. So it
doesn't matter when a round was cut off, or how often the same one is done.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
import logging
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ...const import DOMAIN
from ...protocol.books.entries import Head, Outage, Payment, PaymentStep
from ...protocol.books.memo import text_memo
from ..anchors.ledger import HorizonError
from ..data import can_pay
from . import search, telling
from .automatic import HORIZON, AutomaticPayments, FailedError
from .bills import Bill, bills
from .issue import async_clear_due, async_report_due
from .levels import Level, level_of
from .search import Search
from .sep7 import PUBLIC_NETWORK, PaymentRequest
from .steps import LONGEST_DETAIL, Steps
from .telling import Telling

if TYPE_CHECKING:
    from ..teller import Teller

_LOGGER = logging.getLogger(__name__)

FIRST_ROUND: Final = timedelta(seconds=5)
ROUND: Final = timedelta(minutes=5)
"""Between two rounds."""
WATCH_ROUND: Final = timedelta(seconds=30)
WATCHED: Final = timedelta(hours=1)
"""After somebody asked for a link, payments are looked for more often for a while."""
FIRST_RETRY: Final = timedelta(minutes=10)
LAST_RETRY: Final = timedelta(hours=24)
DOUBLINGS: Final = 10
"""After so many it is the last one anyway."""
PASSING: Final = timedelta(hours=24)
"""What ends by itself, mostly, isn't told before it has lasted so long."""
SHORTEST_HOLD: Final = 7
"""Days at least for which a claim that isn't confirmed yet holds the ladder; else it is the terms' days until a payment is due."""
DEFAULT_DIGITS: Final = 2


@dataclass(slots=True)
class _Retry:
    """An automatic payment that failed."""

    since: datetime
    tries: int = 0
    next: datetime | None = None


class Payback:
    """What is paid, and asked for, for one teller."""

    def __init__(self, teller: Teller) -> None:
        """Take the teller; nothing is read yet."""
        self._teller = teller
        self._hass: HomeAssistant = teller.hass
        self._steps = Steps(teller)
        self.telling = Telling(teller, self._how)
        self._search: Search | None = None
        self._automatic: AutomaticPayments | None = None
        settings = teller.settings
        if (pay := settings.pay) and settings.stellar and self._can_use_stellar:
            self._search = Search(teller, settings.stellar, pay)
            if pay.automatic and pay.account:
                self._automatic = AutomaticPayments(self._hass, settings.stellar, pay, pay.account, settings.origin)
        self._zone: tzinfo = UTC
        self._lock = asyncio.Lock()
        self._retries: dict[str, _Retry] = {}
        self._under_way = False
        self._watch_until: datetime | None = None
        self._offered: Bill | None = None
        self._wanted: str | None = None
        self._silent: set[str] = set()
        self._timer: CALLBACK_TYPE | None = None
        self._round: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        """Take up where the last run ended. To be called before the log is written to."""
        self._zone = await self._hass.async_add_executor_job(ZoneInfo, self._teller.settings.zone)
        await self.telling.async_start()
        if self._search:
            await self._search.async_start()
        self._next_round(FIRST_ROUND)

    async def stop(self) -> None:
        """End: nothing is appended any more. What is under way goes on at the next start."""
        self._stopped = True
        if self._timer:
            self._timer()
            self._timer = None
        self.telling.notices.stop()
        if self._round and not self._round.done():
            self._round.cancel()
            await asyncio.wait([self._round])

    async def async_outage(self, entry: Outage) -> None:
        """Tell that the teller was off. To be called before the entry is written: who dies in between finds the same outage again."""
        await self.telling.async_outage(entry)

    async def async_shut_down(self, cause: str, heads: Iterable[Head]) -> None:
        """Tell that the teller is being shut down, while the log can still be written to; then end."""
        await self.telling.async_shut_down(cause, heads)
        await self.stop()

    @property
    def creditor(self) -> str | None:
        """The verifier key of who signs receipts."""
        return self._teller.settings.creditor

    @property
    def link(self) -> str | None:
        """The link that pays what is due, if somebody has to pay it by hand."""
        return self.link_of(self._offered) if self._offered else None

    def link_of(self, bill: Bill) -> str | None:
        """Return the link that pays a bill."""
        settings = self._teller.settings
        if not (pay := settings.pay) or not self._can_use_stellar:
            return None
        return PaymentRequest(
            destination=pay.destination,
            amount=bill.amount,
            asset=pay.asset,
            memo=bill.memo,
            passphrase=settings.stellar.passphrase if settings.stellar else PUBLIC_NETWORK,
            message=f"{settings.project}, {bill.span}",
        ).link()

    def bill(self, bill_id: str) -> Bill | None:
        """Return a bill that something is open of."""
        return next((each for each in self._bills() if each.id == bill_id and each.amount > 0), None)

    def describe(self, bill: Bill) -> dict[str, str]:
        """Return what forms say of a bill."""
        settings = self._teller.settings
        return {
            "project": settings.project,
            "period": bill.span,
            "amount": self.telling.money(bill.amount),
            "due": bill.due_day,
            "destination": settings.pay.destination if settings.pay else "",
            "asset": settings.pay.asset if settings.pay else "",
            "memo": text_memo(bill.memo),
            "link": self.link_of(bill) or "",
        }

    # What a person does.

    async def async_pay_now(self) -> None:
        """Have the oldest bill paid by hand, or what the running period has come to where no bill is open.

        Raises:
            ServiceValidationError: there is nothing to pay, or an automatic payment is under way; translated.
        """
        async with self._lock:
            await self._bill()
            await self._receive(at_once=True)
            bill = self._oldest() or next((each for each in self._bills()[-1:] if each.amount > 0), None)
            if bill is None:
                raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_to_pay")
            if self._steps.waits(self._bills()) or not await self._hand_over(bill):
                raise ServiceValidationError(translation_domain=DOMAIN, translation_key="payment_under_way")
            await self._show()
        self.watch()

    @callback
    def watch(self) -> None:
        """Look more often for a while: somebody is about to pay."""
        self._watch_until = dt_util.utcnow() + WATCHED
        self._next_round(WATCH_ROUND)

    async def async_is_paid(self, bill_id: str) -> bool:
        """Look whether a bill has been paid by now."""
        async with self._lock:
            await self._receive(at_once=True)
            await self._show()
            return self.bill(bill_id) is None

    async def async_claim(self, bill_id: str, reference: str) -> None:
        """Write down that somebody says they paid a bill elsewhere: it stays open until that is confirmed."""
        async with self._lock:
            if bill := self.bill(bill_id):
                reference = reference.strip()[:LONGEST_DETAIL]
                await self._steps.record(bill, PaymentStep.SUBMITTED, bill.amount, memo=reference)
                occasion = f"claimed/{bill.id}/{reference}"
                await self.telling.async_bill(Level.CLAIMED, occasion, bill, reference=reference)
                await self._show()

    async def async_confirm(self, entry: Payment) -> bool:
        """Write down a payment that the creditor has signed for; returns whether nothing is open of its bill then."""
        async with self._lock:
            bill = self.bill(entry.period)
            await self._steps.append(entry)
            if bill:
                await self.telling.async_paid(bill, entry.amount, f"receipt/{bill.id}/{entry.memo}")
            await self._show()
            return self.bill(entry.period) is None

    # The steps of a round.

    async def async_round(self) -> None:
        """Look at the books and the ledger, and do what is missing."""
        async with self._lock:
            await self._bill()
            await self._receive()
            await self._pay()
            await self._remind()
            await self.telling.async_gaps()
            await self._show()

    async def _bill(self) -> None:
        """Ask for what is due of periods that have ended."""
        for bill in self._bills():
            if bill.open and not bill.has(PaymentStep.DUE):
                await self._steps.record(bill, PaymentStep.DUE, bill.amount)
            if bill.open and self._steps.has(bill, PaymentStep.DUE):
                await self.telling.async_bill(Level.DUE, f"due/{bill.id}", bill)

    async def _receive(self, *, at_once: bool = False) -> None:
        """Look for payments that have arrived."""
        if not self._search:
            return
        known = self._bills()
        found = await self._search.async_look(known, at_once=at_once or self._watching)
        txs = {each.tx for bill in known for each in bill.payments if each.step is PaymentStep.CONFIRMED}
        self._steps.all_on_disk = True
        for bill, each in found:
            if each.hash not in txs:
                await self._steps.record(bill, PaymentStep.CONFIRMED, each.amount, tx=each.hash, detail=each.sender)
                await self.telling.async_paid(bill, each.amount, f"paid/{each.hash}")
        if self._steps.all_on_disk:
            await self._search.async_keep()

    async def _pay(self) -> None:
        """Go on with the automatic payment of the oldest bill, unless a person has to see to it."""
        self._under_way = False
        bill = self._oldest()
        if not self._automatic or bill is None or self._by_hand(bill) or self._steps.waits(self._bills()):
            return
        now = dt_util.utcnow()
        retry = self._retries.get(bill.id)
        if retry and retry.next and now < retry.next:
            return
        if self._over_ceiling(bill):
            if await self._hand_over(bill):
                ceiling = self.telling.money(self._ceiling)
                await self.telling.async_bill(Level.OVER_CEILING, f"ceiling/{bill.id}", bill, ceiling=ceiling)
            return
        if not (self._search and self._search.complete):  # somebody else may have paid
            await self._failed(bill, FailedError(HORIZON, passing=True), now)
            return
        try:
            progress = await self._automatic.async_advance(bill)
            self._under_way = progress.attempt is not None
            if attempt := progress.attempt:
                await self._expire(bill, {attempt.hash})
                for step in (PaymentStep.SIGNED, PaymentStep.SUBMITTED):
                    await self._steps.record(bill, step, bill.amount, tx=attempt.hash, ceiling=self._ceiling)
            elif applied := progress.applied:
                await self._applied(bill, applied.hash)
            self._retries.pop(bill.id, None)
        except FailedError as error:
            await self._failed(bill, error, now)

    async def _remind(self) -> None:
        """Tell of what is late, each step of the ladder once for each period that it is late."""
        now = dt_util.utcnow()
        bill = self._oldest()
        late = self._teller.account.late(now)
        level = level_of(late)
        hold = timedelta(days=max(SHORTEST_HOLD, self._teller.settings.due_days))
        if bill and bill.claims and now < min(each.at for each in bill.claims) + hold:
            level = None
        await self.telling.async_late(level, f"late/{bill.id if bill else ''}/{late}", bill, late)

    async def _show(self) -> None:
        """Show what has to be paid by hand, as an issue and a link."""
        bill = self._oldest() or (self.bill(self._wanted) if self._wanted else None)
        shown = bill if bill and self._by_hand(bill) and not self._steps.waits(self._bills()) else None
        if shown != self._offered:
            self._offered = shown
            self._teller.changed()
        if shown:
            await self._record_link(shown)
            async_report_due(self._hass, self._teller.entry, shown, self.telling.money(shown.amount))
        else:
            async_clear_due(self._hass, self._teller.entry)

    # What they are made of.

    @property
    def _can_use_stellar(self) -> bool:
        """Whether the currency is what is paid with."""
        settings = self._teller.settings
        return settings.pay is not None and can_pay(settings.pay.asset, settings.currency)

    @property
    def _ceiling(self) -> Decimal:
        """The most that may be paid automatically for one period."""
        settings, terms = self._teller.settings, self._teller.account.terms
        limits = [settings.pay.ceiling if settings.pay else None, terms.ceiling if terms else None]
        return min((each for each in limits if each is not None), default=Decimal(0))

    def _bills(self) -> list[Bill]:
        account, settings = self._teller.account, self._teller.settings
        digits = account.terms.digits if account.terms else DEFAULT_DIGITS
        periods = account.periods(dt_util.utcnow())
        return bills(
            periods,
            account.balance(),
            origin=settings.origin,
            project=settings.project,
            digits=digits,
            zone=self._zone,
        )

    def _oldest(self) -> Bill | None:
        return next((bill for bill in self._bills() if bill.open), None)

    def _by_hand(self, bill: Bill) -> bool:
        """Tell whether a person pays a bill: once somebody was given the link, or has paid, nothing is paid automatically any more."""
        return not self._automatic or self._steps.has(bill, PaymentStep.LINK) or bool(bill.claims)

    def _over_ceiling(self, bill: Bill) -> bool:
        pay = self._teller.settings.pay
        own = (
            each for each in bill.payments if each.step is PaymentStep.CONFIRMED and pay and each.detail == pay.account
        )
        return sum((each.amount for each in own), bill.amount) > self._ceiling

    def _how(self, bill: Bill) -> tuple[str, str]:
        """Return how a bill is paid: the key of what says so, and the link."""
        if not self._by_hand(bill) and not self._over_ceiling(bill):
            return "automatic", ""
        link = self.link_of(bill)
        return ("link", link) if link else ("other", "")

    async def _hand_over(self, bill: Bill) -> bool:
        """Have a person pay a bill from now on, unless an automatic payment may still get into the ledger."""
        if self._automatic and not self._steps.has(bill, PaymentStep.LINK):
            try:
                if not await self._automatic.async_is_over(bill):
                    return False
            except FailedError:
                return False
        self._wanted = bill.id
        await self._expire(bill, set())
        await self._record_link(bill)
        return True

    async def _expire(self, bill: Bill, live: set[str]) -> None:
        """Write down that transactions were signed, and can't be applied any more."""
        for tx in bill.unsettled - live:
            await self._steps.record(bill, PaymentStep.FAILED, bill.amount, tx=tx, detail="expired")

    async def _record_link(self, bill: Bill) -> None:
        if not bill.has(PaymentStep.LINK) and self.link_of(bill):
            await self._steps.record(bill, PaymentStep.LINK, bill.amount)

    async def _applied(self, bill: Bill, tx: str) -> None:
        """Take an automatic payment that is in the ledger."""
        pay = self._teller.settings.pay
        assert self._search and pay  # noqa: S101, PT018 -- what automatic payments need
        if self._steps.has(bill, PaymentStep.CONFIRMED, tx):  # it was for less than is open by now
            await self._hand_over(bill)
            return
        try:
            amount = await self._search.receipts.amount(tx, pay.destination, pay.asset)
        except HorizonError as error:
            raise FailedError(str(error), passing=True) from error
        await self._steps.record(bill, PaymentStep.CONFIRMED, amount, tx=tx, detail=pay.account)
        await self.telling.async_paid(bill, amount, f"paid/{tx}")

    async def _failed(self, bill: Bill, error: FailedError, now: datetime) -> None:
        """Try again later, less and less often; write down and tell what doesn't end by itself."""
        retry = self._retries.setdefault(bill.id, _Retry(now))
        retry.next = now + min(FIRST_RETRY * 2 ** min(retry.tries, DOUBLINGS), LAST_RETRY)
        retry.tries += 1
        if error.passing and now < retry.since + PASSING:
            _LOGGER.debug("An automatic payment is tried again: %s", error.reason)
            return
        if error.reason not in self._silent:
            self._silent.add(error.reason)
            _LOGGER.warning("An automatic payment doesn't work, it is tried again: %s", error.reason)
        last = next((each for each in reversed(bill.payments) if each.step is PaymentStep.FAILED), None)
        if error.tx or not last or last.detail != error.reason:
            await self._steps.record(bill, PaymentStep.FAILED, bill.amount, tx=error.tx, detail=error.reason)
        await self.telling.async_bill(Level.PAYMENT_FAILED, f"failed/{bill.id}", bill, reason=error.reason)

    # Time.

    @property
    def _watching(self) -> bool:
        return self._watch_until is not None and dt_util.utcnow() < self._watch_until

    @callback
    def _next_round(self, delay: timedelta) -> None:
        if self._timer:
            self._timer()
        self._timer = None
        if not self._stopped:
            self._timer = async_call_later(self._hass, delay, self._begin_round)

    @callback
    def _begin_round(self, _: datetime) -> None:
        self._timer = None
        self._round = self._teller.entry.async_create_background_task(self._hass, self._rounds(), f"{DOMAIN} payback")

    async def _rounds(self) -> None:
        try:
            await self.async_round()
        finally:
            # A signed transaction is valid for a few minutes: what was built again has to be submitted in time.
            self._next_round(WATCH_ROUND if self._watching or self._under_way else ROUND)


def remove(config: str, entry_id: str) -> None:
    """Delete what is kept beside the log; blocks."""
    for path in (search.file(config, entry_id), telling.file(config, entry_id)):
        path.unlink(missing_ok=True)
