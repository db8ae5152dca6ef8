"""The filter: what each fault of a source comes to."""

from datetime import timedelta

import pytest

from steward_house.protocol.books.entries import Cause, Outage, Shutdown, Start, Worth
from steward_house.protocol.books.periods import Period, Unit
from steward_house.protocol.books.terms import Filter, GapPolicy, GapWorth, Integration, SourceKind, SourceTerms

from .agreed import START, TERMS, Books, minutes, terms

KWH = 10**6
QUARTER = 15
SUNNY = [f"{100 + number / 20:.2f}" for number in range(60)]
"""Three kilowatts: fifty watt-hours a minute."""


def roof(**source) -> Books:
    return Books(terms(sources=(SourceTerms("roof", **{"max_power": 6000, **source}),)))


def power(integration: Integration = Integration.LEFT) -> Books:
    return roof(kind=SourceKind.POWER, integration=integration)


def gap(books: Books) -> tuple[float, float, Cause, Worth, int]:
    """Return the only gap: from which to which minute, why, and what it is worth in watt-hours."""
    (found,) = books.gaps
    begin, end = ((at - START) / timedelta(minutes=1) for at in (found.begin, found.end))
    return begin, end, found.cause, found.worth, found.energy // 1000


def test_a_register():
    books = roof()
    assert books.play([100, 100.05, 100.05, 100.12]) == ["first", "ok 50", "ok", "ok 70"]
    reading = books.entries[-1]
    assert (reading.raw, reading.register, reading.sequence) == ("100.12", 100_120_000, 3)
    assert books.gaps == []


@pytest.mark.parametrize(("raw", "said"), [("100.4", ("ok", 400_000)), ("103", ("spike", 0))])
def test_the_first_value_may_be_minutes_old(raw, said):
    """As one of an inverter that is asked every five minutes, when a teller is added shortly before the next time."""
    books = roof()
    assert books.play([100]) == ["first"]
    reading = books.take(minutes(0.1), raw)
    assert (reading.reason, reading.energy) == said


@pytest.mark.parametrize("raw", [None, "unavailable", "unknown", "", "None"])
def test_nothing_given(raw):
    books = roof()
    assert books.play([100, raw, 100.1]) == ["first", "unavailable", "ok 100"]


@pytest.mark.parametrize("raw", ["nan", "inf", "1,5", "12 kWh", "0x10", "1e99", "9" * 40, "²"])
def test_unreadable(raw):
    books = roof()
    assert books.play([100, raw, 100.1]) == ["first", "unreadable", "ok 100"]
    assert books.entries[-2].raw == raw


@pytest.mark.parametrize("unit", [None, "W", "m³", "kwh"])
def test_another_kind_of_unit(unit):
    books = roof()
    books.play([100])
    assert books.take(minutes(1), "100.1", unit).reason == "unit"
    assert books.take(minutes(2), "100.1").energy == 100_000


def test_other_units_of_energy():
    books = roof()
    books.play([100])
    for number, (raw, unit) in enumerate(
        [("100050", "Wh"), ("0.10010", "MWh"), ("100150000", "mWh"), ("0.0001002", "GWh")], 1
    ):
        reading = books.take(minutes(number), raw, unit)
        assert (reading.reason, reading.energy) == ("ok", 50_000)


def test_a_unit_that_comes_later_than_its_number():
    books = roof()
    assert books.play([100, 100_050, 100.1]) == ["first", "spike", "ok 100"]


@pytest.mark.parametrize("length", [1, 3, 14])
def test_a_glitch_to_zero(length):
    books = roof()
    assert books.play([100, *["0.0"] * length, 100.2]) == ["first", *["glitch"] * length, "ok 200"]
    assert books.gaps == []


def test_a_long_glitch_is_a_gap():
    books = roof()
    books.play([100, *["0"] * 40, 101.5])
    assert gap(books) == (0, 41, Cause.GLITCH, Worth.REGISTER, 1500)
    assert books.entries[-1].energy == 0
    assert books.energy() == 1.5


def test_a_glitch_at_the_very_first_reading():
    books = roof()
    made = books.play(["0.0", *SUNNY[:20]])
    assert made[:4] == ["first", "spike", "spike", "spike"]
    assert made[-5:] == ["replaced 750", *["ok 50"] * 4]
    assert books.energy() == pytest.approx(19 * 0.05)


def test_a_glitch_at_a_restart():
    books = roof()
    books.play([100, 100.1])
    books.hear(Outage(at=minutes(60), begin=minutes(1), end=minutes(60)))
    books.hear(Start(at=minutes(60), device="TELLER", code="c0de"))
    books.play([0, 0, None, 103], begin=60)
    assert gap(books) == (1, 63, Cause.OUTAGE, Worth.REGISTER, 2900)


def test_a_spike():
    books = roof()
    assert books.play([100, 20283, 100.1, 20283, 20283, 100.2]) == [
        "first",
        "spike",
        "ok 100",
        "spike",
        "spike",
        "ok 100",
    ]


def test_what_was_too_much_does_not_become_true_by_waiting():
    books = roof()
    made = books.play([100, *[150] * 20 * 60, 100.1])
    assert made[-1] == "ok"
    assert set(made[1:-1]) == {"spike"}
    assert gap(books) == (0, 1201, Cause.SPIKE, Worth.REGISTER, 100)


@pytest.mark.parametrize("length", [1, 4, 60])
def test_a_turned_sign(length):
    books = roof()
    values = [(-1 if 1 <= number <= length else 1) * float(value) for number, value in enumerate(SUNNY)]
    made = books.play(values)
    assert made[1 : length + 1] == ["sign 50"] * min(length, 59)
    assert books.energy() == pytest.approx(59 * 0.05)


def test_a_negative_register_that_says_nothing():
    books = roof()
    assert books.play(["-5", 100, "-30", 100.05]) == ["sign", "first", "sign", "ok 50"]


def test_a_register_that_goes_up_and_down():
    books = roof()
    assert books.play([100, 100.05, 100.02, 99.99, 100.04, 100.09]) == [
        "first",
        "ok 50",
        "down",
        "down",
        "down",
        "ok 40",
    ]


def test_a_register_that_shakes_while_it_climbs():
    books = roof()
    shaking = [float(value) - (0.08 if number % 5 else 0) for number, value in enumerate(SUNNY)]
    made = books.play(shaking)
    assert {text.split()[0] for text in made[1:]} == {"ok", "down"}
    assert books.energy() == pytest.approx(59 * 0.05 - 0.08)


def test_many_small_steps_are_no_more_than_a_large_one():
    books = roof()
    made = books.play([f"{100 + number * 0.09:.2f}" for number in range(100)], step=1 / 60)
    assert made[:2] == ["first", "ok 90"]
    assert "spike" in made
    assert books.energy() <= 6.6 * 100 / 3600 + 0.1


def test_stuck_for_hours():
    books = roof()
    made = books.play([100, 100.05, *[100.05] * 180, *[109.0 + number / 20 for number in range(20)]])
    assert made[182] == "jump"
    assert "ok" in made[182:]
    assert books.gaps[0].cause is Cause.STUCK
    assert books.gaps[0].begin == minutes(1)
    assert books.energy() == pytest.approx(9.95)


def test_stuck_for_days_is_a_gap_while_it_lasts():
    books = roof()
    made = books.play([100, 100.05, *[100.05] * 27 * 60])
    assert made[-1] == "stuck"
    assert books.meters.gaps(minutes(27 * 60 + 10)) == {"roof": (minutes(1), Cause.STUCK)}
    books.take(minutes(27 * 60 + 5), "100.06")
    assert gap(books) == (1, 27 * 60 + 5, Cause.STUCK, Worth.REGISTER, 10)
    assert books.meters.gaps(minutes(27 * 60 + 10)) == {}


def test_a_day_without_a_teller_is_not_stuck():
    books = roof()
    books.play([100, *[100] * 10])
    made = books.play([100] * 30, begin=30 * 60)
    assert set(made) == {"ok"}
    assert gap(books) == (10, 1800, Cause.SILENT, Worth.REGISTER, 0)


def test_a_meter_that_was_stuck_and_is_replaced():
    books = Books(
        terms(period=Period(1, Unit.WEEKS, TERMS.period.start), gaps=GapPolicy(GapWorth.REGISTER_ESTIMATE, 900))
    )
    week = 7 * 24 * 60
    books.play([100] * 30 * 60, begin=week - 29 * 60)
    (open_,) = books.tick(minutes(week + 61))
    assert (open_.begin, open_.end, open_.cause) == (minutes(week - 29 * 60), minutes(week), Cause.STUCK)
    books.play([f"{number / 20:.2f}" for number in range(30)], begin=week + 62)
    _, _, before = books.gaps
    assert (before.begin, before.end) == (open_.begin, minutes(week + 62))
    assert (before.cause, before.worth) == (Cause.RESET, Worth.ESTIMATE)
    assert books.energy() == pytest.approx(29 * 0.05)
    assert books.recheck() == []


def test_the_cause_is_that_of_this_gap():
    books = roof()
    books.play([100])
    books.hear(Start(at=minutes(30), device="TELLER", code="c0de"))
    books.play([100.1, 100.15], begin=31)
    books.play([100.2], begin=60)
    books.play([None, 100.25], begin=61)
    books.play([100.3], begin=90)
    assert [entry.cause for entry in books.gaps] == [Cause.OUTAGE, Cause.SILENT, Cause.SILENT]


def test_a_night_is_not_stuck():
    books = roof()
    made = books.play([100, *[100] * 15 * 60, 100.02, 100.05])
    assert made[-2:] == ["ok 20", "ok 30"]
    assert books.gaps == []


@pytest.mark.parametrize(
    ("modulus", "before", "after"),
    [(100_000 * KWH, "99999.9", "0.05"), (2**23 * 1000, "8388.6", "0.04"), (100_000 * KWH, "99999.9", "0.1")],
)
def test_roll_over(modulus, before, after):
    books = roof(rollover=modulus)
    expected = modulus + round(float(after) * KWH) - round(float(before) * KWH)
    assert books.play([before, after])[1] == f"rollover {expected / 1000:g}"


def test_roll_over_to_exactly_zero_waits_for_more():
    books = roof(rollover=100_000 * KWH)
    assert books.play(["99999.95", "0.0", "0.03"]) == ["first", "glitch", "rollover 80"]
    books = roof(rollover=100_000 * KWH)
    assert books.play(["99999.95", "0.0", "99999.98"]) == ["first", "glitch", "ok 30"]


def test_roll_over_of_an_unknown_modulus_is_a_reset():
    books = roof()
    books.play(["99999.95", *[f"{number / 20:.2f}" for number in range(30)]])
    assert books.gaps[0].cause is Cause.RESET
    assert books.energy() == pytest.approx(29 * 0.05)


def test_a_reset_counts_from_zero():
    books = roof()
    made = books.play([*SUNNY[:10], *[f"{0.02 + number / 20:.2f}" for number in range(30)]])
    assert made[10:25] == ["glitch"] * 15
    assert made[25:27] == ["reset", "ok 50"]
    assert gap(books) == (9, 25, Cause.RESET, Worth.REGISTER, 770)
    assert books.energy() == pytest.approx(9 * 0.05 + 0.02 + 29 * 0.05)


def test_a_reset_at_dusk():
    books = roof()
    books.play([*SUNNY[:10], *["0.0"] * 600, *[f"{number / 20:.2f}" for number in range(1, 10)]])
    assert gap(books) == (9, 610, Cause.RESET, Worth.REGISTER, 50)
    assert books.energy() == pytest.approx(9 * 0.05 + 0.45)


def test_a_reset_while_nobody_looked_is_an_estimate():
    books = roof()
    books.play([100])
    books.play([f"{2 + number / 20:.2f}" for number in range(20)], begin=300)
    (found,) = books.gaps
    assert (found.begin, found.end, found.cause, found.worth, found.days) == (
        minutes(0), minutes(300), Cause.RESET, Worth.ESTIMATE, 0,
    )  # fmt: skip
    assert books.energy() == pytest.approx(19 * 0.05)


def test_another_meter():
    books = roof()
    made = books.play([*SUNNY[:10], *[f"{31234 + number / 20:.2f}" for number in range(30)]])
    assert made[25:27] == ["replaced 750", "ok 50"]
    assert gap(books) == (9, 10, Cause.REPLACED, Worth.ESTIMATE, 0)
    assert books.energy() == pytest.approx(9 * 0.05 + 29 * 0.05)


def test_another_meter_at_dusk_that_shows_less():
    books = roof()
    books.play([*SUNNY[:10], *["71.0"] * 600, *[f"{71 + number / 20:.2f}" for number in range(30)]])
    before, since = books.gaps
    assert (before.begin, before.end, before.cause, before.worth) == (
        minutes(9),
        minutes(10),
        Cause.REPLACED,
        Worth.ESTIMATE,
    )
    assert (since.begin, since.end, since.cause, since.worth) == (
        minutes(10),
        minutes(611),
        Cause.REPLACED,
        Worth.REGISTER,
    )
    assert books.energy() == pytest.approx(9 * 0.05 + 29 * 0.05)


def test_duplicates():
    books = roof()
    books.play([100])
    for _ in range(2):
        reading = books.take(minutes(1), "100.05")
    assert reading.reason == "duplicate"
    assert books.energy() == 0.05
    assert [entry.sequence for entry in books.entries[1:]] == [0, 1, 2]


def test_late_readings():
    books = roof()
    books.play([100, 100.05])
    assert books.take(minutes(0.5), "100.02").reason == "order"
    assert books.take(minutes(0.9), "100.05").reason == "order"
    assert books.take(minutes(2), "100.1").energy == 50_000


def test_a_clock_that_is_set_back():
    books = roof()
    books.play(SUNNY[:30])
    made = books.play(SUNNY[30:], begin=0)
    assert made == ["clock 50", *["ok 50"] * 29]
    assert books.energy() == pytest.approx(59 * 0.05)


def test_a_clock_that_is_set_back_at_night():
    books = roof()
    books.play([100] * 200)
    made = books.play([100] * 10, begin=0)
    assert made == ["clock", *["ok"] * 9]


def test_a_clock_that_runs_ahead_and_is_set_right():
    books = roof()
    books.play(SUNNY[:10])
    books.play(SUNNY[10:12], begin=5000)
    books.play(SUNNY[12:20], begin=12)
    assert books.energy() == pytest.approx(19 * 0.05)
    assert gap(books) == (9, 5000, Cause.SILENT, Worth.REGISTER, 50)


@pytest.mark.parametrize(
    ("between", "cause"),
    [
        ([], Cause.SILENT),
        ([None], Cause.UNAVAILABLE),
        (["?"], Cause.UNREADABLE),
        (["0"], Cause.GLITCH),
        (["9999"], Cause.SPIKE),
    ],
)
def test_a_gap_and_its_cause(between, cause):
    books = roof()
    books.play([100, *between])
    assert books.meters.gaps(minutes(15)) == {}
    assert books.meters.gaps(minutes(16)) == {"roof": (minutes(0), cause)}
    books.play([100.5], begin=60)
    assert gap(books) == (0, 60, cause, Worth.REGISTER, 500)
    assert books.entries[-1].energy == 0


def test_switching_off_does_not_lower_what_is_owed():
    books = roof()
    books.play([100])
    books.hear(Shutdown(at=minutes(1), device="TELLER", code="c0de"))
    books.hear(Start(at=minutes(600), device="TELLER", code="c0de"))
    books.play([130], begin=600)
    assert gap(books) == (0, 600, Cause.OUTAGE, Worth.REGISTER, 30_000)


def test_more_than_could_be_produced_in_a_gap_is_held():
    books = roof()
    books.play([100])
    made = books.play([f"{200 + number / 20:.2f}" for number in range(20)], begin=600)
    assert made[:3] == ["spike"] * 3
    assert made[15:] == ["replaced 750", *["ok 50"] * 4]


@pytest.mark.parametrize(
    ("worth", "expected"),
    [
        (GapWorth.REGISTER_ESTIMATE, (Worth.REGISTER, 1.0)),
        (GapWorth.REGISTER, (Worth.REGISTER, 1.0)),
        (GapWorth.ESTIMATE, (Worth.ESTIMATE, 0.0)),
        (GapWorth.NOTHING, (Worth.NOTHING, 0.0)),
    ],
)
def test_what_the_terms_say_a_gap_is_worth(worth, expected):
    books = Books(terms(gaps=GapPolicy(worth, 900)))
    books.play([100])
    books.play([101], begin=60)
    assert (books.gaps[0].worth, books.energy()) == expected
    if worth is GapWorth.NOTHING:
        assert books.gaps[0].energy == KWH


def test_power_that_is_gone_is_worth_nothing_where_only_registers_count():
    books = Books(terms(gaps=GapPolicy(GapWorth.REGISTER, 900), sources=(SourceTerms("roof", SourceKind.POWER),)))
    books.play([3000], unit="W")
    books.play([3000], begin=60, unit="W")
    assert (books.gaps[0].worth, books.gaps[0].energy) == (Worth.NOTHING, 0)


def test_silence_before_the_first_reading_is_a_gap():
    books = roof()
    assert books.meters.gaps(minutes(20)) == {"roof": (minutes(0), Cause.FIRST)}
    books.play([100], begin=30)
    assert gap(books) == (0, 30, Cause.FIRST, Worth.ESTIMATE, 0)


def test_an_open_gap_is_booked_at_a_periods_end_and_corrected():
    books = Books(terms(period=Period(1, Unit.WEEKS, TERMS.period.start)))
    week = 7 * 24 * 60
    books.play([f"{100 + number / 20:.2f}" for number in range(3 * 60)], begin=week - 24 * 60)
    assert books.tick(minutes(week - 1)) == []
    (open_,) = books.tick(minutes(week + 30))
    assert (open_.begin, open_.end, open_.open) == (minutes(week - 24 * 60 + 179), minutes(week), True)
    assert books.tick(minutes(week + 90)) == []
    (later,) = books.tick(minutes(2 * week + 1))
    assert (later.begin, later.end) == (open_.begin, minutes(2 * week))
    books.take(minutes(2 * week + 60), "140")
    last = books.gaps[-1]
    assert (last.begin, last.end, last.worth, last.open) == (open_.begin, minutes(2 * week + 60), Worth.REGISTER, False)
    assert books.energy() == pytest.approx(40.0)
    assert books.recheck() == []


def test_power():
    books = power()
    assert books.play([3000, 6000, 0, 0], unit="W") == ["first", "ok 50", "ok 100", "ok"]
    books = power(Integration.TRAPEZOID)
    assert books.play([3, 6, 0, 0], unit="kW") == ["first", "ok 75", "ok 50", "ok"]


def test_power_keeps_what_is_below_a_milliwatt_hour():
    books = power()
    books.play([f"{0.1 + number % 2 / 1000}" for number in range(6001)], step=1 / 600, unit="W")
    assert books.account.energy == pytest.approx(100.5 * 600 / 3600, abs=1)


def test_an_inverters_own_consumption():
    books = power()
    made = books.play([-9, -9.5, 600, -6000, 600], unit="W")
    assert made == ["first", "negative", "ok", "sign", "ok 20"]


def test_a_spike_of_power():
    books = power()
    assert books.play([3000, 65535, 3000], unit="W") == ["first", "spike", "ok 100"]


def test_a_gap_of_power_is_estimated_from_the_same_hours():
    books = power()
    day = 24 * 60
    for number in range(5):
        books.play([2000 + number * 100 + minute % 2 for minute in range(day)], begin=number * day, unit="W")
    books.play([3000], begin=5 * day + 180, unit="W")
    (found,) = books.gaps
    assert (found.cause, found.worth, found.days) == (Cause.SILENT, Worth.ESTIMATE, 4)
    assert found.energy == pytest.approx(2200 * 1000 * 181 / 60, rel=1e-3)


def test_steady_power_is_stuck():
    books = power()
    made = books.play([1234.5] * 600, unit="W")
    assert made[240].startswith("ok")
    assert made[-1] == "stuck"
    assert books.meters.gaps(minutes(601)) == {"roof": (minutes(240), Cause.STUCK)}
    books.play([1000, 0, *["0.0"] * 3000], begin=600, unit="W")
    assert gap(books)[:3] == (240, 600, Cause.STUCK)


def test_power_that_is_the_same_after_a_gap_is_not_stuck():
    books = power()
    books.play([1234.5] * 60, unit="W")
    assert set(books.play([1234.5] * 60, begin=400, unit="W")) == {"ok", "ok 20.575"}


def test_late_power_and_a_clock_that_is_set_back():
    books = power()
    books.play([3000, 3000, 3000], unit="W")
    assert books.take(minutes(1.5), "2900", "W").reason == "order"
    assert books.take(minutes(-10), "2900", "W").reason == "clock"
    assert books.take(minutes(-9), "2900", "W").energy == 2900 * 1000 // 60


def test_terms_that_change_the_kind_of_a_source():
    books = roof()
    books.play([100, 100.05])
    books.agree(terms(number=2, sources=(SourceTerms("roof", SourceKind.POWER, max_power=6000),)), minutes(2))
    assert books.play([3000, 3000], begin=2, unit="W") == ["first", "ok 50"]
    assert books.gaps == []


def test_a_source_that_no_terms_name_is_metered_and_does_not_count():
    books = roof()
    for minute in range(3):
        books.take(minutes(minute), "3000", "W", "shed")
        books.take(minutes(minute), f"{minute / 20}", "kWh", "barn")
    assert books.entries[-1].energy == books.entries[-2].energy == 50_000
    assert books.energy() == 0
    assert [(problem.fault, problem.detail) for problem in books.account.problems] == [
        ("source", "shed"),
        ("source", "barn"),
    ]


def test_filter_settings():
    books = Books(terms(filter=Filter(confirm=10, jitter=0)))
    assert books.play([100, 100.05, 100.04, 100.1]) == ["first", "ok 50", "glitch", "ok 50"]
