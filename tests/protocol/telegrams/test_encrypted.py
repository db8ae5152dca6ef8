"""Encrypted telegrams: only what the meter's keys made is opened; each version is told by its lines."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.telegrams.encrypted import (
    LUXEMBOURG_AUTHENTICATION_KEY,
    NotAuthenticError,
    open_telegram,
)
from steward_house.protocol.telegrams.versions import Version, detect

from . import houses

INSIDE = houses.luxembourg()
FRAME = houses.encrypt(INSIDE)


def test_it_opens():
    assert open_telegram(FRAME, houses.KEY, LUXEMBOURG_AUTHENTICATION_KEY) == INSIDE


@given(st.integers(13, len(FRAME) - 1), st.integers(0, 7))
def test_every_bit_counts(at, bit):
    changed = bytearray(FRAME)
    changed[at] ^= 1 << bit
    with pytest.raises(NotAuthenticError):
        open_telegram(bytes(changed), houses.KEY, LUXEMBOURG_AUTHENTICATION_KEY)


@given(st.binary(max_size=60))
def test_what_is_none_is_refused(data):
    for frame in (data, FRAME[:13] + data):
        with pytest.raises(NotAuthenticError):
            open_telegram(frame, houses.KEY, LUXEMBOURG_AUTHENTICATION_KEY)


def test_other_keys():
    for key, authentication_key in ((houses.AUSTRIA, houses.LUXEMBOURG), (houses.KEY, houses.AUSTRIA)):
        with pytest.raises(NotAuthenticError):
            open_telegram(FRAME, key, authentication_key)


@pytest.mark.parametrize("version", houses.READABLE)
def test_versions_are_told_apart(version):
    assert detect(houses.sent(version)) is Version(version)


def test_versions_inside():
    assert detect(houses.luxembourg(), encrypted=True) is Version.LUXEMBOURG_ENCRYPTED
    assert detect(houses.austria(), encrypted=True) is Version.AUSTRIA_ENCRYPTED
    assert Version.AUSTRIA_ENCRYPTED.is_encrypted
    assert not Version.DSMR_5.is_encrypted


def test_what_is_no_version():
    assert detect(houses.close(["/ABC5", "", "1-0:1.7.0(00.1*kW)"])) is None
    assert detect(houses.close(["/ABC5", "", "1-0:1.7.0(00.1*kW)"]), encrypted=True) is None
    assert detect(houses.close(["/ABC5", "", "1-0:1.8.1(00.1*kWh)"])) is None
    assert detect(houses.close(["/ABC5", "", "0-0:1.0.0(1)", "1-0:1.8.1(00.1*kWh)"])) is None
