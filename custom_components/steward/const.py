"""Names that more than one part of the integration uses."""

from enum import StrEnum
from typing import Final

DOMAIN: Final = "steward"

CONF_KIND: Final = "kind"
CONF_NODE: Final = "node"
CONF_INSTANCE: Final = "instance"

RESERVED_ATTRIBUTES: Final = frozenset(
    {
        "assumed_state",
        "attribution",
        "device_class",
        "entity_picture",
        "event_types",
        "friendly_name",
        "icon",
        "restored",
        "supported_features",
    }
)
"""Attributes that are Home Assistant's own; an event of a node can't set them."""


class Kind(StrEnum):
    """The kinds of config entries."""

    AREA = "area"
    METER = "meter"
    TELLER = "teller"
