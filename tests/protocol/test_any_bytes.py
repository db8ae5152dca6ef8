"""Whatever arrives: a reader returns a valid message, which can be written again, or raises the contract's error. Nothing else."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol import hub, node, rules
from steward_house.protocol.entity import EntityInfo, EventInfo, State, read_entity
from steward_house.protocol.fields import ContractError, Json, Reason, dump, parse

from . import strategies

MESSAGES = {
    "info": (strategies.infos, node.NodeInfo),
    "ack": (strategies.acks, hub.Ack),
    "document": (strategies.documents, hub.Document),
    "rulebook": (strategies.rulebooks, rules.Rulebook),
    "journal": (strategies.journals, hub.Journal),
    "hub_status": (strategies.hub_statuses, hub.HubStatus),
    "heartbeat": (strategies.heartbeats, hub.Heartbeat),
    "status": (st.sampled_from(node.Status), node.Status),
}


def read[T](reader: Callable[..., T], *arguments: object) -> T | None:
    """Return what a reader makes of something; None where it refuses, in the contract's own way."""
    try:
        return reader(*arguments)
    except ContractError as error:
        refusal = error
    assert isinstance(refusal.reason, Reason)
    assert str(refusal).encode()
    return None


@pytest.mark.parametrize("name", MESSAGES)
@given(st.data())
def test_messages(name: str, data: st.DataObject) -> None:
    valid, kind = MESSAGES[name]
    payload = data.draw(strategies.payloads(valid.map(lambda message: message.encode())))
    message: Any = read(kind.decode, payload)
    assert message is None or kind.decode(message.encode()) == message


@given(strategies.stateful, st.data())
def test_states(entity: EntityInfo, data: st.DataObject) -> None:
    valid = strategies.states(entity).map(entity.encode)
    state = read(entity.decode, data.draw(strategies.payloads(valid)))
    if state is not None:
        assert entity.decode(entity.encode(state)) == state


@given(strategies.entities, strategies.values)
def test_states_in_json(entity: EntityInfo, value: Json) -> None:
    state = read(entity.from_json, value)
    if state is not None:
        assert entity.from_json(entity.to_json(state)) == state


@given(strategies.entities_and_commands(), st.data())
def test_commands(pair: tuple[EntityInfo, node.Command], data: st.DataObject) -> None:
    entity, command = pair
    payload = data.draw(strategies.payloads(st.just(command.encode(entity))))
    taken = read(node.Command.decode, payload, entity)
    assert taken is None or node.Command.decode(taken.encode(entity), entity) == taken


@given(
    strategies.entities,
    strategies.payloads(strategies.entities_and_commands().map(lambda pair: pair[1].encode(pair[0]))),
)
def test_commands_of_another_entity(entity: EntityInfo, payload: bytes) -> None:
    taken = read(node.Command.decode, payload, entity)
    assert taken is None or entity.commandable


@given(strategies.entities_and_events(), st.data())
def test_events(pair: tuple[EventInfo, node.Event], data: st.DataObject) -> None:
    entity, event = pair
    taken = read(node.Event.decode, data.draw(strategies.payloads(st.just(event.encode(entity)))), entity)
    assert taken is None or node.Event.decode(taken.encode(entity), entity) == taken


@given(st.data())
def test_all_states(data: st.DataObject) -> None:
    valid = st.lists(strategies.entities_and_states, max_size=4, unique_by=lambda pair: pair[0].id)
    payload = data.draw(strategies.payloads(valid.map(lambda pairs: node.encode_states(dict(pairs)))))
    states = read(node.decode_states, payload)
    assert states is None or parse(dump(states), 2 * node.MAX_STATES_BYTES) == states


@given(strategies.values | strategies.nasty)
def test_entities(value: Any) -> None:
    entity = read(read_entity, value)
    assert entity is None or read_entity(entity.declare()) == entity


@given(st.text() | st.from_regex(r"steward/[^/]*/(\w+/[^/]*/)?\w+", fullmatch=True))
def test_topics(text: str) -> None:
    address = read(node.Address.parse, text)
    if address is None:
        return
    if address.leaf is not None:
        assert node.topic(address.node, address.leaf) == text
    else:
        assert address.platform is not None
        assert address.key is not None
        topic = node.command_topic if address.command else node.state_topic
        assert topic(address.node, address.platform, address.key) == text


@given(strategies.entities, strategies.any_state)
def test_states_to_write(entity: EntityInfo, state: State) -> None:
    payload = read(entity.encode, state)
    assert payload is None or entity.decode(payload) == state
    value = read(entity.to_json, state)
    assert value is None or entity.from_json(value) == state


@given(
    strategies.entities, strategies.any_state, st.none() | st.datetimes() | strategies.moments, st.none() | st.text()
)
def test_commands_to_write(entity: EntityInfo, target: State, at: Any, cause: str | None) -> None:
    command = node.Command(target, at, cause)
    payload = read(command.encode, entity)
    assert payload is None or node.Command.decode(payload, entity) == command


anything = st.text() | st.just("\ud800") | st.just("x" * 600_000)
moments = st.datetimes() | st.datetimes(timezones=st.timezones()) | strategies.moments
several = st.lists(anything, max_size=3).map(tuple)
mappings = st.dictionaries(anything, st.recursive(strategies.nasty, st.lists, max_leaves=3), max_size=2)


@given(
    st.one_of(
        st.builds(
            node.NodeInfo,
            instance=strategies.ulids | anything,
            name=strategies.texts | anything,
            house=st.none() | anything,
            versions=st.dictionaries(anything, anything, max_size=2),
            capabilities=several,
            modules=st.dictionaries(anything, st.builds(node.ModuleInfo, problem=st.none() | anything), max_size=2),
            entities=st.lists(
                strategies.entities | st.builds(EventInfo, key=anything, name=anything, event_types=several),
                max_size=2,
                unique_by=lambda entity: entity.id,
            ).map(tuple),
        ),
        st.builds(hub.Ack, anything, several, several),
        st.builds(hub.Document, st.integers(), st.lists(strategies.nasty, max_size=3).map(tuple)),
        st.builds(
            hub.Journal,
            strategies.ulids | anything,
            st.lists(st.builds(hub.JournalEntry, moments, anything, mappings), max_size=2).map(tuple),
            st.integers(),
        ),
        st.builds(
            hub.HubStatus,
            anything,
            strategies.ulids | anything,
            st.none() | anything,
            st.none() | anything,
            st.booleans(),
        ),
        st.builds(hub.Heartbeat, strategies.ulids | anything, moments),
    )
)
def test_messages_to_write(message: Any) -> None:
    payload = read(message.encode)
    assert payload is None or message.decode(payload) == message


@given(strategies.events, anything, strategies.ulids | anything, moments, mappings)
def test_events_to_write(entity: EventInfo, event_type: str, ulid: str, at: Any, attributes: dict[str, Any]) -> None:
    for one in (event_type, entity.event_types[0]):
        event = node.Event(one, ulid, at, attributes)
        payload = read(event.encode, entity)
        assert payload is None or node.Event.decode(payload, entity) == event


@given(strategies.entities_and_states, st.integers(0, 10))
def test_states_to_write_together(pair: tuple[EntityInfo, State], more: int) -> None:
    entity, state = pair
    payload = read(node.encode_states, {entity: state})
    assert payload is not None
    assert read(node.encode_states, {entity: 10**5000 + more}) is None
