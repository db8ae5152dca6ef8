"""A run of a rule: its actions one after the other, as far as time and conditions let it come."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .rule_actions import Action, Choose, Delay, Set, Stop
from .rule_conditions import Condition
from .triggers import Firing


@dataclass(slots=True, eq=False)
class Run:
    """What a firing has started.

    `at` is the time that the run has come to: when what it does now is due. `session` is the run of Home Assistant that said that it
    has this run in hand.
    """

    firing: Firing
    at: float
    begun: float
    session: str | None = None
    waiting: bool = field(init=False, default=False)
    _steps: list[Iterator[Action]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Stand before the first action."""
        self._steps = [iter(self.firing.rule.actions)]

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do."""
        return not self._steps

    def end(self) -> None:
        """Do nothing more."""
        self._steps.clear()
        self.waiting = False

    def advance(self, now: float, is_true: Callable[[tuple[Condition, ...], str], bool]) -> Iterator[tuple[Set, float]]:
        """Yield what is to be done until `now`, and when it was due; `is_true` tells of conditions, for a trigger.

        To be asked of a run that waits when it has come to the end of that.
        """
        self.waiting = False
        while self._steps:
            action = next(self._steps[-1], None)
            match action:
                case None:
                    self._steps.pop()
                case Set():
                    yield action, self.at
                case Delay():
                    self.at += action.seconds
                    if self.at > now:
                        self.waiting = True
                        return
                case Choose():
                    chosen = (
                        option.actions for option in action.options if is_true(option.conditions, self.firing.trigger)
                    )
                    self._steps.append(iter(next(chosen, action.default)))
                case Stop():
                    if not (action.unless and is_true(action.unless, self.firing.trigger)):
                        self._steps.clear()
