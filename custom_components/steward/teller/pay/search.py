"""The search for payments that have arrived: where it goes on, and how often it is done."""

from collections.abc import Sequence
from datetime import datetime, timedelta
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util

from ...const import DOMAIN
from ...protocol.books.memo import text_memo
from ..anchors.durable import DurableFile
from ..anchors.ledger import HorizonError, Memo, RejectedError
from ..data import Pay, Stellar
from .bills import Bill
from .receipts import Receipts, Received

if TYPE_CHECKING:
    from ..teller import Teller

_LOGGER = logging.getLogger(__name__)

IDLE: Final = timedelta(hours=1)
"""Between two searches while nothing is due: somebody may pay twice."""
SEARCHED: Final = 26
"""The latest periods, whose memos are searched for besides those that are open."""


class Search:
    """What one teller knows of the ledger.

    The place where a search ended is kept with the log's generation: a log that was restored may lack what had been found.
    """

    def __init__(self, teller: Teller, stellar: Stellar, pay: Pay) -> None:
        """Take the network and the account that is paid."""
        self._teller = teller
        self._pay = pay
        self.receipts = Receipts(async_get_clientsession(teller.hass), stellar.horizon, stellar.passphrase)
        self._passphrase = stellar.passphrase
        self._file = DurableFile(teller.hass, file(teller.hass.config.path(), teller.settings.entry_id))
        self._cursor: str | None = None
        self._found: str | None = None
        self._next: datetime | None = None
        self._silent = False
        self.complete = False
        """Whether the last search has read everything that there was."""

    async def async_start(self) -> None:
        """Read where the last search ended."""
        data = await self._file.load()
        if data.get("of") == self._place:
            self._cursor = data.get("cursor")

    async def async_look(self, bills: Sequence[Bill], *, at_once: bool) -> list[tuple[Bill, Received]]:
        """Return payments that have arrived; the same ones again until `async_keep` was called."""
        now = dt_util.utcnow()
        if not at_once and self._next and now < self._next and not any(bill.open for bill in bills):
            return []
        self.complete = False
        wanted = [bill for index, bill in enumerate(bills) if bill.open or len(bills) - index <= SEARCHED]
        if not wanted:
            return []
        memos = {Memo.hash(bill.memo): bill for bill in wanted}
        memos |= {Memo.text(text_memo(bill.memo)): bill for bill in wanted}
        try:
            cursor = self._cursor or await self.receipts.beginning(int(wanted[0].begin.timestamp()))
            found = await self.receipts.received(self._pay.destination, self._pay.asset, memos.keys(), cursor)
        except (HorizonError, RejectedError) as error:
            if not self._silent:
                _LOGGER.warning("Payments can't be looked for, it is tried again: %s", error)
            self._silent = True
            return []
        self._silent = False
        self.complete = found.complete
        self._next = now + IDLE if found.complete else None
        self._found = found.cursor
        return [(memos[each.memo], each) for each in found.received]

    async def async_keep(self) -> None:
        """Begin the next search where this one has ended: what it found is on disk. Losing the place costs a longer search only."""
        if self._found is None or self._found == self._cursor:
            return
        self._cursor = self._found
        try:
            await self._file.save({"of": self._place, "cursor": self._cursor})
        except OSError as error:
            _LOGGER.debug("The place in the ledger can't be kept: %s", error)

    @property
    def _place(self) -> list[str]:
        return [self._passphrase, self._pay.destination, str(self._teller.generation)]


def file(config: str, entry_id: str) -> Path:
    """Return where the place is kept."""
    return Path(config, ".storage", f"{DOMAIN}.payback_{entry_id}")
