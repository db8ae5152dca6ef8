"""What a teller's config entry says, parsed once: frozen settings, and the keys that they are kept under.

A section that isn't configured is missing from the entry, and None here. Sections never hold half of something: the config flow
only writes what can be parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_ENTITY_ID, CONF_LATITUDE, CONF_LOCATION, CONF_LONGITUDE, CONF_NAME, CONF_URL

from ..protocol.books.terms import SourceKind

# The project.
CONF_PROJECT: Final = "project"
CONF_ASSET: Final = "asset"
CONF_CURRENCY: Final = "currency"
CONF_DEVICE_ID: Final = "device_id"
CONF_ORIGIN: Final = "origin"
CONF_CAPABILITY: Final = "capability"
CONF_ZONE: Final = "zone"

# What is owed; terms.py makes the terms of it.
CONF_TARIFF: Final = "tariff"
CONF_TARIFF_KIND: Final = "kind"
CONF_PRICE: Final = "price"
CONF_LOW: Final = "low"
CONF_HIGH: Final = "high"
CONF_ROWS: Final = "rows"
CONF_PERIOD: Final = "period"
CONF_UNIT: Final = "unit"
CONF_COUNT: Final = "count"
CONF_START: Final = "start"
CONF_DUE_DAYS: Final = "due_days"
CONF_GAPS: Final = "gaps"
CONF_WORTH: Final = "worth"
CONF_AFTER: Final = "after"
CONF_CREDITOR: Final = "creditor"
CONF_SIGNED_TERMS: Final = "signed_terms"

# Witnesses.
CONF_WITNESSES: Final = "witnesses"
CONF_VERIFIER: Final = "verifier"
CONF_QUORUM: Final = "quorum"

# Anchors.
CONF_IPFS: Final = "ipfs"
CONF_SHARE_ENTRIES: Final = "share_entries"
CONF_STELLAR: Final = "stellar"
CONF_HORIZON: Final = "horizon"
CONF_NETWORK: Final = "network"
CONF_ACCOUNT: Final = "account"
CONF_ANCHOR: Final = "anchor"
CONF_RFC3161: Final = "rfc3161"

# Payback.
CONF_PAY: Final = "pay"
CONF_AUTOMATIC: Final = "automatic"
CONF_CEILING: Final = "ceiling"
CONF_DESTINATION: Final = "destination"
CONF_PAY_ASSET: Final = "pay_asset"

# Subentries.
SUBENTRY_SOURCE: Final = "source"
SUBENTRY_PARTY: Final = "party"
CONF_SOURCE: Final = "source"
CONF_SOURCE_KIND: Final = "source_kind"
CONF_ROLLOVER: Final = "rollover"
CONF_MAX_POWER: Final = "max_power"
CONF_ROLE: Final = "role"
CONF_NOTIFY: Final = "notify"

NATIVE: Final = "native"
"""The asset of a payment in lumens; others are `CODE:ISSUER`."""
LUMENS: Final = "XLM"
"""The code of lumens, as a project's currency."""


class Role(StrEnum):
    """What a party is to the project."""

    RECIPIENT = "recipient"
    PLATFORM = "platform"
    GUARANTOR = "guarantor"
    INVESTOR = "investor"


@dataclass(frozen=True, slots=True)
class Location:
    """Where the installation is, in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Witness:
    """A C2SP witness: the URL that `/add-checkpoint` is below, and its verifier key (`name+hash+key`)."""

    url: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Ipfs:
    """A Kubo node's RPC API (such as http://127.0.0.1:5001), and whether entries are published too."""

    url: str
    share_entries: bool = False


@dataclass(frozen=True, slots=True)
class Stellar:
    """A Stellar network, and the account that anchors are written with (`anchor`); payments use the network as well.

    `account` is a public key (`G…`), None where only payments are made; its secret key is kept by `anchors/keys.py`.
    """

    horizon: str
    passphrase: str
    account: str | None = None
    anchor: bool = False


@dataclass(frozen=True, slots=True)
class Rfc3161:
    """A time stamp authority's URL."""

    url: str


@dataclass(frozen=True, slots=True)
class Pay:
    """How the debt is paid.

    `destination` is the creditor's account (`G…`), `asset` is `native` or `CODE:ISSUER`, `ceiling` the most that one period's payments
    may come to by themselves. `account` is the dedicated one of automatic payments; its secret key is kept by `anchors/keys.py`.
    """

    destination: str
    asset: str = NATIVE
    automatic: bool = False
    ceiling: Decimal | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that is metered.

    `id` is its name in the log, which stays when the entity is renamed or another takes its place. `rollover` is the register's size in kWh,
    `max_power` the most that can be true, in watts; None where that isn't known.
    """

    id: str
    subentry_id: str
    name: str
    entity_id: str
    kind: SourceKind
    rollover: float | None = None
    max_power: float | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who takes part, and how to tell them: entities of the domain notify, and actions such as `notify.mail`."""

    subentry_id: str
    role: Role
    name: str
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TellerSettings:
    """What the owner configured.

    `tariff`, `period` and `gaps` are as the terms' JSON has them, `zone` is the IANA name of the time zone that the terms name, `creditor` a
    verifier key, `signed_terms` the creditor's signed note over the terms, as text.
    """

    entry_id: str
    project: str
    asset: str
    currency: str
    device_id: str
    origin: str
    capability: str
    zone: str
    location: Location | None
    tariff: Mapping[str, Any]
    period: Mapping[str, Any]
    due_days: int
    gaps: Mapping[str, Any]
    creditor: str | None = None
    signed_terms: str | None = None
    witnesses: tuple[Witness, ...] = ()
    quorum: int = 0
    ipfs: Ipfs | None = None
    stellar: Stellar | None = None
    rfc3161: Rfc3161 | None = None
    pay: Pay | None = None
    sources: tuple[Source, ...] = ()
    parties: tuple[Party, ...] = ()


def can_pay(asset: str, currency: str) -> bool:
    """Tell whether a debt can be paid with an asset: a token stands for one unit of the currency, lumens are their own."""
    return asset != NATIVE or currency == LUMENS


def parse_settings(entry: ConfigEntry[Any]) -> TellerSettings:
    """Read an entry that the config flow made."""
    data = entry.data
    subentries = entry.subentries.values()
    return TellerSettings(
        entry_id=entry.entry_id,
        project=data[CONF_PROJECT],
        asset=data[CONF_ASSET],
        currency=data[CONF_CURRENCY],
        device_id=data[CONF_DEVICE_ID],
        origin=data[CONF_ORIGIN],
        capability=data[CONF_CAPABILITY],
        zone=data[CONF_ZONE],
        location=_location(data.get(CONF_LOCATION)),
        tariff=MappingProxyType(dict(data[CONF_TARIFF])),
        period=MappingProxyType(dict(data[CONF_PERIOD])),
        due_days=data[CONF_DUE_DAYS],
        gaps=MappingProxyType(dict(data[CONF_GAPS])),
        creditor=data.get(CONF_CREDITOR),
        signed_terms=data.get(CONF_SIGNED_TERMS),
        witnesses=tuple(Witness(each[CONF_URL], each[CONF_VERIFIER]) for each in data.get(CONF_WITNESSES, ())),
        quorum=data.get(CONF_QUORUM, 0),
        ipfs=_ipfs(data.get(CONF_IPFS)),
        stellar=_stellar(data.get(CONF_STELLAR)),
        rfc3161=Rfc3161(found[CONF_URL]) if (found := data.get(CONF_RFC3161)) else None,
        pay=_pay(data.get(CONF_PAY)),
        sources=tuple(parse_source(each) for each in subentries if each.subentry_type == SUBENTRY_SOURCE),
        parties=tuple(parse_party(each) for each in subentries if each.subentry_type == SUBENTRY_PARTY),
    )


def parse_source(subentry: ConfigSubentry) -> Source:
    """Read a source's subentry."""
    data = subentry.data
    return Source(
        id=data[CONF_SOURCE],
        subentry_id=subentry.subentry_id,
        name=subentry.title,
        entity_id=data[CONF_ENTITY_ID],
        kind=SourceKind(data[CONF_SOURCE_KIND]),
        rollover=data.get(CONF_ROLLOVER),
        max_power=data.get(CONF_MAX_POWER),
    )


def parse_party(subentry: ConfigSubentry) -> Party:
    """Read a party's subentry."""
    data = subentry.data
    return Party(
        subentry_id=subentry.subentry_id,
        role=Role(data[CONF_ROLE]),
        name=data[CONF_NAME],
        targets=tuple(data.get(CONF_NOTIFY, ())),
    )


def _location(data: Mapping[str, float] | None) -> Location | None:
    return Location(data[CONF_LATITUDE], data[CONF_LONGITUDE]) if data else None


def _ipfs(data: Mapping[str, Any] | None) -> Ipfs | None:
    return Ipfs(data[CONF_URL], data.get(CONF_SHARE_ENTRIES, False)) if data else None


def _stellar(data: Mapping[str, Any] | None) -> Stellar | None:
    if not data:
        return None
    return Stellar(
        horizon=data[CONF_HORIZON],
        passphrase=data[CONF_NETWORK],
        account=data.get(CONF_ACCOUNT),
        anchor=data.get(CONF_ANCHOR, False),
    )


def _pay(data: Mapping[str, Any] | None) -> Pay | None:
    if not data:
        return None
    return Pay(
        destination=data[CONF_DESTINATION],
        asset=data.get(CONF_PAY_ASSET, NATIVE),
        automatic=data.get(CONF_AUTOMATIC, False),
        ceiling=Decimal(ceiling) if (ceiling := data.get(CONF_CEILING)) else None,
        account=data.get(CONF_ACCOUNT),
    )
