"""The gesture: the seed's numbers, and what no hand can do to the light."""

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.entity import LightState
from steward_house.zero.modules.baby_stitch.gesture import Change, Finding, Gesture
from steward_house.zero.modules.baby_stitch.light import Light

STARTED = Finding(Change.STARTED)
ENDED = Finding(Change.ENDED)
NOTHING = Finding()


def bright(brightness: int) -> Finding:
    return Finding(brightness=brightness)


@pytest.mark.parametrize(
    ("distances", "findings"),
    [
        pytest.param([100, 100, 100], [NOTHING, NOTHING, STARTED], id="held"),
        pytest.param([100, 100], [NOTHING, NOTHING], id="not long enough"),
        pytest.param([30, 30, 30], [NOTHING] * 3, id="too near"),
        pytest.param([30.5, 30.5, 30.5], [NOTHING, NOTHING, STARTED], id="just far enough"),
        pytest.param([260, 260, 260], [NOTHING] * 3, id="too far"),
        pytest.param([259, 259, 259], [NOTHING, NOTHING, STARTED], id="just near enough"),
        pytest.param([115, 100, 100], [NOTHING, NOTHING, STARTED], id="still"),
        pytest.param([130, 115, 100], [NOTHING] * 3, id="moving"),
        pytest.param([1100, 100, 100, 100], [NOTHING] * 3 + [STARTED], id="comes"),
        # mean 110: 100 + 10 * 1.5
        pytest.param([100] * 3 + [130], [NOTHING, NOTHING, STARTED, bright(115)], id="up"),
        pytest.param([200] * 3 + [170], [NOTHING, NOTHING, STARTED, bright(85)], id="down"),
        pytest.param([100] * 3 + [101, 101], [NOTHING, NOTHING, STARTED, NOTHING, NOTHING], id="too little"),
        pytest.param([100] * 3 + [261], [NOTHING, NOTHING, STARTED, ENDED], id="leaves"),
        pytest.param([250, 250, 250, 24], [NOTHING, NOTHING, STARTED, ENDED], id="jumps"),
        pytest.param([250, 250, 250, 26], [NOTHING, NOTHING, STARTED, bright(0)], id="doesn't jump"),
        pytest.param([100] * 3 + [None] * 5, [NOTHING, NOTHING, STARTED, *[NOTHING] * 4, ENDED], id="vanishes"),
        pytest.param([100] * 3 + [None] * 4 + [100], [NOTHING, NOTHING, STARTED, *[NOTHING] * 5], id="is missed"),
        pytest.param([None, 100, None, 100, 100], [NOTHING] * 4 + [STARTED], id="is missed before"),
    ],
)
def test_table(distances: list[float | None], findings: list[Finding]) -> None:
    gesture = Gesture()
    brightness = 100
    for distance, finding in zip(distances, findings, strict=True):
        assert gesture.measure(distance, brightness) == finding
        brightness = brightness if finding.brightness is None else finding.brightness


def test_stop() -> None:
    gesture = Gesture()
    assert gesture.stop() == NOTHING
    for _ in range(3):
        gesture.measure(100, 100)
    assert gesture.running
    assert gesture.stop() == ENDED
    assert not gesture.running
    assert [gesture.measure(100, 100) for _ in range(3)] == [NOTHING, NOTHING, STARTED]


@given(
    st.lists(st.none() | st.floats(0, 8190) | st.floats(31, 259)),
    st.integers(0, 255),
    st.floats(0.5, 3),
)
def test_any_hand(distances: list[float | None], brightness: int, gain: float) -> None:
    gesture = Gesture(gain)
    running = False
    for distance in distances:
        finding = gesture.measure(distance, brightness)
        if finding.change is not None:
            assert finding.change is (Change.ENDED if running else Change.STARTED)
            running = not running
        if finding.brightness is not None:
            assert running
            assert 0 <= finding.brightness <= 255
            assert abs(finding.brightness - brightness) > 1
            brightness = finding.brightness
        assert gesture.running is running


RED = (255, 0, 0)
WHITE = (255, 255, 255)


@pytest.mark.parametrize(
    ("light", "target", "expected"),
    [
        (Light(), LightState(False), Light(0, WHITE)),
        (Light(0, RED), LightState(True), Light(255, RED)),
        (Light(40, RED), LightState(True), Light(40, RED)),
        (Light(40, WHITE), LightState(True, rgb=RED), Light(40, RED)),
        (Light(0, WHITE), LightState(True, rgb=RED), Light(255, RED)),
        (Light(0, WHITE), LightState(True, 7), Light(7, WHITE)),
        (Light(40, RED), LightState(True, 0), Light(0, RED)),
        (Light(40, RED), LightState(False, 200), Light(0, RED)),
    ],
)
def test_light(light: Light, target: LightState, expected: Light) -> None:
    assert light.told(target) == expected
    assert expected.state == LightState(expected.brightness > 0, expected.brightness, expected.rgb)
