"""The blueprints 'baby monitor', 'movie night' and 'power bank' at work."""

from collections.abc import Awaitable, Callable

from homeassistant.components.scene import DOMAIN as SCENE_DOMAIN
from homeassistant.core import Event as BusEvent, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.steward.protocol.entity import LightState
from custom_components.steward.protocol.node import Status

from ..conftest import until
from .conftest import (
    BATTERY,
    BUTTON,
    GESTURE,
    LAMP,
    LIGHT,
    MAINS,
    MOTION,
    SOUND,
    After,
    Automate,
    Nursery,
    report,
    settle,
    whats,
)

MONITOR = {
    "event_entities": ["event.nursery_sound"],
    "lights": ["light.nursery_light"],
    "notify_entities": ["notify.phone"],
    "message": "Lea is awake.",
    "record_actions": report("record"),
    "quiet_minutes": 2,
}


@pytest.fixture
def messages(hass: HomeAssistant) -> list[ServiceCall]:
    """Return the messages that are sent."""
    return async_mock_service(hass, "notify", "send_message")


class TestBabyMonitor:
    @pytest.mark.parametrize("heard", ["cry", "loud"])
    async def test_what_is_heard_lights_tells_and_records(
        self,
        nursery: Nursery,
        automate: Automate,
        messages: list[ServiceCall],
        happened: list[BusEvent],
        after: After,
        heard: str,
    ) -> None:
        await automate("baby_monitor", **MONITOR)
        await nursery.happen(SOUND, "quiet")
        assert (nursery.told(), messages) == ([], [])
        nursery.send(SOUND, heard)
        await after(seconds=1)
        assert nursery.told() == [("light/light", True)]
        assert [message.data for message in messages] == [{"entity_id": ["notify.phone"], "message": "Lea is awake."}]
        assert whats(happened) == ["record"]
        nursery.send(SOUND, "cry")
        await after(seconds=60)
        assert (nursery.told(), len(messages)) == ([], 1)  # everybody knows
        await after(seconds=60)
        assert nursery.told() == [("light/light", False)]
        nursery.send(SOUND, "cry")
        await after(seconds=121)
        assert nursery.told() == [("light/light", True), ("light/light", False)]
        assert len(messages) == 2

    @pytest.mark.parametrize(
        ("sensors", "motion", "crib", "tells"),
        [
            ([], None, None, True),
            (["binary_sensor.nursery_motion"], True, None, True),
            (["binary_sensor.nursery_motion"], False, None, False),
            (["binary_sensor.nursery_motion"], None, None, True),
            (["binary_sensor.nursery_motion", "binary_sensor.crib"], False, "off", False),
            (["binary_sensor.nursery_motion", "binary_sensor.crib"], False, "on", True),
            (["binary_sensor.nursery_motion", "binary_sensor.crib"], True, "off", True),
            (["binary_sensor.nursery_motion", "binary_sensor.crib"], False, "unavailable", True),
        ],
    )
    async def test_only_while_the_baby_is_there(
        self,
        hass: HomeAssistant,
        nursery: Nursery,
        automate: Automate,
        messages: list[ServiceCall],
        after: After,
        sensors: list[str],
        motion: bool | None,
        crib: str | None,
        tells: bool,
    ) -> None:
        await nursery.be(MOTION, motion)
        hass.states.async_set("binary_sensor.crib", crib or "on")
        await automate("baby_monitor", **MONITOR, presence_sensors=sensors)
        nursery.send(SOUND, "cry")
        await after(minutes=3)
        assert len(messages) == tells
        assert nursery.told() == [("light/light", True), ("light/light", False)] * tells

    async def test_a_phone_that_fails_does_not_leave_the_light_on(
        self, hass: HomeAssistant, nursery: Nursery, automate: Automate, happened: list[BusEvent], after: After
    ) -> None:
        async def fail(call: ServiceCall) -> None:
            raise HomeAssistantError

        hass.services.async_register("notify", "send_message", fail)
        await automate("baby_monitor", **MONITOR)
        nursery.send(SOUND, "cry")
        await after(minutes=3)
        assert nursery.told() == [("light/light", True), ("light/light", False)]
        assert whats(happened) == ["record"]

    async def test_a_node_that_goes_and_comes_back_is_no_cry(
        self, nursery: Nursery, automate: Automate, messages: list[ServiceCall]
    ) -> None:
        await nursery.happen(SOUND, "cry")
        await automate("baby_monitor", **MONITOR)
        await nursery.go_and_come_back()
        assert (nursery.told(), messages) == ([], [])

    async def test_without_lights_and_phones(
        self, hass: HomeAssistant, nursery: Nursery, automate: Automate, after: After, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert await async_setup_component(hass, "notify", {})
        await automate("baby_monitor", event_entities=["event.nursery_sound"])
        nursery.send(SOUND, "cry")
        await after(minutes=6)
        assert nursery.told() == []
        assert hass.states.get("automation.under_test").attributes["current"] == 0
        assert "Error" not in caplog.text


class TestMovieNight:
    @pytest.fixture
    async def house(self, hass: HomeAssistant, nursery: Nursery) -> Nursery:
        """Return the room, with a scene 'Movie' that turns the lamp off and the light low; the fan isn't in it."""
        scene = {
            "name": "Movie",
            "entities": {"switch.nursery_lamp": "off", "light.nursery_light": {"state": "on", "brightness": 20}},
        }
        assert await async_setup_component(hass, SCENE_DOMAIN, {SCENE_DOMAIN: [scene]})
        await hass.async_block_till_done()
        return nursery

    async def begin(self, house: Nursery) -> None:
        """Press the button, and let the room do what the scene says."""
        await house.happen(BUTTON, "press")
        # The first time, Home Assistant has to load what sets a scene's lights.
        await until(lambda: len(house.commands()) >= 2)
        await house.be(LAMP, state=False)
        await house.be(LIGHT, LightState(on=True, brightness=20))

    async def test_a_scene_and_back_as_it_was(self, hass: HomeAssistant, house: Nursery, automate: Automate) -> None:
        inputs = {"event_entities": ["event.nursery_remote"], "event_types": ["press"], "scene": "scene.movie"}
        await automate("movie_night", **inputs)
        for _ in range(2):
            await self.begin(house)
            assert sorted(house.told()) == [("light/light", True), ("switch/lamp", False)]
            await house.happen(GESTURE, "started")
            await house.go_and_come_back()
            assert house.told() == []
            await house.happen(BUTTON, "press")
            assert any('"brightness":80' in payload for _, payload in house.commands())
            assert sorted(house.told()) == [("light/light", True), ("switch/lamp", True)]
            assert hass.states.async_entity_ids("scene") == ["scene.movie"]
            await house.be(LAMP, state=True)
            await house.be(LIGHT, LightState(on=True, brightness=80))

    async def test_something_else_ends_it(self, hass: HomeAssistant, house: Nursery, automate: Automate) -> None:
        hass.states.async_set("media_player.tv", "playing")
        await automate(
            "movie_night",
            event_entities=["event.nursery_remote"],
            event_types=["press"],
            scene="scene.movie",
            also_ends=[{"trigger": "state", "entity_id": "media_player.tv", "to": "off"}],
        )
        await self.begin(house)
        house.told()
        hass.states.async_set("media_player.tv", "off")
        await settle(hass)
        assert sorted(house.told()) == [("light/light", True), ("switch/lamp", True)]

    async def test_a_scene_of_another_system(
        self, hass: HomeAssistant, nursery: Nursery, automate: Automate, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert await async_setup_component(hass, SCENE_DOMAIN, {})
        hass.states.async_set("scene.hue", "unknown")
        await automate(
            "movie_night",
            event_entities=["event.nursery_remote"],
            event_types=["press"],
            scene="scene.hue",
            more_entities=["light.nursery_light"],
            transition=5,
        )
        begun, created, deleted = (async_mock_service(hass, "scene", name) for name in ("turn_on", "create", "delete"))
        await nursery.happen(BUTTON, "press")
        assert created[0].data["snapshot_entities"] == ["light.nursery_light"]
        await nursery.happen(BUTTON, "press")
        before = f"scene.{created[0].data['scene_id']}"
        assert [call.data for call in begun] == [
            {"entity_id": ["scene.hue"], "transition": 5},
            {"entity_id": [before], "transition": 5},
        ]
        assert deleted[0].data["entity_id"] == [before]
        assert "Error" not in caplog.text

    async def test_a_node_that_goes_and_comes_back_begins_no_movie(self, house: Nursery, automate: Automate) -> None:
        await house.happen(BUTTON, "press")
        await automate(
            "movie_night", event_entities=["event.nursery_remote"], event_types=["press"], scene="scene.movie"
        )
        await house.go_and_come_back()
        assert house.told() == []


class TestPowerBank:
    @pytest.fixture
    async def bank(self, nursery: Nursery, automate: Automate) -> Nursery:
        """Return the room, on mains and with a full battery, whose fan goes off when they are lost."""
        await nursery.be(MAINS, state=True)
        await nursery.be(BATTERY, 100)
        await automate(
            "power_bank",
            mains_sensors=["binary_sensor.nursery_mains"],
            lost_actions=[{"action": "switch.turn_off", "target": {"entity_id": "switch.nursery_fan"}}],
            back_actions=[{"action": "switch.turn_on", "target": {"entity_id": "switch.nursery_fan"}}],
            battery_sensors=["sensor.nursery_battery"],
            low_actions=report("low"),
        )
        nursery.told()
        return nursery

    async def test_lost_low_and_back(self, bank: Nursery, happened: list[BusEvent], after: After) -> None:
        await bank.be(MAINS, state=False)
        await after(seconds=4)
        assert bank.told() == []
        await after(seconds=2)
        assert bank.told() == [("switch/fan", False)]
        await bank.be(BATTERY, 19)
        await bank.be(BATTERY, 18)
        assert whats(happened) == ["low"]
        await bank.be(MAINS, state=True)
        await after(seconds=6)
        assert bank.told() == [("switch/fan", True)]

    async def test_a_short_interruption_does_not_count(self, bank: Nursery, after: After) -> None:
        await bank.be(MAINS, state=False)
        await after(seconds=3)
        await bank.be(MAINS, state=True)
        await after(seconds=60)
        assert [told for told in bank.told() if not told[1]] == []

    async def test_a_low_battery_on_mains_is_being_charged(
        self, bank: Nursery, happened: list[BusEvent], after: After
    ) -> None:
        await bank.be(BATTERY, 10)
        await after(seconds=60)
        assert whats(happened) == []

    async def test_a_node_that_goes_and_comes_back_on_mains(
        self, bank: Nursery, happened: list[BusEvent], after: After
    ) -> None:
        await bank.go_and_come_back()
        await after(seconds=60)
        assert (bank.told(), whats(happened)) == ([], [])

    async def test_mains_lost_while_the_node_was_away(self, bank: Nursery, after: After) -> None:
        await bank.status(Status.OFFLINE)
        await bank.be(MAINS, state=False)
        await bank.status(Status.ONLINE)
        await after(seconds=6)
        assert bank.told() == [("switch/fan", False)]

    async def test_what_it_says_by_itself(
        self, hass: HomeAssistant, nursery: Nursery, automate: Automate, after: After
    ) -> None:
        said = async_mock_service(hass, "persistent_notification", "create")
        await nursery.be(MAINS, state=True)
        await automate("power_bank", mains_sensors=["binary_sensor.nursery_mains"])
        await nursery.be(MAINS, state=False)
        await after(seconds=6)
        await nursery.be(MAINS, state=True)
        await after(seconds=6)
        assert [call.data["message"] for call in said] == [
            "Without mains: Nursery Mains",
            "With mains again: Nursery Mains",
        ]

    @pytest.mark.usefixtures("bank")
    async def test_run_by_hand(self, trigger_by_hand: Callable[[], Awaitable[None]]) -> None:
        await trigger_by_hand()
