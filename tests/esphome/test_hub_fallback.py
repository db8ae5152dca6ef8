"""A button and a relay of an ESPHome node, joined by the hub or, when it doesn't answer, by the node: built and run for real."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .firmware import Client, Node, build, run

pytestmark = pytest.mark.timeout(300)  # the first time, ESPHome compiles all of a node

WITHIN = 200
"""Milliseconds after a press at which the node has acted if it doesn't wait for the hub, and hasn't if it does."""
BEYOND = 500
"""Milliseconds after a press at which nothing waits any more."""


@pytest.fixture(scope="session")
def heartbeat_program() -> Path:
    return build("fallback_heartbeat")


@pytest.fixture(scope="session")
def api_program() -> Path:
    return build("fallback_api")


@pytest.fixture
async def node(heartbeat_program: Path, tmp_path: Path) -> AsyncIterator[Client]:
    async with run(heartbeat_program, tmp_path) as node, node.client() as client:
        client.follow()
        await client.until(lambda: {name for name, _ in client.history} >= {"Contact", "Relay", "Lamp"})
        client.history.clear()
        yield client


@pytest.fixture
async def api_node(api_program: Path, tmp_path: Path) -> AsyncIterator[Node]:
    async with run(api_program, tmp_path) as node:
        yield node


async def test_no_hub_since_the_start(node: Client) -> None:
    await node.act("press", times=1)
    await node.act("wait", time=WITHIN)
    assert node.states("Contact") == [True]
    assert node.states("Relay") == [True]
    await node.act("press", times=1)
    await node.act("wait", time=WITHIN)
    assert node.states("Contact") == [True, False]
    assert node.states("Relay") == [True, False]


async def test_hub_answers(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press_and_command", after=WITHIN, state=True)
    await node.act("wait", time=BEYOND)
    assert node.states("Contact") == [True]


async def test_hub_answers_over_the_api(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press", times=1)
    node.api.switch_command(node.key("Relay"), state=True)
    await node.act("wait", time=BEYOND)
    assert node.states("Contact") == [True]
    assert node.states("Relay") == [True]


async def test_hub_answers_that_all_stays_as_it_is(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press_and_command", after=WITHIN, state=False)
    await node.act("wait", time=BEYOND)
    assert node.states("Contact") == []


async def test_hub_does_not_answer(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press", times=1)
    await node.act("wait", time=WITHIN)
    assert node.states("Contact") == []
    await node.act("wait", time=BEYOND - WITHIN)
    assert node.states("Contact") == [True]


async def test_hub_goes_after_the_press(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press", times=1)
    await node.act("hub_gone")
    await node.act("wait", time=BEYOND)
    assert node.states("Contact") == [True]
    await node.act("press", times=1)
    await node.act("wait", time=WITHIN)
    assert node.states("Contact") == [True, False]


async def test_hub_is_silent_for_three_seconds(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("wait", time=2500)
    await node.act("press", times=1)
    await node.act("wait", time=WITHIN)
    assert node.states("Contact") == []
    await node.act("wait", time=BEYOND)
    assert node.states("Contact") == [True]
    await node.act("press", times=1)
    await node.act("wait", time=WITHIN)
    assert node.states("Contact") == [True, False]


async def test_hub_returns(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("hub_gone")
    await node.act("hub_seen")
    await node.act("press", times=1)
    await node.act("wait", time=WITHIN)
    assert node.states("Contact") == []


async def test_late_answer_that_agrees(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press_and_command", after=BEYOND, state=True)
    assert node.states("Contact") == [True]


async def test_late_answer_to_the_contrary(node: Client) -> None:
    """Home Assistant's toggle is a command to turn off what the node has just turned on by itself."""
    await node.act("hub_seen")
    await node.act("press_and_command", after=BEYOND, state=False)
    await node.act("wait", time=100)
    assert node.states("Contact") == [True]
    assert node.states("Relay") == [True]


async def test_command_some_time_after_the_press(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press_and_command", after=2500, state=False)
    assert node.states("Contact") == [True, False]


async def test_answer_to_the_next_press(node: Client) -> None:
    """A command that follows a press is its answer, even if the node did the press before by itself a moment ago."""
    await node.act("hub_seen")
    await node.act("press", times=1)
    await node.act("wait", time=BEYOND)
    await node.act("press_and_command", after=WITHIN, state=True)
    await node.act("wait", time=BEYOND)
    assert node.states("Contact") == [True]


@pytest.mark.parametrize(("times", "states"), [(2, []), (3, [True])])
async def test_presses_that_wait_together(node: Client, times: int, states: list[bool]) -> None:
    await node.act("hub_seen")
    await node.act("press", times=times)
    await node.act("wait", time=BEYOND)
    assert node.states("Contact") == states


async def test_light_without_hub(node: Client) -> None:
    await node.act("press_lamp")
    await node.act("wait", time=WITHIN)
    await node.act("press_lamp")
    await node.act("wait", time=BEYOND)
    assert set(node.states("Lamp")) == {True}


async def test_light_whose_hub_does_not_answer(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press_lamp")
    await node.act("wait", time=WITHIN)
    assert node.states("Lamp") == []
    await node.act("wait", time=BEYOND)
    assert node.states("Lamp") == [True]


async def test_light_whose_hub_answers(node: Client) -> None:
    await node.act("hub_seen")
    await node.act("press_lamp_and_command", after=WITHIN, state=False)
    await node.act("wait", time=BEYOND)
    assert set(node.states("Lamp")) == {False}


async def test_api_client_that_follows_states_is_the_hub(api_node: Node) -> None:
    async with api_node.client() as finger:
        await finger.act("press", times=1)
        await finger.act("wait", time=WITHIN)
        async with api_node.client() as hub:
            hub.follow()
            await hub.until(lambda: bool(hub.states("Contact")))
            assert hub.states("Contact") == [True], "nobody followed: done at once"
            await finger.act("wait", time=100)
            await finger.act("press", times=1)
            await finger.act("wait", time=WITHIN)
            assert hub.states("Contact") == [True]
            hub.api.switch_command(hub.key("Relay"), state=False)
            await finger.act("wait", time=BEYOND)
            assert hub.states("Contact") == [True, False]
        await finger.act("wait", time=100)
        await finger.act("press", times=1)
        await finger.act("wait", time=WITHIN)
        finger.follow()
        await finger.until(lambda: bool(finger.states("Contact")))
        assert finger.states("Contact") == [True], "nobody follows any more: done at once"
