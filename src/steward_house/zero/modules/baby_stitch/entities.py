"""The entities of `baby_stitch`."""

from typing import Final

from ....protocol.entity import (
    ButtonInfo,
    Category,
    EventInfo,
    LightInfo,
    NumberInfo,
    NumberMode,
    SensorInfo,
    SwitchInfo,
)

LIGHT: Final = LightInfo(key="light", name="Light", translation_key="light", brightness=True, color=True)
OBJECT_TEMPERATURE: Final = SensorInfo(
    key="object_temperature",
    name="Object temperature",
    translation_key="object_temperature",
    device_class="temperature",
    unit="°C",
    state_class="measurement",
    precision=1,
)
DIE_TEMPERATURE: Final = SensorInfo(
    key="die_temperature",
    name="Die temperature",
    translation_key="die_temperature",
    device_class="temperature",
    unit="°C",
    state_class="measurement",
    precision=1,
    category=Category.DIAGNOSTIC,
)
DISTANCE: Final = SensorInfo(
    key="distance",
    name="Distance",
    translation_key="distance",
    device_class="distance",
    unit="mm",
    state_class="measurement",
    precision=0,
)
GESTURE_DIMMING: Final = SwitchInfo(key="gesture_dimming", name="Gesture dimming", translation_key="gesture_dimming")
GESTURE: Final = EventInfo(key="gesture", name="Gesture", translation_key="gesture", event_types=("started", "ended"))
GESTURE_GAIN: Final = NumberInfo(
    key="gesture_gain",
    name="Gesture gain",
    translation_key="gesture_gain",
    category=Category.CONFIG,
    minimum=0.5,
    maximum=3,
    step=0.1,
    mode=NumberMode.SLIDER,
)
WAVE: Final = ButtonInfo(key="wave", name="Wave a hand", translation_key="wave")
