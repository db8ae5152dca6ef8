"""What a user does after the first start: adds the broker and the rooms, automations from blueprints, a dashboard.

What an earlier run did, and what its user changed, is found and left as it is.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from steward_house.protocol.node import NodeInfo

from .books import add_books, entities_of_books
from .broker import Broker
from .client import Client, Device
from .dashboard import DASHBOARD, Card, Names, dashboard
from .house import House
from .observer import Observer
from .process import LOOPBACK, DemoError, say
from .rooms import LIVING_ROOM, NURSERY, Room

DOMAIN: Final = "steward"
ON: Final = "steward_demo_gesture"
OFF: Final = "steward_demo_lights_off"
"""The automations' ids."""
START_SECONDS: Final = 90
DISCOVERY_SECONDS: Final = 30
ENTITY_SECONDS: Final = 20
LIGHT_SECONDS: Final = 10


async def furnish(house: House, client: Client, observer: Observer) -> Names:
    """Make Home Assistant the house that was planned, without the rooms that its user ignores; return its entities."""
    await add_broker(client, house.broker)
    rooms = await _wanted(client, house.plan.rooms)
    infos = await observer.wait_for_infos([room.node for room in rooms])
    added = await add_rooms(client, rooms)
    await _wait_for_entities(client, infos)
    await _draw_icons(client, added)
    names = await entities_of(client, rooms)
    books = {}
    if house.plan.solar:
        home = house.plan.folder / "homeassistant"
        house.books = await add_books(client, house.witness, house.plan.folder / "creditor", home)
        books = await entities_of_books(client, house.books.entry_id)
    if not await _has_dashboard(client):
        await _add_automations(client, names)
        await _darken(client, names)
        # Last: it tells the next start that everything is done.
        await _add_dashboard(client, dashboard(rooms, names, house.plan.day, books))
    await remove_guests(client)
    return names


async def entities_of(client: Client, rooms: Sequence[Room]) -> Names:
    """Return the ids of the enabled entities of these rooms, by room and `<platform>/<key>`, or `hub/<key>`."""
    entities = [entity for entity in await client.entities() if entity.integration == DOMAIN and entity.enabled]
    return {
        room.node: {
            entity.unique_id.removeprefix(f"{room.node}/"): entity.entity_id
            for entity in entities
            if entity.unique_id.startswith(f"{room.node}/")
        }
        for room in rooms
    }


async def add_broker(client: Client, broker: Broker) -> None:
    """Add the MQTT integration when Home Assistant has finished its start, or tell it where the broker is now."""
    await _running(client)
    answers: dict[str, Any] = {"broker": LOOPBACK, "port": broker.port, "protocol": broker.kind.protocol}
    entry = next((entry for entry in await client.entries() if entry.domain == "mqtt"), None)
    if entry is None:
        say("adding the MQTT integration")
        flow = await client.start_flow("mqtt")
    else:
        flow = await client.start_flow("mqtt", entry_id=entry.entry_id)
        if {name: flow.suggested.get(name) for name in answers} == answers:
            await client.delete(f"/api/config/config_entries/flow/{flow.flow_id}")
            return
        say("telling Home Assistant the broker's new place")
    security = {"set_client_cert": False, "set_ca_cert": "off", "transport": "tcp"}
    flow = await client.continue_flow(flow.flow_id, {**answers, "other_settings": security})
    if flow.kind != "create_entry" and flow.reason != "reconfigure_successful":
        message = f"Home Assistant does not take the broker: {flow.errors or flow.reason}"
        raise DemoError(message)


async def _wanted(client: Client, rooms: Sequence[Room]) -> list[Room]:
    """Return the rooms that the user doesn't ignore: such an entry has the name of what was discovered as its title."""
    ignored = {entry.title for entry in await client.entries() if (entry.domain, entry.source) == (DOMAIN, "ignore")}
    return [room for room in rooms if room.name not in ignored]


async def add_rooms(client: Client, rooms: Sequence[Room]) -> list[Room]:
    """Confirm the discovered rooms that are no devices yet; return these when all are."""
    wanted = {room.node for room in rooms}
    added: set[str] = set()
    flows: dict[str, str] = {}
    changed = asyncio.Event()

    def discovered(changes: list[dict[str, Any]]) -> None:
        for change in changes:
            if change["type"] != "removed" and change["flow"]["handler"] == DOMAIN:
                flows[change["flow"]["context"]["unique_id"]] = change["flow_id"]
        changed.set()

    await client.subscribe("config_entries/flow/subscribe", discovered)
    await client.subscribe("subscribe_events", lambda _: changed.set(), event_type="device_registry_updated")
    try:
        async with asyncio.timeout(DISCOVERY_SECONDS):
            while missing := wanted - {node for device in await client.devices() for node in _nodes(device)}:
                for node in missing & flows.keys():
                    say(f"adding {node}")
                    await client.continue_flow(flows.pop(node), {})
                    added.add(node)
                await changed.wait()
                changed.clear()
    except TimeoutError:
        message = f"Home Assistant does not discover {', '.join(sorted(missing))}"
        raise DemoError(message) from None
    return [room for room in rooms if room.node in added]


async def _running(client: Client) -> None:
    """Wait until Home Assistant has finished its start."""
    started = asyncio.Event()
    await client.subscribe("subscribe_events", lambda _: started.set(), event_type="homeassistant_started")
    if (await client.call("get_config"))["state"] == "RUNNING":
        return
    try:
        async with asyncio.timeout(START_SECONDS):
            await started.wait()
    except TimeoutError:
        message = f"Home Assistant did not finish its start in {START_SECONDS} s"
        raise DemoError(message) from None


async def _wait_for_entities(client: Client, infos: Mapping[str, NodeInfo]) -> None:
    """Wait until everything that the nodes declare is in the entity registry."""
    updated = asyncio.Event()
    await client.subscribe("subscribe_events", lambda _: updated.set(), event_type="entity_registry_updated")
    declared = {f"{node}/{entity.platform}/{entity.key}" for node, info in infos.items() for entity in info.entities}
    missing = declared
    try:
        async with asyncio.timeout(ENTITY_SECONDS):
            while missing := declared - {
                entity.unique_id for entity in await client.entities() if entity.integration == DOMAIN
            }:
                await updated.wait()
                updated.clear()
    except TimeoutError:
        message = f"Home Assistant does not have {', '.join(sorted(missing))}"
        raise DemoError(message) from None


async def _draw_icons(client: Client, rooms: Sequence[Room]) -> None:
    """Give the areas of rooms, which their nodes have suggested, icons where they have none."""
    areas = {area["area_id"]: area for area in await client.call("config/area_registry/list")}
    devices = {node: device for device in await client.devices() for node in _nodes(device)}
    for room in rooms:
        area = areas.get(devices[room.node].area_id)
        if area and area["icon"] is None:
            await client.call("config/area_registry/update", area_id=area["area_id"], icon=room.icon)


async def _add_automations(client: Client, names: Names) -> None:
    """Install the blueprints; let a gesture in the nursery turn the living room's light on, and one in the living room off."""
    await client.action("steward.install_blueprints", {}, response=True)
    there, here = names.get(NURSERY.node, {}), names.get(LIVING_ROOM.node, {})
    light = here.get("light/light")
    if light and (gesture := there.get("event/gesture")):
        # Nothing that only Home Assistant could do, such as a template: the living room's node goes on with it alone.
        action = {"action": "light.turn_on", "target": {"entity_id": light}, "data": {"brightness_pct": 60}}
        await _add_automation(
            client,
            ON,
            "Nursery gesture → living room light",
            "Wave a hand over the nursery's light, and the living room's goes on.",
            blueprint="event_to_action",
            answers={"event_entities": [gesture], "event_types": ["started"], "actions": [action]},
        )
    if light and (gesture := here.get("event/gesture")):
        # Not before the hand leaves: until then the light follows it.
        left = {"trigger": "event.received", "target": {"entity_id": gesture}, "options": {"event_type": ["ended"]}}
        await _add_automation(
            client,
            OFF,
            "Living room gesture → light off",
            "Wave a hand over the living room's light, and it goes off when the hand leaves.",
            blueprint="lights_off",
            answers={"lights": [light], "when": [left]},
        )


async def _add_automation(
    client: Client, automation: str, alias: str, description: str, *, blueprint: str, answers: Mapping[str, Any]
) -> None:
    path = f"/api/config/automation/config/{automation}"
    if not await client.exists(path):
        use = {"path": f"{DOMAIN}/{blueprint}.yaml", "input": answers}
        await client.post(path, {"alias": alias, "description": description, "use_blueprint": use})


async def _darken(client: Client, names: Names) -> None:
    """Turn the living room's light off, so that a gesture in the nursery shows; lights begin as lit."""
    light = names.get(LIVING_ROOM.node, {}).get("light/light")
    if light is None:
        return
    # An action leaves out what is unavailable, without a word.
    await _wait_for_light(client, light, {"on", "off"})
    await client.action("light.turn_off", {"entity_id": light})
    await _wait_for_light(client, light, {"off"})


async def _wait_for_light(client: Client, light: str, states: Collection[str]) -> None:
    what = " or ".join(sorted(states))
    await client.states.wait(lambda: client.states.of(light) in states, lambda: f"{light} to be {what}", LIGHT_SECONDS)


async def _has_dashboard(client: Client) -> bool:
    return DASHBOARD in {board["url_path"] for board in await client.call("lovelace/dashboards/list")}


async def _add_dashboard(client: Client, config: Card) -> None:
    """Make the dashboard, and let it be what a user sees first."""
    await client.call(
        "lovelace/dashboards/create", url_path=DASHBOARD, title="House", icon="mdi:home-heart", mode="storage"
    )
    await client.call("lovelace/config/save", url_path=DASHBOARD, config=config)
    await client.call("frontend/set_system_data", key="core", value={"default_panel": DASHBOARD})


async def remove_guests(client: Client) -> None:
    """Remove what Home Assistant's welcome adds: weather, radio and speech need the internet."""
    for entry in await client.entries():
        if entry.source == "onboarding":
            await client.delete(f"/api/config/config_entries/entry/{entry.entry_id}")


def _nodes(device: Device) -> list[str]:
    """Return the ids of the nodes that a device is: one, or none."""
    return [identifier for integration, identifier in device.identifiers if integration == DOMAIN]
