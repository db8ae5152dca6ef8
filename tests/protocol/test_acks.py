"""Acks of more automations than one may name."""

import pytest

from steward_house.protocol.hub import Ack

CAUSE = "01JD0000000000000000000009"


def names(number: int, what: str) -> tuple[str, ...]:
    """Return names as long as rules can have."""
    return tuple(f"automation.{what}_{index:0>76}" for index in range(number))


@pytest.mark.parametrize(
    ("started", "declined", "count"), [(0, 0, 1), (1024, 1024, 1), (1025, 0, 2), (3, 2049, 3), (3000, 1, 3)]
)
def test_parts(started: int, declined: int, count: int) -> None:
    ack = Ack(CAUSE, names(started, "started"), names(declined, "declined"))
    parts = [Ack.decode(part.encode()) for part in ack.parts()]
    assert len(parts) == count
    assert {part.id for part in parts} == {CAUSE}
    assert sum((part.started for part in parts), ()) == ack.started
    assert sum((part.declined for part in parts), ()) == ack.declined
