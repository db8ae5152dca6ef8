"""The actions that concern tellers."""

from dataclasses import replace
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_SOURCE
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import probatio

from ..const import CONF_KIND, DOMAIN, Kind
from ..protocol.books.entries import Inspection, decode, unsigned_text
from ..protocol.fields import ContractError
from ..protocol.log.errors import NoteError
from ..protocol.log.note import Note
from .teller import Teller

ATTR_ENTRY: Final = "config_entry_id"
ATTR_NOTE: Final = "note"
ATTR_REGISTER: Final = "register"
ATTR_WHO: Final = "who"
_MWH_PER_KWH: Final = 1_000_000

ADD_INSPECTION: Final = probatio.Schema(
    probatio.Any(
        {probatio.Required(ATTR_ENTRY): cv.string, probatio.Required(ATTR_NOTE): cv.string},
        {
            probatio.Required(ATTR_ENTRY): cv.string,
            probatio.Required(CONF_SOURCE): cv.string,
            probatio.Required(ATTR_REGISTER): probatio.All(probatio.Coerce(float), probatio.Range(min=0, max=1e9)),
            probatio.Required(ATTR_WHO): cv.string,
        },
    )
)


async def async_add_inspection(call: ServiceCall) -> None:
    """Write into the books what a person has read from a meter: as a signed note says it, or unsigned.

    Raises:
        ServiceValidationError: there is no such teller or source, or the note says nothing of the kind.
        HomeAssistantError: the teller was shut down.
    """
    teller = _teller(call.hass, call.data[ATTR_ENTRY])
    if note := call.data.get(ATTR_NOTE):
        entry = _signed(note)
    else:
        register = round(call.data[ATTR_REGISTER] * _MWH_PER_KWH)
        entry = Inspection(
            at=dt_util.utcnow(), source=call.data[CONF_SOURCE], register=register, who=call.data[ATTR_WHO]
        )
    if entry.source not in teller.watched:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="source_unknown",
            translation_placeholders={"source": entry.source, "sources": ", ".join(teller.watched)},
        )
    await teller.async_append(entry)


def _teller(hass: HomeAssistant, entry_id: str) -> Teller:
    entry = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.data.get(CONF_KIND) != Kind.TELLER or entry.state is not ConfigEntryState.LOADED:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="teller_not_loaded")
    teller: Teller = entry.runtime_data
    return teller


def _signed(note: str) -> Inspection:
    """Return the inspection that a note is signed over. Whose signature counts is for those to say who read the books."""
    note = note.replace("\r\n", "\n").strip() + "\n"
    try:
        text = Note.parse(note.encode()).text
        entry = decode(text.removesuffix("\n").encode())
        if isinstance(entry, Inspection) and unsigned_text(entry) == text:
            return replace(entry, note=note)
    except NoteError, ContractError:
        pass
    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_inspection")
