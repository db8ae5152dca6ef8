"""The blueprints 'water tank', 'running low', 'peak demand' and 'teller' at work."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event as BusEvent, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.steward.protocol.node import Status

from .conftest import DEMAND, HAPPENED, LEVEL, PUMP, WELL_DRY, After, Automate, Nursery, report, settle, whats

type At = Callable[[str], Awaitable[None]]


@pytest.fixture
def at(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> At:
    """Return what makes it some time of some day."""

    async def at(time: str) -> None:
        await settle(hass)
        freezer.move_to(datetime.fromisoformat(time))
        async_fire_time_changed(hass)
        await settle(hass)

    return at


class TestWaterTank:
    @pytest.fixture
    async def tank(self, nursery: Nursery, automate: Automate, after: After) -> Nursery:
        """Return the room: half full, its pump has rested."""
        await nursery.be(LEVEL, 50)
        await nursery.be(PUMP, state=False)
        await nursery.be(WELL_DRY, state=False)
        await after(hours=2)
        await automate(
            "water_tank",
            level="sensor.nursery_level",
            pump=["switch.nursery_pump"],
            longest_minutes=20,
            rest_minutes=40,
            forbid=["binary_sensor.nursery_well_dry"],
            low_actions=report("low"),
            full_actions=report("full"),
            stopped_actions=report("stopped"),
        )
        nursery.told()
        return nursery

    async def test_low_and_full(self, tank: Nursery, happened: list[BusEvent]) -> None:
        await tank.be(LEVEL, 24)
        await tank.be(LEVEL, 23)
        assert (tank.told(), whats(happened)) == ([("switch/pump", True)], ["low"])
        await tank.be(PUMP, state=True)
        await tank.be(LEVEL, 91)
        await tank.be(LEVEL, 92)
        assert (tank.told(), whats(happened)) == ([("switch/pump", False)], ["full"])

    async def test_the_pump_does_not_run_for_too_long(
        self, tank: Nursery, happened: list[BusEvent], after: After
    ) -> None:
        await tank.be(LEVEL, 20)
        await tank.be(PUMP, state=True)
        assert (tank.told(), whats(happened)) == ([("switch/pump", True)], ["low"])
        await after(minutes=19)
        assert tank.told() == []
        await after(minutes=1.1)
        assert (tank.told(), whats(happened)) == ([("switch/pump", False)], ["stopped"])
        await tank.be(PUMP, state=False)
        for _ in range(10):
            await after(minutes=10)
            await tank.be(LEVEL, 19)
            await tank.be(LEVEL, 20)
        assert (tank.told(), whats(happened)) == ([], [])  # somebody has to look

    async def test_a_pump_that_somebody_started(self, tank: Nursery, after: After) -> None:
        await tank.be(PUMP, state=True)
        await after(minutes=20.1)
        assert tank.told() == [("switch/pump", False)]

    async def test_the_level_is_not_known_any_more(self, tank: Nursery, happened: list[BusEvent], after: After) -> None:
        await tank.be(PUMP, state=True)
        await tank.be(LEVEL, None)
        await after(seconds=50)
        assert tank.told() == []
        await after(seconds=20)
        assert (tank.told(), whats(happened)) == ([("switch/pump", False)], ["stopped"])

    async def test_a_dry_well_stops_the_pump_and_keeps_it_from_starting(
        self, tank: Nursery, happened: list[BusEvent]
    ) -> None:
        await tank.be(PUMP, state=True)
        await tank.be(WELL_DRY, state=True)
        assert (tank.told(), whats(happened)) == ([("switch/pump", False)], ["stopped"])
        await tank.be(LEVEL, 10)
        assert (tank.told(), whats(happened)) == ([], ["low"])

    async def test_a_sensor_that_cannot_be_asked_keeps_the_pump_from_starting(
        self, tank: Nursery, happened: list[BusEvent]
    ) -> None:
        await tank.be(WELL_DRY, None)
        await tank.be(LEVEL, 10)
        assert (tank.told(), whats(happened)) == ([], ["low"])

    async def test_a_node_that_comes_back_with_a_low_tank_lets_the_pump_rest_first(
        self, tank: Nursery, after: After
    ) -> None:
        await tank.status(Status.OFFLINE)
        await tank.be(LEVEL, 10)
        await tank.status(Status.ONLINE)
        await after(minutes=39)
        assert tank.told() == []
        await after(minutes=1.2)
        assert tank.told() == [("switch/pump", True)]

    async def test_only_to_be_told(self, nursery: Nursery, automate: Automate, happened: list[BusEvent]) -> None:
        await nursery.be(LEVEL, 50)
        await automate("water_tank", level="sensor.nursery_level", low_actions=report("low"))
        await nursery.be(LEVEL, 10)
        assert (nursery.told(), whats(happened)) == ([], ["low"])

    async def test_run_by_hand(self, tank: Nursery, trigger_by_hand: Callable[[], Awaitable[None]]) -> None:
        await trigger_by_hand()
        assert tank.told() == []


class TestPeakDemand:
    @pytest.fixture
    async def meter(self, nursery: Nursery, automate: Automate) -> Nursery:
        """Return the room with a low demand, whose lamp and fan can wait, and whose fan comes back."""
        await nursery.be(DEMAND, 1.0)
        await automate(
            "peak_demand",
            demand="sensor.nursery_demand",
            limit=2.5,
            switches=["switch.nursery_lamp", "switch.nursery_fan"],
            switches_on=["switch.nursery_fan"],
            near_actions=report("near"),
            lower_actions=report("lower"),
        )
        nursery.told()
        return nursery

    async def test_near_and_lower_again(self, meter: Nursery, happened: list[BusEvent], after: After) -> None:
        await meter.be(DEMAND, 2.5)
        assert meter.told() == []
        await meter.be(DEMAND, 2.6)
        await meter.be(DEMAND, 2.7)
        assert (meter.turned_off(), whats(happened)) == (["switch/fan", "switch/lamp"], ["near"])
        await meter.be(DEMAND, 2.0)
        await after(minutes=14)
        assert meter.told() == []
        await after(minutes=1.1)
        assert (meter.told(), whats(happened)) == ([("switch/fan", True)], ["lower"])

    async def test_near_once_more_begins_the_wait_anew(self, meter: Nursery, after: After) -> None:
        await meter.be(DEMAND, 2.6)
        await meter.be(DEMAND, 2.0)
        await after(minutes=10)
        await meter.be(DEMAND, 2.6)
        assert meter.turned_off() == ["switch/fan", "switch/fan", "switch/lamp", "switch/lamp"]
        await meter.be(DEMAND, 2.0)
        await after(minutes=14)
        assert meter.told() == []
        await after(minutes=2)
        assert meter.told() == [("switch/fan", True)]

    @pytest.mark.parametrize("demand", [2.6, None])
    async def test_what_is_not_lower_stays_off(
        self, meter: Nursery, happened: list[BusEvent], after: After, demand: float | None
    ) -> None:
        await meter.be(DEMAND, 2.6)
        await meter.be(DEMAND, demand)
        meter.told()
        await after(minutes=16)
        assert (meter.told(), whats(happened)) == ([], ["near"])

    async def test_a_node_that_goes_and_comes_back_with_a_low_demand(
        self, meter: Nursery, happened: list[BusEvent], after: After
    ) -> None:
        await meter.go_and_come_back()
        await after(minutes=16)
        assert (meter.told(), whats(happened)) == ([], [])


class TestRunningLow:
    @pytest.fixture
    async def pantry(
        self,
        hass: HomeAssistant,
        nursery: Nursery,  # noqa: ARG002 -- it installs the blueprints
        automate: Automate,
        at: At,
    ) -> Callable[..., None]:
        """Return what sets the level of the rice or of the gas, which were full at noon; six in the evening is for reminding."""

        def pantry(what: str, level: Any) -> None:
            hass.states.async_set(f"sensor.{what}", str(level), {"friendly_name": what.capitalize()})

        await at("2026-11-20T12:00:00+00:00")
        pantry("rice", 80)
        pantry("gas", 90)
        await automate(
            "scale_low",
            level_sensors=["sensor.rice", "sensor.gas"],
            actions=[{"event": HAPPENED, "event_data": {"what": "{{ low_names }}"}}],
        )
        return pantry

    async def test_once_and_every_day(
        self, pantry: Callable[..., None], happened: list[BusEvent], after: After, at: At
    ) -> None:
        pantry("rice", 19)
        await after(minutes=14)
        assert whats(happened) == []
        await after(minutes=1.1)
        assert whats(happened) == ["Rice"]
        pantry("rice", 18)
        await after(minutes=30)
        assert whats(happened) == []
        pantry("gas", 10)
        await after(minutes=16)
        assert whats(happened) == ["Rice, Gas"]
        pantry("gas", 95)
        await at("2026-11-20T18:00:00+00:00")
        assert whats(happened) == ["Rice"]
        await at("2026-11-21T18:00:00+00:00")
        assert whats(happened) == ["Rice"]
        pantry("rice", 100)
        await at("2026-11-22T18:00:00+00:00")
        assert whats(happened) == []

    async def test_a_jar_in_somebodys_hand(
        self, pantry: Callable[..., None], happened: list[BusEvent], after: After
    ) -> None:
        pantry("rice", 0)
        await after(minutes=5)
        pantry("rice", 79)
        await after(minutes=60)
        assert whats(happened) == []

    async def test_a_scale_that_was_away_and_comes_back_low_waits_for_the_reminder(
        self, pantry: Callable[..., None], happened: list[BusEvent], after: After, at: At
    ) -> None:
        pantry("rice", "unavailable")
        await after(minutes=1)
        pantry("rice", 10)
        await after(minutes=30)
        assert whats(happened) == []
        await at("2026-11-20T18:00:00+00:00")
        assert whats(happened) == ["Rice"]

    async def test_without_reminders(
        self, nursery: Nursery, automate: Automate, happened: list[BusEvent], at: At
    ) -> None:
        await at("2026-11-20T12:00:00+00:00")
        await nursery.be(LEVEL, 10)
        await automate("scale_low", level_sensors="sensor.nursery_level", remind_daily=False, actions=report("low"))
        await at("2026-11-20T18:00:00+00:00")
        assert whats(happened) == []

    @pytest.mark.usefixtures("pantry")
    async def test_run_by_hand(self, happened: list[BusEvent], trigger_by_hand: Callable[[], Awaitable[None]]) -> None:
        await trigger_by_hand()
        assert whats(happened) == [""]


class TestTeller:
    @pytest.fixture
    async def teller(
        self,
        hass: HomeAssistant,
        nursery: Nursery,  # noqa: ARG002 -- it installs the blueprints
        automate: Automate,
        at: At,
    ) -> Callable[..., None]:
        """Return what sets one of the teller's entities; it runs, and paid back lately."""

        def teller(entity_id: str, state: str) -> None:
            name = entity_id.split(".")[1].replace("_", " ").capitalize()
            hass.states.async_set(entity_id, state, {"friendly_name": name})

        await at("2026-11-20T12:00:00+00:00")
        teller("sensor.state_of_books", "ok")
        teller("binary_sensor.problem", "off")
        teller("binary_sensor.running", "on")
        teller("sensor.last_checkpoint", "2026-11-20T11:59:00+00:00")
        teller("sensor.due_date", "2026-12-20")
        teller("sensor.due_time", "2026-12-20T10:00:00+00:00")
        await automate(
            "teller",
            books_sensors=["sensor.state_of_books"],
            problem_sensors=["binary_sensor.problem"],
            running_sensors=["binary_sensor.running"],
            last_times=["sensor.last_checkpoint"],
            silent_hours=30,
            due_dates=["sensor.due_date", "sensor.due_time"],
            stopped_actions=[{"event": HAPPENED, "event_data": {"what": "stopped: {{ stopped_names }}"}}],
            due_actions=[{"event": HAPPENED, "event_data": {"what": "due: {{ due_names }}"}}],
        )
        return teller

    @pytest.mark.parametrize(
        ("entity_id", "state"),
        [
            ("binary_sensor.problem", "on"),
            ("binary_sensor.running", "off"),
            ("sensor.state_of_books", "gap"),
            ("sensor.state_of_books", "stopped"),
            ("sensor.state_of_books", "tampered"),
        ],
    )
    async def test_it_has_stopped(
        self,
        hass: HomeAssistant,
        teller: Callable[..., None],
        happened: list[BusEvent],
        at: At,
        entity_id: str,
        state: str,
    ) -> None:
        teller(entity_id, state)
        await settle(hass)
        told = [f"stopped: {entity_id.split('.')[1].replace('_', ' ').capitalize()}"]
        assert whats(happened) == told
        await at("2026-11-21T09:00:00+00:00")
        assert whats(happened) == told

    async def test_books_that_are_not_witnessed_are_told_the_next_day(
        self, hass: HomeAssistant, teller: Callable[..., None], happened: list[BusEvent], at: At
    ) -> None:
        for state in ("not_witnessed", "unavailable", "gap", "unavailable", "not_witnessed"):
            teller("sensor.state_of_books", state)
            await settle(hass)
        assert whats(happened) == []
        await at("2026-11-21T09:00:00+00:00")
        assert whats(happened) == ["stopped: State of books"]

    async def test_tampering_is_found_at_a_start(
        self, hass: HomeAssistant, teller: Callable[..., None], happened: list[BusEvent]
    ) -> None:
        for state in ("unavailable", "tampered"):
            teller("sensor.state_of_books", state)
            await settle(hass)
        assert whats(happened) == ["stopped: State of books"]

    async def test_no_sign_of_life(self, teller: Callable[..., None], happened: list[BusEvent], at: At) -> None:
        await at("2026-11-21T17:58:00+00:00")
        assert whats(happened) == []
        await at("2026-11-21T18:00:00+00:00")
        assert whats(happened) == ["stopped: Last checkpoint"]
        await at("2026-11-21T18:01:00+00:00")
        assert whats(happened) == []
        teller("sensor.last_checkpoint", "2026-11-21T18:01:00+00:00")
        await at("2026-11-22T09:00:00+00:00")
        assert whats(happened) == []

    async def test_what_comes_back_is_no_news_and_what_cannot_be_asked_is_told_the_next_day(
        self, hass: HomeAssistant, teller: Callable[..., None], happened: list[BusEvent], at: At
    ) -> None:
        for state in ("unavailable", "on", "unavailable"):
            teller("binary_sensor.problem", state)
            await settle(hass)
        assert whats(happened) == []
        await at("2026-11-21T09:00:00+00:00")
        assert whats(happened) == ["stopped: Problem"]

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-12-16T09:00:00+00:00", []),
            ("2026-12-17T09:00:00+00:00", ["due: Due date, Due time"]),
            ("2026-12-21T09:00:00+00:00", ["due: Due date, Due time"]),
        ],
    )
    async def test_a_payback_is_due(
        self, teller: Callable[..., None], happened: list[BusEvent], at: At, now: str, expected: list[str]
    ) -> None:
        teller("sensor.last_checkpoint", "2026-12-24T11:59:00+00:00")
        await at(now)
        assert whats(happened) == expected

    @pytest.mark.usefixtures("teller")
    async def test_run_by_hand(self, happened: list[BusEvent], trigger_by_hand: Callable[[], Awaitable[None]]) -> None:
        await trigger_by_hand()
        assert whats(happened) == []
