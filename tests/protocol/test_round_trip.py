"""Every message reads back as what was written."""

from hypothesis import given, strategies as st

from steward_house.protocol import hub, node, rules
from steward_house.protocol.entity import EntityInfo, EventInfo, Platform, State, read_entity
from steward_house.protocol.fields import Json, dump, parse

from . import strategies


@given(strategies.values)
def test_json(value: Json) -> None:
    assert parse(dump(value), 2**20) == value


@given(strategies.entities)
def test_entity(entity: EntityInfo) -> None:
    read = read_entity(parse(dump(entity.declare()), node.MAX_INFO_BYTES))
    assert read == entity
    assert read.id == (entity.platform, entity.key)


@given(strategies.infos)
def test_info(info: node.NodeInfo) -> None:
    assert node.NodeInfo.decode(info.encode()) == info


@given(strategies.entities_and_states)
def test_state(pair: tuple[EntityInfo, State]) -> None:
    entity, state = pair
    read = entity.decode(entity.encode(state))
    assert read == state
    assert isinstance(read, bool) is isinstance(state, bool)


@given(strategies.entities_and_states)
def test_state_in_json(pair: tuple[EntityInfo, State]) -> None:
    entity, state = pair
    assert entity.from_json(parse(dump(entity.to_json(state)), 2**20)) == state


@given(st.lists(strategies.entities_and_states, max_size=6, unique_by=lambda pair: pair[0].id))
def test_states(pairs: list[tuple[EntityInfo, State]]) -> None:
    read = node.decode_states(node.encode_states(dict(pairs)))
    assert {
        name: entity.from_json(read[name]) for entity, _ in pairs for name in [f"{entity.platform}/{entity.key}"]
    } == {f"{entity.platform}/{entity.key}": state for entity, state in pairs}
    assert len(read) == len(pairs)


@given(strategies.entities_and_commands())
def test_command(pair: tuple[EntityInfo, node.Command]) -> None:
    entity, command = pair
    assert node.Command.decode(command.encode(entity), entity) == command


@given(strategies.entities_and_events())
def test_event(pair: tuple[EventInfo, node.Event]) -> None:
    entity, event = pair
    assert node.Event.decode(event.encode(entity), entity) == event


@given(strategies.acks)
def test_ack(ack: hub.Ack) -> None:
    assert hub.Ack.decode(ack.encode()) == ack


@given(strategies.documents)
def test_document(document: hub.Document) -> None:
    assert hub.Document.decode(document.encode()) == document


@given(strategies.journals)
def test_journal(journal: hub.Journal) -> None:
    assert hub.Journal.decode(journal.encode()) == journal


@given(strategies.rulebooks)
def test_rulebook(book: rules.Rulebook) -> None:
    read = rules.Rulebook.decode(book.encode())
    assert read == book
    assert read.encode() == book.encode()


@given(strategies.nodes, st.sampled_from(Platform), strategies.keys)
def test_path(name: str, platform: Platform, key: str) -> None:
    assert rules.split_path(rules.entity_path(name, platform, key)) == (name, platform, key)


@given(strategies.hub_statuses)
def test_hub_status(status: hub.HubStatus) -> None:
    assert hub.HubStatus.decode(status.encode()) == status


@given(strategies.heartbeats)
def test_heartbeat(heartbeat: hub.Heartbeat) -> None:
    assert hub.Heartbeat.decode(heartbeat.encode()) == heartbeat


@given(st.sampled_from(node.Status))
def test_status(status: node.Status) -> None:
    assert node.Status.decode(status.encode()) is status


@given(strategies.nodes, st.sampled_from(node.Leaf))
def test_topic_of_a_leaf(name: str, leaf: node.Leaf) -> None:
    assert node.Address.parse(node.topic(name, leaf)) == node.Address(name, leaf)


@given(strategies.nodes, strategies.entities)
def test_topics_of_an_entity(name: str, entity: EntityInfo) -> None:
    platform, key = entity.id
    assert node.Address.parse(node.state_topic(name, platform, key)) == node.Address(name, None, platform, key)
    assert node.Address.parse(node.command_topic(name, platform, key)) == node.Address(
        name, None, platform, key, command=True
    )
