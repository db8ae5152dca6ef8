"""The filter of one source: what it gives becomes readings with a reason, and gaps.

Nothing is corrected silently: every reading keeps the raw text, and says why it counts for what it counts. A reading that counts brings
the energy since the last one that counted; after a silence of more than the terms' `after` seconds that energy is a gap's, and the reading
brings 0. A gap is booked when it ends. Where a period ends first, the gap is booked up to there as still open, by estimate, and what is
known when it does end takes that entry's place.

What a gap is worth: the register's difference across it; where that can't be known (power, a register that began again) an estimate (see
estimate.py); what the terms give up is said, and counts for nothing. A register that doesn't move for longer than any night hasn't been
measured since it last moved, which is a gap too. A power of 0 is a measurement, however long it lasts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from .codec import from_milliseconds, milliseconds
from .entries import Cause, Entry, Gap, Outage, Reading, Reason, Shutdown, Start, Worth
from .estimate import Profile
from .periods import HOUR
from .quantities import Quantity, kind_of, read_quantity
from .register import MILLI, PERCENT, Register
from .terms import GapWorth, Integration, SourceKind, SourceTerms, Terms

STANDBY_PERCENT: Final = 2
"""How much of its greatest power an inverter may use itself; a negative power beyond that has the wrong sign."""
_CAUSES: Final = {
    Reason.UNAVAILABLE: Cause.UNAVAILABLE,
    Reason.UNREADABLE: Cause.UNREADABLE,
    Reason.UNIT: Cause.UNREADABLE,
    Reason.SIGN: Cause.UNREADABLE,
    Reason.GLITCH: Cause.GLITCH,
    Reason.SPIKE: Cause.SPIKE,
    Reason.JUMP: Cause.SPIKE,
}


@dataclass(slots=True)
class _Power:
    """What a source of power gave last: milliwatts, since when, and what is left below a milliwatt-hour (in milliwatt-milliseconds)."""

    at: int
    power: int
    since: int
    rest: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    """What a reading comes to."""

    reason: Reason
    energy: int = 0
    register: int | None = None
    counts: bool = False
    gaps: tuple[Gap, ...] = ()


class Meter:
    """One source's filter. It depends on nothing but what it is given: whoever gives it the same comes to the same entries."""

    def __init__(self, source: str, terms: Terms, zone: tzinfo, begin: datetime | None = None) -> None:
        """Begin with no reading.

        `zone` is the one that the terms name, `begin` when they came into force for this source: silence from then on is a gap.
        """
        self.source = source
        self._profile = Profile(zone)
        self.agree(terms, zone)
        self._begin = None if begin is None else milliseconds(begin)
        self._sequence = 0
        self._given: tuple[int, str | None, str | None] | None = None
        self._register: Register | None = None
        self._power: _Power | None = None
        self._good_at: int | None = None
        self._gap_end = 0
        self._open: int | None = None
        """Where the gap began that was booked at a period's end as still open."""
        self._booked = 0
        self._bad: Reason | None = None
        self._was_off = False
        self._stuck = False

    def agree(self, terms: Terms, zone: tzinfo) -> None:
        """Go on by other terms."""
        self.terms = terms
        self._zone = zone
        self._profile.move(zone)
        self._after = terms.gaps.after * MILLI
        self._source = terms.source(self.source) or SourceTerms(self.source)
        self._named = terms.source(self.source) is not None

    def expect(self, begin: datetime) -> None:
        """Take silence from a time on for a gap, if the source has given nothing yet that counts."""
        if self._begin is None:
            self._begin = milliseconds(begin)

    def hear(self, entry: Entry) -> None:
        """Take an entry that isn't this source's own: it may tell the cause of a gap."""
        if isinstance(entry, Start | Shutdown | Outage):
            self._was_off = True

    def take(self, at: datetime, raw: str | None, unit: str | None) -> list[Gap | Reading]:
        """Return what to append for what the source gave at a time: one reading, after the gaps that ended with it."""
        now = milliseconds(at)
        given = (now, raw, unit)
        if given == self._given:
            found = _Found(Reason.DUPLICATE)
        else:
            self._given = given
            if not self._named:
                self._source = SourceTerms(self.source, kind_of(unit))
            quantity = read_quantity(raw, unit, self._source.kind)
            if isinstance(quantity, Reason):
                found = _Found(quantity)
            elif self._source.kind is SourceKind.POWER:
                found = self._take_power(now, raw, quantity.value)
            else:
                found = self._take_register(now, quantity)
        if found.counts:
            self._good_at = now
            self._bad = None
            self._was_off = self._stuck = False
        elif found.reason is Reason.STUCK:
            self._stuck = True
        elif self._bad is None and found.reason in _CAUSES:
            self._bad = found.reason
        reading = Reading(
            at=from_milliseconds(now),
            source=self.source,
            sequence=self._sequence,
            raw=raw,
            unit=unit,
            energy=found.energy,
            register=found.register,
            reason=found.reason,
        )
        self._sequence += 1
        return [*found.gaps, reading]

    def tick(self, at: datetime) -> list[Gap]:
        """Return what to append now though the source gave nothing: what an open gap is worth up to the end of the last period.

        Call it now and then; it depends on the time only in which period that lies.
        """
        now = milliseconds(at)
        since = self._gap_since(now)
        span = self.terms.period.span(now, self._zone)
        if since is None or span is None or not max(since, self._booked) < span.begin:
            return []
        self._open, self._booked = since, span.begin
        return [self._gap(now, since, span.begin, self._cause(), None, is_open=True)]

    def restore(self, entries: Iterable[Entry]) -> None:
        """Come to the state that the meter was in when it had written these entries, by doing it all again."""
        for entry in entries:
            if isinstance(entry, Reading) and entry.source == self.source:
                self.take(entry.at, entry.raw, entry.unit)
            elif isinstance(entry, Gap) and entry.source == self.source:
                if entry.open:
                    self.tick(entry.at)
            else:
                self.hear(entry)

    def gap(self, at: datetime) -> tuple[datetime, Cause] | None:
        """Return since when, and why, nothing has been measured, if that is a gap by now."""
        since = self._gap_since(milliseconds(at))
        return None if since is None else (from_milliseconds(since), self._cause())

    def _gap_since(self, now: int) -> int | None:
        if self._open is not None:
            return self._open
        if self._stuck and self._register is not None:
            return self._still(self._register)
        since = self._begin if self._good_at is None else self._good_at
        return since if since is not None and now - since > self._after else None

    def _still(self, register: Register) -> int:
        """Return since when a register has been read and has not moved."""
        return max(register.moved_at, self._gap_end)

    def _cause(self) -> Cause:
        if self._stuck:
            return Cause.STUCK
        if self._was_off:
            return Cause.OUTAGE
        if self._bad is not None:
            return _CAUSES[self._bad]
        return Cause.FIRST if self._good_at is None else Cause.SILENT

    def _gap(self, now: int, begin: int, end: int, cause: Cause, register: int | None, *, is_open: bool = False) -> Gap:
        """Return a gap, worth what the terms say; `register` is the register's difference, None where it tells nothing."""
        policy, days = self.terms.gaps.worth, None
        if policy is GapWorth.NOTHING or (policy is GapWorth.REGISTER and register is None):
            worth, energy = Worth.NOTHING, register or 0
        elif register is not None and policy is not GapWorth.ESTIMATE:
            worth, energy = Worth.REGISTER, register
        else:
            worth = Worth.ESTIMATE
            energy, days = self._profile.estimate(begin, end)
        return Gap(
            at=from_milliseconds(now),
            source=self.source,
            begin=from_milliseconds(begin),
            end=from_milliseconds(end),
            cause=cause,
            worth=worth,
            energy=energy,
            days=days,
            open=is_open,
        )

    def _end_gap(self, now: int, begin: int, end: int, cause: Cause, register: int | None) -> tuple[Gap, ...]:
        """Return the gap that ends; it takes the place of what was booked while it was open."""
        if self._open is not None:
            begin, self._open, self._booked = self._open, None, 0
        elif begin >= end:
            return ()
        end = max(begin, end)
        self._gap_end = end
        return (self._gap(now, begin, end, cause, register),)

    def _measured(
        self,
        now: int,
        since: int,
        energy: int,
        reason: Reason,
        *,
        register: int | None = None,
        cause: Cause | None = None,
    ) -> _Found:
        """Return a reading that brings the energy since a time, or ends the gap since then."""
        if now - since > self._after or self._open is not None:
            gaps = self._end_gap(now, since, now, cause or self._cause(), energy)
            return _Found(reason, register=register, counts=True, gaps=gaps)
        if since < now:
            self._profile.add(since, now, energy)
        return _Found(reason, energy, register, counts=True)

    def _take_first(self, now: int, register: int | None) -> _Found:
        gaps: tuple[Gap, ...] = ()
        begin = self._begin if self._good_at is None else self._good_at
        if begin is not None and (now - begin > self._after or self._open is not None):
            gaps = self._end_gap(now, begin, now, self._cause(), None)
        return _Found(Reason.FIRST, register=register, counts=True, gaps=gaps)

    def _take_register(self, now: int, quantity: Quantity) -> _Found:
        register = self._register
        if register is None or self._good_at is None:
            if quantity.value < 0:
                return _Found(Reason.SIGN)
            # Home Assistant shows what the source told last, and a source that is silent for no longer than a gap may have told it then.
            self._register = Register(now, quantity, self._after)
            return self._take_first(now, quantity.value)
        still = self._still(register)
        stuck = self._stuck
        step = register.take(now, quantity, self._source, self.terms.filter, after=self._after, stuck=stuck)
        if step.gained is None:
            return _Found(step.reason)
        since = self._good_at
        stuck = stuck or since - still > self.terms.filter.stuck * MILLI
        if stuck and not step.gained and step.reason in {Reason.OK, Reason.DOWN}:
            return _Found(Reason.STUCK)
        level = register.level if step.reason is not Reason.DOWN else None
        if step.fresh is not None:
            before = self._end_gap(now, still if stuck else since, step.fresh, step.cause or self._cause(), None)
            found = self._measured(now, step.fresh, step.gained, step.reason, register=level, cause=step.cause)
            return _Found(found.reason, found.energy, found.register, counts=True, gaps=(*before, *found.gaps))
        if still < now and (stuck or (step.at_once and now - still > self._after)):
            gaps = self._end_gap(now, still, now, Cause.STUCK, step.gained)
            return _Found(step.reason, register=level, counts=True, gaps=gaps)
        return self._measured(now, since, step.gained, step.reason, register=level, cause=step.cause)

    def _take_power(self, now: int, raw: str | None, power: int) -> _Found:
        greatest = self._source.max_power * MILLI
        reason = Reason.OK
        if power * PERCENT > greatest * (PERCENT + self.terms.filter.tolerance):
            return _Found(Reason.SPIKE)
        if power < 0:
            if -power * PERCENT > greatest * STANDBY_PERCENT:
                return _Found(Reason.SIGN)
            power, reason = 0, Reason.NEGATIVE
        last = self._power
        if last is None or self._good_at is None:
            self._power = _Power(now, power, now)
            return self._take_first(now, None)
        if now < last.at:
            if last.at - now <= self.terms.filter.order * MILLI:
                return _Found(Reason.ORDER)
            self._power = _Power(now, power, now, last.rest)
            return self._measured(now, now, 0, Reason.CLOCK)
        steady = self.terms.filter.steady * MILLI
        if power != last.power:
            last.since = now
        elif power and now - last.since > steady and (self._stuck or now - self._good_at <= self._after):
            return _Found(Reason.STUCK)
        before, since = last.power, self._good_at
        last.at, last.power = now, power
        if now - since > self._after or self._open is not None:
            last.since = now
            return _Found(reason, counts=True, gaps=self._end_gap(now, since, now, self._cause(), None))
        mean = before + power if self._source.integration is Integration.TRAPEZOID else 2 * before
        energy, rest = divmod(mean * (now - since) + last.rest, 2 * HOUR)
        last.rest = rest
        return self._measured(now, since, energy, reason)
