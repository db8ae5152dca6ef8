"""What happens to consent, and what follows from it: the devices that are paired, the policies that stand.

The two folds are those of the seed's `toDevices` and `toPolicies`: what is equal is the same; a device that comes or goes takes its
policies with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .errors import ConsentError, Refusal
from .request import MAX_NAME, MAX_PURPOSE, Provider, check_text
from .scope import Scope, check_moment


class EventType(StrEnum):
    """What happens. Narrowing is a revocation and an authorization of less."""

    AUTHORIZED = "AUTHORIZED"
    AUTHORIZATION_REVOKED = "AUTHORIZATION_REVOKED"
    DEVICE_ADDED = "DEVICE_ADDED"
    DEVICE_DELETED = "DEVICE_DELETED"


@dataclass(frozen=True, slots=True)
class Device:
    """A meter as a grant's record names it: an id, which is best no other grant's, and what kind of thing it is."""

    id: str
    kind: str

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ConsentError: a text can't be shown.
        """
        check_text(self.id, MAX_NAME, "device")
        check_text(self.kind, MAX_NAME, "device")


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may read what of which meter, for what."""

    provider: Provider
    purpose: str
    device: Device
    scope: Scope

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ConsentError: the purpose can't be shown.
        """
        check_text(self.purpose, MAX_PURPOSE, "purpose")


@dataclass(frozen=True, slots=True)
class Event:
    """A policy is made or ended, or a device comes or goes."""

    type: EventType
    at: datetime
    subject: Policy | Device

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ConsentError: the time is none, or this can't happen to that.
        """
        check_moment(self.at, "event_time")
        about_devices = self.type in {EventType.DEVICE_ADDED, EventType.DEVICE_DELETED}
        if isinstance(self.subject, Device) is not about_devices:
            raise ConsentError(Refusal.MALFORMED, "event_type", f"{self.type} is not about this")

    @property
    def device(self) -> Device:
        """The device that it is about."""
        return self.subject if isinstance(self.subject, Device) else self.subject.device


def devices(events: Iterable[Event]) -> tuple[Device, ...]:
    """Return the devices that were added and not deleted, the oldest first."""
    found: tuple[Device, ...] = ()
    for event in events:
        found = devices_after(found, event)
    return found


def policies(events: Iterable[Event]) -> tuple[Policy, ...]:
    """Return the policies that stand, the oldest first."""
    found: tuple[Policy, ...] = ()
    for event in events:
        found = policies_after(found, event)
    return found


def devices_after(before: tuple[Device, ...], event: Event) -> tuple[Device, ...]:
    """Return the devices after one more event."""
    match event.type:
        case EventType.DEVICE_ADDED if event.device not in before:
            return (*before, event.device)
        case EventType.DEVICE_DELETED:
            return tuple(device for device in before if device != event.device)
    return before


def policies_after(before: tuple[Policy, ...], event: Event) -> tuple[Policy, ...]:
    """Return the policies that stand after one more event."""
    match event.subject:
        case Device() as device:
            return tuple(policy for policy in before if policy.device != device)
        case Policy() as policy if event.type is EventType.AUTHORIZATION_REVOKED:
            return tuple(other for other in before if other != policy)
        case Policy() as policy if policy not in before:
            return (*before, policy)
    return before
