"""A house's programs, started by the demo's own code."""

import asyncio
import os
from pathlib import Path
import signal
from typing import Any

import aiohttp
import pytest

from demo.broker import Kind
from demo.client import Client, Device
from demo.dashboard import DASHBOARD
from demo.furnish import add_broker, furnish
from demo.house import Plan, reset, running, visiting
from demo.process import DemoError, free_port
from demo.rooms import KITCHEN, LIVING_ROOM, NURSERY

pytestmark = pytest.mark.timeout(240)


async def restart(client: Client) -> None:
    """Ask for a restart, and wait for it."""
    await client.action("homeassistant.restart", {})
    await be_lost(client)


async def be_lost(client: Client) -> None:
    """Go on asking for something until the connection is lost, which raises."""
    while True:
        await client.call("get_config")


async def test_restart_of_home_assistant_by_its_user_is_followed(tmp_path: Path) -> None:
    plan = Plan(folder=tmp_path / "house", port=free_port(), broker=Kind.MOSQUITTO, rooms=())
    async with running(plan) as house:
        async with visiting(house) as (client, _):
            await add_broker(client, house.broker)
            with pytest.raises((DemoError, aiohttp.ClientError), match="clos"):
                await restart(client)
        async with visiting(house) as (client, _):
            await add_broker(client, house.broker)
        assert await house.stop() == []


async def test_home_assistant_comes_back_when_its_user_has_killed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.homeassistant.AWAY_SECONDS", 1)
    plan = Plan(folder=tmp_path / "house", port=free_port(), broker=Kind.MOSQUITTO, rooms=())
    async with running(plan) as house:
        async with visiting(house) as (client, _):
            await add_broker(client, house.broker)
            killed = house.home_assistant.pid
            os.kill(killed, signal.SIGKILL)
            with pytest.raises((DemoError, aiohttp.ClientError), match="clos"):
                await be_lost(client)
        async with visiting(house) as (client, _):
            assert house.home_assistant.pid != killed
            await add_broker(client, house.broker)
        assert await house.stop() == []


async def test_folder_serves_one_demo_at_a_time(tmp_path: Path) -> None:
    plan = Plan(folder=tmp_path / "house", port=free_port(), broker=Kind.AMQTT, rooms=())
    async with running(plan):
        with pytest.raises(DemoError, match="another demo is running"):
            async with running(plan):
                pass
        with pytest.raises(DemoError, match="another demo is running"):
            reset(plan.folder)
    reset(plan.folder)
    assert not plan.folder.exists()


async def device_of(client: Client, node: str) -> Device:
    [device] = [device for device in await client.devices() if ("steward", node) in device.identifiers]
    return device


async def areas(client: Client) -> dict[str, dict[str, Any]]:
    """The areas by their names, in small letters: Home Assistant's welcome makes some of them."""
    return {area["name"].casefold(): area for area in await client.call("config/area_registry/list")}


async def delete_and_ignore(client: Client, name: str) -> None:
    """Delete a room's entry, and ignore the room when it is discovered again, as the frontend does: under the flow's title."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def discovered(changes: list[dict[str, Any]]) -> None:
        for change in changes:
            if change["type"] == "added" and change["flow"]["context"]["title_placeholders"] == {"name": name}:
                found.set_result(change["flow_id"])

    await client.subscribe("config_entries/flow/subscribe", discovered)
    [entry] = [entry for entry in await client.entries() if entry.domain == "steward" and entry.title == name]
    await client.delete(f"/api/config/config_entries/entry/{entry.entry_id}")
    async with asyncio.timeout(30):
        flow = await found
    await client.call("config_entries/ignore_flow", flow_id=flow, title=name)


async def test_first_look(tmp_path: Path) -> None:
    """What the welcome promises can be seen, and what a user changes then stays."""
    plan = Plan(folder=tmp_path / "house", port=free_port(), broker=Kind.MOSQUITTO)
    async with running(plan) as house, visiting(house) as (client, observer):
        names = await furnish(house, client, observer)
        assert client.states.of(names[LIVING_ROOM.node]["light/light"]) == "off"
        assert client.states.of(names[NURSERY.node]["light/light"]) == "on"
        rooms = await areas(client)
        nursery = rooms[NURSERY.name.casefold()]
        assert nursery["icon"] == NURSERY.icon
        for room in plan.rooms:
            assert (await device_of(client, room.node)).area_id == rooms[room.name.casefold()]["area_id"]

        # One entity is disabled, one node put elsewhere, one icon removed, one room ignored, one light on.
        wave = names[LIVING_ROOM.node]["button/wave"]
        await client.call("config/entity_registry/update", entity_id=wave, disabled_by="user")
        node = await device_of(client, LIVING_ROOM.node)
        await client.call("config/device_registry/update", device_id=node.id, area_id=nursery["area_id"])
        await client.call("config/area_registry/update", area_id=nursery["area_id"], icon=None)
        await delete_and_ignore(client, KITCHEN.name)
        light = names[LIVING_ROOM.node]["light/light"]
        await client.action("light.turn_on", {"entity_id": light})
        await client.states.wait(lambda: client.states.of(light) == "on", lambda: f"{light} to be on", 10)

        names = await furnish(house, client, observer)
        assert set(names) == {NURSERY.node, LIVING_ROOM.node}
        assert wave not in names[LIVING_ROOM.node].values()
        assert (await device_of(client, LIVING_ROOM.node)).area_id == nursery["area_id"]
        assert (await areas(client))[NURSERY.name.casefold()]["icon"] is None
        assert client.states.of(light) == "on"

        # A deleted dashboard is made again, of what there is.
        boards = {board["url_path"]: board["id"] for board in await client.call("lovelace/dashboards/list")}
        await client.call("lovelace/dashboards/delete", dashboard_id=boards[DASHBOARD])
        await furnish(house, client, observer)
        config = await client.call("lovelace/config", url_path=DASHBOARD)
        assert [section["cards"][0]["heading"] for section in config["views"][0]["sections"]] == [
            "Nursery",
            "Living room",
            "What happened to the lights",
        ]
        assert wave not in str(config)
        assert names[LIVING_ROOM.node]["event/gesture"] in str(config)
