"""A teller: the books of one project, kept while Home Assistant runs.

What sources say (`sources.py`) goes through the protocol's meters, and what comes out is appended to the log in batches (`writer.py`,
`books.py`) and added up (`history.py`). The log is committed (signed) every ten minutes; witnesses, anchors and payback look at what
was committed, each in its own time.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
import logging
from typing import Final
from zoneinfo import ZoneInfo

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.loader import async_get_integration
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..log.errors import LogFull, LogLocked
from ..log.generations import Cause, Previous
from ..log.storage import LogStorage
from ..log.witness import Witness
from ..protocol.books.account import Account
from ..protocol.books.codec import write_decimal
from ..protocol.books.entries import Entry, Gap, Generation, Head, Heartbeat, Reading, Tariff, encode
from ..protocol.books.terms import terms_entry
from ..protocol.fields import ContractError
from ..protocol.log.checkpoint import SignedCheckpoint, open_checkpoint
from . import issues, records
from .anchors import Anchors
from .books import Books
from .code import measure, running
from .data import Source, TellerSettings, parse_settings
from .history import Figures, History
from .pay.payback import Payback
from .records import Machine
from .signing import SigningKey
from .snapshot import Snapshot, snapshot_of
from .sources import Sources
from .status import BooksState
from .terms import is_signed, terms_of
from .watched import Watched
from .witnessing import Witnessing

_LOGGER = logging.getLogger(__name__)

COMMIT: Final = timedelta(minutes=10)
HEARTBEAT: Final = timedelta(minutes=10)
KEEP: Final = timedelta(days=1)
"""How often the snapshot is brought up to the log."""
LAST_WORDS: Final = 5
"""Seconds that witnesses have for the last checkpoint."""

type TellerConfigEntry = ConfigEntry[Teller]


class Teller:
    """One teller. Everything here is called in the event loop; what touches files runs in the executor."""

    history: History
    books: Books
    witnessing: Witnessing
    device: DeviceEntry
    checkpoint: SignedCheckpoint | None = None
    """What was signed last since Home Assistant started."""
    signed_at: datetime | None = None
    figures: Figures = Figures()
    stopped = False
    """Whether it was shut down: nothing is written any more."""

    def __init__(self, hass: HomeAssistant, entry: TellerConfigEntry) -> None:
        """Take what the config entry says; nothing is opened yet."""
        self.hass = hass
        self.entry = entry
        self.settings: TellerSettings = parse_settings(entry)
        self._listeners: set[Callable[[], None]] = set()
        self._machine = Machine("", None)
        self._started: Head | None = None
        self._queued_at = dt_util.utcnow()
        self._stopping: list[CALLBACK_TYPE] = []
        self._was_full = False
        self._said_price: Decimal | None = None
        self._ending = False
        self.anchors = Anchors(self)
        self.payback = Payback(self)

    @property
    def account(self) -> Account:
        """What is owed, fed with every entry that is on disk."""
        return self.history.account

    @property
    def storage(self) -> LogStorage:
        """The current generation's log: its methods block (see `async_run`)."""
        return self.books.storage

    @property
    def generation(self) -> int:
        """The current generation's number."""
        return self.books.generations.number

    @property
    def size(self) -> int:
        """How many entries the current generation has."""
        return self.storage.size

    @property
    def tail(self) -> int | None:
        """How many entries the witnesses that are needed haven't seen; None where none are needed."""
        return self.size - self.witnessing.size if self.witnessing.needed else None

    @property
    def terms_signed(self) -> bool:
        """Whether the creditor has signed the terms."""
        return self.history.signed

    @property
    def watched(self) -> dict[str, Watched]:
        """What is shown of each source, by its name in the log."""
        return self.history.watched

    @property
    def state(self) -> BooksState:
        """How the books are."""
        tampered, start = self.history.tampered_at, self.figures.start
        if tampered is not None and (start is None or tampered >= start):
            return BooksState.TAMPERED
        if self.stopped:
            return BooksState.STOPPED
        if self.books.writer.full or any(watched.gap_since for watched in self.watched.values()):
            return BooksState.GAP
        return BooksState.OK if self.witnessing.fresh else BooksState.NOT_WITNESSED

    async def async_open(self) -> None:
        """Open the books, and read what they have.

        Raises:
            ConfigEntryNotReady: they can't be opened; translated.
        """
        key = await SigningKey(self.hass, self.entry.entry_id).async_get()
        integration = await async_get_integration(self.hass, DOMAIN)
        self._machine = Machine(
            await self.hass.async_add_executor_job(measure), str(integration.version) if integration.version else None
        )
        zone = await self.hass.async_add_executor_job(ZoneInfo, self.settings.zone)
        self.history = History(self.settings, zone)
        self._snapshot = Snapshot(
            snapshot_of(self.hass, self.entry.entry_id),
            await self.hass.async_add_executor_job(running),
            self.settings,
        )
        self._kept_at = dt_util.utcnow()
        self.books = Books(
            self.hass,
            self.entry.entry_id,
            origin=self.settings.origin,
            key=key,
            first=self._first,
            written=self._written,
            changed=self._wrote,
        )
        placeholders = {"folder": str(self.books.folder), "error": ""}
        try:
            await self.books.async_open(partial(self._snapshot.load, self.history))
        except LogLocked as error:
            raise ConfigEntryNotReady(
                translation_domain=DOMAIN,
                translation_key="teller_locked",
                translation_placeholders={"folder": placeholders["folder"]},
            ) from error
        except OSError as error:
            raise ConfigEntryNotReady(
                translation_domain=DOMAIN,
                translation_key="teller_files",
                translation_placeholders={"folder": placeholders["folder"], "error": str(error)},
            ) from error
        self.witnessing = Witnessing(
            self.hass,
            self.entry,
            witnesses=tuple(Witness.parse(each.url, each.verifier) for each in self.settings.witnesses),
            quorum=self.settings.quorum,
            books=self.books,
            changed=self.changed,
            rolled_back=self._async_rolled_back,
        )
        await self.async_run(self.witnessing.restore)
        self._sources = Sources(
            self.hass, self.entry, self.settings, take=self._take, tick=self._tick, price=self._price
        )
        self._show()

    async def async_start(self) -> None:
        """Write down that the teller has started, and how, and begin to meter."""
        await self.payback.start()
        await self._async_write_start()
        if previous := self.books.begun:
            self._report(previous)
        self._stopping = [
            async_track_time_interval(
                self.hass, self._async_commit_due, COMMIT, name="steward teller's commits", cancel_on_shutdown=True
            ),
            self.hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._async_stop),
        ]
        self._said_price = self.history.price
        self._sources.start()
        await self.anchors.start()
        self.entry.async_create_background_task(self.hass, self._async_first_commit(), "steward teller's first commit")

    async def async_close(self) -> None:
        """Shut down, if that hasn't been done, and give the files back."""
        await self.async_shut_down("unloaded")
        await self.async_abandon()

    async def async_abandon(self) -> None:
        """End without a word, as when the power fails: the next start finds it out."""
        while self._stopping:
            self._stopping.pop()()
        self._sources.stop()
        await self.anchors.stop()
        await self.payback.stop()
        self.witnessing.stop()
        self._listeners.clear()
        await self.books.async_close()

    async def async_append(self, *entries: Entry) -> int | None:
        """Append entries in their order, and return the index of the first, once all are on disk.

        None where the disk is full: they are kept in memory and appended later, in the same order.

        Raises:
            HomeAssistantError: the teller was shut down; translated.
        """
        if self.stopped:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="teller_stopped")
        return await self._async_append(entries)

    async def _async_append(self, entries: Sequence[Entry]) -> int | None:
        self._hear(entries)
        return await self.books.writer.async_put(entries)

    async def async_commit(self) -> None:
        """Sign what is in the log, and have it witnessed and anchored in their own time.

        Raises:
            HomeAssistantError: the disk is full, or the teller was shut down; translated.
        """
        if self.stopped:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="teller_stopped")
        try:
            await self._async_sign()
        except (LogFull, OSError) as error:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="teller_full") from error
        self.witnessing.ask()

    async def async_run[**P, T](self, target: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call what blocks on the log, in the executor, while nothing else changes it."""
        return await self.books.async_run(target, *args, **kwargs)

    async def async_pay(self) -> None:
        """Have what is due paid by hand.

        Raises:
            HomeAssistantError: there is nothing to pay, a payment is under way, or the teller was shut down; translated.
        """
        if self.stopped:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="teller_stopped")
        await self.payback.async_pay_now()

    async def async_shut_down(self, cause: str = "button") -> None:
        """Write down that the teller ends, commit, and meter no more. To begin again, the entry is reloaded."""
        if self._ending:
            return
        self._ending = True
        while self._stopping:
            self._stopping.pop()()
        self._sources.stop()
        await self.anchors.stop()
        await self.books.writer.async_flush()
        head = await self.async_run(self._head)
        await self.payback.async_shut_down(cause, [each for each in (self._started, head) if each])
        self.stopped = True
        await self.books.writer.async_flush()
        entry = records.shut_down(
            self.settings,
            self._machine,
            dt_util.utcnow(),
            heads=(self._started, await self.async_run(self._head)),
            seen=self._seen(),
            cause=cause,
        )
        await self._async_append([entry])
        try:
            await self._async_sign()
        except (LogFull, OSError) as error:
            _LOGGER.warning("The last checkpoint couldn't be signed: %s", error)
        await self._async_last_words()
        await self._async_keep()
        self.witnessing.stop()
        self.changed()

    @callback
    def listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back in the loop whenever something has changed that is shown; returns what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @callback
    def changed(self) -> None:
        """Tell the listeners."""
        self._show()
        for listener in tuple(self._listeners):
            listener()

    def _show(self) -> None:
        now = dt_util.utcnow()
        self.figures = self.history.figures(now)
        gaps = self.history.meters.gaps(now)
        for source, watched in self.watched.items():
            watched.gap_since = gaps[source][0] if source in gaps else None

    def _head(self) -> Head:
        return Head(self.storage.size, self.storage.root().hex())

    def _seen(self) -> str | None:
        """Return what proves that an entry was not written earlier: the last cosignature's time."""
        at = self.witnessing.at
        return f"witnessed {at.isoformat()}" if at else None

    @staticmethod
    def _first(previous: Previous) -> bytes:
        return encode(records.generation(previous, dt_util.utcnow()))

    async def _async_write_start(self) -> None:
        history, now = self.history, dt_util.utcnow()
        entries: list[Entry] = []
        if not history.entries:
            entries.append(records.opened(self.settings, self.storage.verifier.vkey, now))
        if history.improper and history.last is not None:
            entries.append(gone := records.outage(history.last.at, now))
            await self.payback.async_outage(gone)
            issues.async_report_outage(self.hass, self.entry, _local(gone.begin), _local(gone.end))
        self._started = await self.async_run(self._head)
        entries.append(records.started(self.settings, self._machine, now, head=self._started, seen=self._seen()))
        terms = terms_of(self.settings, self.settings.creditor, history.terms)
        note = self.settings.signed_terms
        note = note if is_signed(terms, note, self.settings.creditor) else None
        if terms != history.terms or note != history.note:
            entries.append(terms_entry(now, terms, note))
        described = records.described(self.settings, now)
        if described.settings != history.settings:
            entries.append(described)
        await self._async_append(entries)

    async def _async_first_commit(self) -> None:
        """Ask witnesses whether they have seen more than there is, before anything else is signed."""
        if self.storage.signed is not None:
            await self.witnessing.async_ask()
        await self._async_commit_due()

    async def _async_commit_due(self, _now: datetime | None = None) -> None:
        try:
            await self.async_commit()
        except HomeAssistantError as error:
            _LOGGER.debug("Not committed: %s", error)
        if dt_util.utcnow() - self._kept_at >= KEEP:
            await self._async_keep()

    async def _async_keep(self) -> None:
        """Bring the snapshot up to the log."""
        self._kept_at = dt_util.utcnow()
        await self.async_run(lambda: self._snapshot.advance(self.books.generations))

    async def _async_sign(self) -> None:
        note = await self.books.async_sign()
        self.checkpoint = open_checkpoint(note, self.storage.verifier)
        self.signed_at = dt_util.utcnow()
        self.changed()

    async def _async_last_words(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self.witnessing.async_ask()
        except TimeoutError:
            _LOGGER.debug("Witnesses took too long for the last checkpoint")

    async def _async_stop(self, _event: Event) -> None:
        self._stopping.pop()  # what has listened to this event
        await self.async_shut_down("stopped")

    async def _async_rolled_back(self, detail: str) -> None:
        """Go on in a new generation: a witness has seen more of this one, or another."""
        try:
            await self.books.async_begin_new(Cause.WITNESS, detail)
            await self._async_sign()
        except OSError as error:
            _LOGGER.warning("No new generation could be begun: %s", error)

    def _report(self, previous: Previous) -> None:
        if previous.cause is not Cause.RESTORED:
            issues.async_report_tampered(self.hass, self.entry, self.generation, previous.detail or previous.cause)

    @callback
    def _take(self, source: Source, at: datetime, raw: str | None, unit: str | None) -> None:
        """Meter what a source says. What can't be kept isn't metered: the meter finds it as a gap."""
        if not self.books.writer.overflows:
            self._queue(self.history.meters.take(source.id, at, raw, unit))

    @callback
    def _tick(self, now: datetime) -> None:
        if not self.books.writer.overflows:
            self._queue(self.history.meters.tick(now))
            if now - self._queued_at >= HEARTBEAT:
                self._queue([Heartbeat(at=now)])
        self.changed()

    @callback
    def _price(self, text: str) -> None:
        try:
            price = Decimal(text)
            write_decimal(price)
        except InvalidOperation, ContractError:
            return
        if price != self._said_price:
            self._said_price = price
            self._queue([Tariff(at=dt_util.utcnow(), price=price)])

    def _queue(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._hear(entries)
            self.books.writer.put(entries)

    def _hear(self, entries: Sequence[Entry]) -> None:
        """Let the meters know of entries that they haven't made, in the order of the log, whenever these get there."""
        self._queued_at = dt_util.utcnow()
        for entry in entries:
            if not isinstance(entry, Reading | Gap):
                self.history.meters.hear(entry)

    @callback
    def _written(self, _index: int, entry: Entry) -> None:
        self.history.add(entry)
        if isinstance(entry, Generation) and (previous := self.books.begun):
            self._hear([entry])
            self._report(previous)

    @callback
    def _wrote(self) -> None:
        full = self.books.writer.full
        if full and not self._was_full:
            issues.async_report_full(self.hass, self.entry)
        elif self._was_full and not full:
            issues.async_clear_full(self.hass, self.entry)
        self._was_full = full
        self.changed()


def _local(at: datetime) -> str:
    return dt_util.as_local(at).strftime("%Y-%m-%d %H:%M:%S")
