"""What diagnostics show of a teller: how it is doing, and nothing that leads to the house, its people or its books."""

from dataclasses import asdict
from typing import Any, Final

from homeassistant.const import CONF_LOCATION, CONF_NAME

from .data import (
    CONF_ACCOUNT,
    CONF_CAPABILITY,
    CONF_DESTINATION,
    CONF_DEVICE_ID,
    CONF_NOTIFY,
    CONF_ORIGIN,
    CONF_PROJECT,
    CONF_SIGNED_TERMS,
)
from .teller import Teller

TO_REDACT: Final = {
    CONF_ACCOUNT,
    CONF_CAPABILITY,
    CONF_DESTINATION,
    CONF_DEVICE_ID,
    CONF_LOCATION,
    CONF_NAME,
    CONF_NOTIFY,
    CONF_ORIGIN,
    CONF_PROJECT,
    CONF_SIGNED_TERMS,
    "title",
    "unique_id",
}


def as_dict(teller: Teller) -> dict[str, Any]:
    """Return it."""
    account, terms, writer = teller.account, teller.history.terms, teller.books.writer
    return {
        "state": teller.state.value,
        "log": {
            "generation": teller.generation,
            "size": teller.size,
            "signed": teller.storage.signed.size if teller.storage.signed else 0,
            "waiting": writer.waiting,
            "full": writer.full,
            "repaired": teller.storage.repaired,
            "cut": teller.storage.cut,
        },
        "terms": {"number": terms.number if terms else None, "signed": teller.terms_signed},
        "figures": {name: str(value) for name, value in asdict(teller.figures).items()},
        "problems": [{**asdict(problem), "fault": problem.fault.value} for problem in account.problems],
        "problem_count": account.problem_count,
        "sources": {
            source: {"energy": watched.energy, "reason": watched.reason, "gap_since": watched.gap_since}
            for source, watched in teller.watched.items()
        },
        "witnesses": teller.witnessing.as_dict(),
        "anchors": teller.anchors.as_dict(),
    }
