"""A log that has a hard life: kills, power cuts, full and failing disks in any order."""

import errno

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from custom_components.steward.log.errors import LogFull
from custom_components.steward.log.storage import LogStorage

from .diary import Diary, opened
from .power import FakeFs, PowerCutError, chances

NUMBERS = st.one_of(st.integers(1, 4), st.sampled_from([100, 255, 256, 257, 600]))
SOON = st.integers(1, 30)


class HardLife(RuleBasedStateMachine):
    """One log and its diary."""

    @initialize()
    def begin(self) -> None:
        self.fs = FakeFs()
        self.diary = Diary()
        self.log: LogStorage | None = None
        self.seed = 0
        self.open()

    def open(self, *, quick: bool = False) -> None:
        """Open the log, again and again until nothing cuts it short."""
        while True:
            self.seed += 1
            try:
                self.log = opened(self.fs, quick=quick, seed=self.seed)
            except OSError:
                self.fs.held.clear()
                self.fs.faults.fail.clear()
            except PowerCutError:
                self.fs = self.fs.after_cut(chances(self.seed))
            else:
                break
        self.diary.check(self.log)
        self.diary.check_files(self.log, self.fs)

    def during(self, action, *arguments) -> None:
        """Do something to the log that the power may end."""
        try:
            action(self.log, *arguments)
        except LogFull:
            self.diary.check_running(self.log)
        except PowerCutError:
            self.fs = self.fs.after_cut(chances(self.seed))
            self.open()

    @rule(number=NUMBERS)
    def append(self, number: int) -> None:
        self.during(self.diary.append, number)

    @rule()
    def sign(self) -> None:
        self.during(self.diary.sign)

    @rule(quick=st.booleans())
    def kill(self, quick: bool) -> None:
        self.fs = self.fs.after_kill()
        self.open(quick=quick)

    @rule(number=SOON)
    def cut_the_power_soon(self, number: int) -> None:
        self.fs.faults.cut_at = self.fs.faults.steps + number

    @rule(seed=st.integers(0, 1000), quick=st.booleans())
    def cut_the_power_now(self, seed: int, quick: bool) -> None:
        self.fs = self.fs.after_cut(chances(seed))
        self.open(quick=quick)

    @rule(number=SOON, count=st.integers(1, 6), what=st.sampled_from([errno.EIO, errno.ENOSPC]))
    def fail_soon(self, number: int, count: int, what: int) -> None:
        start = self.fs.faults.steps + number
        self.fs.faults.fail |= dict.fromkeys(range(start, start + count), what)

    @precondition(lambda self: not self.fs.faults.full)
    @rule()
    def fill_the_disk(self) -> None:
        self.fs.faults.full = True

    @precondition(lambda self: self.fs.faults.full)
    @rule()
    def make_room(self) -> None:
        self.fs.faults.full = False

    def teardown(self) -> None:
        """When all is well again, it goes on."""
        self.fs.faults.full = False
        self.fs.faults.fail.clear()
        self.fs.faults.cut_at = None
        self.diary.append(self.log, 1)
        self.diary.sign(self.log)
        self.diary.check_files(self.log, self.fs)
        self.fs = self.fs.after_cut(chances(self.seed))
        self.open()


test_hard_life = HardLife.TestCase
