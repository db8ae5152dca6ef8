"""Commands to other nodes, as they come back from the broker or from the hub."""

import pytest

from steward_house.protocol.entity import Platform
from steward_house.protocol.fields import ContractError, Json, Reason
from steward_house.zero.acts import read_plain


@pytest.mark.parametrize(
    ("platform", "payload", "value", "cause"),
    [
        (Platform.SWITCH, b"ON", "ON", None),
        (Platform.NUMBER, b"7", 7, None),
        (Platform.LIGHT, b'{"state":"ON","brightness":9}', {"state": "ON", "brightness": 9}, None),
        (Platform.SWITCH, b'{"value":"ON","at":"2026-11-20T00:00:00Z","cause":"why"}', "ON", "why"),
        (Platform.SWITCH, b'{"value":"ON","cause":7}', "ON", None),
        (Platform.SWITCH, b'{"value":"ON","cause":"%b"}' % (b"x" * 129), "ON", None),  # it would be remembered
    ],
)
def test_commands(platform: Platform, payload: bytes, value: Json, cause: str | None) -> None:
    assert read_plain(platform, payload) == (value, cause)


@pytest.mark.parametrize(
    ("platform", "payload", "reason"),
    [
        (Platform.NUMBER, b"warm", Reason.BAD_VALUE),
        (Platform.SWITCH, b"\xff", Reason.NOT_UTF8),
        (Platform.LIGHT, b"{", Reason.NOT_JSON),
    ],
)
def test_no_commands(platform: Platform, payload: bytes, reason: Reason) -> None:
    with pytest.raises(ContractError) as raised:
        read_plain(platform, payload)
    assert raised.value.reason is reason
