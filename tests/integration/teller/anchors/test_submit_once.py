"""One order is carried out once: with the power cut at every step, lost answers, old answers, restored disks, and two machines at once."""

from decimal import Decimal
import itertools
from random import Random

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.steward.teller.anchors.ledger import HorizonError, Memo, Order, Payment
from tests.anchorage.world import Disk, Kill, Machine, Network

ORDERS = [Order(f"order-{n}", Payment("G-OTHER", Decimal(n + 1)), Memo.text(f"memo-{n}")) for n in range(3)]


def check(network: Network) -> None:
    for order in ORDERS:
        assert network.successes(order.memo) <= 1, f"{order.key} was carried out twice"


def happy_steps() -> int:
    """Count the steps of one order when nothing is in its way."""
    network = Network()
    machine = Machine(network, ORDERS[:1])
    while machine.advance() is not None:
        network.close()
    assert network.successes(ORDERS[0].memo) == 1
    return machine.steps


@pytest.mark.parametrize("restored", [False, True])
@pytest.mark.parametrize("late", [0, 5, 1000])
def test_the_power_is_cut_at_every_step(restored: bool, late: int):
    """At each step, once or twice, with the ledger going on or not, and the disk back at its beginning or not: one payment."""
    steps = happy_steps()
    assert steps > 12
    for first, second in itertools.product(range(steps + 1), range(0, steps + 1, 2)):
        for chosen in (False, True):
            network = Network()
            machine = Machine(network, ORDERS[:1])
            for cut in (first, second):
                for _ in range(cut):
                    if machine.advance() is None:
                        break
                if late:
                    network.close(late, network.pool[0] if chosen and network.pool else None)
                machine.restore(0) if restored else machine.kill()
            machine.settle()
            assert network.successes(ORDERS[0].memo) == 1


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_every_answer_is_lost_once(lag: int):
    """Whichever question or answer is lost, and however old the next answers are: one payment."""
    for lost, seconds in itertools.product(range(happy_steps()), (1, 301)):
        network = Network()
        machine = Machine(network, ORDERS[:1])
        for number in itertools.count():
            name = machine.advance(0, HorizonError() if number == lost + 1 else None, lag if number > lost else 0)
            network.close(seconds)
            if name is None and number > lost:
                break
        machine.settle()
        assert network.successes(ORDERS[0].memo) == 1


@settings(max_examples=max(500, settings().max_examples))
@given(st.integers(0, 2**64), st.integers(20, 400))
def test_whatever_happens_nothing_is_paid_twice(seed: int, length: int):
    """Two machines with the same orders (a restored copy runs beside the first), and everything that can go wrong.

    Seeds instead of lists: the accidents that matter need many steps in a row, more than hypothesis draws.
    """
    random = Random(seed)
    network = Network()
    unkind = random.random() / 2  # some runs are mostly quiet, so that they get far
    network.fails = lambda: random.random() < unkind / 2
    machines = [Machine(network, ORDERS), Machine(network, ORDERS)]
    for _ in range(length):
        machine = machines[random.random() < unkind]
        which = random.randrange(len(ORDERS))
        if random.random() > unkind:
            machine.advance(which)
            if random.random() < 0.1:
                network.close()
            continue
        match random.randrange(10):
            case 0:
                machine.advance(which, HorizonError())
            case 1 | 2:
                machine.advance(which, lag=random.randrange(1, 8))
            case 3:
                machine.advance(which, Kill())
            case 4:
                machine.kill()
            case 5 | 6:
                network.close(random.randrange(1, 10), random.choice(network.pool) if network.pool else None)
            case 7:
                network.close(random.choice((50, 299, 300, 301, 1000)))
            case 8:
                machine.restore(random.randrange(len(machine.disk.versions)))
            case 9 if random.random() < 0.5:  # somebody else uses the account
                last = network.last
                network.pool.append(network.signed(last.sequence + 1, last.closed_at + random.randrange(400), None))
            case _:  # the copy gets the first one's disk
                machines[1].disk = Disk(*machines[0].disk.versions)
                machines[1].kill()
        check(network)
    network.fails = lambda: False
    for machine in machines:
        machine.settle()
    for order in ORDERS:
        assert network.successes(order.memo) == 1
