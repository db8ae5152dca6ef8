"""Power cuts, full disks and failing disks at every single step: nothing acknowledged is lost, nothing signed is contradicted."""
# ruff: noqa: ARG005

from collections.abc import Callable
from contextlib import suppress
import errno

import pytest

from custom_components.steward.log.errors import LogFull
from custom_components.steward.log.storage import LogStorage

from .diary import Diary, opened
from .power import CHOICES, FakeFs, PowerCutError

type Step = Callable[[Diary, LogStorage], object]


def append(number: int) -> Step:
    return lambda diary, log: diary.append(log, number)


def sign(diary: Diary, log: LogStorage) -> None:
    diary.sign(log)


STORIES: dict[str, list[Step]] = {
    "the first hours": [append(1), append(2), sign, append(1), sign, append(1)],
    "a bundle fills": [append(250), sign, append(5), append(1), sign, append(3), sign],
    "a batch of several bundles": [append(3), sign, append(520), sign, append(250), sign],
    "signed at the brim": [append(256), sign, append(256), sign, append(1), sign, append(1), sign],
}


def tell(fs: FakeFs, diary: Diary, story: list[Step]) -> None:
    log = opened(fs)
    for step in story:
        step(diary, log)


def steps(story: list[Step]) -> int:
    fs = FakeFs()
    tell(fs, Diary(), story)
    return fs.faults.steps


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("choice", CHOICES)
def test_power_cut_at_every_step(name: str, choice: str) -> None:
    story = STORIES[name]
    for cut_at in range(1, steps(story) + 1):
        fs, diary = FakeFs(), Diary()
        fs.faults.cut_at = cut_at
        with pytest.raises(PowerCutError):
            tell(fs, diary, story)
        after = fs.after_cut(CHOICES[choice])
        log = opened(after, quick=bool(cut_at % 2), seed=1)
        diary.check(log)
        diary.check_files(log, after)
        diary.append(log, 2)
        diary.sign(log)
        diary.check_running(log)
        diary.check_files(log, after)
        # And again, with nothing that was not waited for.
        again = opened(after.after_cut(CHOICES["nothing"]), seed=2)
        diary.check(again)
        assert again.cut == 0


@pytest.mark.parametrize("then", [append(1), sign, lambda diary, log: None])
@pytest.mark.parametrize("choice", ["nothing", "torn", "last only"])
def test_killed_at_every_step_then_power_cut(choice: str, then: Step) -> None:
    """What a process that was killed had not waited for, the next one may see though the disk doesn't have it."""
    story = [append(255), sign, append(1), append(1), sign]
    for kill_at in range(1, steps(story) + 1):
        fs, diary = FakeFs(), Diary()
        fs.faults.cut_at = kill_at
        with pytest.raises(PowerCutError):
            tell(fs, diary, story)
        next_one = fs.after_kill()
        log = opened(next_one, seed=1)
        diary.check(log)
        then(diary, log)
        cut = next_one.after_cut(CHOICES[choice])
        diary.check(opened(cut, seed=2))


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_one_fault_at_every_step(name: str, number: int) -> None:
    story = STORIES[name]
    for at in range(1, steps(story) + 1):
        fs, diary = FakeFs(), Diary()
        fs.faults.fail = {at: number}
        while True:
            try:
                log = opened(fs)
                break
            except OSError:
                fs.held.clear()
        for step in story:
            for _ in range(3):
                try:
                    step(diary, log)
                    break
                except LogFull:
                    diary.check_running(log)
            else:
                raise AssertionError
        diary.check_running(log)
        diary.sign(log)
        diary.check_files(log, fs)
        diary.offered = []  # a refused entry must not come back once others were acknowledged
        diary.check(opened(fs.after_cut(CHOICES["nothing"]), seed=1))


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("choice", ["nothing", "everything", "torn", "noise"])
def test_disk_full_from_every_step_on_until_space_is_made_or_the_power_is_cut(name: str, choice: str) -> None:
    story = STORIES[name]
    for at in range(1, steps(story) + 1):
        fs, diary = FakeFs(), Diary()
        fs.faults.fail_from = (at, errno.ENOSPC)
        try:
            log = opened(fs)
        except OSError:
            continue
        for step in story:
            try:
                step(diary, log)
            except LogFull:
                diary.check_running(log)
        refused = [*diary.offered]
        after = fs.after_cut(CHOICES[choice])
        found = opened(after, seed=1)
        Diary([*diary.acknowledged], refused, [*diary.signed]).check(found)
        fs.faults.fail_from = None
        diary.append(log, 300)
        diary.sign(log)
        diary.check_running(log)
        diary.check_files(log, fs)
        diary.check(opened(fs.after_cut(CHOICES["nothing"]), seed=1))


def test_reopening_a_full_disk_lets_it_be_read() -> None:
    fs, diary = FakeFs(), Diary()
    log = opened(fs)
    diary.append(log, 255)
    diary.sign(log)
    steps = fs.faults.steps
    fs.faults.cut_at = steps + 3  # the batch is written and waited for, its bundle has begun
    with pytest.raises(PowerCutError):
        diary.append(log, 10)
    after = fs.after_cut(CHOICES["everything"])
    after.faults.full = True
    log = opened(after, seed=1)
    diary.check(log)
    with pytest.raises(LogFull):
        diary.sign(log)
    after.faults.full = False
    diary.sign(log)
    diary.check_files(log, after)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_one_fault_at_every_step_then_no_more_files_then_killed(number: int) -> None:
    """What is acknowledged after a fault is in the file that has the name, not in one that had it."""
    story = [append(250), append(10)]
    for at in range(1, steps(story) + 1):
        fs, diary = FakeFs(), Diary()
        fs.faults.fail = {at: number}
        try:
            log = opened(fs)
        except OSError:
            continue
        for step in story:
            with suppress(LogFull):
                step(diary, log)
        fs.faults.full = True
        for _ in range(2):
            with suppress(LogFull):
                diary.append(log, 1)
        diary.check(opened(fs.after_kill(), seed=1))
