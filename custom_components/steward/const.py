"""Names that more than one part of the integration uses."""

from enum import StrEnum
from typing import Final

DOMAIN: Final = "steward"

CONF_KIND: Final = "kind"
CONF_NODE: Final = "node"
CONF_INSTANCE: Final = "instance"


class Kind(StrEnum):
    """The kinds of config entries."""

    AREA = "area"
