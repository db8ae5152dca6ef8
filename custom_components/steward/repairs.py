"""What a user can do about Steward's repair issues."""

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant

from .const import CONF_INSTANCE
from .meter.issues import ATTR_VERSION, OtherVersionFlow
from .teller.pay.issue import ATTR_BILL, PaymentDueFlow


class OtherInstanceFlow(RepairsFlow):
    """Asks whether the other installation replaces the node, or is to be left out."""

    def __init__(self, entry_id: str, instance: str, placeholders: dict[str, str]) -> None:
        """Remember which entry and which installation it is about."""
        self._entry_id = entry_id
        self._instance = instance
        self._placeholders = placeholders

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Offer the two ways."""
        return self.async_show_menu(
            step_id="init", menu_options=["replace", "keep"], description_placeholders=self._placeholders
        )

    async def async_step_replace(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Take the other installation for the node from now on."""
        if entry := self.hass.config_entries.async_get_entry(self._entry_id):
            self.hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_INSTANCE: self._instance})
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data={})

    async def async_step_keep(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Go on with the known installation."""
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that mends an issue."""
    if data and ATTR_BILL in data:
        return PaymentDueFlow(str(data["entry_id"]), str(data[ATTR_BILL]))
    if data and ATTR_VERSION in data:
        return OtherVersionFlow(str(data["entry_id"]), str(data[ATTR_VERSION]))
    if not data or "instance" not in data:
        return ConfirmRepairFlow()
    known = {name: str(value) for name, value in data.items()}
    entry = hass.config_entries.async_get_entry(known["entry_id"])
    placeholders = {"title": entry.title if entry else "", "name": known["name"]}
    return OtherInstanceFlow(known["entry_id"], known["instance"], placeholders)
