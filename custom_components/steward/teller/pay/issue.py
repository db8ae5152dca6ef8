"""The repair issue 'A payment is due', and what a user can do about it: pay with a wallet, or say that it was paid elsewhere."""

from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import (
    QrCodeSelector,
    QrCodeSelectorConfig,
    QrErrorCorrectionLevel,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.util import dt as dt_util
import probatio

from ...const import DOMAIN
from ...protocol.books.entries import unsigned_text
from .bills import Bill
from .receipt import ReceiptError, check_receipt

if TYPE_CHECKING:
    from .payback import Payback

ATTR_BILL: Final = "bill"
CONF_QR_CODE: Final = "qr_code"
CONF_REFERENCE: Final = "reference"
CONF_RECEIPT: Final = "receipt"
_ELSEWHERE: Final = probatio.Schema({probatio.Required(CONF_REFERENCE): TextSelector()})
_RECEIPT: Final = probatio.Schema({probatio.Required(CONF_RECEIPT): TextSelector(TextSelectorConfig(multiline=True))})
SERIOUS: Final = 4
"""Periods late from which on the issue is an error: that of the stern notices."""


@callback
def async_report_due(hass: HomeAssistant, entry: ConfigEntry, bill: Bill, amount: str) -> None:
    """Tell that a payment is due, or may be made."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue(entry),
        data={"entry_id": entry.entry_id, ATTR_BILL: bill.id},
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR if bill.late >= SERIOUS else ir.IssueSeverity.WARNING,
        translation_key="payment_due",
        translation_placeholders={"title": entry.title, "amount": amount, "due": bill.due_day},
    )


@callback
def async_clear_due(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take that back."""
    ir.async_delete_issue(hass, DOMAIN, _issue(entry))


def _issue(entry: ConfigEntry) -> str:
    return f"payment_due_{entry.entry_id}"


class PaymentDueFlow(RepairsFlow):
    """Pays a bill."""

    def __init__(self, entry_id: str, bill_id: str) -> None:
        """Remember which."""
        self._entry_id = entry_id
        self._bill_id = bill_id

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Offer the ways."""
        if (found := self._find()) is None:
            return self.async_abort(reason="not_due")
        payback, bill = found
        ways = ["wallet"] if payback.link_of(bill) else []
        ways += ["receipt"] if bill.claims else []
        return self.async_show_menu(
            step_id="init", menu_options=[*ways, "elsewhere"], description_placeholders=payback.describe(bill)
        )

    async def async_step_wallet(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show the link and its QR code; then look whether the payment has arrived."""
        if (found := self._find()) is None:
            return self.async_abort(reason="not_due")
        payback, bill = found
        if user_input is not None:
            payback.watch()
            if await payback.async_is_paid(bill.id):
                return self.async_create_entry(data={})
            return self.async_abort(reason="not_arrived")
        placeholders = payback.describe(bill)
        code = QrCodeSelectorConfig(
            data=placeholders["link"], scale=4, error_correction_level=QrErrorCorrectionLevel.MEDIUM
        )
        return self.async_show_form(
            step_id="wallet",
            data_schema=probatio.Schema({probatio.Optional(CONF_QR_CODE): QrCodeSelector(code)}),
            description_placeholders=placeholders,
        )

    async def async_step_elsewhere(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Take down that it was paid in a way that no ledger tells of."""
        if (found := self._find()) is None:
            return self.async_abort(reason="not_due")
        payback, bill = found
        if user_input is not None:
            await payback.async_claim(bill.id, user_input[CONF_REFERENCE])
            return self.async_abort(reason="claimed")
        return self.async_show_form(
            step_id="elsewhere", data_schema=_ELSEWHERE, description_placeholders=payback.describe(bill)
        )

    async def async_step_receipt(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Take the creditor's receipt for that."""
        if (found := self._find()) is None or not found[1].claims:
            return self.async_abort(reason="not_due")
        payback, bill = found
        errors = {}
        if user_input is not None:
            try:
                entry = check_receipt(user_input[CONF_RECEIPT], payback.creditor, bill, dt_util.utcnow())
            except ReceiptError as error:
                errors[CONF_RECEIPT] = error.reason.value
            else:
                if await payback.async_confirm(entry):
                    return self.async_create_entry(data={})
                return self.async_abort(reason="partly")
        text = unsigned_text(bill.claims[-1])
        return self.async_show_form(
            step_id="receipt",
            data_schema=self.add_suggested_values_to_schema(_RECEIPT, user_input or {}),
            errors=errors,
            description_placeholders=payback.describe(bill) | {"text": text.rstrip()},
        )

    def _find(self) -> tuple[Payback, Bill] | None:
        """Return the bill, unless it was paid in the meantime, or the teller isn't running."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return None
        payback: Payback = entry.runtime_data.payback
        bill = payback.bill(self._bill_id)
        return (payback, bill) if bill else None
