"""Where everything of the rules meets: the node's own entities, other nodes, the hub, the events on their way and the journal."""

from collections import OrderedDict
from functools import partial
import logging
from typing import Final

from ..protocol.entity import EntityInfo, EventInfo, State
from ..protocol.fields import ContractError, dump
from ..protocol.hub import HEARTBEAT_TOPIC, STATUS_TOPIC, Ack, Heartbeat, HubStatus
from ..protocol.node import ROOT, Event, Leaf, command_topic, state_topic, topic
from ..protocol.rules import entity_path, split_path
from ..protocol.seen import GONE, Seen, see
from ..protocol.shadow import Act
from .acts import Acts, Post, read_plain
from .clock import Clock
from .commands import Commands, EntityId
from .drops import Drops
from .hub import Hub
from .journal import Journal
from .keeper import Keeper
from .module import Tell
from .node import Node
from .others import Hear, Others
from .outbox import Outbox, Outgoing
from .rules import Rules
from .settings import CLOCK, RULES

_LOG: Final = logging.getLogger(__name__)
_MAX_SKEW: Final = 5.0
"""Seconds by which the machine's clock may differ from the hub's before that is shown."""
_REMEMBERED: Final = 1000


class Dispatcher:
    """The rules and what they need. It outlives connections; the link tells it of them.

    `resubscribe` is set when other topics than before are to be listened to.
    """

    def __init__(self, node: Node, keeper: Keeper, clock: Clock, tell: Tell) -> None:
        """Start with the rules that the last run kept; hand commands to modules by `tell`."""
        self.resubscribe = True
        self.commands = Commands(node.entity, clock, self._permit)
        self.journal = Journal(keeper, clock, self._post_journal)
        self.outbox = Outbox(node.changed.set, self.journal.lose)
        self.hub = Hub(self._hub_changed)
        self.acts = Acts(node, self.commands, tell, self.journal, clock)
        self.rules = Rules(clock, self._act)
        self.others = Others(self, clock)
        self._node = node
        self._keeper = keeper
        self._clock = clock
        self._tell = tell
        self._drops = Drops("a message")
        self._document = b""
        self._refused: str | None = None
        self._skew: float | None = None
        self._own: dict[EntityId, str] = {}
        self._foreign: dict[str, tuple[int, Hear]] = {}
        self._routes: dict[str, tuple[int, Hear]] = {}
        self._types: OrderedDict[str, str] = OrderedDict()
        keeper.add(RULES, lambda: self._document)
        keeper.add(CLOCK, lambda: dump(clock.document()))
        node.watch(self)
        self._route()
        self.hear(topic(node.id, Leaf.RULES), keeper.load(RULES) or b"", retained=True)

    # --- for the link ------------------------------------------------------------------------------------------------

    def topics(self) -> dict[str, int]:
        """Return the topics to listen to, with their QoS."""
        return {f"{ROOT}/{self._node.id}/+/+/command": 1} | {name: qos for name, (qos, _) in self._routes.items()}

    def hear(self, where: str, payload: bytes, *, retained: bool) -> None:
        """Take a message."""
        route = self._routes.get(where)
        if route is None:
            if (command := self.commands.read(where, payload, retained=retained)) is not None:
                self._tell(command)
            return
        try:
            route[1](payload, retained)
        except ContractError as error:
            self._drops.add(where, error)

    def connect(self, post: Post) -> None:
        """Have a connection, on which messages are sent by `post`."""
        self.resubscribe = True
        self.acts.post = post
        self.outbox.connect()

    def disconnect(self) -> None:
        """Have none any more: whether the hub is there can't be known, so it isn't."""
        self.acts.disconnect()
        self.hub.lost()

    # --- what this node tells ----------------------------------------------------------------------------------------

    def own_state(self, entity: EntityInfo, state: State) -> None:
        """Take a state of one of this node's entities."""
        if (path := self._own.get(entity.id)) is not None:
            self.rules.see(path, see(entity.platform, entity.to_json(state)))

    def own_gone(self, identity: EntityId) -> None:
        """Take that this node has an entity no more."""
        if (path := self._own.get(identity)) is not None:
            self.rules.see(path, GONE)

    def own_event(self, entity: EventInfo, event: Event, payload: bytes, when: float) -> None:
        """Take an event of one of this node's entities."""
        path = self._own.get(entity.id)
        if path is not None:
            self.happen(path, event)
        where = state_topic(self._node.id, entity.platform, entity.key)
        self.outbox.put(Outgoing(event.id, where, payload, when, used=path is not None))

    # --- what others tell --------------------------------------------------------------------------------------------

    def happen(self, entity: str, event: Event) -> None:
        """Take an event of any node."""
        self._types[event.id] = event.event_type
        if len(self._types) > _REMEMBERED:
            self._types.popitem(last=False)
        self.rules.happen(entity, event)

    def see(self, entity: str, seen: Seen) -> None:
        """Take a state of another node's entity."""
        self.rules.see(entity, seen)

    def ack(self, ack: Ack) -> None:
        """Take what the hub says of any cause."""
        self.rules.ack(ack)

    def _hear_rules(self, payload: bytes, retained: bool) -> None:  # noqa: ARG002, FBT001
        try:
            if payload != self._document:
                self.rules.load(payload)
                self._document = payload
                self.acts.faults.clear()
                self._keeper.keep(RULES)
                self._follow()
        except ContractError as error:
            self._refused = f"new rules can't be used: {error}"
            raise
        else:
            self._refused = None
        finally:
            self._show_faults()

    def _hear_ack(self, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        if retained:
            return
        ack = Ack.decode(payload)
        self.outbox.acked(ack.id)
        self.journal.acked(ack.id)
        self.rules.ack(ack)

    def _hear_status(self, payload: bytes, retained: bool) -> None:  # noqa: ARG002, FBT001
        will_topic = self.hub.will_topic
        self.hub.told(HubStatus.decode(payload) if payload else None)
        if self.hub.will_topic != will_topic:
            self._route()

    def _hear_heartbeat(self, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        if retained:
            return
        beat = Heartbeat.decode(payload)
        if self.hub.may_be(beat):
            leapt = self._clock.hear(beat.at)
            self._keeper.keep(CLOCK, soon=leapt)
            self._show_skew()
            if leapt:
                self.rules.look()
        self.hub.beat(beat)

    def _hear_will(self, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        if not retained:
            self.hub.will(payload)

    def _hear_foreign_command(self, entity: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        if retained or self.acts.is_echo(entity, payload):
            return
        value, cause = read_plain(split_path(entity)[1], payload)
        self.rules.commanded(entity, value, cause)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _permit(self, entity: EntityInfo, target: State, cause: str | None) -> bool:
        return self.rules.commanded(entity_path(self._node.id, *entity.id), entity.to_json(target), cause)

    def _act(self, act: Act) -> None:
        self.acts.do(act, self._types.get(act.firing.cause))
        self._show_faults()

    def _post_journal(self, payload: bytes) -> None:
        if self.acts.post is not None:
            self.acts.post(topic(self._node.id, Leaf.JOURNAL), payload)

    def _hub_changed(self, session: str | None) -> None:
        _LOG.info("Home Assistant is %s", "away" if session is None else "there")
        self.rules.hub(session)
        self.outbox.hub(there=session is not None)
        self.journal.hub(there=session is not None)

    def _follow(self) -> None:
        """Ask for what the rules need, and for nothing else."""
        own: dict[EntityId, str] = {}
        foreign: set[str] = set()
        for entity in self.rules.sources:
            node, platform, key = split_path(entity)
            if node == self._node.id:
                own[platform, key] = entity
            else:
                foreign.add(entity)
        self._own = own
        for info, state in self._node.states():
            self.own_state(info, state)
        self._foreign = self.others.follow(foreign)
        for rule in self.rules.rules:
            for entity in rule.targets():
                node, platform, key = split_path(entity)
                if node != self._node.id:
                    self._foreign[command_topic(node, platform, key)] = 0, partial(self._hear_foreign_command, entity)
        self._route()

    def _route(self) -> None:
        node = self._node.id
        self._routes = {
            **({self.hub.will_topic: (1, self._hear_will)} if self.hub.will_topic else {}),
            **self._foreign,
            STATUS_TOPIC: (1, self._hear_status),
            HEARTBEAT_TOPIC: (0, self._hear_heartbeat),
            topic(node, Leaf.ACK): (1, self._hear_ack),
            topic(node, Leaf.RULES): (1, self._hear_rules),
        }
        # All of them anew: the broker tells retained messages again, those of entities too that are asked for only now.
        self.resubscribe = True
        self._node.changed.set()

    def _show_faults(self) -> None:
        self._node.set_problem(RULES, self._refused or next(iter(self.acts.faults.values()), None))

    def _show_skew(self) -> None:
        behind = self._clock.behind
        if abs(behind) <= _MAX_SKEW:
            self._skew = None
        elif self._skew is None or abs(behind - self._skew) >= 1:
            self._skew = behind
        self._node.set_problem(CLOCK, None if self._skew is None else _skew(self._skew))


def _skew(behind: float) -> str:
    return f"{abs(behind):.0f} s {'behind' if behind > 0 else 'ahead of'} the hub"
