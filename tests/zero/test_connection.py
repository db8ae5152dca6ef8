"""The daemon and its broker: how it comes, how it goes, and what happens in between."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
import re
import signal

import pytest
import trustme

from steward_house.protocol.rule_actions import Set
from steward_house.protocol.rule_triggers import TimeTrigger
from steward_house.protocol.rules import Rule, Rulebook
from tests.broker import Broker

from .house import PATIENCE, Spy, Zero
from .hub import hub_of

SIMULATED = {"hardware": "simulated"}
PUBLISHED = re.compile(r"Received PUBLISH from steward-kitchen-\w+ \(.*'steward/kitchen/(.*)', ")


async def test_comes_and_leaves(zero: Callable[..., Zero], spy: Spy) -> None:
    daemon = zero({"system": None, "baby_stitch": SIMULATED}, name="Kitchen", area="Ground floor")
    await spy.online()
    info = spy.info()
    assert info["contract"] == 1
    assert (info["name"], info["area"], info["capabilities"]) == ("Kitchen", "Ground floor", ["commands", "rules"])
    assert set(info["versions"]) == {"steward", "python"}
    assert info["modules"] == {"clock": {}, "rules": {}, "system": {}, "baby_stitch": {}}
    entities = {(entity["platform"], entity["key"]): entity for entity in info["entities"]}
    assert entities["binary_sensor", "problem_system"]["placeholders"] == {"module": "system"}
    assert ("button", "wave") in entities
    assert {entity["module"] for entity in info["entities"]} == {*info["modules"]}
    assert spy.last("kitchen/binary_sensor/problem_system/state") == b"OFF"
    await spy.until(lambda spy: spy.last("kitchen/sensor/memory_used/state"))
    assert daemon.end() == 0
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")
    assert not [line for line in daemon.log if "INFO" not in line]


async def test_interrupt(zero: Callable[..., Zero], spy: Spy) -> None:
    daemon = zero({})
    await spy.online()
    assert daemon.end(signal.SIGINT) == 0
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")


async def test_sudden_death(zero: Callable[..., Zero], spy: Spy) -> None:
    daemon = zero({})
    await spy.online()
    daemon.end(signal.SIGKILL)
    await spy.until(lambda spy: spy.last("kitchen/status") == b"offline")


async def test_order(zero: Callable[..., Zero], broker: Broker) -> None:
    zero({"baby_stitch": SIMULATED})
    async with Spy.on(broker.port) as spy:
        await spy.online()
    broker.stop()  # its log is complete
    log = list(broker.log)
    published = [match[1] for line in log if (match := PUBLISHED.search(line))]
    online = published.index("status")
    assert published[0] == "info"
    assert "light/light/state" in published[:online]
    subscribed = next(index for index, line in enumerate(log) if "steward/kitchen/+/+/command (QoS 1)" in line)
    assert subscribed < next(index for index, line in enumerate(log) if "steward/kitchen/info" in line)


async def test_retained(zero: Callable[..., Zero], spy: Spy, broker: Broker) -> None:
    zero({"baby_stitch": SIMULATED})
    await spy.online()
    async with Spy.on(broker.port) as late:
        await late.online()
        await late.until(lambda late: late.info() and late.last("kitchen/light/light/state"))


async def test_instance_lasts(zero: Callable[..., Zero], spy: Spy) -> None:
    daemon = zero({})
    await spy.online()
    first = spy.info()["instance"]
    daemon.end()
    spy.messages.clear()
    zero({})
    await spy.online()
    assert spy.info()["instance"] == first


async def test_broker_restarts(zero: Callable[..., Zero], broker: Broker) -> None:
    daemon = zero({"baby_stitch": SIMULATED})
    async with Spy.on(broker.port) as spy:
        await spy.online()
    broker.stop()
    broker.log.clear()
    broker.start()  # it has forgotten everything
    async with Spy.on(broker.port) as spy:
        await spy.online()
        assert spy.info()
    assert daemon.end() == 0
    broker.stop()  # its log is complete
    published = [match[1] for line in list(broker.log) if (match := PUBLISHED.search(line))]
    assert published[0] == "info"
    assert published.index("light/light/state") < published.index("status")
    messages = [line.split(" ", 3)[-1] for line in daemon.log]
    assert len([line for line in messages if line.startswith("Connected")]) == 2
    lost = [line for line in messages if line.startswith("No connection")]
    assert len(lost) == len(set(lost))  # each reason once


async def test_broker_comes_late(zero: Callable[..., Zero], broker: Broker) -> None:
    broker.stop()
    zero({})
    broker.start()
    async with Spy.on(broker.port) as spy:
        await spy.online()


async def test_leaves_without_broker(zero: Callable[..., Zero], broker: Broker) -> None:
    daemon = zero({})
    async with Spy.on(broker.port) as spy:
        await spy.online()
    broker.kill()
    assert daemon.end() == 0


async def test_broker_refuses(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "strict", "allow_anonymous false")
    broker.start()
    mqtt = {"host": "127.0.0.1", "port": broker.port, "username": "kitchen", "password": "wrong"}
    daemon = Zero(tmp_path, {"node": "kitchen", "state_dir": "state", "mqtt": mqtt})
    try:
        await asyncio.to_thread(daemon.until, "ot authori")
        assert daemon.end() == 0
    finally:
        daemon.close()
        broker.stop()


@pytest.mark.parametrize("batch", [False, True])
async def test_leftovers(zero: Callable[..., Zero], spy: Spy, broker: Broker, *, batch: bool) -> None:
    """What another set of modules, or the other way to send states, has left on the broker is cleared."""
    daemon = zero({"system": None, "baby_stitch": SIMULATED}, mqtt={"batch": batch})
    await spy.online()
    daemon.end()
    daemon = zero({"system": None}, mqtt={"batch": not batch})
    await spy.until(lambda spy: spy.all("kitchen/status")[-2:] == [b"offline", b"online"])
    assert spy.info()["capabilities"] == (["commands", "rules"] if batch else ["commands", "rules", "states"])
    daemon.end()
    async with Spy.on(broker.port) as late:
        await late.caught_up()
        states = {topic for topic, _ in late.messages if topic.endswith(("state", "states"))}
    assert not {topic for topic in states if "light" in topic or "baby_stitch" in topic}
    assert ("steward/kitchen/states" in states) is not batch
    assert ("steward/kitchen/sensor/memory_used/state" in states) is batch


@pytest.mark.parametrize(
    ("foreign", "name", "reason"),
    [
        (True, "127.0.0.1", "unable to get local issuer certificate"),
        (False, "192.0.2.1", "certificate is not valid for '127.0.0.1'"),
    ],
)
async def test_false_broker(tmp_path: Path, name: str, reason: str, *, foreign: bool) -> None:
    """A broker that another CA has certified, or that is another machine, isn't told anything: no password either."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    server = (trustme.CA() if foreign else authority).issue_cert(name)
    server.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "broker.pem"))
    files = f"certfile {tmp_path / 'broker.pem'}\nkeyfile {tmp_path / 'broker.pem'}"
    broker = Broker(tmp_path / "tls", f"{files}\nallow_anonymous true")
    broker.start()
    mqtt = {"host": "127.0.0.1", "port": broker.port, "ca": "ca.crt", "username": "kitchen", "password": "secret"}
    daemon = Zero(tmp_path, {"node": "kitchen", "state_dir": "state", "mqtt": mqtt})
    try:
        await asyncio.to_thread(daemon.until, "onnect")
        assert daemon.end() == 0
        assert "No connection to" in daemon.log[0]
        assert "CERTIFICATE_VERIFY_FAILED" in daemon.log[0]
        assert reason in daemon.log[0]
        broker.stop()
        assert not [line for line in broker.log if "New client connected" in line]
    finally:
        daemon.close()
        broker.stop()


async def test_certificates(tmp_path: Path) -> None:
    """Both sides know each other by their certificates; the broker takes the node's name from it."""
    authority = trustme.CA()
    files = {"ca": tmp_path / "ca.crt", "certificate": tmp_path / "node.crt", "key": tmp_path / "node.key"}
    authority.cert_pem.write_to_path(str(files["ca"]))
    node = authority.issue_cert("kitchen", common_name="kitchen")
    node.cert_chain_pems[0].write_to_path(str(files["certificate"]))
    node.private_key_pem.write_to_path(str(files["key"]))
    server = authority.issue_cert("127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "broker.pem"))
    settings = f"""
cafile {files["ca"]}
certfile {tmp_path / "broker.pem"}
keyfile {tmp_path / "broker.pem"}
require_certificate true
use_identity_as_username true
"""
    broker = Broker(tmp_path / "tls", settings)
    broker.start()
    mqtt = {"host": "127.0.0.1", "port": broker.port}
    daemon = Zero(
        tmp_path,
        {"node": "kitchen", "state_dir": "state", "mqtt": mqtt | {name: str(path) for name, path in files.items()}},
    )
    try:
        await asyncio.to_thread(daemon.until, "Connected to")
        assert any("u'kitchen'" in line for line in list(broker.log))
        assert daemon.end() == 0
        del files["certificate"], files["key"]
        daemon = Zero(
            tmp_path,
            {"node": "kitchen", "state_dir": "state", "mqtt": mqtt | {name: str(path) for name, path in files.items()}},
        )
        await asyncio.to_thread(daemon.until, "No connection to")
        assert daemon.end() == 0
        assert "CERTIFICATE_REQUIRED" in daemon.log[0]
        assert len(daemon.log) == 1
    finally:
        daemon.close()
        broker.stop()


async def test_rules_without_broker(zero: Callable[..., Zero], broker: Broker, tmp_path: Path) -> None:
    """What the hub said once is done after a restart too, without anybody to ask, and told when somebody is there."""
    kept = tmp_path / "state"

    async def holds(name: str, text: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not (kept / name).exists() or text not in (kept / name).read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    daemon = zero({"baby_stitch": SIMULATED})
    at = datetime.now(UTC) + timedelta(seconds=8)
    gain = Set("kitchen/number/gesture_gain", 3)
    rule = Rule("automation.gain", "More gain", (TimeTrigger("0", at.time()),), (gain,))
    async with Spy.on(broker.port) as spy:
        await spy.online()
        assert spy.info()["capabilities"] == ["commands", "rules"]
        await spy.tell("kitchen/rules", Rulebook(1, "UTC", (rule,)).encode(), retain=True)
        await holds("rules.json", "More gain")
    assert daemon.end() == 0
    broker.kill()
    zero({"baby_stitch": SIMULATED})
    await holds("node.json", '"number/gesture_gain":3')
    await holds("journal.json", "More gain")
    assert timedelta() <= datetime.now(UTC) - at < timedelta(seconds=5)
    broker.start()
    async with Spy.on(broker.port) as spy, hub_of(spy) as hub:
        await spy.online()
        assert spy.last("kitchen/number/gesture_gain/state") == b"3"
        await hub.live()
        [entry] = await spy.until(lambda _: hub.journal())
        assert entry["cause"] == f"automation.gain@{at.isoformat()}"
        assert entry["away"] is True
