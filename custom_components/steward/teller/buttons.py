"""The buttons of a teller."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from homeassistant.components.button import ButtonEntityDescription
from homeassistant.const import EntityCategory

from .teller import Teller


@dataclass(frozen=True, kw_only=True)
class TellerButtonDescription(ButtonEntityDescription):
    """Something that a user can have done."""

    press_fn: Callable[[Teller], Awaitable[None]]


TELLER_BUTTONS: Final = (
    TellerButtonDescription(key="commit", translation_key="commit", press_fn=lambda teller: teller.async_commit()),
    TellerButtonDescription(key="pay", translation_key="pay", press_fn=lambda teller: teller.async_pay()),
    TellerButtonDescription(
        key="shut_down",
        translation_key="shut_down",
        entity_category=EntityCategory.CONFIG,
        press_fn=lambda teller: teller.async_shut_down(),
    ),
)
