"""ESPHome component: what a node says of itself in Steward's node contract, `steward/<node>/info`, from the entities that it has."""

import esphome.codegen as cg
import esphome.config_validation as cv
from esphome.const import CONF_ID
from esphome.types import ConfigType

CODEOWNERS = ["@steward-house"]

steward_ns = cg.esphome_ns.namespace("steward")
StewardNode = steward_ns.class_("StewardNode")

CONFIG_SCHEMA = cv.Schema({cv.GenerateID(): cv.declare_id(StewardNode)})


async def to_code(config: ConfigType) -> None:
    """Make the object whose `info()` an automation publishes."""
    cg.new_Pvariable(config[CONF_ID])
