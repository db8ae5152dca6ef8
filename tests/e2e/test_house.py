"""A house's programs, started by the demo's own code."""

from pathlib import Path

import aiohttp
import pytest

from demo.broker import Kind
from demo.client import Client
from demo.furnish import add_broker
from demo.house import Plan, reset, running, visiting
from demo.process import DemoError, free_port

pytestmark = pytest.mark.timeout(240)


async def restart(client: Client) -> None:
    """Ask for a restart, and go on asking for something until the connection is lost."""
    await client.action("homeassistant.restart", {})
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
