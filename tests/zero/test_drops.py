"""What the log tells of messages that are dropped."""

import logging

import pytest

from steward_house.protocol.fields import ContractError, Reason
from steward_house.zero.drops import Drops


def test_each_fault_once(caplog: pytest.LogCaptureFixture) -> None:
    """Two nodes that take turns in being wrong don't fill the disk, and neither does anybody who makes up topics."""
    caplog.set_level(logging.WARNING)
    drops = Drops("a message")
    for _ in range(50):
        for topic in ("hall/status", "attic/status"):
            for reason in (Reason.NOT_JSON, Reason.BAD_VALUE):
                drops.add(topic, ContractError(reason))
    assert len(caplog.records) == 4
    for number in range(1000):
        drops.add(f"{number}", ContractError(Reason.BAD_TOPIC))
    assert len(caplog.records) == 100
    assert drops.count == {Reason.NOT_JSON: 100, Reason.BAD_VALUE: 100, Reason.BAD_TOPIC: 1000}
