"""The entries that a teller writes about itself: what the books are, how it is set up, when it starts and when it ends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..log.generations import Previous
from ..protocol.books.entries import (
    Generation,
    Head,
    Opened,
    Outage,
    Party as PartyName,
    Settings,
    Shutdown,
    Start,
)
from .data import TellerSettings

DETAIL: Final = 255


@dataclass(frozen=True, slots=True)
class Machine:
    """What runs the teller: the measurement of its code, and its version."""

    code: str
    version: str | None


def opened(settings: TellerSettings, verifier: str, at: datetime) -> Opened:
    """Return the first entry of all."""
    return Opened(
        at=at,
        project=settings.project,
        asset=settings.asset,
        currency=settings.currency,
        origin=settings.origin,
        public_key=verifier,
        parties=tuple(PartyName(party.role.value, party.name) for party in settings.parties),
    )


def generation(previous: Previous, at: datetime) -> Generation:
    """Return the first entry of a later generation."""
    return Generation(
        at=at,
        previous=previous.origin,
        size=previous.size,
        root=previous.root.hex(),
        checkpoint=previous.checkpoint.decode() or None,
        cause=previous.cause.value,
        detail=previous.detail[:DETAIL] or None,
        generation=previous.number + 1,
    )


def described(settings: TellerSettings, at: datetime) -> Settings:
    """Return what is configured beside the terms. Links, capabilities and keys are no part of it."""
    anchors: dict[str, Any] = {}
    if settings.ipfs:
        anchors["ipfs"] = {"share_entries": settings.ipfs.share_entries}
    if settings.stellar and settings.stellar.anchor:
        anchors["stellar"] = {"account": settings.stellar.account, "network": settings.stellar.passphrase}
    if settings.rfc3161:
        anchors["rfc3161"] = {"url": settings.rfc3161.url}
    described: dict[str, Any] = {
        "anchors": anchors,
        "asset": settings.asset,
        "device": settings.device_id,
        "parties": [{"name": party.name, "role": party.role.value} for party in settings.parties],
        "project": settings.project,
        "sources": {source.id: {"entity_id": source.entity_id, "name": source.name} for source in settings.sources},
        "witnesses": [{"url": each.url, "verifier": each.verifier} for each in settings.witnesses],
    }
    if settings.pay:
        described["pay"] = {
            "account": settings.pay.account,
            "asset": settings.pay.asset,
            "automatic": settings.pay.automatic,
            "ceiling": str(settings.pay.ceiling) if settings.pay.ceiling is not None else None,
            "destination": settings.pay.destination,
        }
    return Settings(at=at, settings=described)


def started(settings: TellerSettings, machine: Machine, at: datetime, *, head: Head, seen: str | None) -> Start:
    """Return the entry that says that the teller has started, and after which head."""
    return Start(
        at=at,
        device=settings.device_id,
        code=machine.code,
        version=machine.version,
        location=location(settings),
        seen=seen,
        head=head,
    )


def shut_down(
    settings: TellerSettings,
    machine: Machine,
    at: datetime,
    *,
    heads: tuple[Head | None, Head],
    seen: str | None,
    cause: str,
) -> Shutdown:
    """Return the entry that says that the teller ends properly; `heads` are those of its start and its end."""
    return Shutdown(
        at=at,
        device=settings.device_id,
        code=machine.code,
        version=machine.version,
        location=location(settings),
        seen=seen,
        start=heads[0],
        head=heads[1],
        cause=cause,
    )


def outage(begin: datetime, end: datetime) -> Outage:
    """Return the entry that says that the teller was off without having been shut down; a clock that went back makes it empty."""
    return Outage(at=max(begin, end), begin=begin, end=max(begin, end))


def location(settings: TellerSettings) -> str | None:
    """Return where the installation is, in degrees north and east, if that is recorded."""
    if (place := settings.location) is None:
        return None
    return f"{place.latitude:.4f} {place.longitude:.4f}"
