"""Rulebooks: what nodes are handed as automations, registries and nodes change, and what Home Assistant answers about it."""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from unittest.mock import patch

from homeassistant.components.mqtt.const import MQTT_CONNECTION_STATE
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import area_registry as ar, entity_registry as er, label_registry as lr
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import flush_store
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry

from custom_components.steward.const import DOMAIN
from custom_components.steward.dispatch import (
    Dispatcher,
    async_get_dispatcher,
    automations as automations_module,
    rulebooks as rulebooks_module,
)
from custom_components.steward.dispatch.acks import Standing
from custom_components.steward.dispatch.automations import Automation
from custom_components.steward.dispatch.compile import Compiled, compile_automation
from custom_components.steward.dispatch.lookup import Questions
from custom_components.steward.dispatch.shelf import Shelf
from custom_components.steward.protocol.entity import EventInfo, LightInfo, SwitchInfo
from custom_components.steward.protocol.fields import dump
from custom_components.steward.protocol.node import NodeInfo
from custom_components.steward.protocol.rules import Rulebook

from .conftest import INFO, INSTANCE, OTHER_INSTANCE, Node, area_entry, until

NURSERY = NodeInfo(
    instance=OTHER_INSTANCE,
    name="Nursery",
    capabilities=("commands", "rules"),
    entities=(EventInfo(key="cry", name="Cry", event_types=("began",)), SwitchInfo(key="fan", name="Fan")),
)
PORCH_INSTANCE = "01CRZ3NDEKTSV4RRFFQ69G5FAV"
PORCH = NodeInfo(instance=PORCH_INSTANCE, name="Porch", entities=(LightInfo(key="lamp", name="Lamp"),))
"""A node that can't run rules, as those of ESPHome."""
KITCHEN = NodeInfo(instance=INSTANCE, name="Kitchen", capabilities=("commands", "rules"), entities=INFO.entities)

GESTURE = {
    "trigger": "event.received",
    "target": {"entity_id": "event.kitchen_gesture"},
    "options": {"event_type": ["started"]},
}


def turn_on(*entity_ids: str) -> dict[str, Any]:
    return {"action": "homeassistant.turn_on", "target": {"entity_id": [*entity_ids]}}


def automation(name: str, *actions: dict[str, Any], opted_in: bool = True, **more: Any) -> dict[str, Any]:
    """Return an automation's configuration, with which a gesture in the kitchen does something."""
    variables = {"steward_keep_running": opted_in}
    return {"id": name, "alias": name, "variables": variables, "triggers": GESTURE, "actions": [*actions], **more}


LIGHT = turn_on("light.kitchen_light")
BOTH = turn_on("light.kitchen_light", "switch.nursery_fan")


class Broker:
    """What is on the broker for the nodes."""

    def __init__(self, mqtt_mock: Any) -> None:
        self._mqtt = mqtt_mock

    def published(self, node: str) -> list[bytes]:
        topic = f"steward/{node}/rules"
        calls = [call.args for call in self._mqtt.async_publish.call_args_list]
        assert all(qos == 1 and retain for name, _, qos, retain, *_ in calls if name == topic)
        return [payload for name, payload, *_ in calls if name == topic]

    def rulebook(self, node: str) -> Rulebook | None:
        latest = next(reversed(self.published(node)), b"")
        return Rulebook.decode(latest) if latest else None

    def rules(self, node: str) -> list[str]:
        rulebook = self.rulebook(node)
        return [rule.id.removeprefix("automation.") for rule in rulebook.rules] if rulebook else []


async def until_within(condition: Callable[[], object], seconds: float = 3) -> None:
    """Let the event loop run until a condition holds, or fail."""
    async with asyncio.timeout(seconds):
        await until(condition)


async def add(hass: HomeAssistant, name: str, info: NodeInfo) -> Node:
    """Add a node."""
    entry = area_entry(hass, name, info.instance)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    node = Node(hass, name)
    await node.come(info)
    return node


async def write(hass: HomeAssistant, *automations: dict[str, Any], only: str | None = None) -> None:
    """Write down all automations, and let Home Assistant read them, or one of them, as its editor does."""
    with patch("homeassistant.config.load_yaml_config_file", return_value={"automation": deepcopy([*automations])}):
        await hass.services.async_call("automation", "reload", {"id": only} if only else {}, blocking=True)
    await hass.async_block_till_done()


@pytest.fixture
async def broker(hass: HomeAssistant, mqtt_mock: Any) -> Broker:
    """Return the broker of a house with a kitchen and a nursery."""
    assert await async_setup_component(hass, "automation", {})
    await add(hass, "kitchen", KITCHEN)
    await add(hass, "nursery", NURSERY)
    broker = Broker(mqtt_mock)
    await until_within(lambda: broker.rulebook("kitchen") and broker.rulebook("nursery"))
    return broker


@pytest.fixture
def dispatcher(hass: HomeAssistant, broker: Broker) -> Dispatcher:
    return async_get_dispatcher(hass)


async def test_handed_out(hass: HomeAssistant, broker: Broker) -> None:
    assert broker.rules("kitchen") == []
    await write(hass, automation("one", LIGHT), automation("not", LIGHT, opted_in=False), automation("two", BOTH))
    await until_within(lambda: broker.rules("kitchen") == ["one", "two"] and broker.rules("nursery") == ["two"])
    rulebook = broker.rulebook("kitchen")
    assert rulebook.zone == "US/Pacific"
    assert [rule.targets() for rule in rulebook.rules] == [{"kitchen/light/light"}] * 2
    assert [rule.targets() for rule in broker.rulebook("nursery").rules] == [{"nursery/switch/fan"}]


async def test_edited_renamed_deleted(hass: HomeAssistant, broker: Broker) -> None:
    await write(hass, automation("one", LIGHT), automation("two", LIGHT))
    await until_within(lambda: broker.rules("kitchen") == ["one", "two"])
    first = broker.rulebook("kitchen").version
    count = len(broker.published("kitchen"))

    edited = automation("one", LIGHT, {"delay": 5})
    await write(hass, edited, automation("two", LIGHT), only="one")
    await until_within(lambda: broker.rulebook("kitchen").version > first)
    assert len(broker.published("kitchen")) == count + 1, "no rulebook in between lacks the rule"
    assert sorted(broker.rules("kitchen")) == ["one", "two"]
    assert [len(rule.actions) for rule in broker.rulebook("kitchen").rules if rule.id == "automation.one"] == [2]

    er.async_get(hass).async_update_entity("automation.one", new_entity_id="automation.uno")
    await until_within(lambda: sorted(broker.rules("kitchen")) == ["two", "uno"])

    er.async_get(hass).async_remove("automation.uno")
    await until_within(lambda: broker.rules("kitchen") == ["two"])

    await write(hass)
    await until_within(lambda: broker.rules("kitchen") == [])


async def test_switched_off_and_on(hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher) -> None:
    await write(hass, automation("one", LIGHT))
    await until_within(lambda: broker.rules("kitchen") == ["one"])
    rulebooks = dispatcher.rulebooks
    assert rulebooks.standing("automation.one") is Standing.READY
    assert list(rulebooks.nodes("automation.one")) == ["kitchen"]
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.one"}, blocking=True)
    await until_within(lambda: broker.rules("kitchen") == [])
    assert rulebooks.standing("automation.one") is Standing.OFF
    assert [rule.id for rule in rulebooks.rules()] == ["automation.one"], "it can still decline"
    assert rulebooks.compiled["automation.one"].rule
    assert rulebooks.explain()[0].text == "switched off, else on Kitchen"
    await hass.services.async_call("automation", "turn_on", {"entity_id": "automation.one"}, blocking=True)
    await until_within(lambda: broker.rules("kitchen") == ["one"])
    assert rulebooks.standing("automation.other") is None
    assert list(rulebooks.nodes("automation.other")) == []


async def test_opted_in_by_label(hass: HomeAssistant, broker: Broker) -> None:
    await write(hass, automation("one", LIGHT, opted_in=False))
    label = lr.async_get(hass).async_create("Steward")
    registry = er.async_get(hass)
    registry.async_update_entity("automation.one", labels={label.label_id})
    await until_within(lambda: broker.rules("kitchen") == ["one"])
    registry.async_update_entity("automation.one", labels=set())
    await until_within(lambda: broker.rules("kitchen") == [])


async def test_follows_the_registries(hass: HomeAssistant, broker: Broker) -> None:
    area = ar.async_get(hass).async_create("Cellar")
    await write(hass, automation("one", {"action": "light.turn_on", "target": {"area_id": area.id}}))
    await asyncio.sleep(0.1)
    assert broker.rules("kitchen") == []
    registry = er.async_get(hass)
    registry.async_update_entity("light.kitchen_light", area_id=area.id)
    await until_within(lambda: broker.rules("kitchen") == ["one"])
    registry.async_update_entity("light.kitchen_light", disabled_by=er.RegistryEntryDisabler.USER)
    await until_within(lambda: broker.rules("kitchen") == [])


async def test_blocked(hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher) -> None:
    await write(hass, automation("one", BOTH), automation("two", LIGHT))
    await until_within(lambda: broker.rules("kitchen") == ["one", "two"] and broker.rules("nursery") == ["one"])
    await dispatcher.blocklist.async_block("nursery")
    await until_within(lambda: broker.rules("nursery") == [])
    assert broker.rules("kitchen") == ["one", "two"]
    left = dispatcher.rulebooks.explain()[0].left_to_hub
    assert left == ("calls switch.turn_on for switch.nursery_fan, and Nursery is blocked",)
    await dispatcher.blocklist.async_block("kitchen")
    await until_within(lambda: broker.rules("kitchen") == [])
    await dispatcher.blocklist.async_unblock("kitchen")
    await dispatcher.blocklist.async_unblock("nursery")
    await until_within(lambda: broker.rules("kitchen") == ["one", "two"] and broker.rules("nursery") == ["one"])


async def test_blocked_while_it_compiles(hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher) -> None:
    def compile_and_block(*args: Any) -> Compiled:
        compiled = compile_automation(*args)
        hass.async_create_task(dispatcher.blocklist.async_block("nursery"))
        return compiled

    with patch.object(rulebooks_module, "compile_automation", compile_and_block):
        await write(hass, automation("bath", BOTH), automation("bed", LIGHT))
        await until_within(lambda: broker.rules("kitchen") == ["bath", "bed"])
    assert "switch.nursery_fan" in dispatcher.rulebooks.compiled["automation.bath"].left[0]
    assert {len(Rulebook.decode(book).rules) for book in broker.published("nursery")} == {0}


async def test_delegates(hass: HomeAssistant, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulebooks_module, "ABSENT_SECONDS", 0.1)
    await add(hass, "porch", PORCH)
    await write(hass, automation("one", turn_on("light.porch_lamp")))
    await until_within(lambda: broker.rules("kitchen") == ["one"])
    assert broker.rulebook("kitchen").rules[0].targets() == {"porch/light/lamp"}
    assert broker.published("porch") == []
    await Node(hass, "kitchen").say("status", "offline")
    await until_within(lambda: broker.rules("nursery") == ["one"] and broker.rules("kitchen") == [])
    await Node(hass, "kitchen").say("status", "online")
    await asyncio.sleep(0.2)
    assert broker.rules("nursery") == ["one"], "it stays where it is"


async def test_nobody_to_delegate_to(hass: HomeAssistant, mqtt_mock: Any) -> None:
    assert await async_setup_component(hass, "automation", {})
    await add(hass, "kitchen", INFO)
    await write(hass, automation("one", LIGHT))
    rulebooks = async_get_dispatcher(hass).rulebooks
    reason = "only on the hub: Kitchen can't run rules, and there is no other node that can"
    await until_within(lambda: [each.text for each in rulebooks.explain()] == [reason])
    assert rulebooks.counts("kitchen") == rulebooks_module.Counts(0, 1)


async def test_a_node_that_is_reloaded_keeps_its_rules(hass: HomeAssistant, broker: Broker) -> None:
    await write(hass, automation("one", BOTH))
    await until_within(lambda: broker.rules("nursery") == ["one"])
    kitchen, nursery = len(broker.published("kitchen")), len(broker.published("nursery"))
    version = broker.rulebook("nursery").version
    entry = next(entry for entry in hass.config_entries.async_entries(DOMAIN) if entry.unique_id == "nursery")
    await hass.config_entries.async_reload(entry.entry_id)
    await Node(hass, "nursery").come(NURSERY)
    await until_within(lambda: len(broker.published("nursery")) > nursery)
    assert broker.rulebook("nursery").version == version
    assert broker.rules("nursery") == ["one"]
    assert len(broker.published("kitchen")) == kitchen


async def test_a_node_that_is_removed(hass: HomeAssistant, broker: Broker) -> None:
    await write(hass, automation("one", BOTH))
    await until_within(lambda: broker.rules("nursery") == ["one"])
    entry = next(entry for entry in hass.config_entries.async_entries(DOMAIN) if entry.unique_id == "nursery")
    await hass.config_entries.async_remove(entry.entry_id)
    await until_within(lambda: broker.published("nursery")[-1] == b"")
    await asyncio.sleep(0.1)
    assert broker.published("nursery")[-1] == b""
    assert broker.rules("kitchen") == ["one"]
    await add(hass, "nursery", NURSERY)
    await until_within(lambda: broker.rules("nursery") == ["one"])


async def test_again_after_a_break_of_the_connection(hass: HomeAssistant, broker: Broker) -> None:
    before = broker.published("kitchen")
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, False)
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, True)
    await until_within(lambda: len(broker.published("kitchen")) > len(before))
    assert broker.published("kitchen")[-1] == before[-1]


async def test_no_more_than_fits(hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher) -> None:
    many = [turn_on("light.kitchen_light")] * 250
    await write(hass, *(automation(f"a{index}", *many) for index in range(20)))
    await until_within(lambda: broker.rules("kitchen"), 10)
    fitting = broker.rules("kitchen")
    assert fitting == [f"a{index}" for index in range(len(fitting))]
    assert len(fitting) < 20
    assert dispatcher.rulebooks.compiled["automation.a19"].reason == "there is no room left for it on its nodes"
    assert dispatcher.rulebooks.counts("kitchen") == rulebooks_module.Counts(len(fitting), 20 - len(fitting))


async def test_queued_on_several_nodes(hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher) -> None:
    await write(hass, automation("one", BOTH, mode="queued"), automation("two", LIGHT, mode="queued"))
    await until_within(lambda: broker.rules("kitchen") == ["two"])
    assert dispatcher.rulebooks.explain()[0].only_on_hub == (
        "runs are queued, and its targets are of several nodes (Kitchen, Nursery)"
    )


async def test_an_automation_that_home_assistant_refuses(
    hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    await write(hass, automation("one", {"action": "nonsense"}), automation("two", LIGHT))
    await until_within(lambda: broker.rules("kitchen") == ["two"])
    assert dispatcher.rulebooks.explain()[0].only_on_hub == "Home Assistant can't use it"
    caplog.clear()


async def test_explain(hass: HomeAssistant, broker: Broker) -> None:
    notify = {"action": "notify.notify", "data": {"message": "!"}}
    await write(
        hass,
        automation("one", BOTH, notify),
        automation("two", LIGHT, conditions=[{"condition": "template", "value_template": "{{ true }}"}]),
        automation("three", LIGHT, opted_in=False),
    )
    await until_within(lambda: broker.rules("nursery") == ["one"])

    async def explain(**data: Any) -> dict[str, Any]:
        answer = await hass.services.async_call(DOMAIN, "explain_rules", data, blocking=True, return_response=True)
        return answer["automations"]

    explained = await explain()
    assert explained["automation.one"] == {
        "name": "one",
        "enabled": True,
        "opted_in": True,
        "runs_on": ["Kitchen", "Nursery"],
        "left_to_hub": ["calls notify.notify"],
        "only_on_hub": None,
        "text": "runs on Kitchen, Nursery; left to the hub: calls notify.notify",
    }
    assert explained["automation.two"]["text"] == "only on the hub: uses a template"
    assert explained["automation.three"]["text"] == "only on the hub: nobody has asked for it to run elsewhere"
    assert list(await explain(entity_id="automation.two")) == ["automation.two"]


async def test_diagnostics_and_counts(
    hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher, hass_client: Any
) -> None:
    changes: list[None] = []
    stop = dispatcher.rulebooks.async_listen(lambda: changes.append(None))
    condition = {"condition": "state", "entity_id": "sun.sun", "state": "above_horizon"}
    notify = {"action": "notify.notify"}
    await write(hass, automation("one", LIGHT, notify), automation("two", LIGHT, conditions=[condition]))
    await until_within(lambda: broker.rules("kitchen") == ["one"] and changes)
    stop()
    assert dispatcher.rulebooks.counts("kitchen") == rulebooks_module.Counts(1, 1)
    assert dispatcher.rulebooks.counts("nursery") == rulebooks_module.Counts(0, 0)
    entry = next(entry for entry in hass.config_entries.async_entries(DOMAIN) if entry.unique_id == "kitchen")
    shown = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert shown["rules"] == {
        "version": broker.rulebook("kitchen").version,
        "rules": ["automation.one"],
        "left_to_hub": {"automation.one": ["calls notify.notify"]},
        "only_on_hub": {"automation.two": "asks for sun.sun, which isn't Steward's"},
    }


async def test_fast_and_in_slices(hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher) -> None:
    house = [
        automation(
            f"a{index}",
            BOTH if index % 10 == 0 else LIGHT,
            {"delay": {"minutes": 5}},
            {"action": "light.turn_off", "target": {"entity_id": "light.kitchen_light"}},
            conditions=[{"condition": "time", "after": "20:00:00", "before": "06:00:00"}],
            mode="restart",
        )
        for index in range(400)
    ]
    await write(hass, *house)
    await until_within(lambda: len(broker.rules("kitchen")) == 400, 20)
    hass.loop.set_debug(False)
    compiles = 0

    def count(*args: Any) -> Any:
        nonlocal compiles
        compiles += 1
        return compile_automation(*args)

    with patch.object(rulebooks_module, "compile_automation", count):
        house[7] = automation("a7", LIGHT)
        begin = hass.loop.time()
        await write(hass, *house, only="a7")
        await until_within(lambda: len(broker.rulebook("kitchen").rules[-1].actions) == 1)
        assert hass.loop.time() - begin < 2, "an edit doesn't take long, on a slow machine either"
    assert compiles == 1, "only what changed is compiled"


async def test_what_goes_wrong_with_one_costs_only_it(
    hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_for_one(hass: HomeAssistant, automation: Automation, *args: Any) -> Compiled:
        if automation.name == "one":
            raise KeyError
        return compile_automation(hass, automation, *args)

    with patch.object(rulebooks_module, "compile_automation", fail_for_one):
        await write(hass, automation("one", LIGHT), automation("two", LIGHT))
        await until_within(lambda: broker.rules("kitchen") == ["two"])
    assert caplog.text.count("automation.one can't be compiled") == 1
    assert dispatcher.rulebooks.explain()[0].only_on_hub == "it can't be understood; the log has the details"
    caplog.clear()


async def test_nothing_is_handed_out_before_it_is_known_what_there_is(
    hass: HomeAssistant, mqtt_mock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulebooks_module, "STARTING_SECONDS", 0.01)
    hass.set_state(CoreState.starting)
    assert await async_setup_component(hass, "automation", {})
    broker = Broker(mqtt_mock)
    await add(hass, "kitchen", KITCHEN)
    await write(hass, automation("one", LIGHT))
    rulebooks = async_get_dispatcher(hass).rulebooks
    await until_within(rulebooks.rules)
    assert broker.published("kitchen") == []

    entry = area_entry(hass, "nursery", NURSERY.instance)
    await hass.config_entries.async_setup(entry.entry_id)
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await asyncio.sleep(0.1)
    assert broker.published("kitchen") == [], "the nursery hasn't said what it is"
    monkeypatch.setattr(rulebooks_module, "INFO_SECONDS", 0)
    er.async_get(hass).async_update_entity("light.kitchen_light", name="Renamed")
    await until_within(lambda: broker.rules("kitchen") == ["one"])


async def test_nothing_is_handed_out_that_was_compiled_half_before_and_half_after_a_change(
    hass: HomeAssistant, broker: Broker
) -> None:
    house = [automation(name, BOTH) for name in "abcdef"]
    names: list[str] = []

    def change(hass: HomeAssistant, automation: Automation, *args: Any) -> Compiled:
        compiled = compile_automation(hass, automation, *args)
        names.append(automation.name)
        if len(names) == len(house) // 2:
            by = er.RegistryEntryDisabler.USER
            er.async_get(hass).async_update_entity("switch.nursery_fan", disabled_by=by)
        return compiled

    with patch.object(rulebooks_module, "compile_automation", change):
        await write(hass, *house)
        await until_within(lambda: len(broker.rules("kitchen")) == len(house))
    assert len(names) == len(house) + len(house) // 2, "what was compiled after the change isn't compiled again"
    assert {len(Rulebook.decode(book).rules) for book in broker.published("nursery")} == {0}


async def test_handed_out_at_last_though_something_changes_all_the_time(
    hass: HomeAssistant, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulebooks_module, "UNSETTLED_SECONDS", 0.2)
    times = 0

    def change(hass: HomeAssistant, *args: Any) -> Compiled:
        nonlocal times
        times += 1
        ar.async_get(hass).async_get_or_create(f"Room {times}")
        return compile_automation(hass, *args)

    with (
        patch.object(rulebooks_module, "compile_automation", change),
        patch.object(Questions, "still_true", lambda _: False),
    ):
        await write(hass, automation("one", LIGHT))
        await until_within(lambda: broker.rules("kitchen") == ["one"])
    assert times > 2


async def test_the_same_version_after_a_restart(
    hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher, hass_storage: Any
) -> None:
    await write(hass, automation("one", LIGHT))
    await until_within(lambda: broker.rules("kitchen") == ["one"])
    rulebook = broker.rulebook("kitchen")
    await flush_store(dispatcher.rulebooks._shelf._store)
    assert hass_storage["steward.rulebooks"]["data"]["kitchen"]["version"] == rulebook.version
    shelf = Shelf(hass)
    await shelf.async_load()
    await shelf.async_put("kitchen", rulebook.zone, tuple(dump(rule.encode()) for rule in rulebook.rules))
    assert broker.rulebook("kitchen") == rulebook
    assert len(broker.published("kitchen")) == 3
    await shelf.async_put("kitchen", rulebook.zone, ())
    assert broker.rulebook("kitchen").version > rulebook.version


async def test_an_automation_that_cannot_be_checked_costs_only_itself(
    hass: HomeAssistant, broker: Broker, dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    real = automations_module.async_validate_config_item

    async def validate(hass: HomeAssistant, key: str, config: dict[str, Any]) -> Any:
        if config["alias"] == "two":
            raise RuntimeError
        return await real(hass, key, config)

    with patch.object(automations_module, "async_validate_config_item", validate):
        await write(hass, automation("one", BOTH), automation("two", BOTH), automation("three", BOTH))
        await until_within(lambda: broker.rules("kitchen") == ["one", "three"])
    assert dispatcher.rulebooks.compiled["automation.two"].reason == "Home Assistant can't use it"
    assert "automation.two can't be checked" in caplog.text
    caplog.clear()


async def test_nothing_is_handed_out_in_the_middle_of_a_reload(hass: HomeAssistant, broker: Broker) -> None:
    await write(hass, automation("one", BOTH), automation("two", BOTH))
    await until_within(lambda: broker.rules("kitchen") == ["one", "two"])
    before = len(broker.published("kitchen"))
    real = automations_module.listed
    with patch.object(automations_module, "listed", lambda hass: [*real(hass)][:1]):
        hass.bus.async_fire("call_service", {"domain": "automation", "service": "reload"})
        er.async_get(hass).async_update_entity("automation.one", icon="mdi:bell")
        hass.states.async_set("automation.two", "off")
        await asyncio.sleep(0.2)  # nothing comes
        assert len(broker.published("kitchen")) == before
    await write(hass, automation("one", BOTH))
    await until_within(lambda: broker.rules("kitchen") == ["one"])
