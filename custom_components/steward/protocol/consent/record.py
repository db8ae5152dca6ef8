"""A grant's own signed record: who was allowed what, when and for how long, in the fields of ISO/IEC TS 27560:2023.

It is one document, signed by the house and written anew with each event, that only this grant's provider and the house's people get. Two
records of a grant show whether the later one extends the earlier (`extends`). The fields are the specification's sections: header
(6.3.3), PII processing (6.3.4, 6.3.5), party identification (6.3.6) and events (6.3.7); members that it has no name for are `request`,
the SHA-256 of what was asked, and an event's `device` and `scope`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self

from ..books.codec import canonical, read_moment, stamp
from ..fields import Fields, Json
from ..log.errors import NoteError
from ..log.note import NoteSigner, Verifier
from ..log.text import read_hash, write_base64
from ..log.tree import HASH_BYTES
from ..seal.framing import label
from ..seal.ids import check_grant
from .document import check_signature, read_document, write_document
from .errors import ConsentError, Refusal, refusing
from .events import Device, Event, EventType, Policy, devices_after, policies, policies_after
from .request import MAX_NAME, MAX_PURPOSE, Provider, check_text
from .scope import Scope, only

MAX_EVENTS: Final = 1000
MAX_RECORD_BYTES: Final = 1 << 19
_LABEL: Final = label("consent-record").decode()
_SCHEMA: Final = f"ISO/IEC TS 27560:2023; {_LABEL}"
_CONTROLLER: Final = "provider"
_GIVEN: Final = {
    EventType.AUTHORIZED: "consent_given",
    EventType.AUTHORIZATION_REVOKED: "consent_withdrawn",
    EventType.DEVICE_ADDED: "device_added",
    EventType.DEVICE_DELETED: "device_deleted",
}
_EVENT_MEMBERS: Final = ("device", "entity_id", "event_state", "event_time", "event_type", "scope", "validity_duration")


@dataclass(frozen=True, slots=True)
class Grant:
    """One provider's access: its id, the SHA-256 of the request that it answers, and a pseudonym of the house for this grant only."""

    id: str
    principal: str
    provider: Provider
    purpose: str
    request: bytes

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            SealError: they are not those of a grant.
        """
        check_grant(self.id)
        check_text(self.principal, MAX_NAME, "pii_principal_id")
        check_text(self.purpose, MAX_PURPOSE, "purpose")
        if len(self.request) != HASH_BYTES:
            raise ConsentError(Refusal.MALFORMED, "request", "it is named by its SHA-256")

    def policy(self, device: Device, scope: Scope) -> Policy:
        """Return what the grant allows with a device and a scope."""
        return Policy(self.provider, self.purpose, device, scope)


@dataclass(frozen=True, slots=True)
class Record:
    """A grant and what happened to it, in the order in which it happened."""

    grant: Grant
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        """Check that each event can follow on those before it.

        Raises:
            ConsentError: one can't, there are too many, or a policy is not this grant's.
        """
        if len(self.events) > MAX_EVENTS:
            raise ConsentError(Refusal.TOO_LONG, "events", f"more than {MAX_EVENTS}")
        standing: tuple[Policy, ...] = ()
        paired: tuple[Device, ...] = ()
        for number, event in enumerate(self.events):
            self._check_follows(event, standing, paired, f"event {number}")
            standing, paired = policies_after(standing, event), devices_after(paired, event)

    @property
    def standing(self) -> Policy | None:
        """The policy that stands; None once consent has ended, or before it was given."""
        return next(iter(policies(self.events)), None)

    def adding(self, event: Event) -> Self:
        """Return the record with one more event.

        Raises:
            ConsentError: it can't follow: consent is given twice, ended twice, or for a device that isn't paired.
        """
        return replace(self, events=(*self.events, event))

    def extends(self, earlier: Self) -> bool:
        """Whether it says all that an earlier record said, and in the same order."""
        return self.grant == earlier.grant and self.events[: len(earlier.events)] == earlier.events

    def to_json(self) -> dict[str, Json]:
        """Return the record as a JSON object."""
        grant = self.grant
        quantities = sorted({name for event in self.events for name in _quantities(event)})
        purpose: dict[str, Json] = {
            "collection_method": "smart meter",
            "lawful_basis": "consent",
            "pii_controllers": [_CONTROLLER],
            "pii_information": [{"pii_type": name} for name in quantities],
            "processing_method": "read by the provider, encrypted end to end",
            "purpose": grant.purpose,
            "withdrawal_method": "in the house, at any time",
        }
        party: dict[str, Json] = {"party_id": _CONTROLLER, "party_role": "PII controller", **grant.provider.to_json()}
        return {
            "events": [_write_event(event) for event in self.events],
            "party_identification": [party],
            "pii_principal_id": grant.principal,
            "pii_processing": {"privacy_notice": grant.provider.site.text, "purposes": [purpose]},
            "record_id": grant.id,
            "request": write_base64(grant.request),
            "schema_version": _SCHEMA,
        }

    def sign(self, house: NoteSigner) -> bytes:
        """Return the record as the house signs it.

        Raises:
            ConsentError: it is too long.
        """
        return write_document(_LABEL, self.to_json(), house, MAX_RECORD_BYTES)

    def _check_follows(
        self, event: Event, standing: tuple[Policy, ...], paired: tuple[Device, ...], where: str
    ) -> None:
        match event.subject:
            case Device() as device:
                possible = (device in paired) is (event.type is EventType.DEVICE_DELETED)
            case policy if event.type is EventType.AUTHORIZED:
                own = policy == self.grant.policy(policy.device, policy.scope)
                possible = own and not standing and policy.device in paired
            case policy:
                possible = policy in standing
        if not possible:
            raise ConsentError(Refusal.CONTRADICTION, where, f"{event.type} can't follow on what happened before")


def open_record(data: bytes, house: Verifier) -> Record:
    """Read a record that the house signed.

    Raises:
        SealError: the house did not sign it as it is, or it is no record.
    """
    of, note = read_document(data, _LABEL, MAX_RECORD_BYTES)
    check_signature(note, house)
    with refusing("record"):
        grant = _read_grant(of)
        events = of.items("events", MAX_EVENTS, lambda value, where: _read_event(value, where, grant))
        record = Record(grant, events)
        if canonical(record.to_json()) != canonical(of.rest()):
            raise ConsentError(Refusal.MALFORMED, "record", "it says what a record does not say")
    return record


def _read_grant(of: Fields) -> Grant:
    (party,) = of.items("party_identification", 1, Fields) or (Fields({}, "party_identification"),)
    purposes = Fields(of.need("pii_processing"), "pii_processing").items("purposes", 1, Fields)
    if not purposes:
        raise ConsentError(Refusal.MALFORMED, "purposes", "there is none")
    return Grant(
        of.text("record_id"),
        of.text("pii_principal_id"),
        Provider.from_fields(party),
        purposes[0].text("purpose", MAX_PURPOSE),
        read_hash(of.text("request"), "request", NoteError),
    )


def _write_event(event: Event) -> Json:
    scope: dict[str, Json] = {}
    if isinstance(event.subject, Policy):
        scope = {"scope": event.subject.scope.to_json(), "validity_duration": stamp(event.subject.scope.until)}
    return {
        "device": {"id": event.device.id, "kind": event.device.kind},
        "entity_id": "pii_principal",
        "event_state": _GIVEN[event.type],
        "event_time": stamp(event.at),
        "event_type": event.type.value,
        **scope,
    }


def _read_event(value: Json, where: str, grant: Grant) -> Event:
    of = Fields(value, where)
    only(of, *_EVENT_MEMBERS)
    try:
        type_ = EventType(of.text("event_type"))
    except ValueError:
        raise ConsentError(Refusal.MALFORMED, of.place("event_type"), "it is not known here") from None
    named = Fields(of.need("device"), of.place("device"))
    device = Device(named.text("id"), named.text("kind"))
    subject: Policy | Device = device
    if type_ in {EventType.AUTHORIZED, EventType.AUTHORIZATION_REVOKED}:
        subject = grant.policy(device, Scope.from_json(of.need("scope"), of.place("scope")))
    return Event(type_, read_moment(of.need("event_time"), of.place("event_time")), subject)


def _quantities(event: Event) -> Iterable[str]:
    return (name.value for name in event.subject.scope.quantities) if isinstance(event.subject, Policy) else ()
