"""When checkpoints are anchored: some time after a commit, at most every so many hours per place, again and again where it doesn't work.

Nothing waits for it. What is still to be done, and where the chain ends, is kept in a `Store`; if that is lost, checkpoints are anchored
anew, which does no harm.
"""

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
import logging
from random import uniform
from typing import Any, Final, Self

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ...const import DOMAIN
from ...protocol.anchor import Link
from ...protocol.books.entries import Anchored
from ...protocol.log.checkpoint import SignedCheckpoint
from .job import Anchor, AnchorError, Job, NotYetError, Trouble

_LOGGER = logging.getLogger(__name__)

VERSION: Final = 1
FIRST_PAUSE: Final = 30
"""Seconds until it is tried again the first time; doubled each time."""
LONGEST_PAUSE: Final = 3600
SOON: Final = 5
"""Seconds until it is asked again what isn't finished; doubled each time."""
PATIENT: Final = 8
"""Times that something may not be finished before that is shown as a trouble."""

type Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a task as long as the teller does."""
type Write = Callable[[Anchored], Awaitable[object]]
"""Has the log say what was anchored; returns when that is on disk."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The checkpoint that an anchor took last, and when (Unix seconds)."""

    at: int
    origin: str
    size: int


class Memory:
    """What the anchors of one teller remember: jobs by kind, when the last was taken, the chain's end, bundles that were added."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin with nothing."""
        self._store: Store[dict[str, Any]] = Store(
            hass, VERSION, f"{DOMAIN}.teller_anchors_{entry_id}", private=True, atomic_writes=True
        )
        self.jobs: dict[str, list[Job]] = {}
        self.taken: dict[str, Taken] = {}
        self.shared: dict[str, int] = {}
        self.last: Link | None = None

    async def load(self) -> Self:
        """Read what was kept."""
        data = await self._store.async_load() or {}
        self.jobs = {kind: [_read_job(each) for each in jobs] for kind, jobs in data.get("jobs", {}).items()}
        self.taken = {kind: Taken(*each) for kind, each in data.get("taken", {}).items()}
        self.shared.update(data.get("shared", {}))
        self.last = _read_link(data["last"]) if data.get("last") else None
        return self

    async def save(self) -> None:
        """Keep it."""
        await self._store.async_save(
            {
                "jobs": {kind: [_write_job(each) for each in jobs] for kind, jobs in self.jobs.items()},
                "taken": {kind: [each.at, each.origin, each.size] for kind, each in self.taken.items()},
                "shared": self.shared,
                "last": _write_link(self.last) if self.last else None,
            }
        )

    async def remove(self) -> None:
        """Remove it, when the teller is removed."""
        await self._store.async_remove()

    def link(self, note: bytes) -> Link:
        """Return a checkpoint's place in the chain: a new one at its end, or that of the checkpoint that is there."""
        if self.last is None or self.last.note != note:
            self.last = Link(note, self.last.cid if self.last else None)
        return self.last


class Runner:
    """One anchor at work: takes checkpoints when they are due, and gets done with one after the other."""

    def __init__(
        self,
        hass: HomeAssistant,
        anchor: Anchor,
        memory: Memory,
        *,
        write: Write,
        changed: Callable[[], None],
        spawn: Spawn,
    ) -> None:
        """Take what it works with; `changed` is called when there is something new to show, `spawn` to run."""
        self._hass = hass
        self._anchor = anchor
        self._memory = memory
        self._write = write
        self._changed = changed
        self._spawn = spawn
        self._checkpoint: SignedCheckpoint | None = None
        self._timer: CALLBACK_TYPE | None = None
        self._busy = self._stopped = False
        self._failures = 0
        self._delays = 0
        self.kind = anchor.kind
        self.trouble: AnchorError | None = None
        self.last: Anchored | None = None

    @property
    def waiting(self) -> int:
        """How many checkpoints it has still to anchor."""
        return len(self._jobs)

    @property
    def _jobs(self) -> list[Job]:
        return self._memory.jobs.setdefault(self.kind.value, [])

    @callback
    def committed(self, checkpoint: SignedCheckpoint) -> None:
        """Take notice of a new checkpoint; may be called with the same again."""
        if checkpoint is self._checkpoint:
            return
        self._checkpoint = checkpoint
        if not self._stopped and not self._busy and (self._timer is None or not self._jobs):
            self._go()

    @callback
    def stop(self) -> None:
        """Plan nothing more; what is under way isn't followed by anything."""
        self._stopped = True
        self._unplan()

    @callback
    def _unplan(self) -> None:
        if self._timer:
            self._timer()
        self._timer = None

    @callback
    def _go(self, _now: datetime | None = None) -> None:
        """Work, unless nothing is due; plan when the next checkpoint is."""
        self._unplan()
        if self._jobs or self._until_due() == 0:
            self._busy = True
            self._spawn(self._work())
        elif (seconds := self._until_due()) is not None:
            self._timer = async_call_later(self._hass, seconds, self._go)

    def _until_due(self) -> int | None:
        """Return in how many seconds the checkpoint is taken; None if it, or none yet, was taken already."""
        if self._checkpoint is None or not self._checkpoint.checkpoint.size:
            return None
        head, taken, now = self._checkpoint.checkpoint, self._memory.taken.get(self.kind.value), _now()
        if taken is None:
            return 0
        if (taken.origin, taken.size) == (head.origin, head.size):
            return None
        # A clock that was set back must not stop it.
        return 0 if taken.at > now else max(0, taken.at + self._anchor.every - now)

    async def _work(self) -> None:
        pause: float | None = None
        try:
            await self._take()
            while self._jobs and pause is None:
                pause = await self._try(self._jobs[0])
                await self._take()
        finally:
            self._busy = False
        if not self._stopped:
            if pause is None:
                self._go()
            else:
                self._timer = async_call_later(self._hass, pause, self._go)
        self._changed()

    async def _take(self) -> None:
        """Take the checkpoint as a job, if it is due."""
        if self._until_due() != 0 or self._checkpoint is None:
            return
        head = self._checkpoint.checkpoint
        job = Job(head.origin, head.size, head.root, self._memory.link(self._checkpoint.note.encode()), _now())
        self._memory.taken[self.kind.value] = Taken(job.at, job.origin, job.size)
        self._jobs.append(job)
        # The first may be half done; of what waits behind it the oldest says the least.
        del self._jobs[1 : -self._anchor.keep]
        await self._memory.save()

    async def _try(self, job: Job) -> float | None:
        """Try one job; return in how many seconds to try again, None when it is done."""
        try:
            reference = await self._anchor.anchor(job)
            anchored = Anchored(
                at=dt_util.utcnow(),
                anchor=self.kind,
                size=job.size,
                root=job.root.hex(),
                reference=reference.members,
                since=reference.since,
            )
            await self._write(anchored)
        except NotYetError as waiting:
            self._delays += 1
            if self._delays >= PATIENT:
                self._fail(AnchorError(Trouble.UNREACHABLE, str(waiting)))
            return float(min(SOON * 2 ** min(self._delays - 1, 16), LONGEST_PAUSE // 4))
        except AnchorError as error:
            self._fail(error)
        except Exception as error:
            if self._stopped:  # the log may be closed by now; it is done again after the next start
                return float(FIRST_PAUSE)
            if self.trouble is None:
                _LOGGER.exception("Anchoring a checkpoint (%s) failed", self.kind.value)
            self._fail(AnchorError(Trouble.INTERNAL, repr(error)), log=False)
        else:
            await self._done(job, anchored)
            return None
        self._failures += 1
        pause = min(FIRST_PAUSE * 2.0 ** min(self._failures - 1, 16), LONGEST_PAUSE)
        return pause * uniform(0.75, 1.25)  # noqa: S311 -- so that a street of tellers doesn't come at once

    async def _done(self, job: Job, anchored: Anchored) -> None:
        if self.trouble:
            _LOGGER.info("Checkpoints are anchored again (%s)", self.kind.value)
        self.trouble, self.last = None, anchored
        self._failures = self._delays = 0
        await self._anchor.written(job, anchored.reference)
        self._jobs.remove(job)
        await self._memory.save()

    @callback
    def _fail(self, error: AnchorError, *, log: bool = True) -> None:
        """Show a trouble, and log it if it is another one than before."""
        if log and (self.trouble is None or self.trouble.trouble is not error.trouble):
            _LOGGER.warning("Checkpoints can't be anchored for now (%s): %s; it is tried again", self.kind.value, error)
        self.trouble = error

    def as_dict(self) -> dict[str, Any]:
        """Return what diagnostics show."""
        return {
            "waiting": self.waiting,
            "last_size": self.last.size if self.last else None,
            "last_at": self.last.at.isoformat() if self.last else None,
            "trouble": self.trouble.trouble.value if self.trouble else None,
            "detail": self.trouble.detail if self.trouble else None,
        }


def _now() -> int:
    return int(dt_util.utcnow().timestamp())


def _write_link(link: Link) -> list[str | None]:
    return [b64encode(link.note).decode(), link.previous]


def _read_link(data: list[Any]) -> Link:
    return Link(b64decode(data[0]), data[1])


def _write_job(job: Job) -> dict[str, Any]:
    return {"origin": job.origin, "size": job.size, "root": job.root.hex(), "link": _write_link(job.link), "at": job.at}


def _read_job(data: Mapping[str, Any]) -> Job:
    return Job(data["origin"], data["size"], bytes.fromhex(data["root"]), _read_link(data["link"]), data["at"])
