"""The wire format, payload by payload: vectors.json says what each reads as, and what is written for it."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, time
import json
from pathlib import Path
from typing import Any, Final

import pytest

from steward_house.protocol import hub, node, rules
from steward_house.protocol.entity import EventInfo, read_entity
from steward_house.protocol.fields import ContractError, Json

VECTORS: Final = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
KINDS: Final = {
    "info": node.NodeInfo,
    "ack": hub.Ack,
    "document": hub.Document,
    "rulebook": rules.Rulebook,
    "journal": hub.Journal,
    "hub_status": hub.HubStatus,
    "heartbeat": hub.Heartbeat,
    "status": node.Status,
}


def plain(value: Any) -> Any:
    """Return a value as the vectors state it: members by name, times as RFC 3339 texts, tuples as lists."""
    match value:
        case datetime() | time():
            return value.isoformat()
        case tuple() | list():
            return [plain(item) for item in value]
        case Mapping():
            return {name: plain(item) for name, item in value.items()}
        case _ if is_dataclass(value):
            kind = {name: getattr(value, name) for name in ("platform", "kind") if hasattr(value, name)}
            return kind | {member.name: plain(getattr(value, member.name)) for member in fields(value)}
        case _:
            return value


def same(one: Json, other: Json) -> bool:
    """Tell whether two values are the same in kind, too: 1 is neither 1.0 nor true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def written(vector: Mapping[str, Any]) -> bytes:
    """Return what is written for a vector's value: its payload, unless the vector says otherwise."""
    return str(vector.get("written", vector["payload"])).encode()


def name(vector: Mapping[str, Any]) -> str:
    """Return a vector's name in the list of tests."""
    return f"{vector.get('about', vector['payload'])}"[:50]


@pytest.mark.parametrize("vector", VECTORS["states"], ids=name)
def test_state(vector: Mapping[str, Any]) -> None:
    entity = read_entity(vector["entity"])
    state = entity.decode(vector["payload"].encode())
    assert same(plain(state), vector["value"])
    assert entity.encode(state) == written(vector)


@pytest.mark.parametrize("vector", VECTORS["commands"], ids=name)
def test_command(vector: Mapping[str, Any]) -> None:
    entity = read_entity(vector["entity"])
    command = node.Command.decode(vector["payload"].encode(), entity)
    assert same(plain(command), vector["value"])
    assert command.encode(entity) == written(vector)


@pytest.mark.parametrize("vector", VECTORS["events"], ids=name)
def test_event(vector: Mapping[str, Any]) -> None:
    entity = read_entity(vector["entity"])
    assert isinstance(entity, EventInfo)
    event = node.Event.decode(vector["payload"].encode(), entity)
    assert same(plain(event), vector["value"])
    assert event.encode(entity) == written(vector)


@pytest.mark.parametrize("vector", VECTORS["all_states"], ids=name)
def test_all_states(vector: Mapping[str, Any]) -> None:
    entities = [read_entity(entity) for entity in vector["entities"]]
    values = node.decode_states(vector["payload"].encode())
    states = {entity: entity.from_json(values[f"{entity.platform}/{entity.key}"]) for entity in entities}
    assert same([plain(state) for state in states.values()], vector["values"])
    assert node.encode_states(states) == written(vector)


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: f"{vector['kind']} {name(vector)}"[:50])
def test_message(vector: Mapping[str, Any]) -> None:
    message: Any = KINDS[vector["kind"]].decode(vector["payload"].encode())
    assert same(plain(message), vector["value"])
    assert message.encode() == written(vector)


@pytest.mark.parametrize("vector", VECTORS["topics"], ids=lambda vector: vector["topic"])
def test_topic(vector: Mapping[str, Any]) -> None:
    assert same(plain(node.Address.parse(vector["topic"])), vector["value"])


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: f"{vector['kind']} {name(vector)}"[:50])
def test_refused(vector: Mapping[str, Any]) -> None:
    with pytest.raises(ContractError) as refusal:
        KINDS[vector["kind"]].decode(vector["payload"].encode())
    assert (refusal.value.reason.value, refusal.value.where) == (vector["reason"], vector["where"])


def test_every_kind_of_message_has_a_vector() -> None:
    assert {vector["kind"] for vector in VECTORS["messages"]} == {*KINDS}
    platforms = {
        vector["entity"]["platform"] for group in ("states", "commands", "events") for vector in VECTORS[group]
    }
    assert platforms == {"binary_sensor", "button", "event", "light", "number", "sensor", "switch"}
