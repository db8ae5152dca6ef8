"""What an ESPHome node says of itself is the node contract: built and run for real, read with the hub's own code."""

from pathlib import Path

import pytest

from steward_house.protocol.entity import (
    BinarySensorInfo,
    ButtonInfo,
    Category,
    LightInfo,
    NumberInfo,
    NumberMode,
    SensorInfo,
    SwitchInfo,
)
from steward_house.protocol.node import NodeInfo

from .firmware import build, run

pytestmark = pytest.mark.timeout(300)  # the first time, ESPHome compiles all of a node


async def test_info(tmp_path: Path) -> None:
    async with run(build("info"), tmp_path) as node, node.client() as client:
        client.follow()
        await client.until(lambda: any(client.states("Info")))
        payload = client.states("Info")[-1]
    info = NodeInfo.decode(payload.encode())
    assert info == NodeInfo(
        instance="00000000000000000" + "20000007Z",
        name='Küche "Süd"',
        area="Erdgeschoß",
        manufacturer="ESPHome",
        model="host",
        versions={"esphome": "2026.10.0"},
        entities=(
            BinarySensorInfo(
                key="door", name="Door", device_class="door", icon="mdi:door", category=Category.DIAGNOSTIC
            ),
            ButtonInfo(key="restart", name="Restart", device_class="restart", category=Category.CONFIG, enabled=False),
            LightInfo(key="plain", name="Plain"),
            LightInfo(key="dimmed", name="Dimmed", brightness=True),
            LightInfo(key="coloured", name="Coloured", brightness=True, color=True),
            LightInfo(key="either", name="Either", brightness=True),
            NumberInfo(key="limit", name="Limit", minimum=-2.5, maximum=1_000_000, step=0.1, mode=NumberMode.BOX),
            NumberInfo(key="delay", name="Delay", minimum=0, maximum=60, mode=NumberMode.SLIDER, unit="s"),
            SensorInfo(
                key="temperature____north_",
                name='Temperature \\ "north"',
                unit="°C",
                device_class="temperature",
                state_class="measurement",
                precision=2,
            ),
            SensorInfo(key="bare", name="Bare", precision=1),
            SwitchInfo(key="pump", name="Pump"),
            SensorInfo(key="info", name="Info"),
        ),
    )
