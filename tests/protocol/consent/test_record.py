"""Records and projections: the seed's folds, an order that has to make sense, and documents that say nothing else."""

from dataclasses import replace
from datetime import timedelta
import json

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.consent.document import write_document
from steward_house.protocol.consent.errors import ConsentError, Refusal
from steward_house.protocol.consent.events import Device, Event, EventType, Policy, devices, policies
from steward_house.protocol.consent.grain import Grain
from steward_house.protocol.consent.record import MAX_EVENTS, Grant, Record, open_record
from steward_house.protocol.consent.scope import narrow
from steward_house.protocol.seal.errors import SealError

from .made import AT, HOUSE, PROVIDER, SCOPE, SIGNING, scopes

METER, OTHER = Device("meter-1", "P1 meter"), Device("meter-2", "P1 meter")
GRANT = Grant("grant-1", "house-7f3a", PROVIDER, "Draw", bytes(range(32)))
LESS = replace(SCOPE, grain=Grain.DAY)
LABEL = "github.com/steward-house/meter/consent-record/v1"
ADDED, DELETED = EventType.DEVICE_ADDED, EventType.DEVICE_DELETED
GIVEN, REVOKED = EventType.AUTHORIZED, EventType.AUTHORIZATION_REVOKED

DEVICES = st.sampled_from([METER, OTHER])
POLICIES = st.builds(
    Policy,
    st.sampled_from([PROVIDER, replace(PROVIDER, name="Another")]),
    st.sampled_from(["Draw", "Advise"]),
    DEVICES,
    st.sampled_from([SCOPE, LESS]),
)
EVENTS = st.lists(
    st.builds(Event, st.sampled_from([ADDED, DELETED]), st.just(AT), DEVICES)
    | st.builds(Event, st.sampled_from([GIVEN, REVOKED]), st.just(AT), POLICIES),
    max_size=30,
)


def story(*steps: tuple[EventType, Device | Policy]) -> Record:
    record = Record(GRANT)
    for number, (kind, subject) in enumerate(steps):
        record = record.adding(Event(kind, AT + timedelta(hours=number), subject))
    return record


POLICY, NARROWED = GRANT.policy(METER, SCOPE), GRANT.policy(METER, LESS)
WHOLE = story((ADDED, METER), (GIVEN, POLICY), (REVOKED, POLICY), (GIVEN, NARROWED), (DELETED, METER))
DATA = WHOLE.sign(HOUSE)


def to_devices(events):
    """Return the devices, folded as the seed's `toDevices` does: deep equality on plain lists."""
    found = []
    for event in events:
        if event.type == "DEVICE_ADDED":
            found = [device for device in found if device != event.subject] + [event.subject]
        if event.type == "DEVICE_DELETED":
            found = [device for device in found if device != event.subject]
    return found


def to_policies(events):
    """Return the policies, folded as the seed's `toPolicies` does."""
    found = []
    for event in events:
        if event.type == "AUTHORIZED":
            found = [policy for policy in found if policy != event.subject] + [event.subject]
        if event.type == "AUTHORIZATION_REVOKED":
            found = [policy for policy in found if policy != event.subject]
        if event.type in {"DEVICE_ADDED", "DEVICE_DELETED"}:
            found = [policy for policy in found if policy.device != event.subject]
    return found


@given(EVENTS)
def test_projections_are_the_seeds(events):
    assert {*devices(events)} == {*to_devices(events)}
    assert {*policies(events)} == {*to_policies(events)}
    assert len({*policies(events)}) == len(policies(events))
    assert len({*devices(events)}) == len(devices(events))


@given(EVENTS)
def test_a_record_takes_only_what_can_follow(events):
    record = Record(GRANT)
    for event in events:
        before = record
        try:
            record = record.adding(event)
        except ConsentError:
            continue
        assert record.extends(before)
        assert not before.extends(record)
        assert len(policies(record.events)) <= 1
        assert record.standing == next(iter(to_policies(record.events)), None)
        assert record.standing is None or record.standing.device in to_devices(record.events)
    assert open_record(record.sign(HOUSE), HOUSE.verifier) == record


@given(scopes(), scopes())
def test_any_scope_is_recorded(scope, by):
    record = story((ADDED, METER), (GIVEN, GRANT.policy(METER, scope)))
    try:
        narrowed = narrow(scope, by)
    except ConsentError:
        return
    record = record.adding(Event(REVOKED, AT, GRANT.policy(METER, scope)))
    assert record.standing is None
    record = record.adding(Event(GIVEN, AT, GRANT.policy(METER, narrowed)))
    assert record.standing == GRANT.policy(METER, narrowed)
    assert open_record(record.sign(HOUSE), HOUSE.verifier) == record


def test_what_ends_consent():
    assert story((ADDED, METER), (GIVEN, POLICY)).standing == POLICY
    assert story((ADDED, METER), (GIVEN, POLICY), (REVOKED, POLICY)).standing is None
    assert story((ADDED, METER), (GIVEN, POLICY), (DELETED, METER)).standing is None
    assert story((ADDED, METER), (GIVEN, POLICY), (DELETED, METER), (ADDED, METER)).standing is None
    assert story((ADDED, METER), (GIVEN, POLICY), (ADDED, OTHER)).standing == POLICY
    assert Record(GRANT).standing is None


@pytest.mark.parametrize(
    "steps",
    [
        [(GIVEN, POLICY)],
        [(ADDED, METER), (ADDED, METER)],
        [(DELETED, METER)],
        [(ADDED, METER), (REVOKED, POLICY)],
        [(ADDED, METER), (GIVEN, POLICY), (GIVEN, POLICY)],
        [(ADDED, METER), (GIVEN, POLICY), (GIVEN, NARROWED)],
        [(ADDED, METER), (GIVEN, POLICY), (REVOKED, NARROWED)],
        [(ADDED, METER), (GIVEN, POLICY), (REVOKED, POLICY), (REVOKED, POLICY)],
        [(ADDED, METER), (GIVEN, POLICY), (DELETED, METER), (REVOKED, POLICY)],
        [(ADDED, METER), (GIVEN, replace(POLICY, purpose="More"))],
        [(ADDED, METER), (GIVEN, replace(POLICY, provider=replace(PROVIDER, name="Another")))],
    ],
)
def test_what_cant_follow(steps):
    with pytest.raises(ConsentError) as error:
        story(*steps)
    assert error.value.fault is Refusal.CONTRADICTION


def test_a_clock_that_was_set_back_keeps_nobody_from_revoking():
    record = story((ADDED, METER), (GIVEN, POLICY)).adding(Event(REVOKED, AT - timedelta(days=400), POLICY))
    assert open_record(record.sign(HOUSE), HOUSE.verifier).standing is None


def test_no_changed_byte_passes():
    for at in range(0, len(DATA), 3):
        changed = bytearray(DATA)
        changed[at] ^= 1
        with pytest.raises(SealError):
            open_record(bytes(changed), HOUSE.verifier)
    for at in range(0, len(DATA), 97):
        with pytest.raises(SealError):
            open_record(DATA[:at], HOUSE.verifier)
    with pytest.raises(SealError):
        open_record(DATA, SIGNING.verifier)


def paths(value, path=()):
    """Return the place of every value in a JSON document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from paths(item, (*path, name))


PLAIN = json.loads(DATA.decode().split("\n")[1])


@pytest.mark.parametrize("path", [path for path in paths(PLAIN) if path], ids=lambda path: ".".join(map(str, path)))
def test_a_house_that_errs_in_one_member(path):
    """Each member counts: another value or none is refused, or read as another record."""
    for value in ("x", None, 7, []):
        document = json.loads(json.dumps(PLAIN))
        of = document
        for name in path[:-1]:
            of = of[name]
        if of[path[-1]] == value:
            continue
        of[path[-1]] = value
        data = write_document(LABEL, document, HOUSE, 1 << 19)
        try:
            assert open_record(data, HOUSE.verifier) != WHOLE
        except SealError:
            continue


def test_more_than_a_record_says():
    for change in ({"more": 1}, {"events": [*PLAIN["events"], PLAIN["events"][0] | {"more": 1}]}):
        data = write_document(LABEL, PLAIN | change, HOUSE, 1 << 19)
        with pytest.raises(SealError):
            open_record(data, HOUSE.verifier)


def test_the_fields_of_the_specification():
    assert {"schema_version", "record_id", "pii_principal_id", "pii_processing", "party_identification"} <= {*PLAIN}
    assert [event["event_state"] for event in PLAIN["events"]] == [
        "device_added",
        "consent_given",
        "consent_withdrawn",
        "consent_given",
        "device_deleted",
    ]
    assert PLAIN["events"][1]["validity_duration"] == "2027-03-01T00:00:00.000Z"
    (purpose,) = PLAIN["pii_processing"]["purposes"]
    assert purpose["lawful_basis"] == "consent"
    assert purpose["pii_information"] == [{"pii_type": "energy_import"}, {"pii_type": "power"}]


def test_what_is_none():
    for make in (
        lambda: Grant("no grant", "house", PROVIDER, "Draw", bytes(32)),
        lambda: Grant("grant", "", PROVIDER, "Draw", bytes(32)),
        lambda: Grant("grant", "house", PROVIDER, "", bytes(32)),
        lambda: Grant("grant", "house", PROVIDER, "Draw", b""),
        lambda: Device("", "meter"),
        lambda: Device("meter", "\n"),
        lambda: Policy(PROVIDER, "", METER, SCOPE),
        lambda: Event(GIVEN, AT, METER),
        lambda: Event(ADDED, AT, POLICY),
        lambda: Event(ADDED, AT + timedelta(microseconds=1), METER),
        lambda: Record(GRANT, (Event(ADDED, AT, METER),) * (MAX_EVENTS + 1)),
    ):
        with pytest.raises(SealError):
            make()


def test_the_longest_record_is_read():
    pair = (Event(ADDED, AT, METER), Event(GIVEN, AT, POLICY), Event(REVOKED, AT, POLICY), Event(DELETED, AT, METER))
    record = Record(GRANT, pair * (MAX_EVENTS // 4))
    assert open_record(record.sign(HOUSE), HOUSE.verifier) == record
