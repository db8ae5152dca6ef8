"""Whether a cumulative register's next value is true.

A register can't produce more than the source's greatest power: `theory` is the earliest time at which it could have produced all that was
counted (the generic cell rate algorithm, GCRA), and may lie ahead of the clock only by the register's last digit or its jitter. So all
energy that is counted stays below greatest power times time, plus that once, however the readings are spread.

A value that can't be true is held, and counts only when the register has gone on from there: `confirm` readings in a row that go together,
over as much time as makes a silence a gap, one of which has moved (a glitch to 0 never moves, whether it lasts for a minute or for a
night). A value that the source could have produced since the register last moved, though not since it was last read, needn't move.
"""

from dataclasses import dataclass
from typing import Final

from .entries import Cause, Reason
from .periods import HOUR
from .quantities import Quantity
from .terms import Filter, SourceTerms

MILLI: Final = 1000
PERCENT: Final = 100


@dataclass(slots=True)
class Held:
    """Values that go together, and whose time has not come. `theory` is as the register's."""

    reason: Reason
    first_at: int
    first: int
    at: int
    value: int
    theory: int
    count: int = 1
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What a value comes to. `gained` is the energy since the last value that counted; None where the value is not (yet) taken.

    `fresh` is set where the register goes on from elsewhere: then `gained` is from that time on, and before it nothing is known.
    """

    reason: Reason
    gained: int | None = None
    at_once: bool = False
    """All that was gained since the register last moved came at once."""
    fresh: int | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class _Rules:
    source: SourceTerms
    settings: Filter
    after: int
    stuck: bool

    def cost(self, energy: int) -> int:
        """Return how many milliseconds the source needs at least for an energy, rounded up."""
        greatest = self.source.max_power * MILLI * (PERCENT + self.settings.tolerance)
        return -(-energy * HOUR * PERCENT // greatest)


class Register:
    """The register of one source. Times are Unix milliseconds, values milliwatt-hours."""

    level: int
    """The highest value that was true: later ones count from there."""

    def __init__(self, at: int, quantity: Quantity, age: int = 0) -> None:
        """Begin with a first value, which may have been told that many milliseconds ago: what came since then is true at once."""
        self.level = quantity.value
        self.at = at
        """When the last value came that was true."""
        self._reached_at = at - age
        """When the register was last as high as ever: below that, it goes on unseen."""
        self.moved_at = at
        self.held: Held | None = None
        self._theory = at - age
        self._step = quantity.step

    def take(
        self, at: int, quantity: Quantity, source: SourceTerms, settings: Filter, *, after: int, stuck: bool = False
    ) -> Step:
        """Judge a value. `after` is from how many milliseconds on a silence is a gap; what is `stuck` was as good as silent."""
        rules = _Rules(source, settings, after, stuck)
        step = max(quantity.step, self._step, settings.jitter)
        self._step = quantity.step
        if at < self.at:
            return self._earlier(at, quantity.value, rules)
        value, turned = abs(quantity.value), quantity.value < 0
        # What was too much when it came doesn't become true by waiting.
        waits = self.held is not None and self.held.reason is not Reason.GLITCH and value >= self.held.first
        if not waits and (found := self._next(at, value, rules, step)) is not None:
            reason = Reason.SIGN if turned else found.reason
            return Step(reason, found.gained)
        if turned:
            return Step(Reason.SIGN)
        return self._hold(at, value, rules, step)

    def _earlier(self, at: int, value: int, rules: _Rules) -> Step:
        """Judge a value that is older than the last true one: it came late, or the clock was set back, which a higher register shows."""
        gained = value - self.level
        late = self.at - at > rules.settings.order * MILLI
        if gained < 0 or (gained == 0 and not late) or rules.cost(gained) > rules.after + rules.cost(self._step):
            return Step(Reason.ORDER)
        self.level = value
        self.at = self._reached_at = self._theory = at
        self.moved_at = at if gained else min(self.moved_at, at)
        self.held = None
        return Step(Reason.CLOCK, gained)

    def _next(self, at: int, value: int, rules: _Rules, step: int) -> Step | None:
        """Take a value that goes on from the last true one; return None where it can't."""
        gained = value - self.level
        reason = Reason.OK
        if gained < 0:
            if gained >= -rules.settings.jitter:
                self.at, self.held = at, None
                return Step(Reason.DOWN, 0)
            modulus = rules.source.rollover
            if modulus is None or not value or not 0 <= gained + modulus < modulus // 2:
                return None
            gained += modulus
            reason = Reason.ROLLOVER
        theory = max(self._theory, self._reached_at) + rules.cost(gained)
        if gained and theory > at + rules.cost(step):
            return None
        self._accept(at, value, gained, theory)
        return Step(reason, gained)

    def _accept(self, at: int, value: int, gained: int, theory: int) -> None:
        self.level, self.at, self._reached_at, self.held = value, at, at, None
        if gained:
            self.moved_at, self._theory = at, theory

    def _hold(self, at: int, value: int, rules: _Rules, step: int) -> Step:
        slack = rules.cost(step)
        held = self.held
        more = max(value - held.value, 0) if held else 0
        if (
            held is None
            or value < held.value - rules.settings.jitter
            or max(held.theory, held.at) + rules.cost(more) > at + slack
        ):
            self.held = Held(self._doubt(at, value, rules, slack), at, value, at, value, at)
            return Step(self.held.reason)
        if more:
            held.theory = max(held.theory, held.at) + rules.cost(more)
        if value >= held.value:
            held.at = at
        held.value += more
        held.count += 1
        held.moved |= more > 0
        lasted = held.count >= rules.settings.confirm and at - held.first_at >= rules.after
        if not lasted or not (held.moved or held.reason is Reason.JUMP):
            return Step(held.reason)
        if held.reason is Reason.JUMP:
            gained = held.value - self.level
            self._accept(at, held.value, gained, max(self._theory, self.moved_at) + rules.cost(gained))
            return Step(Reason.OK, gained, at_once=True)
        return self._begin_again(at, held, rules, slack)

    def _doubt(self, at: int, value: int, rules: _Rules, slack: int) -> Reason:
        """Return why a value isn't taken."""
        if value < self.level:
            return Reason.GLITCH
        theory = max(self._theory, self.moved_at) + rules.cost(value - self.level)
        return Reason.JUMP if theory <= at + slack else Reason.SPIKE

    def _begin_again(self, at: int, held: Held, rules: _Rules, slack: int) -> Step:
        """Go on from where the held values are. A register that was reset has produced all that it shows since."""
        silent = held.first_at - self.at
        reset = held.reason is Reason.GLITCH and rules.cost(held.first) <= silent + slack
        whole = reset and silent <= rules.after and not rules.stuck
        whole = whole and max(self._theory, self.at) + rules.cost(held.value) <= at + slack
        start = 0 if whole else held.first
        gained = held.value - start
        fresh = None if whole else held.first_at
        theory = max(self._theory, self.at if whole else held.first_at) + rules.cost(gained)
        self._accept(at, held.value, gained, theory)
        self.moved_at = at
        reason, cause = (Reason.RESET, Cause.RESET) if reset else (Reason.REPLACED, Cause.REPLACED)
        return Step(reason, gained, fresh=fresh, cause=cause)
