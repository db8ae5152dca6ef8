"""Rotation: nothing is sealed under a key that somebody has who may not read it, and no key and nonce are used twice."""

from datetime import date, timedelta
from random import Random

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
import pytest

from steward_house.protocol.seal.epoch import EpochKey, epoch_of
from steward_house.protocol.seal.errors import Fault, SealError
from steward_house.protocol.seal.rotation import Cause, Rotation

from .made import AT, DAY, ORIGIN

TOMORROW = DAY + timedelta(days=1)
GRANTS = st.sampled_from("abc")


def rotation(*members: str) -> Rotation:
    return Rotation(ORIGIN, Random(7).randbytes, members)


def must_turn(rotating: Rotation, day: date = DAY) -> None:
    with pytest.raises(SealError) as error:
        rotating.seal(99, b"", day)
    assert error.value.fault is Fault.MUST_TURN


def test_every_cause():
    rotating = rotation("a")
    keys = []

    def turned(cause: Cause, day: date = DAY) -> None:
        assert rotating.due(day) is cause
        must_turn(rotating, day)
        turn = rotating.turn(len(keys), AT, day)
        assert turn.cause is cause
        assert turn.key == rotating.key
        assert turn.entry == turn.key.opening.encode()
        assert turn.members == rotating.members
        assert rotating.due(day) is None
        assert turn.key.open_(99, rotating.seal(99, b"x", day)) == b"x"
        keys.append(turn.key.secret)

    turned(Cause.START)
    rotating.join("b")
    turned(Cause.JOIN)
    assert rotating.members == {"a", "b"}
    rotating.leave("a")
    assert rotating.key is None
    turned(Cause.LEAVE)
    assert rotating.members == {"b"}
    rotating.narrow("b")
    turned(Cause.NARROWING)
    turned(Cause.MIDNIGHT, TOMORROW)
    turned(Cause.MIDNIGHT, DAY)  # a clock that was set back
    rotating.drop()
    turned(Cause.START)
    assert len({*keys}) == len(keys)


def test_what_changes_nothing_turns_nothing():
    rotating = rotation("a")
    rotating.turn(0, AT, DAY)
    rotating.join("a")
    rotating.leave("b")
    rotating.narrow("b")
    assert rotating.due(DAY) is None


def test_the_first_of_several_causes_is_told():
    rotating = rotation("a")
    rotating.turn(0, AT, DAY)
    rotating.leave("a")
    rotating.join("b")
    assert rotating.due(TOMORROW) is Cause.LEAVE
    rotating.turn(1, AT, TOMORROW)
    assert rotating.due(TOMORROW) is None


def test_a_turn_undone_by_bad_random_numbers_leaves_no_epoch():
    rotating = Rotation(ORIGIN, bytes)
    with pytest.raises(SealError, match="random"):
        rotating.turn(0, AT, DAY)
    must_turn(rotating)


def test_an_epoch_may_end_before_it_is_due():
    rotating = rotation("a")
    before = rotating.turn(0, AT, DAY)
    after = rotating.turn(9, AT, DAY)
    assert after.cause is Cause.START
    assert before.key.secret != after.key.secret


class House(RuleBasedStateMachine):
    """A house that loses its power and its newest entries at any time, with a machine whose random numbers come again."""

    def __init__(self) -> None:
        super().__init__()
        self.at, self.day = AT, DAY
        self.log: list[tuple[bytes, bytes, frozenset[str]] | None] = []
        self.members: set[str] = set()
        self.keys: dict[str, list[EpochKey]] = {grant: [] for grant in "abc"}
        self.used: set[tuple[bytes, bytes]] = set()
        self.snapshot = Random(1).getstate()
        self.random = Random()
        self.rotating = self.begin()

    def begin(self) -> Rotation:
        self.random.setstate(self.snapshot)
        return Rotation(ORIGIN, self.random.randbytes, self.members)

    @rule(content=st.binary(max_size=20), kept=st.booleans())
    def write(self, content: bytes, kept: bool) -> None:
        self.at += timedelta(seconds=1)
        if self.rotating.due(self.day):
            must_turn(self.rotating, self.day)
            turn = self.rotating.turn(len(self.log), self.at, self.day)
            assert turn.members == self.members
            self.log.append(None)
            for grant in turn.members:
                self.keys[grant].append(turn.key)
        entry = self.rotating.seal(len(self.log), content, self.day)
        key = self.rotating.key
        assert key is not None
        assert (key.secret, entry[18:26]) not in self.used
        self.used.add((key.secret, entry[18:26]))
        if kept:
            self.log.append((entry, content, frozenset(self.members)))

    @rule(grant=GRANTS)
    def join(self, grant: str) -> None:
        self.members.add(grant)
        self.rotating.join(grant)

    @rule(grant=GRANTS)
    def leave(self, grant: str) -> None:
        self.members.discard(grant)
        self.rotating.leave(grant)

    @rule(grant=GRANTS)
    def narrow(self, grant: str) -> None:
        self.rotating.narrow(grant)

    @rule(days=st.integers(-1, 1))
    def another_day(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule()
    def append_fails(self) -> None:
        self.rotating.drop()

    @rule(lost=st.integers(0, 5))
    def power_cut(self, lost: int) -> None:
        self.log = self.log[: max(0, len(self.log) - lost)]
        self.rotating = self.begin()

    @invariant()
    def who_reads_what(self) -> None:
        for index, item in enumerate(self.log):
            if item is None:
                continue
            entry, content, readers = item
            for grant, keys in self.keys.items():
                fitting = [key for key in keys if key.id == epoch_of(entry)]
                opened = []
                for key in fitting:
                    try:
                        opened.append(key.open_(index, entry))
                    except SealError:
                        continue
                assert opened == ([content] if grant in readers else [])


class TestHouse(House.TestCase):
    settings = settings(max_examples=60, stateful_step_count=30)
