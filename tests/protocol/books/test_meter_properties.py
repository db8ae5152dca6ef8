"""What holds for the filter whatever a source gives."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st

from steward_house.protocol.books.entries import Gap, Heartbeat, Outage, Reading, Start, decode, encode
from steward_house.protocol.books.meters import Meters
from steward_house.protocol.books.terms import Filter, GapPolicy, GapWorth, Integration, SourceKind, SourceTerms

from .agreed import CREDITOR, START, Books, minutes, terms

POWER = 6000
"""Watts."""

numbers = st.floats(-200, 200).map(lambda value: f"{value:.3f}") | st.integers(-5, 200).map(str)
big = st.floats(allow_nan=True, allow_infinity=True).map(str)
texts = numbers | big | st.sampled_from([None, "unavailable", "0", "0.0", "99999.9", "ERR"]) | st.text(max_size=5)
climbs = st.tuples(st.integers(0, 300), st.integers(0, 60))
"""Hundredths of kilowatt-hours beyond the last value, and seconds after the last reading (kept below the greatest power or not)."""


def kinds(**more):
    return st.builds(
        SourceTerms,
        st.just("roof"),
        st.sampled_from(SourceKind),
        st.just(POWER),
        st.none() | st.just(100 * 10**6) | st.just(100_000 * 10**6),
        st.sampled_from(Integration),
    )


agreements = st.builds(
    lambda source, worth, confirm, jitter: terms(
        sources=(source,), gaps=GapPolicy(worth, 900), filter=Filter(confirm=confirm, jitter=jitter)
    ),
    kinds(),
    st.sampled_from(GapWorth),
    st.integers(2, 5),
    st.sampled_from([0, 100_000]),
)
units = st.sampled_from(["kWh", "Wh", "W", "kW", None]) | st.just("kWh")


@st.composite
def stories(draw, *, forward: bool = False):
    """Draw what a source gives, in order: seconds since the last (or before it), a text, a unit; None where the teller was off."""
    low = 0 if forward else -3600
    steps = st.sampled_from([0, 1, 60, 60, 60, 600, 3600, 50_000, 90_000]) | st.integers(low, 4000)
    given_ = st.tuples(steps, texts, units) | st.tuples(steps, st.none(), st.none())
    walks = st.lists(climbs, min_size=1, max_size=30)
    story = []
    for walk in draw(st.lists(walks | st.lists(given_, max_size=6), max_size=8)):
        value = draw(st.integers(0, 20_000))
        for step in walk:
            if len(step) == 2:
                value += step[0]
                story.append((step[1], f"{value / 100}", "kWh"))
            else:
                story.append(step)
    return story


def tell(books: Books, story) -> None:
    at = START
    for number, (seconds, text, unit) in enumerate(story):
        at += timedelta(seconds=seconds)
        if text is None and number % 3 == 0:
            books.hear(Start(at=at, device="d", code="c") if number % 2 else Outage(at=at, begin=at, end=at))
        elif number % 7 == 6:
            books.tick(at)
        else:
            books.take(at, text, unit)


@given(agreements, stories())
def test_the_filter_depends_on_its_entries_alone(agreed, story):
    books = Books(agreed)
    tell(books, story)
    assert books.recheck() == []
    restored = Meters(ZoneInfo, CREDITOR.vkey)
    restored.restore(map(decode, map(encode, books.entries)))
    later = books.entries[-1].at + timedelta(days=40)
    assert restored.gaps(later) == books.meters.gaps(later)
    for at, text in ((later, "50"), (later + timedelta(hours=1), "50.1")):
        assert restored.take("roof", at, text, "kWh") == books.meters.take("roof", at, text, "kWh")


@given(agreements, stories())
def test_there_is_one_reading_for_each_text_and_nothing_is_negative(agreed, story):
    books = Books(agreed)
    tell(books, story)
    readings = [entry for entry in books.entries if isinstance(entry, Reading)]
    assert [reading.sequence for reading in readings] == list(range(len(readings)))
    for entry in books.entries:
        if isinstance(entry, Reading | Gap):
            assert entry.energy >= 0
        if isinstance(entry, Gap):
            assert entry.begin <= entry.end
            assert entry.open or entry.end <= entry.at


@settings(max_examples=200)
@given(agreements, stories(forward=True))
def test_no_more_than_the_greatest_power_can_produce(agreed, story):
    agreed = terms(sources=agreed.sources, gaps=GapPolicy(GapWorth.REGISTER, 900), filter=agreed.filter)
    books = Books(agreed)
    tell(books, story)
    # The first value may have been told as long ago as may be told nothing without that being a gap.
    hours = (books.entries[-1].at - START + timedelta(seconds=agreed.gaps.after)) / timedelta(hours=1)
    # One last digit (here a whole kilowatt-hour at most, more than the jitter), and some for each time that the register began anew.
    fresh = sum(isinstance(entry, Reading) and entry.reason in {"reset", "replaced"} for entry in books.entries)
    assert books.account.energy <= POWER * 1100 * hours + 10**6 * (1 + 2 * fresh) + 1


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(60, 600)), min_size=2, max_size=40), st.data())
def test_order_of_arrival_does_not_matter_within_tolerance(steps, data):
    """A register's readings that come late change nothing: what they would have told, the next one tells."""
    seconds, value, rows = 0, 1000, []
    for gained, after in steps:
        seconds += after
        value += gained
        rows.append((seconds / 60, f"{value / 1000:.3f}"))
    late = data.draw(st.sets(st.integers(1, len(rows) - 1), max_size=10))
    straight, shuffled = Books(), Books()
    for at, text in rows:
        straight.take(minutes(at), text)
    order = [row for index, row in enumerate(rows) if index not in late or index + 1 == len(rows)]
    for index in sorted(late - {len(rows) - 1}):
        order.insert(next(place for place, row in enumerate(order) if row[0] > rows[index][0]) + 1, rows[index])
    for at, text in order:
        shuffled.take(minutes(at), text)
    assert shuffled.energy() == straight.energy()


@given(stories())
def test_whatever_else_is_in_the_log_changes_nothing(story):
    plain, mixed = Books(), Books()
    tell(plain, story)
    for entry in plain.entries[1:]:
        mixed.hear(Heartbeat(at=entry.at))
        made = mixed.meters.again(entry)
        mixed.put(*(made or ([] if isinstance(entry, Reading | Gap) else [entry])))
    assert [entry for entry in mixed.entries if not isinstance(entry, Heartbeat)] == plain.entries
